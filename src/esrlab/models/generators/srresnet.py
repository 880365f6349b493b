"""SRResNet: residual blocks without batch norm and pixel shuffles, above the bilinear enlargement."""

import re
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from esrlab.errors import UsageError
from esrlab.models.generators.base import SCALES, Detected, GeneratorNetwork, GeneratorPart

_SLOPE = 0.1  # of the activations outside the blocks


def _conv(wide_in: int, wide_out: int) -> nn.Conv2d:
    """A 3×3 convolution of small initial weights: He et al. 2015, times 0.1, without bias."""
    conv = nn.Conv2d(wide_in, wide_out, kernel_size=3, padding=1)
    nn.init.kaiming_normal_(conv.weight)
    with torch.no_grad():
        conv.weight.mul_(0.1)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def _activate(features: Tensor) -> Tensor:
    return functional.leaky_relu(features, negative_slope=_SLOPE, inplace=True)


class ResidualBlock(nn.Module):
    """Two convolutions, whose result is added to what they are given: (N, F, h, w) -> (N, F, h, w)."""

    def __init__(self, *, features: int) -> None:
        super().__init__()
        self.conv1 = _conv(features, features)
        self.conv2 = _conv(features, features)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.conv2(functional.relu(self.conv1(features), inplace=True))


class SRResNet(GeneratorNetwork):
    """SRGAN's generator without batch norm, as BasicSR has it (MSRResNet), with its key names.

    Takes lr (N, 3, h, w) in [0, 1]; gives (N, 3, h * scale, w * scale), not clamped: what `conv_last` makes,
    plus the bilinear enlargement of lr. ×4 enlarges twice by 2 (`upconv1`, `upconv2`), ×2 and ×3 once, each
    by a convolution to factor² times the channels and a pixel shuffle; ×1 has neither.
    Raises UsageError for a scale other than 1, 2, 3, 4 and for a width or depth below 1.
    Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network".
    """

    architecture = "MSRResNet"

    def __init__(self, *, scale: int, features: int = 64, blocks: int = 16) -> None:
        super().__init__()
        if scale not in SCALES:
            raise UsageError(
                f"srresnet has no scale {scale}: choose 1, 2, 3 or 4 (for ×8 and more, cascade them)"
            )
        if min(features, blocks) < 1:
            raise UsageError(f"srresnet needs at least 1 of each: {features=}, {blocks=}")
        self.scale = scale
        self.factor = 2 if scale == 4 else scale  # of each pixel shuffle
        self.conv_first = _conv(3, features)
        self.body = nn.Sequential(*(ResidualBlock(features=features) for _ in range(blocks)))
        self.upconv1 = _conv(features, features * self.factor**2) if scale > 1 else None
        self.upconv2 = _conv(features, features * self.factor**2) if scale == 4 else None
        self.conv_hr = _conv(features, features)
        self.conv_last = _conv(features, 3)

    @property
    def receptive_field(self) -> int:
        reach = 2  # conv_hr and conv_last
        for conv in (self.upconv2, self.upconv1):
            if conv is not None:
                reach = -(-reach // self.factor) + 1
        return 1 + 2 * len(self.body) + reach

    @property
    def scale_layers(self) -> tuple[str, ...]:
        return ("upconv1.", "upconv2.")

    @torch.no_grad()
    def start_as_bilinear(self) -> None:
        """Clears `conv_last`: the bilinear enlargement alone is left. All other weights stay random."""
        self.conv_last.weight.zero_()
        assert self.conv_last.bias is not None
        self.conv_last.bias.zero_()

    def forward(self, lr: Tensor) -> Tensor:
        features = self.body(_activate(self.conv_first(lr)))
        for conv in (self.upconv1, self.upconv2):
            if conv is not None:
                features = _activate(functional.pixel_shuffle(conv(features), self.factor))
        features = _activate(self.conv_hr(features))
        # Under autocast, too, the image is made in whole floats: bf16 has 128 steps between 1/2 and 1.
        with torch.autocast(lr.device.type, enabled=False):
            detail = self.conv_last(features.to(self.conv_last.weight.dtype))
            if self.scale == 1:
                return detail + lr
            return detail + functional.interpolate(lr, scale_factor=self.scale, mode="bilinear")


class SRResNetGenerator(GeneratorPart):
    """SRGAN's generator without batch norm (MSRResNet); the defaults are the paper's."""

    kind: Literal["srresnet"] = "srresnet"
    features: int = Field(default=64, ge=1, le=512, description="channels of each convolution")
    blocks: int = Field(default=16, ge=1, le=128, description="residual blocks of two convolutions")

    def build(self, *, scale: int) -> SRResNet:
        """A fresh network of this shape at a magnification, with random initial weights, on the CPU."""
        return SRResNet(scale=scale, features=self.features, blocks=self.blocks)

    @property
    def label(self) -> str:
        return f"SRResNet {self.features}×{self.blocks}"

    @classmethod
    def detect(cls, state: Mapping[str, Tensor], *, scale: int | None) -> Detected | None:
        """The SRResNet of a state dict: its features, depth and scale are read from the tensors."""
        first, block = state.get("conv_first.weight"), state.get("body.0.conv1.weight")
        if first is None or block is None or first.ndim != 4:
            return None
        features = first.shape[0]
        blocks = len({found[1] for key in state if (found := re.match(r"body\.(\d+)\.", key))})
        up = state.get("upconv1.weight")
        found = 1 if up is None else 4 if "upconv2.weight" in state else 3 if len(up) == 9 * features else 2
        if scale is not None and scale != found:
            raise UsageError(f"scale {scale} does not fit: this SRResNet's enlarging layers are ×{found}'s")
        return Detected(cls(features=features, blocks=blocks), found).require(state)
