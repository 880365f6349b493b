"""MS-SSIM: another library's values, its extremes, images that are too small."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from esrlab.evaluation.metrics.ms_ssim import MSSSIM, ms_ssim
from esrlab.evaluation.metrics.pairs import TooSmallError
from esrlab.evaluation.metrics.ssim import ssim


def pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    phases = torch.tensor([0.0, 1.0, 2.5], dtype=torch.float64).view(3, 1, 1)
    hr = 0.5 + 0.25 * torch.sin(rows / 9 + phases) + 0.2 * torch.cos(columns / 7 - 2 * phases)
    return (hr + 0.1 * torch.sin(rows * columns / 50)).clamp(0, 1)[None], hr.clamp(0, 1)[None]


# By piq 0.8.0's multi_scale_ssim(data_range=1) in float64, on RGB and on limited-range BT.601 luma; with
# pytorch-msssim 1.0.0, whose window is float32, within 1e-6.
GOLDEN = {
    (176, 192): (0.9470523704430222, 0.920090213140027),
    (256, 320): (0.9464214713735926, 0.9186537086993136),
}


@pytest.mark.parametrize("size", GOLDEN)
def test_values_are_another_librarys(size: tuple[int, int]) -> None:
    sr, hr = pair(*size)
    assert ms_ssim(sr, hr).item() == pytest.approx(GOLDEN[size][0], abs=1e-12)
    assert ms_ssim(sr, hr, channel="y").item() == pytest.approx(GOLDEN[size][1], abs=1e-12)


def test_equal_images_have_one_and_noise_takes_away_from_it() -> None:
    sr, hr = pair(176, 176)
    assert ms_ssim(hr, hr).item() == pytest.approx(1, abs=1e-12)
    noise = torch.randn(hr.shape, generator=torch.Generator().manual_seed(0), dtype=hr.dtype)
    values = [ms_ssim((hr + by * noise).clamp(0, 1), hr).item() for by in (0.02, 0.05, 0.1)]
    assert all(one > other for one, other in pairwise(values))
    assert values[-1] > ssim((hr + 0.1 * noise).clamp(0, 1), hr).item(), "coarser scales see less noise"
    assert ms_ssim(1 - hr, hr).item() == 0, "negative contrasts count as 0"
    assert ms_ssim(torch.cat([sr, hr]), torch.cat([hr, hr])).shape == (2,)


def test_an_image_below_161_pixels_within_the_border_has_none() -> None:
    metric = MSSSIM().build(torch.device("cpu")).at(2)
    assert metric.name == "MS-SSIM-Y/2"
    assert 0 < metric.measure(*pair(165, 170)) < 1
    with pytest.raises(TooSmallError, match="at least 161×161"):
        metric.measure(*pair(164, 170))
    assert MSSSIM(convention="rgb", border=0).info.id == "MS-SSIM-RGB"
    assert MSSSIM(border=6).info.id == "MS-SSIM-Y/6"
