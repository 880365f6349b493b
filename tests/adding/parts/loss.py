"""A loss of the differences' fourth power."""

from typing import Literal

import torch
from torch import Tensor

from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class L4(Loss):
    """Mean of d⁴ over batch, channels and pixels; range [0, ∞), 0 where sr = hr."""

    kind: Literal["l4"] = "l4"

    def build(self, device: torch.device) -> LossFunction:
        return mean_fourth_power

    @property
    def label(self) -> str:
        return "L4"


def mean_fourth_power(inputs: LossInputs) -> Tensor:
    """A scalar tensor."""
    return (inputs.sr - inputs.hr).pow(4).mean()
