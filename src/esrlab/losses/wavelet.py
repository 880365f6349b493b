"""The L1 distance of two images' stationary wavelet transforms."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.core.filters import filter_along
from esrlab.core.luma import Channel, take_channel
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

WaveletName = Literal["sym7", "haar"]

LOW_PASS: dict[WaveletName, tuple[float, ...]] = {
    "haar": (math.sqrt(0.5), math.sqrt(0.5)),
    "sym7": (
        0.002681814568257878,
        -0.0010473848886829163,
        -0.01263630340325193,
        0.03051551316596357,
        0.0678926935013727,
        -0.049552834937127255,
        0.017441255086855827,
        0.5361019170917628,
        0.767764317003164,
        0.2886296317515146,
        -0.14004724044296152,
        -0.10780823770381774,
        0.004010244871533663,
        0.010268176708511255,
    ),
}
"""Low-pass filters of norm 1; Symlet 7 is Daubechies' least asymmetric one of 7 vanishing moments."""


class StationaryWavelet(Loss):
    """Σ_b λ_b · mean |b(sr) − b(hr)| over the bands b of an undecimated wavelet transform.

    Korkmaz & Tekalp 2024: the bands LL, LH, HL and HH of the first level, of luma. With more levels, LH, HL
    and HH of each and LL of the last (Nason & Silverman 1995: at level j, from 0, the taps are 2^j apart).
    Filters: Symlet 7 or Haar, divided by √2, so that the bands' squares add up to the image's; at
    borders the image goes on at its opposite side. (The authors' code takes Symlet 19, whose 38 taps are
    longer than a small patch is wide, and divides the low-pass alone.)

    lh is low-pass along rows and high-pass down columns, hl the other way. Range [0, ∞), 0 where sr = hr.
    """

    kind: Literal["wavelet"] = "wavelet"
    wavelet: WaveletName = Field(default="sym7", description="filters: Symlet 7 or Haar")
    levels: int = Field(default=1, ge=1, le=4, description="levels of the transform")
    ll: float = Field(default=1.0, ge=0, le=100, description="weight of the low band of the last level")
    lh: float = Field(default=1.0, ge=0, le=100, description="weight of horizontal edges' bands")
    hl: float = Field(default=1.0, ge=0, le=100, description="weight of vertical edges' bands")
    hh: float = Field(default=1.0, ge=0, le=100, description="weight of diagonal detail's bands")
    channel: Channel = Field(default="y", description="compare luma (y) or all three channels (rgb)")
    size_remedy: ClassVar[str] = ", or choose fewer levels or haar"

    @model_validator(mode="after")
    def _has_a_band(self) -> Self:
        if not any((self.ll, self.lh, self.hl, self.hh)):
            raise ValueError("ll, lh, hl and hh are all 0, so nothing is compared; give a band a weight")
        return self

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        # The transform is linear: that of the difference takes half the work
        band = take_channel(views.sr, self.channel) - take_channel(views.hr, self.channel)
        total = band.new_zeros(())
        for level in range(self.levels):
            band, *details = transform(band, self.wavelet, spacing=2**level)
            for weight, detail in zip((self.lh, self.hl, self.hh), details, strict=True):
                total = total + weight * detail.abs().mean()
        return total + self.ll * band.abs().mean()

    @property
    def smallest_side(self) -> int:
        """The filter may go round the image once at most."""
        return (len(LOW_PASS[self.wavelet]) - 1) * 2 ** (self.levels - 1)

    @property
    def label(self) -> str:
        weights = {name: getattr(self, name) for name in ("ll", "lh", "hl", "hh")}
        remarks = [
            *([f"{self.levels} levels"] if self.levels > 1 else []),
            *(f"{name} {weight:g}" for name, weight in weights.items() if weight != 1),
            *(["RGB"] if self.channel == "rgb" else []),
        ]
        name = "wavelet" if self.wavelet == "sym7" else "Haar wavelet"
        return f"{name} ({', '.join(remarks)})" if remarks else name


def transform(image: Tensor, wavelet: WaveletName, *, spacing: int = 1) -> tuple[Tensor, ...]:
    """One level of the undecimated transform: LL, LH, HL and HH, each of the image's shape."""
    low = [tap / math.sqrt(2) for tap in LOW_PASS[wavelet]]
    high = [tap * (-1) ** (place + 1) for place, tap in enumerate(reversed(low))]
    return tuple(
        _convolve(along_rows, taps, dim=-2, spacing=spacing)
        for along_rows in (_convolve(image, taps, dim=-1, spacing=spacing) for taps in (low, high))
        for taps in (low, high)
    )


def _convolve(image: Tensor, taps: Sequence[float], *, dim: int, spacing: int) -> Tensor:
    """Periodic convolution along one dimension, shifted by a constant number of pixels."""
    reach = (len(taps) - 1) * spacing
    padding = (0, 0, 0, reach) if dim == -2 else (0, reach, 0, 0)
    return filter_along(F.pad(image, padding, mode="circular"), taps[::-1], dim=dim, spacing=spacing)
