"""Which DISTS: the real one from its weights, or its formula on the VGG student or an untrained VGG16."""

from typing import Literal

from esrlab.models.features.dists import WEIGHTS, DISTSNetwork, DISTSOnStudent
from esrlab.models.features.imagenet import make_untrained
from esrlab.models.features.students import VGGStudent
from esrlab.models.students.loading import load_student
from esrlab.models.weights.finding import find_weights
from esrlab.models.weights.loading import open_weights


def build_dists(weights: Literal["real", "student", "untrained"]) -> DISTSNetwork | DISTSOnStudent:
    """A frozen network of two images (N, 3, h, w) in [0, 1] -> distances (N,).

    Raises UserError, with the remedy, where DISTS's real weights are not on this machine.
    """
    if weights == "student":
        student = load_student("vgg-student")
        assert isinstance(student, VGGStudent)
        return DISTSOnStudent(student)
    network = DISTSNetwork()
    if weights == "untrained":
        make_untrained(network.backbone)
    else:
        features, own = map(open_weights, WEIGHTS)
        network.fill(features=dict(features.state), weights=dict(own.state))
        network.origin = f"{features.label}, {own.label}"
    return network


def has_real_dists() -> bool:
    """Whether both of DISTS's weight files are on this machine (not whether they are whole)."""
    return all(find_weights(name) is not None for name in WEIGHTS)
