"""MATLAB's bicubic `imresize` on tensors: the field's way to make low-resolution images.

The scale is a whole number, so every weight of the cubic kernel is a fraction with one common
denominator. Numerators are summed as whole numbers in float64, without error, and divided once: of an
8-bit image even the halves are exact, and "half up" means the same on every machine.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from pydantic import Field
from torch import Tensor

from esrlab.data.degradations.base import Seed, Synthetic
from esrlab.data.degradations.bicubic_sums import sum_columns, sum_rows

Convention = Literal["matlab", "matlab-8bit"]
"""`matlab`: today's MATLAB on doubles, symmetric border, rounded once. `matlab-8bit`: the older one on
8-bit images, replicated border, vertical pass first, rounded and clamped after each pass."""

CONVENTIONS: tuple[Convention, ...] = get_args(Convention)


class Bicubic(Synthetic):
    """MATLAB's bicubic `imresize`, rounded to 8 bits: what benchmarks and papers call LR."""

    kind: Literal["bicubic"] = "bicubic"
    convention: Convention = Field(
        default="matlab", description="bicubic implementation that makes the low-resolution image"
    )

    @property
    def label(self) -> str:
        """The convention's name."""
        return self.convention

    def reduce(self, hr: Tensor, scale: int, seeds: Sequence[Seed]) -> Tensor:
        """`make_lr_from_bytes`; nothing is drawn."""
        return make_lr_from_bytes(hr, scale, convention=self.convention)


_PEAK = 255
_LARGE = 2**24  # values; smaller images are quicker whole
_GRAIN = 2**13  # steps a level: float32 strays by an eighth of one, 16-bit levels are 32 apart


def bicubic_down(image: Tensor, scale: int) -> Tensor:
    """Shrink an image as MATLAB's `imresize(image, 1/scale, "bicubic")` does on doubles, antialiased.

    (N, C, H, W) floats of any range -> (N, C, H/scale, W/scale), same dtype, neither clamped nor rounded.
    Differentiable. ValueError: not such an image, or H or W not a multiple of the scale.
    Kernel: Keys 1981, a = -1/2, stretched by the scale; symmetric border.
    """
    _check_image(image)
    _check_multiple(image, scale)
    return _by_plane(lambda plane: _resize(plane, scale, shrink=True), image)


def bicubic_up(image: Tensor, scale: int) -> Tensor:
    """Enlarge an image as MATLAB's `imresize(image, scale, "bicubic")` does on doubles.

    (N, C, H, W) floats of any range -> (N, C, H·scale, W·scale), same dtype, neither clamped nor rounded.
    Differentiable. ValueError: not such an image, or a scale below 1.
    Kernel: Keys 1981, a = -1/2; symmetric border.
    """
    _check_image(image)
    _check_scale(scale)
    return _by_plane(lambda plane: _resize(plane, scale, shrink=False), image)


def crop_to_multiple(image: Tensor, scale: int) -> Tensor:
    """Crop right and bottom until height and width are multiples of the scale.

    (..., H, W) -> a view of it. ValueError: a side is shorter than the scale, or the scale is below 1.
    """
    _check_scale(scale)
    height, width = image.shape[-2:]
    if min(height, width) < scale:
        raise ValueError(f"an image of {height}×{width} pixels is smaller than the scale {scale}")
    return image[..., : height - height % scale, : width - width % scale]


def round_to_8bit(image: Tensor) -> Tensor:
    """Clamp to [0, 1] and round to multiples of 1/255, halves up: what an 8-bit file would hold.

    Any shape, any float dtype, which is kept. ValueError: not a float tensor.
    """
    if not image.is_floating_point():
        raise ValueError(
            f"round_to_8bit takes floats in [0, 1], not {image.dtype}: divide 8-bit values by 255"
        )
    levels = image.to(torch.promote_types(image.dtype, torch.float32)) * _PEAK
    return round_levels(levels).div_(_PEAK).to(image.dtype)


def make_lr(hr: Tensor, scale: int, *, convention: Convention = "matlab") -> Tensor:
    """Make the low-resolution image as a benchmark would store it: bicubic, 8-bit rounded.

    (N, C, H, W) in [0, 1], float32 or float64 -> (N, C, H/scale, W/scale), multiples of 1/255 in [0, 1],
    dtype of `hr`. The two conventions differ by one level in about an eighth of the values, and by up to
    12 at saturated edges. "matlab-8bit" rounds `hr` itself to 8 bits first. Carries no gradient.
    ValueError: not such an image, out of range, an unknown convention, or H or W not a multiple of the
    scale (crop_to_multiple mends it).
    """
    _check_image(hr)
    _check_multiple(hr, scale)
    if hr.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"make_lr needs float32 or float64, not {hr.dtype}, which cannot hold 8-bit levels exactly"
        )
    _check_range(hr)

    def shrink(image: Tensor) -> Tensor:
        levels = _restore_levels(image)
        if convention == "matlab-8bit":
            levels = round_levels(levels)
        return _shrink_levels(levels, scale, convention=convention).to(hr)

    with torch.no_grad():
        return _by_plane(shrink, hr)


def make_lr_from_bytes(hr: Tensor, scale: int, *, convention: Convention = "matlab") -> Tensor:
    """Make the low-resolution image of 8-bit pixels: bit for bit make_lr(hr.float() / 255), much faster.

    (N, C, H, W) uint8 -> (N, C, H/scale, W/scale) float32, multiples of 1/255 in [0, 1].
    ValueError: not such an image, an unknown convention, or H or W not a multiple of the scale.
    """
    if hr.dtype != torch.uint8 or hr.ndim != 4 or math.prod(hr.shape[1:]) == 0:
        raise ValueError(
            f"expected uint8 images of shape (N, C, H, W), got {hr.dtype} of shape {tuple(hr.shape)}"
        )
    _check_multiple(hr, scale)
    return _by_plane(
        lambda image: _shrink_levels(_in_float64(image), scale, convention=convention).float(), hr
    )


def _shrink_levels(levels: Tensor, scale: int, *, convention: Convention) -> Tensor:
    """Levels 0 to 255 in float64, whole ones for "matlab-8bit" -> the reduced image in [0, 1], in float64."""
    match convention:
        case "matlab":
            return _shrink_as_doubles(levels, scale) / _PEAK
        case "matlab-8bit":
            return _shrink_in_8bit_steps(levels, scale) / _PEAK
        case _:
            raise ValueError(f"unknown convention {convention!r}: one of {', '.join(CONVENTIONS)}")


def _shrink_as_doubles(levels: Tensor, scale: int) -> Tensor:
    """Both passes, then one rounding; levels 0 to 255 in float64, in and out."""
    return round_levels(_resize(levels, scale, shrink=True))


def _shrink_in_8bit_steps(levels: Tensor, scale: int) -> Tensor:
    """Vertical pass, rounding, horizontal pass, rounding; whole levels 0 to 255 in float64, in and out."""
    squat, whole = sum_rows(levels, scale, shrink=True, border="replicated")
    squat = round_levels(squat / whole)
    small, whole = sum_columns(squat, scale, shrink=True, border="replicated")
    return round_levels(small / whole)


def _by_plane(function: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """A function of (N, C, H, W) that treats every plane alike; of a large image, one plane after another.

    float64 takes twice a photograph's memory, several times over: of one plane in three, that is bearable.
    """
    if image.numel() <= _LARGE:
        return function(image)
    rows = [
        torch.cat([function(plane) for plane in single.split(1, dim=1)], dim=1) for single in image.split(1)
    ]
    return rows[0] if len(rows) == 1 else torch.cat(rows)


def _resize(image: Tensor, scale: int, *, shrink: bool) -> Tensor:
    # In float64 throughout: it is exact, and neither autocast nor TF32 touches it.
    squat, whole = sum_rows(_in_float64(image), scale, shrink=shrink, border="symmetric")
    summed, _ = sum_columns(squat, scale, shrink=shrink, border="symmetric")
    return (summed / whole**2).to(image)


def _restore_levels(hr: Tensor) -> Tensor:
    """Levels 0 to 255 in float64; those that float32 moved off a whole number are whole again."""
    return (_in_float64(hr) * (_PEAK * _GRAIN)).round_().div_(_GRAIN)


def round_levels(levels: Tensor) -> Tensor:
    """Levels as 8 bits hold them: whole, halves up, clamped to 0 to 255."""
    return (levels + 0.5).floor_().clamp_(0, _PEAK)


def _in_float64(image: Tensor) -> Tensor:
    # Apple's GPUs have no float64
    return image.to("cpu" if image.device.type == "mps" else image.device, torch.float64)


def _check_image(image: Tensor) -> None:
    if image.ndim != 4 or not image.is_floating_point() or math.prod(image.shape[1:]) == 0:
        raise ValueError(
            f"expected float images of shape (N, C, H, W), got {image.dtype} of shape {tuple(image.shape)}"
        )


def _check_scale(scale: int) -> None:
    if scale < 1:
        raise ValueError(f"the scale must be a whole number of at least 1, not {scale}")


def _check_multiple(image: Tensor, scale: int) -> None:
    _check_scale(scale)
    height, width = image.shape[-2:]
    if height % scale or width % scale:
        raise ValueError(
            f"an image of {height}×{width} pixels (height×width) does not divide by the scale {scale}: "
            f"crop_to_multiple(image, {scale}) crops it to {height - height % scale}×{width - width % scale}"
        )


def _check_range(hr: Tensor) -> None:
    if hr.numel() == 0:
        return
    low, high = (bound.item() for bound in hr.detach().aminmax())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ValueError(
            f"make_lr takes images in [0, 1], got values from {low:.6g} to {high:.6g}: "
            "divide 8-bit values by 255, map [-1, 1] by (image + 1) / 2"
        )
