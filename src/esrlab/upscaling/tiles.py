"""An image through a network in tiles: what is held at once is bounded, and no seam is left.

A tile sees `margin` pixels of the image beyond its own at each side. Where that covers the network's
receptive field, its own pixels are what the whole image would give; where it does not, neighbouring tiles
fade into one another across the seam. At the image's border a tile ends where the image does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from esrlab.errors import UserError
from esrlab.upscaling.rows import ROWS_AT_ONCE, Rows
from esrlab.upscaling.tile_plan import ALIGNMENT, Costs, Overlap, Plan, plan_tiles

Progress = Callable[[int, int], None]
"""Told after each tile how many are done, and of how many; the latter grows where memory runs out."""

Enlarge = Callable[[Tensor], Tensor]
"""(1, C, h, w) on the CPU -> (1, C, h·scale, w·scale) on the CPU."""


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How an image is tiled: overlap, what tiles cost, the memory for them, the pixels of the largest."""

    overlap: Overlap
    costs: Costs
    memory: float
    most_pixels: int

    def plan(self, height: int, width: int) -> Plan:
        return plan_tiles(
            height,
            width,
            overlap=self.overlap,
            costs=self.costs,
            memory=self.memory,
            most_pixels=self.most_pixels,
        )


def enlarge_in_tiles(
    rows: Rows, enlarge: Enlarge, *, scale: int, tiling: Tiling, progress: Progress | None = None
) -> Iterator[Tensor]:
    """Bands (1, C, n, W·scale) of the enlarged image, n a multiple of the scale, from the top to the bottom.

    Where memory runs out the tiles are made half as large and the row of tiles is begun anew. Raises
    UserError where even the smallest tile does not fit.
    """
    top, done, most = 0, 0, tiling.most_pixels
    carried: Tensor | None = None
    failed: Plan | None = None
    while top < rows.height:
        now = Tiling(overlap=tiling.overlap, costs=tiling.costs, memory=tiling.memory, most_pixels=most)
        plan = now.plan(rows.height - top, rows.width)
        if failed == plan:
            raise _no_smaller(plan)
        bottom = top + plan.rows[0][1]
        row = _Row(rows, top, bottom, scale=scale, overlap=tiling.overlap)
        band = row.make(plan, enlarge, _after(progress, done, plan.tiles))
        if band is None:
            failed, most = plan, row.largest // 2
            release_memory()
            continue
        finished, carried = row.finish(band, carried)
        del band
        done += len(plan.columns)
        top = bottom
        rows.forget(max(top - tiling.overlap.margin - ALIGNMENT, 0))
        yield from finished.split(ROWS_AT_ONCE * scale, dim=2)
        del finished


def _after(progress: Progress | None, done: int, tiles: int) -> Callable[[int], None]:
    """Tells the progress of one row of tiles, after `done` others and of `tiles` that are left with it."""
    return lambda number: None if progress is None else progress(done + number, done + tiles)


class _Row:
    """One row of tiles: pixel rows `top` to `bottom` of the small image, and their fades at seams."""

    def __init__(self, rows: Rows, top: int, bottom: int, *, scale: int, overlap: Overlap) -> None:
        self.rows, self.scale, self.overlap = rows, scale, overlap
        self.first, self.last = _widen(top, bottom, rows.height, overlap.blend)
        self.seen = _seen(top, bottom, rows.height, overlap.margin)
        self.fades_in, self.fades_out = top > 0, bottom < rows.height
        self.given = rows.read(*self.seen)
        self.largest = self.given[0, 0].numel()

    def make(self, plan: Plan, enlarge: Enlarge, tell: Callable[[int], None]) -> Tensor | None:
        """The band of all its tiles, seams faded; None where memory ran out.

        What the failed pass held is given up with this frame: the error's traceback would keep it.
        """
        try:
            band = self.allocate()
            for number, (left, right) in enumerate(plan.columns, start=1):
                self.add(band, enlarge, left, right)
                tell(number)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None
        return band

    def allocate(self) -> Tensor:
        tall, wide = (self.last - self.first) * self.scale, self.rows.width * self.scale
        return torch.zeros(1, self.rows.channels, tall, wide)

    def add(self, band: Tensor, enlarge: Enlarge, left: int, right: int) -> None:
        """One tile's result into the band, faded at its seams with the tiles beside it."""
        scale, width, blend = self.scale, self.rows.width, self.overlap.blend
        first, last = _widen(left, right, width, blend)
        seen_left, seen_right = _seen(left, right, width, self.overlap.margin)
        tile = self.given[..., seen_left:seen_right]
        self.largest = tile.shape[2] * tile.shape[3]
        made = enlarge(tile)
        if made.shape[2:] != (tile.shape[2] * scale, tile.shape[3] * scale):
            raise UserError(
                f"the generator made {tuple(made.shape[2:])} of {tuple(tile.shape[2:])}: not ×{scale}"
            )
        above, before = self.first - self.seen[0], first - seen_left
        made = made[
            ...,
            above * scale : (above + self.last - self.first) * scale,
            before * scale : (before + last - first) * scale,
        ]
        if blend:
            weights = _fade(made.shape[3], 2 * blend * scale, starts=left > 0, ends=right < width)
            band[..., first * scale : last * scale] += made * weights
        else:
            band[..., first * scale : last * scale] = made

    def finish(self, band: Tensor, carried: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """The finished rows of the band, and those that the next row of tiles still fades into."""
        fade = 2 * self.overlap.blend * self.scale
        if not fade:
            return band, None
        ramp = _fade(2 * fade, fade, starts=True, ends=True)[:, None]
        if carried is not None:
            band[:, :, :fade] *= ramp[:fade]
            band[:, :, :fade] += carried
        if not self.fades_out:
            return band, None
        return band[:, :, :-fade], band[:, :, -fade:] * ramp[fade:]


def _widen(first: int, last: int, side: int, blend: int) -> tuple[int, int]:
    """A tile's own pixels with those in which it fades, at the ends that are not the image's."""
    return first - blend if first > 0 else 0, last + blend if last < side else side


def _seen(first: int, last: int, side: int, margin: int) -> tuple[int, int]:
    """The pixels that a tile sees."""
    return max(first - margin, 0) // ALIGNMENT * ALIGNMENT, min(last + margin, side)


def _fade(length: int, fade: int, *, starts: bool, ends: bool) -> Tensor:
    """Weights of a tile along one side: rising over the first `fade` pixels, falling over the last."""
    weights = torch.ones(length)
    ramp = (torch.arange(fade) + 0.5) / max(fade, 1)
    if starts:
        weights[:fade] = ramp
    if ends:
        weights[length - fade :] = 1 - ramp
    return weights


def _no_smaller(plan: Plan) -> UserError:
    (top, bottom), (left, right) = plan.rows[0], plan.columns[0]
    return UserError(
        f"memory ran out at a tile of {right - left}×{bottom - top} pixels, the smallest there is: "
        "close other programs, or take a smaller generator"
    )


def release_memory() -> None:
    """Gives a GPU's unused memory back, which torch keeps."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def is_out_of_memory(error: Exception) -> bool:
    """True where an error says that a GPU's or this machine's memory did not suffice."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    said = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, RuntimeError) and any(words in text for words in said)
