"""How large a network's layers are for images of a given size."""

from itertools import count

from esrlab.models.features.alexnet import ALEXNET_LAYERS
from esrlab.models.features.resnet import RESNET_LAYERS


def layer_side(network: str, layer: str, side: int) -> int:
    """The positions of a layer along an image side of so many pixels; 0 where the image is too small for it.

    network: one of the feature networks or of the students that have layers.
    """
    match network:
        case "vgg16" | "vgg19":  # conv5_4, relu5_4 and pool4 are at 1/16, pool5 at 1/32
            block = int(layer.removeprefix("conv").removeprefix("relu").removeprefix("pool")[0])
            return side >> (block if layer.startswith("pool") else block - 1)
        case "alexnet":
            return _alexnet_side(layer, side)
        case "vgg-student":
            return side // 4
        case "residual-student":
            return side // 8
        case _:  # a ResNet: padded throughout, so that the half of an odd side is rounded up
            return -(-side // 2 ** (RESNET_LAYERS.index(layer) + 1))


def smallest_side(network: str, layer: str, *, positions: int = 1) -> int:
    """The least image side, in pixels, that leaves a layer so many positions along it."""
    return next(side for side in count(1) if layer_side(network, layer, side) >= positions)


def _alexnet_side(layer: str, side: int) -> int:
    positions = _windows(side + 4, size=11, stride=4)
    for name in ALEXNET_LAYERS[: ALEXNET_LAYERS.index(layer) + 1]:
        if name.startswith("pool"):
            positions = _windows(positions, size=3, stride=2)
    return positions


def _windows(side: int, *, size: int, stride: int) -> int:
    return (side - size) // stride + 1 if side >= size else 0
