"""A photograph of any size through generators, to any size: in tiles, colours kept, with alpha."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn

from esrlab.errors import UsageError
from esrlab.upscaling.alpha import SpreadRows
from esrlab.upscaling.colour import keep_colour as with_kept_colour
from esrlab.upscaling.colour import rows_held
from esrlab.upscaling.network_step import enlarge_by_network, scale_of
from esrlab.upscaling.rows import ArrayRows, BandRows, Rows, TensorRows, as_levels, whole_image
from esrlab.upscaling.sizes import bytes_held, resize_bands, target_size
from esrlab.upscaling.tiles import Progress

Generator = nn.Module | Sequence[nn.Module]
"""A network with a `scale`, or several, one after another (a cascade)."""


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

    image: (1, C, H, W) floats in [0, 1]: grey, grey and alpha, RGB, or RGB and alpha. Gives `(1, C, *size)`,
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
    half of what is free. keep_colour: correct the low frequencies to the image's. overlap: pixels of the
    small image that tiles see beyond their own; by default the generator's receptive field, up to 48.

    Raises UsageError for a scale, size or number of channels that cannot be, and UserError, while the bands
    are made, where the memory does not suffice.
    """
    if not 1 <= rows.channels <= 4:
        raise UsageError(
            f"an image has 1 to 4 channels (grey or RGB, with alpha or without), not {rows.channels}"
        )
    networks = [generator] if isinstance(generator, nn.Module) else list(generator)
    factor = prod(scale_of(network) for network in networks)
    height, width = target_size(rows.height, rows.width, factor=factor, scale=scale, size=size)
    has_alpha = rows.channels % 2 == 0
    source = SpreadRows(rows) if has_alpha else rows
    later = rows_held() * 4 * rows.width * rows.channels * factor**2 if keep_colour else 0
    later += bytes_held((rows.height * factor, rows.width * factor), (height, width), rows.channels)
    bands = _cascade(source, networks, memory=memory, later=later, overlap=overlap, progress=progress)
    if keep_colour:
        bands = with_kept_colour(bands, source, scale=factor, planes=rows.channels - has_alpha)
    if (rows.height * factor, rows.width * factor) != (height, width):
        bands = resize_bands(_enlarged(rows, bands, factor), height, width)
    return Enlarged(height, width, bands)


def _cascade(
    rows: Rows,
    networks: Sequence[nn.Module],
    *,
    memory: int | None,
    later: int,
    overlap: int | None,
    progress: Progress | None,
) -> Iterator[Tensor]:
    """One network after another; each reads the rows that the one before it makes."""
    counts = _Counts(len(networks), progress)
    last = len(networks) - 1
    for number, network in enumerate(networks):
        bands = enlarge_by_network(
            rows,
            network,
            memory=memory,
            later=later,
            overlap=overlap,
            share=len(networks),
            progress=counts.of(number),
        )
        if number == last:
            return bands
        rows = _enlarged(rows, bands, scale_of(network))
    raise UsageError("there is no generator: give one, or a cascade of several")


def _enlarged(rows: Rows, bands: Iterator[Tensor], scale: int) -> BandRows:
    return BandRows(bands, height=rows.height * scale, width=rows.width * scale, channels=rows.channels)


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
