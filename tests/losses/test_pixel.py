"""Pixel losses against numpy in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from esrlab.losses.inputs import LossInputs
from esrlab.losses.pixel import L1, MSE, Charbonnier

Formula = Callable[[np.ndarray], np.ndarray]

CASES: list[tuple[L1 | MSE | Charbonnier, Formula]] = [
    (L1(), np.abs),
    (MSE(), lambda d: d**2),
    (Charbonnier(), lambda d: np.sqrt(d**2 + 1e-6)),
    (Charbonnier(epsilon=0.1), lambda d: np.sqrt(d**2 + 0.01)),
]


@pytest.mark.parametrize(("loss", "formula"), CASES)
def test_value_is_the_mean_over_batch_channels_and_pixels(
    loss: L1 | MSE | Charbonnier, formula: Formula, views: LossInputs
) -> None:
    difference = views.sr.detach().numpy() - views.hr.numpy()
    result = loss.build(torch.device("cpu"))(views)
    assert result.shape == ()
    assert result.item() == pytest.approx(formula(difference).sum() / difference.size, rel=1e-14)


@pytest.mark.parametrize(("loss", "formula"), CASES)
def test_gradient(loss: L1 | MSE | Charbonnier, formula: Formula, views: LossInputs) -> None:
    assert torch.autograd.gradcheck(lambda sr: loss(sr, views.hr, views.lr), views.sr)


@pytest.mark.parametrize("loss", [L1(), MSE(), Charbonnier(), Charbonnier(epsilon=1e-12)])
def test_equal_images_have_zero_gradient(loss: L1 | MSE | Charbonnier) -> None:
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


def test_labels() -> None:
    assert [loss.label for loss in (L1(), MSE(), Charbonnier())] == ["L1", "MSE", "Charbonnier"]
