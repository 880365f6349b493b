"""The stages of `camera`, one function each: blur, the two noises. Images are levels from 0 to 255.

The order and the ranges are those of the first-order models of BSRGAN (Zhang et al. 2021, "Designing a
Practical Degradation Model for Deep Blind Image Super-Resolution") and Real-ESRGAN (Wang et al. 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv2d

from esrlab.data.degradations.bicubic_sums import fold

Levels = NDArray[np.float64]

LUMA = np.array([0.299, 0.587, 0.114])
"""BT.601's weights of R, G and B."""

_PLANES = 16


@dataclass(frozen=True)
class Blur:
    """A Gaussian: standard deviations along both axes in pixels, and the first axis's angle in radians."""

    sigma: float
    across: float
    angle: float = 0.0

    @property
    def is_isotropic(self) -> bool:
        """Whether it is the same in all directions, and so two passes of one dimension."""
        return self.sigma == self.across


def gaussian_taps(size: int, sigma: float) -> Tensor:
    """exp(-x² / 2σ²) at the `size` whole x around 0, divided by their sum; (size,) float64."""
    place = torch.arange(size, dtype=torch.float64) - size // 2
    taps = torch.exp(-(place**2) / (2 * sigma**2))
    return taps / taps.sum()


def gaussian_kernel(size: int, blur: Blur) -> Tensor:
    """exp(-½ (u²/σ² + v²/τ²)), u and v being x and y turned by the angle, over its sum; (size, size) float64.

    Rows are y, columns x.
    """
    place = torch.arange(size, dtype=torch.float64) - size // 2
    y, x = place[:, None], place[None, :]
    along = x * cos(blur.angle) + y * sin(blur.angle)
    across = y * cos(blur.angle) - x * sin(blur.angle)
    kernel = torch.exp(-0.5 * ((along / blur.sigma) ** 2 + (across / blur.across) ** 2))
    return kernel / kernel.sum()


def apply_blurs(levels: Tensor, blurs: Sequence[Blur | None], *, size: int) -> Tensor:
    """Each image under its own blur; (N, C, H, W) float64 in and out, symmetric border, None for no blur.

    The sums are taken in float32, whose error is below a thousandth of a level.
    """
    found, channels = levels.clone(), levels.shape[1]
    planes = found.view(-1, *levels.shape[-2:])
    kernels = [_kernel_of(blur, size) if blur is not None else None for blur in blurs]
    for dimensions, convolve in ((1, _convolve_both_ways), (2, _convolve)):
        chosen = [kernel if kernel is not None and kernel.ndim == dimensions else None for kernel in kernels]
        wanted = [place for place in range(len(planes)) if chosen[place // channels] is not None]
        for first in range(0, len(wanted), _PLANES):
            group = wanted[first : first + _PLANES]
            own = [kernel for place in group if (kernel := chosen[place // channels]) is not None]
            blurred = convolve(_fill(planes[group].float()), _fill(torch.stack(own).float()))
            planes[group] = blurred[: len(group)].double()
    return found


def _kernel_of(blur: Blur, size: int) -> Tensor:
    """One dimension, for both passes, where the blur is isotropic, else two."""
    return gaussian_taps(size, blur.sigma) if blur.is_isotropic else gaussian_kernel(size, blur)


def _fill(planes: Tensor) -> Tensor:
    """The planes, with zeros after them up to _PLANES.

    An image's sums are then the same whatever stands beside it, and other numbers of planes are slow.
    """
    lacking = _PLANES - len(planes)
    return torch.cat([planes, planes.new_zeros(lacking, *planes.shape[1:])]) if lacking else planes


def _convolve(planes: Tensor, kernels: Tensor) -> Tensor:
    """(N, H, W) float32 each under its own kernel of those (N, k, k)."""
    reach = kernels.shape[-1] // 2
    padded = _mirror(_mirror(planes, reach).mT.contiguous(), reach).mT.contiguous()
    return conv2d(padded[None], kernels[:, None], groups=len(planes))[0]


def _convolve_both_ways(planes: Tensor, taps: Tensor) -> Tensor:
    """(N, H, W) float32 each under its own taps of those (N, k), down the columns and then along the rows."""
    columns = _convolve_columns(planes, taps)
    return _convolve_columns(columns.mT.contiguous(), taps).mT


def _convolve_columns(planes: Tensor, taps: Tensor) -> Tensor:
    padded = _mirror(planes, taps.shape[-1] // 2)
    return conv2d(padded[None], taps[:, None, :, None], groups=len(planes))[0]


def _mirror(planes: Tensor, reach: int) -> Tensor:
    """Symmetric border: `reach` more rows at top and bottom, mirrored, the outermost repeated."""
    rows = planes.shape[-2]
    if reach > rows:
        return planes[..., fold(torch.arange(-reach, rows + reach), rows, "symmetric"), :]
    top, bottom = planes[..., :reach, :].flip(-2), planes[..., rows - reach :, :].flip(-2)
    return torch.cat([top, planes, bottom], -2)  # far quicker than row by row


def add_poisson(levels: Levels, sigma: float, *, is_grey: bool, rng: np.random.Generator) -> Levels:
    """Shot noise: of N photons at white, Poisson(N·x) arrive, so that its variance is proportional to x.

    levels: (3, H, W). sigma: its standard deviation at white in levels; N = (255/σ)². is_grey: one noise for
    all channels, drawn for luma. (Foi et al. 2008, "Practical Poissonian-Gaussian noise modeling".)
    """
    photons = (255 / sigma) ** 2
    light = np.clip(levels, 0, 255) / 255
    if is_grey:
        light = np.tensordot(LUMA, light, 1)[None]
    return levels + 255 * (rng.poisson(light * photons) / photons - light)


def add_gaussian(levels: Levels, sigma: float, *, is_grey: bool, rng: np.random.Generator) -> Levels:
    """Read noise, of σ levels wherever it is; (3, H, W). is_grey: one noise for all channels."""
    shape = (1, *levels.shape[1:]) if is_grey else levels.shape
    return levels + sigma * rng.standard_normal(shape)
