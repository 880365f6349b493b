"""(photos, seed, step) -> Batch: a pure function, so that resuming needs no data state."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from esrlab.data.degradations.base import Crop, Reducer
from esrlab.data.degradations.bicubic import Bicubic
from esrlab.data.image_files import Pixels
from esrlab.data.photos.collection import Photo, Photos
from esrlab.data.photos.hr_images import stem_of


@dataclass(frozen=True)
class Batch:
    """Aligned patches, RGB float32 in [0, 1]: `lr` (N, 3, h, w) and `hr` (N, 3, h·scale, w·scale)."""

    lr: Tensor
    hr: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same patches on another device."""
        return Batch(lr=self.lr.to(device), hr=self.hr.to(device))


def make_batch(
    photos: Photos,
    *,
    seed: int,
    step: int,
    scale: int,
    lr_size: int,
    size: int,
    reducer: Reducer | None = None,
    grid: int = 1,
) -> Batch:
    """The batch of `size` patches for this step, the same for the same photographs, seed and step.

    Photographs are visited in a new random order each epoch; each gives one random crop of
    lr_size·scale pixels, from a row and column that are multiples of `grid` on, flipped at random and turned
    by a random multiple of 90°. `lr` is the crop under `reducer`, in 8 bits as an LR file would be; without
    one, it is reduced by bicubic interpolation as today's MATLAB does.
    """
    rng = np.random.default_rng([seed, step])
    chosen = visit(len(photos.members), seed=seed, start=step * size, count=size)
    side = lr_size * scale
    crops = [draw_crop(photos.members[index], side, rng, grid=grid) for index in chosen]
    cut = [cut_crop(photos.members[index], crop) for index, crop in zip(chosen, crops, strict=True)]
    levels = torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).contiguous()
    lr = (reducer or Bicubic().build(scale)).reduce_crops(levels, crops, seed=seed, step=step)
    return Batch(lr=lr, hr=levels.float() / 255)


def visit(population: int, *, seed: int, start: int, count: int) -> list[int]:
    """Which photographs the samples start … start + count − 1 are, by their indices, epoch after epoch."""
    chosen: list[int] = []
    while len(chosen) < count:
        epoch, offset = divmod(start + len(chosen), population)
        order = np.random.default_rng([seed, epoch, 1]).permutation(population)
        chosen.extend(order[offset : offset + count - len(chosen)].tolist())
    return chosen


def draw_crop(photo: Photo, side: int, rng: np.random.Generator, *, grid: int = 1) -> Crop:
    """Where a crop of a photograph begins, and how it is turned."""
    top = int(rng.integers((photo.height - side) // grid + 1)) * grid
    left = int(rng.integers((photo.width - side) // grid + 1)) * grid
    is_flipped = bool(rng.integers(2))
    return Crop(stem_of(photo.name), top, left, side, is_flipped, int(rng.integers(4)))


def cut_crop(photo: Photo, crop: Crop) -> Pixels:
    """The pixels of a crop, turned: a view of (side, side, 3) bytes."""
    pixels = photo.crop(crop.top, crop.left, crop.side)
    return np.rot90(pixels[:, ::-1] if crop.is_flipped else pixels, k=crop.turns)
