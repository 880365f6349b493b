"""Which LPIPS: the real one from its weights, the embedded student, or an untrained one; never one for
another.
"""

from typing import Literal

from torch import nn

from esrlab.models.features.imagenet import make_untrained
from esrlab.models.features.lpips import LPIPS_FORMS, LPIPSBase, LPIPSNetwork
from esrlab.models.students.loading import load_student
from esrlab.models.weights.finding import find_weights
from esrlab.models.weights.loading import open_weights

LPIPSWeights = Literal["real", "student"]
"""What a metric may measure with."""


def build_lpips(weights: LPIPSWeights | Literal["untrained"], *, network: LPIPSBase = "alex") -> nn.Module:
    """A frozen network of two images (N, 3, h, w) in [0, 1] -> distances (N,).

    network: whose activations; the student was taught LPIPS-Alex's distances and stands for that alone.
    Untrained: random weights, always the same, and channels that all count the same.
    Raises UserError, with the remedy, where LPIPS's real weights are not on this machine.
    """
    if weights == "student":
        return load_student("lpips-student")
    built = LPIPSNetwork(network)
    if weights == "untrained":
        make_untrained(built.backbone)
        built.weigh_equally()
    else:
        features, heads = map(open_weights, built.form.weights)
        built.fill(features=dict(features.state), heads=dict(heads.state))
        built.origin = f"{features.label}, {heads.label}"
    return built


def has_real_lpips(network: LPIPSBase = "alex") -> bool:
    """Whether both of LPIPS's weight files are on this machine (not whether they are whole)."""
    return all(find_weights(name) is not None for name in LPIPS_FORMS[network].weights)
