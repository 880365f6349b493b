"""LPIPS as a training loss: the metric, minimised."""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from esrlab.losses.inputs import FeatureWeights, Loss, LossFunction, LossInputs
from esrlab.models.features.lpips import LPIPS_FORMS, LPIPSBase
from esrlab.models.lpips_choice import build_lpips


class PerceptualDistance(Loss):
    """LPIPS v0.1 between sr and hr, mean over the batch (Zhang et al. 2018; the paper's eq. 16).

    Range [0, ∞), 0 where sr = hr; patches of at least 31 px, on VGG16 16. A generator trained on it cannot
    be evaluated by it: its LPIPS measures how well it learnt the metric. The student was taught LPIPS-Alex.
    Untrained: a random network, always the same, whose channels all count the same.
    """

    kind: Literal["lpips"] = "lpips"
    weights: FeatureWeights = Field(
        default="real", description="LPIPS, the embedded student, or an untrained network"
    )
    network: LPIPSBase = Field(default="alex", description="network whose activations are compared")

    @model_validator(mode="after")
    def _student_stands_for_alex(self) -> Self:
        if self.weights == "student" and self.network != "alex":
            raise ValueError(
                f"there is no student of LPIPS on {LPIPS_FORMS[self.network].title}: choose network 'alex', "
                "or weights 'real' or 'untrained'"
            )
        return self

    def with_weights(self, weights: FeatureWeights) -> Self:
        """The same loss on other weights; the student stands in for either network."""
        network = "alex" if weights == "student" else self.network
        return type(self)(weights=weights, network=network)

    @property
    def needs(self) -> tuple[str, ...]:
        return LPIPS_FORMS[self.network].weights if self.weights == "real" else ()

    @property
    def smallest_side(self) -> int:
        return LPIPS_FORMS[self.network].smallest_side

    def build(self, device: torch.device) -> LossFunction:
        """Load the network; raises UserError where its weights are not to be found."""
        network = build_lpips(self.weights, network=self.network).to(device)

        def measure(views: LossInputs) -> Tensor:
            return network(views.sr, views.hr).mean()

        setattr(measure, "origin", getattr(network, "origin", ""))  # noqa: B010 (a function's own)
        return measure

    @property
    def label(self) -> str:
        if self.weights == "student":
            return "LPIPS≈ (student)"
        title = "LPIPS" if self.network == "alex" else "LPIPS-VGG"
        return title if self.weights == "real" else f"{title} ({self.weights})"
