"""One small batch for every loss, in float64."""

import pytest
import torch

from esrlab.losses.inputs import LossInputs


@pytest.fixture
def views() -> LossInputs:
    draw = torch.Generator().manual_seed(7)
    return LossInputs(
        lr=torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=draw),
        sr=torch.rand(2, 3, 8, 10, dtype=torch.float64, generator=draw).requires_grad_(),
        hr=torch.rand(2, 3, 8, 10, dtype=torch.float64, generator=draw),
    )
