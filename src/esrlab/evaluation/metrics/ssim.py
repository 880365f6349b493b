"""Structural similarity, in the field's convention and in the paper's."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from esrlab.evaluation.metrics.luma import Channel, take_compared, without_border
from esrlab.evaluation.metrics.pairs import check_pair
from esrlab.evaluation.metrics.tiles import split

WINDOW = 11
_SIGMA = 1.5


def ssim(sr: Tensor, hr: Tensor, *, border: int = 0, channel: Channel = "rgb") -> Tensor:
    """SSIM per image, 1 for identical ones: 11×11 Gaussian window of σ = 1.5, whole windows only.

    (N, 3, H, W) RGB in [0, 1] -> (N,) float64, mean over windows and channels. `border` pixels at each
    side are left out first; "y" compares BT.601 luma. The field scores 8-bit images: round `sr` first
    (`data.degradations.bicubic.round_to_8bit`). ValueError: unlike shapes, values outside [0, 1], fewer than
    11×11 pixels left. Source: Wang et al. 2004, C1 = 0.01², C2 = 0.03².
    """
    check_pair(sr, hr, border=border, smallest=WINDOW)
    sr, hr = without_border(sr, border), without_border(hr, border)
    return _mean_ssim(sr, hr, take=partial(take_compared, channel=channel), c1=0.01**2, c2=0.03**2)


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
        found = _map_ssim(one, other, c1=c1, c2=c2)
        total = total + found.sum(dim=(1, 2, 3))
        count += found[0].numel()
    return total / count


def _map_ssim(sr: Tensor, hr: Tensor, *, c1: float, c2: float) -> Tensor:
    """SSIM of every whole window: (N, C, H, W) -> (N, C, H - 10, W - 10).

    Four filterings do, since the formula wants only the sum of the two variances.
    """
    mean_sr, mean_hr = _blur(sr), _blur(hr)
    product = mean_sr * mean_hr
    squares = mean_sr.square() + mean_hr.square()
    covariance = _blur(sr * hr) - product
    variances = _blur(sr.square() + hr.square()) - squares
    return (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))


def _blur(image: Tensor) -> Tensor:
    """Gaussian-weighted means over all whole windows: (N, C, H, W) -> (N, C, H - 10, W - 10)."""
    return _blur_along(_blur_along(image, dim=-2), dim=-1)


def _blur_along(image: Tensor, *, dim: int) -> Tensor:
    # Shifted sums: torch's convolutions are several times slower in float64
    offsets = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    taps = torch.softmax(-offsets.square() / (2 * _SIGMA**2), dim=0).tolist()
    size = image.shape[dim] - WINDOW + 1
    blurred = image.narrow(dim, 0, size) * taps[0]
    for shift, tap in enumerate(taps[1:], start=1):
        blurred.add_(image.narrow(dim, shift, size), alpha=tap)
    return blurred
