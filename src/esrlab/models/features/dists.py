"""DISTS as a network: structure and texture of VGG16's activations, compared by learned weights.

Ding, Ma, Wang and Simoncelli 2020, "Image Quality Assessment: Unifying Structure and Texture Similarity".
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from esrlab.errors import UserError
from esrlab.models.features.imagenet import fill_weights, normalise
from esrlab.models.features.students import VGG_STUDENT_LAYER, VGGStudent
from esrlab.models.features.vgg import VGG

TAPS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
CHANNELS = (3, 64, 128, 256, 512, 512)
"""Channels of the six stages: the image itself, then the five activations."""

SMALLEST_SIDE = 16
"""The smallest image side in pixels: below it, the deepest stage has no position of its own."""

WEIGHTS = ("vgg16", "dists")
"""The names, in the catalogue, of the features' weights and of α and β."""

_STABILITY = 1e-6
"""c1 and c2 of the paper."""


def compare_stages(
    sr: Sequence[Tensor], hr: Sequence[Tensor], alpha: Sequence[Tensor], beta: Sequence[Tensor]
) -> Tensor:
    """1 − Σ_ij [α_ij l(x_ij, y_ij) + β_ij s(x_ij, y_ij)] / Σ_ij (α_ij + β_ij) over the stages i and their
    channels j: (N,). Ding et al. 2020.

    l = (2 μx μy + c1)/(μx² + μy² + c1), of the means over an activation's positions; s = (2 σxy + c2)/(σx² +
    σy² + c2), of variances and covariance. Computed as Σ α (1 − l) + β (1 − s), where 1 − l = (μx − μy)²/(μx²
    + μy² + c1) and 1 − s = Var(x − y)/(σx² + σy² + c2): equal, and exactly 0 where x = y.
    alpha, beta: (C_i,) for each stage, 0 or more.
    """
    parts: list[Tensor] = []
    for x, y, alphas, betas in zip(sr, hr, alpha, beta, strict=True):
        mean_x, mean_y = x.mean(dim=(2, 3)), y.mean(dim=(2, 3))
        rest_x, rest_y = x - mean_x[..., None, None], y - mean_y[..., None, None]
        variances = (rest_x.square() + rest_y.square()).mean(dim=(2, 3))
        apart = (rest_x - rest_y).square().mean(dim=(2, 3))
        texture = (mean_x - mean_y).square() / (mean_x.square() + mean_y.square() + _STABILITY)
        parts.append(texture @ alphas + (apart / (variances + _STABILITY)) @ betas)
    total = torch.stack([weights.sum() for weights in (*alpha, *beta)]).sum()
    return torch.stack(parts).sum(dim=0) / total


class DISTSNetwork(nn.Module):
    """The distance in structure and texture of two images, frozen: gradients reach the images alone.

    VGG16's stages to relu5_3, their max pooling replaced by L2 pooling with a Hann window, and the image
    itself. The distance is in [0, 2), 0 where the images are equal, and above 1 only where they run against
    each other. The authors shrink images whose smaller side is above 256 px to 256 when they *evaluate*
    quality; here images are compared as they are. Channels weigh the same until `fill`.
    """

    origin = ""
    """Which weights it was filled with, and from which files."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            self.backbone = VGG(depth=16, deepest=TAPS[-1], pooling="l2")
        for name in ("alpha", "beta"):
            self.register_parameter(name, nn.Parameter(torch.ones(sum(CHANNELS)), requires_grad=False))

    def fill(self, *, features: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
        """Copy in VGG16's features (torchvision's keys), and `alpha` and `beta` (1, 1475, 1, 1).

        Raises UserError where a tensor is missing or has another shape.
        """
        fill_weights(self.backbone, features)
        for name in ("alpha", "beta"):
            if name not in weights or weights[name].shape != (1, sum(CHANNELS), 1, 1):
                raise UserError(f"these are not DISTS's weights: {name} is missing or of another shape")
            self.get_parameter(name).data.copy_(weights[name].flatten())

    def measure(self, image: Tensor) -> list[Tensor]:
        """The six stages of images (N, 3, h, w) in [0, 1]. Raises ValueError for a side below 16 pixels."""
        _check_size(image)
        return [image, *(stage.to(image.dtype) for stage in self.backbone(normalise(image), TAPS).values())]

    def compare(self, sr: Sequence[Tensor], hr: Sequence[Tensor]) -> Tensor:
        """Distances (N,) of two lists of stages that `measure` gave."""
        alpha, beta = (self.get_parameter(name).split(CHANNELS) for name in ("alpha", "beta"))
        return compare_stages(sr, hr, alpha, beta)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Distances (N,) of image pairs (N, 3, h, w) in [0, 1]."""
        return self.compare(self.measure(sr), self.measure(hr))


class DISTSOnStudent(nn.Module):
    """DISTS's formula over the image and the VGG student's one layer, all channels of which count the same.

    It was taught nothing by DISTS, and its values are not DISTS's. In [0, 2), 0 where the images are equal.
    """

    def __init__(self, student: VGGStudent) -> None:
        super().__init__()
        self.backbone = student

    def measure(self, image: Tensor) -> list[Tensor]:
        """The two stages of images (N, 3, h, w) in [0, 1]. Raises ValueError for a side below 16 pixels."""
        _check_size(image)
        features = self.backbone(normalise(image), (VGG_STUDENT_LAYER,))[VGG_STUDENT_LAYER]
        return [image, features.to(image.dtype)]

    def compare(self, sr: Sequence[Tensor], hr: Sequence[Tensor]) -> Tensor:
        """Distances (N,) of two lists of stages that `measure` gave."""
        equal = [torch.ones(stage.shape[1], dtype=stage.dtype, device=stage.device) for stage in sr]
        return compare_stages(sr, hr, equal, equal)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Distances (N,) of image pairs (N, 3, h, w) in [0, 1]."""
        return self.compare(self.measure(sr), self.measure(hr))


def _check_size(image: Tensor) -> None:
    if min(image.shape[-2:]) < SMALLEST_SIDE:
        raise ValueError(
            f"DISTS needs images of at least {SMALLEST_SIDE}×{SMALLEST_SIDE} pixels, "
            f"got {image.shape[-2]}×{image.shape[-1]}"
        )
