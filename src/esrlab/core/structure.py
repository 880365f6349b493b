"""Structural similarity of images, differentiable: SSIM at one scale and at several.

Images are (N, C, H, W) of one float dtype, in whatever range; the constants c1 and c2 say which: (K1·L)² and
(K2·L)² with K1 = 0.01, K2 = 0.03 and L the range, 1 for images in [0, 1]. A window is a Gaussian over
`window`×`window` pixels whose weights add up to 1; only windows that lie wholly in the image count.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's own name)

from esrlab.core.filters import filter_image, gaussian_taps

WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
"""The constants for images in [0, 1]."""

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of MS-SSIM's five scales, the finest first (Wang, Simoncelli & Bovik 2003, section 3.2)."""


def ssim_map(
    sr: Tensor, hr: Tensor, *, c1: float = C1, c2: float = C2, window: int = WINDOW, sigma: float = SIGMA
) -> Tensor:
    """SSIM of every whole window: (N, C, H, W) -> (N, C, H - window + 1, W - window + 1), in [-1, 1].

    Source: Wang et al. 2004, eq. 13. Images smaller than the window are the caller's to refuse.
    """
    luminance, contrast = similarity_maps(sr, hr, c1=c1, c2=c2, window=window, sigma=sigma)
    return luminance * contrast


def similarity_maps(
    sr: Tensor, hr: Tensor, *, c1: float = C1, c2: float = C2, window: int = WINDOW, sigma: float = SIGMA
) -> tuple[Tensor, Tensor]:
    """SSIM's two factors in every whole window: luminance, and contrast times structure.

    luminance = (2 μ_sr μ_hr + c1) / (μ_sr² + μ_hr² + c1), contrast = (2 σ_srhr + c2) / (σ_sr² + σ_hr² + c2);
    shapes as `ssim_map`. Four filterings do, since the formula wants only the sum of the two variances.
    """
    taps = gaussian_taps(window, sigma)
    mean_sr, mean_hr = filter_image(sr, taps), filter_image(hr, taps)
    product = mean_sr * mean_hr
    squares = mean_sr.square() + mean_hr.square()
    covariance = filter_image(sr * hr, taps) - product
    variances = filter_image(sr.square() + hr.square(), taps) - squares
    return (2 * product + c1) / (squares + c1), (2 * covariance + c2) / (variances + c2)


def multiscale_ssim(
    sr: Tensor,
    hr: Tensor,
    *,
    weights: Sequence[float] = SCALE_WEIGHTS,
    c1: float = C1,
    c2: float = C2,
    window: int = WINDOW,
    sigma: float = SIGMA,
    floor: float = 0.0,
) -> Tensor:
    """MS-SSIM of every channel: (N, C, H, W) -> (N, C); 1 for equal images.

    Π_j mean(contrast_j)^w_j over all scales but the last, times mean(SSIM)^w of the last; the exponents
    `weights`, one a scale, finest first. Source: Wang et al. 2003, eq. 7, and the authors' own code, which
    takes the luminance within the last scale's mean. Images smaller than `smallest_side` are the caller's
    to refuse.

    `floor`: a scale whose mean is below it counts as that, and has no gradient. A negative number has no
    such power, hence 0 or more; just above 0 the power's slope has no bound, so that a loss gives a little.
    """
    means: list[Tensor] = []
    for scale in range(len(weights)):
        if scale:
            sr, hr = halve(sr), halve(hr)
        luminance, contrast = similarity_maps(sr, hr, c1=c1, c2=c2, window=window, sigma=sigma)
        is_last = scale == len(weights) - 1
        means.append((luminance * contrast if is_last else contrast).mean(dim=(-2, -1)))
    return combine_scales(means, weights, floor=floor)


def combine_scales(means: Sequence[Tensor], weights: Sequence[float], *, floor: float = 0.0) -> Tensor:
    """The product of the scales' means, each at least `floor`, to the power of its weight."""
    product = torch.ones_like(means[0])
    for mean, weight in zip(means, weights, strict=True):
        is_low = mean <= floor
        # 0 ** w has an infinite slope for w < 1, and ∞ · 0 = NaN runs through one `where`: hence two
        power = torch.where(is_low, torch.ones_like(mean), mean).pow(weight)
        product = product * torch.where(is_low, torch.full_like(mean, floor**weight), power)
    return product


def halve(image: Tensor) -> Tensor:
    """Means of 2×2 pixels; an odd last row or column is repeated. (N, C, H, W) -> (N, C, ⌈H/2⌉, ⌈W/2⌉).

    The authors' low-pass filter and subsampling for MS-SSIM, with their borders (mirrored).
    """
    height, width = image.shape[-2:]
    padded = F.pad(image, (0, width % 2, 0, height % 2), mode="replicate")
    return F.avg_pool2d(padded, 2)


def smallest_side(scales: int, *, window: int = WINDOW) -> int:
    """The least number of pixels a side that leaves the last scale one whole window: 161 for five scales."""
    return (window - 1) * 2 ** (scales - 1) + 1
