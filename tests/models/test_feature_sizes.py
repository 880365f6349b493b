"""How large layers are, beside the networks themselves."""

import pytest
import torch
from torch import nn

from esrlab.models.features.base import FeatureNetwork
from esrlab.models.features.imagenet import build_feature_network, layer_names
from esrlab.models.features.sizes import layer_side, smallest_side
from esrlab.models.features.students import ResidualStudent, VGGStudent


def network_of(name: str) -> FeatureNetwork:
    with torch.device("meta"):
        match name:
            case "vgg-student":
                return VGGStudent()
            case "residual-student":
                return ResidualStudent()
            case "vgg16" | "vgg19" | "alexnet" | "resnet18":
                return build_feature_network(name, layers=layer_names(name)[-1:])
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["vgg16", "vgg19", "alexnet", "resnet18", "vgg-student", "residual-student"])
def test_sides_are_those_of_the_networks(name: str) -> None:
    network = network_of(name)
    for side in (64, 77, 95, 130):
        found = network(torch.empty(1, 3, side, side + 1, device="meta"), network.built)
        for layer, features in found.items():
            sides = (layer_side(name, layer, side), layer_side(name, layer, side + 1))
            assert features.shape[-2:] == sides, layer
    deepest = network.built[-1]
    least = smallest_side(name, deepest)
    assert min(network(torch.empty(1, 3, least, least, device="meta"), (deepest,))[deepest].shape) >= 1
    if least > 1:
        with pytest.raises(RuntimeError):
            network(torch.empty(1, 3, least - 1, least, device="meta"), (deepest,))


def test_the_least_side_for_several_positions() -> None:
    assert smallest_side("vgg19", "conv5_4") == 16
    assert smallest_side("vgg19", "relu4_4", positions=5) == 40
    assert smallest_side("alexnet", "relu5") == 31
    assert smallest_side("resnet50", "layer3", positions=3) == 33


def test_nothing_is_left_out() -> None:
    assert isinstance(network_of("vgg19"), nn.Module)
    for name in ("vgg16", "vgg19", "alexnet", "resnet50"):
        for layer in layer_names(name):
            assert layer_side(name, layer, 96) >= 1
