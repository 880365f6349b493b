"""Content loss: the distance between sr and hr in the features of a frozen classification network."""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.losses.feature_loss import FeatureLoss

DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mse": F.mse_loss, "l1": F.l1_loss}


class Content(FeatureLoss):
    """Weighted sum over layers of the mean squared (or absolute) feature difference. Paper, eq. 7 and 8.

    Mean over the batch, the positions *and the channels* of a layer: eq. 7 divides by W_ij·H_ij alone,
    so it is larger by the number of channels (512 at conv5_4), while ESRGAN's code averages as here.
    ESRGAN's code takes `criterion` "l1" where the paper has "mse". Range [0, ∞), 0 where sr = hr.

    layers: weight by layer name, also as text: "conv5_4" or "relu1_2=0.1,conv5_4=1"; VGG's convN_M is the
    layer before its activation. Weights are at least 0. Raises ValueError for a layer the network lacks.
    """

    names_recipe: ClassVar[bool] = True

    kind: Literal["content"] = "content"
    criterion: Literal["mse", "l1"] = Field(default="mse", description="distance of features")

    def compare(self, sr: Mapping[str, Tensor], hr: Mapping[str, Tensor]) -> Tensor:
        distance = DISTANCES[self.criterion]
        return torch.stack([w * distance(sr[name], hr[name]) for name, w in self.layers.items()]).sum()

    @property
    def label(self) -> str:
        return self.name_network("" if self.criterion == "mse" else self.criterion.upper())
