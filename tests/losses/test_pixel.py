"""Pixel losses against numpy in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.special
import torch
from pydantic import ValidationError

from esrlab.losses.inputs import LossInputs
from esrlab.losses.pixel import L1, MSE, Charbonnier, Huber

Pixel = L1 | MSE | Charbonnier | Huber
Formula = Callable[[np.ndarray], np.ndarray]

CASES: list[tuple[Pixel, Formula]] = [
    (L1(), np.abs),
    (MSE(), lambda d: d**2),
    (Charbonnier(), lambda d: np.sqrt(d**2 + 1e-6)),
    (Charbonnier(epsilon=0.1), lambda d: np.sqrt(d**2 + 0.01)),
    (Huber(), lambda d: scipy.special.huber(0.05, d)),
    (Huber(delta=0.5), lambda d: scipy.special.huber(0.5, d)),
]


@pytest.mark.parametrize(("loss", "formula"), CASES)
def test_value_is_the_mean_over_batch_channels_and_pixels(
    loss: Pixel, formula: Formula, views: LossInputs
) -> None:
    difference = views.sr.detach().numpy() - views.hr.numpy()
    result = loss.build(torch.device("cpu"))(views)
    assert result.shape == ()
    assert result.item() == pytest.approx(formula(difference).sum() / difference.size, rel=1e-14)


@pytest.mark.parametrize(("loss", "formula"), CASES)
def test_gradient(loss: Pixel, formula: Formula, views: LossInputs) -> None:
    assert torch.autograd.gradcheck(lambda sr: loss(sr, views.hr, views.lr), views.sr)


@pytest.mark.parametrize("loss", [L1(), MSE(), Charbonnier(), Charbonnier(epsilon=1e-12), Huber()])
def test_equal_images_have_zero_gradient(loss: Pixel) -> None:
    sr = torch.rand(1, 3, 4, 4).requires_grad_()
    value = loss(sr, sr.detach().clone())
    value.backward()
    assert sr.grad is not None
    assert torch.equal(sr.grad, torch.zeros_like(sr))
    expected = loss.epsilon if isinstance(loss, Charbonnier) else 0.0
    assert value.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("epsilon", [0.0, -1e-3, float("inf"), float("nan")])
def test_charbonnier_refuses_an_epsilon_that_is_not_above_zero(epsilon: float) -> None:
    with pytest.raises(ValidationError, match="epsilon"):
        Charbonnier(epsilon=epsilon)


def test_huber_meets_its_two_parts_at_delta_and_pulls_no_harder_beyond() -> None:
    sr = torch.tensor([0.1, 0.2, 0.2000001, 0.9], dtype=torch.float64).reshape(1, 1, 2, 2).requires_grad_()
    value = Huber(delta=0.2)(sr, torch.zeros_like(sr))
    value.backward()
    assert value.item() * 4 == pytest.approx(0.005 + 0.02 + 0.02 + 0.2 * 0.8, abs=1e-6)
    assert sr.grad is not None
    assert (sr.grad * 4).flatten().tolist() == pytest.approx([0.1, 0.2, 0.2, 0.2])


@pytest.mark.parametrize("delta", [0.0, -0.1, 1.5, float("nan")])
def test_huber_refuses_a_delta_outside_its_range(delta: float) -> None:
    with pytest.raises(ValidationError, match="delta"):
        Huber(delta=delta)


def test_labels() -> None:
    losses = (L1(), MSE(), Charbonnier(), Huber(), Huber(delta=0.01))
    assert [loss.label for loss in losses] == ["L1", "MSE", "Charbonnier", "Huber", "Huber δ=0.01"]
