"""LPIPS as a network: five activations of AlexNet or VGG16, compared by learned weights.

Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", version 0.1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from esrlab.errors import UserError
from esrlab.models.features.imagenet import FeatureNetworkName, build_feature_network, fill_weights

LPIPSBase = Literal["alex", "vgg"]


@dataclass(frozen=True)
class LPIPSForm:
    """What differs between LPIPS's networks.

    smallest_side: the smallest image side, in pixels, that leaves the deepest activation one position.
    weights: the names, in the catalogue, of the features' weights and of the heads.
    """

    network: FeatureNetworkName
    title: str
    taps: tuple[str, ...]
    widths: tuple[int, ...]
    smallest_side: int
    weights: tuple[str, str]


LPIPS_FORMS: dict[LPIPSBase, LPIPSForm] = {
    "alex": LPIPSForm(
        network="alexnet",
        title="AlexNet",
        taps=("relu1", "relu2", "relu3", "relu4", "relu5"),
        widths=(64, 192, 384, 256, 256),
        smallest_side=31,
        weights=("alexnet", "lpips-alex"),
    ),
    "vgg": LPIPSForm(
        network="vgg16",
        title="VGG16",
        taps=("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
        widths=(64, 128, 256, 512, 512),
        smallest_side=16,
        weights=("vgg16", "lpips-vgg"),
    ),
}
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
SMALLEST_SIDE = LPIPS_FORMS["alex"].smallest_side
"""LPIPS-Alex's smallest image side in pixels."""

_NORM_EPSILON = 1e-10


class LPIPSNetwork(nn.Module):
    """The learned perceptual distance of two images, frozen: gradients reach the images, never the weights.

    Unit-normalise each activation over channels, weigh the squared difference by a linear head without
    bias, average over space, sum over the five. Zhang et al. 2018, eq. 1; the paper's eq. 16. Both networks
    take LPIPS's own normalisation of the image. Heads are 0 until `fill` or `weigh_equally`.
    """

    origin = ""
    """Which weights it was filled with, and from which files."""

    def __init__(self, base: LPIPSBase = "alex") -> None:
        super().__init__()
        self.form = LPIPS_FORMS[base]
        self.backbone = build_feature_network(self.form.network, layers=self.form.taps)
        self.heads = nn.ParameterList(
            nn.Parameter(torch.zeros(1, width, 1, 1), requires_grad=False) for width in self.form.widths
        )
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1), persistent=False)

    def fill(self, *, features: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> None:
        """Copy in the network's features (torchvision's keys) and the heads (`lin{0..4}.model.1.weight`).

        Raises UserError where a tensor is missing or has another shape.
        """
        fill_weights(self.backbone, features)
        for index, head in enumerate(self.heads):
            key = f"lin{index}.model.1.weight"
            if key not in heads or heads[key].shape != head.shape:
                raise UserError(
                    f"these are not LPIPS heads for {self.form.title}: {key} is missing or of another shape"
                )
            head.data.copy_(heads[key])

    def weigh_equally(self) -> None:
        """Heads of 1: every channel counts the same, as in the authors' distance without learned heads."""
        for head in self.heads:
            head.data.fill_(1.0)

    def measure(self, image: Tensor) -> list[Tensor]:
        """The five unit-normalised activations of images (N, 3, h, w) in [0, 1].

        Raises ValueError where a side is below the network's `smallest_side` (AlexNet 31, VGG16 16 pixels).
        """
        smallest = self.form.smallest_side
        if min(image.shape[-2:]) < smallest:
            raise ValueError(
                f"LPIPS on {self.form.title} needs images of at least {smallest}×{smallest} pixels, "
                f"got {image.shape[-2]}×{image.shape[-1]}"
            )
        assert isinstance(self.shift, Tensor)
        assert isinstance(self.scale, Tensor)
        found = self.backbone((2 * image - 1 - self.shift) / self.scale, self.form.taps)
        taps = [tap.to(image.dtype) for tap in found.values()]  # under autocast they are half as precise
        return [tap / (torch.linalg.vector_norm(tap, dim=1, keepdim=True) + _NORM_EPSILON) for tap in taps]

    def compare(self, sr: Sequence[Tensor], hr: Sequence[Tensor]) -> Tensor:
        """Distances (N,) in [0, ∞) of two lists of activations that `measure` gave; 0 where equal."""
        return torch.stack([found.mean(dim=(1, 2)) for found in self.distances(sr, hr)]).sum(dim=0)

    def distances(self, sr: Sequence[Tensor], hr: Sequence[Tensor]) -> list[Tensor]:
        """The distance at each place of each activation: (N, h', w') five times."""
        return [
            (head * (one - other).square()).sum(dim=1)
            for head, one, other in zip(self.heads, sr, hr, strict=True)
        ]

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Distances (N,) of image pairs (N, 3, h, w) in [0, 1]."""
        return self.compare(self.measure(sr), self.measure(hr))
