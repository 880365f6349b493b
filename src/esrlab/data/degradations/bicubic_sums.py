"""Bicubic interpolation along one side, as exact sums of whole numbers over a common denominator."""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

Border = Literal["symmetric", "replicated"]

_BLOCK = 256
"""Output pixels of a side that are summed at once."""


def sum_rows(image: Tensor, scale: int, *, shrink: bool, border: Border) -> tuple[Tensor, int]:
    """The vertical pass, (N, C, H, W) float64 -> (N, C, H_out, W), times the denominator, and that."""
    blocks, whole = _blocks(image.shape[-2], scale, shrink=shrink, border=border)
    parts = [part.to(image) @ image[..., seen, :] for seen, part in blocks]
    return parts[0] if len(parts) == 1 else torch.cat(parts, -2), whole


def sum_columns(image: Tensor, scale: int, *, shrink: bool, border: Border) -> tuple[Tensor, int]:
    """The horizontal pass, (N, C, H, W) float64 -> (N, C, H, W_out), times the denominator, and that."""
    blocks, whole = _blocks(image.shape[-1], scale, shrink=shrink, border=border)
    parts = [image[..., seen] @ part.to(image).T for seen, part in blocks]
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1), whole


def _blocks(
    size: int, scale: int, *, shrink: bool, border: Border
) -> tuple[Iterator[tuple[slice, Tensor]], int]:
    """One pass in blocks of _BLOCK output pixels: the pixels each sees, and the matrix of their weights.

    A whole side's matrix is nearly all zeros and grows with its square; blocks grow with the side alone.
    """
    sources, weights, whole = _numerators(size, scale, shrink=shrink, border=border)

    def cut() -> Iterator[tuple[slice, Tensor]]:
        for source, weight in zip(sources.split(_BLOCK), weights.split(_BLOCK), strict=True):
            first, last = int(source.min()), int(source.max())
            matrix = torch.zeros(len(source), last - first + 1, dtype=torch.int64)
            yield slice(first, last + 1), matrix.scatter_add_(1, source - first, weight)

    return cut(), whole


def _numerators(size: int, scale: int, *, shrink: bool, border: Border) -> tuple[Tensor, Tensor, int]:
    """Each output pixel's taps (size_out, taps): which pixels, their weights times a denominator, and that.

    An output centre is t = n / (2·scale) kernel units from an input pixel, n whole; the kernel's
    weight at t is a whole multiple of 1 / (2·(2·scale)³). Weights of one row sum to 1 without
    normalisation. Taps outside the image are folded onto the pixel that the border shows there.
    """
    out_size = size // scale if shrink else size * scale
    out_step, first, in_step = (2 * scale, scale - 1, 2) if shrink else (2, 1 - scale, 2 * scale)
    centre = out_step * torch.arange(out_size).unsqueeze(1) + first
    reach = 4 * scale  # the kernel ends at t = 2
    leftmost = -torch.div(reach - centre, in_step, rounding_mode="floor")
    source = leftmost + torch.arange(2 * reach // in_step + 1)
    weights = _cubic_numerator((centre - in_step * source).abs(), 2 * scale)
    whole = 2 * (2 * scale) ** 3 * (scale if shrink else 1)
    return fold(source, size, border), weights, whole


def _cubic_numerator(distance: Tensor, unit: int) -> Tensor:
    """Keys' cubic kernel with a = -1/2 at t = distance/unit >= 0, times 2·unit³; whole numbers."""
    near = 3 * distance**3 - 5 * distance**2 * unit + 2 * unit**3
    far = -(distance**3) + 5 * distance**2 * unit - 8 * distance * unit**2 + 4 * unit**3
    return torch.where(distance <= unit, near, torch.where(distance < 2 * unit, far, 0))


def fold(source: Tensor, size: int, border: Border) -> Tensor:
    """The pixel that stands for each position, inside the image or out."""
    match border:
        case "replicated":
            return source.clamp(0, size - 1)
        case "symmetric":
            place = source.remainder(2 * size)
            return torch.minimum(place, 2 * size - 1 - place)
