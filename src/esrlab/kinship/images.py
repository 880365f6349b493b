"""The images at which directions are taken: crops of photographs, reduced, and what a model makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from esrlab.data.degradations.base import Reducer
from esrlab.data.photos.collection import Photos
from esrlab.data.sampling import Batch, make_batch, visit
from esrlab.kinship.models import Enlarge
from esrlab.kinship.settings import KinshipSettings
from esrlab.training.state import mix

POOL_STREAM = int.from_bytes(b"pool")
"""Mixed with the seed for the crops that critics are trained on."""


@dataclass(frozen=True)
class Images:
    """A batch with the photographs that its images are crops of, by name."""

    batch: Batch
    photos: tuple[str, ...]


@dataclass(frozen=True)
class Crops:
    """Crops of photographs at one scale, batch by batch: the same for every model of that scale."""

    photos: Photos
    settings: KinshipSettings
    scale: int
    reducer: Reducer

    @property
    def batches(self) -> int:
        """How many batches the images that are asked for make."""
        return -(-self.settings.patches // self.settings.batch)

    def take(self, index: int) -> Images:
        """Batch `index`, on the CPU; the last one may be smaller."""
        size = self.settings.batch
        return self._draw(index, size, seed=self.settings.seed, most=self.settings.patches - index * size)

    def pool(self) -> Iterator[Images]:
        """The crops that critics are trained on: other ones, of the same photographs or of others."""
        size, count = self.settings.batch, self.settings.critic_pool
        seed = mix(self.settings.seed, POOL_STREAM)
        for index in range(-(-count // size)):
            yield self._draw(index, size, seed=seed, most=size)

    def _draw(self, index: int, size: int, *, seed: int, most: int) -> Images:
        batch = make_batch(
            self.photos,
            seed=seed,
            step=index,
            scale=self.scale,
            lr_size=self.settings.lr_size,
            size=size,
            reducer=self.reducer,
            grid=self.settings.degradation.grid(self.scale),
        )
        members = self.photos.members
        chosen = visit(len(members), seed=seed, start=index * size, count=size)[:most]
        return Images(
            Batch(lr=batch.lr[:most], hr=batch.hr[:most]), tuple(members[each].name for each in chosen)
        )


def open_crops(photos: Photos, settings: KinshipSettings, *, scale: int) -> Crops:
    """Raises UserError where the degradation lacks what it needs for these photographs."""
    return Crops(photos, settings, scale, settings.degradation.build(scale, photos.hr))


def generate(enlarge: Enlarge, batch: Batch, *, device: torch.device) -> tuple[Batch, Tensor]:
    """The batch on its device, and the generated images (N, 3, H, W), without a graph and not clamped."""
    there = batch.to(device)
    with torch.no_grad():
        return there, enlarge(there.lr).detach()
