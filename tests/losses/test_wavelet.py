"""The stationary wavelet loss by the convolution theorem, and its filters by what defines them."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.losses.wavelet import LOW_PASS, StationaryWavelet, WaveletName, transform

NAMES: list[WaveletName] = ["haar", "sym7"]


def draw(height: int, width: int) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(19)
    sr, hr = torch.rand(2, 2, 3, height, width, dtype=torch.float64, generator=source)
    return sr.requires_grad_(), hr


def filters(name: WaveletName) -> tuple[np.ndarray, np.ndarray]:
    low = np.array(LOW_PASS[name])
    return low, low[::-1] * (-1.0) ** np.arange(len(low))


@pytest.mark.parametrize(("name", "moments"), [("haar", 1), ("sym7", 7)])
def test_the_filters_are_orthonormal_and_have_their_vanishing_moments(
    name: WaveletName, moments: int
) -> None:
    """What defines Daubechies' filters: 2N taps, N vanishing moments, shifts by two orthogonal."""
    low, high = filters(name)
    assert len(low) == 2 * moments
    assert low.sum() == pytest.approx(np.sqrt(2), abs=1e-12)
    for shift in range(0, len(low), 2):
        assert low[shift:] @ low[: len(low) - shift] == pytest.approx(float(shift == 0), abs=1e-12)
        assert high[shift:] @ low[: len(low) - shift] == pytest.approx(0, abs=1e-12)
    places = np.arange(len(high)) / len(high)
    for power in range(moments):
        assert high @ places**power == pytest.approx(0, abs=1e-11)
    assert abs(high @ places**moments) > 1e-6


def test_symlet_7_is_the_least_asymmetric() -> None:
    """Of the filters with these moments the one of nearly linear phase: its energy lies in the middle."""
    assert (np.array(LOW_PASS["sym7"]) ** 2)[6:10].sum() > 0.95


def bands(image: np.ndarray, name: WaveletName, spacing: int) -> list[np.ndarray]:
    """LL, LH, HL, HH by the convolution theorem; a filter's zeros between its taps are written out."""
    spectra = []
    for taps in filters(name):
        sparse = np.zeros((len(taps) - 1) * spacing + 1)
        sparse[::spacing] = taps / np.sqrt(2)
        spectra.append([periodic(sparse, side) for side in image.shape])
    return [
        np.fft.ifft2(np.fft.fft2(image) * down[0][:, None] * across[1]).real
        for across in spectra
        for down in spectra
    ]


def periodic(taps: np.ndarray, side: int) -> np.ndarray:
    """The transform of a filter on a ring of `side` pixels, which a long one goes round more than once."""
    ring = np.zeros(side)
    np.add.at(ring, np.arange(len(taps)) % side, taps)
    return np.fft.fft(ring)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width", "levels"), [(16, 16, 1), (17, 14, 1), (30, 27, 2)])
@pytest.mark.parametrize("channel", ["y", "rgb"])
def test_value_is_its_formula(name: WaveletName, height: int, width: int, levels: int, channel: str) -> None:
    sr, hr = draw(height, width)
    fields = {"wavelet": name, "levels": levels, "channel": channel}
    loss = StationaryWavelet.model_validate({**fields, "ll": 0.5, "lh": 1, "hl": 2, "hh": 3})
    difference = (sr - hr).detach().numpy()
    if channel == "y":
        difference = np.tensordot(difference, np.array([65.481, 128.553, 24.966]) / 255, (1, 0))[:, None]
    values = []
    for one in difference.reshape(-1, height, width):
        value, low = 0.0, one
        for level in range(levels):
            low, lh, hl, hh = bands(low, name, 2**level)
            value += np.abs(lh).mean() + 2 * np.abs(hl).mean() + 3 * np.abs(hh).mean()
        values.append(value + 0.5 * np.abs(low).mean())
    assert loss(sr, hr).item() == pytest.approx(np.mean(values), rel=1e-10)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spacing", [1, 2])
def test_the_bands_squares_add_up_to_the_images(name: WaveletName, spacing: int) -> None:
    image, _ = draw(26, 28)
    total = sum(band.square().sum() for band in transform(image, name, spacing=spacing))
    torch.testing.assert_close(total, image.square().sum(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_gradient(name: WaveletName) -> None:
    sr, hr = draw(14, 13)
    sr, hr = sr[:1].detach().requires_grad_(), hr[:1]
    loss = StationaryWavelet(wavelet=name)
    assert torch.autograd.gradcheck(lambda sr: loss(sr, hr), sr)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_difference_is_all_in_the_low_band(name: WaveletName) -> None:
    _, hr = draw(26, 26)
    loss = StationaryWavelet(wavelet=name, levels=2, channel="rgb", ll=2)
    assert loss(hr + 0.125, hr).item() == pytest.approx(0.25, rel=1e-9)


def test_horizontal_edges_are_in_lh_and_vertical_ones_in_hl() -> None:
    rows = torch.rand(1, 3, 16, 1, dtype=torch.float64).expand(1, 3, 16, 16)
    flat = torch.zeros_like(rows)
    only = {"ll": 0.0, "lh": 0.0, "hl": 0.0, "hh": 0.0}
    for band, image in (("lh", rows), ("hl", rows.mT)):
        for other in ("lh", "hl", "hh"):
            value = StationaryWavelet(**{**only, other: 1.0})(image, flat).item()  # pyright: ignore[reportArgumentType]
            assert (value > 0.01) if other == band else value < 1e-12


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [None, 0.0, 0.5])
def test_equal_images_give_0_and_no_gradient(name: WaveletName, level: float | None) -> None:
    _, hr = draw(16, 16)
    if level is not None:
        hr = torch.full_like(hr, level)
    sr = hr.clone().requires_grad_()
    value = StationaryWavelet(wavelet=name)(sr, hr)
    value.backward()
    assert value.item() == 0
    assert sr.grad is not None
    assert torch.equal(sr.grad, torch.zeros_like(sr))


def test_small_images_are_refused_with_a_remedy() -> None:
    for loss, least in (
        (StationaryWavelet(), 13),
        (StationaryWavelet(levels=2), 26),
        (StationaryWavelet(wavelet="haar", levels=3), 4),
    ):
        assert torch.isfinite(loss(*draw(least, least)))
        with pytest.raises(ValueError, match=rf"at least {least}×{least} px.*fewer levels or haar"):
            loss(*draw(least, least - 1))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"ll": 0, "lh": 0, "hl": 0, "hh": 0}, "nothing is compared"),
        ({"levels": 5}, "levels"),
        ({"wavelet": "db2"}, "wavelet"),
        ({"hh": -1}, "hh"),
    ],
)
def test_settings_without_sense_are_refused(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        StationaryWavelet.model_validate(fields)


def test_labels() -> None:
    losses = (StationaryWavelet(), StationaryWavelet(wavelet="haar", levels=2, ll=0, channel="rgb"))
    assert [loss.label for loss in losses] == ["wavelet", "Haar wavelet (2 levels, ll 0, RGB)"]
