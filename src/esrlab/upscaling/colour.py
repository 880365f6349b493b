"""Colour kept: the enlarged image's low frequencies are the given image's.

Networks trained by perceptual and adversarial losses shift colours by a few levels, here more than there.
What shifted is seen when the result is reduced again: the difference between the given image and the mean of
the scale × scale pixels made of each of its pixels. This difference, blurred until no detail and no edge is
left in it, is added to the result. Blur and enlargement keep the mean exactly, so the means of both images
agree, apart from what is clamped at black and white: of that, a second pass makes up for most.

Blur: twice a mean over 2·16 + 1 pixels of the small image in each direction, mirrored at the border.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from esrlab.data.degradations.bicubic_sums import fold
from esrlab.upscaling.rows import ROWS_AT_ONCE, BandRows, Rows

_RADIUS = 16
_REACH = 2 * _RADIUS + 1
"""Rows of differences to each side that a corrected row depends on: two blurs, and the enlargement."""


def keep_colour(bands: Iterator[Tensor], given: Rows, *, scale: int, planes: int) -> Iterator[Tensor]:
    """The bands with the colours of `given`, which they are `scale` times as large as, in two passes.

    planes: how many of the first planes are colours; those behind them, an alpha channel, stay as they are.
    Bands are (1, C, n, W·scale) in [0, 1], in and out.
    """
    for _ in range(2):
        bands = _correct(bands, given, scale=scale, planes=planes)
    return bands


def _correct(bands: Iterator[Tensor], given: Rows, *, scale: int, planes: int) -> Iterator[Tensor]:
    height, width = given.height, given.width
    made = BandRows(bands, height=height * scale, width=width * scale, channels=given.channels)
    differences = BandRows(
        _differences(made, given, scale=scale, planes=planes), height=height, width=width, channels=planes
    )
    for top in range(0, height, ROWS_AT_ONCE):
        bottom = min(top + ROWS_AT_ONCE, height)
        shift = _enlarge(_blur(differences, top, bottom), scale)
        band = made.read(top * scale, bottom * scale)
        colours = shift.add_(band[:, :planes]).clamp_(0, 1)
        differences.forget(max(bottom - _REACH, 0))
        made.forget(bottom * scale)
        yield colours if planes == band.shape[1] else torch.cat((colours, band[:, planes:]), dim=1)


def rows_held() -> int:
    """Rows of the given image for which keep_colour holds what was made of them, at most."""
    return 2 * (_REACH + 3 * ROWS_AT_ONCE)


def _differences(made: BandRows, given: Rows, *, scale: int, planes: int) -> Iterator[Tensor]:
    """What is given less what was made of it, in bands of the small image's rows."""
    for top in range(0, given.height, ROWS_AT_ONCE):
        bottom = min(top + ROWS_AT_ONCE, given.height)
        reduced = functional.avg_pool2d(made.read(top * scale, bottom * scale)[:, :planes], scale)
        yield given.read(top, bottom)[:, :planes] - reduced


def _blur(differences: BandRows, top: int, bottom: int) -> Tensor:
    """Blurred differences of rows top - 1 to bottom, one beyond at each side."""
    rows = fold(torch.arange(top - _REACH, bottom + _REACH), differences.height, "symmetric")
    first, last = int(rows.min()), int(rows.max()) + 1
    columns = fold(torch.arange(-_REACH, differences.width + _REACH), differences.width, "symmetric")
    blurred = differences.read(first, last)[:, :, rows - first][..., columns]
    for dim in (2, 2, 3, 3):
        blurred = _mean_over(blurred, dim)
    return blurred


def _mean_over(values: Tensor, dim: int) -> Tensor:
    """Means over 2·_RADIUS + 1 neighbours along a dimension, which loses 2·_RADIUS, by running sums."""
    length = 2 * _RADIUS + 1
    count = values.shape[dim] - length + 1
    sums = functional.pad(values, (0, 0, 1, 0) if dim == 2 else (1, 0)).cumsum(dim, dtype=torch.float64)
    return ((sums.narrow(dim, length, count) - sums.narrow(dim, 0, count)) / length).to(values)


def _enlarge(shift: Tensor, scale: int) -> Tensor:
    """Bilinear, without the pixel beyond at each side: (1, C, n + 2, w + 2) -> (1, C, n·scale, w·scale)."""
    enlarged = functional.interpolate(shift, scale_factor=scale, mode="bilinear", align_corners=False)
    return enlarged[..., scale:-scale, scale:-scale]
