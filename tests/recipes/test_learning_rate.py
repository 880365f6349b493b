"""Learning rates against torch's own schedulers."""

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from esrlab.errors import UsageError
from esrlab.recipes.learning_rate import learning_rate
from esrlab.recipes.optimisers.adam import Adam
from tiny import tiny

STEPS = 50


def rates_of(scheduler: LRScheduler) -> list[float]:
    rates: list[float] = []
    for _ in range(STEPS):
        rates.append(float(scheduler.get_last_lr()[0]))
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def ours(optimiser: Adam) -> list[float]:
    return [learning_rate(optimiser, step=step, steps=STEPS) for step in range(STEPS)]


def test_cosine_is_torchs() -> None:
    sgd = SGD([torch.zeros(1)], lr=0.02)
    expected = rates_of(CosineAnnealingLR(sgd, T_max=STEPS, eta_min=0.002))
    assert ours(Adam(learning_rate=0.02, schedule="cosine", min_lr_ratio=0.1)) == pytest.approx(expected)


def test_multi_step_is_torchs() -> None:
    sgd = SGD([torch.zeros(1)], lr=0.02)
    expected = rates_of(MultiStepLR(sgd, milestones=[10, 30], gamma=0.5))
    found = ours(Adam(learning_rate=0.02, schedule="multi-step", milestones=(10, 30)))
    assert found == pytest.approx(expected)


def test_a_rise_ends_at_the_schedules_own_rate() -> None:
    found = ours(Adam(learning_rate=0.02, warmup_steps=4))
    assert found[:5] == pytest.approx([0.005, 0.01, 0.015, 0.02, 0.02])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"optimiser.schedule": "multi-step"}, "need each other"),
        ({"optimiser.milestones": [5]}, "give both or neither"),
        ({"optimiser.schedule": "multi-step", "optimiser.milestones": [9, 5]}, "ascending order"),
        ({"optimiser.schedule": "cosine", "optimiser.min_lr_ratio": 2}, "less than or equal to 1"),
    ],
)
def test_schedules_that_do_not_hang_together_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tiny("wgan-vgg", **fields)
