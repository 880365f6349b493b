"""A sheet of sample pictures: one crop of each image as LR, bicubic, SR and HR, side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from esrlab.data.degradations.bicubic import round_to_8bit
from esrlab.evaluation.benchmark import Picture
from esrlab.evaluation.upscalers import bicubic_upscaler

MOST_ROWS = 4
"""Images on a sheet."""

SIDE = 192
"""Pixels a side of each tile: a multiple of 2, 3 and 4."""

GAP = 4
"""White pixels between tiles."""


def draw_sheet(pictures: Sequence[Picture], *, scale: int) -> Tensor:
    """(1, 3, H, W) in [0, 1]: a row a picture, of the middle of LR (nearest), bicubic, SR and HR, in order.

    A picture smaller than a tile leaves the rest of it white.
    """
    pitch = SIDE + GAP
    sheet = torch.ones(1, 3, len(pictures) * pitch + GAP, 4 * pitch + GAP)
    for row, picture in enumerate(pictures):
        for column, tile in enumerate(_tiles(picture, scale=scale)):
            y, x = row * pitch + GAP, column * pitch + GAP
            sheet[..., y : y + tile.shape[-2], x : x + tile.shape[-1]] = tile
    return sheet


def _tiles(picture: Picture, *, scale: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    height, width = picture.lr.shape[-2:]
    side = SIDE // scale
    top, left = max(height - side, 0) // 2, max(width - side, 0) // 2

    def cut(image: Tensor, step: int) -> Tensor:
        return image[..., top * step : (top + side) * step, left * step : (left + side) * step]

    nearest = cut(picture.lr, 1).repeat_interleave(scale, dim=-2).repeat_interleave(scale, dim=-1)
    bicubic = round_to_8bit(bicubic_upscaler(scale)(picture.lr))
    return nearest, cut(bicubic, scale), cut(picture.sr, scale), cut(picture.hr, scale)
