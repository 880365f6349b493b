"""The generator: ESRGAN's RRDBNet, how to start it softly and how to recognise it in a state dict."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.errors import UsageError
from esrlab.models.generators.base import SCALES, GeneratorNetwork

_RESIDUAL = 0.2


def _conv(wide_in: int, wide_out: int) -> nn.Conv2d:
    return nn.Conv2d(wide_in, wide_out, kernel_size=3, padding=1)


def _activate(features: Tensor) -> Tensor:
    # In place: a convolution's backward pass needs its input only, so the raw output need not be kept.
    return functional.leaky_relu(features, negative_slope=0.2, inplace=True)


class ResidualDenseBlock(nn.Module):
    """Five densely connected convolutions whose sum is added at 0.2: (N, F, h, w) -> (N, F, h, w)."""

    def __init__(self, *, features: int, growth: int) -> None:
        super().__init__()
        self.conv1 = _conv(features, growth)
        self.conv2 = _conv(features + growth, growth)
        self.conv3 = _conv(features + 2 * growth, growth)
        self.conv4 = _conv(features + 3 * growth, growth)
        self.conv5 = _conv(features + 4 * growth, features)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            nn.init.kaiming_normal_(conv.weight)
            with torch.no_grad():
                conv.weight.mul_(0.1)
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)

    def forward(self, features: Tensor) -> Tensor:
        dense = features
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            dense = torch.cat((dense, _activate(conv(dense))), dim=1)
        return torch.add(features, self.conv5(dense), alpha=_RESIDUAL)


class RRDB(nn.Module):
    """Residual in residual: three dense blocks, their sum added at 0.2: (N, F, h, w) -> (N, F, h, w)."""

    def __init__(self, *, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(features=features, growth=growth)
        self.rdb2 = ResidualDenseBlock(features=features, growth=growth)
        self.rdb3 = ResidualDenseBlock(features=features, growth=growth)

    def forward(self, features: Tensor) -> Tensor:
        return torch.add(features, self.rdb3(self.rdb2(self.rdb1(features))), alpha=_RESIDUAL)


class RRDBNet(GeneratorNetwork):
    """ESRGAN's generator, which enlarges an image `scale` times.

    Takes lr (N, 3, h, w) in [0, 1]; gives (N, 3, h * scale, w * scale), not clamped.
    ×4 enlarges twice by 2 (`conv_up1`, `conv_up2`), ×2 and ×3 once (`conv_up1` alone), ×1 not at all.
    With `unshuffle`, as Real-ESRGAN's ×1 and ×2, the image is first folded into 4/scale times smaller
    channels, of which ×4's layers make the result; a side that does not divide is repeated at its end.
    Raises UsageError for a scale other than 1, 2, 3, 4 (with `unshuffle` 1, 2), a width or depth below 1.
    Wang et al. 2018, "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks"; Wang et al. 2021,
    "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data".
    """

    architecture = "RRDBNet"

    def __init__(
        self,
        *,
        scale: int,
        features: int = 64,
        growth: int = 32,
        blocks: int = 23,
        unshuffle: bool = False,
    ) -> None:
        super().__init__()
        if scale not in SCALES:
            raise UsageError(
                f"RRDBNet has no scale {scale}: choose 1, 2, 3 or 4 (for ×8 and more, cascade them)"
            )
        if unshuffle and scale > 2:
            raise UsageError(f"an RRDBNet with unshuffle has no scale {scale}: choose 1 or 2")
        if min(features, growth, blocks) < 1:
            raise UsageError(f"RRDBNet needs at least 1 of each: {features=}, {growth=}, {blocks=}")
        self.scale = scale
        self.fold = 4 // scale if unshuffle else 1
        enlarged = scale * self.fold
        self.conv_first = _conv(3 * self.fold**2, features)
        self.body = nn.Sequential(*(RRDB(features=features, growth=growth) for _ in range(blocks)))
        self.conv_body = _conv(features, features)
        self.first_factor = 2 if enlarged == 4 else enlarged
        self.conv_up1 = _conv(features, features) if enlarged > 1 else None
        self.conv_up2 = _conv(features, features) if enlarged == 4 else None
        self.conv_hr = _conv(features, features)
        self.conv_last = _conv(features, 3)

    @property
    def receptive_field(self) -> int:
        reach = 2  # conv_hr and conv_last
        for conv, factor in ((self.conv_up2, 2), (self.conv_up1, self.first_factor)):
            if conv is not None:
                reach = -(-(reach + 1) // factor)
        return (2 + 15 * len(self.body) + reach) * self.fold

    @property
    def scale_layers(self) -> tuple[str, ...]:
        return ("conv_up1.", "conv_up2.", *(("conv_first.",) if self.fold > 1 else ()))

    @torch.no_grad()
    def start_as_bilinear(self) -> None:
        """Set some of a fresh network's weights so that it begins as bilinear interpolation of its input.

        The image travels in the first three feature channels (it is >= 0, so LeakyReLU lets it pass);
        `conv_last` reads no other channel, and all other weights keep their random start, so every layer has
        a gradient from the second optimiser step on. At the border (1 pixel at ×2 and ×3, 2 at ×4) the output
        is darker, because the convolutions pad with zeros.
        Raises UsageError for fewer than 8 features, and with `unshuffle`: no convolution can lay folded
        pixels side by side again, as it treats all places alike.
        """
        features = self.conv_body.out_channels
        if features < 8:
            raise UsageError(f"a bilinear start needs features >= 8 (3 carry the image), not {features}")
        if self.fold > 1:
            raise UsageError("a bilinear start needs a network without unshuffle")
        up1, up2, hr = _TENTS[self.scale]
        _carry_image(self.conv_first, _KEEP)
        _carry_image(self.conv_body, (0.0, 0.0, 0.0))
        for conv, taps in ((self.conv_up1, up1), (self.conv_up2, up2)):
            if conv is not None:
                _carry_image(conv, taps)
        _carry_image(self.conv_hr, hr)
        _carry_image(self.conv_last, _KEEP)

    def forward(self, lr: Tensor) -> Tensor:
        shallow = self.conv_first(lr if self.fold == 1 else _folded(lr, self.fold))
        features = shallow + self.conv_body(self.body(shallow))
        for conv, factor in ((self.conv_up1, self.first_factor), (self.conv_up2, 2)):
            if conv is not None:
                enlarged = functional.interpolate(features, scale_factor=factor, mode="nearest")
                features = _activate(conv(enlarged))
        features = _activate(self.conv_hr(features))
        # Under autocast, too, the image is made in whole floats: bf16 has 128 steps between 1/2 and 1.
        with torch.autocast(features.device.type, enabled=False):
            sr = self.conv_last(features.to(self.conv_last.weight.dtype))
        if self.fold == 1:
            return sr
        return sr[..., : lr.shape[-2] * self.scale, : lr.shape[-1] * self.scale]


def _folded(lr: Tensor, factor: int) -> Tensor:
    """(N, 3, h, w) -> (N, 3·factor², h / factor, w / factor); the last pixels are repeated to a multiple."""
    below, beside = (-side % factor for side in lr.shape[-2:])
    if below or beside:
        lr = functional.pad(lr, (0, beside, 0, below), mode="replicate")
    return functional.pixel_unshuffle(lr, factor)


_KEEP = (0.0, 1.0, 0.0)
# Taps of (conv_up1, conv_up2, conv_hr) that turn nearest into bilinear enlargement, exactly. ×4 wants
# [1, 2, 2, 2, 1] / 8, which two convolutions of three taps make: [1, 2, 1] / 4 * [1, 0, 1] / 2.
_TENTS = {
    1: (_KEEP, _KEEP, _KEEP),
    2: ((0.25, 0.5, 0.25), _KEEP, _KEEP),
    3: ((1 / 3, 1 / 3, 1 / 3), _KEEP, _KEEP),
    4: (_KEEP, (0.25, 0.5, 0.25), (0.5, 0.0, 0.5)),
}


def _carry_image(conv: nn.Conv2d, taps: Sequence[float]) -> None:
    """Make the first three output channels the first three input channels, filtered by taps in both axes."""
    line = torch.tensor(taps, dtype=conv.weight.dtype, device=conv.weight.device)
    conv.weight[:3] = 0.0
    for channel in range(3):
        conv.weight[channel, channel] = torch.outer(line, line)
    assert conv.bias is not None
    conv.bias[:3] = 0.0
