"""What makes a measurement what it is: written down beside its rows, and compared before it resumes."""

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from esrlab.core.kinship_rows import ROWS, Header, read_header
from esrlab.core.version import __version__
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.kinship.work import Bench, Measurement


def identify(work: Measurement, bench: Bench) -> dict[str, Any]:
    """What decides the numbers beside the model, as JSON."""
    built = bench.losses.built
    return {
        **work.settings.model_dump(mode="json"),
        "photos": work.photos.fingerprint,
        "critic_photos": work.critic_photos.fingerprint,
        "losses": {each.name: work.losses[each.name].identity() for each, _ in built},
        "origins": {each.name: origin for each, loss in built if (origin := getattr(loss, "origin", ""))},
    }


def describe(work: Measurement) -> dict[str, Any]:
    """What is told of a measurement beside its rows; nothing in it changes from call to call."""
    return {
        "esrlab": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": work.device.type,
        "models": [
            {"name": each.name, "label": each.label, "scale": each.scale, "digest": each.digest}
            for each in work.models
        ],
        "photos": _tell(work.photos),
        "critic_photos": _tell(work.critic_photos),
        "settings": work.settings.model_dump(mode="json"),
        "losses": {name: loss.model_dump(mode="json") for name, loss in work.losses.items()},
        "games": list(work.games),
    }


def _tell(photos: Photos) -> dict[str, Any]:
    return {
        "source": photos.source,
        "fingerprint": photos.fingerprint,
        "photographs": len(photos.members),
        "skipped": len(photos.skipped),
    }


def refuse_another(asked: Header, file: Path) -> None:
    """UsageError, naming what differs, where a file is of another measurement than is asked for."""
    there = read_header(file)
    differing = ["the model's file"] if there.digest != asked.digest else []
    differing += ["directions"] if there.directions != asked.directions else []
    _refuse(file, [*differing, *_differing(there.settings, asked.settings)])


def refuse_others(out: Path, asked: Sequence[Header]) -> None:
    """The same for models measured in the folder before, and not asked for now: they share its tables."""
    names = [(each.model, each.scale) for each in asked]
    for file in sorted((out / ROWS).glob("*.json")):
        there = read_header(file)
        if (there.model, there.scale) not in names:
            _refuse(file, _differing(_common(there), _common(asked[0])))


def _common(header: Header) -> dict[str, Any]:
    """What models of any scale have in common: a loss may fit the images of one scale alone."""
    return {key: value for key, value in header.settings.items() if key not in ("losses", "origins")}


def _differing(there: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    return [key for key in dict.fromkeys([*asked, *there]) if asked.get(key) != there.get(key)]


def _refuse(file: Path, differing: Sequence[str]) -> None:
    if differing:
        words = ", ".join(differing)
        raise UsageError(
            f"{file} is of another measurement (different: {words}): choose another --out, or remove it"
        )
