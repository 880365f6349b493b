"""Consistency: the generated image, made small again, should be the input."""

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.data.degradations.bicubic import bicubic_down
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

_DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "mse": F.mse_loss}


class Consistency(Loss):
    """Mean over batch, channels and pixels of |D(sr) − lr| or its square; D is the exact bicubic reduction.

    D is MATLAB's `imresize` on doubles (`bicubic_down`), neither rounded nor clamped, whatever the recipe's
    degradation is: lr made by it was rounded to 8 bits, so that hr itself costs about 1/1020 (L1). The older
    8-bit convention differs a little more at borders; with blur, noise or JPEG in the degradation, lr is not
    what D makes, and the loss pulls sr towards it all the same.

    Range [0, ∞). It needs lr, and is 0 for every image that becomes lr, detailed or not: beside other losses.
    """

    needs_lr: ClassVar[bool] = True

    kind: Literal["consistency"] = "consistency"
    criterion: Literal["l1", "mse"] = Field(default="l1", description="distance of the small images")

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        scale = views.hr.shape[-1] // views.lr.shape[-1]
        small = bicubic_down(views.sr, scale)
        return _DISTANCES[self.criterion](small, views.lr.to(small.dtype))

    @property
    def label(self) -> str:
        return "consistency" if self.criterion == "l1" else f"consistency ({self.criterion.upper()})"
