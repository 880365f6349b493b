"""The optimisers: each update against the papers' formulas and torch's own unfused ones."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim import Optimizer

from esrlab.core.backend import prepare
from esrlab.core.parts import kinds_in
from esrlab.recipes.optimisers.adam import Adam
from esrlab.recipes.optimisers.adamw import AdamW
from esrlab.recipes.optimisers.any_optimiser import AnyOptimiser
from esrlab.recipes.optimisers.base import OptimiserPart

RATE, BETAS, DECAY = 0.02, (0.6, 0.9), 0.3
PARTS: dict[str, OptimiserPart] = {
    "adam": Adam(learning_rate=RATE, betas=BETAS),
    "adamw": AdamW(learning_rate=RATE, betas=BETAS, weight_decay=DECAY),
}
every_kind = pytest.mark.parametrize("kind", kinds_in(AnyOptimiser))

Arrays = Sequence[NDArray[np.floating]]


def follow_formula(weights: Arrays, gradients: Sequence[Arrays], *, decay: float) -> Arrays:
    """Loshchilov & Hutter 2019, algorithm 2, with schedule multiplier 1 and their λ as torch scales it: by
    the learning rate; with decay 0 that is Kingma & Ba 2015, algorithm 1.
    """
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    for time, found in enumerate(gradients, start=1):
        first = [BETAS[0] * m + (1 - BETAS[0]) * g for m, g in zip(first, found, strict=True)]
        second = [BETAS[1] * v + (1 - BETAS[1]) * g**2 for v, g in zip(second, found, strict=True)]
        weights = [
            w - RATE * (m / (1 - BETAS[0] ** time) / (np.sqrt(v / (1 - BETAS[1] ** time)) + 1e-8) + decay * w)
            for w, m, v in zip(weights, first, second, strict=True)
        ]
    return weights


def torchs(kind: str, network: nn.Module) -> Optimizer:
    if kind == "adam":
        return torch.optim.Adam(network.parameters(), lr=RATE, betas=BETAS, foreach=False, fused=False)
    return torch.optim.AdamW(
        network.parameters(), lr=RATE, betas=BETAS, weight_decay=DECAY, foreach=False, fused=False
    )


def take(network: nn.Module, optimiser: Optimizer, gradients: Sequence[Arrays]) -> Arrays:
    for found in gradients:
        for parameter, gradient in zip(network.parameters(), found, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        optimiser.step()
    return [parameter.detach().numpy().copy() for parameter in network.parameters()]


@every_kind
@pytest.mark.parametrize("steps", [1, 4])
def test_updates_are_the_papers_and_torchs(kind: str, steps: int) -> None:
    network = prepare(nn.Conv2d(3, 4, 3).double())
    other = copy.deepcopy(network)
    draw = np.random.default_rng(2)
    before = [parameter.detach().numpy().copy() for parameter in network.parameters()]
    gradients = [[draw.normal(size=weight.shape) for weight in before] for _ in range(steps)]
    optimiser = PARTS[kind].build(network)
    assert optimiser.defaults["fused"] is True
    found = take(network, optimiser, gradients)
    decay = DECAY if kind == "adamw" else 0.0
    for expected in (
        follow_formula(before, gradients, decay=decay),
        take(other, torchs(kind, other), gradients),
    ):
        for one, another in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, another, rtol=1e-10, atol=1e-14)


@every_kind
def test_a_saved_state_goes_on_as_if_never_saved(kind: str) -> None:
    network = prepare(nn.Conv2d(3, 4, 3))
    draw = np.random.default_rng(3)
    shapes = [parameter.shape for parameter in network.parameters()]
    gradients = [[draw.normal(size=s).astype(np.float32) for s in shapes] for _ in range(5)]
    optimiser = PARTS[kind].build(network)
    take(network, optimiser, gradients[:3])
    other = prepare(nn.Conv2d(3, 4, 3))
    other.load_state_dict(network.state_dict())
    resumed = PARTS[kind].build(other)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    whole, gone_on = take(network, optimiser, gradients[3:]), take(other, resumed, gradients[3:])
    assert all(np.array_equal(one, another) for one, another in zip(whole, gone_on, strict=True))


def test_decay_is_not_divided_by_the_gradients_size() -> None:
    """Without a gradient AdamW takes weights by 1 − learning_rate · weight_decay, whatever they are."""
    network = nn.Conv2d(3, 4, 3)
    before = copy.deepcopy(network.state_dict())
    optimiser = AdamW(learning_rate=0.5, weight_decay=0.2).build(network)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key] * (1 - 0.5 * 0.2), rtol=1e-6, atol=0)


def test_every_kind_has_a_label_of_its_own() -> None:
    makes: list[Callable[[], OptimiserPart]] = list(kinds_in(AnyOptimiser).values())  # type: ignore[arg-type]
    labels = [make().label for make in makes]
    assert len(set(labels)) == len(labels)
