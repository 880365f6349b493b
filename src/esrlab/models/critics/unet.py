"""The U-Net critic: Real-ESRGAN's, from an image to a raw score for every pixel."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from esrlab.errors import UsageError
from esrlab.models.critics.base import CriticPart, CriticUse
from esrlab.models.critics.spectral import SpectralConv2d

_DIVISOR = 8
"""Three halvings: sides that this divides come back as they were."""


class UNetCritic(nn.Module):
    """Real-ESRGAN's critic, which scores every pixel of an image; the higher, the more real.

    Takes images (N, 3, H, W) in [0, 1], sides multiples of 8; gives raw scores (N, 1, H, W), no sigmoid.
    A 3×3 convolution; three 4×4 ones of stride 2 that double the channels; three times bilinear enlargement,
    a 3×3 convolution that halves them and the features of that size added; two 3×3 ones and a last to one
    channel. Convolutions 1 to 8 have spectral norm and no bias; leaky ReLU (0.2) follows all but the last.
    It treats each sample by itself. Keys are BasicSR's: `conv0` to `conv9`.
    Raises UsageError for fewer than 1 feature, and images with other sides.
    Wang et al. 2021, "Real-ESRGAN"; Schönfeld et al. 2020, "A U-Net Based Discriminator"; Miyato et al. 2018.
    """

    def __init__(self, *, features: int = 64) -> None:
        super().__init__()
        if features < 1:
            raise UsageError(f"a critic needs at least 1 feature, not {features}")
        one, two, four, eight = features, 2 * features, 4 * features, 8 * features
        self.conv0 = nn.Conv2d(3, one, 3, padding=1)
        self.conv1 = SpectralConv2d(one, two, 4, stride=2)
        self.conv2 = SpectralConv2d(two, four, 4, stride=2)
        self.conv3 = SpectralConv2d(four, eight, 4, stride=2)
        self.conv4 = SpectralConv2d(eight, four, 3)
        self.conv5 = SpectralConv2d(four, two, 3)
        self.conv6 = SpectralConv2d(two, one, 3)
        self.conv7 = SpectralConv2d(one, one, 3)
        self.conv8 = SpectralConv2d(one, one, 3)
        self.conv9 = nn.Conv2d(one, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        if image.ndim != 4 or any(side % _DIVISOR or not side for side in image.shape[-2:]):
            raise UsageError(
                f"the U-Net critic takes images (N, 3, H, W) with sides that are multiples of {_DIVISOR}, "
                f"not of shape {tuple(image.shape)}: crop them"
            )
        whole = _activate(self.conv0(image))
        half = _activate(self.conv1(whole))
        quarter = _activate(self.conv2(half))
        eighth = _activate(self.conv3(quarter))
        up = _activate(self.conv4(_enlarge(eighth))) + quarter
        up = _activate(self.conv5(_enlarge(up))) + half
        up = _activate(self.conv6(_enlarge(up))) + whole
        out = _activate(self.conv8(_activate(self.conv7(up))))
        with torch.autocast(out.device.type, enabled=False):
            # Under autocast, too, a score is a whole float: adversarial losses compare means of close scores.
            return self.conv9(out.to(self.conv9.weight.dtype))


def _activate(features: Tensor) -> Tensor:
    # In place: convolutions need their input for the backward pass, not what they gave.
    return functional.leaky_relu(features, negative_slope=0.2, inplace=True)


def _enlarge(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)


class UNet(CriticPart):
    """Real-ESRGAN's U-Net with spectral norm: a score for every pixel."""

    kind: Literal["unet"] = "unet"
    features: int = Field(
        default=64, ge=1, le=512, description="channels of its first convolution; 64 as Real-ESRGAN's"
    )

    @property
    def label(self) -> str:
        """As tables say it."""
        return "U-Net, spectral norm"

    @property
    def has_spectral_norm(self) -> bool:
        """Its convolutions 1 to 8 have."""
        return True

    @property
    def smallest_size(self) -> int:
        """Side in pixels."""
        return _DIVISOR

    def build(self, *, size: int) -> UNetCritic:
        """A fresh critic on the CPU; it takes images of other sizes too."""
        return UNetCritic(features=self.features)

    def problems(self, use: CriticUse) -> list[str]:
        """What every critic has, and sides that do not halve three times."""
        found = super().problems(use)
        if use.size % _DIVISOR:
            found.append(
                f"the U-Net critic needs patches whose side is a multiple of {_DIVISOR} px, and {use.origin} "
                f"gives {use.size}: set patches.lr_size to a multiple of {_DIVISOR}"
            )
        return found
