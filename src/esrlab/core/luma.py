"""The Y channel on which super-resolution is scored, of any image."""

from typing import Literal

import torch
from torch import Tensor

Channel = Literal["rgb", "y"]
"""What is compared: red, green and blue alike, or luma alone."""

OFFSET = 16 / 255
WEIGHTS = (65.481 / 255, 128.553 / 255, 24.966 / 255)


def luma(image: Tensor) -> Tensor:
    """BT.601 luma in the limited range, as MATLAB's `rgb2ycbcr` on doubles gives it: 16/255 to 235/255.

    (N, 3, H, W) RGB in [0, 1] or beyond -> (N, 1, H, W), same dtype;
    Y = (16 + 65.481 R + 128.553 G + 24.966 B) / 255, not rounded. Source: ITU-R BT.601.
    """
    weights = image.new_tensor(WEIGHTS).reshape(1, 3, 1, 1)
    return torch.sum(image * weights, dim=1, keepdim=True) + OFFSET


def take_channel(image: Tensor, channel: Channel) -> Tensor:
    """(N, 3, H, W) -> the image itself for "rgb", its luma (N, 1, H, W) for "y"."""
    return luma(image) if channel == "y" else image
