"""Local discriminative learning: differences from hr count where they vary, as artefacts do."""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class LDL(Loss):
    """Mean over batch, channels and pixels of |M · (sr − hr)|, M the artefact map. Liang et al. 2022.

    With the residual r = Σ_channels |hr − sr|, M = σ · v: v the (unbiased) variance of r in the window around
    a pixel, σ = Var(r)^{1/5} over the whole image. Mirrored at the border. M is a weight: no
    gradient runs through it.

    Left out: the authors set M to 0 wherever sr is nearer to hr than the image of the moving-average
    generator is. A loss sees no such image, so here artefacts are weighed wherever they are, also
    where the training is improving on its average.

    Range [0, ∞), 0 where sr = hr, and where the residual is the same everywhere. Beside other losses only:
    alone it does not see a shift in brightness.
    """

    kind: Literal["ldl"] = "ldl"
    window: int = Field(default=7, ge=3, le=63, description="side of the window, an odd number of pixels")

    @model_validator(mode="after")
    def _window_has_a_middle(self) -> Self:
        if self.window % 2 == 0:
            raise ValueError(f"the window must have a middle, and {self.window} is even: give an odd number")
        return self

    @property
    def smallest_side(self) -> int:
        return self.window // 2 + 1

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        with torch.no_grad():
            weights = artefact_map(views.sr, views.hr, window=self.window)
        return (weights * (views.sr - views.hr)).abs().mean()

    @property
    def label(self) -> str:
        return "LDL" if self.window == 7 else f"LDL (window {self.window})"


def artefact_map(sr: Tensor, hr: Tensor, *, window: int) -> Tensor:
    """How much the residual varies at each pixel: (N, C, H, W) twice -> (N, 1, H, W), 0 or more."""
    residual = (hr - sr).abs().sum(dim=1, keepdim=True)
    whole = residual.var(dim=(1, 2, 3), keepdim=True) ** (1 / 5)
    padded = F.pad(residual, [window // 2] * 4, mode="reflect")
    return whole * padded.unfold(2, window, 1).unfold(3, window, 1).var(dim=(-1, -2))
