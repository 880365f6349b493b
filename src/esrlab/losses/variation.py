"""Total variation: how much the generated image changes from pixel to pixel, whatever the target."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class TotalVariation(Loss):
    """Σ_ij [(z_{i,j+1} − z_ij)² + (z_{i+1,j} − z_ij)²]^{β/2} of sr. Paper, eq. 5 (Mahendran & Vedaldi 2015).

    Averaged over the batch. `reduction` "sum" adds up the space and the channels of each image, as eq. 5
    has it, so that the value, and with it the weight's meaning, grows with the patch's area; "mean" divides
    by their number. Only positions that have both neighbours count, (height − 1) × (width − 1) of them.
    Range [0, ∞), 0 for a flat image.

    Where an image is flat and β < 2 the formula has no usable derivative (none at all for β ≤ 1):
    there the gradient is 0. The value is eq. 5's everywhere; no ε is added.
    """

    kind: Literal["tv"] = "tv"
    beta: float = Field(default=2.0, gt=0, description="exponent β; 2 is the squared gradient")
    reduction: Literal["sum", "mean"] = Field(default="sum", description="over positions and channels")

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        here = views.sr[..., :-1, :-1]
        right = views.sr[..., :-1, 1:]
        below = views.sr[..., 1:, :-1]
        steepness = (right - here).square() + (below - here).square()
        # 0 ** (β/2) has an infinite slope for β < 2, and ∞ · 0 = NaN runs through one `where`: hence two.
        flat = steepness == 0
        powers = torch.where(flat, torch.ones_like(steepness), steepness).pow(self.beta / 2)
        variation = torch.where(flat, torch.zeros_like(powers), powers)
        return variation.mean() if self.reduction == "mean" else variation.sum(dim=(1, 2, 3)).mean()

    @property
    def label(self) -> str:
        name = "TV" if self.reduction == "sum" else "mean TV"
        return name if self.beta == 2 else f"{name} β={self.beta:g}"
