"""Upscaler × benchmark × metrics -> measurements; and folders of images that any tool made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import torch
from torch import Tensor

from esrlab.core.files import printable
from esrlab.data.degradations.any_degradation import USUAL
from esrlab.data.degradations.base import Degradation
from esrlab.data.degradations.bicubic import crop_to_multiple, round_to_8bit
from esrlab.data.image_files import read_image
from esrlab.data.photos.benchmark import Benchmark, OnError, hr_subfolder
from esrlab.data.photos.hr_images import HrImages
from esrlab.data.photos.partners import find_partners, images_by_name
from esrlab.errors import UserError
from esrlab.evaluation.metrics.inputs import Metric, Shrink
from esrlab.evaluation.metrics.pairs import TooSmallError
from esrlab.evaluation.upscalers import Upscaler

FAILURES = (ValueError, MemoryError, torch.OutOfMemoryError)
"""What an image of an unusual size or content raises when it is upscaled or measured."""


class ImageSet(Protocol):
    """Named (1, 3, H, W) images in [0, 1] under one name: a benchmark, or crops of one held in memory."""

    @property
    def name(self) -> str:
        """What the set is called."""
        ...

    @property
    def hr(self) -> HrImages:
        """What a degradation asks of its images."""
        ...

    def images(self, on_error: OnError | None = None) -> Iterator[tuple[str, Tensor]]:
        """Each image with its name; those that cannot be read are reported to `on_error`, or raise
        UserError.
        """
        ...


@dataclass(frozen=True)
class Measurement:
    """One metric's value on one image."""

    image: str
    metric: str
    value: float


@dataclass(frozen=True)
class Picture:
    """One benchmark image upscaled: `sr` and `hr` (1, 3, H, W), `lr` (1, 3, H/scale, W/scale), in [0, 1].

    shrink: how `lr` was made of `hr`; None where there are no LR images, and `lr` is a stand-in.
    """

    image: str
    lr: Tensor
    sr: Tensor
    hr: Tensor
    shrink: Shrink | None = None


class NotMeasurableError(UserError):
    """A metric is not defined on so small an image: there is no value, and nothing is wrong."""


def evaluate(
    upscale: Upscaler,
    benchmark: ImageSet,
    *,
    scale: int,
    metrics: Sequence[Metric],
    degradation: Degradation = USUAL,
    keep: Callable[[Picture], None] | None = None,
    on_error: OnError | None = None,
) -> Iterator[Measurement]:
    """Scores an upscaler on a benchmark, image by image.

    HR is cropped to a multiple of the scale, LR made from it by `degradation`, and the result rounded to
    8 bits before it is measured. `keep` is given each picture. What cannot be read,
    upscaled or measured is reported to `on_error`, which is given the image; without it, it raises UserError.
    """
    reducer, metrics = degradation.build(scale, benchmark.hr), [metric.at(scale) for metric in metrics]
    for name, image in benchmark.images(on_error):
        title = f"{benchmark.name}/{name}"
        try:
            hr = crop_to_multiple(image, scale)
            lr = reducer.reduce_image(hr, name=name)
            sr = round_to_8bit(upscale(lr))
            if sr.shape != hr.shape:
                raise ValueError(f"upscaled to {tuple(sr.shape)}, but HR is {tuple(hr.shape)}")
            if not bool(sr.isfinite().all()):
                raise ValueError("the result has values that are not finite, so the network has diverged")
        except FAILURES as error:
            _report(title, error, on_error)
            continue
        shrink = partial(reducer.reduce_generated, name=name)
        yield from _measure(Picture(title, lr, sr, hr, shrink), metrics, keep, on_error)


def evaluate_folder(
    folder: Path | str,
    benchmark: Benchmark,
    *,
    scale: int,
    metrics: Sequence[Metric],
    degradation: Degradation = USUAL,
    keep: Callable[[Picture], None] | None = None,
    on_error: OnError | None = None,
) -> Iterator[Measurement]:
    """Scores images that any tool made, matched with the benchmark's by name (see `partners`).

    They are as large as the benchmark's, or as these cropped to a multiple of the scale, and are measured as
    `evaluate` does: on what is left by that crop; LR, made by `degradation`, is shown alone. Raises UserError
    naming the image that has no partner; one of another size, or that cannot be read or measured, is reported
    to `on_error`, or raises without it.
    """
    folder = Path(folder)
    members = dict(benchmark.members)
    found = find_partners(images_by_name(folder), members, sr_folder=folder, hr_folder=Path(benchmark.name))
    reducer, metrics = degradation.build(scale, benchmark.hr), [metric.at(scale) for metric in metrics]
    for name, image in benchmark.images(on_error):
        title = f"{benchmark.name}/{name}"
        try:
            hr, sr = crop_to_multiple(image, scale), read_image(found[name])
            if sr.shape == image.shape:
                sr = crop_to_multiple(sr, scale)
            if sr.shape != hr.shape:
                raise UserError(
                    f"{found[name]} is {_size(sr)}, but {title} is {_size(image)}"
                    + (f" ({_size(hr)} at ×{scale})" if image.shape != hr.shape else "")
                )
            lr = reducer.reduce_image(hr, name=name)
        except FAILURES as error:
            _report(title, error, on_error)
            continue
        shrink = partial(reducer.reduce_generated, name=name)
        yield from _measure(Picture(title, lr, sr, hr, shrink), metrics, keep, on_error)


def _measure(
    picture: Picture,
    metrics: Sequence[Metric],
    keep: Callable[[Picture], None] | None,
    on_error: OnError | None,
) -> Iterator[Measurement]:
    if keep is not None:
        keep(picture)
    for metric in metrics:
        try:
            value = metric.measure(picture.sr, picture.hr, lr=picture.lr, shrink=picture.shrink)
        except FAILURES as error:
            _report(picture.image, error, on_error, metric=metric.name)
            continue
        yield Measurement(picture.image, metric.name, value)


def _report(image: str, error: Exception, on_error: OnError | None, *, metric: str = "") -> None:
    """Tells `on_error` in the user's words, or raises UserError where there is none."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        reason = "too large for the device's memory; choose another --device, or leave this image out"
    else:
        reason = str(error)
    title = f"{metric} of {image}" if metric else image
    kind = NotMeasurableError if isinstance(error, TooSmallError) else UserError
    found = error if isinstance(error, UserError) else kind(f"{title}: {reason}")
    if on_error is None:
        raise found from error
    on_error(image, found)


def compare_folders(
    sr_folder: Path | str,
    hr_folder: Path | str,
    *,
    metrics: Sequence[Metric],
    progress: Callable[[int, int], None] | None = None,
    on_error: OnError | None = None,
) -> dict[str, Any]:
    """Scores each pair of images of equal names: {"images": [{"name", <metric>: value…}], "mean": {…}}.

    `partners` defines which names are equal; the HR images are those of hr_folder's `HR` where it has one.
    The mean is over images (PSNR is averaged in dB, as the field does). Raises UserError naming the image
    that has no partner; one that differs in size, is damaged or cannot be measured is reported to `on_error`,
    and raises where there is none. What could not be measured is None.
    """
    sr_folder, hr_folder = Path(sr_folder), hr_subfolder(Path(hr_folder))
    true = images_by_name(hr_folder)
    partners = find_partners(images_by_name(sr_folder), true, sr_folder=sr_folder, hr_folder=hr_folder)
    rows: list[dict[str, Any]] = []
    for done, (place, sr_path) in enumerate(partners.items(), start=1):
        name, hr_path = printable(sr_path.name), true[place]
        row: dict[str, Any] = {"name": name} | {metric.name: None for metric in metrics}
        try:
            sr, hr = read_image(sr_path), read_image(hr_path)
            if sr.shape != hr.shape:
                raise UserError(
                    f"{name}: {sr_path} is {_size(sr)} and {hr_path} is {_size(hr)}; they must have the "
                    "same size"
                )
        except FAILURES as error:
            _report(name, error, on_error)
        else:
            picture = Picture(name, hr, sr, hr)
            row |= {found.metric: found.value for found in _measure(picture, metrics, None, on_error)}
        rows.append(row)
        if progress is not None:
            progress(done, len(partners))
    return {"images": rows, "mean": {metric.name: _mean(rows, metric.name) for metric in metrics}}


def _mean(rows: Sequence[dict[str, Any]], metric: str) -> float | None:
    values = [row[metric] for row in rows if row[metric] is not None]
    return fmean(values) if values else None


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}×{image.shape[-2]}"
