"""A generator of two convolutions on a bilinear enlargement."""

from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from esrlab.models.generators.base import Detected, GeneratorNetwork, GeneratorPart


class PlainNet(GeneratorNetwork):
    """Bilinear enlargement plus what two convolutions add: (N, 3, h, w) -> (N, 3, h·scale, w·scale)."""

    architecture = "PlainNet"

    def __init__(self, *, scale: int, features: int) -> None:
        super().__init__()
        self.scale = scale
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.tail = nn.Conv2d(features, 3 * scale**2, 3, padding=1)

    @property
    def receptive_field(self) -> int:
        return 2

    @property
    def scale_layers(self) -> tuple[str, ...]:
        return ("tail.",)

    @torch.no_grad()
    def start_as_bilinear(self) -> None:
        for weight in self.tail.parameters():
            weight.zero_()

    def forward(self, lr: Tensor) -> Tensor:
        added = functional.pixel_shuffle(self.tail(functional.relu(self.head(lr))), self.scale)
        return functional.interpolate(lr, scale_factor=self.scale, mode="bilinear") + added


class PlainGenerator(GeneratorPart):
    """PlainNet's shape."""

    kind: Literal["plain"] = "plain"
    features: int = Field(default=8, ge=1, le=512, description="channels between the two convolutions")

    def build(self, *, scale: int) -> PlainNet:
        return PlainNet(scale=scale, features=self.features)

    @property
    def label(self) -> str:
        return f"plain {self.features}"

    @classmethod
    def detect(cls, state: Mapping[str, Tensor], *, scale: int | None) -> Detected | None:
        if "head.weight" not in state or "tail.weight" not in state:
            return None
        found = round((state["tail.weight"].shape[0] / 3) ** 0.5)
        return Detected(cls(features=state["head.weight"].shape[0]), found).require(state)
