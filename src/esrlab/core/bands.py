"""Bands of frequencies of equal width in their radius, as spectra are summed up in."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIGHEST = math.sqrt(0.5)
"""The radius of the highest frequency there is, at a corner of the spectrum, in cycles per pixel."""


def band_edges(bands: int) -> NDArray[np.float64]:
    """Where bands begin and end, from 0 to HIGHEST: (bands + 1,)."""
    return np.linspace(0, HIGHEST, bands + 1)


def bands_of(
    down: NDArray[np.floating[Any]], across: NDArray[np.floating[Any]], bands: int
) -> NDArray[np.int64]:
    """The band of each frequency, (H, W), from those of both axes in cycles per pixel."""
    radius = np.hypot(down[:, None], across[None, :])
    return np.minimum((radius / HIGHEST * bands).astype(np.int64), bands - 1)


def band_sizes(height: int, width: int, bands: int) -> NDArray[np.float64]:
    """The part of an image's frequencies that lie in each band: white noise's part of the power there."""
    places = bands_of(np.fft.fftfreq(height), np.fft.fftfreq(width), bands)
    return np.bincount(places.ravel(), minlength=bands) / places.size
