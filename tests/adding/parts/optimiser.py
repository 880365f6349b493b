"""Stochastic gradient descent with momentum."""

from typing import Literal

from pydantic import Field
from torch import nn
from torch.optim import SGD

from esrlab.recipes.optimisers.base import OptimiserPart


class Momentum(OptimiserPart):
    """SGD: a weight changes by −learning_rate · m, m = momentum · m + g. Polyak 1964."""

    kind: Literal["sgd"] = "sgd"
    momentum: float = Field(default=0.9, ge=0, lt=1, description="decay rate of the running gradient")

    @property
    def label(self) -> str:
        return "SGD"

    def build(self, network: nn.Module) -> SGD:
        return SGD(network.parameters(), lr=self.learning_rate, momentum=self.momentum)
