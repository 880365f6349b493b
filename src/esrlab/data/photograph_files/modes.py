"""8 bits a channel: every mode of Pillow's to grey or RGB, with alpha where the image has any."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from esrlab.data.image_files import ImageError, PillowImage

_MODES = {
    "1": "L",
    "La": "LA",
    "PA": "RGBA",
    "RGBX": "RGB",
    "RGBa": "RGBA",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "CMYK": "RGB",
}
"""What an image of a mode of Pillow's is converted to; L, LA, RGB and RGBA stay."""


def decode_8_bit(
    image: PillowImage, notices: list[str], *, name: str
) -> tuple[NDArray[np.uint8], bytes | None]:
    """(H, W, C) of an opened image, and the colour profile it has now where that is another one.

    What was converted is said in `notices`. ImageError for colours that cannot be.
    """
    image.load()
    mode, icc = _mode_for(image, name=name), None
    if image.mode == "CMYK":
        converted, icc = _from_cmyk(image, notices)
    else:
        converted = image if image.mode == mode else image.convert(mode)
    pixels = np.asarray(converted)
    return pixels.reshape(*pixels.shape[:2], -1), icc


def _mode_for(image: PillowImage, *, name: str) -> str:
    """L, LA, RGB or RGBA: what keeps all that the image has."""
    mode = _MODES.get(image.mode, image.mode)
    if mode == "P":
        colours = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
        mode = "L" if (colours == colours[:, :1]).all() else "RGB"
    if mode not in ("L", "LA", "RGB", "RGBA"):
        raise ImageError(
            f"{name} has colours of the kind {image.mode}, which is not supported; save it as RGB"
        )
    has_key = image.info.get("transparency") is not None and image.mode in ("1", "L", "P", "RGB")
    return {"L": "LA", "RGB": "RGBA"}.get(mode, mode) if has_key else mode


def _from_cmyk(image: PillowImage, notices: list[str]) -> tuple[PillowImage, bytes]:
    """RGB, by the image's own profile where that is a good one, and the profile of the result."""
    ours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(image.info.get("icc_profile") or b""))
        converted = ImageCms.profileToProfile(image, found, ours, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        converted = None
    if converted is not None:
        notices.append("its CMYK colours are converted to RGB (sRGB), by its colour profile")
        return converted, ours.tobytes()
    notices.append("its CMYK colours are converted to RGB, without a colour profile")
    return image.convert("RGB"), b""
