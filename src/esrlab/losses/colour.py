"""Losses of colour: blurred images compared, and the chroma channels."""

import math
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.core.filters import filter_image, gaussian_taps
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

CHROMA = (
    (-37.797 / 255, -74.203 / 255, 112.0 / 255),
    (112.0 / 255, -93.786 / 255, -18.214 / 255),
)
"""Cb and Cr of R, G, B in [0, 1], less their offset: BT.601, limited range, as MATLAB's rgb2ycbcr."""


class BlurredColour(Loss):
    """Mean over batch, channels and pixels of (G ∗ sr − G ∗ hr)². Ignatov et al. 2017 (DPED).

    G(k, l) = A exp(−(k² + l²)/(2σ)) in a window of 21×21 px with σ = 3: as printed, σ is not squared, so it
    is a *variance* (the usual σ is √3 px), and their A = 0.053 = 1/(2π·3) makes G's sum 1; here A is whatever
    makes the sum exactly 1. DPED takes the sum where this takes the mean, and zeros beyond the border where
    this repeats the edge: a uniform shift d in colour costs d² everywhere.

    Range [0, ∞), 0 where sr = hr. Detail finer than the blur costs next to nothing.
    """

    kind: Literal["blurred-colour"] = "blurred-colour"
    window: int = Field(default=21, ge=3, le=255, description="side of the blur, an odd number of pixels")
    variance: float = Field(default=3.0, gt=0, le=1e4, description="variance of the blur in px²; DPED's σ")

    @model_validator(mode="after")
    def _window_has_a_middle(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"the window must have a middle, and {self.window} is even: give an odd number")
        return self

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        # Blurring is linear: one blur of the difference is the difference of two.
        around = F.pad(views.sr - views.hr, [self.window // 2] * 4, mode="replicate")
        return filter_image(around, gaussian_taps(self.window, math.sqrt(self.variance))).square().mean()

    @property
    def label(self) -> str:
        remarks = (
            "" if self.window == 21 else f"{self.window} px",
            "" if self.variance == 3 else f"variance {self.variance:g}",
        )
        said = ", ".join(filter(None, remarks))
        return f"blurred colour ({said})" if said else "blurred colour"


class Chroma(Loss):
    """Mean over batch, Cb and Cr, and pixels of |sr − hr| in BT.601's chroma (ITU-R BT.601).

    Limited range as in MATLAB's rgb2ycbcr: Cb = (−37.797 R − 74.203 G + 112 B)/255 and Cr = (112 R − 93.786 G
    − 18.214 B)/255, offsets left out. Below 224/255 for images in [0, 1], 0 where sr = hr, and where
    they differ by grey alone: for use beside a loss that sees brightness.
    """

    kind: Literal["chroma"] = "chroma"

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        weights = views.sr.new_tensor(CHROMA)[:, :, None, None]
        apart = (views.sr - views.hr)[:, None]
        return (weights * apart).sum(dim=2).abs().mean()

    @property
    def label(self) -> str:
        return "chroma"
