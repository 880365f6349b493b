"""The middle of a few held-out images, decoded once and held as bytes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from esrlab.data.image_files import Pixels, to_pixels, to_tensor
from esrlab.data.photos.benchmark import OnError, open_benchmark
from esrlab.errors import UserError

SMALLEST = 48
"""Pixels a side that every metric can measure at every scale."""


@dataclass(frozen=True)
class Crops:
    """Named images of (H, W, 3) bytes under one name."""

    name: str
    members: tuple[tuple[str, Pixels], ...]

    def images(self, on_error: OnError | None = None) -> Iterator[tuple[str, Tensor]]:
        """Each image's name and its (1, 3, H, W) tensor in [0, 1]; none of them can fail to be read."""
        for name, pixels in self.members:
            yield name, to_tensor(pixels)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over names and pixels: equal crops, equal fingerprint."""
        digest = hashlib.sha256()
        for name, pixels in self.members:
            digest.update(f"{name} {pixels.shape}\n".encode() + pixels.tobytes())
        return digest.hexdigest()[:16]


def cut_crops(source: str, *, limit: int | None, crop: int | None) -> Crops:
    """The middle `crop` pixels a side (None: all) of `limit` images of a benchmark, spread evenly over it.

    One image is decoded at a time. UserError: an image under 48 pixels a side.
    """
    benchmark = open_benchmark(source, name=source if source == "samples" else Path(source).resolve().name)
    members = benchmark.members
    if limit is not None and limit < len(members):
        members = tuple(members[index * len(members) // limit] for index in range(limit))
    cut: list[tuple[str, Pixels]] = []
    for name, image in replace(benchmark, members=members).images():
        height, width = image.shape[-2:]
        if min(height, width) < SMALLEST:
            raise UserError(
                f"{name} in {source} is {width}×{height}; validation images need at least {SMALLEST} px a "
                "side"
            )
        cut.append((name, to_pixels(_centre(image, crop) if crop is not None else image)))
    return Crops(benchmark.name, tuple(cut))


def _centre(image: Tensor, side: int) -> Tensor:
    """The middle `side` pixels of each direction, or all there are."""
    height, width = image.shape[-2:]
    top, left = max(height - side, 0) // 2, max(width - side, 0) // 2
    return image[..., top : top + side, left : left + side]
