"""Images with an alpha channel: no halo at their edges.

Under full transparency files keep any colour, mostly black; a network sees an edge there and draws a rim of
it into the visible part. So the visible colours are first spread under the transparency, pixel by pixel
outwards. Alpha itself goes through the same generator, as a grey image, so that a cut-out's edge is as sharp
as the edges within it; where it is wholly opaque or wholly transparent it stays so exactly.
"""

import torch
from torch import Tensor
from torch.nn import functional

from esrlab.upscaling.rows import Rows
from esrlab.upscaling.tiles import Enlarge

_STEPS = 16
"""By how many pixels colours are spread."""

_SOLID = 2
"""Alpha stays exactly 0 or 1 where all pixels within so many are."""


class SpreadRows:
    """Rows of an image whose last plane is alpha, with the visible colours spread under full transparency."""

    def __init__(self, rows: Rows) -> None:
        self.height, self.width, self.channels = rows.height, rows.width, rows.channels
        self._rows = rows

    def read(self, first: int, last: int) -> Tensor:
        top, bottom = max(first - _STEPS, 0), min(last + _STEPS, self.height)
        spread = spread_colours(self._rows.read(top, bottom))
        return spread[:, :, first - top : last - top]

    def forget(self, below: int) -> None:
        self._rows.forget(max(below - _STEPS, 0))


def spread_colours(image: Tensor) -> Tensor:
    """(1, C, H, W) with alpha as its last plane: transparent pixels take the mean of visible neighbours.

    Step by step for 16 pixels outwards; what lies farther from anything visible keeps its colour.
    """
    colours, alpha = image[:, :-1], image[:, -1:]
    known = (alpha > 0).to(image)
    if bool(known.all()) or not bool(known.any()):
        return image
    for _ in range(_STEPS):
        # 9 times the means, of which the factor cancels
        total = functional.avg_pool2d(colours * known, 3, stride=1, padding=1)
        count = functional.avg_pool2d(known, 3, stride=1, padding=1)
        reached = (count > 0.05).to(image)
        colours = torch.where((reached > known), total / count.clamp(min=0.05), colours)
        known = reached
    return torch.cat((colours, alpha), dim=1)


def enlarge_planes(network: Enlarge, *, scale: int) -> Enlarge:
    """A network on RGB as a function of 1 to 4 planes: grey, grey and alpha, RGB, RGB and alpha.

    Grey goes through as three equal planes, of which the mean is taken.
    """

    def enlarge(tile: Tensor) -> Tensor:
        planes = tile.shape[1]
        if planes == 3:
            return network(tile)
        if planes == 1:
            return network(tile.expand(-1, 3, -1, -1)).mean(dim=1, keepdim=True)
        return torch.cat((enlarge(tile[:, :-1]), _enlarge_alpha(tile[:, -1:], enlarge, scale=scale)), dim=1)

    return enlarge


def _enlarge_alpha(alpha: Tensor, enlarge: Enlarge, *, scale: int) -> Tensor:
    low, high = (bound.item() for bound in alpha.aminmax())
    if low == high and low in (0, 1):
        return functional.interpolate(alpha, scale_factor=scale, mode="nearest")
    size = 2 * _SOLID + 1
    highest = functional.max_pool2d(alpha, size, stride=1, padding=_SOLID)
    lowest = -functional.max_pool2d(-alpha, size, stride=1, padding=_SOLID)
    lower, upper = (
        functional.interpolate(solid.to(alpha), scale_factor=scale, mode="nearest")
        for solid in (lowest == 1, highest > 0)
    )
    return enlarge(alpha).clamp(lower, upper)
