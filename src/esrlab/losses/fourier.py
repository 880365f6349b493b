"""The difference of two images' Fourier amplitudes and of their phases."""

import math
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from esrlab.core.spectra import half_spectrum, spectrum_mean
from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class FourierAmplitudePhase(Loss):
    """a · mean ||F(sr)| − |F(hr)|| + p · mean |∠F(sr) − ∠F(hr)| over all frequencies and channels.

    Fuoli, Van Gool & Timofte 2021, with a = p = ½ and images under a Hann window as theirs, here
    sin²(π(i + ½)/n) along both sides. F is the orthonormal discrete Fourier transform. Angles are taken the
    short way round, in [0, π]. A frequency at which either amplitude is at most ε has no phase worth the
    name, and a slope of 1/amplitude: it adds nothing to the phases' mean. The default ε, 0.001, is the
    amplitude that rounding to 8 bit leaves.

    Range [0, ∞), 0 where sr = hr.
    """

    kind: Literal["fourier"] = "fourier"
    amplitude: float = Field(default=0.5, ge=0, le=100, description="weight a of the amplitudes' difference")
    phase: float = Field(default=0.5, ge=0, le=100, description="weight p of the phases' difference")
    window: Literal["hann", "none"] = Field(default="hann", description="window on both images before F")
    epsilon: float = Field(
        default=1e-3, ge=1e-6, le=1, description="amplitude ε up to which a frequency has no phase"
    )

    @model_validator(mode="after")
    def _has_a_part(self) -> Self:
        if self.amplitude == 0 and self.phase == 0:
            raise ValueError("amplitude and phase are both 0, so nothing is compared; give one a weight")
        return self

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        width = views.hr.shape[-1]
        sr, hr = self._transform(views.sr), self._transform(views.hr)
        amplitudes = _modulus(sr), _modulus(hr)
        total = views.sr.new_zeros(())
        if self.amplitude:
            total = total + self.amplitude * spectrum_mean((amplitudes[0] - amplitudes[1]).abs(), width)
        if self.phase:
            has_phase = torch.minimum(*amplitudes) > self.epsilon
            total = total + self.phase * spectrum_mean(_turn(sr, hr, where=has_phase).abs(), width)
        return total

    def _transform(self, image: Tensor) -> Tensor:
        if self.window == "none":
            return half_spectrum(image)
        down, across = (_hann(side, image) for side in image.shape[-2:])
        return half_spectrum(image * down[:, None] * across)

    @property
    def label(self) -> str:
        parts = [
            f"{weight:g}·{name}" if weight != 0.5 else name
            for name, weight in (("amplitude", self.amplitude), ("phase", self.phase))
            if weight
        ]
        windowless = "" if self.window == "hann" else ", no window"
        threshold = "" if self.epsilon == 1e-3 else f", ε={self.epsilon:g}"
        return f"Fourier {' + '.join(parts)}{windowless}{threshold}"


def _hann(side: int, like: Tensor) -> Tensor:
    middles = torch.arange(side, dtype=like.dtype, device=like.device) + 0.5
    return (middles * (math.pi / side)).sin().square()


def _modulus(spectrum: Tensor) -> Tensor:
    """|z|, with the gradient 0 where z is 0."""
    squares = spectrum.real.square() + spectrum.imag.square()
    # √0 has an infinite slope, and ∞ · 0 = NaN runs through one `where`: hence two
    is_zero = squares == 0
    return torch.where(is_zero, 0.0, torch.where(is_zero, 1.0, squares).sqrt())


def _turn(sr: Tensor, hr: Tensor, *, where: Tensor) -> Tensor:
    """The angle from hr to sr in [-π, π]; 0 with no gradient where it is not asked for.

    In real numbers, so that equal spectra give exactly 0.
    """
    dot = sr.real * hr.real + sr.imag * hr.imag
    cross = sr.imag * hr.real - sr.real * hr.imag
    return torch.atan2(torch.where(where, cross, 0.0), torch.where(where, dot, 1.0))
