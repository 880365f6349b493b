"""SSIM equals scikit-image's with the field's parameters; the paper's is its eq. 15 to the letter."""

import pytest
import torch
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity
from torch import Tensor

from esrlab.evaluation.metrics.luma import Channel
from esrlab.evaluation.metrics.ssim import ssim, ssim_paper

Pair = tuple[Tensor, Tensor]


def reference(sr: Tensor, hr: Tensor, border: int, channel: Channel) -> Tensor:
    values = []
    for ours, theirs in zip(sr, hr, strict=True):
        height, width = ours.shape[-2:]
        kept = (slice(border, height - border), slice(border, width - border))
        pictures = [picture.permute(1, 2, 0).numpy()[kept] for picture in (ours, theirs)]
        if channel == "y":
            pictures = [rgb2ycbcr(picture)[..., :1] / 255 for picture in pictures]
        field = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        values.append(structural_similarity(*pictures, data_range=1, channel_axis=-1, **field))
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("channel", ["rgb", "y"])
@pytest.mark.parametrize("border", [0, 3, 4])
def test_equals_skimage(cat: Pair, noise: Pair, border: int, channel: Channel) -> None:
    for sr, hr in (cat, noise):
        ours = ssim(sr, hr, border=border, channel=channel)
        assert ours.dtype == torch.float64
        torch.testing.assert_close(ours, reference(sr, hr, border, channel), rtol=0, atol=1e-9)


def test_identical_images_give_one(cat: Pair) -> None:
    _, hr = cat
    for value in (ssim(hr, hr), ssim(hr, hr, border=4, channel="y"), ssim_paper(hr, hr)):
        assert value.tolist() == pytest.approx([1.0], abs=1e-12)


def test_flat_images_leave_the_luminance_term() -> None:
    dark, bright = torch.full((1, 3, 16, 16), 0.25), torch.full((1, 3, 16, 16), 0.75)
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert ssim(dark, bright).item() == pytest.approx(expected, abs=1e-9)
    assert ssim_paper(dark, bright).item() == pytest.approx((-0.5 + 0.02) / (0.5 + 0.02), abs=1e-9)


def test_paper_is_its_equation_in_one_window() -> None:
    """One window of a picture is the whole picture at 11×11 pixels, so eq. 15 can be written out."""
    sr, hr = torch.rand(2, 1, 3, 11, 11, dtype=torch.float64)
    gauss = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / 4.5)
    window = torch.outer(gauss, gauss) / gauss.sum() ** 2
    x, y = 2 * sr - 1, 2 * hr - 1

    def mean(values: Tensor) -> Tensor:
        return (values * window).sum(dim=(-2, -1), keepdim=True)

    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean((x - mx) ** 2), mean((y - my) ** 2), mean((x - mx) * (y - my))
    eq15 = (2 * mx * my + 0.02) * (2 * vxy + 0.06) / ((mx**2 + my**2 + 0.02) * (vx + vy + 0.06))
    assert ssim_paper(sr, hr).item() == pytest.approx(eq15.mean().item(), abs=1e-12)


def test_a_window_must_fit() -> None:
    image = torch.rand(1, 3, 16, 15)
    assert ssim(image, image, border=2).shape == (1,)
    with pytest.raises(ValueError, match="border 3 leaves 10×9 pixels of 16×15; at least 11×11"):
        ssim(image, image, border=3)
    with pytest.raises(ValueError, match="at least 11×11"):
        ssim_paper(image[..., :10], image[..., :10])
