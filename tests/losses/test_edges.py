"""Sobel and gradient variance losses against scipy's convolutions and numpy's variances."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.losses.edges import GradientVariance, SobelGradient

Edges = SobelGradient | GradientVariance
LOSSES: list[Edges] = [SobelGradient(), SobelGradient(criterion="mse"), GradientVariance(patch=4)]


def draw(height: int, width: int, *, seed: int = 11) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    sr, hr = torch.rand(2, 2, 3, height, width, dtype=torch.float64, generator=source)
    return sr.requires_grad_(), hr


def slopes(image: np.ndarray, axis: int) -> np.ndarray:
    """scipy's Sobel filter, the outermost pixels repeated: 8 times the slope."""
    return scipy.ndimage.sobel(image, axis=axis, mode="nearest")


@pytest.mark.parametrize(("criterion", "power"), [("l1", 1), ("mse", 2)])
def test_sobel_is_scipys_where_all_neighbours_are(criterion: str, power: int) -> None:
    sr, hr = draw(9, 12)
    values = []
    for one, other in zip(sr.detach().numpy().reshape(6, 9, 12), hr.numpy().reshape(6, 9, 12), strict=True):
        for axis in (0, 1):
            difference = (slopes(one, axis) - slopes(other, axis))[1:-1, 1:-1] / 8
            values.append(np.abs(difference) ** power)
    found = SobelGradient.model_validate({"criterion": criterion})(sr, hr)
    assert found.item() == pytest.approx(np.mean(values), rel=1e-12)


@pytest.mark.parametrize(("height", "width", "patch"), [(16, 16, 8), (13, 19, 5), (9, 9, 9), (8, 10, 2)])
def test_gradient_variance_is_its_formula_patch_by_patch(height: int, width: int, patch: int) -> None:
    sr, hr = draw(height, width)
    images = (sr.detach().numpy(), hr.numpy())
    grey = [np.tensordot(image, (0.299, 0.587, 0.114), (1, 0)) for image in images]
    total = 0.0
    for axis in (0, 1):
        errors = []
        for one, other in zip(*grey, strict=True):
            maps = slopes(one, axis), slopes(other, axis)
            for top in range(0, height - patch + 1, patch):
                for left in range(0, width - patch + 1, patch):
                    cut = np.s_[top : top + patch, left : left + patch]
                    errors.append((np.var(maps[0][cut], ddof=1) - np.var(maps[1][cut], ddof=1)) ** 2)
        total += np.mean(errors)
    assert GradientVariance(patch=patch)(sr, hr).item() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_gradients(loss: Edges) -> None:
    sr, hr = draw(8, 9)
    assert torch.autograd.gradcheck(lambda sr: loss(sr, hr), sr)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
@pytest.mark.parametrize("lift", [0.0, 0.25])
def test_images_that_differ_by_a_constant_give_0_and_no_gradient(loss: Edges, lift: float) -> None:
    _, hr = draw(16, 16)
    hr = (hr * 256).round() / 256  # sums of these are exact, so that a difference of slopes is 0 or is not
    sr = (hr + lift).requires_grad_()
    value = loss(sr, hr)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-20)
    assert sr.grad is not None
    assert sr.grad.abs().max() < 1e-12


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_flat_images_have_finite_gradients(loss: Edges) -> None:
    _, hr = draw(16, 16)
    sr = torch.full_like(hr, 0.5).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(sr, hr), sr)
    assert torch.isfinite(gradient).all()


def test_a_ramp_is_as_steep_as_it_is() -> None:
    """0.03 a pixel along rows and 0.04 down: mean of 0.03 and 0.04; within patches slopes do not vary."""
    steps = torch.arange(12, dtype=torch.float64)
    ramp = (0.03 * steps + 0.04 * steps[:, None]).expand(2, 3, 12, 12)
    flat = torch.zeros_like(ramp)
    assert SobelGradient()(ramp, flat).item() == pytest.approx(0.035, rel=1e-12)
    assert SobelGradient(criterion="mse")(ramp, flat).item() == pytest.approx(0.00125, rel=1e-12)


def test_a_step_edge_within_one_patch() -> None:
    """Columns 0 to 3 at 0, 4 to 7 at 1: slopes of 4 in two columns of eight, whose variance is known."""
    step = torch.zeros(1, 3, 8, 8, dtype=torch.float64)
    step[..., 4:] = 1
    variance = np.var([0, 0, 0, 4, 4, 0, 0, 0] * 8, ddof=1)
    flat = torch.zeros_like(step)
    assert GradientVariance()(step, flat).item() == pytest.approx(variance**2, rel=1e-12)


def test_small_images_are_refused_with_a_remedy() -> None:
    sr, hr = draw(7, 7)
    with pytest.raises(ValueError, match=r"gradient variance needs .* 8×8 px, not 7×7: .*smaller patch"):
        GradientVariance()(sr, hr)
    with pytest.raises(ValueError, match=r"Sobel needs images of at least 3×3 px, not 2×7"):
        SobelGradient()(sr[..., :2, :], hr[..., :2, :])


@pytest.mark.parametrize("patch", [1, 129])
def test_a_patch_outside_its_range_is_refused(patch: int) -> None:
    with pytest.raises(ValidationError, match="patch"):
        GradientVariance(patch=patch)


def test_labels() -> None:
    losses = (*LOSSES, GradientVariance())
    assert [loss.label for loss in losses] == [
        "Sobel",
        "Sobel MSE",
        "gradient variance 4×4",
        "gradient variance",
    ]
