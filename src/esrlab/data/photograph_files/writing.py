"""A photograph's pixels and metadata -> a file in PNG, JPEG, WebP or TIFF format.

PNG and TIFF are written as the image is made, with 8 or 16 bits; the others have 8, and need it whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from PIL import Image

from esrlab.data.image_files import PillowImage
from esrlab.data.photograph_files.metadata import Metadata
from esrlab.data.photograph_files.png import write_png
from esrlab.data.photograph_files.reading import Levels
from esrlab.data.photograph_files.tiff import write_tiff
from esrlab.errors import UserError

DEFAULT_QUALITY = 95
_MOST_EXIF = 65_000
"""A JPEG segment has 65,533 bytes."""


@dataclass(frozen=True, kw_only=True)
class OutputFormat:
    """A format that is written. most_side: pixels of its longest side."""

    name: str
    suffix: str
    most_side: int
    has_alpha: bool = True
    has_16_bits: bool = False
    has_quality: bool = False


PNG = OutputFormat(name="PNG", suffix=".png", most_side=2**31 - 1, has_16_bits=True)
TIFF = OutputFormat(name="TIFF", suffix=".tif", most_side=2**31 - 1, has_16_bits=True)
JPEG = OutputFormat(name="JPEG", suffix=".jpg", most_side=65_500, has_alpha=False, has_quality=True)
WEBP = OutputFormat(name="WEBP", suffix=".webp", most_side=16_383, has_quality=True)

OUTPUT_FORMATS = {"png": PNG, "jpg": JPEG, "webp": WEBP, "tiff": TIFF}
"""By the names that --format takes."""

_BY_SUFFIX = {".png": PNG, ".jpg": JPEG, ".jpeg": JPEG, ".webp": WEBP, ".tif": TIFF, ".tiff": TIFF}


def format_of_suffix(suffix: str) -> OutputFormat | None:
    """The format that files with this ending have; None for one that is not written."""
    return _BY_SUFFIX.get(suffix.lower())


def format_like(name: str) -> OutputFormat:
    """The format to write for a photograph read in the format `name` (Pillow's): the same; PNG for BMP."""
    return next((each for each in OUTPUT_FORMATS.values() if each.name == name), PNG)


def check_size(size: tuple[int, int], wanted: OutputFormat) -> None:
    """UserError where the format cannot hold an image of (width, height)."""
    if max(size) > wanted.most_side:
        raise UserError(
            f"the result of {size[0]}×{size[1]} pixels is too large for {wanted.name}, whose sides have "
            f"{wanted.most_side:,} at most: give --format png"
        )


def write_photograph(
    stream: BinaryIO,
    bands: Iterable[Levels],
    *,
    size: tuple[int, int],
    channels: int,
    bits: int,
    wanted: OutputFormat,
    kept: Metadata,
    quality: int = DEFAULT_QUALITY,
) -> None:
    """Writes an image of (width, height) that comes as bands (n, W, C) from the top down, of uint8 or
    uint16 by `bits` (16 only where the format has_16_bits).

    What a format lacks is given up: JPEG's alpha (laid on white), a grey WebP's single channel. The stream is
    seekable. Raises UserError where the format cannot hold the size.
    """
    check_size(size, wanted)
    if wanted.name == "PNG":
        write_png(stream, bands, size=size, channels=channels, bits=bits, kept=kept)
    elif wanted.name == "TIFF":
        write_tiff(stream, bands, size=size, channels=channels, bits=bits, kept=kept)
    else:
        assert bits == 8
        _write_8_bit(stream, _gather(bands, size, channels), wanted=wanted, kept=kept, quality=quality)


def _gather(bands: Iterable[Levels], size: tuple[int, int], channels: int) -> PillowImage:
    pixels = np.empty((size[1], size[0], channels), np.uint8)
    top = 0
    for band in bands:
        pixels[top : top + len(band)] = band
        top += len(band)
    assert top == size[1]
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def _write_8_bit(
    stream: BinaryIO, image: PillowImage, *, wanted: OutputFormat, kept: Metadata, quality: int
) -> None:
    if image.mode in ("LA", "RGBA") and not wanted.has_alpha:
        white = Image.new(image.mode, image.size, (255, 255) if image.mode == "LA" else (255,) * 4)
        image = Image.alpha_composite(white.convert("RGBA"), image.convert("RGBA")).convert(image.mode[:-1])
    options: dict[str, object] = {"icc_profile": kept.icc or None}
    if wanted.name == "JPEG":
        options |= {"subsampling": "4:4:4", "dpi": kept.dpi or (0, 0)}
    else:
        options |= {"method": 4, "exact": True}
    if kept.exif:
        options["exif"] = b"Exif\0\0" + kept.exif
    image.save(stream, wanted.name, quality=quality, **options)


def kept_by(wanted: OutputFormat, kept: Metadata, channels: int, notices: list[str]) -> Metadata:
    """The metadata that the format can hold; what it cannot is said in `notices`, as are lost channels."""
    if channels % 2 == 0 and not wanted.has_alpha:
        notices.append(f"transparency is laid on white, as {wanted.name} has none")
    if wanted is JPEG and len(kept.exif) > _MOST_EXIF:
        notices.append("its EXIF data is left out: it is too long for JPEG")
        kept = replace(kept, exif=b"")
    if wanted is WEBP and channels < 3 and kept.icc:
        notices.append("its grey colour profile is left out, as WebP has no grey")
        kept = replace(kept, icc=b"")
    return kept
