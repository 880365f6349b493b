"""Upscaler × benchmark × metrics -> measurements; and folders of images that any tool made."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

import torch
from torch import Tensor

from esrlab.data.degradations.bicubic import Convention, crop_to_multiple, make_lr, round_to_8bit
from esrlab.data.image_files import find_images, read_image
from esrlab.data.photos.benchmark import Benchmark
from esrlab.errors import UserError
from esrlab.evaluation.metrics.lpips import LPIPSMeter, StudentMeter
from esrlab.evaluation.metrics.standard import Metric, lpips_metric
from esrlab.evaluation.upscalers import Upscaler
from esrlab.models.features.lpips import LPIPSNetwork
from esrlab.models.features.students import LPIPSStudent
from esrlab.models.lpips_choice import LPIPSWeights, build_lpips


class ImageSet(Protocol):
    """Named (1, 3, H, W) images in [0, 1] under one name: a benchmark, or crops of one held in memory."""

    @property
    def name(self) -> str:
        """What the set is called."""
        ...

    def images(self) -> Iterator[tuple[str, Tensor]]:
        """Each image with its name."""
        ...


@dataclass(frozen=True)
class Measurement:
    """One metric's value on one image."""

    image: str
    metric: str
    value: float


@dataclass(frozen=True)
class Picture:
    """One benchmark image upscaled: `sr` and `hr` (1, 3, H, W), `lr` (1, 3, H/scale, W/scale), in [0, 1]."""

    image: str
    lr: Tensor
    sr: Tensor
    hr: Tensor


def evaluate(
    upscale: Upscaler,
    benchmark: ImageSet,
    *,
    scale: int,
    metrics: Sequence[Metric],
    convention: Convention = "matlab",
    keep: Callable[[Picture], None] | None = None,
) -> Iterator[Measurement]:
    """Scores an upscaler on a benchmark, image by image.

    HR is cropped to a multiple of the scale, LR made from it by bicubic interpolation under `convention`,
    and the result rounded to 8 bits before it is measured. `keep` is given each picture.
    """
    for name, image in benchmark.images():
        hr = crop_to_multiple(image, scale)
        lr = make_lr(hr, scale, convention=convention)
        sr = round_to_8bit(upscale(lr))
        if sr.shape != hr.shape:
            raise ValueError(f"{name}: upscaled to {tuple(sr.shape)}, but HR is {tuple(hr.shape)}")
        yield from _measure(Picture(f"{benchmark.name}/{name}", lr, sr, hr), metrics, keep)


def evaluate_folder(
    folder: Path | str,
    benchmark: Benchmark,
    *,
    scale: int,
    metrics: Sequence[Metric],
    keep: Callable[[Picture], None] | None = None,
) -> Iterator[Measurement]:
    """Scores images that any tool made, matched with the benchmark's by name (endings may differ).

    They are as large as the benchmark's, or as these cropped to a multiple of the scale, and are measured as
    `evaluate` does: on what is left by that crop. Raises UserError naming the image that has no partner or
    another size.
    """
    folder = Path(folder)
    found = _by_name(folder)
    _pair(found, dict(benchmark.members), sr_folder=folder, hr_folder=Path(benchmark.name))
    for name, image in benchmark.images():
        hr, sr = crop_to_multiple(image, scale), read_image(found[name])
        if sr.shape == image.shape:
            sr = crop_to_multiple(sr, scale)
        if sr.shape != hr.shape:
            raise UserError(
                f"{found[name]} is {_size(sr)}, but {benchmark.name}/{name} is {_size(image)}"
                + (f" ({_size(hr)} at ×{scale})" if image.shape != hr.shape else "")
            )
        yield from _measure(Picture(f"{benchmark.name}/{name}", make_lr(hr, scale), sr, hr), metrics, keep)


def _measure(
    picture: Picture, metrics: Sequence[Metric], keep: Callable[[Picture], None] | None
) -> Iterator[Measurement]:
    if keep is not None:
        keep(picture)
    for metric in metrics:
        try:
            yield Measurement(picture.image, metric.name, metric.measure(picture.sr, picture.hr))
        except ValueError as error:
            raise UserError(f"{metric.name} of {picture.image}: {error}") from error


def perceptual_metric(weights: LPIPSWeights, *, device: torch.device) -> Metric:
    """LPIPS ("real") or LPIPS≈ ("student"); UserError, with the remedy, where real weights are absent."""
    network = build_lpips(weights).to(device)
    if isinstance(network, LPIPSNetwork):
        return lpips_metric(LPIPSMeter(network))
    assert isinstance(network, LPIPSStudent)
    return lpips_metric(StudentMeter(network))


def compare_folders(
    sr_folder: Path | str,
    hr_folder: Path | str,
    *,
    metrics: Sequence[Metric],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Scores each pair of images of equal names: {"images": [{"name", <metric>: value…}], "mean": {…}}.

    The mean is over images (PSNR is averaged in dB, as the field does). Raises UserError naming the image
    that has no partner, differs in size or is damaged.
    """
    sr_folder, hr_folder = Path(sr_folder), Path(hr_folder)
    pairs = _pair(_by_name(sr_folder), _by_name(hr_folder), sr_folder=sr_folder, hr_folder=hr_folder)
    rows: list[dict[str, Any]] = []
    for done, (name, sr_path, hr_path) in enumerate(pairs, start=1):
        sr, hr = read_image(sr_path), read_image(hr_path)
        if sr.shape != hr.shape:
            raise UserError(f"{name}: {sr_path} is {_size(sr)} and {hr_path} is {_size(hr)}; they must agree")
        try:
            rows.append({"name": name} | {metric.name: metric.measure(sr, hr) for metric in metrics})
        except ValueError as error:
            raise UserError(f"{name}: {error}") from error
        if progress is not None:
            progress(done, len(pairs))
    return {"images": rows, "mean": {m.name: fmean(row[m.name] for row in rows) for m in metrics}}


def _by_name(folder: Path) -> dict[str, Path]:
    """Image files by their path below the folder without its ending (SR and HR may differ in format)."""
    found: dict[str, Path] = {}
    for path in find_images(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise UserError(f"{folder} holds {name} twice: {found[name].name} and {path.name}")
        found[name] = path
    if not found:
        raise UserError(f"{folder} holds no image")
    return found


def _pair(
    sr: dict[str, Path], hr: dict[str, Path], *, sr_folder: Path, hr_folder: Path
) -> list[tuple[str, Path, Path]]:
    for here, there, folder in ((sr, hr, hr_folder), (hr, sr, sr_folder)):
        lonely = sorted(here.keys() - there.keys())
        if lonely:
            more = f" (and {len(lonely) - 1} more)" if len(lonely) > 1 else ""
            raise UserError(f"{here[lonely[0]]} has no partner of that name in {folder}{more}")
    return [(sr[name].name, sr[name], hr[name]) for name in sorted(sr)]


def _size(image: Tensor) -> str:
    return f"{image.shape[-1]}×{image.shape[-2]}"
