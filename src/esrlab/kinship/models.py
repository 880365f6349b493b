"""The models at whose images losses are compared, as they are named on the command line."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from esrlab.core.backend import prepare
from esrlab.data.degradations.bicubic import bicubic_up
from esrlab.errors import UsageError
from esrlab.evaluation.methods import as_name
from esrlab.models.generator_files import load_generator
from esrlab.models.generators.base import AmbiguousScaleError, GeneratorNetwork
from esrlab.upscaling.find_model import find_model, shipped_scales

Enlarge = Callable[[Tensor], Tensor]
"""(N, 3, h, w) in [0, 1] -> (N, 3, h·scale, w·scale), not clamped, as a training's generator gives it."""

BICUBIC, BILINEAR = "bicubic", "bilinear"

INTERPOLATIONS: dict[str, tuple[str, Callable[[int], Enlarge]]] = {
    BICUBIC: ("bicubic enlargement", lambda scale: lambda lr: bicubic_up(lr, scale)),
    BILINEAR: (
        "bilinear enlargement, as a generator with init 'interpolation' begins",
        lambda scale: lambda lr: interpolate(lr, scale_factor=float(scale), mode="bilinear"),
    ),
}
"""What enlarges without a file: its label, and how."""


@dataclass(frozen=True)
class Model:
    """Something that makes images: its name in tables, in words, and 16 hex digits of its own."""

    name: str
    label: str
    scale: int
    digest: str
    open: Callable[[torch.device], Enlarge]


def find_models(texts: Sequence[str], *, scales: Sequence[int]) -> list[Model]:
    """The models that texts name, each NAME=MODEL or MODEL: a file, a finished run's folder, a model that
    comes with esrlab, bicubic or bilinear.

    scales: the ones to compare at; without, those of the files. A file of another scale is an error. Raises
    UsageError where the scale of an interpolation is not known, or two models have one name, and UserError
    for what is none of these.
    """
    found: list[Model] = []
    for text in texts:
        name, model = _split(text)
        at = [_open_interpolation(model, scale) for scale in scales] if model in INTERPOLATIONS else None
        if at == []:
            raise UsageError(f"{model} has no scale of its own: give --scale, such as --scale 2 4")
        opened = at if at is not None else _open_files(model, scales=scales)
        found += [replace(each, name=as_name(name)) if name else each for each in opened]
    keys = [(each.name, each.scale) for each in found]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise UsageError(
            f"two models at ×{twice[1]} are called {twice[0]}: give each a name, such as first={texts[0]}"
        )
    return found


def _split(text: str) -> tuple[str, str]:
    """The name that is given, "" for none, and the model."""
    name, sign, model = text.partition("=")
    return (name, model) if sign and name and not Path(text).exists() else ("", text)


def _open_interpolation(name: str, scale: int) -> Model:
    label, make = INTERPOLATIONS[name]
    return Model(name, label, scale, name, lambda device: make(scale))


def _open_files(text: str, *, scales: Sequence[int]) -> list[Model]:
    """A file's model at its scale; one that comes with esrlab at each of the scales asked for."""
    there = shipped_scales(text)
    if lacking := [scale for scale in scales if there and scale not in there]:
        raise UsageError(f"there is no {text} at ×{lacking[0]}, but at ×{', ×'.join(map(str, there))}")
    files = [find_model(text, scale=scale) for scale in scales or there] if there else [find_model(text)]
    return [_open_file(file, text, scales=scales) for file in files]


def _open_file(file: Path, text: str, *, scales: Sequence[int]) -> Model:
    network = _load(file, scales=scales)
    if scales and network.scale not in scales:
        asked = ", ".join(map(str, scales))
        raise UsageError(
            f"{text} is a ×{network.scale} generator, but --scale is {asked}: leave it out, or add it"
        )
    is_run = file.stem in ("generator", "best")
    label = file.resolve().parent.name if is_run else file.stem
    name = as_name(label.removesuffix(f"-x{network.scale}"))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return Model(name, label, network.scale, digest, _opener(network))


def _load(file: Path, *, scales: Sequence[int]) -> GeneratorNetwork:
    try:
        return load_generator(file)
    except AmbiguousScaleError as error:
        fitting = [scale for scale in scales if scale in error.choices]
        if not fitting:
            raise
        return load_generator(file, scale=fitting[0])


def _opener(network: GeneratorNetwork) -> Callable[[torch.device], Enlarge]:
    def open_on(device: torch.device) -> Enlarge:
        ready = prepare(network.to(device)).eval()

        def enlarge(lr: Tensor) -> Tensor:
            with torch.no_grad():
                return ready(lr.to(device)).float().contiguous()

        return enlarge

    return open_on
