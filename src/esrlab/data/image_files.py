"""Files <-> tensors: the only room that knows Pillow.

Everywhere else an image is an RGB float tensor in [0, 1], NCHW. Greyscale and palette files become RGB;
16-bit greyscale is scaled, not clipped; EXIF orientation is applied; an alpha channel is dropped and the
colours are kept as stored.
"""

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from esrlab.core.files import replacing
from esrlab.errors import UserError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")

Pixels = NDArray[np.uint8]


class ImageError(UserError):
    """A file that should be an image and is not, or not a whole one."""


def find_images(folder: Path) -> list[Path]:
    """Every image file below `folder`, sorted by its path; raises ImageError where there is no folder."""
    if not folder.exists():
        raise ImageError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise ImageError(f"{folder} is a file; name the folder that holds the images")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not path.name.startswith(".")
    )


def decoded_size(path: Path) -> int:
    """Bytes that decoding will give, from the file's header alone; 0 where even that cannot be read."""
    try:
        with Image.open(path) as opened:
            return opened.width * opened.height * 3
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 0


def decode_pixels(encoded: bytes, *, name: str) -> Pixels:
    """Decodes a whole image file into (H, W, 3) bytes; raises ImageError with `name` when it cannot."""
    try:
        with Image.open(io.BytesIO(encoded)) as opened:
            upright = ImageOps.exif_transpose(opened)
            if upright.mode.startswith(("I", "F")):
                return _grey_16_bit(upright, name=name)
            return np.array(upright.convert("RGB"), dtype=np.uint8)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{name} is not an image that can be read, whatever its name says") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large to decode safely: {error}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{name} is damaged: {error}") from error


def _grey_16_bit(image: Image.Image, *, name: str) -> Pixels:
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{name} holds 32-bit values, whose white is not known; save it with 8 or 16 bits")
    grey = np.round(values / 257.0).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def read_pixels(path: Path) -> Pixels:
    """Reads an image file as (H, W, 3) bytes; raises ImageError naming the file."""
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot read {path}: {error.strerror}") from error
    return decode_pixels(encoded, name=str(path))


def to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, 3) bytes -> (1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


def to_pixels(image: Tensor) -> Pixels:
    """(1, 3, H, W) in [0, 1] -> (H, W, 3) bytes, clamped and rounded to nearest."""
    return (image[0].detach().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()


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
