"""The size of the result, and the bicubic that makes it where the generators made another."""

from collections.abc import Iterator

import torch
from torch import Tensor

from esrlab.data.degradations.bicubic_sizes import plan_side, resize_columns, resize_rows
from esrlab.errors import UsageError
from esrlab.upscaling.rows import ROWS_AT_ONCE, Rows


def target_size(
    height: int, width: int, *, factor: int, scale: float | None, size: tuple[int, int] | None
) -> tuple[int, int]:
    """(height, width) of the result: `size`, else `scale` times the image's, else `factor` times.

    Raises UsageError for both at once, and for a result without pixels.
    """
    if scale is not None and size is not None:
        raise UsageError(f"give either a scale or a size, not scale {scale:g} and size {size}")
    if size is None:
        by = factor if scale is None else scale
        if not 0 < by < 1e6:
            raise UsageError(f"the scale is {by}; it must be a number above 0, such as 2 or 1.5")
        size = (max(round(height * by), 1), max(round(width * by), 1))
    if len(size) != 2 or min(size) < 1:
        raise UsageError(f"the size is {size}; it is (height, width), each 1 or more")
    return size


def resize_bands(rows: Rows, height: int, width: int) -> Iterator[Tensor]:
    """The rows at another size in bands, bicubic, clamped to [0, 1]."""
    down, across = plan_side(rows.height, height), plan_side(rows.width, width)
    for first in range(0, height, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, height)
        low, high = down.seen(first, last)
        planes = rows.read(low, high).double().split(1, dim=1)
        band = [resize_columns(resize_rows(plane, down, first, last), across).float() for plane in planes]
        rows.forget(down.seen(last, last + 1)[0] if last < height else rows.height)
        yield torch.cat(band, dim=1).clamp_(0, 1)


def bytes_held(given: tuple[int, int], wanted: tuple[int, int], channels: int) -> int:
    """What `resize_bands` holds at once, about; 0 where nothing is to be resized."""
    if given == wanted:
        return 0
    ratio = given[0] / wanted[0]
    read = ROWS_AT_ONCE * ratio + 4 * max(ratio, 1)
    return int(16 * channels * (read * given[1] + ROWS_AT_ONCE * wanted[1]))
