"""MATLAB's bicubic `imresize` to any size, as `bicubic` has it for whole scales.

Output pixel i of a side that goes from n to m pixels looks at u = (i + 1/2)·n/m - 1/2. Its weights are Keys'
cubic kernel (1981, a = -1/2) at the distances from u, stretched by n/m where the side shrinks (antialiased),
and divided by their sum; beyond the border the image is mirrored, its outer pixels repeated. In float64.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from esrlab.data.degradations.bicubic_sums import fold

_BLOCK = 256
"""Output pixels of a side that are summed at once."""


@dataclass(frozen=True)
class Side:
    """How one side of an image goes from `given` to `wanted` pixels.

    `taps` are the pixels that each output pixel sees, `weights` what they count, both (wanted, taps).
    """

    given: int
    wanted: int
    taps: Tensor
    weights: Tensor

    def seen(self, first: int, last: int) -> tuple[int, int]:
        """The first pixel that output pixels first to last - 1 see, and the one after the last."""
        taps = self.taps[first:last]
        return int(taps.min()), int(taps.max()) + 1

    def matrix(self, first: int, last: int) -> Tensor:
        """The weights of output pixels first to last - 1 for the pixels in `seen`, in float64."""
        low, high = self.seen(first, last)
        matrix = torch.zeros(last - first, high - low, dtype=torch.float64)
        return matrix.scatter_add_(1, self.taps[first:last] - low, self.weights[first:last])


def plan_side(given: int, wanted: int) -> Side:
    """The weights of one side; ValueError where one of the two has no pixels."""
    if min(given, wanted) < 1:
        raise ValueError(f"a side of {given} pixels cannot become one of {wanted}: at least 1 is needed")
    ratio = given / wanted
    stretch = max(ratio, 1.0)
    centre = (torch.arange(wanted, dtype=torch.float64).unsqueeze(1) + 0.5) * ratio - 0.5
    leftmost = torch.ceil(centre - 2 * stretch - 1e-9).long()
    source = leftmost + torch.arange(math.ceil(4 * stretch) + 1)
    weights = _keys((centre - source) / stretch)
    return Side(given, wanted, fold(source, given, "symmetric"), weights / weights.sum(1, keepdim=True))


def resize_rows(rows: Tensor, side: Side, first: int, last: int) -> Tensor:
    """Output rows first to last - 1 from the rows in `side.seen`, (..., n, W) float64 in and out."""
    return side.matrix(first, last).to(rows.device) @ rows


def resize_columns(rows: Tensor, side: Side) -> Tensor:
    """All output columns, (..., n, given) -> (..., n, wanted), float64 in and out."""
    parts: list[Tensor] = []
    for first in range(0, side.wanted, _BLOCK):
        last = min(first + _BLOCK, side.wanted)
        low, high = side.seen(first, last)
        parts.append(rows[..., low:high] @ side.matrix(first, last).to(rows.device).T)
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def bicubic_to_size(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image at another size (height, width), as MATLAB's `imresize(image, [height width], "bicubic")`.

    (N, C, H, W) floats of any range -> `(N, C, *size)`, same dtype, neither clamped nor rounded; a side that
    shrinks is antialiased. Differentiable. ValueError: no pixels, in or out.
    """
    given = tuple(image.shape[-2:])
    if given == tuple(size):
        return image
    height, width = (plan_side(had, wanted) for had, wanted in zip(given, size, strict=True))
    place = "cpu" if image.device.type == "mps" else image.device  # Apple's GPUs have no float64
    planes = image.to(place, torch.float64)
    bands: list[Tensor] = []
    for first in range(0, height.wanted, _BLOCK):
        last = min(first + _BLOCK, height.wanted)
        low, high = height.seen(first, last)
        bands.append(resize_columns(resize_rows(planes[..., low:high, :], height, first, last), width))
    return torch.cat(bands, dim=-2).to(image)


def _keys(distance: Tensor) -> Tensor:
    """Keys' cubic kernel with a = -1/2."""
    t = distance.abs()
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return torch.where(t <= 1, near, torch.where(t < 2, far, 0.0))
