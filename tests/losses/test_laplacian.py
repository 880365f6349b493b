"""The Laplacian pyramid loss against a pyramid of scipy's filters and explicit zeros."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.losses.laplacian import LaplacianPyramid

FILTER = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def draw(height: int, width: int) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(13)
    sr, hr = torch.rand(2, 2, 3, height, width, dtype=torch.float64, generator=source)
    return sr.requires_grad_(), hr


def pyramid(image: np.ndarray, levels: int) -> list[np.ndarray]:
    """Burt & Adelson's pyramid of one channel; "mirror" leaves the border's own pixel single."""
    found = []
    for _ in range(levels):
        smaller = scipy.ndimage.correlate(image, FILTER, mode="mirror")[::2, ::2]
        sparse = np.zeros_like(image)
        sparse[::2, ::2] = smaller
        found.append(image - scipy.ndimage.correlate(sparse, 4 * FILTER, mode="mirror"))
        image = smaller
    return [*found, image]


@pytest.mark.parametrize(("height", "width", "levels"), [(16, 16, 3), (12, 9, 1), (17, 22, 4), (11, 13, 2)])
def test_value_is_bojanowskis_sum_over_the_number_of_values(height: int, width: int, levels: int) -> None:
    sr, hr = draw(height, width)
    total = 0.0
    for one, other in zip(
        sr.detach().numpy().reshape(6, height, width), hr.numpy().reshape(6, height, width), strict=True
    ):
        for ours, theirs in zip(pyramid(one, levels), pyramid(other, levels), strict=True):
            total += height * width / ours.size * np.abs(ours - theirs).sum()
    found = LaplacianPyramid(levels=levels)(sr, hr)
    assert found.item() == pytest.approx(total / (6 * height * width), rel=1e-12)


@pytest.mark.parametrize("levels", [1, 2])
def test_gradient(levels: int) -> None:
    sr, hr = draw(7, 8)
    assert torch.autograd.gradcheck(lambda sr: LaplacianPyramid(levels=levels)(sr, hr), sr)


def test_equal_images_give_0_and_no_gradient() -> None:
    _, hr = draw(16, 16)
    sr = hr.clone().requires_grad_()
    value = LaplacianPyramid()(sr, hr)
    value.backward()
    assert value.item() == 0
    assert sr.grad is not None
    assert torch.equal(sr.grad, torch.zeros_like(sr))


def test_a_constant_difference_is_left_to_the_last_level_alone() -> None:
    _, hr = draw(16, 20)
    sr = (hr + 0.25).requires_grad_()
    value = LaplacianPyramid()(sr, hr)
    (gradient,) = torch.autograd.grad(value, sr)
    assert value.item() == pytest.approx(0.25, rel=1e-12)
    assert torch.isfinite(gradient).all()


def test_small_images_are_refused_with_a_remedy() -> None:
    for levels in (1, 3, 5):
        loss, least = LaplacianPyramid(levels=levels), 2**levels + 1
        assert torch.isfinite(loss(*draw(least, least)))
        with pytest.raises(ValueError, match=rf"at least {least}×{least} px.*fewer levels"):
            loss(*draw(least - 1, least))


@pytest.mark.parametrize("levels", [0, 9])
def test_levels_outside_their_range_are_refused(levels: int) -> None:
    with pytest.raises(ValidationError, match="levels"):
        LaplacianPyramid(levels=levels)


def test_labels() -> None:
    assert [LaplacianPyramid().label, LaplacianPyramid(levels=2).label] == [
        "Laplacian",
        "Laplacian (2 levels)",
    ]
