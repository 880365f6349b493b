"""Half spectra and their means against numpy's whole ones."""

import numpy as np
import pytest
import torch

from esrlab.core.spectra import half_spectrum, spectrum_mean


@pytest.mark.parametrize(("height", "width"), [(6, 8), (5, 7), (4, 1), (1, 2), (3, 3)])
def test_the_mean_is_the_whole_spectrums(height: int, width: int) -> None:
    image = torch.rand(2, 3, height, width, dtype=torch.float64)
    whole = np.fft.fft2(image.numpy(), norm="ortho")
    found = spectrum_mean(half_spectrum(image).abs() ** 1.5, width)
    assert found.item() == pytest.approx(np.mean(np.abs(whole) ** 1.5), rel=1e-12)
    squares = spectrum_mean(half_spectrum(image).abs().square(), width)
    assert squares.item() == pytest.approx(image.square().mean().item(), rel=1e-12)
