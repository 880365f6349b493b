"""VGG-16 and VGG-19 as feature networks, with torchvision's keys (`features.{i}`)."""

from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.models.features.base import FeatureNetwork, cut_after

VGGDepth = Literal[16, 19]
VGGPooling = Literal["max", "l2"]
_WIDTHS = (64, 128, 256, 512, 512)
_CONVS: dict[VGGDepth, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg_layers(depth: VGGDepth) -> tuple[str, ...]:
    """The layers' names in order (`conv1_1`, `relu1_1`, …); the i-th is torchvision's features[i]."""
    names: list[str] = []
    for block, convs in enumerate(_CONVS[depth], start=1):
        for conv in range(1, convs + 1):
            names += [f"conv{block}_{conv}", f"relu{block}_{conv}"]
        names.append(f"pool{block}")
    return tuple(names)


class L2Pool(nn.Module):
    """√(g ∗ x²), halved in size: (N, C, h, w) -> (N, C, ⌈h/2⌉, ⌈w/2⌉). Ding et al. 2020.

    g is a Hann window of 3×3 values, (1 2 1)/4 in each direction; zeros beyond the border. 1e-12 under the
    root keeps the slope finite where x is 0.
    """

    def __init__(self) -> None:
        super().__init__()
        window = torch.tensor((1.0, 2.0, 1.0)) / 4
        self.register_buffer("window", torch.outer(window, window), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        assert isinstance(self.window, Tensor)
        channels = features.shape[1]
        windows = self.window.expand(channels, 1, 3, 3)
        means = functional.conv2d(features.square(), windows, stride=2, padding=1, groups=channels)
        return (means + 1e-12).sqrt()


class VGG(FeatureNetwork):
    """The convolutional part of VGG without batch norm, built up to `deepest` (None: up to `pool5`).

    Reads (N, 3, h, w) normalised by ImageNet's mean and std; `conv{block}_{i}` comes before its activation.
    pooling: "max" as trained, or "l2" as DISTS has it; neither has weights.
    Raises UsageError for a `deepest` that does not exist.
    Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition".
    """

    def __init__(self, *, depth: VGGDepth, deepest: str | None = None, pooling: VGGPooling = "max") -> None:
        title = f"vgg{depth}"
        super().__init__(title=title, built=cut_after(vgg_layers(depth), deepest, network=title))
        # A frozen convolution's output is needed by nobody but the activation (and the layer's reader).
        self.spoiling = frozenset(name for name in self.built if name.startswith("relu"))
        self.features = nn.Sequential()
        wide_in = 3
        for name in self.built:
            if name.startswith("conv"):
                wide_out = _WIDTHS[int(name[4]) - 1]
                self.features.append(nn.Conv2d(wide_in, wide_out, kernel_size=3, padding=1))
                wide_in = wide_out
            elif name.startswith("relu"):
                self.features.append(nn.ReLU(inplace=True))
            else:
                self.features.append(L2Pool() if pooling == "l2" else nn.MaxPool2d(kernel_size=2, stride=2))
        self.freeze()

    def stages(self) -> Iterable[tuple[str, Callable[[Tensor], Tensor]]]:
        return zip(self.built, self.features, strict=True)
