"""AdamW: Adam with weight decay apart from the gradient."""

from typing import Literal

from pydantic import Field
from torch import nn
from torch.optim import AdamW as TorchAdamW

from esrlab.core.backend import make_adamw
from esrlab.recipes.optimisers.adam import Moments


class AdamW(Moments):
    """Adam with decoupled weight decay: each update also takes learning_rate · weight_decay · w off w.

    So decay follows the schedule of the learning rate and is not divided by √v, as it would be as a part of
    the gradient. It holds for every parameter, biases and norms' scales too.
    Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2.
    """

    kind: Literal["adamw"] = "adamw"
    weight_decay: float = Field(
        default=0.01, ge=0, le=1, description="part of each weight that decays at a learning rate of 1"
    )

    @property
    def label(self) -> str:
        """As tables say it."""
        return f"AdamW, decay {self.weight_decay:g}"

    def build(self, network: nn.Module) -> TorchAdamW:
        """Makes one for a network's parameters; one fused kernel a parameter on CPU and CUDA."""
        return make_adamw(
            network, learning_rate=self.learning_rate, betas=self.betas, weight_decay=self.weight_decay
        )
