"""Large images in pieces: what a metric holds in memory at a time does not grow with the image."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

ROWS, COLUMNS = 32, 4096
"""What is compared at a time in float64: it stays in the processor's cache, which makes it faster too."""

WHOLE_PIXELS = 2**22
"""A perceptual distance takes images up to 2048×2048 in one piece."""

STRIDE = 16
"""Pixels from one place of AlexNet's fifth activation to the next."""

_CORE = 64  # places a side of a tile: 1024 pixels
_BEFORE, _AFTER = 5, 6  # places around them on which theirs rest: 66 pixels to the left, 81 to the right
_PLACES = (4, 2, 1, 1, 1)  # places of each activation for one of the fifth

Compare = Callable[[Tensor, Tensor], Sequence[Tensor]]
"""Two images (N, 3, h, w) -> the distance at each place of AlexNet's five activations, (N, h', w') each."""


def split(height: int, width: int, *, overlap: int = 0) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of pieces that hold each window of `overlap` + 1 pixels a side exactly once.

    With no overlap they cover each pixel once. Nothing where the image is smaller than a window.
    """
    for top in range(0, height - overlap, ROWS):
        for left in range(0, width - overlap, COLUMNS):
            yield (
                slice(top, min(top + ROWS + overlap, height)),
                slice(left, min(left + COLUMNS + overlap, width)),
            )


def mean_distance(compare: Compare, sr: Tensor, hr: Tensor) -> Tensor:
    """The sum over five activations of the mean distance, (N,): tile by tile, as of the whole image at once.

    Each tile is computed with the pixels around it on which its places rest, and counts its own places
    alone; at the image's border a tile ends where the image does, so that the padding there is the same.
    """
    sums = torch.zeros(len(_PLACES), len(hr), dtype=torch.float64)
    counts = [0] * len(_PLACES)
    for top, bottom, rows in _cut(hr.shape[-2]):
        for left, right, columns in _cut(hr.shape[-1]):
            piece = (..., slice(top, bottom), slice(left, right))
            for tap, distance in enumerate(compare(sr[piece], hr[piece])):
                own = distance[..., rows[tap], columns[tap]]
                sums[tap] += own.sum(dim=(1, 2), dtype=torch.float64).cpu()
                counts[tap] += own.shape[1] * own.shape[2]
    return (sums / torch.tensor(counts, dtype=torch.float64)[:, None]).sum(dim=0).float()


def _cut(size: int) -> Iterator[tuple[int, int, list[slice]]]:
    """Tiles along one direction: first and last pixel, and its own places within each activation."""
    first, total = 0, size // STRIDE
    while first < total:
        end = first + _CORE
        is_last = end + _AFTER >= total
        begin = max(first - _BEFORE, 0)
        stop = size if is_last else (end + _AFTER) * STRIDE
        own = [
            slice((first - begin) * places, None if is_last else (end - begin) * places) for places in _PLACES
        ]
        yield begin * STRIDE, stop, own
        first = total if is_last else end
