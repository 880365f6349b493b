"""Total variation: eq. 5 written out, and where eq. 5 has no derivative."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.losses.inputs import LossInputs
from esrlab.losses.variation import TotalVariation

BETAS = [0.5, 1.0, 1.5, 2.0, 3.0]


def measure(sr: Tensor, beta: float) -> Tensor:
    lr = torch.zeros(len(sr), sr.shape[1], 1, 1) if sr.shape[-1] == sr.shape[-2] else sr
    return TotalVariation(beta=beta).build(torch.device("cpu"))(LossInputs(lr, sr, torch.zeros_like(sr)))


def sum_equation_5(z: np.ndarray, beta: float) -> float:
    """Eq. 5 over one channel, term by term."""
    height, width = z.shape
    return sum(
        ((z[i, j + 1] - z[i, j]) ** 2 + (z[i + 1, j] - z[i, j]) ** 2) ** (beta / 2)
        for i in range(height - 1)
        for j in range(width - 1)
    )


@pytest.mark.parametrize("beta", BETAS)
def test_value_is_equation_5_summed_over_an_image_averaged_over_the_batch(
    beta: float, views: LossInputs
) -> None:
    images = views.sr.detach().numpy()
    expected = sum(sum_equation_5(channel, beta) for image in images for channel in image) / len(images)
    assert measure(views.sr, beta).item() == pytest.approx(expected, rel=1e-13)


def test_the_mean_is_the_sum_over_the_number_of_positions_and_channels(views: LossInputs) -> None:
    _, channels, height, width = views.sr.shape
    mean = TotalVariation(reduction="mean")(views.sr, views.hr)
    count = channels * (height - 1) * (width - 1)
    torch.testing.assert_close(mean * count, TotalVariation()(views.sr, views.hr), rtol=1e-12, atol=0)
    assert TotalVariation(reduction="mean").label == "mean TV"


@pytest.mark.parametrize("beta", BETAS)
def test_gradient(beta: float, views: LossInputs) -> None:
    assert torch.autograd.gradcheck(lambda sr: measure(sr, beta), views.sr)


@pytest.mark.parametrize("beta", BETAS)
def test_flat_image_has_no_variation_and_no_gradient(beta: float) -> None:
    flat = torch.full((2, 3, 6, 6), 0.3).requires_grad_()
    value = measure(flat, beta)
    value.backward()
    assert flat.grad is not None
    assert value.item() == 0
    assert torch.equal(flat.grad, torch.zeros_like(flat))


@pytest.mark.parametrize("beta", BETAS)
def test_flat_parts_leave_the_others_gradient_alone(beta: float) -> None:
    """A step edge: columns 0-2 at 0, columns 3-5 at 0.5; only the edge's own pixels are pulled."""
    step = torch.zeros(1, 1, 6, 6, dtype=torch.float64)
    step[..., 3:] = 0.5
    step.requires_grad_()
    value = measure(step, beta)
    value.backward()
    assert value.item() == pytest.approx(5 * 0.5**beta)
    expected = torch.zeros_like(step)
    expected[..., :5, 2] = -beta * 0.5 ** (beta - 1)
    expected[..., :5, 3] = beta * 0.5 ** (beta - 1)
    torch.testing.assert_close(step.grad, expected)


@pytest.mark.parametrize("beta", BETAS)
def test_linear_ramp(beta: float) -> None:
    """z = 0.03 i + 0.04 j is 0.05 steep everywhere: (6 − 1)² positions, 3 channels, whatever the batch."""
    steps = torch.arange(6, dtype=torch.float64)
    ramp = (0.03 * steps[:, None] + 0.04 * steps).expand(4, 3, 6, 6)
    assert measure(ramp, beta).item() == pytest.approx(25 * 3 * 0.05**beta, rel=1e-12)


def test_barely_uneven_float32_image_has_finite_gradients() -> None:
    uneven = (torch.rand(1, 3, 8, 8) * 1e-22).requires_grad_()
    measure(uneven, 1.0).backward()
    assert uneven.grad is not None
    assert torch.isfinite(uneven.grad).all()


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan")])
def test_beta_must_be_above_zero(beta: float) -> None:
    with pytest.raises(ValidationError, match="beta"):
        TotalVariation(beta=beta)


def test_label_names_an_unusual_beta() -> None:
    assert [TotalVariation().label, TotalVariation(beta=1.5).label] == ["TV", "TV β=1.5"]
