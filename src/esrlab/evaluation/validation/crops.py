"""The middle of a few held-out images, decoded once and held as bytes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import Tensor

from esrlab.data.image_files import Pixels, to_pixels, to_tensor
from esrlab.data.photos.benchmark import OnError, open_benchmark
from esrlab.data.photos.hr_images import HrImages
from esrlab.data.sets.catalogue import find_set, is_set
from esrlab.errors import UserError

SMALLEST = 48
"""Pixels a side that every metric can measure at every scale."""


@dataclass(frozen=True)
class Crops:
    """Named images of (H, W, 3) bytes under one name; where they were cut from, by their names."""

    name: str
    members: tuple[tuple[str, Pixels], ...]
    folder: Path | None = None
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    corners: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def hr(self) -> HrImages:
        """What a degradation asks of them."""
        return HrImages(tuple(name for name, _ in self.members), self.folder, self.sizes, self.corners)

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


def cut_crops(source: str, *, limit: int | None, crop: int | None, grid: int = 1) -> Crops:
    """The middle `crop` pixels a side (None: all) of `limit` images of a benchmark, spread evenly over it.

    They begin at rows and columns that are multiples of `grid`, where the middle does not the next above and
    left of it. One image is decoded at a time. UserError: an image under 48 pixels a side.
    """
    named = find_set(source).title if is_set(source) else Path(source).resolve().name
    benchmark = open_benchmark(source, name=source if source == "samples" else named)
    members = benchmark.members
    if limit is not None and limit < len(members):
        members = tuple(members[index * len(members) // limit] for index in range(limit))
    cut: list[tuple[str, Pixels]] = []
    sizes: dict[str, tuple[int, int]] = {}
    corners: dict[str, tuple[int, int]] = {}
    for name, image in replace(benchmark, members=members).images():
        height, width = image.shape[-2:]
        if min(height, width) < SMALLEST:
            raise UserError(
                f"{name} in {source} is {width}×{height}; validation images need at least {SMALLEST} px a "
                "side"
            )
        side = max(height, width) if crop is None else crop
        top, left = (max(whole - side, 0) // 2 // grid * grid for whole in (height, width))
        cut.append((name, to_pixels(image[..., top : top + side, left : left + side])))
        sizes[name], corners[name] = (height, width), (top, left)
    return Crops(benchmark.name, tuple(cut), benchmark.folder, sizes, corners)
