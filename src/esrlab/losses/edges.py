"""Losses on Sobel slopes: their differences, and how much they vary within patches."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.core.filters import filter_along
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

SMOOTH, DIFFERENCE = (1.0, 2.0, 1.0), (-1.0, 0.0, 1.0)
"""Sobel's operator: the difference along one direction, smoothed along the other."""

GREY = (0.299, 0.587, 0.114)
"""BT.601's weights of red, green and blue."""


def sobel(image: Tensor) -> tuple[Tensor, Tensor]:
    """Slopes along rows and along columns where a pixel has all eight neighbours; Sobel & Feldman 1968.

    (N, C, H, W) -> two of (N, C, H - 2, W - 2), 8 times the slope per pixel.
    """
    across = filter_along(filter_along(image, SMOOTH, dim=-2), DIFFERENCE, dim=-1)
    down = filter_along(filter_along(image, SMOOTH, dim=-1), DIFFERENCE, dim=-2)
    return across, down


class SobelGradient(Loss):
    """Mean absolute (or squared) difference of Sobel slopes, over both directions and the channels.

    ½ Σ_{x, y} mean |S * (sr − hr)| / 8, with Sobel & Feldman's 1968 operators S; divided by 8, a slope is
    the change of value from pixel to pixel. Only pixels with all eight neighbours count. Range [0, ∞), 0
    where sr and hr differ by a constant.
    """

    kind: Literal["sobel"] = "sobel"
    criterion: Literal["l1", "mse"] = Field(default="l1", description="distance of slopes")

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        # The operator is linear: filtering the difference takes half the work
        across, down = sobel((views.sr - views.hr) / 8)
        if self.criterion == "mse":
            return (across.square().mean() + down.square().mean()) / 2
        return (across.abs().mean() + down.abs().mean()) / 2

    @property
    def smallest_side(self) -> int:
        return 3

    @property
    def label(self) -> str:
        return "Sobel" if self.criterion == "l1" else "Sobel MSE"


class GradientVariance(Loss):
    """Mean squared difference of the variances of Sobel slopes within patches, both directions added.

    Σ_{x, y} mean_i (var_i(S * grey(sr)) − var_i(S * grey(hr)))² over the patches i of n×n pixels that the
    image is cut into from its top left; var divides by n² − 1. Abrahamyan et al. 2022, with Sobel's
    operator as published (not divided by 8) on BT.601 grey. Rows and columns beyond the last whole
    patch do not count; at the borders the outermost pixels are repeated. Range [0, ∞), 0 where sr = hr, and
    wherever slopes vary alike.
    """

    kind: Literal["gradient-variance"] = "gradient-variance"
    patch: int = Field(default=8, ge=2, le=128, description="side n of a patch in pixels")
    size_remedy: ClassVar[str] = ", or choose a smaller patch"

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        pairs = zip(self._variances(views.sr), self._variances(views.hr), strict=True)
        across, down = (F.mse_loss(sr, hr) for sr, hr in pairs)
        return across + down

    def _variances(self, image: Tensor) -> tuple[Tensor, Tensor]:
        grey = (image * image.new_tensor(GREY).reshape(1, 3, 1, 1)).sum(dim=1, keepdim=True)
        across, down = sobel(F.pad(grey, (1, 1, 1, 1), mode="replicate"))
        return self._vary(across), self._vary(down)

    def _vary(self, slopes: Tensor) -> Tensor:
        """(N, 1, H, W) -> (N, rows, columns): the variance within each whole patch."""
        rows, columns = (side // self.patch for side in slopes.shape[-2:])
        whole = slopes[:, 0, : rows * self.patch, : columns * self.patch]
        cut = whole.unflatten(2, (columns, self.patch)).unflatten(1, (rows, self.patch))
        return cut.var(dim=(2, 4))

    @property
    def smallest_side(self) -> int:
        return self.patch

    @property
    def label(self) -> str:
        return "gradient variance" if self.patch == 8 else f"gradient variance {self.patch}×{self.patch}"
