"""The L1 distance of two images' Laplacian pyramids."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.core.filters import filter_image
from esrlab.losses.inputs import Loss, LossFunction, LossInputs

TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""The binomial filter, Burt & Adelson's with a = 3/8."""


class LaplacianPyramid(Loss):
    """Σ_j 4^j · ‖L_j(sr) − L_j(hr)‖₁ over the levels of Laplacian pyramids, divided by the image's size.

    Bojanowski et al. 2018, Lap₁ (after Ling & Okada 2006). L_0 … L_{levels−1} are band-passes, the image
    of level j less the enlarged one of level j + 1 (Burt & Adelson 1983, the filter 1 4 6 4 1 along each
    direction, mirrored at the borders); the last level is the low-pass image that remains. Level j has
    4^j times fewer values, so that a level's weight 4^j, divided by the number of values in the batch,
    makes this the sum of the levels' mean absolute differences. Range [0, ∞), 0 where sr = hr.
    """

    kind: Literal["laplacian"] = "laplacian"
    levels: int = Field(default=3, ge=1, le=8, description="band-passes, each of half the size of the last")
    size_remedy: ClassVar[str] = ", or choose fewer levels"

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        # The pyramid is linear: that of the difference takes half the work
        image = views.sr - views.hr
        total = image.new_zeros(())
        for _ in range(self.levels):
            smaller = reduce(image)
            total = total + (image - expand(smaller, *image.shape[-2:])).abs().mean()
            image = smaller
        return total + image.abs().mean()

    @property
    def smallest_side(self) -> int:
        """The last image to be made smaller must have three pixels for its border to be mirrored."""
        return 2**self.levels + 1

    @property
    def label(self) -> str:
        return "Laplacian" if self.levels == 3 else f"Laplacian ({self.levels} levels)"


def reduce(image: Tensor) -> Tensor:
    """The image at half its size: filtered, every second pixel kept. -> (N, C, ⌈H/2⌉, ⌈W/2⌉)."""
    return filter_image(F.pad(image, (2, 2, 2, 2), mode="reflect"), TAPS)[..., ::2, ::2]


def expand(image: Tensor, height: int, width: int) -> Tensor:
    """The image at twice its size, (N, C, height, width): zeros in between, then the filter times 4."""
    sparse = image.new_zeros(*image.shape[:2], height, width)
    sparse[..., ::2, ::2] = image
    return filter_image(F.pad(sparse, (2, 2, 2, 2), mode="reflect"), [2 * tap for tap in TAPS])
