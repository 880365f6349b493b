"""What is no pair of pictures is refused, with the likely cause."""

import math

import pytest
import torch

from esrlab.evaluation.metrics.psnr import psnr, psnr_paper
from esrlab.evaluation.metrics.ssim import ssim, ssim_paper

METRICS = [psnr, psnr_paper, ssim, ssim_paper]


@pytest.mark.parametrize("metric", METRICS)
def test_other_ranges_are_refused_with_their_cause(metric) -> None:
    good = torch.rand(1, 3, 16, 16)
    good[..., 0, 0], good[..., 0, 1] = 0, 1
    causes = {
        "from 0 to 255.*divide them by 255": good * 255,
        r"from -1 to 1;.*\(image \+ 1\) / 2": good * 2 - 1,
        "from 0 to 1.00001;.*round_to_8bit": good * 1.00001,
        "from -0.1 to 0.9;.*raw output": good - 0.1,
        "nan.*diverged": torch.where(good == 1, math.nan, good),
        "inf.*diverged": torch.where(good == 1, math.inf, good),
    }
    for message, bad in causes.items():
        with pytest.raises(ValueError, match="sr has values.*" + message):
            metric(bad, good)
        with pytest.raises(ValueError, match="hr has values.*" + message):
            metric(good, bad)


@pytest.mark.parametrize("metric", METRICS)
def test_rounding_noise_is_tolerated(metric) -> None:
    image = torch.rand(1, 3, 16, 16)
    image[..., 0, 0] = 1 + 5e-7
    image[..., 0, 1] = -5e-7
    assert metric(image, image).shape == (1,)


@pytest.mark.parametrize("metric", METRICS)
def test_other_shapes_and_dtypes_are_refused(metric) -> None:
    image = torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match=r"sr has shape \(1, 3, 16, 15\), hr \(1, 3, 16, 16\)"):
        metric(image[..., 1:], image)
    for wrong in (image[0], image[:, :1], image[:0]):
        with pytest.raises(ValueError, match=r"shape \(N, 3, H, W\)"):
            metric(wrong, wrong)
    levels = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"torch.uint8.*divide 8-bit values by 255"):
        metric(levels, levels)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_impossible_borders_are_refused(metric) -> None:
    image = torch.rand(1, 3, 16, 16)
    with pytest.raises(ValueError, match="border is -1"):
        metric(image, image, border=-1)
    with pytest.raises(ValueError, match="border 8 leaves 0×0 pixels of 16×16"):
        metric(image, image, border=8)
    with pytest.raises(ValueError, match="border 9 leaves 0×0"):
        metric(image, image, border=9)
    with pytest.raises(ValueError, match="unknown channel 'Y'"):
        metric(image, image, channel="Y")
