"""A photograph of any size through one generator or several, to any size: in tiles, colours kept, with alpha."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from esrlab.data.degradations.bicubic_sizes import plan_side, resize_columns, resize_rows
from esrlab.errors import UsageError
from esrlab.upscaling.alpha import SpreadRows, enlarge_planes
from esrlab.upscaling.colour import keep_colour as with_kept_colour
from esrlab.upscaling.memory import bytes_per_pixel, free_memory
from esrlab.upscaling.rows import (
    ROWS_AT_ONCE,
    ArrayRows,
    BandRows,
    Rows,
    TensorRows,
    as_levels,
    whole_image,
)
from esrlab.upscaling.tile_plan import Costs, Overlap
from esrlab.upscaling.tiles import Enlarge, Progress, Tiling, enlarge_in_tiles

Generator = nn.Module | Sequence[nn.Module]
"""A network with a `scale`, or several, one after another (a cascade)."""

_SHARE = 0.5
"""Of the memory that is free, what is taken where no bound is given."""

_SLACK = 1.15
"""Above the tensors themselves, what an allocator and convolutions' scratch memory take: measured up to 1.12."""

_MOST_PIXELS = 1024**2
"""The largest tile: a still larger one is no quicker."""

_EXACT = 32
"""Up to this receptive field, tiles overlap by the whole of it; above, by this much, and fade."""

_BLEND = 8


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


def enlarge(
    image: Tensor,
    generator: Generator,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    memory: int | None = None,
    keep_colour: bool = True,
    overlap: int | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """An image through a generator, in tiles where its memory asks for it; the whole result at once.

    image: (1, C, H, W) floats in [0, 1]: grey, grey and alpha, RGB, or RGB and alpha. Gives (1, C, *size),
    clamped to [0, 1] and not rounded, float32 on the CPU. See `enlarge_rows` for the rest.
    """
    rows = TensorRows(image)
    made = enlarge_rows(
        rows,
        generator,
        scale=scale,
        size=size,
        memory=memory,
        keep_colour=keep_colour,
        overlap=overlap,
        progress=progress,
    )
    return whole_image(made.bands, height=made.height, width=made.width, channels=rows.channels)


def enlarge_array(
    pixels: NDArray[Any],
    generator: Generator,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    memory: int | None = None,
    keep_colour: bool = True,
    overlap: int | None = None,
    progress: Progress | None = None,
) -> Iterator[NDArray[Any]]:
    """Finished rows (n, W, C) of an enlarged array (H, W, C), of its type, from the top to the bottom.

    For images whose result would not fit in memory: each band can be written and given up. uint8, uint16, or
    floats in [0, 1]; rounded once, at the end. See `enlarge_rows` for the rest.
    """
    made = enlarge_rows(
        ArrayRows(pixels),
        generator,
        scale=scale,
        size=size,
        memory=memory,
        keep_colour=keep_colour,
        overlap=overlap,
        progress=progress,
    )
    return (as_levels(band, pixels.dtype) for band in made.bands)


@dataclass(frozen=True)
class Enlarged:
    """An image in the making: its size, and its bands (1, C, n, width) from the top to the bottom."""

    height: int
    width: int
    bands: Iterator[Tensor]


def enlarge_rows(
    rows: Rows,
    generator: Generator,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
    memory: int | None = None,
    keep_colour: bool = True,
    overlap: int | None = None,
    progress: Progress | None = None,
) -> Enlarged:
    """An image that is read in rows through a generator, made as its bands are asked for.

    generator: on the device where it is to compute, in eval mode, with its `scale`; of several, each takes
    what the one before it made. scale, size (height, width): where the generators make another size,
    bicubic does the rest, exactly. memory: bytes that may be taken beside what is held already; by default
    half of what is free. keep_colour: correct the low frequencies to the image's. overlap: pixels of the small
    image that tiles see beyond their own; by default the generator's receptive field, up to 32.

    Raises UsageError for a scale, size or number of channels that cannot be, and UserError, while the bands
    are made, where the memory does not suffice.
    """
    if not 1 <= rows.channels <= 4:
        raise UsageError(f"an image has 1 to 4 channels (grey or RGB, with alpha or without), not {rows.channels}")
    networks = [generator] if isinstance(generator, nn.Module) else list(generator)
    factors = [scale_of(network) for network in networks]
    factor = prod(factors)
    height, width = target_size(rows.height, rows.width, factor=factor, scale=scale, size=size)
    has_alpha = rows.channels % 2 == 0
    source = SpreadRows(rows) if has_alpha else rows
    made: Rows = source
    bands: Iterator[Tensor] | None = None
    report = _Counts(len(networks), progress)
    for number, (network, by) in enumerate(zip(networks, factors, strict=True)):
        bands = _through(
            made, network, by, memory=memory, overlap=overlap, share=len(networks), progress=report.of(number)
        )
        made = BandRows(bands, height=made.height * by, width=made.width * by, channels=rows.channels)
    assert bands is not None
    if keep_colour:
        bands = with_kept_colour(bands, source, scale=factor, planes=rows.channels - has_alpha)
        made = BandRows(bands, height=made.height, width=made.width, channels=rows.channels)
    if (made.height, made.width) != (height, width):
        bands = _resized(made, height, width)
    return Enlarged(height, width, bands)


def scale_of(network: nn.Module) -> int:
    """A network's `scale`; UsageError where it has none."""
    found = getattr(network, "scale", None)
    if not isinstance(found, int) or found < 1:
        raise UsageError(f"a {type(network).__name__} does not tell its scale: set its attribute `scale`")
    return found


def _through(
    rows: Rows,
    network: nn.Module,
    scale: int,
    *,
    memory: int | None,
    overlap: int | None,
    share: int,
    progress: Progress | None,
) -> Iterator[Tensor]:
    device = next((weight.device for weight in network.parameters()), torch.device("cpu"))
    left = memory if memory is not None else int(_SHARE * free_memory(device))
    tiling = Tiling(
        overlap=choose_overlap(network, overlap),
        costs=_costs(rows, network, scale, device),
        memory=left / share,
        most_pixels=_MOST_PIXELS,
    )
    function = enlarge_planes(_run(network, device), scale=scale)
    yield from enlarge_in_tiles(rows, function, scale=scale, tiling=tiling, progress=progress)


def choose_overlap(network: nn.Module, asked: int | None) -> Overlap:
    """The overlap that was asked for, else a network's receptive field; fading where it is less than that."""
    field = getattr(network, "receptive_field", None)
    if asked is None:
        asked = field if isinstance(field, int) and field <= _EXACT else _EXACT
    is_exact = isinstance(field, int) and asked >= field
    return Overlap(margin=max(asked, 2), blend=0 if is_exact else min(_BLEND, asked // 2))


def _costs(rows: Rows, network: nn.Module, scale: int, device: torch.device) -> Costs:
    """A tile's activations and result; for a row of a band, the row itself and what later stages hold of it."""
    row = 4 * rows.width * rows.channels
    return Costs(tile=_SLACK * bytes_per_pixel(network, device=device), row=row * (1 + 3 * scale**2))


def _run(network: nn.Module, device: torch.device) -> Enlarge:
    def run(tile: Tensor) -> Tensor:
        with torch.inference_mode():
            made = network(tile.to(device))
        return made.clamp(0, 1).float().cpu().contiguous()

    return run


def _resized(rows: BandRows, height: int, width: int) -> Iterator[Tensor]:
    """The rows at another size, bicubic, clamped to [0, 1]."""
    down, across = plan_side(rows.height, height), plan_side(rows.width, width)
    for first in range(0, height, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, height)
        low, high = down.seen(first, last)
        planes = rows.read(low, high).double().split(1, dim=1)
        band = [resize_columns(resize_rows(plane, down, first, last), across).float() for plane in planes]
        rows.forget(down.seen(last, last + 1)[0] if last < height else rows.height)
        yield torch.cat(band, dim=1).clamp_(0, 1)


class _Counts:
    """Adds up the tiles of a cascade's steps, of which each knows its own alone."""

    def __init__(self, steps: int, progress: Progress | None) -> None:
        self._done, self._whole = [0] * steps, [0] * steps
        self._progress = progress

    def of(self, step: int) -> Progress | None:
        if self._progress is None:
            return None
        progress = self._progress

        def told(done: int, whole: int) -> None:
            self._done[step], self._whole[step] = done, whole
            progress(sum(self._done), sum(self._whole))

        return told
