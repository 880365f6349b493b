"""How an image is cut into tiles: as few pixels twice as the memory allows."""

import math
from bisect import bisect_left
from dataclasses import dataclass

from esrlab.errors import UserError

ALIGNMENT = 4
"""Tiles begin at multiples of it, so that networks on pixel-unshuffled input see the same grid everywhere."""

SMALLEST = 16
"""The least side of a tile, without its overlap."""


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How far tiles reach beyond their own pixels, in pixels of the small image.

    margin: what a tile sees beyond its own pixels at each side. blend: within this many pixels to each side
    of a seam, one tile's result fades into the next one's; 0 where results are equal there anyway.
    """

    margin: int
    blend: int = 0

    def __post_init__(self) -> None:
        if self.margin < 0 or not 0 <= self.blend <= self.margin:
            raise UserError(
                f"tiles cannot overlap by {self.margin} pixels and blend over {self.blend}: "
                "neither may be negative, nor the blend larger than the overlap"
            )

    @property
    def smallest_tile(self) -> int:
        """The least side at which the fades of a tile's two ends stay apart."""
        return max(SMALLEST, 4 * self.blend + 2 * ALIGNMENT)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What memory a tile takes: `tile` bytes for each pixel that goes into the network; `row` bytes for each
    row of the small image that a band of tiles makes."""

    tile: float
    row: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where an image is cut, in rows and columns of the small image."""

    rows: tuple[tuple[int, int], ...]
    columns: tuple[tuple[int, int], ...]

    @property
    def tiles(self) -> int:
        return len(self.rows) * len(self.columns)


def plan_tiles(
    height: int, width: int, *, overlap: Overlap, costs: Costs, memory: float, most_pixels: int
) -> Plan:
    """The cut that computes the fewest pixels among those whose tiles fit in `memory` bytes.

    most_pixels: the most that go through the network at once, whatever the memory. Raises UserError where
    not even the smallest tile fits, with what it needs.
    """
    least = overlap.smallest_tile
    tallest, widest = max(height // least, 1), max(width // least, 1)
    most = max(most_pixels, _seen(height, tallest, overlap) * _seen(width, widest, overlap))

    def fits(down: int, across: int) -> bool:
        tall, wide = _seen(height, down, overlap), _seen(width, across, overlap)
        return tall * wide <= most and _cost(height, tall * wide, down, costs) <= memory

    best: tuple[int, int, int] | None = None
    for across in range(1, widest + 1):
        if not fits(tallest, across):
            continue
        down = 1 + bisect_left(range(1, tallest), True, key=lambda parts: fits(parts, across))
        margin = 2 * overlap.margin
        computed = (width + margin * (across - 1)) * (height + margin * (down - 1))
        if best is None or computed < best[0]:
            best = (computed, down, across)
    if best is None:
        seen = _seen(height, tallest, overlap) * _seen(width, widest, overlap)
        raise UserError(
            f"{_megabytes(memory)} of memory are not enough for even a small tile, which takes "
            f"{_megabytes(_cost(height, seen, tallest, costs))}: give more, or take a smaller generator"
        )
    return Plan(rows=_cut(height, best[1]), columns=_cut(width, best[2]))


def _seen(side: int, parts: int, overlap: Overlap) -> int:
    """The most pixels of a side that one of so many tiles sees."""
    return min(side, math.ceil(side / parts) + 2 * (overlap.margin + ALIGNMENT)) if parts > 1 else side


def _cost(height: int, seen: int, down: int, costs: Costs) -> float:
    """Bytes that a tile of `seen` pixels in one of `down` rows of tiles takes, with its band."""
    return seen * costs.tile + math.ceil(height / down) * costs.row


def _cut(side: int, parts: int) -> tuple[tuple[int, int], ...]:
    """A side in parts of nearly one length, cut at multiples of ALIGNMENT."""
    cuts = [round(side * part / parts / ALIGNMENT) * ALIGNMENT for part in range(parts)]
    return tuple(zip(cuts, [*cuts[1:], side], strict=True))


def _megabytes(size: float) -> str:
    return f"{max(size, 0) / 2**20:,.0f} MiB"
