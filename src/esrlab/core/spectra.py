"""Fourier spectra of real images, of which one half says all."""

import torch
from torch import Tensor


def half_spectrum(image: Tensor) -> Tensor:
    """The orthonormal discrete Fourier transform of real images, without its redundant half.

    (N, C, H, W) -> (N, C, H, W // 2 + 1), complex; dtype float32 or float64 in. Orthonormal: the squared
    amplitudes of the whole spectrum add up to the squared values of the image.
    """
    return torch.fft.rfft2(image, norm="ortho")


def spectrum_mean(values: Tensor, width: int) -> Tensor:
    """The mean of what is known of a half spectrum over the whole one, and over the leading dimensions.

    values: (…, H, width // 2 + 1), equal at a frequency and its opposite. The columns of frequency 0 and, for
    an even width, of the highest one are their own opposites; all others count twice.
    """
    counts = values.new_full((values.shape[-1],), 2.0)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    return (values * counts).mean(dim=tuple(range(values.ndim - 1))).sum() / width
