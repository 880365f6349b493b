"""Structural similarity as losses: 1 − SSIM and 1 − MS-SSIM."""

from typing import ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from esrlab.core.luma import Channel, take_channel
from esrlab.core.structure import SCALE_WEIGHTS, multiscale_ssim, smallest_side, ssim_map
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

FLOOR = 1e-3
"""A scale of MS-SSIM whose mean is below this counts as that: the power's slope has no bound at 0."""


class SSIM(Loss):
    """1 − SSIM, mean over the batch, the channels and all whole windows. Wang et al. 2004, eq. 13.

    SSIM = (2 μ_sr μ_hr + C1)(2 σ_srhr + C2) / ((μ_sr² + μ_hr² + C1)(σ_sr² + σ_hr² + C2)) with means,
    variances and covariance under a Gaussian window, C1 = 0.01², C2 = 0.03²: images have the range 1. It is
    the metric's arithmetic on values that are neither rounded nor clamped. Range [0, 2], 0 where sr = hr.

    A generator trained on it cannot be evaluated by it.
    """

    kind: Literal["ssim"] = "ssim"
    window: int = Field(default=11, ge=3, le=65, description="side of the Gaussian window in pixels")
    sigma: float = Field(default=1.5, gt=0, le=20, description="standard deviation σ of the window in pixels")
    channel: Channel = Field(default="rgb", description="compare all three channels (rgb) or luma (y)")
    size_remedy: ClassVar[str] = ", or choose a smaller window"

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        sr, hr = take_channel(views.sr, self.channel), take_channel(views.hr, self.channel)
        return 1 - ssim_map(sr, hr, window=self.window, sigma=self.sigma).mean()

    @property
    def smallest_side(self) -> int:
        return self.window

    @property
    def label(self) -> str:
        return "SSIM" + _remark(self.window, self.sigma, self.channel)


class MSSSIM(Loss):
    """1 − MS-SSIM, mean over the batch and the channels. Wang, Simoncelli & Bovik 2003, eq. 7.

    MS-SSIM = Π_j (mean contrast·structure)_j^w_j · (mean SSIM)_M^w_M over M scales, each half the one before;
    w = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333. With fewer scales these are the first ones, divided by
    their sum. Five scales need 161 pixels a side, four 81, three 41, two 21; smaller images are refused.

    A scale whose mean is below 0.001 counts as 0.001 and pulls nothing: below 0 there is no such power.
    Range [0, 1], 0 where sr = hr. A generator trained on it cannot be evaluated by it.
    """

    kind: Literal["ms-ssim"] = "ms-ssim"
    scales: int = Field(default=5, ge=1, le=5, description="number of scales; fewer for smaller patches")
    window: int = Field(default=11, ge=3, le=65, description="side of the Gaussian window in pixels")
    sigma: float = Field(default=1.5, gt=0, le=20, description="standard deviation σ of the window in pixels")
    channel: Channel = Field(default="rgb", description="compare all three channels (rgb) or luma (y)")
    size_remedy: ClassVar[str] = ", or choose fewer scales or a smaller window"

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        chosen = SCALE_WEIGHTS[: self.scales]
        weights = [weight / sum(chosen) for weight in chosen] if self.scales < len(SCALE_WEIGHTS) else chosen
        sr, hr = take_channel(views.sr, self.channel), take_channel(views.hr, self.channel)
        found = multiscale_ssim(sr, hr, weights=weights, window=self.window, sigma=self.sigma, floor=FLOOR)
        return 1 - found.mean()

    @property
    def smallest_side(self) -> int:
        return smallest_side(self.scales, window=self.window)

    def fitted(self, *, height: int, width: int) -> Self:
        """With as many of its scales as fit."""
        fitting = [
            scales
            for scales in range(1, self.scales + 1)
            if smallest_side(scales, window=self.window) <= min(height, width)
        ]
        return self.model_copy(update={"scales": fitting[-1]}) if fitting else self

    @property
    def label(self) -> str:
        name = "MS-SSIM" if self.scales == len(SCALE_WEIGHTS) else f"MS-SSIM ({self.scales} scales)"
        return name + _remark(self.window, self.sigma, self.channel)


def _remark(window: int, sigma: float, channel: Channel) -> str:
    """What a label says of settings other than the usual ones."""
    size = f" {window}×{window}" if window != 11 else ""
    width = f" σ={sigma:g}" if sigma != 1.5 else ""
    return size + width + (" of Y" if channel == "y" else "")
