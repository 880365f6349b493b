"""16 bits a channel. Pillow keeps 16 bits of grey alone: of colour, the upper byte of each value.

So the same file is decoded twice, as if its bytes stood in either order: each gives one of the two bytes.
"""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageFile import ImageFile

from esrlab.data.image_files import ImageError, PillowImage

_NATIVE = {"little": "L", "big": "B"}
_OTHER_BYTE = {"L": "B", "B": "L"}
_WIDE = ("RGB;16", "RGBA;16")
"""Pillow's names for 16 bits a channel; it keeps the upper byte of each alone, so these are decoded twice."""

_GREY_WITH_ALPHA = "LA;16B"
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_PLANAR, _IN_PLANES = 284, 2


def wide_mode(image: PillowImage, *, name: str) -> str:
    """Pillow's raw mode for 16 bits a channel in colour, or grey with alpha; "" for others."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    if tags.get(_PLANAR) == _IN_PLANES and image.mode in ("RGB", "RGBA"):
        bits = tags.get(_BITS, 8)
        if (max(bits) if isinstance(bits, tuple) else bits) > 8:
            raise ImageError(f"{name} has its 16-bit channels in separate planes; save it interleaved")
    tiles = image.tile if isinstance(image, ImageFile) else []
    first = tiles[0].args if tiles else ""
    raw = first if isinstance(first, str) else first[0] if isinstance(first, tuple) and first else ""
    is_wide = isinstance(raw, str) and (raw.startswith(_WIDE) or raw == _GREY_WITH_ALPHA)
    return raw if is_wide else ""


def decode_wide(image: PillowImage, again: PillowImage, raw: str, *, name: str) -> NDArray[np.uint16]:
    """(H, W, C) of an image that is opened twice and not decoded yet; `raw` is its `wide_mode`."""
    if raw == _GREY_WITH_ALPHA:  # the four bytes of a pixel are what 8-bit RGBA has
        four = _load_as(image, "RGBA").astype(np.uint16)
        return (four[..., 0::2] << np.uint16(8)) | four[..., 1::2]
    base, order = raw[:-1], raw[-1].replace("N", _NATIVE[sys.byteorder])
    if order not in _OTHER_BYTE:
        raise ImageError(f"{name} has 16-bit channels stored in a way that is not supported; save it as PNG")
    pixels = _load_as(image, base + order).astype(np.uint16) << np.uint16(8)
    pixels |= _load_as(again, base + _OTHER_BYTE[order])
    key = image.info.get("transparency")
    return _with_key(pixels, key) if isinstance(key, tuple) and len(key) == pixels.shape[2] else pixels


def _load_as(image: PillowImage, raw: str) -> NDArray[np.uint8]:
    """The image decoded as if its pixels were stored in this way."""
    assert isinstance(image, ImageFile)
    image.tile = [
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *(tile.args or ())[1:]))
        for tile in image.tile
    ]
    image.load()
    return np.asarray(image)


def _with_key(pixels: NDArray[np.uint16], key: tuple[int, ...]) -> NDArray[np.uint16]:
    """Transparent where a pixel has the one colour that the file says is."""
    seen = (pixels != np.array(key, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([pixels, seen.astype(np.uint16) * np.uint16(65535)], axis=2)


def decode_grey_16_bit(image: PillowImage, *, name: str) -> NDArray[np.uint16]:
    """(H, W, 1) of a grey image; ImageError where its values are no 16-bit levels."""
    photometric = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC)
    values = np.asarray(image)
    if image.mode == "F":
        why = "values that are no numbers" if not np.isfinite(values).all() else "floating-point values"
        raise ImageError(f"{name} has {why}, whose range is unknown; save it with 8 or 16 bits")
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(f"{name} has 32-bit values, whose range is unknown; save it with 8 or 16 bits")
    grey = values.astype(np.uint16)[..., None]
    if photometric == _WHITE_IS_ZERO:
        grey = np.uint16(65535) - grey
    key = image.info.get("transparency")
    return _with_key(grey, (key,)) if isinstance(key, int) and 0 <= key <= 65535 else grey
