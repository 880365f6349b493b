"""Frequency distribution loss: amplitude and phase of features as distributions."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.losses.feature_loss import FeatureLoss
from esrlab.losses.projections import directions, sorted_difference
from esrlab.models.features.sizes import smallest_side


class FrequencyDistribution(FeatureLoss):
    """Weighted sum over layers of SW(|F sr|, |F hr|) + λ SW(∠F sr, ∠F hr). Ni et al. 2024.

    F is the (unnormalised) 2-D Fourier transform of each channel, |·| its amplitude, ∠ its phase in (−π, π];
    SW the sliced Wasserstein distance with p = 1: patches of `patch`×`patch` values and all C channels are
    projected on random directions of unit length, sorted, and their absolute differences averaged over
    the batch, directions and ranks. As the authors' code, but for: directions are drawn once from `seed`, 64
    of them (theirs 256); and VGG19's fifth block, which patches below 80 px cannot have, is left out.

    Range [0, ∞), 0 where sr = hr. A phase jumps by 2π at ±π, and has a steep slope where an amplitude is
    nearly 0; the gradient is finite, and 0 where the amplitude is exactly 0. Coefficients that are real by
    symmetry (at most four a channel) have the phase 0 or π, whatever rounding makes of their imaginary part.
    """

    size_remedy: ClassVar[str] = ", shallower layers, or a smaller patch"

    kind: Literal["fdl"] = "fdl"
    layers: dict[str, float] = Field(
        default={"relu1_2": 1.0, "relu2_2": 1.0, "relu3_4": 1.0, "relu4_4": 1.0},
        validate_default=True,
        description="weight of each layer, such as relu3_4=1",
    )
    phase_weight: float = Field(default=1.0, ge=0, description="λ, the weight of the phases")
    patch: int = Field(default=5, ge=1, le=64, description="side of the projected patches of values")
    projections: int = Field(default=64, ge=1, le=4096, description="random directions in each layer")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the random directions")

    @property
    def smallest_side(self) -> int:
        return max(smallest_side(self.network, layer, positions=self.patch) for layer in self.layers)

    def compare(self, sr: Mapping[str, Tensor], hr: Mapping[str, Tensor]) -> Tensor:
        terms = [weight * self._measure(sr[name], hr[name]) for name, weight in self.layers.items()]
        return torch.stack(terms).sum()

    def _measure(self, sr: Tensor, hr: Tensor) -> Tensor:
        spectra = torch.fft.fft2(sr), torch.fft.fft2(hr)
        amplitudes = self._slice(*(spectrum.abs() for spectrum in spectra))
        if self.phase_weight == 0:
            return amplitudes
        return amplitudes + self.phase_weight * self._slice(*map(phases, spectra))

    def _slice(self, sr: Tensor, hr: Tensor) -> Tensor:
        shape = (sr.shape[1], self.patch, self.patch)
        filters = directions(self.projections, shape, seed=self.seed, like=sr)
        return sorted_difference(*(F.conv2d(values, filters).flatten(2) for values in (sr, hr))).abs().mean()

    @property
    def label(self) -> str:
        remarks = (
            "" if self.phase_weight == 1 else f"λ={self.phase_weight:g}",
            "" if self.patch == 5 else f"patch {self.patch}",
            "" if self.projections == 64 else f"{self.projections} directions",
        )
        return f"FDL {self.name_network(*remarks)}"


def phases(spectrum: Tensor) -> Tensor:
    """The phases, in (−π, π], of the Fourier transforms of real images: (N, C, H, W) -> the same shape."""
    height, width = spectrum.shape[-2:]
    rows, columns = torch.arange(height, device=spectrum.device), torch.arange(width, device=spectrum.device)
    # a frequency that is its own negative has a real coefficient
    is_complex = ((2 * rows % height)[:, None] + (2 * columns % width)[None, :]) > 0
    # adding 0 turns −0.0 into 0.0, of which the phase of a negative number is π and not −π
    return torch.complex(spectrum.real, spectrum.imag * is_complex + 0.0).angle()
