"""The VGG-style critic: ESRGAN's, from an image to one raw score."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from esrlab.errors import UsageError
from esrlab.models.critics.base import CriticPart, CriticUse

CriticNorm = Literal["batch", "layer", "none"]
# Each of the five 4×4 convolutions of stride 2 and padding 1 takes n pixels to floor(n / 2).
SMALLEST_SIZE = 32
_WIDTHS = (1, 2, 4, 8, 8)
_PREFIXES: dict[CriticNorm, str] = {"batch": "bn", "layer": "ln", "none": ""}


def _activate(features: Tensor) -> Tensor:
    # In place: convolutions and norms need their input for the backward pass, not what they gave.
    return functional.leaky_relu(features, negative_slope=0.2, inplace=True)


class VGGCritic(nn.Module):
    """ESRGAN's critic, which scores square images; the higher, the more real.

    Takes images (N, 3, size, size) in [0, 1]; gives raw scores (N, 1), no sigmoid. Any size from 32 px fits.
    `norm`: "batch" is ESRGAN's, and couples the samples of a batch; "layer" (GroupNorm of one group) and
    "none" treat each sample by itself, as a gradient penalty needs. Convolutions have a bias where no norm
    follows. "batch" in training needs more than one image where the last map has one pixel (size below 64).
    Keys are BasicSR's (`conv0_0`, `conv0_1`, `bn0_1`, …, `linear1`, `linear2`; "layer" says `ln0_1`).
    Raises UsageError for a size below 32, an unknown norm, and images of another size than the critic's.
    Wang et al. 2018, "ESRGAN"; the gradient penalty: Gulrajani et al. 2017.
    """

    def __init__(self, *, size: int, features: int = 64, norm: CriticNorm = "batch") -> None:
        super().__init__()
        if size < SMALLEST_SIZE:
            raise UsageError(
                f"a critic cannot take images of {size} px: the smallest size is {SMALLEST_SIZE} px"
            )
        if features < 1:
            raise UsageError(f"a critic needs at least 1 feature, not {features}")
        if norm not in _PREFIXES:
            raise UsageError(f"a critic has no norm {norm!r}; choose one of {', '.join(_PREFIXES)}")
        self.size = size
        self.norm: CriticNorm = norm
        wide_in = 3
        for level, factor in enumerate(_WIDTHS):
            wide_out = features * factor
            self._add_conv(f"{level}_0", wide_in, wide_out, halving=False)
            self._add_conv(f"{level}_1", wide_out, wide_out, halving=True)
            wide_in = wide_out
        self.linear1 = nn.Linear(wide_in * (size // SMALLEST_SIZE) ** 2, 100)
        self.linear2 = nn.Linear(100, 1)

    def _is_normed(self, place: str) -> bool:
        return self.norm != "none" and place != "0_0"

    def _add_conv(self, place: str, wide_in: int, wide_out: int, *, halving: bool) -> None:
        kernel, stride = (4, 2) if halving else (3, 1)
        conv = nn.Conv2d(wide_in, wide_out, kernel, stride=stride, padding=1, bias=not self._is_normed(place))
        self.add_module(f"conv{place}", conv)
        if self._is_normed(place):
            norm = nn.BatchNorm2d(wide_out) if self.norm == "batch" else nn.GroupNorm(1, wide_out)
            self.add_module(f"{_PREFIXES[self.norm]}{place}", norm)

    def forward(self, image: Tensor) -> Tensor:
        if image.ndim != 4 or tuple(image.shape[-2:]) != (self.size, self.size):
            raise UsageError(
                f"this critic takes images of {self.size}×{self.size} px, not of shape {tuple(image.shape)}: "
                f"crop patches to {self.size} px, or build the critic for the patches' size"
            )
        features = image
        for level in range(len(_WIDTHS)):
            for place in (f"{level}_0", f"{level}_1"):
                features = self.get_submodule(f"conv{place}")(features)
                if self._is_normed(place):
                    features = self.get_submodule(f"{_PREFIXES[self.norm]}{place}")(features)
                features = _activate(features)
        hidden = _activate(self.linear1(features.flatten(start_dim=1)))
        with torch.autocast(hidden.device.type, enabled=False):
            # Under autocast, too, a score is a whole float: adversarial losses compare means of close scores.
            return self.linear2(hidden.to(self.linear2.weight.dtype))


class VGGStyle(CriticPart):
    """ESRGAN's VGG-style critic: one score for an image."""

    apart: ClassVar[str] = "adversarial.critic.norm to 'layer' or 'none'"

    kind: Literal["vgg"] = "vgg"
    features: int = Field(
        default=64, ge=1, le=512, description="channels of its first convolution; 64 as ESRGAN's"
    )
    norm: CriticNorm = Field(default="batch", description="normalisation after convolutions")

    @property
    def label(self) -> str:
        """As tables say it."""
        return f"VGG-style, {'no' if self.norm == 'none' else self.norm} norm"

    @property
    def couples_samples(self) -> bool:
        """With batch norm."""
        return self.norm == "batch"

    @property
    def smallest_size(self) -> int:
        """Side in pixels."""
        return SMALLEST_SIZE

    def build(self, *, size: int) -> VGGCritic:
        """A fresh critic on the CPU, for images of this size alone."""
        return VGGCritic(size=size, features=self.features, norm=self.norm)

    def problems(self, use: CriticUse) -> list[str]:
        """What every critic has, and one value a channel, of which batch norm has no variance."""
        found = super().problems(use)
        if self.norm == "batch" and use.batch == 1 and use.size < 2 * SMALLEST_SIZE:
            found.append(
                f"a critic with batch norm needs more than one patch of {use.size} px: set patches.batch to "
                "2 or more, or adversarial.critic.norm to 'layer'"
            )
        return found
