"""Fourier spectra of real images, of which one half says all; their power by the frequencies' radius."""

import numpy as np
import torch
from torch import Tensor

from esrlab.core.bands import bands_of


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


def band_powers(image: Tensor, bands: int) -> Tensor:
    """The power of real images in bands of equal width of the frequencies' radius: (N, C, H, W) -> (N,
    bands).

    Band k has the radii √(f_y² + f_x²) from k/bands to (k + 1)/bands of HIGHEST, in cycles per pixel; the
    mean (frequency 0) is in the first. Channels are added up, and all bands together have the image's sum of
    squares (Parseval). The image is taken as periodic: where its borders do not fit, they count as edges.
    """
    height, width = image.shape[-2:]
    places = torch.from_numpy(bands_of(np.fft.fftfreq(height), np.fft.rfftfreq(width), bands).ravel())
    counts = image.new_full((width // 2 + 1,), 2.0)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    spectrum = half_spectrum(image)
    squares = ((spectrum.real.square() + spectrum.imag.square()) * counts).sum(dim=1).flatten(1)
    return image.new_zeros(len(image), bands).index_add_(1, places.to(image.device), squares)
