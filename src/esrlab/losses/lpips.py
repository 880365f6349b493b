"""LPIPS as a training loss: the metric, minimised."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.losses.inputs import Loss, LossFunction, LossInputs
from esrlab.models.features.lpips import SMALLEST_SIDE
from esrlab.models.lpips_choice import build_lpips


class PerceptualDistance(Loss):
    """LPIPS-Alex v0.1 between sr and hr, mean over the batch (Zhang et al. 2018; the paper's eq. 16).

    Range [0, ∞), 0 where sr = hr; patches of at least 31 px. A generator trained on it cannot be evaluated
    by it: its LPIPS measures how well it learnt the metric.
    """

    kind: Literal["lpips"] = "lpips"
    weights: Literal["real", "student"] = Field(default="real", description="LPIPS, or the embedded student")

    def build(self, device: torch.device) -> LossFunction:
        """Load the network; raises UserError where its weights are not to be found."""
        network = build_lpips(self.weights).to(device)

        def measure(views: LossInputs) -> Tensor:
            return network(views.sr, views.hr).mean()

        return measure

    @property
    def smallest_side(self) -> int:
        return SMALLEST_SIDE

    @property
    def label(self) -> str:
        return "LPIPS" if self.weights == "real" else "LPIPS≈ (student)"
