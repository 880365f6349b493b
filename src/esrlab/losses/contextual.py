"""Contextual loss: every feature of hr wants a likely partner in sr, wherever it is."""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.losses.feature_loss import FeatureLoss
from esrlab.models.features.sizes import layer_side, smallest_side

MOST_POSITIONS = 64 * 64
"""Positions of a layer that are compared, each with each: 64 MiB an image and matrix in float32."""

FEWEST_POSITIONS = 8
"""Rows and columns of a layer below which nearly every feature finds its like, and nothing is pulled."""

_EPSILON = 1e-5
"""Keeps d̃ finite where a feature has an exact partner (the paper's ε)."""

_NORM_EPSILON = 1e-5
"""Added to a feature's length before dividing by it: on flat images it is 0."""


class Contextual(FeatureLoss):
    """−log CX(sr, hr) of each layer, weighted and added; mean over the batch.

    Mechrez et al. 2018, "The Contextual Loss for Image Transformation with Non-Aligned Data".

    d_ij is the cosine distance of sr's feature at i and hr's at j, both less the mean over hr's positions;
    d̃_ij = d_ij/(min_k d_ik + ε) with ε = 1e-5; CX_ij = softmax_j(−d̃_ij/h), which is the paper's
    exp((1 − d̃_ij)/h) over its sum; CX = mean_j max_i CX_ij. The default layer is the authors' for
    super-resolution (Mechrez et al. 2018, "Maintaining Natural Image Statistics"), h the first paper's.

    Range [0, log(H·W)] a layer; at sr = hr nearly 0 (exactly only where no two features are near each other),
    and unchanged where sr's features change places. Positions are compared each with each: a layer of more
    than 4,096 is refused before memory is taken.
    """

    kind: Literal["contextual"] = "contextual"
    layers: dict[str, float] = Field(
        default={"conv3_4": 1.0}, validate_default=True, description="weight of each layer, such as conv3_4=1"
    )
    bandwidth: float = Field(
        default=0.5, ge=0.01, le=100, description="h: small ones count the nearest feature alone"
    )

    @property
    def smallest_side(self) -> int:
        return max(smallest_side(self.network, layer, positions=FEWEST_POSITIONS) for layer in self.layers)

    def problems(self, *, height: int, width: int) -> list[str]:
        found = super().problems(height=height, width=width)
        for name in self.layers:
            rows, columns = (layer_side(self.network, name, side) for side in (height, width))
            if rows * columns > MOST_POSITIONS:
                found.append(
                    f"{self.label} compares positions each with each, at most {MOST_POSITIONS}, and {name} "
                    f"has {rows}×{columns} for images of {height}×{width} px: give smaller ones, or a deeper "
                    "layer"
                )
        return found

    def compare(self, sr: Mapping[str, Tensor], hr: Mapping[str, Tensor]) -> Tensor:
        terms = [
            weight * -contextual_similarity(sr[name], hr[name], bandwidth=self.bandwidth).log().mean()
            for name, weight in self.layers.items()
        ]
        return torch.stack(terms).sum()

    @property
    def label(self) -> str:
        remark = "" if self.bandwidth == 0.5 else f"h={self.bandwidth:g}"
        return f"contextual {self.name_network(remark)}"


def contextual_similarity(sr: Tensor, hr: Tensor, *, bandwidth: float) -> Tensor:
    """CX of each image's features: (N, C, H, W) twice -> (N,), in [1/(H·W), 1]."""
    means = hr.mean(dim=(2, 3), keepdim=True)
    one, other = (_unit_length((features - means).flatten(2)) for features in (sr, hr))
    distances = (1 - one.transpose(1, 2) @ other).clamp_min(0)
    relative = distances / (distances.amin(dim=2, keepdim=True) + _EPSILON)
    return torch.softmax(-relative / bandwidth, dim=2).amax(dim=1).mean(dim=1)


def _unit_length(features: Tensor) -> Tensor:
    return features / (torch.linalg.vector_norm(features, dim=1, keepdim=True) + _NORM_EPSILON)
