"""Which LPIPS: the real one from its weights, or the embedded student, never one for the other."""

from typing import Literal

from torch import nn

from esrlab.models.features.lpips import LPIPSNetwork
from esrlab.models.students.loading import load_student
from esrlab.models.weights.finding import find_weights
from esrlab.models.weights.loading import load_weights

LPIPSWeights = Literal["real", "student"]


def build_lpips(weights: LPIPSWeights) -> nn.Module:
    """A frozen network of two images (N, 3, h, w) in [0, 1] -> distances (N,).

    Raises UserError, with the remedy, where LPIPS's real weights are not on this machine.
    """
    if weights == "student":
        return load_student("lpips-student")
    network = LPIPSNetwork()
    network.fill(features=load_weights("alexnet"), heads=load_weights("lpips-alex"))
    return network


def has_real_lpips() -> bool:
    """Whether both of LPIPS's weight files are on this machine (not whether they are whole)."""
    return all(find_weights(name) is not None for name in ("alexnet", "lpips-alex"))
