"""SSIM and MS-SSIM as losses, against scikit-image and the formula in numpy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity
from torch import Tensor

from esrlab.losses.structure import MSSSIM, SSIM


def draw(side: int, *, batch: int = 2, noise: float = 0.1, seed: int = 5) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    hr = torch.rand(batch, 3, side, side + 3, dtype=torch.float64, generator=source)
    sr = hr + noise * torch.randn(hr.shape, dtype=torch.float64, generator=source)
    return sr.requires_grad_(), hr


def as_arrays(image: Tensor, *, luma: bool) -> list[np.ndarray]:
    """Every channel of every image, or luma by scikit-image, as (height, width)."""
    arrays = [one.permute(1, 2, 0).detach().numpy() for one in image]
    if luma:
        return [rgb2ycbcr(array)[..., 0] / 255 for array in arrays]
    return [array[..., channel] for array in arrays for channel in range(3)]


def map_of(one: np.ndarray, other: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    """scikit-image's SSIM map without the border that its windows reach over (σ = 1.5: 11×11 pixels)."""
    reach = int(3.5 * sigma + 0.5)
    field = {"gaussian_weights": True, "sigma": sigma, "use_sample_covariance": False}
    found = structural_similarity(one, other, data_range=1, full=True, **field)
    return np.asarray(found[1])[reach:-reach, reach:-reach]


@pytest.mark.parametrize(
    ("loss", "sigma"), [(SSIM(), 1.5), (SSIM(channel="y"), 1.5), (SSIM(window=7, sigma=0.9), 0.9)]
)
def test_ssim_is_1_less_scikit_images(loss: SSIM, sigma: float) -> None:
    sr, hr = draw(24)
    pairs = zip(*(as_arrays(image, luma=loss.channel == "y") for image in (sr, hr)), strict=True)
    expected = 1 - np.mean([map_of(one, other, sigma) for one, other in pairs])
    assert loss(sr, hr).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("scales", "weights"), [(2, (0.0448, 0.2856)), (1, (0.0448,))])
def test_ms_ssim_is_1_less_its_formula_with_the_first_weights(
    scales: int, weights: tuple[float, ...]
) -> None:
    """At an even size halving is the mean of 2×2 blocks; contrast is SSIM over luminance."""
    sr, hr = draw(25, batch=1)
    sr, hr = sr[..., :24, :28], hr[..., :24, :28]
    values = []
    for one, other in zip(*(as_arrays(image, luma=False) for image in (sr, hr)), strict=True):
        value = 1.0
        for scale in range(scales):
            if scale:
                one, other = (a.reshape(12, 2, 14, 2).mean(axis=(1, 3)) for a in (one, other))  # noqa: PLW2901
            whole = map_of(one, other)
            if scale < scales - 1:
                whole = whole / luminance_of(one, other)
            value *= whole.mean() ** (weights[scale] / sum(weights))
        values.append(value)
    assert MSSSIM(scales=scales)(sr, hr).item() == pytest.approx(1 - np.mean(values), abs=1e-12)


def luminance_of(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    gauss = np.exp(-((np.arange(11) - 5) ** 2) / 4.5)
    window = np.outer(gauss, gauss) / gauss.sum() ** 2
    views = [np.lib.stride_tricks.sliding_window_view(image, (11, 11)) for image in (one, other)]
    x, y = ((view * window).sum(axis=(2, 3)) for view in views)
    return (2 * x * y + 1e-4) / (x**2 + y**2 + 1e-4)


@pytest.mark.parametrize("loss", [SSIM(window=5), SSIM(window=5, channel="y"), MSSSIM(scales=2, window=4)])
def test_gradients(loss: SSIM | MSSSIM) -> None:
    sr, hr = draw(8, batch=1)
    assert torch.autograd.gradcheck(lambda sr: loss(sr, hr), sr)


@pytest.mark.parametrize("loss", [SSIM(), MSSSIM(scales=2), SSIM(channel="y")])
def test_equal_images_give_0_and_no_gradient(loss: SSIM | MSSSIM) -> None:
    _, hr = draw(24)
    sr = hr.clone().requires_grad_()
    value = loss(sr, hr)
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-14)
    assert sr.grad is not None
    assert sr.grad.abs().max() < 1e-12


FLAT: list[Callable[[], SSIM | MSSSIM]] = [SSIM, lambda: MSSSIM(scales=2)]


@pytest.mark.parametrize("make", FLAT)
@pytest.mark.parametrize("values", [(0.25, 0.75), (0.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_flat_images_leave_the_luminance_and_a_finite_gradient(
    make: Callable[[], SSIM | MSSSIM], values: tuple[float, float]
) -> None:
    x, y = values
    loss = make()
    sr, hr = (torch.full((1, 3, 24, 24), value, dtype=torch.float64) for value in values)
    value = loss(sr, hr)
    (gradient,) = torch.autograd.grad(loss(single := sr.float().requires_grad_(), hr.float()), single)
    assert torch.isfinite(gradient).all()
    luminance = (2 * x * y + 1e-4) / (x**2 + y**2 + 1e-4)
    # fewer scales: the last one's luminance alone counts, to the power of its part of the weights
    power = 1.0 if isinstance(loss, SSIM) else 0.2856 / (0.0448 + 0.2856)
    floor = 0.0 if isinstance(loss, SSIM) else 1e-3
    assert value.item() == pytest.approx(1 - max(luminance, floor) ** power, abs=1e-12)


def test_a_negative_image_is_worse_than_none_and_still_pulls() -> None:
    _, hr = draw(24)
    sr = (1 - hr).requires_grad_()
    value = SSIM()(sr, hr)
    assert 1 < value.item() <= 2
    several = MSSSIM(scales=2)(sr, hr)
    (gradient,) = torch.autograd.grad(several, sr)
    assert several.item() < 1
    assert torch.isfinite(gradient).all()


def test_small_images_are_refused_with_a_remedy() -> None:
    for side, loss, said in (
        (10, SSIM(), r"SSIM needs images of at least 11×11 px, not 10×13: .*smaller window"),
        (160, MSSSIM(), r"MS-SSIM needs images of at least 161×161 px, not 160×163: .*fewer scales"),
        (40, MSSSIM(scales=3), r"MS-SSIM \(3 scales\) needs images of at least 41×41 px"),
    ):
        sr, hr = draw(side, batch=1)
        with pytest.raises(ValueError, match=said):
            loss(sr, hr)
    sr, hr = draw(41, batch=1)
    assert MSSSIM(scales=3)(sr, hr).item() > 0
    sr, hr = draw(16, batch=1)
    assert SSIM()(sr, hr).item() > 0


@pytest.mark.parametrize("fields", [{"window": 2}, {"sigma": 0}, {"channel": "uv"}, {"scales": 6}])
def test_settings_outside_their_ranges_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        MSSSIM.model_validate(fields)


def test_labels() -> None:
    losses = (SSIM(), SSIM(window=7, sigma=1.0, channel="y"), MSSSIM(), MSSSIM(scales=3))
    assert [loss.label for loss in losses] == [
        "SSIM",
        "SSIM 7×7 σ=1 of Y",
        "MS-SSIM",
        "MS-SSIM (3 scales)",
    ]
