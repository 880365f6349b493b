"""The compact generator: a plain stack of convolutions that adds detail to the nearest enlargement."""

import re
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from esrlab.errors import UsageError, UserError
from esrlab.models.generators.base import SCALES, Detected, GeneratorNetwork, GeneratorPart

_SLOPE = 0.25  # PReLU's initial slope below zero: He et al. 2015


class CompactNet(GeneratorNetwork):
    """A stack of 3×3 convolutions at the small image's size, which enlarges it `scale` times.

    Takes lr (N, 3, h, w) in [0, 1]; gives (N, 3, h * scale, w * scale), not clamped. `body` holds, in turn, a
    convolution and its PReLU (a slope per channel): the first from 3 channels to `features`, then `convs`
    of `features`, and a last convolution to 3 · scale² channels, which a pixel shuffle (Shi et al. 2016)
    makes an image of; the nearest enlargement of lr is added. Layout and key names (`body.{i}.weight`) are
    those of Real-ESRGAN's SRVGGNetCompact (Wang et al. 2021), whose files it reads and writes.
    The last convolution starts at 0, the others after He et al. 2015: a fresh network gives the nearest
    enlargement, and learns many times as fast as from torch's initial weights.
    Raises UsageError for a scale other than 1, 2, 3, 4 and for a width or depth below 1.
    """

    architecture = "SRVGGNetCompact"

    def __init__(self, *, scale: int, features: int = 64, convs: int = 16) -> None:
        super().__init__()
        if scale not in SCALES:
            raise UsageError(
                f"compact has no scale {scale}: choose 1, 2, 3 or 4 (for ×8 and more, cascade them)"
            )
        if min(features, convs) < 1:
            raise UsageError(f"compact needs at least 1 of each: {features=}, {convs=}")
        self.scale = scale
        self.body = nn.ModuleList()
        for wide_in in (3, *[features] * convs):
            conv = nn.Conv2d(wide_in, features, kernel_size=3, padding=1)
            nn.init.kaiming_normal_(conv.weight, a=_SLOPE)
            _clear(conv.bias)
            self.body += (conv, nn.PReLU(features, init=_SLOPE))
        last = nn.Conv2d(features, 3 * scale**2, kernel_size=3, padding=1)
        _clear(last.weight)
        _clear(last.bias)
        self.body.append(last)

    @property
    def convs(self) -> list[nn.Conv2d]:
        """All convolutions, the last one last."""
        return [layer for layer in self.body if isinstance(layer, nn.Conv2d)]

    @property
    def receptive_field(self) -> int:
        return len(self.convs)

    @property
    def scale_layers(self) -> tuple[str, ...]:
        return (f"body.{len(self.body) - 1}.",)

    @torch.no_grad()
    def start_as_bilinear(self) -> None:
        """Set some of a fresh network's weights so that it begins as bilinear interpolation of its input.

        The image travels in the first three feature channels (it is >= 0, so PReLU lets it pass); the last
        convolution reads no other channel and makes of it what bilinear enlargement is above nearest. All
        other weights stay random. The outermost output pixels are darker: convolutions pad with zeros.
        Raises UsageError for fewer than 3 features.
        """
        *carrying, last = self.convs
        if last.in_channels < 3:
            raise UsageError(
                f"a bilinear start needs features >= 3, to carry the image, not {last.in_channels}"
            )
        for conv in carrying:
            conv.weight[:3] = 0.0
            for channel in range(3):
                conv.weight[channel, channel, 1, 1] = 1.0
        per_channel = last.weight.view(3, self.scale**2, last.in_channels, 3, 3)
        for channel in range(3):
            per_channel[channel, :, channel] = _bilinear_above_nearest(self.scale).to(last.weight)

    def forward(self, lr: Tensor) -> Tensor:
        features = lr
        *layers, last = self.body
        for layer in layers:
            features = layer(features)
        assert isinstance(last, nn.Conv2d)
        # Under autocast, too, the image is made in whole floats: bf16 has 128 steps between 1/2 and 1.
        with torch.autocast(lr.device.type, enabled=False):
            detail = functional.pixel_shuffle(last(features.to(last.weight.dtype)), self.scale)
            return detail + functional.interpolate(lr, scale_factor=self.scale, mode="nearest")


def _clear(values: Tensor | None) -> None:
    assert values is not None
    nn.init.zeros_(values)


class CompactGenerator(GeneratorPart):
    """Real-ESRGAN's compact network (SRVGGNetCompact): quick to train, also on a CPU."""

    kind: Literal["compact"] = "compact"
    features: int = Field(default=64, ge=1, le=512, description="channels of each convolution")
    convs: int = Field(default=16, ge=1, le=128, description="convolutions between the first and the last")

    def build(self, *, scale: int) -> CompactNet:
        """A fresh network of this shape at a magnification, on the CPU; it begins as nearest enlargement."""
        return CompactNet(scale=scale, features=self.features, convs=self.convs)

    @property
    def label(self) -> str:
        return f"compact {self.features}×{self.convs}"

    def problems(self, *, scale: int) -> list[str]:
        if self.init == "interpolation" and self.features < 3:
            return ["generator.init 'interpolation' needs generator.features of 3 or more for compact"]
        return []

    @classmethod
    def detect(cls, state: Mapping[str, Tensor], *, scale: int | None) -> Detected | None:
        """The compact network of a state dict: its features, depth and scale are read from the tensors."""
        first, slopes = state.get("body.0.weight"), state.get("body.1.weight")
        if first is None or slopes is None or first.ndim != 4 or slopes.ndim != 1:
            return None
        last = max(int(found[1]) for key in state if (found := re.match(r"body\.(\d+)\.", key)))
        made = state.get(f"body.{last}.bias", torch.empty(0)).numel()
        found = next((factor for factor in SCALES if 3 * factor**2 == made), None)
        if found is None:
            raise UserError(
                f"its last layer, body.{last}, makes {made} channels; a compact network makes "
                "3, 12, 27 or 48 (×1 to ×4)"
            )
        if scale is not None and scale != found:
            raise UsageError(f"scale {scale} does not fit: this compact network's last layer is ×{found}'s")
        if last < 4:
            raise UserError(
                "it has no convolution between the first and the last; a compact network has 1 or more"
            )
        part = cls(features=first.shape[0], convs=last // 2 - 1)
        return Detected(part, found).require(state)


def _bilinear_above_nearest(scale: int) -> Tensor:
    """(scale², 3, 3): for each sub-pixel of a pixel, its neighbours' weights in bilinear less nearest."""
    away = (torch.arange(scale, dtype=torch.float64) + 0.5) / scale - 0.5  # from the pixel's middle
    lines = torch.stack((-away.clamp(max=0), 1 - away.abs(), away.clamp(min=0)), dim=1)
    taps = torch.einsum("ay,bx->abyx", lines, lines).reshape(scale**2, 3, 3)
    taps[:, 1, 1] -= 1
    return taps
