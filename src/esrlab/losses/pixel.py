"""Losses that compare pixel with pixel: L1, MSE, Charbonnier and Huber."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class L1(Loss):
    """Mean absolute difference over batch, channels and pixels; range [0, ∞), 0 where sr = hr."""

    kind: Literal["l1"] = "l1"

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        return F.l1_loss(views.sr, views.hr)

    @property
    def label(self) -> str:
        return "L1"


class MSE(Loss):
    """Mean squared difference over batch, channels and pixels; range [0, ∞). Paper, eq. 6.

    Eq. 6 divides by the number of pixels r²WH and is silent on channels; here these are averaged too.
    """

    kind: Literal["mse"] = "mse"

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        return F.mse_loss(views.sr, views.hr)

    @property
    def label(self) -> str:
        return "MSE"


class Charbonnier(Loss):
    """Mean of √(d² + ε²), an L1 that is smooth at 0; range [ε, ∞), ε (not 0) where sr = hr.

    Charbonnier et al. 1994; as in LapSRN (Lai et al. 2017), ε = 1e-3. Below the least ε allowed,
    ε² would vanish in float32 and the gradient at d = 0 with it.
    """

    kind: Literal["charbonnier"] = "charbonnier"
    epsilon: float = Field(default=1e-3, ge=1e-12, description="ε, below which a difference counts as none")

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        return ((views.sr - views.hr).square() + self.epsilon**2).sqrt().mean()

    @property
    def label(self) -> str:
        return "Charbonnier" if self.epsilon == 1e-3 else f"Charbonnier (ε={self.epsilon:g})"


class Huber(Loss):
    """Mean of d²/2 where |d| ≤ δ and of δ·(|d| − δ/2) elsewhere; range [0, ∞), 0 where sr = hr.

    Huber 1964. Differences up to δ weigh as in MSE, larger ones as in L1; no gradient exceeds δ over the
    number of values. The default δ is 0.05, 13 of 255 levels.
    """

    kind: Literal["huber"] = "huber"
    delta: float = Field(
        default=0.05, ge=1e-6, le=1, description="difference δ from which the loss grows linearly"
    )

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        return F.huber_loss(views.sr, views.hr, delta=self.delta)

    @property
    def label(self) -> str:
        return "Huber" if self.delta == 0.05 else f"Huber δ={self.delta:g}"
