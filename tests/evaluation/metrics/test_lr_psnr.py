"""LR-PSNR: what it is by its formula, what it needs, and where it is refused."""

import math
from functools import partial
from pathlib import Path

import pytest
import torch

from esrlab.cli.main import call
from esrlab.data.degradations.any_degradation import parse_degradation
from esrlab.data.degradations.bicubic import bicubic_down, bicubic_up, make_lr, round_to_8bit
from esrlab.data.image_files import write_image
from esrlab.evaluation.benchmark import evaluate
from esrlab.evaluation.metrics.lr_psnr import LRPSNR
from esrlab.evaluation.upscalers import bicubic_upscaler
from esrlab.evaluation.validation.crops import cut_crops

CPU = torch.device("cpu")


def test_it_is_the_psnr_of_what_becomes_of_the_image_once_it_is_small() -> None:
    hr = round_to_8bit(torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(1)))
    lr = make_lr(hr, 4)
    sr = round_to_8bit(bicubic_up(lr, 4))
    small = (bicubic_down(sr.double(), 4).clamp(0, 1) * 255).round()
    expected = 10 * math.log10(255**2 / ((small - lr.double() * 255) ** 2).mean().item())
    metric = LRPSNR().build(CPU)
    shrink = partial(make_lr, scale=4)
    assert metric.measure(sr, hr, lr=lr, shrink=shrink) == pytest.approx(expected, abs=0.01)
    assert metric.measure(hr, hr, lr=lr, shrink=shrink) == math.inf, "HR is what its LR was made of"
    with pytest.raises(ValueError, match="needs LR images"):
        metric.measure(sr, hr)


def test_a_benchmark_gives_it_what_it_needs_by_the_rows_own_convention() -> None:
    crops = cut_crops("samples", limit=1, crop=96)
    bicubic, metrics = bicubic_upscaler(2), [LRPSNR().build(CPU)]
    found = {
        text: next(evaluate(bicubic, crops, scale=2, metrics=metrics, degradation=parse_degradation(text)))
        for text in ("matlab", "matlab-8bit")
    }
    assert all(row.metric == "LR-PSNR" and 30 < row.value < 70 for row in found.values())
    assert found["matlab"].value != found["matlab-8bit"].value


def test_two_folders_alone_have_no_lr_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sr", "hr"):
        write_image(torch.rand(1, 3, 16, 16), tmp_path / name / "a.png")
    asked = ["evaluate", str(tmp_path / "sr"), "--against", str(tmp_path / "hr"), "--scale", "2"]
    assert call([*asked, "--metrics", "lr-psnr"]) == 2
    assert "LR-PSNR compares with LR images, and --against has none" in capsys.readouterr().err
