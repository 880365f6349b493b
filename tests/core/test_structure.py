"""SSIM and MS-SSIM against scikit-image, and against the formulas written out with scipy."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from skimage.metrics import structural_similarity
from torch import Tensor

from esrlab.core.luma import luma
from esrlab.core.structure import (
    SCALE_WEIGHTS,
    combine_scales,
    halve,
    multiscale_ssim,
    similarity_maps,
    smallest_side,
    ssim_map,
)


def draw(*shape: int, seed: int = 3, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    hr = torch.rand(*shape, dtype=torch.float64, generator=source)
    return hr + noise * torch.randn(*shape, dtype=torch.float64, generator=source), hr


def factors(one: np.ndarray, other: np.ndarray, window: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Luminance and contrast × structure with the variances as they are defined, window by window."""
    offsets = np.arange(window) - (window - 1) / 2
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    rows, columns = (side - window + 1 for side in one.shape)
    luminance, contrast = np.empty((rows, columns)), np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            x, y = (image[i : i + window, j : j + window] for image in (one, other))
            mx, my = (kernel * x).sum(), (kernel * y).sum()
            vx, vy = (kernel * (x - mx) ** 2).sum(), (kernel * (y - my) ** 2).sum()
            cov = (kernel * (x - mx) * (y - my)).sum()
            luminance[i, j] = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
            contrast[i, j] = (2 * cov + 9e-4) / (vx + vy + 9e-4)
    return luminance, contrast


@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_the_map_is_scikit_images(noise: float) -> None:
    sr, hr = draw(1, 1, 24, 31, noise=noise)
    field = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    found = structural_similarity(sr[0, 0].numpy(), hr[0, 0].numpy(), data_range=1, full=True, **field)
    whole = np.asarray(found[1])[5:-5, 5:-5]
    np.testing.assert_allclose(ssim_map(sr, hr)[0, 0], whole, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("window", "sigma"), [(11, 1.5), (7, 1.5), (4, 0.8), (1, 1.0)])
def test_both_factors_are_their_formulas_for_any_window(window: int, sigma: float) -> None:
    sr, hr = draw(1, 2, 12, 15)
    found = similarity_maps(sr, hr, window=window, sigma=sigma)
    for channel in range(2):
        expected = factors(sr[0, channel].numpy(), hr[0, channel].numpy(), window, sigma)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours[0, channel], theirs, rtol=0, atol=1e-12)


def multiscale(one: np.ndarray, other: np.ndarray, weights: tuple[float, ...], window: int) -> float:
    """MS-SSIM as its authors' code has it: 2×2 means at mirrored borders, every second pixel kept."""
    value = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            mirrored = [np.pad(image, ((0, 1), (0, 1)), mode="symmetric") for image in (one, other)]
            one, other = (correlate2d(image, np.full((2, 2), 0.25), "valid")[::2, ::2] for image in mirrored)
        luminance, contrast = factors(one, other, window, 1.5)
        value *= (luminance * contrast if scale == len(weights) - 1 else contrast).mean() ** weight
    return value


@pytest.mark.parametrize(
    ("height", "width", "weights", "window"),
    [
        (33, 40, (0.2, 0.5, 0.3), 8),
        (29, 31, (0.4, 0.6), 11),
        (35, 37, SCALE_WEIGHTS, 3),
        (16, 11, (1.0,), 11),
    ],
)
def test_ms_ssim_is_its_formula_for_even_and_odd_sides(
    height: int, width: int, weights: tuple[float, ...], window: int
) -> None:
    sr, hr = draw(2, 2, height, width)
    found = multiscale_ssim(sr, hr, weights=weights, window=window)
    assert found.shape == (2, 2)
    for image in range(2):
        for channel in range(2):
            one, other = sr[image, channel].numpy(), hr[image, channel].numpy()
            expected = multiscale(one, other, weights, window)
            assert found[image, channel].item() == pytest.approx(expected, abs=1e-12)


def test_one_scale_of_weight_1_is_ssim() -> None:
    sr, hr = draw(1, 3, 20, 20)
    torch.testing.assert_close(multiscale_ssim(sr, hr, weights=(1.0,)), ssim_map(sr, hr).mean(dim=(2, 3)))


def test_equal_images_are_1_everywhere_and_have_no_gradient() -> None:
    _, hr = draw(1, 3, 161, 161)
    assert (ssim_map(hr, hr) == 1).all()
    sr = hr.clone().requires_grad_()
    value = multiscale_ssim(sr, hr).mean()
    value.backward()
    assert value.item() == 1
    assert sr.grad is not None
    assert sr.grad.abs().max() < 1e-12


def test_gradients() -> None:
    sr, hr = draw(1, 2, 9, 8)
    sr.requires_grad_()
    assert torch.autograd.gradcheck(lambda sr: ssim_map(sr, hr, window=7).mean(), sr)
    assert torch.autograd.gradcheck(
        lambda sr: multiscale_ssim(sr, hr, weights=(0.3, 0.7), window=3).mean(), sr
    )


def test_a_scale_below_the_floor_counts_as_it_and_leaves_the_others_their_gradient() -> None:
    means = [torch.tensor([value], requires_grad=True) for value in (-0.5, 0.0, 0.64)]
    value = combine_scales(means, (0.5, 0.5, 0.5), floor=0.25)
    value.backward()
    assert value.item() == pytest.approx(0.5 * 0.5 * 0.8)
    assert [mean.grad.item() if mean.grad is not None else None for mean in means] == [
        0,
        0,
        pytest.approx(0.25 * 0.5 / 0.8),
    ]
    assert combine_scales(means, (0.5, 0.5, 0.5)).item() == 0


def test_halving_means_pixels_and_repeats_an_odd_last_row() -> None:
    image = torch.tensor([[[[0.0, 2.0, 8.0], [4.0, 6.0, 0.0], [1.0, 3.0, 5.0]]]])
    assert halve(image)[0, 0].tolist() == [[3.0, 4.0], [2.0, 5.0]]


@pytest.mark.parametrize(("scales", "window"), [(5, 11), (3, 11), (4, 3), (1, 11)])
def test_the_smallest_side_leaves_one_window_and_less_leaves_none(scales: int, window: int) -> None:
    sides = []
    for side in (smallest_side(scales, window=window), smallest_side(scales, window=window) - 1):
        image = torch.zeros(1, 1, side, side)
        for _ in range(scales - 1):
            image = halve(image)
        sides.append(image.shape[-1])
    assert sides == [window, window - 1]
    assert smallest_side(5) == 161


def test_luma_takes_values_beyond_the_range() -> None:
    grey = torch.tensor([-0.5, 0.0, 1.0, 2.0], dtype=torch.float64).reshape(4, 1, 1, 1).expand(4, 3, 1, 1)
    expected = [(16 + value * 219) / 255 for value in (-0.5, 0.0, 1.0, 2.0)]
    torch.testing.assert_close(luma(grey).flatten(), torch.tensor(expected, dtype=torch.float64))
