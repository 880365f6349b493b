"""Sliced Wasserstein loss: features as a distribution, compared along random directions."""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.losses.feature_loss import FeatureLoss
from esrlab.losses.projections import directions, sorted_difference


class SlicedWasserstein(FeatureLoss):
    """Weighted sum over layers of the sliced Wasserstein distance of sr's and hr's features.

    A layer's H·W features of C channels are projected on random directions V of unit length and sorted;
    mean over batch, directions and ranks of (sort(Vᵀ sr) − sort(Vᵀ hr))². Heitz et al. 2021. The
    authors draw new directions in each step, here they are drawn once from `seed`. Their layers are the first
    twelve of VGG19; by default these are Gatys's of the first four blocks.

    Range [0, ∞), 0 where sr = hr, and where sr has hr's features in other places: it knows no positions.
    """

    kind: Literal["swd"] = "swd"
    layers: dict[str, float] = Field(
        default={f"relu{block}_1": 1.0 for block in range(1, 5)},
        validate_default=True,
        description="weight of each layer, such as relu3_1=1",
    )
    projections: int = Field(default=64, ge=1, le=4096, description="random directions in each layer")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the random directions")

    def compare(self, sr: Mapping[str, Tensor], hr: Mapping[str, Tensor]) -> Tensor:
        terms = [weight * self._measure(sr[name], hr[name]) for name, weight in self.layers.items()]
        return torch.stack(terms).sum()

    def _measure(self, sr: Tensor, hr: Tensor) -> Tensor:
        slices = directions(self.projections, (sr.shape[1],), seed=self.seed, like=sr)
        return sorted_difference(slices @ sr.flatten(2), slices @ hr.flatten(2)).square().mean()

    @property
    def label(self) -> str:
        return f"SWD {self.name_network('' if self.projections == 64 else f'{self.projections} directions')}"
