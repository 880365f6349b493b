"""Images read in rows, so that a large one need not be held whole as floats.

A stage of upscaling reads rows of what came before and yields *bands*: tensors (1, C, n, W) of finished rows,
from the top to the bottom, that together are the image.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esrlab.errors import UsageError

ROWS_AT_ONCE = 32
"""Rows that a stage makes of its own accord; what a row needs besides itself is the stage's affair."""


class Rows(Protocol):
    """An image of which some rows can be read at a time."""

    height: int
    width: int
    channels: int

    def read(self, first: int, last: int) -> Tensor:
        """Rows first to last - 1, as (1, channels, last - first, width) float32 in [0, 1] on the CPU."""
        ...

    def forget(self, below: int) -> None:
        """Rows above this one will not be read again."""
        ...


class TensorRows:
    """The rows of a float tensor (1, C, H, W) in [0, 1]."""

    def __init__(self, image: Tensor) -> None:
        if image.ndim != 4 or image.shape[0] != 1 or not image.is_floating_point() or image.numel() == 0:
            raise UsageError(
                f"expected one image of floats, (1, C, H, W), not {image.dtype} of shape {tuple(image.shape)}"
            )
        self._image = image
        _, self.channels, self.height, self.width = image.shape

    def read(self, first: int, last: int) -> Tensor:
        return self._image[:, :, first:last].float().cpu()

    def forget(self, below: int) -> None:
        pass


class ArrayRows:
    """The rows of an array (H, W, C) of 8-bit or 16-bit levels, or of floats in [0, 1]."""

    def __init__(self, pixels: NDArray[np.generic]) -> None:
        if pixels.ndim != 3 or pixels.size == 0:
            raise UsageError(f"expected one image as an array (H, W, C), not one of shape {pixels.shape}")
        self._pixels = pixels
        self._peak = peak_of(pixels.dtype)
        self.height, self.width, self.channels = pixels.shape

    def read(self, first: int, last: int) -> Tensor:
        rows = np.ascontiguousarray(self._pixels[first:last].transpose(2, 0, 1), dtype=np.float32)
        return torch.from_numpy(rows / np.float32(self._peak))[None]

    def forget(self, below: int) -> None:
        pass


class BandRows:
    """The rows of an image that is being made: bands are taken from the iterator when their rows are read."""

    def __init__(self, bands: Iterator[Tensor], *, height: int, width: int, channels: int) -> None:
        self.height, self.width, self.channels = height, width, channels
        self._bands = bands
        self._held: list[Tensor] = []
        self._first = self._last = 0

    def read(self, first: int, last: int) -> Tensor:
        assert first >= self._first, "rows that were given up are read again"
        while self._last < last:
            band = next(self._bands)
            self._held.append(band)
            self._last += band.shape[2]
        parts: list[Tensor] = []
        top = self._first
        for band in self._held:
            bottom = top + band.shape[2]
            if bottom > first and top < last:
                parts.append(band[:, :, max(first - top, 0) : last - top])
            top = bottom
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    def forget(self, below: int) -> None:
        while self._held and self._first + self._held[0].shape[2] <= below:
            self._first += self._held.pop(0).shape[2]


def peak_of(kind: np.dtype[np.generic]) -> int:
    """The level that is white: 255, 65535, or 1 for floats; UsageError for arrays of anything else."""
    if kind in (np.uint8, np.uint16):
        return int(np.iinfo(kind).max)
    if np.issubdtype(kind, np.floating):
        return 1
    raise UsageError(f"an image's array is of uint8, uint16 or floats in [0, 1], not {kind}")


def as_levels(band: Tensor, kind: np.dtype[np.generic]) -> NDArray[np.generic]:
    """(1, C, n, W) in [0, 1] -> (n, W, C) of the kind, rounded to the nearest level; floats are not."""
    pixels = band[0].permute(1, 2, 0).numpy()
    peak = peak_of(kind)
    if peak == 1:
        return np.ascontiguousarray(pixels, dtype=kind)
    return np.ascontiguousarray(np.rint(pixels * np.float32(peak)), dtype=kind)


def whole_image(bands: Iterator[Tensor], *, height: int, width: int, channels: int) -> Tensor:
    """All bands as one image (1, channels, height, width) float32."""
    image = torch.empty(1, channels, height, width)
    top = 0
    for band in bands:
        image[:, :, top : top + band.shape[2]] = band
        top += band.shape[2]
    assert top == height
    return image
