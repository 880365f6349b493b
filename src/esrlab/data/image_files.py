"""Files <-> tensors, 8 bits and RGB (what photographs carry besides is `photograph_files`' affair).

Everywhere else an image is an RGB float tensor in [0, 1], NCHW. Greyscale and palette files become RGB;
16-bit greyscale is scaled, not clipped; EXIF orientation is applied; an alpha channel is dropped and the
colours are kept as stored.

A file's format is that of its content, and only FORMATS are opened: Pillow knows formats that start other
programs. Its size is known from the header, and one of too many pixels is refused before any of them is
decoded.
"""

import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from esrlab.core.files import replacing
from esrlab.errors import UsageError, UserError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""The formats that are opened, by Pillow's names."""

MAX_PIXELS_VARIABLE = "ESRLAB_MAX_PIXELS"
DEFAULT_MAX_PIXELS = 2**25
"""5792×5792 pixels; whole images are held in memory many times over when they are scored."""

_GREY_LEVELS = np.round(np.arange(2**16) / 257).astype(np.uint8)
"""The 8-bit value of each 16-bit one."""

_opening = threading.Lock()

Pixels = NDArray[np.uint8]

PillowImage = Image.Image
"""What Pillow holds in memory, for those who may not import it."""


class ImageError(UserError):
    """A file that should be an image and is not, or not a whole one."""


def find_images(folder: Path) -> list[Path]:
    """Every image file below `folder`, sorted by its path; raises ImageError where there is no folder."""
    if not folder.exists():
        raise ImageError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise ImageError(f"{folder} is a file; give the folder that holds the images")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not path.name.startswith(".")
    )


def max_pixels(default: int = DEFAULT_MAX_PIXELS) -> int:
    """The most pixels that an image may have: $ESRLAB_MAX_PIXELS, else the default.

    Raises UsageError where the variable is no whole number of at least 1.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= 1):
        raise UsageError(f"${MAX_PIXELS_VARIABLE} must be a whole number of pixels, 1 or more, not {text!r}")
    return int(text)


def decoded_size(path: Path) -> int:
    """Bytes that decoding will give, from the file's header alone; 0 where it will not be decoded."""
    try:
        with opened_image(path, name=str(path)) as image:
            return image.width * image.height * 3
    except ImageError:
        return 0


def decode_pixels(encoded: bytes, *, name: str) -> Pixels:
    """Decodes a whole image file into (H, W, 3) bytes; raises ImageError with `name` when it cannot."""
    with opened_image(io.BytesIO(encoded), name=name) as opened:
        return convert_pixels(opened, name=name)


def convert_pixels(image: PillowImage, *, name: str) -> Pixels:
    """What Pillow holds as (H, W, 3) bytes, upright; ImageError with `name` where its white is not known."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        return _grey_16_bit(upright, name=name)
    return np.array(upright.convert("RGB"), dtype=np.uint8)


@contextmanager
def opened_image(
    file: Path | io.BytesIO, *, name: str, most: int = DEFAULT_MAX_PIXELS
) -> Iterator[PillowImage]:
    """An image of one of FORMATS, not decoded yet; ImageError for all that Pillow raises within the block.

    most: pixels that it may have where $ESRLAB_MAX_PIXELS does not say.
    """
    limit = max_pixels(most)
    try:
        with _open_bounded(file, limit=limit) as image:
            yield image
    except ImageError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{name} is too large: it has more than {limit:,} pixels; "
            f"set ${MAX_PIXELS_VARIABLE} to allow more"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not an image in PNG, JPEG, WebP, TIFF or BMP format by its content; convert it or "
            "remove it"
        ) from error
    except MemoryError as error:
        raise ImageError(
            f"{name} is too large to decode in this machine's memory; make it smaller or remove it"
        ) from error
    except OSError as error:
        raise ImageError(f"{name} is damaged: {error.strerror or error}") from error
    except Exception as error:  # a damaged file raises anything: TypeError, struct.error, zlib.error, ...
        raise ImageError(f"{name} is damaged: {error or type(error).__name__}") from error


def _open_bounded(file: Path | io.BytesIO, *, limit: int) -> Image.Image:
    """Pillow's image, not decoded; DecompressionBombWarning or -Error where it has over `limit` pixels.

    Pillow's own bound and what becomes of warnings are the process's, so one thread at a time sets them. What
    Pillow remarks on a file's metadata stays unsaid from then on: pixels alone are asked for, and where those
    suffer it raises. Reading metadata goes on while an image is decoded, so no block could hold the filter.
    """
    with _opening:
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, limit
            try:
                return Image.open(file, formats=FORMATS)
            finally:
                Image.MAX_IMAGE_PIXELS = before


def _grey_16_bit(image: Image.Image, *, name: str) -> Pixels:
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{name} has 32-bit values, whose range is unknown; save it with 8 or 16 bits")
    return np.repeat(_GREY_LEVELS[values][..., None], 3, axis=2)


def read_pixels(path: Path) -> Pixels:
    """Reads an image file as (H, W, 3) bytes; raises ImageError naming the file."""
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror}") from error
    return decode_pixels(encoded, name=str(path))


def to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, 3) bytes -> (1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float().div_(255)


def to_pixels(image: Tensor) -> Pixels:
    """(1, 3, H, W) in [0, 1] -> (H, W, 3) bytes, clamped and rounded to nearest."""
    return (image[0].detach().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()


def to_pillow(pixels: Pixels) -> PillowImage:
    """(H, W, 3) bytes -> an RGB image of Pillow's."""
    return Image.fromarray(pixels)


def through_jpeg(pixels: Pixels, *, quality: int) -> Pixels:
    """(H, W, 3) bytes as a JPEG file of this quality (1 to 100) holds them; chroma at 4:2:0."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, format="JPEG", quality=quality)
    with Image.open(encoded, formats=("JPEG",)) as image:
        return np.array(image.convert("RGB"))


def read_image(path: Path) -> Tensor:
    """Reads an image file as (1, 3, H, W) float32 in [0, 1]; raises ImageError naming the file."""
    return to_tensor(read_pixels(path))


def write_image(image: Tensor, path: Path) -> None:
    """Writes (1, 3, H, W) in [0, 1] as an 8-bit PNG, atomically."""
    with replacing(path) as temporary:
        Image.fromarray(to_pixels(image)).save(temporary, format="PNG")


def write_grey(values: Tensor, path: Path) -> None:
    """Writes (H, W) in [0, 1] as an 8-bit greyscale PNG, atomically."""
    levels = (values.detach().clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    with replacing(path) as temporary:
        Image.fromarray(levels).save(temporary, format="PNG")
