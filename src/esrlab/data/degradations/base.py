"""What every degradation is: a frozen record that makes low-resolution images, of crops and of whole images.

A degradation is pure: what it makes of a training crop is a function of (photograph, place, seed, step, index
in the batch), and what it makes of a whole image, for validation, scores and maps, one of (image, its name).
"""

import zlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from esrlab.core.parts import Part
from esrlab.data.photos.hr_images import NO_IMAGES, HrImages

Seed = tuple[int, ...]
"""What `numpy.random.default_rng` takes: the counters that decide all draws of one image."""

CROP_DRAWS, IMAGE_DRAWS = 2, 3
"""Last counters of a seed, which keep draws apart from those of crops, orders and each other."""


@dataclass(frozen=True)
class Crop:
    """A training crop: the photograph's name without its ending, row, column, side in pixels, turning.

    It is flipped left to right first, and then turned by `turns` · 90° as `numpy.rot90` does.
    """

    photo: str
    top: int
    left: int
    side: int
    is_flipped: bool
    turns: int


class Reducer(Protocol):
    """A degradation at one scale, with what it has opened."""

    def reduce_crops(self, hr: Tensor, crops: Sequence[Crop], *, seed: int, step: int) -> Tensor:
        """The LR patches of a batch: (N, 3, H, W) bytes, turned as `crops` say -> (N, 3, h, w) in [0, 1]."""
        ...

    def reduce_image(self, hr: Tensor, *, name: str) -> Tensor:
        """The LR image of a whole one: (1, 3, H, W) in [0, 1], a multiple of the scale -> (1, 3, h, w)."""
        ...

    def reduce_generated(self, sr: Tensor, *, name: str) -> Tensor:
        """The image that was generated for HR of that name, made small again as that was; shapes as above."""
        ...


class Degradation(Part):
    """A way of making low-resolution images. A kind adds `kind: Literal["its name"]` with that default."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables call it: `matlab`, `camera`, `camera:jpeg_quality=40`."""

    @property
    def text(self) -> str:
        """All that it is in one word, from which `parse_degradation` makes it again."""
        return self.label

    def grid(self, scale: int) -> int:
        """Rows and columns at which crops begin are multiples of this."""
        return 1

    @abstractmethod
    def build(self, scale: int, hr: HrImages = NO_IMAGES) -> Reducer:
        """Ready to make the LR images of `hr`; UserError where what it needs for them is not there."""

    def origins(self, scale: int, hr: HrImages) -> dict[str, str]:
        """What a training's LR images come from beside its photographs, in words with a digest."""
        return {}

    def changes(self) -> dict[str, Any]:
        """The fields that are not as they are by default."""
        defaults = {name: info.default for name, info in type(self).model_fields.items()}
        return {name: getattr(self, name) for name in defaults if getattr(self, name) != defaults[name]}


class Synthetic(Degradation):
    """A degradation that makes LR from the HR pixels alone; a kind of it writes `label` and `reduce`."""

    @abstractmethod
    def reduce(self, hr: Tensor, scale: int, seeds: Sequence[Seed]) -> Tensor:
        """(N, 3, H, W) bytes -> (N, 3, H/scale, W/scale) float32, multiples of 1/255 in [0, 1].

        seeds: what each image's own draws come from, all of them and nothing else.
        """

    def build(self, scale: int, hr: HrImages = NO_IMAGES) -> Reducer:
        """Ready at once: nothing is opened."""
        return _Made(self, scale)


@dataclass(frozen=True)
class _Made:
    """A synthetic degradation at one scale, with the seeds of crops and images."""

    degradation: Synthetic
    scale: int

    def reduce_crops(self, hr: Tensor, crops: Sequence[Crop], *, seed: int, step: int) -> Tensor:
        seeds = [(seed, step, index, CROP_DRAWS) for index in range(len(crops))]
        return self.degradation.reduce(hr, self.scale, seeds)

    def reduce_image(self, hr: Tensor, *, name: str) -> Tensor:
        levels = (hr * 255).round().to(torch.uint8)
        return self.degradation.reduce(levels, self.scale, [image_seed(name)])

    def reduce_generated(self, sr: Tensor, *, name: str) -> Tensor:
        return self.reduce_image(sr, name=name)


def image_seed(name: str) -> Seed:
    """The seed of a whole image's draws, the same whenever it is scored: CRC-32 of its name in UTF-8."""
    return (0, zlib.crc32(name.encode()), 0, IMAGE_DRAWS)
