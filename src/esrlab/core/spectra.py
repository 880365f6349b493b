"""Fourier spectra of real images, of which one half says all; their power by the frequencies' radius."""

import math

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


HIGHEST = math.sqrt(0.5)
"""The radius of the highest frequency there is, at a corner of the spectrum, in cycles per pixel."""


def band_powers(image: Tensor, bands: int) -> Tensor:
    """The power of real images in bands of equal width of the frequencies' radius: (N, C, H, W) -> (N,
    bands).

    Band k has the radii √(f_y² + f_x²) from k/bands to (k + 1)/bands of HIGHEST, in cycles per pixel; the
    mean (frequency 0) is in the first. Channels are added up, and all bands together have the image's sum of
    squares (Parseval). The image is taken as periodic: where its borders do not fit, they count as edges.
    """
    height, width = image.shape[-2:]
    places = _bands_of(height, width, bands).to(image.device)
    counts = image.new_full((width // 2 + 1,), 2.0)
    counts[0] = 1
    if width % 2 == 0:
        counts[-1] = 1
    spectrum = half_spectrum(image)
    squares = ((spectrum.real.square() + spectrum.imag.square()) * counts).sum(dim=1).flatten(1)
    return image.new_zeros(len(image), bands).index_add_(1, places, squares)


def band_sizes(height: int, width: int, bands: int) -> Tensor:
    """How many of a spectrum's frequencies lie in each band, as a part of all: white noise's power there."""
    both = torch.fft.fftfreq(height, dtype=torch.float64), torch.fft.fftfreq(width, dtype=torch.float64)
    places = _band_of_radius(torch.hypot(both[0][:, None], both[1][None, :]), bands)
    return torch.bincount(places.flatten(), minlength=bands).double() / (height * width)


def _bands_of(height: int, width: int, bands: int) -> Tensor:
    """The band of each frequency of a half spectrum, flattened."""
    down = torch.fft.fftfreq(height, dtype=torch.float64)
    across = torch.fft.rfftfreq(width, dtype=torch.float64)
    return _band_of_radius(torch.hypot(down[:, None], across[None, :]), bands).flatten()


def _band_of_radius(radius: Tensor, bands: int) -> Tensor:
    return (radius / HIGHEST * bands).long().clamp_max(bands - 1)
