"""Kinship of losses: the cosines between their gradients at the same images, `esrlab.measure_kinship`."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from esrlab.core.devices import choose_device
from esrlab.core.kinship_rows import Kinship, read_kinship
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.data.photos.samples import SAMPLES
from esrlab.errors import UsageError
from esrlab.kinship.directions import ALL, choose_games, choose_losses
from esrlab.kinship.models import Model, find_models
from esrlab.kinship.pace import OnProgress
from esrlab.kinship.run import measure_all
from esrlab.kinship.settings import KinshipSettings
from esrlab.kinship.work import Measurement
from esrlab.losses.inputs import FeatureWeights
from esrlab.recipes.problems import explain

Sources = str | PathLike[str] | Sequence[str | PathLike[str]]


def measure_kinship(
    models: Sequence[str | PathLike[str]],
    *,
    photos: Sources = SAMPLES,
    losses: Sequence[str] = (ALL,),
    games: Sequence[str] = (ALL,),
    weights: Sequence[FeatureWeights] = ("real",),
    scales: Sequence[int] = (),
    fields: Mapping[str, Any] | None = None,
    critic_photos: Sources | None = None,
    out: str | PathLike[str] | None = None,
    device: str = "auto",
    on_progress: OnProgress | None = None,
) -> tuple[Kinship, ...]:
    """The directions of all losses and games at the same generated images of each model; no model is trained.

    A direction is minus a loss's gradient at the generated image: where it would move it. models: generators'
    files, finished runs' folders, models that come with esrlab, "bicubic" or "bilinear" (at each of
    `scales`), each also as "NAME=MODEL". losses: "all", kinds' names, or kinds with settings,
    "content:layers=conv3_4". games: "all", "none" or names of adversarial losses; their critics are trained
    at each model for `critic_steps` against its fixed images, of `critic_photos` (by default the same
    photographs, other crops). weights: where networks have theirs from; several give each such loss several
    times. fields: of KinshipSettings, such as {"patches": 50}.

    out: a folder, in which a measurement that was stopped resumes; without, nothing is kept. What cannot be
    had is in `absent`, with the reason. Raises UsageError for what cannot be asked for, and for a folder with
    another measurement; UserError for files that cannot be read; Interrupted after Ctrl-C, all finished
    batches saved.
    """
    settings = read_settings(fields or {})
    found = find_models([fspath(model) for model in models], scales=scales)
    chosen, played = choose_losses(losses, weights), choose_games(games)
    opened, critics = _open(photos, critic_photos, settings, found)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary if out is None else out)
        place = choose_device(device)
        work = Measurement(tuple(found), chosen, tuple(played), settings, opened, critics, folder, place)
        return tuple(read_kinship(file) for file in measure_all(work, on_progress or _silent))


def _open(
    photos: Sources, critic_photos: Sources | None, settings: KinshipSettings, models: Sequence[Model]
) -> tuple[Photos, Photos]:
    """What is measured and what critics are trained on, photographs large enough at every scale."""
    if not models:
        raise UsageError("no model is given; give a generator's file, a run's folder, or bicubic and scales")
    side = settings.lr_size * max(model.scale for model in models)
    opened = open_photos(_sources(photos), smallest=side)
    return opened, opened if critic_photos is None else open_photos(_sources(critic_photos), smallest=side)


def read_settings(fields: Mapping[str, Any]) -> KinshipSettings:
    """UsageError, naming every problem, where they are none."""
    try:
        return KinshipSettings.model_validate(dict(fields))
    except ValidationError as error:
        raise UsageError(
            explain(error, what="kinship", fields=dict(fields), model=KinshipSettings)
        ) from error


def _sources(photos: Sources) -> list[str]:
    given = [photos] if isinstance(photos, (str, PathLike)) else list(photos)
    return [os.fspath(each) for each in given]


def _silent(done: int, total: int, note: str, eta: float | None) -> None:
    del done, total, note, eta
