"""DISTS as a training loss: structure and texture of features, minimised."""

from collections.abc import Callable
from typing import Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from esrlab.core.backend import full_precision, prepare
from esrlab.errors import UserError
from esrlab.losses.inputs import FeatureWeights, Loss, LossFunction, LossInputs
from esrlab.models.dists_choice import build_dists
from esrlab.models.features.dists import SMALLEST_SIDE, WEIGHTS


class DISTS(Loss):
    """DISTS between sr and hr, mean over the batch (Ding et al. 2020).

    Range [0, 2), 0 where sr = hr; patches of at least 16 px. A generator trained on it cannot be evaluated
    by it: its DISTS measures how well it learnt the metric.

    weights: "real" is DISTS. No student was taught it: "student" is its formula over the image and the VGG
    student's one layer, "untrained" over the image and a random VGG16's layers; channels all count the same.
    """

    kind: Literal["dists"] = "dists"
    weights: FeatureWeights = Field(
        default="real", description="DISTS, or its formula on the VGG student or on a random network"
    )

    def with_weights(self, weights: FeatureWeights) -> Self:
        return type(self)(weights=weights)

    @property
    def needs(self) -> tuple[str, ...]:
        return WEIGHTS if self.weights == "real" else ()

    @property
    def smallest_side(self) -> int:
        return SMALLEST_SIDE

    def build(self, device: torch.device) -> LossFunction:
        """Load the network; raises UserError where its weights are not to be found."""
        try:
            network = prepare(build_dists(self.weights).to(device))
        except UserError as error:
            raise UserError(f"{error}. Or take its formula on a student: --weights student") from error

        def measure(views: LossInputs) -> Tensor:
            stages = views.once(
                ("stages of hr", self.weights), lambda: _without_graph(network.measure, views.hr)
            )
            found = network.measure(views.sr)
            with full_precision(views.sr.device):
                return network.compare(found, stages).mean()

        setattr(measure, "origin", getattr(network, "origin", ""))  # noqa: B010 (a function's own)
        return measure

    @property
    def label(self) -> str:
        return "DISTS" if self.weights == "real" else f"DISTS formula ({self.weights})"


def _without_graph(measure: Callable[[Tensor], list[Tensor]], hr: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return measure(hr)
