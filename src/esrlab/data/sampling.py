"""(photos, seed, step) -> Batch: a pure function, so that resuming needs no data state."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from esrlab.data.degradations.bicubic import Convention, make_lr_from_bytes
from esrlab.data.image_files import Pixels
from esrlab.data.photos.collection import Photo, Photos


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
    convention: Convention = "matlab",
) -> Batch:
    """The batch of `size` patches for this step, the same for the same photographs, seed and step.

    Photographs are visited in a new random order each epoch; each gives one random crop of
    lr_size·scale pixels, flipped at random and turned by a random multiple of 90°. `lr` is the crop
    reduced by bicubic interpolation under `convention` and rounded to 8 bits, as an LR file would be.
    """
    rng = np.random.default_rng([seed, step])
    chosen = _visit(len(photos.members), seed=seed, start=step * size, count=size)
    side = lr_size * scale
    crops = [_augment(_crop(photos.members[index], side, rng), rng) for index in chosen]
    levels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()
    return Batch(lr=make_lr_from_bytes(levels, scale, convention=convention), hr=levels.float() / 255)


def _visit(population: int, *, seed: int, start: int, count: int) -> list[int]:
    """Which photographs the samples start … start + count − 1 are, epoch after epoch."""
    chosen: list[int] = []
    while len(chosen) < count:
        epoch, offset = divmod(start + len(chosen), population)
        order = np.random.default_rng([seed, epoch, 1]).permutation(population)
        chosen.extend(order[offset : offset + count - len(chosen)].tolist())
    return chosen


def _crop(photo: Photo, side: int, rng: np.random.Generator) -> Pixels:
    top = int(rng.integers(photo.height - side + 1))
    left = int(rng.integers(photo.width - side + 1))
    return photo.crop(top, left, side)


def _augment(crop: Pixels, rng: np.random.Generator) -> Pixels:
    flipped = crop[:, ::-1] if rng.integers(2) else crop
    return np.ascontiguousarray(np.rot90(flipped, k=int(rng.integers(4))))
