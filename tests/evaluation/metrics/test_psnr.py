"""PSNR equals scikit-image's, and the known distances between conventions hold."""

import math

import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio
from torch import Tensor

from esrlab.evaluation.metrics.luma import Channel
from esrlab.evaluation.metrics.psnr import psnr, psnr_paper

Pair = tuple[Tensor, Tensor]


def reference(sr: Tensor, hr: Tensor, border: int, channel: Channel) -> Tensor:
    values = []
    for ours, theirs in zip(sr, hr, strict=True):
        height, width = ours.shape[-2:]
        kept = (slice(border, height - border), slice(border, width - border))
        pictures = [picture.permute(1, 2, 0).numpy()[kept] for picture in (theirs, ours)]
        if channel == "y":
            pictures = [rgb2ycbcr(picture)[..., 0] / 255 for picture in pictures]
        values.append(peak_signal_noise_ratio(*pictures, data_range=1))
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("channel", ["rgb", "y"])
@pytest.mark.parametrize("border", [0, 3, 4])
def test_equals_skimage(cat: Pair, noise: Pair, border: int, channel: Channel) -> None:
    for sr, hr in (cat, noise):
        ours = psnr(sr, hr, border=border, channel=channel)
        assert ours.dtype == torch.float64
        torch.testing.assert_close(ours, reference(sr, hr, border, channel), rtol=0, atol=1e-9)


@pytest.mark.parametrize("difference", [1 / 255, 0.1, 0.5])
def test_constant_difference(difference: float) -> None:
    hr = torch.rand(3, 3, 8, 8, dtype=torch.float64) * 0.5
    expected = -20 * math.log10(difference)
    assert psnr(hr + difference, hr).tolist() == pytest.approx([expected] * 3, abs=1e-9)
    limited = expected - 20 * math.log10(219 / 255)
    assert psnr(hr + difference, hr, channel="y").tolist() == pytest.approx([limited] * 3, abs=1e-9)


def test_limited_range_is_above_full_range(cat: Pair) -> None:
    sr, hr = cat
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64).reshape(1, 3, 1, 1) / 219
    full_range = -10 * torch.log10(((sr - hr) * weights).sum(1).square().mean())
    assert (psnr(sr, hr, channel="y") - full_range).item() == pytest.approx(1.3219, abs=1e-4)


def test_identical_images_are_infinitely_good(cat: Pair) -> None:
    _, hr = cat
    for channel in ("rgb", "y"):
        assert psnr(hr, hr, channel=channel).tolist() == [math.inf]
    assert psnr_paper(hr, hr).tolist() == [math.inf]


def test_only_the_border_is_left_out() -> None:
    hr = torch.full((1, 3, 12, 12), 0.5)
    sr = hr.clone()
    sr[..., 0, :] = sr[..., -1, :] = sr[..., :, 0] = sr[..., :, -1] = 1
    assert psnr(sr, hr, border=1).item() == math.inf
    assert psnr(sr, hr, border=0).item() < 30
    sr[..., 1, 1] = 1
    assert psnr(sr, hr, border=1).item() < math.inf


def test_paper_is_the_formula_on_minus_one_to_one(cat: Pair) -> None:
    sr, hr = cat
    mse = ((2 * sr - 1) - (2 * hr - 1)).square().mean()
    assert psnr_paper(sr, hr).item() == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-9)
    assert (psnr_paper(sr, hr) - psnr(sr, hr)).item() == pytest.approx(42.11, abs=1e-3)


def test_single_precision_inputs_are_measured_in_double(cat: Pair) -> None:
    sr, hr = cat
    single = psnr(sr.float(), hr.float(), channel="y")
    assert single.dtype == torch.float64
    assert single.item() == pytest.approx(psnr(sr, hr, channel="y").item(), abs=1e-5)
