"""The compact generator: a plain stack of convolutions that adds detail to the nearest enlargement."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.errors import UsageError

SCALES = (1, 2, 3, 4)
_SLOPE = 0.25  # PReLU's initial slope below zero: He et al. 2015


class CompactNet(nn.Module):
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

    def forward(self, lr: Tensor) -> Tensor:
        features = lr
        for layer in self.body[:-1]:
            features = layer(features)
        last = self.convs[-1]
        # Under autocast, too, the image is made in whole floats: bf16 has 128 steps between 1/2 and 1.
        with torch.autocast(lr.device.type, enabled=False):
            detail = functional.pixel_shuffle(last(features.to(last.weight.dtype)), self.scale)
            return detail + functional.interpolate(lr, scale_factor=self.scale, mode="nearest")


def _clear(values: Tensor | None) -> None:
    assert values is not None
    nn.init.zeros_(values)


@torch.no_grad()
def start_as_bilinear(net: CompactNet) -> None:
    """Set some of a fresh network's weights so that it begins as bilinear interpolation of its input.

    The image travels in the first three feature channels (it is >= 0, so PReLU lets it pass); the last
    convolution reads no other channel and makes of it what bilinear enlargement is above nearest. All other
    weights stay random. The outermost output pixels are darker, because the convolutions pad with zeros.
    Raises UsageError for fewer than 3 features.
    """
    *carrying, last = net.convs
    if last.in_channels < 3:
        raise UsageError(f"a bilinear start needs features >= 3, to carry the image, not {last.in_channels}")
    for conv in carrying:
        conv.weight[:3] = 0.0
        for channel in range(3):
            conv.weight[channel, channel, 1, 1] = 1.0
        _clear(conv.bias)
    _clear(last.weight)
    taps = _bilinear_above_nearest(net.scale).to(last.weight)
    per_channel = last.weight.view(3, net.scale**2, last.in_channels, 3, 3)
    for channel in range(3):
        per_channel[channel, :, channel] = taps
    _clear(last.bias)


def _bilinear_above_nearest(scale: int) -> Tensor:
    """(scale², 3, 3): for each sub-pixel of a pixel, its neighbours' weights in bilinear less nearest."""
    away = (torch.arange(scale, dtype=torch.float64) + 0.5) / scale - 0.5  # from the pixel's middle
    lines = torch.stack((-away.clamp(max=0), 1 - away.abs(), away.clamp(min=0)), dim=1)
    taps = torch.einsum("ay,bx->abyx", lines, lines).reshape(scale**2, 3, 3)
    taps[:, 1, 1] -= 1
    return taps
