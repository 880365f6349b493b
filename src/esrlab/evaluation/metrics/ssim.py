"""Structural similarity, in the field's convention and in the paper's."""

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor

from esrlab.core.structure import C1, C2, WINDOW, ssim_map
from esrlab.evaluation.metrics.field import FieldMetric
from esrlab.evaluation.metrics.luma import Channel, take_compared, without_border
from esrlab.evaluation.metrics.pairs import check_pair
from esrlab.evaluation.metrics.tiles import split


def ssim(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> Tensor:
    """SSIM per image, 1 for identical ones: 11×11 Gaussian window of σ = 1.5, whole windows only.

    (N, 3, H, W) RGB in [0, 1] -> (N,) float64, mean over windows and channels. `border` pixels at each
    side are left out first; "y" compares BT.601 luma. The field scores 8-bit images: round `sr` first
    (`data.degradations.bicubic.round_to_8bit`). ValueError: unlike shapes, values outside [0, 1], fewer than
    11×11 pixels left. Source: Wang et al. 2004, C1 = 0.01², C2 = 0.03².
    """
    check_pair(sr, hr, border=border, smallest=WINDOW)
    sr, hr = without_border(sr, border), without_border(hr, border)
    return _mean_ssim(sr, hr, take=partial(take_compared, channel=channel), c1=C1, c2=C2)


def ssim_paper(sr: Tensor, hr: Tensor) -> Tensor:
    """The paper's SSIM: its eq. 15 on images mapped to [-1, 1], with c1 = 0.02 and c2 = 0.06 literally.

    (N, 3, H, W) RGB in [0, 1] -> (N,) float64. The window is `ssim`'s; the paper names none. The constants
    lack the usual square, so values run higher than the field's. ValueError as `ssim`.
    """
    check_pair(sr, hr, smallest=WINDOW)
    return _mean_ssim(sr, hr, take=lambda image: image.to(torch.float64) * 2 - 1, c1=0.02, c2=0.06)


def _mean_ssim(sr: Tensor, hr: Tensor, *, take: Callable[[Tensor], Tensor], c1: float, c2: float) -> Tensor:
    """Mean over everything but N of the SSIM map of what `take` makes of a piece, (N, C, h, w) float64."""
    total = torch.zeros(len(hr), dtype=torch.float64, device=hr.device)
    count = 0
    for rows, columns in split(*hr.shape[-2:], overlap=WINDOW - 1):
        one, other = take(sr[..., rows, columns]), take(hr[..., rows, columns])
        found = ssim_map(one, other, c1=c1, c2=c2)
        total = total + found.sum(dim=(1, 2, 3))
        count += found[0].numel()
    return total / count


class SSIM(FieldMetric):
    """Structural similarity, up to 1 for equal images: `ssim` and `ssim_paper`."""

    kind: Literal["ssim"] = "ssim"
    family: ClassVar[str] = "SSIM"

    def measure(self, sr: Tensor, hr: Tensor, *, border: int, channel: Channel) -> Tensor:
        return ssim(sr, hr, border=border, channel=channel)

    def measure_paper(self, sr: Tensor, hr: Tensor) -> Tensor:
        return ssim_paper(sr, hr)
