"""Gram (style) loss: how often features appear together, wherever they do."""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.losses.feature_loss import FeatureLoss


class Gram(FeatureLoss):
    """Weighted sum over layers of ‖G(sr) − G(hr)‖²_F with G = F Fᵀ/(C·H·W), mean over the batch.

    F holds a layer's C channels as rows, its H·W positions as columns. Johnson et al. 2016 with
    their normalisation; Gatys et al. 2016 have a quarter of it a layer. `criterion` "l1": the mean absolute
    difference of the C² entries, as BasicSR's style loss. The default layers are Gatys's, each of weight 1.

    Range [0, ∞), 0 where sr = hr, and where sr has hr's features in other places: it knows no positions.
    """

    kind: Literal["gram"] = "gram"
    layers: dict[str, float] = Field(
        default={f"relu{block}_1": 1.0 for block in range(1, 6)},
        validate_default=True,
        description="weight of each layer, such as relu3_1=1",
    )
    criterion: Literal["frobenius", "l1"] = Field(
        default="frobenius", description="distance of Gram matrices: squared Frobenius norm, or mean L1"
    )

    def compare(self, sr: Mapping[str, Tensor], hr: Mapping[str, Tensor]) -> Tensor:
        terms: list[Tensor] = []
        for name, weight in self.layers.items():
            apart = gram_matrix(sr[name]) - gram_matrix(hr[name])
            is_l1 = self.criterion == "l1"
            terms.append(weight * (apart.abs().mean() if is_l1 else apart.square().sum(dim=(1, 2)).mean()))
        return torch.stack(terms).sum()

    @property
    def label(self) -> str:
        return f"Gram {self.name_network('' if self.criterion == 'frobenius' else 'L1')}"


def gram_matrix(features: Tensor) -> Tensor:
    """F Fᵀ/(C·H·W) of each image: (N, C, H, W) -> (N, C, C)."""
    rows = features.flatten(2)
    return rows @ rows.transpose(1, 2) / (rows.shape[1] * rows.shape[2])
