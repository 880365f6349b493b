"""Fourier and focal frequency losses against numpy's transform of whole spectra."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.losses.focal_frequency import FocalFrequency
from esrlab.losses.fourier import FourierAmplitudePhase


def draw(height: int, width: int, *, seed: int = 17) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    sr, hr = torch.rand(2, 2, 3, height, width, dtype=torch.float64, generator=source)
    return sr.requires_grad_(), hr


def whole_spectrum(image: Tensor, *, hann: bool = False) -> np.ndarray:
    array = image.detach().numpy()
    if hann:
        windows = [np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2 for side in array.shape[-2:]]
        array = array * np.outer(*windows)
    return np.fft.fft2(array, norm="ortho")


# amplitude and phase


@pytest.mark.parametrize(("height", "width"), [(8, 10), (7, 9)])
@pytest.mark.parametrize("window", ["hann", "none"])
@pytest.mark.parametrize(("amplitude", "phase"), [(0.5, 0.5), (1.0, 0.0), (0.0, 2.0)])
def test_fourier_is_its_formula_over_the_whole_spectrum(
    height: int, width: int, window: str, amplitude: float, phase: float
) -> None:
    sr, hr = draw(height, width)
    one, other = (whole_spectrum(image, hann=window == "hann") for image in (sr, hr))
    turns = np.abs(np.angle(one) - np.angle(other))
    turns = np.minimum(turns, 2 * np.pi - turns)
    expected = amplitude * np.mean(np.abs(np.abs(one) - np.abs(other))) + phase * np.mean(turns)
    loss = FourierAmplitudePhase.model_validate(
        {"window": window, "amplitude": amplitude, "phase": phase, "epsilon": 1e-6}
    )
    assert loss(sr, hr).item() == pytest.approx(expected, rel=1e-10)


def test_brightness_changes_amplitudes_alone_and_a_shift_phases_alone() -> None:
    _, hr = draw(8, 8)
    spectrum = np.abs(whole_spectrum(hr))
    amplitude = FourierAmplitudePhase(amplitude=1, phase=0, window="none")
    phase = FourierAmplitudePhase(amplitude=0, phase=1, window="none")
    assert amplitude(1.5 * hr, hr).item() == pytest.approx(0.5 * spectrum.mean(), rel=1e-12)
    assert phase(1.5 * hr, hr).item() == pytest.approx(0, abs=1e-12)
    shifted = hr.roll(1, dims=-1)
    assert amplitude(shifted, hr).item() == pytest.approx(0, abs=1e-12)
    # a shift by one pixel of eight turns frequency k by 2π k / 8: 0, 45, 90, 135, 180, 135, 90, 45 degrees
    assert phase(shifted, hr).item() == pytest.approx(math.pi / 2, rel=1e-9)


@pytest.mark.parametrize("window", ["hann", "none"])
def test_fourier_gradient(window: str) -> None:
    sr, hr = draw(5, 6)
    loss = FourierAmplitudePhase.model_validate({"window": window})
    assert torch.autograd.gradcheck(lambda sr: loss(sr, hr), sr)


def test_frequencies_without_amplitude_have_no_phase_and_no_gradient_of_one() -> None:
    """A wave of one frequency: all others are 0 in hr, so that their phases are noise and count nothing."""
    steps = torch.arange(8, dtype=torch.float64)
    hr = (0.5 + 0.4 * torch.cos(2 * math.pi * steps / 8)).expand(1, 3, 8, 8)
    sr = (0.5 + 0.4 * torch.cos(2 * math.pi * steps / 8 + 0.25)).expand(1, 3, 8, 8).clone()
    noise = 1e-9 * torch.rand(sr.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    sr = (sr + noise).requires_grad_()
    loss = FourierAmplitudePhase(amplitude=0, phase=1, window="none")
    value = loss(sr, hr)
    (gradient,) = torch.autograd.grad(value, sr)
    # the wave and its opposite are two of 64 frequencies
    assert value.item() == pytest.approx(2 * 0.25 / 64, rel=1e-6)
    assert gradient.abs().max() < 1


# focal frequency


def focal(sr: Tensor, hr: Tensor, *, alpha: float, k: int, log: bool) -> float:
    """Jiang et al.'s formula on whole spectra, patch by patch."""
    values = []
    height, width = (side // k for side in hr.shape[-2:])
    for row in range(k):
        for column in range(k):
            cut = (..., slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
            gap = np.abs(whole_spectrum(sr[cut]) - whole_spectrum(hr[cut]))
            weights = gap**alpha
            if log:
                weights = np.log(weights + 1)
            weights = weights / weights.max(axis=(-2, -1), keepdims=True)
            values.append(np.mean(weights * gap**2))
    return float(np.mean(values))


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5])
@pytest.mark.parametrize(("height", "width", "k"), [(8, 10, 1), (9, 7, 1), (8, 10, 2), (9, 15, 3)])
@pytest.mark.parametrize("log", [False, True])
def test_focal_frequency_is_its_formula(alpha: float, height: int, width: int, k: int, log: bool) -> None:
    sr, hr = draw(height, width)
    loss = FocalFrequency(alpha=alpha, patch_factor=k, log_matrix=log)
    assert loss(sr, hr).item() == pytest.approx(focal(sr, hr, alpha=alpha, k=k, log=log), rel=1e-10)


def test_without_focus_it_is_the_mean_squared_difference() -> None:
    sr, hr = draw(7, 6)
    torch.testing.assert_close(FocalFrequency(alpha=0)(sr, hr), (sr - hr).square().mean())


def test_one_wrong_frequency_weighs_fully() -> None:
    """One wave of amplitude 0.1: the weights are 1 at it and the value is its mean square."""
    steps = torch.arange(8, dtype=torch.float64)
    wave = 0.1 * torch.cos(2 * math.pi * 2 * steps / 8).expand(1, 3, 8, 8)
    _, hr = draw(8, 8)
    assert FocalFrequency()(hr[:1] + wave, hr[:1]).item() == pytest.approx(0.005, rel=1e-9)


@pytest.mark.parametrize("log", [False, True])
def test_no_gradient_runs_through_the_weights(log: bool) -> None:
    sr, hr = draw(5, 6)
    loss = FocalFrequency(alpha=0)
    assert torch.autograd.gradcheck(lambda sr: loss(sr, hr), sr)
    loss = FocalFrequency(alpha=1.5, log_matrix=log)
    (found,) = torch.autograd.grad(loss(sr, hr), sr)
    gap = whole_spectrum(sr) - whole_spectrum(hr)
    weights = np.abs(gap) ** 1.5
    weights = np.log(weights + 1) if log else weights
    weights = weights / weights.max(axis=(-2, -1), keepdims=True)
    # the gradient of Σ w |F d|² is 2 F* (w · F d), F being unitary
    expected = 2 * np.fft.ifft2(weights * gap, norm="ortho").real / gap.size
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


# both

LOSSES = [FourierAmplitudePhase(), FocalFrequency(), FocalFrequency(patch_factor=2, log_matrix=True)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_images_give_0_and_no_gradient(
    loss: FourierAmplitudePhase | FocalFrequency, dtype: torch.dtype
) -> None:
    _, hr = draw(16, 18)
    hr = hr.to(dtype)
    sr = hr.clone().requires_grad_()
    value = loss(sr, hr)
    value.backward()
    assert value.item() == 0
    assert sr.grad is not None
    assert torch.equal(sr.grad, torch.zeros_like(sr))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
@pytest.mark.parametrize("level", [0.0, 0.5])
def test_flat_images_have_finite_gradients(
    loss: FourierAmplitudePhase | FocalFrequency, level: float
) -> None:
    _, target = draw(16, 16)
    flat = torch.full((2, 3, 16, 16), level)
    for hr in (target.float(), flat):
        sr = flat.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(sr, hr), sr)
        assert torch.isfinite(gradient).all()


def test_sides_that_are_not_whole_patches_are_refused_with_a_remedy() -> None:
    sr, hr = draw(16, 18)
    with pytest.raises(ValueError, match=r"4×4 patches, .* not divide 16×18 px: choose a patch_factor"):
        FocalFrequency(patch_factor=4)(sr, hr)
    for loss in (FourierAmplitudePhase(), FocalFrequency()):
        assert torch.isfinite(loss(sr[..., :1, :1], hr[..., :1, :1]))


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        (FourierAmplitudePhase, {"amplitude": 0, "phase": 0}, "nothing is compared"),
        (FourierAmplitudePhase, {"epsilon": 0}, "epsilon"),
        (FourierAmplitudePhase, {"window": "hamming"}, "window"),
        (FocalFrequency, {"alpha": -1}, "alpha"),
        (FocalFrequency, {"patch_factor": 0}, "patch_factor"),
    ],
)
def test_settings_without_sense_are_refused(
    kind: type[FourierAmplitudePhase | FocalFrequency], fields: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        kind.model_validate(fields)


def test_labels() -> None:
    losses = (*LOSSES, FourierAmplitudePhase(amplitude=0, phase=2, window="none", epsilon=0.01))
    assert [loss.label for loss in losses] == [
        "Fourier amplitude + phase",
        "focal frequency",
        "focal frequency 2×2 patches log",
        "Fourier 2·phase, no window, ε=0.01",
    ]
