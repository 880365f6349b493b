"""The lists of metrics: labels that state the convention, and numbers that keep their promise."""

import pickle

import pytest
import torch
from torch import Tensor

from esrlab.evaluation.metrics.choice import paper_metrics, standard_metrics
from esrlab.evaluation.metrics.psnr import PSNR, psnr, psnr_paper
from esrlab.evaluation.metrics.ssim import ssim, ssim_paper


def test_labels_state_the_convention() -> None:
    assert [metric.name for metric in standard_metrics(4)] == [
        "PSNR-Y/4",
        "SSIM-Y/4",
        "PSNR-RGB/4",
        "SSIM-RGB/4",
    ]
    assert standard_metrics(2, border=6)[0].name == "PSNR-Y/6"
    assert standard_metrics(2, border=0)[2].name == "PSNR-RGB"
    assert [metric.name for metric in paper_metrics()] == ["PSNR-paper", "SSIM-paper"]
    assert all(metric.higher_is_better for metric in (*standard_metrics(3), *paper_metrics()))


def test_each_measures_what_its_label_says(cat: tuple[Tensor, Tensor]) -> None:
    sr, hr = cat
    expected = {
        "PSNR-Y/3": psnr(sr, hr, border=3, channel="y"),
        "SSIM-Y/3": ssim(sr, hr, border=3, channel="y"),
        "PSNR-RGB/3": psnr(sr, hr, border=3),
        "SSIM-RGB/3": ssim(sr, hr, border=3),
        "PSNR-paper": psnr_paper(sr, hr),
        "SSIM-paper": ssim_paper(sr, hr),
    }
    measured = {metric.name: metric.measure(sr, hr) for metric in (*standard_metrics(3), *paper_metrics())}
    assert all(isinstance(value, float) for value in measured.values())
    assert measured == {name: value.item() for name, value in expected.items()}


def test_one_picture_at_a_time() -> None:
    batch = torch.rand(2, 3, 16, 16)
    for metric in (*standard_metrics(2), *paper_metrics()):
        with pytest.raises(ValueError, match="one image at a time"):
            metric.measure(batch, batch)


def test_metrics_travel_to_other_processes() -> None:
    image = torch.rand(1, 3, 24, 24)
    for metric in pickle.loads(pickle.dumps(standard_metrics(2))):
        assert metric.measure(image, image) > 0.999


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="not 0"):
        standard_metrics(0)
    with pytest.raises(ValueError, match="border is -2"):
        standard_metrics(4, border=-2)


def test_a_border_of_ones_own_is_another_metric_than_the_standard_one() -> None:
    info = PSNR(border=2).info
    assert (info.id, info.is_primary, info.shown) == ("PSNR-Y/2", False, "measured")
    assert "2 pixels of border" in info.convention
    assert PSNR().info.is_primary
