"""Peak signal-to-noise ratio, in the field's convention and in the paper's."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor

from esrlab.evaluation.metrics.field import FieldMetric
from esrlab.evaluation.metrics.luma import Channel, take_compared, without_border
from esrlab.evaluation.metrics.pairs import check_pair
from esrlab.evaluation.metrics.tiles import split

_PAPER_PEAK = 255
_PAPER_SPAN = 2  # images in [-1, 1]: differences are twice those in [0, 1]


def psnr(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> Tensor:
    """PSNR in decibels with peak 1, per image: 10 log10(1 / MSE); infinity for identical images.

    (N, 3, H, W) RGB in [0, 1] -> (N,) float64. `border` pixels at each side are left out; "y" compares
    BT.601 luma, "rgb" the mean over all three channels. The field scores 8-bit images: round `sr` first
    (`data.degradations.bicubic.round_to_8bit`). ValueError: unlike shapes, values outside [0, 1], a border
    that leaves no pixel. Source: the paper's eq. 9 and 10 with MAX = 1; Y with border = scale is the
    benchmarks' custom.
    """
    check_pair(sr, hr, border=border)
    sr, hr = without_border(sr, border), without_border(hr, border)
    total = torch.zeros(len(hr), dtype=torch.float64, device=hr.device)
    count = 0
    for rows, columns in split(*hr.shape[-2:]):
        one, other = (take_compared(image[..., rows, columns], channel=channel) for image in (sr, hr))
        total = total + (one - other).square().sum(dim=(1, 2, 3))
        count += one[0].numel()
    return -10 * torch.log10(total / count)


def psnr_paper(sr: Tensor, hr: Tensor) -> Tensor:
    """The paper's PSNR as inferred from its figures: images mapped to [-1, 1], MAX = 255 all the same.

    (N, 3, H, W) RGB in [0, 1] -> (N,) float64: RGB PSNR + 20 log10(255 / 2) = RGB PSNR + 42.11 dB. For
    comparison with the paper's tables only. ValueError as `psnr`. Source: the paper's eq. 9 and 10.
    """
    return psnr(sr, hr) + 20 * math.log10(_PAPER_PEAK / _PAPER_SPAN)


class PSNR(FieldMetric):
    """Peak signal-to-noise ratio in decibels, up to ∞ for equal images: `psnr` and `psnr_paper`."""

    kind: Literal["psnr"] = "psnr"
    family: ClassVar[str] = "PSNR"

    def measure(self, sr: Tensor, hr: Tensor, *, border: int, channel: Channel) -> Tensor:
        return psnr(sr, hr, border=border, channel=channel)

    def measure_paper(self, sr: Tensor, hr: Tensor) -> Tensor:
        return psnr_paper(sr, hr)
