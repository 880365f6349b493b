"""The natural-scene statistics that NIQE is made of: 36 numbers for every patch of an image."""

from functools import lru_cache

import torch
from torch import Tensor

from esrlab.core.structure import gaussian_taps
from esrlab.data.degradations.bicubic import bicubic_down
from esrlab.evaluation.metrics.luma import luma

PATCH = 96
"""Pixels a side of a patch, 48 at the second scale."""

FEATURES = 36
"""18 at each of two scales."""

_WINDOW, _SIGMA = 7, 7 / 6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Horizontal, vertical and both diagonal neighbours, down and to the right."""


def patch_features(image: Tensor) -> tuple[Tensor, Tensor]:
    """The features of an image's whole patches, and the sharpness of each.

    (1, 3, H, W) RGB in [0, 1], at least 96×96 -> (P, 36) and (P,), float64, patches row by row; what is left
    over at the right and below does not count. On BT.601 luma, rounded to 8 bits. At each scale 18 numbers: 2
    of the normalised luminance (`fit_aggd`: shape, mean of both scales), 4 of its product with each of four
    neighbours (shape, mean, left and right scale), which within a patch lies beyond the opposite edge. A flat
    patch has none (nan). Sharpness: the mean local deviation at the first scale. Source: Mittal,
    Soundararajan & Bovik 2013, "Making a completely blind image quality analyzer", sections II.A to II.C.
    """
    grey = (luma(image.to(torch.float64)) * 255).round()
    height, width = (side // PATCH * PATCH for side in grey.shape[-2:])
    grey = grey[..., :height, :width]
    found: list[Tensor] = []
    sharpness = grey.new_empty(0)
    for scale in (1, 2):
        normalised, deviation = normalise(grey)
        side = PATCH // scale
        found.append(_describe(_cut(normalised, side)))
        if scale == 1:
            sharpness = _cut(deviation, side).mean(dim=(1, 2))
            grey = bicubic_down(grey, 2)
    return torch.cat(found, dim=1), sharpness


def normalise(grey: Tensor) -> tuple[Tensor, Tensor]:
    """(x − μ)/(σ + 1) and σ of values in [0, 255], (1, 1, H, W): μ and σ of a 7×7 Gaussian of σ = 7/6.

    Edge pixels repeat beyond the border. Source: eq. 1 to 3.
    """
    mean = _blur(grey)
    deviation = (_blur(grey.square()) - mean.square()).abs().sqrt()
    return (grey - mean) / (deviation + 1), deviation


def _blur(image: Tensor) -> Tensor:
    taps, reach = gaussian_taps(_WINDOW, _SIGMA), _WINDOW // 2
    padded = torch.nn.functional.pad(image, (reach,) * 4, mode="replicate")
    for dim in (-2, -1):
        size = padded.shape[dim] - _WINDOW + 1
        padded = torch.stack([padded.narrow(dim, shift, size) * tap for shift, tap in enumerate(taps)]).sum(
            dim=0
        )
    return padded


def _cut(image: Tensor, side: int) -> Tensor:
    """(1, 1, H, W) -> (P, side, side), row by row."""
    rows, columns = image.shape[-2] // side, image.shape[-1] // side
    tiles = image.reshape(rows, side, columns, side).permute(0, 2, 1, 3)
    return tiles.reshape(-1, side, side)


def _describe(patches: Tensor) -> Tensor:
    """(P, s, s) -> (P, 18)."""
    shape, left, right = fit_aggd(patches.flatten(1))
    found = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        products = patches * torch.roll(patches, shift, dims=(1, 2))
        shape, left, right = fit_aggd(products.flatten(1))
        mean = (right - left) * (torch.lgamma(2 / shape) - torch.lgamma(1 / shape)).exp()
        found += [shape, mean, left, right]
    return torch.stack(found, dim=1)


def fit_aggd(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shape and left and right scale of an asymmetric generalised Gaussian, (P, n) -> (P,) three times.

    By moments, the shape from 0.2 to 10 in thousandths: Lasmar, Stitou & Berthoumieu 2009; NIQE's section
    II.B. nan where there is no value below or none above 0.
    """
    squares = values.square()
    left, right = (
        ((squares * side).sum(dim=1) / side.sum(dim=1)).sqrt() for side in (values < 0, values > 0)
    )
    ratio = left / right
    moments = values.abs().mean(dim=1).square() / squares.mean(dim=1)
    wanted = moments * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1).square()
    shapes, given = _shapes()
    # given rises with the shape: the nearest is one of the two around where `wanted` would stand
    place = torch.searchsorted(given, wanted.nan_to_num(0.5)).clamp(1, len(shapes) - 1)
    below = (wanted - given[place - 1]).abs() <= (wanted - given[place]).abs()
    shape = torch.where(wanted.isnan(), wanted, shapes[torch.where(below, place - 1, place)])
    factor = ((torch.lgamma(1 / shape) - torch.lgamma(3 / shape)) / 2).exp()
    return shape, left * factor, right * factor


@lru_cache(maxsize=1)
def _shapes() -> tuple[Tensor, Tensor]:
    """Shapes a, and Γ(2/a)² / (Γ(1/a) Γ(3/a)) of each."""
    shapes = torch.arange(200, 10001, dtype=torch.float64) / 1000
    gammas = 2 * torch.lgamma(2 / shapes) - torch.lgamma(1 / shapes) - torch.lgamma(3 / shapes)
    return shapes, gammas.exp()
