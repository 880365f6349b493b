"""Anything that makes images larger on a benchmark, in one call: `esrlab.evaluate`."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path

import torch
from torch import Tensor, nn

from esrlab.core.devices import choose_device
from esrlab.core.scores import BICUBIC, Score
from esrlab.data.degradations.any_degradation import parse_degradation
from esrlab.data.degradations.base import Degradation
from esrlab.data.degradations.bicubic import Bicubic, Convention
from esrlab.data.photos.benchmark import Benchmark, open_benchmark
from esrlab.data.photos.samples import SAMPLES
from esrlab.data.sets.catalogue import find_set, is_set
from esrlab.errors import UserError
from esrlab.evaluation.loaded import LoadedGenerator, load
from esrlab.evaluation.methods import Method, as_name, find_method
from esrlab.evaluation.metrics.choice import build_metrics, estimates_of, expand
from esrlab.evaluation.metrics.inputs import MetricPart
from esrlab.evaluation.scoring import score_method
from esrlab.evaluation.settled_degradation import settle_degradation
from esrlab.evaluation.upscalers import Upscaler
from esrlab.models.lpips_choice import LPIPSWeights
from esrlab.upscaling.find_model import generator_of


def evaluate(
    method: Upscaler | str | PathLike[str],
    benchmark: str | PathLike[str],
    *,
    scale: int | None = None,
    metrics: Sequence[str | MetricPart] = ("psnr", "ssim"),
    weights: LPIPSWeights = "real",
    convention: Convention | None = None,
    degradation: Degradation | str | None = None,
    name: str | None = None,
    device: str = "auto",
) -> list[Score]:
    """A method's rows on a benchmark: one for each metric of each image, as `read_scores` gives them.

    method: what `load` gives, any function or network of yours from (1, 3, h, w) in [0, 1] to
    (1, 3, h·scale, w·scale), "bicubic", a generator's file or run's folder, two files joined by + (a
    cascade), or a folder of images that any tool made. benchmark: a folder of high-resolution images (its HR
    folder where there is one), or "samples". scale: needed where the method does not tell it.

    metrics: kinds' names, such as "psnr", "ssim", "lpips" (all: docs/metrics.md), or metrics with settings of
    their own. PSNR and SSIM are taken on Y and on RGB, without a border of `scale` pixels, after rounding to
    8 bits. weights: "student" takes what estimates a metric in its place, LPIPS≈ for LPIPS. degradation: how
    LR images are made, such as "camera:jpeg_quality=40" or `Camera(…)`; by default as for the method's
    training, where it is known, else by convention: "matlab" or "matlab-8bit". name: heads the rows. device:
    "auto", "cpu", "cuda" or "mps"; a network of yours stays where it is.

    Raises UsageError for a method or scale that cannot be, UserError for images that cannot be used.
    """
    parts = _expand(metrics, weights=weights)
    chosen = _scale_of(method) if scale is None else scale
    place = choose_device(device)
    return score_method(
        _settle(_as_method(method, scale=chosen, name=name), convention, degradation),
        [_open(benchmark)],
        study="evaluation",
        scale=chosen,
        metrics=build_metrics(parts, device=place),
        device=place,
        keep=lambda picture: None,
    )


def _expand(metrics: Sequence[str | MetricPart], *, weights: LPIPSWeights) -> list[MetricPart]:
    parts = [part for part in expand(metrics) if part.info.shown != "paper"]
    return estimates_of(parts) if weights == "student" else parts


def _settle(method: Method, convention: Convention | None, degradation: Degradation | str | None) -> Method:
    expected = Bicubic(convention=convention) if convention is not None else None
    asked = parse_degradation(degradation) if isinstance(degradation, str) else degradation
    (settled,) = settle_degradation([method], asked=asked, expected=expected)
    return settled


def _scale_of(method: Upscaler | str | PathLike[str]) -> int:
    if isinstance(method, (str, PathLike)):
        file = generator_of(Path(method))
        if file.is_file():
            return load(file, device="cpu").scale
        if not (file.is_dir() or fspath(method) == BICUBIC or "+" in file.name):
            raise UserError(f"there is no file and no folder {file}")
    elif isinstance(found := getattr(method, "scale", None), int):
        return found
    shown = repr(method) if isinstance(method, (str, PathLike)) else type(method).__name__
    raise ValueError(f"{shown} does not have a scale; give it: evaluate(…, scale=4)")


def _as_method(method: Upscaler | str | PathLike[str], *, scale: int, name: str | None) -> Method:
    """The method under its own name, or under `name`; a loaded generator's is its file's."""
    if isinstance(method, (str, PathLike)):
        found = find_method(fspath(method), scale=scale)
    elif isinstance(method, LoadedGenerator):
        found = replace(find_method(str(method.path), scale=scale), upscale=lambda device: _guarded(method))
    else:
        title = _title(method)
        found = Method(name=as_name(title), label=title, digest="", upscale=lambda device: _guarded(method))
    return found if name is None else replace(found, name=as_name(name), label=name, trained=None)


def _title(upscale: Upscaler) -> str:
    title = getattr(upscale, "__name__", "")
    return title if title not in ("", "<lambda>", BICUBIC) else type(upscale).__name__


def _guarded(upscale: Upscaler) -> Upscaler:
    """A user's function with images where its parameters are, without gradients; a network in eval mode."""

    def call(lr: Tensor) -> Tensor:
        if not isinstance(upscale, nn.Module):
            with torch.no_grad():
                return upscale(lr).detach().float().cpu()
        was_training, place = upscale.training, next(upscale.parameters(), lr).device
        try:
            with torch.no_grad():
                return upscale.eval()(lr.to(place)).float().cpu()
        finally:
            upscale.train(was_training)

    return call


def _open(benchmark: str | PathLike[str]) -> Benchmark:
    source = fspath(benchmark)
    if source == SAMPLES:
        return open_benchmark(source, name=SAMPLES)
    if is_set(source):
        return open_benchmark(source, name=find_set(source).title)
    folder = Path(source).resolve()
    return open_benchmark(source, name=folder.parent.name if folder.name == "HR" else folder.name)
