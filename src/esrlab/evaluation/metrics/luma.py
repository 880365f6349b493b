"""The Y channel on which super-resolution benchmarks are scored, and the choice between it and RGB."""

from typing import get_args

import torch
from torch import Tensor

from esrlab.core.luma import Channel
from esrlab.core.luma import luma as luma_of_any
from esrlab.evaluation.metrics.pairs import check_image


def luma(image: Tensor) -> Tensor:
    """BT.601 luma in the limited range, as MATLAB's `rgb2ycbcr` on doubles gives it: 16/255 to 235/255.

    (N, 3, H, W) RGB in [0, 1] -> (N, 1, H, W), same dtype; Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255,
    not rounded. ValueError: not such an image. Source: ITU-R BT.601.
    """
    check_image(image, name="image")
    return luma_of_any(image)


def without_border(image: Tensor, border: int) -> Tensor:
    """(N, C, H, W) -> a view without `border` pixels at each side."""
    height, width = image.shape[-2:]
    return image[..., border : height - border, border : width - border]


def take_compared(image: Tensor, *, channel: Channel) -> Tensor:
    """What a metric compares of an image or a piece of one, in float64: (N, 3, H, W) -> (N, 3 or 1, H, W).

    ValueError: an unknown channel.
    """
    exact = image.to(torch.float64)
    match channel:
        case "rgb":
            return exact
        case "y":
            return luma(exact)
        case _:
            raise ValueError(f"unknown channel {channel!r}: one of {', '.join(get_args(Channel))}")
