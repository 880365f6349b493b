"""One training in one call, with the choices that the command line makes too: `esrlab.train`."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

import torch

from esrlab.core.devices import choose_device
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.data.photos.samples import SAMPLES
from esrlab.errors import UsageError
from esrlab.evaluation.validation.validator import open_validation
from esrlab.losses.inputs import FeatureWeights
from esrlab.recipes.presets import find_recipe, with_choices
from esrlab.recipes.recipe import SEEDS, Recipe
from esrlab.recipes.unused import idle_settings
from esrlab.training import loop
from esrlab.training.callbacks import Callbacks, ValidatorLike
from esrlab.training.run_folder import RunFolder, read_outcome

_log = logging.getLogger("esrlab")

OnStep = Callable[[int, dict[str, Any]], None]
"""Called with each step's number and its line of log.jsonl."""


def train(
    recipe: Recipe | str | PathLike[str],
    *,
    out: str | PathLike[str],
    photos: str | PathLike[str] | Sequence[str | PathLike[str]] = SAMPLES,
    fields: Mapping[str, Any] | None = None,
    weights: FeatureWeights | None = None,
    seed: int = 0,
    device: str = "auto",
    validation: str | PathLike[str] | None = None,
    on_step: OnStep | None = None,
) -> RunFolder:
    """Trains in the folder `out`, or resumes there from its last checkpoint; returns where its files are.

    recipe: a recipe, a named one's name, or a .toml or .json file. photos: a folder of photographs, several,
    or "samples", the bundled ones. fields: values by dotted name, such as {"steps": 200,
    "generator.blocks": 4}. weights: where content networks have theirs from, "real", "student" or
    "untrained". validation: a folder of held-out images, or "samples", the default where it is trained on
    those. on_step is given each step's number and its line of log.jsonl.

    What a user should know (photographs skipped, settings that do nothing, a collapse) goes to the
    logger "esrlab". Ctrl-C stops after a step, when everything so far is saved, and raises Interrupted.
    Raises UsageError for a recipe or field that there is not, and for a folder that holds another run;
    UserError for photographs or weights that cannot be used.
    """
    chosen = _choose(recipe, fields or {}, weights)
    if not 0 <= seed < SEEDS:
        raise UsageError(f"a seed must be at least 0 and below {SEEDS}, not {seed}")
    where, opened = choose_device(device), _open(photos, smallest=chosen.hr_size)
    asked = SAMPLES if validation is None and photos in (SAMPLES, [SAMPLES]) else validation
    validator = _open_validator(asked, chosen, device=where)
    watcher = Callbacks(on_message=_log.warning)
    if on_step is not None:
        watcher = Callbacks(on_step=on_step, on_message=_log.warning)
    run = loop.train(
        chosen, opened, seed=seed, device=where, out=os.fspath(out), validator=validator, watcher=watcher
    )
    _say_outcome(run)
    return run


def _choose(
    recipe: Recipe | str | PathLike[str], fields: Mapping[str, Any], weights: FeatureWeights | None
) -> Recipe:
    """The recipe with what is chosen beside it; settings that do nothing are logged."""
    found = recipe if isinstance(recipe, Recipe) else find_recipe(os.fspath(recipe))
    values = {
        key: os.fspath(value) if isinstance(value, PathLike) else value for key, value in fields.items()
    }
    chosen = with_choices(found, values, weights)
    for field, why in idle_settings(chosen).items():
        _log.warning("%s has no effect in %s: %s", field, chosen.name, why)
    return chosen


def _say_outcome(run: RunFolder) -> None:
    """Warns of a run that collapsed or was given up."""
    ended = read_outcome(run)
    if ended is None or ended.outcome == "finished":
        return
    why = "; ".join(ended.signs.values()) or str(ended.rollbacks[-1])
    _log.warning(
        "%s: this run %s at step %d of %d: %s", run.path, ended.outcome, ended.step, ended.asked, why
    )


def _open_validator(
    source: str | PathLike[str] | None, recipe: Recipe, *, device: torch.device
) -> ValidatorLike | None:
    if source is None:
        return None
    return open_validation(
        os.fspath(source),
        scale=recipe.scale,
        device=device,
        degradation=recipe.patches.degradation,
        best_by=recipe.validation.best_by,
    )


def _open(photos: str | PathLike[str] | Sequence[str | PathLike[str]], *, smallest: int) -> Photos:
    """The photographs; those that are skipped are logged."""
    sources = [photos] if isinstance(photos, (str, PathLike)) else photos
    opened = open_photos([os.fspath(each) for each in sources], smallest=smallest, say=_log.info)
    for name, reason in opened.skipped:
        _log.warning("skipped %s: %s", name, reason)
    return opened
