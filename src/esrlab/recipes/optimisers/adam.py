"""Adam: updates by the gradient's running mean over the root of its running mean square."""

from typing import Annotated, Literal

from pydantic import Field
from torch import nn
from torch.optim import Adam as TorchAdam

from esrlab.core.backend import make_adam
from esrlab.recipes.optimisers.base import OptimiserPart

Decay = Annotated[float, Field(ge=0, lt=1)]


class Moments(OptimiserPart):
    """What Adam and AdamW have in common.

    With g the gradient, m and v their running means of g and g², each corrected for having begun at 0, a
    weight w changes by −learning_rate · m / (√v + 1e-8).
    """

    betas: tuple[Decay, Decay] = Field(
        default=(0.0, 0.9), description="Adam's decay rates of the first and second moment"
    )


class Adam(Moments):
    """Adam. Kingma & Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1."""

    kind: Literal["adam"] = "adam"

    @property
    def label(self) -> str:
        """As tables say it."""
        return "Adam"

    def build(self, network: nn.Module) -> TorchAdam:
        """Makes one for a network's parameters; one fused kernel a parameter on CPU and CUDA."""
        return make_adam(network, learning_rate=self.learning_rate, betas=self.betas)
