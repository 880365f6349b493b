"""A run's batches, step by step: made when they are asked for, or for a GPU one step ahead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from esrlab.data.degradations.base import Reducer
from esrlab.data.photos.collection import Photos
from esrlab.data.prefetch import Ahead
from esrlab.data.sampling import Batch, make_batch
from esrlab.recipes.recipe import Recipe


class Supply(Protocol):
    """Where a step's batches come from."""

    def take(self, step: int) -> list[Batch]:
        """The batches of this step, on the CPU."""
        ...

    def close(self) -> None:
        """Ends the work in the background."""
        ...


@dataclass(frozen=True)
class OnDemand:
    """Batches made when they are asked for: on a CPU the training's own threads want every core."""

    make: Callable[[int], list[Batch]]

    def take(self, step: int) -> list[Batch]:
        """The batches of this step."""
        return self.make(step)

    def close(self) -> None:
        """There is no work in the background."""


def open_supply(recipe: Recipe, photos: Photos, *, seed: int, device: torch.device) -> Supply:
    """The batches of a run of this recipe whose draws `seed` decides.

    Raises UserError where the recipe's degradation lacks what it needs for these photographs.
    """
    reducer = recipe.patches.degradation.build(recipe.scale, photos.hr)

    def make(step: int) -> list[Batch]:
        return step_batches(recipe, photos, seed=seed, step=step, reducer=reducer)

    return OnDemand(make) if device.type == "cpu" else Ahead(make)


def step_batches(
    recipe: Recipe, photos: Photos, *, seed: int, step: int, reducer: Reducer | None = None
) -> list[Batch]:
    """A step's batches, on the CPU: optimiser.grad_accumulation of them for each update of the critic.

    The last ones serve the generator too; a step without adversarial training has these alone. reducer: the
    recipe's degradation, built for these photographs; without it, it is built.
    """
    degradation = recipe.patches.degradation
    reduce = reducer or degradation.build(recipe.scale, photos.hr)
    parts = recipe.optimiser.grad_accumulation
    adversarial = recipe.active_adversarial
    count = (adversarial.critic.updates if adversarial is not None else 1) * parts
    is_adversarial = adversarial is not None and step >= adversarial.start_step
    return [
        make_batch(
            photos,
            seed=seed,
            step=step * count + index,
            scale=recipe.scale,
            lr_size=recipe.patches.lr_size,
            size=recipe.patches.batch,
            reducer=reduce,
            grid=degradation.grid(recipe.scale),
        )
        for index in range(0 if is_adversarial else count - parts, count)
    ]
