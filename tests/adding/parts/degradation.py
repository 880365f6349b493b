"""Reduction by the mean of each square of pixels."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor
from torch.nn import functional

from esrlab.data.degradations.base import Seed, Synthetic
from esrlab.data.degradations.bicubic import round_to_8bit


class Box(Synthetic):
    """Each LR pixel is the mean of scale × scale HR pixels, rounded to 8 bits."""

    kind: Literal["box"] = "box"

    @property
    def label(self) -> str:
        return "box"

    def reduce(self, hr: Tensor, scale: int, seeds: Sequence[Seed]) -> Tensor:
        return round_to_8bit(functional.avg_pool2d(hr.float() / 255, scale))
