"""LDL, blurred colour, chroma and consistency against numpy's loops and scipy's filters."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.ndimage
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.data.degradations.bicubic import bicubic_down
from esrlab.losses.colour import BlurredColour, Chroma
from esrlab.losses.consistency import Consistency
from esrlab.losses.inputs import Loss
from esrlab.losses.ldl import LDL, artefact_map


def draw(height: int, width: int, *, seed: int = 2) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    sr, hr = torch.rand(2, 2, 3, height, width, dtype=torch.float64, generator=source)
    return sr.requires_grad_(), hr


# LDL


def ldl_map(sr: np.ndarray, hr: np.ndarray, window: int) -> np.ndarray:
    """One image's artefact map, pixel by pixel."""
    residual = np.abs(hr - sr).sum(axis=0)
    height, width = residual.shape
    half = window // 2
    mirrored = np.pad(residual, half, mode="reflect")
    found = np.empty_like(residual)
    for row in range(height):
        for column in range(width):
            found[row, column] = mirrored[row : row + window, column : column + window].var(ddof=1)
    return found * residual.var(ddof=1) ** 0.2


@pytest.mark.parametrize("window", [3, 7])
def test_ldl_is_its_formula(window: int) -> None:
    sr, hr = draw(9, 11)
    expected = []
    for one, other in zip(sr.detach().numpy(), hr.numpy(), strict=True):
        expected.append(np.abs(ldl_map(one, other, window) * (one - other)).mean())
    assert LDL(window=window)(sr, hr).item() == pytest.approx(np.mean(expected), rel=1e-12)


def test_ldls_map_is_a_weight_without_a_gradient() -> None:
    sr, hr = draw(8, 8)
    (gradient,) = torch.autograd.grad(LDL()(sr, hr), sr)
    weights = artefact_map(sr.detach(), hr, window=7)
    torch.testing.assert_close(gradient, weights * (sr.detach() - hr).sign() / sr.numel())
    assert torch.autograd.gradcheck(lambda sr: (weights * (sr - hr)).abs().mean(), sr)


def test_ldl_does_not_see_a_residual_that_is_the_same_everywhere() -> None:
    _, hr = draw(8, 8)
    assert LDL()(hr + 0.25, hr).item() == pytest.approx(0, abs=1e-15)
    spiky = hr.clone()
    spiky[..., 4, 4] += 0.5
    assert LDL()(spiky, hr).item() > 1e-4


# Colour


@pytest.mark.parametrize(("window", "variance"), [(21, 3.0), (5, 1.5)])
def test_blurred_colour_is_scipys_correlation_with_dpeds_kernel(window: int, variance: float) -> None:
    sr, hr = draw(13, 10)
    half = window // 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1]
    kernel = np.exp(-(rows**2) / (2 * variance) - columns**2 / (2 * variance))
    kernel /= kernel.sum()
    squares = []
    for one, other in zip(sr.detach().numpy().reshape(6, 13, 10), hr.numpy().reshape(6, 13, 10), strict=True):
        blurred = [scipy.ndimage.correlate(image, kernel, mode="nearest") for image in (one, other)]
        squares.append((blurred[0] - blurred[1]) ** 2)
    found = BlurredColour(window=window, variance=variance)(sr, hr)
    assert found.item() == pytest.approx(np.mean(squares), rel=1e-10)


def test_dpeds_amplitude_is_the_one_that_makes_the_blur_sum_to_1() -> None:
    offsets = np.arange(-10, 11)
    kernel = np.exp(-(offsets**2) / (2 * 3.0))
    assert 1 / kernel.sum() ** 2 == pytest.approx(0.053, abs=5e-4)


def test_blurred_colour_of_a_uniform_shift_is_its_square_and_of_fine_detail_next_to_nothing() -> None:
    _, hr = draw(24, 17)
    assert BlurredColour()(hr + 0.1, hr).item() == pytest.approx(0.01, rel=1e-12)
    board = 0.1 * (-1.0) ** (torch.arange(24)[:, None] + torch.arange(18)[None, :])
    grey = torch.full((1, 3, 24, 18), 0.5, dtype=torch.float64)
    assert BlurredColour()(grey + board, grey).item() < 0.01 / 500


def test_chroma_is_matlabs_matrix() -> None:
    sr, hr = draw(4, 5)
    matrix = np.array([[-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
    one, other = (
        np.einsum("kc,nchw->nkhw", matrix, image) / 255 for image in (sr.detach().numpy(), hr.numpy())
    )
    assert Chroma()(sr, hr).item() == pytest.approx(np.abs(one - other).mean(), rel=1e-12)


def test_chroma_does_not_see_grey_and_sees_red_against_cyan() -> None:
    _, hr = draw(4, 5)
    grey = torch.linspace(-0.2, 0.2, 20, dtype=torch.float64).view(4, 5)
    assert Chroma()(hr + grey, hr).item() == pytest.approx(0, abs=1e-15)
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    apart_in_blue, apart_in_red = 2 * 37.797 / 255, 2 * 112 / 255
    assert Chroma()(red, 1 - red).item() == pytest.approx((apart_in_blue + apart_in_red) / 2, rel=1e-6)


# Consistency


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("criterion", ["l1", "mse"])
def test_consistency_compares_the_reduced_image_with_lr(scale: int, criterion: str) -> None:
    sr, hr = draw(12, 24)
    lr = torch.rand(2, 3, 12 // scale, 24 // scale, dtype=torch.float64)
    loss = Consistency.model_validate({"criterion": criterion})
    apart = (bicubic_down(sr.detach(), scale) - lr).numpy()
    expected = np.abs(apart).mean() if criterion == "l1" else (apart**2).mean()
    assert loss(sr, hr, lr).item() == pytest.approx(expected, rel=1e-12)


def test_consistency_is_0_for_every_image_that_becomes_lr() -> None:
    sr, hr = draw(8, 8)
    assert Consistency()(sr, hr, bicubic_down(sr.detach(), 2)).item() == pytest.approx(0, abs=1e-15)


def test_consistency_needs_lr() -> None:
    sr, hr = draw(8, 8)
    with pytest.raises(ValueError, match=r"consistency may use lr: call it as loss\(sr, hr, lr\)"):
        Consistency()(sr, hr)


# All

LOSSES: list[Loss] = [BlurredColour(window=5), Chroma(), Consistency(), Consistency(criterion="mse")]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_gradients(loss: Loss) -> None:
    sr, hr = draw(6, 8)
    lr = torch.rand(2, 3, 3, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda sr: loss(sr, hr, lr), sr, fast_mode=True)


@pytest.mark.parametrize("loss", [LDL(), *LOSSES], ids=lambda loss: loss.label)
def test_equal_images_cost_nothing_and_gradients_are_finite_there_and_on_flat_ones(loss: Loss) -> None:
    hr = torch.rand(1, 3, 8, 8)
    flat = torch.full_like(hr, 0.5)
    for one, other in ((hr, hr), (flat, flat), (flat, hr)):
        sr = one.clone().requires_grad_()
        value = loss(sr, other, bicubic_down(other, 2))
        (gradient,) = torch.autograd.grad(value, sr)
        assert torch.isfinite(gradient).all()
        assert math.isfinite(value.item())
        assert (value.item() == pytest.approx(0, abs=1e-6)) == (one is other)


def test_ldl_refuses_images_smaller_than_half_its_window() -> None:
    small = torch.rand(1, 3, 3, 9)
    with pytest.raises(ValueError, match="LDL needs images of at least 4×4 px, not 3×9"):
        LDL()(small, small)
    assert LDL(window=5)(small, small).item() == 0


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: LDL(window=4), "4 is even"),
        (lambda: BlurredColour(window=20), "20 is even"),
        (lambda: BlurredColour(variance=0), "variance"),
        (lambda: LDL(window=1), "window"),
    ],
)
def test_ranges(make: Callable[[], Loss], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        make()
