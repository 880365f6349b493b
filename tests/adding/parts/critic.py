"""A critic of one convolution, which scores the mean of what it gives."""

from typing import Literal

from pydantic import Field
from torch import nn

from esrlab.models.critics.base import CriticPart


class Shallow(CriticPart):
    """One convolution of stride 2 and a mean: a score for each sample."""

    kind: Literal["shallow"] = "shallow"
    features: int = Field(default=4, ge=1, le=512, description="channels of its convolution")

    @property
    def label(self) -> str:
        return f"shallow {self.features}"

    @property
    def smallest_size(self) -> int:
        return 8

    def build(self, *, size: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, self.features, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(self.features, 1),
        )
