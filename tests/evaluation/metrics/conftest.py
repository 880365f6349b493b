"""Pairs of pictures to measure: a real photograph and its degraded copy, and noise."""

import pytest
import torch
from skimage.data import chelsea
from torch import Tensor

from esrlab.data.degradations.bicubic import bicubic_up, crop_to_multiple, make_lr, round_to_8bit


@pytest.fixture(scope="session")
def cat() -> tuple[Tensor, Tensor]:
    """(sr, hr) of the cat Chelsea, ×3 bicubic, 8-bit values in float64."""
    levels = torch.from_numpy(chelsea()).permute(2, 0, 1).unsqueeze(0).double()
    hr = crop_to_multiple(levels / 255, 3)
    return round_to_8bit(bicubic_up(make_lr(hr, 3), 3)), hr


@pytest.fixture
def noise() -> tuple[Tensor, Tensor]:
    """Two batches of two small pictures that have nothing in common, in float64."""
    return torch.rand(2, 3, 31, 26, dtype=torch.float64), torch.rand(2, 3, 31, 26, dtype=torch.float64)
