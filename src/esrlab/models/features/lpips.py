"""LPIPS as a network: AlexNet's five activations, compared by learned weights (Zhang et al. 2018, v0.1)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from esrlab.errors import UserError
from esrlab.models.features.alexnet import AlexNet
from esrlab.models.features.base import FeatureNetwork
from esrlab.models.features.imagenet import fill_weights

TAPS = ("relu1", "relu2", "relu3", "relu4", "relu5")
WIDTHS = (64, 192, 384, 256, 256)
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
SMALLEST_SIDE = 31
"""The smallest image side, in pixels, that leaves AlexNet's fifth activation one position."""

_NORM_EPSILON = 1e-10


class LPIPSNetwork(nn.Module):
    """The learned perceptual distance of two images, frozen: gradients reach the images, never the weights.

    Unit-normalise each activation over channels, weigh the squared difference by a linear head without
    bias, average over space, sum over the five. Zhang et al. 2018, eq. 1; the paper's eq. 16.
    """

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            self.alexnet: FeatureNetwork = AlexNet(deepest=TAPS[-1])
        self.heads = nn.ParameterList(
            nn.Parameter(torch.zeros(1, width, 1, 1), requires_grad=False) for width in WIDTHS
        )
        self.register_buffer("shift", torch.tensor(SHIFT).view(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).view(3, 1, 1), persistent=False)

    def fill(self, *, features: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> None:
        """Copy in AlexNet's features (torchvision's keys) and the heads (`lin{0..4}.model.1.weight`).

        Raises UserError where a tensor is missing or has another shape.
        """
        fill_weights(self.alexnet, features)
        for index, head in enumerate(self.heads):
            key = f"lin{index}.model.1.weight"
            if key not in heads or heads[key].shape != head.shape:
                raise UserError(
                    f"these are not LPIPS heads for AlexNet: {key} is missing or of another shape"
                )
            head.data.copy_(heads[key])

    def measure(self, image: Tensor) -> list[Tensor]:
        """The five unit-normalised activations of images (N, 3, h, w) in [0, 1], h and w at least 31."""
        assert isinstance(self.shift, Tensor)
        assert isinstance(self.scale, Tensor)
        taps = self.alexnet((2 * image - 1 - self.shift) / self.scale, TAPS)
        return [
            tap / (torch.linalg.vector_norm(tap, dim=1, keepdim=True) + _NORM_EPSILON)
            for tap in taps.values()
        ]

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
