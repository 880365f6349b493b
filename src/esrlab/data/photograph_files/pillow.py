"""Pillow's images as arrays of levels, with all that they have, and back."""

import numpy as np
from PIL import Image, ImageOps

from esrlab.data.image_files import PillowImage
from esrlab.data.photograph_files.modes import decode_8_bit
from esrlab.data.photograph_files.reading import Levels
from esrlab.data.photograph_files.wide import decode_grey_16_bit


def pillow_levels(image: PillowImage, *, name: str) -> Levels:
    """What Pillow holds as (H, W, C) levels, upright: grey stays grey, alpha is kept, 16-bit grey too.

    Palettes, CMYK and the like become RGB. ImageError with `name` for 32-bit values.
    """
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith(("I", "F")):
        return decode_grey_16_bit(upright, name=name)
    levels, _ = decode_8_bit(upright, [], name=name)
    return levels


def levels_to_pillow(levels: Levels) -> PillowImage:
    """(H, W, C) levels as an image of Pillow's: grey, grey with alpha, RGB or RGBA.

    Of 16 bits Pillow holds grey alone: others are rounded to 8.
    """
    if levels.dtype == np.uint16 and levels.shape[2] > 1:
        levels = np.round(levels / 257).astype(np.uint8)
    return Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)
