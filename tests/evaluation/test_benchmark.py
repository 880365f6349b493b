"""Upscalers are scored as the field does; folders are paired by name, and every odd one out is named."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from esrlab.data.degradations.bicubic import bicubic_up, make_lr, round_to_8bit
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.errors import UserError
from esrlab.evaluation.benchmark import Picture, compare_folders, evaluate
from esrlab.evaluation.metrics.choice import standard_metrics
from esrlab.evaluation.metrics.psnr import psnr
from esrlab.evaluation.upscalers import bicubic_upscaler, cascade


def test_bicubic_on_set5_has_the_published_psnr(shared: Path) -> None:
    benchmark = open_benchmark(str(shared / "benchmarks" / "Set5"), name="Set5")
    for scale, published in ((2, 33.64), (3, 30.39), (4, 28.42)):
        metrics = standard_metrics(scale)[:1]
        rows = list(evaluate(bicubic_upscaler(scale), benchmark, scale=scale, metrics=metrics))
        assert len(rows) == 5
        assert np.mean([row.value for row in rows]) == pytest.approx(published, abs=0.06)


def test_what_is_scored_is_rounded_cropped_and_kept() -> None:
    kept: list[Picture] = []
    benchmark = open_benchmark("samples", name="samples")
    rows = list(
        evaluate(bicubic_upscaler(4), benchmark, scale=4, metrics=standard_metrics(4), keep=kept.append)
    )
    assert {row.image for row in rows} == {"samples/chelsea", "samples/coffee", "samples/rocket"}
    chelsea = kept[0]
    assert chelsea.hr.shape == (1, 3, 300, 448)
    assert torch.equal(chelsea.lr, make_lr(chelsea.hr, 4))
    assert torch.equal(chelsea.sr, round_to_8bit(bicubic_up(chelsea.lr, 4)))
    expected = float(psnr(chelsea.sr, chelsea.hr, border=4, channel="y"))
    assert next(row.value for row in rows if row.metric == "PSNR-Y/4") == expected


def test_a_cascade_is_one_after_the_other() -> None:
    lr = torch.rand(1, 3, 6, 5)
    twice = bicubic_upscaler(2)
    assert torch.equal(cascade(twice, twice)(lr), twice(twice(lr)))
    assert cascade(twice, twice)(lr).shape == (1, 3, 24, 20)


def test_an_upscaler_of_the_wrong_scale_is_refused() -> None:
    benchmark = open_benchmark("samples", name="samples")
    with pytest.raises(ValueError, match="chelsea: upscaled to"):
        list(evaluate(bicubic_upscaler(2), benchmark, scale=4, metrics=standard_metrics(4)))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    sr, hr = tmp_path / "sr", tmp_path / "hr"
    for name in ("a", "b"):
        image = torch.rand(1, 3, 40, 44)
        write_image(image, hr / f"{name}.png")
        write_image((image + 0.05 * torch.randn_like(image)).clamp(0, 1), sr / f"{name}.png")
    return sr, hr


def test_folders_are_compared_pair_by_pair(folders: tuple[Path, Path]) -> None:
    sr, hr = folders
    result = compare_folders(sr, hr, metrics=standard_metrics(4))
    assert [row["name"] for row in result["images"]] == ["a.png", "b.png"]
    assert result["mean"].keys() == {"PSNR-Y/4", "SSIM-Y/4", "PSNR-RGB/4", "SSIM-RGB/4"}
    for metric, mean in result["mean"].items():
        assert mean == pytest.approx(np.mean([row[metric] for row in result["images"]]))
    assert 24 < result["mean"]["PSNR-RGB/4"] < 28


def test_every_odd_one_out_is_named(folders: tuple[Path, Path]) -> None:
    sr, hr = folders
    metrics = standard_metrics(4)
    write_image(torch.rand(1, 3, 40, 44), hr / "c.png")
    with pytest.raises(UserError, match=r"c\.png has no image of the same name"):
        compare_folders(sr, hr, metrics=metrics)
    write_image(torch.rand(1, 3, 20, 44), sr / "c.png")
    with pytest.raises(UserError, match=r"c\.png: .* is 44×20 and .* is 44×40"):
        compare_folders(sr, hr, metrics=metrics)
    (sr / "c.png").write_bytes((sr / "a.png").read_bytes()[:200])
    with pytest.raises(UserError, match=r"c\.png is damaged"):
        compare_folders(sr, hr, metrics=metrics)
    for folder in (sr, hr):
        Image.new("RGB", (12, 12)).save(folder / "c.png")
    with pytest.raises(UserError, match=r"c\.png: "):
        compare_folders(sr, hr, metrics=metrics)
    with pytest.raises(UserError, match="no folder"):
        compare_folders(sr / "absent", hr, metrics=metrics)


@pytest.mark.parametrize("made", ["{}_x4", "{}x4", "{}_out", "{}-sr", "{}.X4_out", "{}"])
def test_what_tools_add_to_names_does_not_part_a_pair(folders: tuple[Path, Path], made: str) -> None:
    sr, hr = folders
    expected = compare_folders(sr, hr, metrics=standard_metrics(4))["mean"]
    for name in ("a", "b"):
        (sr / f"{name}.png").rename(sr / f"{made.format(name)}.png")
    result = compare_folders(sr, hr, metrics=standard_metrics(4))
    assert [row["name"] for row in result["images"]] == [f"{made.format(name)}.png" for name in ("a", "b")]
    assert result["mean"] == expected
    (hr / "a.png").rename(hr / "a_HR.png")
    assert compare_folders(sr, hr, metrics=standard_metrics(4))["mean"] == expected


def test_two_that_could_be_the_partner_are_named(folders: tuple[Path, Path]) -> None:
    sr, hr = folders
    (sr / "a.png").rename(sr / "a_x4.png")
    (sr / "a_out.png").write_bytes((sr / "a_x4.png").read_bytes())
    with pytest.raises(UserError, match="a could belong to a_out or a_x4"):
        compare_folders(sr, hr, metrics=standard_metrics(4))
    (sr / "a.png").write_bytes((sr / "a_x4.png").read_bytes())
    with pytest.raises(UserError, match=r"a_out\.png has no image of the same name .* \(and 1 more\)"):
        compare_folders(sr, hr, metrics=standard_metrics(4))


def test_true_images_are_found_in_a_benchmarks_hr_folder(folders: tuple[Path, Path], tmp_path: Path) -> None:
    sr, hr = folders
    expected = compare_folders(sr, hr, metrics=standard_metrics(4))
    hr.rename(tmp_path / "HR")
    assert compare_folders(sr, tmp_path, metrics=standard_metrics(4)) == expected
