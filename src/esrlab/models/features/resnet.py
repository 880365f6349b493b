"""ResNet-18, 34, 50 and 101 as feature networks, with torchvision's keys (`layer1.0.conv1`, …)."""

from collections.abc import Callable, Iterable
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from esrlab.models.features.base import FeatureNetwork, cut_after

ResNetDepth = Literal[18, 34, 50, 101]
RESNET_LAYERS = ("relu", "layer1", "layer2", "layer3", "layer4")
_BLOCKS: dict[ResNetDepth, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
}


def _project(wide_in: int, wide_out: int, *, stride: int) -> nn.Sequential | None:
    """The shortcut's 1×1 convolution, where the block changes the shape."""
    if stride == 1 and wide_in == wide_out:
        return None
    conv = nn.Conv2d(wide_in, wide_out, kernel_size=1, stride=stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(wide_out))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut: (N, wide_in, h, w) -> (N, width, h/stride, w/stride)."""

    expansion = 1

    def __init__(self, wide_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(wide_in, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _project(wide_in, width, stride=stride)

    def forward(self, features: Tensor) -> Tensor:
        shortcut = features if self.downsample is None else self.downsample(features)
        hidden = functional.relu(self.bn1(self.conv1(features)))
        return functional.relu(self.bn2(self.conv2(hidden)) + shortcut)


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions beside a shortcut: (N, wide_in, h, w) -> (N, 4 width, h/stride, w/stride).

    The stride sits on the 3×3 convolution, as in torchvision ("ResNet V1.5"), not on the first 1×1.
    """

    expansion = 4

    def __init__(self, wide_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(wide_in, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _project(wide_in, 4 * width, stride=stride)

    def forward(self, features: Tensor) -> Tensor:
        shortcut = features if self.downsample is None else self.downsample(features)
        hidden = functional.relu(self.bn1(self.conv1(features)))
        hidden = functional.relu(self.bn2(self.conv2(hidden)))
        return functional.relu(self.bn3(self.conv3(hidden)) + shortcut)


class ResNet(FeatureNetwork):
    """ResNet without its head, built up to `deepest` (None: up to `layer4`).

    Reads (N, 3, h, w) normalised by ImageNet's mean and std. `relu` follows the first convolution, at half
    size; `layer1` to `layer4` are the outputs of the four groups of blocks, at 1/4, 1/8, 1/16 and 1/32.
    Raises UsageError for a `deepest` that does not exist.
    He et al. 2016, "Deep Residual Learning for Image Recognition".
    """

    def __init__(self, *, depth: ResNetDepth, deepest: str | None = None) -> None:
        title = f"resnet{depth}"
        super().__init__(title=title, built=cut_after(RESNET_LAYERS, deepest, network=title))
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        block = BasicBlock if depth < 50 else Bottleneck
        wide_in = 64
        for level, name in enumerate(self.built[1:]):
            width = 64 * 2**level
            group = nn.Sequential()
            for index in range(_BLOCKS[depth][level]):
                group.append(block(wide_in, width, stride=2 if level > 0 and index == 0 else 1))
                wide_in = width * block.expansion
            self.add_module(name, group)
        self.freeze()

    def _enter(self, image_normalised: Tensor) -> Tensor:
        return functional.relu(self.bn1(self.conv1(image_normalised)))

    def _shrink_and_enter_layer1(self, features: Tensor) -> Tensor:
        return self.get_submodule("layer1")(
            functional.max_pool2d(features, kernel_size=3, stride=2, padding=1)
        )

    def stages(self) -> Iterable[tuple[str, Callable[[Tensor], Tensor]]]:
        yield "relu", self._enter
        if len(self.built) > 1:
            yield "layer1", self._shrink_and_enter_layer1
        for name in self.built[2:]:
            yield name, self.get_submodule(name)
