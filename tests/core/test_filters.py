"""Filtering by shifted sums against scipy."""

import numpy as np
import pytest
import scipy.signal
import torch
from scipy.signal import windows

from esrlab.core.filters import filter_along, filter_image, gaussian_taps


@pytest.mark.parametrize("window", [1, 4, 11])
def test_gaussian_taps_are_scipys(window: int) -> None:
    expected = windows.gaussian(window, 1.5)
    np.testing.assert_allclose(gaussian_taps(window, 1.5), expected / expected.sum(), rtol=1e-13)


def test_an_image_is_correlated_with_the_products_of_the_taps() -> None:
    image = torch.rand(2, 3, 9, 11, dtype=torch.float64)
    taps = [0.5, -1.0, 0.25, 2.0]
    found = filter_image(image, taps)
    for one, ours in zip(image.flatten(0, 1), found.flatten(0, 1), strict=True):
        expected = scipy.signal.correlate2d(one.numpy(), np.outer(taps, taps), "valid")
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-13)


def test_spaced_taps_reach_further() -> None:
    row = torch.arange(7.0).square().reshape(1, 1, 1, 7).requires_grad_()
    found = filter_along(row, [1.0, -2.0, 1.0], dim=-1, spacing=2)
    assert found.flatten().tolist() == [8.0, 8.0, 8.0]
    (gradient,) = torch.autograd.grad(found.sum(), row)
    assert gradient.flatten().tolist() == [1.0, 1.0, -1.0, -2.0, -1.0, 1.0, 1.0]
