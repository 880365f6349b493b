"""What a photograph carries besides its pixels: kept from the file that is read to the one written."""

import math
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from esrlab.data.image_files import PillowImage

ORIENTATION = 0x0112
EXIF_TABLE, GPS_TABLE = 0x8769, 0x8825
WIDTH_TAG, HEIGHT_TAG = 0xA002, 0xA003
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_PER_INCH, _PER_CENTIMETRE = 2, 3

_LAYOUT = (*range(254, 267), 273, *range(277, 285), *range(288, 294), 296, 297, 301, *range(317, 328))
_MORE_LAYOUT = (330, 332, 333, 334, 336, *range(338, 348), *range(512, 522), *range(529, 533))
_OTHER_METADATA = (700, 33723, 34377, 34675)
_OF_THE_FILE = {*_LAYOUT, *_MORE_LAYOUT, *_OTHER_METADATA, ORIENTATION, WIDTH_TAG, HEIGHT_TAG}
"""Tags of no use in another file: how pixels lie in it, and XMP, IPTC and profiles in a TIFF's table."""

_COLOUR_SPACES = {b"GRAY": (1, 2), b"RGB ": (3, 4)}
"""Channels that a profile of this colour space is for."""

_ICC_HEADER = 128


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """exif: a TIFF block in little-endian order, without orientation, sizes and thumbnail; b"" for none.

    icc: a colour profile; b"" for none. dpi: pixels per inch across and down.
    """

    exif: bytes = b""
    icc: bytes = b""
    dpi: tuple[float, float] | None = None

    def turned(self) -> "Metadata":
        """That of the image with its sides exchanged."""
        return self if self.dpi is None else replace(self, dpi=(self.dpi[1], self.dpi[0]))


def read_metadata(image: PillowImage, notices: list[str]) -> Metadata:
    """What an opened image carries; what is damaged is left out, and said in `notices`."""
    dpi, exif = _read_dpi(image.info.get("dpi")), b""
    try:
        found = image.getexif()
        dpi = dpi or _dpi_of_exif(found)
        exif = _clean_exif(found, dpi)
    except Exception:  # Pillow raises what the damage happens to cause
        notices.append("its EXIF data is damaged and left out")
    icc = image.info.get("icc_profile") or b""
    return Metadata(exif=exif, icc=icc if isinstance(icc, bytes) else b"", dpi=dpi)


def fitting_profile(icc: bytes, *, channels: int, notices: list[str]) -> bytes:
    """The profile where it is one for images of so many channels; else b"", and said in `notices`."""
    if not icc:
        return b""
    is_whole = (
        len(icc) > _ICC_HEADER and icc[36:40] == b"acsp" and struct.unpack(">I", icc[:4])[0] == len(icc)
    )
    if not is_whole:
        notices.append("its colour profile is damaged and left out")
        return b""
    if channels not in _COLOUR_SPACES.get(icc[16:20], ()):
        space = icc[16:20].decode("ascii", "replace").strip()
        kind = "grey" if channels < 3 else "RGB"
        notices.append(f"its colour profile is left out: it is for {space} images, and this one is {kind}")
        return b""
    return icc


def _read_dpi(found: Any) -> tuple[float, float] | None:
    """Two numbers that any format can hold; None for others."""
    with suppress(TypeError, ValueError, ZeroDivisionError, OverflowError):
        across, down = (float(value) for value in found)
        if all(math.isfinite(value) and 1 <= value <= 2**16 - 1 for value in (across, down)):
            return across, down
    return None


def _dpi_of_exif(exif: Image.Exif) -> tuple[float, float] | None:
    """For formats that have no place of their own for it (WebP)."""
    per_inch = {_PER_INCH: 1.0, _PER_CENTIMETRE: 2.54}.get(exif.get(_RESOLUTION_UNIT, 0), 0.0)
    across, down = exif.get(_X_RESOLUTION), exif.get(_Y_RESOLUTION)
    if across is None or down is None:
        return None
    return _read_dpi((float(across) * per_inch, float(down) * per_inch))


def _clean_exif(found: Image.Exif, dpi: tuple[float, float] | None) -> bytes:
    kept = Image.Exif()
    kept.endian = "<"
    _copy(found, kept)
    for table in (EXIF_TABLE, GPS_TABLE):
        inner = found.get_ifd(table)
        if inner:
            _copy(inner, kept.get_ifd(table))
    if not kept and not any(kept.get_ifd(table) for table in (EXIF_TABLE, GPS_TABLE)):
        return b""
    if dpi is not None:
        kept[_X_RESOLUTION], kept[_Y_RESOLUTION] = dpi
        kept[_RESOLUTION_UNIT] = _PER_INCH
    return kept.tobytes().removeprefix(b"Exif\0\0")


def _copy(found: Mapping[int, Any], kept: Any) -> None:
    tables = {EXIF_TABLE, GPS_TABLE, 0xA005}
    for tag, value in found.items():
        if tag not in _OF_THE_FILE and tag not in tables:
            kept[tag] = value
