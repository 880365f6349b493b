"""PNG files, 8 or 16 bits a channel, written while the image is made (ISO/IEC 15948).

Pillow writes no 16-bit colour, and needs the whole image at once.
"""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from esrlab.data.photograph_files.metadata import Metadata
from esrlab.data.photograph_files.reading import Levels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""By the number of channels (section 11.2.2)."""

_SUB, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4
_METRES_PER_INCH = 0.0254


def write_png(
    stream: BinaryIO,
    bands: Iterable[Levels],
    *,
    size: tuple[int, int],
    channels: int,
    bits: int,
    kept: Metadata,
) -> None:
    """Writes the bands, (n, W, C) arrays of `bits` bits from the top down; size: (width, height)."""
    stream.write(_SIGNATURE)
    _chunk(stream, b"IHDR", struct.pack(">IIBBBBB", *size, bits, _COLOUR_TYPES[channels], 0, 0, 0))
    if kept.icc:
        _chunk(stream, b"iCCP", b"ICC Profile\0\0" + zlib.compress(kept.icc))
    if kept.dpi is not None:
        across, down = (round(value / _METRES_PER_INCH) for value in kept.dpi)
        _chunk(stream, b"pHYs", struct.pack(">IIB", across, down, 1))
    if kept.exif:
        _chunk(stream, b"eXIf", kept.exif)
    packer = zlib.compressobj(6, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
    above = np.zeros((1, size[0] * channels * bits // 8), np.uint8)
    for band in bands:
        lines = _as_bytes(band, bits)
        if packed := packer.compress(_filtered(lines, above, step=channels * bits // 8)):
            _chunk(stream, b"IDAT", packed)
        above = lines[-1:]
    _chunk(stream, b"IDAT", packer.flush())
    _chunk(stream, b"IEND", b"")


def _chunk(stream: BinaryIO, name: bytes, payload: bytes) -> None:
    stream.write(struct.pack(">I", len(payload)) + name + payload)
    stream.write(struct.pack(">I", zlib.crc32(payload, zlib.crc32(name))))


def _as_bytes(band: Levels, bits: int) -> NDArray[np.uint8]:
    """(n, W, C) levels -> (n, bytes of a row); PNG has the upper byte first."""
    return (
        np.ascontiguousarray(band, dtype=">u2" if bits == 16 else "u1").view(np.uint8).reshape(len(band), -1)
    )


def _filtered(lines: NDArray[np.uint8], above: NDArray[np.uint8], *, step: int) -> bytes:
    """Each row by the filter that leaves the smallest values (section 12.7), its number before it."""
    over = np.concatenate([above, lines[:-1]])
    left, corner = (np.pad(each, ((0, 0), (step, 0)))[:, :-step] for each in (lines, over))
    mean = ((left.astype(np.uint16) + over) >> 1).astype(np.uint8)
    foreseen = {_SUB: left, _UP: over, _AVERAGE: mean, _PAETH: _paeth(left, over, corner)}
    candidates = {number: lines - each for number, each in foreseen.items()}
    costs = [np.abs(each.view(np.int8).astype(np.int16)).sum(axis=1) for each in candidates.values()]
    best = np.array(list(candidates), np.uint8)[np.argmin(costs, axis=0)]
    result = np.empty((len(lines), lines.shape[1] + 1), np.uint8)
    result[:, 0] = best
    for number, each in candidates.items():
        result[best == number, 1:] = each[best == number]
    return result.tobytes()


def _paeth(left: NDArray[np.uint8], over: NDArray[np.uint8], corner: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of the three neighbours the one nearest to left + over - corner (section 9.4)."""
    a, b, c = (each.astype(np.int16) for each in (left, over, corner))
    from_left, from_over, from_corner = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    is_left = (from_left <= from_over) & (from_left <= from_corner)
    return np.where(is_left, left, np.where(from_over <= from_corner, over, corner))
