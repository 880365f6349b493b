"""Filtering of images by rows and columns, differentiable, by shifted sums.

Torch's convolutions of few channels are several times slower on a CPU, in float64 most of all.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def gaussian_taps(window: int, sigma: float) -> list[float]:
    """A Gaussian's weights at `window` pixels around its middle; they add up to 1."""
    offsets = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
    return torch.softmax(-offsets.square() / (2 * sigma**2), dim=0).tolist()


def filter_image(image: Tensor, taps: Sequence[float]) -> Tensor:
    """Weighted sums over all whole windows of k×k pixels, the weights the products of the k `taps`.

    (N, C, H, W) -> (N, C, H - k + 1, W - k + 1); nothing is added around the image, and nothing turned round.
    """
    return filter_along(filter_along(image, taps, dim=-2), taps, dim=-1)


def filter_along(image: Tensor, taps: Sequence[float], *, dim: int, spacing: int = 1) -> Tensor:
    """Weighted sums of neighbours along one dimension, whole windows only.

    out[i] = Σ_k taps[k] · image[i + k·spacing]: shorter along `dim` by (len(taps) - 1)·spacing.
    """
    size = image.shape[dim] - (len(taps) - 1) * spacing
    filtered = image.narrow(dim, 0, size) * taps[0]
    for place, tap in enumerate(taps[1:], start=1):
        filtered.add_(image.narrow(dim, place * spacing, size), alpha=tap)
    return filtered
