"""A run at its beginning, and all that changes in it: networks, optimisers, weights of terms."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from esrlab.core.backend import compiled, prepare, prepare_backend
from esrlab.core.named_files import STARTS
from esrlab.losses.adversarial import AdversarialLoss, adversarial_loss, clip_parameters
from esrlab.losses.feature_loss import share_networks
from esrlab.losses.inputs import LossFunction
from esrlab.losses.shares import Balance
from esrlab.models.generator_files import start_from
from esrlab.models.generators.base import GeneratorNetwork
from esrlab.recipes.optimisers.any_optimiser import AnyOptimiser
from esrlab.recipes.parts import Adversarial, Term
from esrlab.recipes.recipe import ADVERSARIAL, Recipe
from esrlab.training.non_finite import Rollback

CRITIC_STREAM = int.from_bytes(b"critic")
"""Mixed with the seed for the critic's initial weights: a stream that is no seed's, step's or rollback's."""


@dataclass(frozen=True)
class AdversarialState:
    """The critic with its optimiser, and the adversarial loss of both networks."""

    settings: Adversarial
    loss: AdversarialLoss
    critic: nn.Module
    optimiser: Optimizer


@dataclass
class TrainState:
    """The mutable state of a training: networks, optimisers, weights of terms, and how many steps were taken.

    average: the moving average of the generator's weights and buffers, None where the recipe has none;
    rollbacks: the steps that were not applied, since something in them was not finite;
    origins: where pretrained weights came from, by the term's name, and "init" for the generator's own.
    """

    recipe: Recipe
    seed: int
    device: torch.device
    generator: GeneratorNetwork
    average: AveragedModel | None
    optimiser: Optimizer
    terms: tuple[tuple[Term, LossFunction], ...]
    adversarial: AdversarialState | None
    balance: Balance
    origins: dict[str, str]
    step: int = 0
    rollbacks: list[Rollback] = field(default_factory=list)

    @property
    def result(self) -> GeneratorNetwork:
        """The generator that the run is for: the moving average where there is one."""
        return self.generator if self.average is None else cast("GeneratorNetwork", self.average.module)

    @property
    def draw_seed(self) -> int:
        """Decides patches and other draws: the seed, and another after each rollback, or it would recur."""
        return mix(self.seed, len(self.rollbacks)) if self.rollbacks else self.seed

    @property
    def is_adversarial(self) -> bool:
        """Whether the next step trains the critic and applies the adversarial loss."""
        return self.adversarial is not None and self.step >= self.adversarial.settings.start_step


def mix(*numbers: int) -> int:
    """One number of 63 bits from several, such as a seed and a step."""
    return int(np.random.SeedSequence(list(numbers)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def start_run(recipe: Recipe, *, seed: int, device: torch.device) -> TrainState:
    """Fresh networks and optimisers; equal seeds give equal generators whatever the losses are."""
    prepare_backend(device)
    shape = recipe.generator
    origins: dict[str, str] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = shape.build(scale=recipe.scale)
        if shape.init == "interpolation":
            generator.start_as_bilinear()
        elif shape.init not in STARTS:
            origins["init"] = start_from(generator, shape.init)
        adversarial = _start_adversarial(recipe, seed=seed, device=device)
    prepare(generator.to(device))
    average = start_average(generator, shape.ema_decay) if shape.ema_decay else None
    if recipe.engine.compile:
        compiled(generator, device=device)
    active = [term for term in recipe.terms if term.is_active]
    terms = tuple(zip(active, share_networks([term.loss.build(device) for term in active]), strict=True))
    origins |= {term.name: getattr(loss, "origin", "") for term, loss in terms}
    optimiser = recipe.optimiser.build(generator)
    balance = _balance(recipe)
    return TrainState(
        recipe, seed, device, generator, average, optimiser, terms, adversarial, balance, origins
    )


def start_average(network: nn.Module, decay: float) -> AveragedModel:
    """A moving average of a network's weights and buffers, which begins as the network is now.

    After its n-th update the decay is min(decay, (1 + n) / (10 + n)): early on it follows more closely, or it
    would remember the initial weights for long.
    """

    def follow(means: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
        kept = min(decay, (1 + int(count)) / (10 + int(count)))
        for mean, value in zip(means, values, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - kept)
            else:
                mean.copy_(value)  # a count, of which there is no mean

    average = AveragedModel(network, multi_avg_fn=follow, use_buffers=True).requires_grad_(False)
    average.n_averaged.fill_(
        1
    )  # the initial weights count; at 0 the first update would put others in their place
    return average


def _start_adversarial(recipe: Recipe, *, seed: int, device: torch.device) -> AdversarialState | None:
    settings = recipe.active_adversarial
    if settings is None:
        return None
    return start_adversarial(settings, recipe.optimiser, size=recipe.hr_size, seed=seed, device=device)


def start_adversarial(
    settings: Adversarial, optimiser: AnyOptimiser, *, size: int, seed: int, device: torch.device
) -> AdversarialState:
    """A fresh critic of images (N, 3, size, size) with its optimiser. Seeds torch's global generator."""
    torch.manual_seed(mix(seed, CRITIC_STREAM))
    critic = settings.critic.build(size=size)
    loss = adversarial_loss(settings.loss)
    if loss.constraint == "clip":
        clip_parameters(critic, settings.clip)
    prepare(critic.to(device))
    return AdversarialState(settings, loss, critic, optimiser.build(critic))


def _balance(recipe: Recipe) -> Balance:
    parts = recipe.active_terms
    fixed = {name: part.weight for name, part in parts.items() if part.weight is not None}
    asked = {name: part.share for name, part in parts.items() if part.share is not None}
    late = (
        {ADVERSARIAL}
        if recipe.active_adversarial is not None and recipe.active_adversarial.start_step
        else set[str]()
    )
    return Balance(fixed, asked, late)
