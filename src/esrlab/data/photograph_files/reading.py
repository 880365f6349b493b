"""Any photograph's file -> its pixels as they are, 8 or 16 bits, grey or colour, with or without alpha.

Unlike `image_files`, which makes every image 8-bit RGB for training and measuring, this keeps what the file
has, for a larger version of it to be written. EXIF orientation is applied. What cannot be kept is said in
`Photograph.notices`; what cannot be read well is refused.
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esrlab.data.image_files import ImageError, PillowImage, opened_image
from esrlab.data.photograph_files.metadata import ORIENTATION, Metadata, fitting_profile, read_metadata
from esrlab.data.photograph_files.modes import decode_8_bit
from esrlab.data.photograph_files.wide import decode_grey_16_bit, decode_wide, wide_mode

MOST_PIXELS = 2**27
"""16,384×8,192: what is upscaled may be larger than what is trained on ($ESRLAB_MAX_PIXELS sets both)."""

Levels = NDArray[np.uint8 | np.uint16]
"""(H, W, C): C is 1 for grey, 2 for grey with alpha, 3 for RGB, 4 for RGB with alpha."""

_TURNS = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
"""EXIF's orientations (CIPA DC-008, table 6): where the file's first row and first column are to be seen."""

_KIND_OF_PAGE, _IS_REDUCED = 254, 1


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A photograph, upright. format: its file's, by Pillow's name. notices: what was changed, in words."""

    pixels: Levels
    format: str
    metadata: Metadata
    notices: tuple[str, ...] = ()

    @property
    def bits(self) -> int:
        """8 or 16."""
        return self.pixels.dtype.itemsize * 8


def read_photograph(path: Path) -> Photograph:
    """Reads a file; raises ImageError naming it."""
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror}") from error
    return decode_photograph(encoded, name=str(path))


def decode_photograph(encoded: bytes, *, name: str) -> Photograph:
    """Decodes a whole file; raises ImageError with `name` when it cannot, or must not."""
    notices: list[str] = []
    with opened_image(io.BytesIO(encoded), name=name, most=MOST_PIXELS) as image:
        kind = image.format or ""
        _refuse_pages(image, notices, name=name)
        wide, icc = wide_mode(image, name=name), None
        # Of a PNG, Pillow reads metadata only with the pixels; a TIFF's lose their tables when it turns them.
        metadata = read_metadata(image, notices) if kind == "TIFF" else None
        if wide:
            with opened_image(io.BytesIO(encoded), name=name, most=MOST_PIXELS) as again:
                pixels: Levels = decode_wide(image, again, wide, name=name)
        elif image.mode.startswith(("I", "F")):
            pixels = decode_grey_16_bit(image, name=name)
        else:
            pixels, icc = decode_8_bit(image, notices, name=name)
        metadata = metadata or read_metadata(image, notices)
        metadata = metadata if icc is None else replace(metadata, icc=icc)
        turn = image.getexif().get(ORIENTATION, 1)  # of a TIFF, Pillow has applied and removed it
    if turn in _TURNS:
        pixels = _TURNS[turn](pixels)
        metadata = metadata.turned() if turn >= 5 else metadata
    icc = fitting_profile(metadata.icc, channels=pixels.shape[2], notices=notices)
    return Photograph(
        pixels=np.ascontiguousarray(pixels),
        format="JPEG" if kind == "MPO" else kind,
        metadata=replace(metadata, icc=icc),
        notices=tuple(notices),
    )


def _refuse_pages(image: PillowImage, notices: list[str], *, name: str) -> None:
    """ImageError for several pages or an animation. Previews beside a photograph are left out."""
    pages = getattr(image, "n_frames", 1)
    if pages == 1:
        return
    if image.format == "MPO":
        notices.append("the further pictures in it (previews, or a gain map for HDR) are left out")
        return
    if image.format != "TIFF":
        raise ImageError(
            f"{name} is an animation of {pages} pictures; take it apart first, "
            "for example with: ffmpeg -i FILE picture-%04d.png"
        )
    for page in range(1, min(pages, 100)):
        image.seek(page)
        if not int(image.getexif().get(_KIND_OF_PAGE, 0)) & _IS_REDUCED:
            raise ImageError(
                f"{name} has {pages} pages; take it apart first, for example with ImageMagick: "
                "magick FILE page-%d.tif"
            )
    image.seek(0)
    notices.append("the previews in it are left out")


def open_size(path: Path) -> tuple[int, int]:
    """(width, height) from the file's header, as stored; ImageError where there is none."""
    with opened_image(path, name=str(path), most=MOST_PIXELS) as image:
        return image.size
