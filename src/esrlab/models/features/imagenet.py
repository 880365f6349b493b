"""The ImageNet networks by name: their layers, how to build, fill and feed them."""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from esrlab.errors import UsageError, UserError
from esrlab.models.features.alexnet import ALEXNET_LAYERS, AlexNet
from esrlab.models.features.base import FeatureNetwork, require_layers
from esrlab.models.features.resnet import RESNET_LAYERS, BasicBlock, Bottleneck, ResNet, ResNetDepth
from esrlab.models.features.vgg import VGG, vgg_layers

FeatureNetworkName = Literal["vgg16", "vgg19", "resnet18", "resnet34", "resnet50", "resnet101", "alexnet"]
FEATURE_NETWORKS: tuple[FeatureNetworkName, ...] = get_args(FeatureNetworkName)
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
_RESNET_DEPTHS: dict[FeatureNetworkName, ResNetDepth] = {
    "resnet18": 18,
    "resnet34": 34,
    "resnet50": 50,
    "resnet101": 101,
}


def layer_names(name: FeatureNetworkName) -> tuple[str, ...]:
    """The layers to choose from, in order; builds nothing. Raises UsageError for an unknown network."""
    match name:
        case "vgg16":
            return vgg_layers(16)
        case "vgg19":
            return vgg_layers(19)
        case "alexnet":
            return ALEXNET_LAYERS
        case "resnet18" | "resnet34" | "resnet50" | "resnet101":
            return RESNET_LAYERS
        case unknown:
            raise UsageError(
                f"there is no feature network {unknown!r}; there are {', '.join(FEATURE_NETWORKS)}"
            )


def build_feature_network(name: FeatureNetworkName, *, layers: Sequence[str]) -> FeatureNetwork:
    """Build a network just deep enough for `layers`: frozen, and in eval mode for good.

    Its weights are random until `fill_weights` or `make_untrained`; leaves the global random state.
    Raises UsageError for an unknown network, no layers, or one that does not exist (the nearest is named).
    """
    known = layer_names(name)
    if not layers:
        raise UsageError(f"no layer of {name} is chosen: give at least one of {', '.join(known)}")
    require_layers(layers, known, network=name)
    deepest = max(layers, key=known.index)
    with torch.random.fork_rng(devices=[]):
        return _construct(name, deepest=deepest)


def _construct(name: FeatureNetworkName, *, deepest: str) -> FeatureNetwork:
    match name:
        case "alexnet":
            return AlexNet(deepest=deepest)
        case "vgg16" | "vgg19":
            return VGG(depth=16 if name == "vgg16" else 19, deepest=deepest)
        case "resnet18" | "resnet34" | "resnet50" | "resnet101":
            return ResNet(depth=_RESNET_DEPTHS[name], deepest=deepest)


def normalise(image: Tensor) -> Tensor:
    """Shift and scale an RGB image (N, 3, h, w) in [0, 1] by ImageNet's mean and standard deviation."""
    mean, std = _statistics(image.dtype, image.device)
    return (image - mean) / std


@cache
def _statistics(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, made once a device: on a GPU, making them waits for all work."""
    with torch.inference_mode(False):  # a tensor of inference mode could take part in no later training
        made = [torch.tensor(values, dtype=dtype, device=device).view(3, 1, 1) for values in (MEAN, STD)]
    return made[0], made[1]


def fill_weights(network: FeatureNetwork, state: Mapping[str, Tensor]) -> None:
    """Copy torchvision's weights into a network that may be shallower than they are.

    Keys beyond the network's depth (deeper layers, the classifier) are passed over; `num_batches_tracked`,
    which eval mode does not read, may be there or not.
    Raises UserError where a tensor is missing or has another shape.
    """
    expected = network.state_dict()
    for key, tensor in expected.items():
        if key not in state:
            if key.endswith("num_batches_tracked"):
                continue
            raise UserError(f"these are not weights of {network.title}: {key} is missing")
        if state[key].shape != tensor.shape:
            shapes = f"{tuple(state[key].shape)}, expected {tuple(tensor.shape)}"
            raise UserError(f"these are not weights of {network.title}: {key} has shape {shapes}")
    network.load_state_dict({key: state.get(key, tensor) for key, tensor in expected.items()})


@torch.no_grad()
def make_untrained(network: FeatureNetwork, *, seed: int = 0) -> None:
    """Fill a feature network with the random weights of `seed`, the same wherever and whenever it is called.

    Convolutions are He-normal, biases zero (He et al. 2015, "Delving Deep into Rectifiers"); batch norms take
    the statistics of one synthetic batch, and those that end a residual branch the weight 0.2. So features
    keep a moderate size. A layer depends on the layers before it alone: a deeper build agrees with a
    shallower one. Leaves the global random state as it was.
    """
    generator = torch.Generator().manual_seed(seed)
    image = normalise(_draw_natural_noise(generator))
    norms: list[nn.BatchNorm2d] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            drawn = torch.randn(module.weight.shape, generator=generator) * math.sqrt(2 / fan_in)
            module.weight.copy_(drawn)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
            norms.append(module)
    for module in network.modules():
        # At 1, an image unlike the synthetic batch grows from block to block: 100-fold in ResNet-101.
        if isinstance(module, BasicBlock):
            module.bn2.weight.fill_(0.2)
        elif isinstance(module, Bottleneck):
            module.bn3.weight.fill_(0.2)
    if norms:
        _calibrate(network, norms, image)


def _calibrate(network: FeatureNetwork, norms: Sequence[nn.BatchNorm2d], image: Tensor) -> None:
    """Set each batch norm's running statistics to those of its input, in the order of computation."""

    def measure(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(inputs[0].mean(dim=(0, 2, 3)))
        norm.running_var.copy_(inputs[0].var(dim=(0, 2, 3), correction=0))

    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    try:
        weight = next(network.parameters())
        network(image.to(device=weight.device, dtype=weight.dtype), network.built[-1:])
    finally:
        for hook in hooks:
            hook.remove()


def _draw_natural_noise(generator: torch.Generator, *, side: int = 128) -> Tensor:
    """Draw images (4, 3, side, side) in [0, 1], mostly grey, with amplitudes near the 1/f of photographs.

    From rough (1/f^0.5) to smooth (1/f^1.4), as photographs are.
    """
    white = torch.randn((4, 4, side, side), generator=generator)
    rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
    frequency = torch.hypot(rows[:, None], columns[None, :]).clamp(min=1 / side)
    falloff = torch.tensor((0.5, 0.8, 1.1, 1.4)).view(4, 1, 1, 1)
    pink = torch.fft.irfft2(torch.fft.rfft2(white) / frequency**falloff, s=(side, side))
    pink = (pink - pink.mean(dim=(2, 3), keepdim=True)) / pink.std(dim=(2, 3), keepdim=True)
    return (0.45 + 0.2 * pink[:, :1] + 0.07 * pink[:, 1:]).clamp(0.0, 1.0)
