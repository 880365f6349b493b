"""The embedded students: small networks taught what ImageNet networks and LPIPS measure. Architecture only.

Trained by `research/students/train.py`; their weights are in `esrlab.models.students`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.core.backend import full_precision
from esrlab.models.features.base import FeatureNetwork

VGG_STUDENT_LAYER: Final = "conv3_4"
RESIDUAL_STUDENT_LAYER: Final = "block4"


def _conv(wide_in: int, wide_out: int) -> nn.Conv2d:
    return nn.Conv2d(wide_in, wide_out, kernel_size=3, padding=1)


def _halve(wide_in: int, wide_out: int) -> nn.Conv2d:
    # Even, so that an output is in the middle of the pixels it stands for, as after VGG's 2×2 pooling.
    return nn.Conv2d(wide_in, wide_out, kernel_size=4, stride=2, padding=1)


class VGGStudent(FeatureNetwork):
    """Six plain convolutions that answer as VGG19's `conv3_4` does before its activation.

    Reads (N, 3, h, w) normalised by ImageNet's mean and std; its one layer is (N, 256, h/4, w/4), in units
    in which the teacher's features have a standard deviation near one.
    """

    def __init__(self) -> None:
        super().__init__(title="vgg-student", built=(VGG_STUDENT_LAYER,))
        self.features = nn.Sequential(
            *(_halve(3, 48), nn.SiLU()),
            *(_conv(48, 48), nn.SiLU()),
            *(_halve(48, 96), nn.SiLU()),
            *(_conv(96, 96), nn.SiLU()),
            *(_conv(96, 96), nn.SiLU()),
            nn.Conv2d(96, 256, kernel_size=1),
        )
        self.freeze()

    def stages(self) -> Iterable[tuple[str, Callable[[Tensor], Tensor]]]:
        return ((VGG_STUDENT_LAYER, self.features),)


class ResidualBlock(nn.Module):
    """Two convolutions whose outcome is added: (N, C, h, w) -> (N, C, h, w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = _conv(width, width)
        self.conv2 = _conv(width, width)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.conv2(functional.silu(self.conv1(functional.silu(features))))


def _pad() -> nn.ZeroPad2d:
    # Right and below only: TensorFlow's SAME, by which the teacher's pixels are where they are.
    return nn.ZeroPad2d((0, 1, 0, 1))


def _depthwise(width: int, *, stride: int = 1) -> nn.Conv2d:
    padding = 1 if stride == 1 else 0
    return nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=padding, groups=width)


class ResidualStudent(FeatureNetwork):
    """Residual blocks that answer as EfficientNet-Lite0 does after its fifth block (`block4`, stride 8).

    Reads (N, 3, h, w) normalised by ImageNet's mean and std; its one layer is (N, 40, h/8, w/8), in units
    in which the teacher's features have a standard deviation near one. `front` has the form of the
    teacher's stem and first two blocks, batch norm folded into the convolutions.
    """

    def __init__(self) -> None:
        super().__init__(title="residual-student", built=(RESIDUAL_STUDENT_LAYER,))
        self.front = nn.Sequential(
            *(_pad(), nn.Conv2d(3, 32, kernel_size=3, stride=2), nn.ReLU6()),
            *(_depthwise(32), nn.ReLU6(), nn.Conv2d(32, 16, kernel_size=1)),
            *(nn.Conv2d(16, 96, kernel_size=1), nn.ReLU6()),
            *(_pad(), _depthwise(96, stride=2), nn.ReLU6(), nn.Conv2d(96, 24, kernel_size=1)),
        )
        self.features = nn.Sequential(
            *(_conv(24, 64), ResidualBlock(64), ResidualBlock(64), nn.SiLU()),
            *(_halve(64, 96), ResidualBlock(96), nn.SiLU()),
            nn.Conv2d(96, 40, kernel_size=1),
        )
        self.freeze()

    def stages(self) -> Iterable[tuple[str, Callable[[Tensor], Tensor]]]:
        return ((RESIDUAL_STUDENT_LAYER, lambda image: self.features(self.front(image))),)


# LPIPS's own normalisation of an image in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_WIDTHS = (48, 96, 144, 128, 128)


class LPIPSStudent(nn.Module):
    """A narrow AlexNet whose five taps are compared as LPIPS compares: taught LPIPS-Alex's distances.

    Calling it gives the distance of each pair: (N, 3, h, w) twice, in [0, 1] -> (N,), zero or more.
    Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric".
    """

    def __init__(self) -> None:
        super().__init__()
        self.title = "lpips-student"
        one, two, three, four, five = _WIDTHS
        self.convs = nn.ModuleList(
            (
                nn.Conv2d(3, one, kernel_size=11, stride=4, padding=2),
                nn.Conv2d(one, two, kernel_size=5, padding=2),
                _conv(two, three),
                _conv(three, four),
                _conv(four, five),
            )
        )
        self.heads = nn.ParameterList(torch.full((width,), 1.0) for width in _WIDTHS)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "LPIPSStudent":
        """Stay in eval mode, like every network that measures."""
        del mode
        return super().train(False)

    def taps(self, image: Tensor) -> list[Tensor]:
        """The five activations of an image (N, 3, h, w) in [0, 1], of unit length over the channels."""
        shift = torch.tensor(_SHIFT, dtype=image.dtype, device=image.device).view(3, 1, 1)
        scale = torch.tensor(_SCALE, dtype=image.dtype, device=image.device).view(3, 1, 1)
        features = (2 * image - 1 - shift) / scale
        found: list[Tensor] = []
        for index, conv in enumerate(self.convs):
            if index in (1, 2):
                features = functional.max_pool2d(features, kernel_size=3, stride=2)
            features = functional.relu(conv(features))
            tap = features.to(image.dtype)  # under autocast they are half as precise
            length = tap.square().sum(dim=1, keepdim=True).add(1e-12).sqrt()
            found.append(tap / (length + 1e-10))
        return found

    def compare(self, taps_sr: Sequence[Tensor], taps_hr: Sequence[Tensor]) -> list[Tensor]:
        """The distance at each place of each tap: (N, h', w') five times."""
        pairs = zip(self.heads, taps_sr, taps_hr, strict=True)
        with full_precision(taps_sr[0].device):
            return [torch.einsum("c,nchw->nhw", head.abs(), (sr - hr).square()) for head, sr, hr in pairs]

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The distance of each pair, (N,). Raises ValueError for images too small (under 31 pixels)."""
        if sr.shape != hr.shape or sr.ndim != 4 or min(sr.shape[2:]) < 31:
            raise ValueError(
                "expected two batches (N, 3, h, w) of one shape, of at least 31×31 pixels, "
                f"got {tuple(sr.shape)} and {tuple(hr.shape)}"
            )
        maps = self.compare(self.taps(sr), self.taps(hr))
        return torch.stack([found.mean(dim=(1, 2)) for found in maps]).sum(dim=0)
