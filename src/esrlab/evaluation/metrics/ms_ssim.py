"""Structural similarity at five scales: MS-SSIM."""

from functools import partial
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from esrlab.core.metrics import MetricInfo
from esrlab.core.structure import SCALE_WEIGHTS, WINDOW, combine_scales, halve, similarity_maps, smallest_side
from esrlab.evaluation.metrics.inputs import Metric, MetricInputs, MetricPart
from esrlab.evaluation.metrics.luma import Channel, take_compared, without_border
from esrlab.evaluation.metrics.pairs import check_pair
from esrlab.evaluation.metrics.tiles import split

SMALLEST_SIDE = smallest_side(len(SCALE_WEIGHTS))
"""Pixels a side that leave the fifth scale one window: 161."""


def ms_ssim(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> Tensor:
    """MS-SSIM per image, in [0, 1], 1 for identical ones: SSIM's windows at five scales, each half the last.

    (N, 3, H, W) RGB in [0, 1] -> (N,) float64: the contrasts' means over whole windows to the power of their
    weights, times the last scale's SSIM to its own, then the mean over channels; a negative mean counts as 0.
    `border` pixels at each side are left out first; "y" compares BT.601 luma. The field scores 8-bit
    images: round `sr` first. ValueError: unlike shapes, values outside [0, 1]; TooSmallError: fewer than
    161×161 pixels left. Source: Wang, Simoncelli & Bovik 2003, eq. 7, with their weights.

    In memory at a time are what is compared of both images in float64 (16 bytes a pixel on luma, 48 on RGB),
    their halves, and maps of a piece.
    """
    check_pair(sr, hr, border=border, smallest=SMALLEST_SIDE)
    one, other = (take_compared(without_border(image, border), channel=channel) for image in (sr, hr))
    means: list[Tensor] = []
    for scale in range(len(SCALE_WEIGHTS)):
        if scale:
            one, other = halve(one), halve(other)
        means.append(_mean_similarity(one, other, with_luminance=scale == len(SCALE_WEIGHTS) - 1))
    return combine_scales(means, SCALE_WEIGHTS).mean(dim=1)


def _mean_similarity(one: Tensor, other: Tensor, *, with_luminance: bool) -> Tensor:
    """(N, C) means over whole windows, piece by piece, of contrast times structure, or of SSIM."""
    total = torch.zeros(one.shape[:2], dtype=one.dtype, device=one.device)
    count = 0
    for rows, columns in split(*one.shape[-2:], overlap=WINDOW - 1):
        luminance, contrast = similarity_maps(one[..., rows, columns], other[..., rows, columns])
        found = luminance * contrast if with_luminance else contrast
        total = total + found.sum(dim=(-2, -1))
        count += found.shape[-2] * found.shape[-1]
    return total / count


class MSSSIM(MetricPart):
    """Structural similarity at five scales, [0, 1], 1 for equal images: `ms_ssim` has the formula.

    Images of at least 161×161 pixels within the border; smaller ones have no value.
    """

    kind: Literal["ms-ssim"] = "ms-ssim"
    convention: Literal["y", "rgb"] = Field(default="y", description="channels: BT.601 luma or RGB")
    border: int | None = Field(
        default=None, ge=0, description="pixels left out at each side; the scale by default"
    )

    @property
    def info(self) -> MetricInfo:
        channels = {"y": "BT.601 luma", "rgb": "the three channels"}[self.convention]
        edge = "/s" if self.border is None else f"/{self.border}" if self.border else ""
        left_out = "s = scale" if self.border is None else f"{self.border}"
        return MetricInfo(
            id=f"MS-SSIM-{self.convention.upper()}{edge}",
            family="MS-SSIM",
            higher_is_better=True,
            convention=f"Wang et al. 2003, five scales, on {channels}, {left_out} pixels of border left out, "
            f"8-bit images; those with less than {SMALLEST_SIDE} pixels a side within it have none",
            is_primary=self.convention == "y" and self.border is None,
        )

    def build(self, device: torch.device) -> Metric:
        return Metric(self.info, partial(_measure, self))


def _measure(part: MSSSIM, inputs: MetricInputs) -> float:
    border = inputs.scale if part.border is None else part.border
    return ms_ssim(inputs.sr, inputs.hr, border=border, channel=part.convention).item()
