"""The patch critic: pix2pix's PatchGAN, from an image to a raw score for every patch of it."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from esrlab.errors import UsageError
from esrlab.models.critics.base import CriticPart

PatchNorm = Literal["batch", "instance", "none"]
_WIDEST = 8
"""Channels of the deepest convolutions, as a multiple of the first one's."""


class PatchCritic(nn.Module):
    """The critic of pix2pix and CycleGAN: each score judges one patch; the higher, the more real.

    Takes images (N, 3, H, W) in [0, 1]; gives raw scores (N, 1, h, w), no sigmoid, h = H // 2^layers − 2.
    `layers` 4×4 convolutions of stride 2 (padding 1), of features, 2·features, … up to 8·features channels,
    then two of stride 1, the last to one channel; leaky ReLU (0.2) between. With 3 layers a score sees 70×70
    pixels.
    `norm` follows all but the first and the last convolution: "batch" is pix2pix's, and couples the samples
    of a batch; "instance" (CycleGAN's, without scale and shift) and "none" treat each sample by itself.
    Convolutions have a bias where no batch norm follows. Initial weights: normal with standard deviation
    0.02, as published. Keys are those of the authors' code: `model.0`, `model.2`, `model.3`, …
    Raises UsageError for fewer than 1 layer or feature, an unknown norm, and images below 3·2^layers px.
    Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", §6.1.2.
    """

    def __init__(self, *, features: int = 64, layers: int = 3, norm: PatchNorm = "batch") -> None:
        super().__init__()
        if features < 1 or layers < 1:
            raise UsageError(
                f"a patch critic needs at least 1 feature and 1 layer, not {features} and {layers}"
            )
        if norm not in ("batch", "instance", "none"):
            raise UsageError(f"a patch critic has no norm {norm!r}; choose one of batch, instance, none")
        self.smallest_size = smallest_size(layers)
        widths = [features * min(2**level, _WIDEST) for level in range(layers + 1)]
        modules: list[nn.Module] = [nn.Conv2d(3, features, 4, stride=2, padding=1), _activation()]
        for level in range(1, layers + 1):
            stride = 2 if level < layers else 1
            wide_in, wide_out = widths[level - 1 : level + 1]
            conv = nn.Conv2d(wide_in, wide_out, 4, stride=stride, padding=1, bias=norm != "batch")
            modules += [conv, _norm(norm, wide_out), _activation()]
        self.model = nn.Sequential(*modules, nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.apply(_initialise)

    def forward(self, image: Tensor) -> Tensor:
        if image.ndim != 4 or min(image.shape[-2:]) < self.smallest_size:
            raise UsageError(
                f"this patch critic takes images (N, 3, H, W) of at least {self.smallest_size} px a side, "
                f"not of shape {tuple(image.shape)}: take larger ones, or a critic with fewer layers"
            )
        features = self.model[:-1](image)
        last = self.model[-1]
        assert isinstance(last, nn.Conv2d)
        with torch.autocast(features.device.type, enabled=False):
            # Under autocast, too, a score is a whole float: adversarial losses compare means of close scores.
            return last(features.to(last.weight.dtype))


def smallest_size(layers: int) -> int:
    """The smallest side in pixels that leaves a score: strides halve, the last two convolutions take one."""
    return 3 * 2**layers


def _activation() -> nn.Module:
    # In place: convolutions and norms need their input for the backward pass, not what they gave.
    return nn.LeakyReLU(0.2, inplace=True)


def _norm(norm: PatchNorm, width: int) -> nn.Module:
    match norm:
        case "batch":
            return nn.BatchNorm2d(width)
        case "instance":
            return nn.InstanceNorm2d(width)
        case "none":
            return nn.Identity()  # in a norm's place, so that keys count alike


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class PatchGAN(CriticPart):
    """The PatchGAN of pix2pix: a score for every patch of an image."""

    apart: ClassVar[str] = "adversarial.critic.norm to 'instance' or 'none'"

    kind: Literal["patch"] = "patch"
    features: int = Field(
        default=64, ge=1, le=512, description="channels of its first convolution; 64 as pix2pix's"
    )
    layers: int = Field(
        default=3, ge=1, le=6, description="convolutions of stride 2; 3 for scores that see 70 px"
    )
    norm: PatchNorm = Field(default="batch", description="normalisation after convolutions")

    @property
    def label(self) -> str:
        """As tables say it."""
        return f"PatchGAN of {self.layers} layers, {'no' if self.norm == 'none' else self.norm} norm"

    @property
    def couples_samples(self) -> bool:
        """With batch norm."""
        return self.norm == "batch"

    @property
    def smallest_size(self) -> int:
        """Side in pixels."""
        return smallest_size(self.layers)

    def build(self, *, size: int) -> PatchCritic:
        """A fresh critic on the CPU; it takes images of other sizes too."""
        return PatchCritic(features=self.features, layers=self.layers, norm=self.norm)
