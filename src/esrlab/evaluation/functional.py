"""Metrics and bicubic resizing of images of any kind: `esrlab.psnr`, `ssim`, `lpips` and `resize`."""

from fractions import Fraction
from functools import lru_cache
from numbers import Real
from typing import get_args, overload

import torch
from torch import Tensor

from esrlab.data.degradations.bicubic import (
    Convention,
    bicubic_down,
    bicubic_up,
    make_lr,
    round_to_8bit,
)
from esrlab.data.image_files import PillowImage, Pixels
from esrlab.data.image_kinds import AnyImage, OneImage, as_pair, as_tensor, like
from esrlab.evaluation.metrics import psnr as psnr_metric
from esrlab.evaluation.metrics import ssim as ssim_metric
from esrlab.evaluation.metrics.lpips import LPIPSMeter, StudentMeter, perceptual_meter
from esrlab.evaluation.metrics.luma import Channel
from esrlab.evaluation.metrics.pairs import check_image
from esrlab.models.lpips_choice import LPIPSWeights


@overload
def psnr(sr: OneImage, hr: AnyImage, *, border: int = 0, channel: Channel = "rgb") -> float: ...
@overload
def psnr(sr: AnyImage, hr: OneImage, *, border: int = 0, channel: Channel = "rgb") -> float: ...
@overload
def psnr(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> float | Tensor: ...
def psnr(sr: AnyImage, hr: AnyImage, *, border: int = 0, channel: Channel = "rgb") -> float | Tensor:
    """Peak signal-to-noise ratio in decibels, 10 log10(1 / MSE) with peak 1; infinity for equal images.

    sr, hr: 8-bit arrays (H, W, 3), images of Pillow's, image files, or float tensors (N, 3, H, W) in [0, 1],
    in any mixture. A number; of a batch of several a tensor (N,). border: pixels left out at each side,
    by custom the scale; channel: "rgb", or "y" for BT.601 luma. Tensors are measured as they are: where
    others measure files, round them to 8 bits first. Raises ValueError for unlike shapes, values outside
    [0, 1] and a border that leaves no pixel, ImageError for a file that cannot be read.
    """
    return _number_or_batch(psnr_metric.psnr(*as_pair(sr, hr), border=border, channel=channel))


@overload
def ssim(sr: OneImage, hr: AnyImage, *, border: int = 0, channel: Channel = "rgb") -> float: ...
@overload
def ssim(sr: AnyImage, hr: OneImage, *, border: int = 0, channel: Channel = "rgb") -> float: ...
@overload
def ssim(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> float | Tensor: ...
def ssim(sr: AnyImage, hr: AnyImage, *, border: int = 0, channel: Channel = "rgb") -> float | Tensor:
    """Structural similarity (Wang et al. 2004), 1 for equal images: 11×11 Gaussian window of σ = 1.5.

    Takes, gives and raises what `psnr` does; at least 11×11 pixels within the border.
    """
    return _number_or_batch(ssim_metric.ssim(*as_pair(sr, hr), border=border, channel=channel))


@overload
def lpips(sr: OneImage, hr: AnyImage, *, weights: LPIPSWeights = "real") -> float: ...
@overload
def lpips(sr: AnyImage, hr: OneImage, *, weights: LPIPSWeights = "real") -> float: ...
@overload
def lpips(sr: Tensor, hr: Tensor, *, weights: LPIPSWeights = "real") -> float | Tensor: ...
def lpips(sr: AnyImage, hr: AnyImage, *, weights: LPIPSWeights = "real") -> float | Tensor:
    """LPIPS-Alex v0.1 (Zhang et al. 2018), 0 for equal images; smaller is nearer.

    weights: "real", or "student" for the embedded network's estimate of it (LPIPS≈), which needs no download
    and is never to be reported as LPIPS. Takes and gives what `psnr` does; at least 31 pixels a side. The
    network is loaded once, and computes where the images are. No gradient: to train on it, use
    `losses.PerceptualDistance`. Raises ValueError as `psnr`, and UserError where real weights are not on this
    machine.
    """
    if weights not in get_args(LPIPSWeights):
        raise ValueError(f"weights is {weights!r}; it must be one of {', '.join(get_args(LPIPSWeights))}")
    one, other = as_pair(sr, hr)
    return _number_or_batch(_meter(weights, one.device)(one, other))


@lru_cache(maxsize=4)
def _meter(weights: LPIPSWeights, device: torch.device) -> LPIPSMeter | StudentMeter:
    return perceptual_meter(weights, device=device)


def _number_or_batch(values: Tensor) -> float | Tensor:
    return values.item() if len(values) == 1 else values


@overload
def resize(
    image: Tensor,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    convention: Convention = "matlab",
) -> Tensor: ...
@overload
def resize(
    image: Pixels,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    convention: Convention = "matlab",
) -> Pixels: ...
@overload
def resize(
    image: AnyImage,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    convention: Convention = "matlab",
) -> Tensor | Pixels | PillowImage: ...
def resize(
    image: AnyImage,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    convention: Convention = "matlab",
) -> Tensor | Pixels | PillowImage:
    """Bicubic, as MATLAB's `imresize`, by a whole factor: scale 4 enlarges, 1/4 shrinks (antialiased).

    image: what `psnr` takes; the result is of the same kind (an image of Pillow's for a file), rounded to
    8 bits unless it is a tensor, which is clamped to [0, 1] and keeps its gradient. size: (height, width) in
    place of scale. convention: "matlab", or "matlab-8bit" for the older MATLAB that many benchmarks' LR
    images were made by, which shrinks alone and rounds tensors too.

    Raises ValueError for a factor that is not whole, a size that does not divide by it, both or neither
    of scale and size, and what `psnr` refuses.
    """
    pixels = as_tensor(image, name="image")
    check_image(pixels, name="image", taker="resize")
    height, width = pixels.shape[-2:]
    factor = _factor(height, width, scale=scale, size=size)
    if factor >= 1:
        if convention != "matlab":
            raise ValueError(f"convention {convention!r} can only shrink; enlarge with 'matlab'")
        enlarged = bicubic_up(pixels, int(factor)).clamp(0, 1)
        return like(image, enlarged if isinstance(image, Tensor) else round_to_8bit(enlarged))
    by = factor.denominator
    if height % by or width % by:
        raise ValueError(
            f"an image of {height}×{width} pixels (height×width) does not divide by {by}: "
            f"crop it to {height - height % by}×{width - width % by} first"
        )
    if isinstance(image, Tensor) and convention == "matlab":
        return bicubic_down(image, by).clamp(0, 1)
    return like(image, make_lr(pixels, by, convention=convention))


def _factor(height: int, width: int, *, scale: float | None, size: tuple[int, int] | None) -> Fraction:
    """By how much an image is enlarged: a whole number, or one over a whole number; ValueError otherwise."""
    if (scale is None) == (size is None):
        raise ValueError(f"resize takes either a scale or a size, not scale {scale} and size {size}")
    if scale is not None and (isinstance(scale, bool) or not isinstance(scale, Real)):
        raise ValueError(f"scale is {scale!r}; it is a number, such as 2 or 1/2")
    if size is not None and len(size) != 2:
        raise ValueError(f"size is {size}; it is (height, width) in pixels")
    if size is not None:
        factors = {Fraction(wanted, had) for wanted, had in zip(size, (height, width), strict=True)}
        found = factors.pop()
        asked = f"size {size[0]}×{size[1]} of an image of {height}×{width} (height×width)"
        is_whole = not factors and found > 0
    else:
        assert scale is not None
        found = Fraction(scale).limit_denominator(1000) if abs(scale) < 1e6 else Fraction(0)
        asked = f"scale {scale}"
        is_whole = found > 0 and abs(found - Fraction(scale)) < 1e-4
    if not (is_whole and 1 in (found.numerator, found.denominator)):
        raise ValueError(
            f"{asked} is not a whole factor: resize enlarges by 2, 3, 4, … or shrinks by 1/2, 1/3, …"
        )
    return found
