"""TIFF files, 8 or 16 bits a channel, written while the image is made (TIFF 6.0; Deflate: Adobe's note 2).

EXIF data is itself a TIFF file without an image. So this file begins as that one, and all places that its
tables name stay right; the image follows, and then a first table that has the entries of both.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

from esrlab.data.photograph_files.metadata import Metadata
from esrlab.data.photograph_files.reading import Levels
from esrlab.errors import UserError

_SHORT, _LONG, _RATIONAL, _UNDEFINED = 3, 4, 5, 7
_DEFLATE, _DIFFERENCES, _CHUNKY, _PER_INCH, _UNASSOCIATED = 8, 2, 1, 2, 2
_GREY, _RGB = 1, 2
_NO_UNIT = 1
_ROWS = 64
"""Rows of a strip, of which all but the last one have as many."""

_EMPTY = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<HI", 0, 0)
_MOST = 2**32 - 2**16
"""Bytes: places in the file are numbers of four bytes."""


def write_tiff(
    stream: BinaryIO,
    bands: Iterable[Levels],
    *,
    size: tuple[int, int],
    channels: int,
    bits: int,
    kept: Metadata,
) -> None:
    """Writes the bands, (n, W, C) arrays of `bits` bits from the top down.

    size: (width, height). Raises UserError above 4 GiB, the most that a TIFF file can hold.
    """
    stream.write(kept.exif or _EMPTY)
    places, lengths = list[int](), list[int]()
    for band in _strips(bands):
        packed = zlib.compress(_differences(band, bits), 6)
        places.append(_begin_word(stream))
        lengths.append(len(packed))
        if places[-1] + len(packed) > _MOST:
            raise UserError("a TIFF file holds 4 GiB at most: give --format png")
        stream.write(packed)
    entries = _copied_entries(kept.exif)
    for tag, kind, numbers in _described(size, channels, bits, kept):
        entries[tag] = _entry(stream, tag, kind, numbers)
    entries[273] = _entry(stream, 273, _LONG, places)
    entries[279] = _entry(stream, 279, _LONG, lengths)
    table = _begin_word(stream)
    stream.write(
        struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    )
    stream.seek(4)
    stream.write(struct.pack("<I", table))


def _described(
    size: tuple[int, int], channels: int, bits: int, kept: Metadata
) -> list[tuple[int, int, list[int] | bytes]]:
    """Tags, kinds and values of the table, but for where the strips are (section 8)."""
    per_inch, unit = (kept.dpi, _PER_INCH) if kept.dpi else ((1, 1), _NO_UNIT)
    values: list[tuple[int, int, list[int] | bytes]] = [
        (256, _LONG, [size[0]]),
        (257, _LONG, [size[1]]),
        (258, _SHORT, [bits] * channels),
        (259, _SHORT, [_DEFLATE]),
        (262, _SHORT, [_RGB if channels > 2 else _GREY]),
        (274, _SHORT, [1]),
        (277, _SHORT, [channels]),
        (278, _LONG, [_ROWS]),
        (282, _RATIONAL, [round(per_inch[0] * 1000), 1000]),
        (283, _RATIONAL, [round(per_inch[1] * 1000), 1000]),
        (284, _SHORT, [_CHUNKY]),
        (296, _SHORT, [unit]),
        (317, _SHORT, [_DIFFERENCES]),
    ]
    if channels % 2 == 0:
        values.append((338, _SHORT, [_UNASSOCIATED]))
    if kept.icc:
        values.append((34675, _UNDEFINED, kept.icc))
    return values


def _strips(bands: Iterable[Levels]) -> Iterator[Levels]:
    """The same rows in bands of _ROWS, the last one of what is left."""
    held: list[Levels] = []
    for band in bands:
        held = [np.concatenate([*held, band])]
        while len(held[0]) >= _ROWS:
            yield held[0][:_ROWS]
            held = [held[0][_ROWS:]]
    yield from (band for band in held if len(band))


def _begin_word(stream: BinaryIO) -> int:
    """Where the next byte goes, at an even place."""
    if stream.tell() % 2:
        stream.write(b"\0")
    return stream.tell()


def _differences(band: Levels, bits: int) -> bytes:
    """Each level less the one to its left (section 14), which packs better."""
    levels = np.ascontiguousarray(band, dtype="<u2" if bits == 16 else "u1")
    result = levels.copy()
    result[:, 1:] -= levels[:, :-1]
    return result.tobytes()


def _copied_entries(exif: bytes) -> dict[int, bytes]:
    """The entries of the first table of EXIF data, of 12 bytes each, by their tags."""
    if not exif:
        return {}
    (place,) = struct.unpack_from("<I", exif, 4)
    (count,) = struct.unpack_from("<H", exif, place)
    found = (exif[place + 2 + 12 * index :][:12] for index in range(count))
    return {struct.unpack_from("<H", entry)[0]: entry for entry in found}


def _entry(stream: BinaryIO, tag: int, kind: int, values: list[int] | bytes) -> bytes:
    """An entry of a table; values of more than four bytes are written into the stream now."""
    if isinstance(values, bytes):
        count, packed = len(values), values
    else:
        count = len(values) // 2 if kind == _RATIONAL else len(values)
        packed = struct.pack(f"<{len(values)}{'H' if kind == _SHORT else 'I'}", *values)
    if len(packed) > 4:
        place = _begin_word(stream)
        stream.write(packed)
        packed = struct.pack("<I", place)
    return struct.pack("<HHI", tag, kind, count) + packed.ljust(4, b"\0")
