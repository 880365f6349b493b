"""Focal frequency loss: the spectrum's squared difference, the worst frequencies weighing most."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.core.spectra import half_spectrum, spectrum_mean
from esrlab.losses.inputs import Loss, LossFunction, LossInputs


class FocalFrequency(Loss):
    """mean w · |F(sr) − F(hr)|² over all frequencies and channels, w = |F(sr) − F(hr)|^α over its maximum.

    Jiang et al. 2021: F is the orthonormal discrete Fourier transform, the maximum is taken over each
    spectrum (of one channel of one patch of one image), and no gradient runs through w, which says only
    where to look. α = 0 is the mean squared difference of images. `patch_factor` k cuts the image into k×k
    patches with spectra of their own; `log_matrix` takes log(1 + |…|^α) before the division.

    Range [0, ∞), 0 where sr = hr. ValueError where k does not divide the sides.
    """

    kind: Literal["focal-frequency"] = "focal-frequency"
    alpha: float = Field(default=1.0, ge=0, le=10, description="exponent α of the frequencies' weights")
    patch_factor: int = Field(default=1, ge=1, le=64, description="cut the image into k×k patches first")
    log_matrix: bool = Field(default=False, description="take the weights' logarithm")

    def build(self, device: torch.device) -> LossFunction:
        """Nothing is loaded."""
        return self._measure

    def _measure(self, views: LossInputs) -> Tensor:
        # The transform is linear: that of the difference takes half the work
        difference = self._cut(views.sr - views.hr)
        spectrum = half_spectrum(difference)
        squares = spectrum.real.square() + spectrum.imag.square()
        return spectrum_mean(self._weigh(squares.detach()) * squares, difference.shape[-1])

    def _weigh(self, squares: Tensor) -> Tensor:
        weights = squares.pow(self.alpha / 2)
        if self.log_matrix:
            weights = weights.log1p()
        largest = weights.amax(dim=(-2, -1), keepdim=True)
        return weights / torch.where(largest == 0, 1.0, largest)

    def _cut(self, image: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, k, k, C, H / k, W / k)."""
        if self.patch_factor == 1:
            return image
        k, (height, width) = self.patch_factor, image.shape[-2:]
        cut = image.unflatten(3, (k, width // k)).unflatten(2, (k, height // k))
        return cut.permute(0, 2, 4, 1, 3, 5)

    def problems(self, *, height: int, width: int) -> list[str]:
        """The patches must be whole."""
        k = self.patch_factor
        if height % k == 0 and width % k == 0:
            return []
        return [
            f"{self.label} cuts images into {k}×{k} patches, which does not divide {height}×{width} px: "
            "choose a patch_factor that divides both sides"
        ]

    @property
    def label(self) -> str:
        exponent = "" if self.alpha == 1 else f" α={self.alpha:g}"
        patches = "" if self.patch_factor == 1 else f" {self.patch_factor}×{self.patch_factor} patches"
        return "focal frequency" + exponent + patches + (" log" if self.log_matrix else "")
