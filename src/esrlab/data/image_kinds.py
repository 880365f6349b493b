"""Images as callers hold them (arrays, Pillow images, files, tensors) to tensors and back."""

from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from esrlab.data.image_files import (
    PillowImage,
    Pixels,
    convert_pixels,
    read_pixels,
    to_pillow,
    to_pixels,
    to_tensor,
)

OneImage = Pixels | PillowImage | str | PathLike[str]
"""An 8-bit array (H, W, 3), an image of Pillow's or an image file."""

AnyImage = Tensor | OneImage
"""One image, or a float tensor (N, 3, H, W) in [0, 1]."""


def as_tensor(image: AnyImage, *, name: str) -> Tensor:
    """The image as (N, 3, H, W) floats in [0, 1]; a tensor comes back as it is, unchecked.

    Pillow images become RGB as files do: greyscale and palettes are converted, alpha is dropped, 16-bit
    greyscale is scaled. `name` is what messages call it. Raises ValueError for an array of another shape or
    type and for anything else, ImageError for a file that cannot be read.
    """
    if isinstance(image, Tensor):
        return image
    if isinstance(image, np.ndarray):
        _check_array(image, name=name)
        return to_tensor(np.array(image))  # a copy: torch warns of arrays that may not be written to
    if isinstance(image, PillowImage):
        return to_tensor(convert_pixels(image, name=name))
    if isinstance(image, (str, PathLike)):
        return to_tensor(read_pixels(Path(image)))
    raise ValueError(
        f"{name} is a {type(image).__name__}; give an 8-bit array (H, W, 3), an image of Pillow's, "
        "an image file or a float tensor (N, 3, H, W) in [0, 1]"
    )


def as_pair(sr: AnyImage, hr: AnyImage) -> tuple[Tensor, Tensor]:
    """Two images to compare as tensors on one device, a tensor's where one is given; as `as_tensor` else.

    Raises ValueError too for tensors on two devices. Apple's GPUs have no float64, in which images are
    compared: what is there comes to the CPU.
    """
    one, other = as_tensor(sr, name="sr"), as_tensor(hr, name="hr")
    if isinstance(sr, Tensor) and isinstance(hr, Tensor) and one.device != other.device:
        raise ValueError(
            f"sr is on {one.device} and hr on {other.device}: move one, hr.to({str(one.device)!r})"
        )
    place = one.device if isinstance(sr, Tensor) else other.device
    place = torch.device("cpu") if place.type == "mps" else place
    return one.to(place), other.to(place)


def like(given: AnyImage, result: Tensor) -> Tensor | Pixels | PillowImage:
    """(N, 3, H, W) as the kind of `given`: rounded to 8 bits as an array, or as Pillow's for those and files.

    A tensor comes on `given`'s device and in its dtype, unrounded.
    """
    if isinstance(given, Tensor):
        return result.to(given)
    if isinstance(given, np.ndarray):
        return to_pixels(result)
    return to_pillow(to_pixels(result))


def _check_array(array: Pixels, *, name: str) -> None:
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        if array.ndim == 2:
            remedy = "np.stack([image] * 3, axis=2) makes three channels of one"
        elif array.ndim == 3 and array.shape[2] == 4:
            remedy = "image[..., :3] leaves the alpha channel out"
        else:
            remedy = "height, width, then red, green and blue"
        raise ValueError(f"{name} is an array of shape {array.shape}; an image is (H, W, 3): {remedy}")
    if array.dtype != np.uint8:
        raise ValueError(
            f"{name} is an array of {array.dtype}; an image is one of uint8, 0 to 255: for floats in [0, 1], "
            "(image * 255).round().astype(np.uint8), or a tensor (N, 3, H, W)"
        )
