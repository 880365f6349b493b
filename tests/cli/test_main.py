"""The command as a stranger runs it: real processes, right answers, clear refusals, exit codes."""

import json
import math
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrlab.core.command_history import read_commands
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.recipes.presets import PAPER

pytestmark = pytest.mark.slow


SMALL = ["--generator.blocks", "1", "--generator.features", "8", "--generator.growth", "4"]
SMALL += ["--patches.batch", "2", "--patches.lr-size", "16", "--adversarial.critic.features", "2"]
SMALL += ["--terms.content.loss.layers", "conv1_1", "--weights", "untrained"]


def esrlab(*arguments: object, code: int = 0) -> str:
    """Runs the command in a process; returns standard output, or standard error where it is to fail."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "esrlab", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_train_writes_a_generator_and_goes_on(tmp_path: Path) -> None:
    asked = ["train", "wgan-vgg", "--scale", 4, "--steps", 2, "--seed", 5, "--out", tmp_path / "run", *SMALL]
    printed = esrlab(*asked)
    assert printed.strip() == str(tmp_path / "run" / "generator.safetensors")
    about = json.loads((tmp_path / "run" / "recipe.json").read_text())
    recipe = about["recipe"]
    assert (recipe["scale"], recipe["steps"], about["seed"]) == (4, 2, 5)
    assert (recipe["generator"]["blocks"], recipe["patches"]["lr_size"], recipe["patches"]["batch"]) == (
        1,
        16,
        2,
    )
    assert "(untrained)" in about["label"]
    esrlab(*asked)
    refused = esrlab(*asked[: -len(SMALL)], code=2)
    assert "generator.blocks: 1 there, 23 asked" in refused


def test_train_help_lists_the_recipes_own_fields() -> None:
    shown = esrlab("train", "wgan-vgg-tv", "--help")
    for flag in (
        "--generator.blocks",
        "--patches.lr-size",
        "--patches.batch",
        "--terms.tv.weight",
        "--scale",
        "--steps",
    ):
        assert flag in shown
    assert "--terms.tv.weight" not in esrlab("train", "wgan-vgg", "--help")


def test_wrong_usage_is_explained_and_exits_with_2(tmp_path: Path) -> None:
    out = ["--out", tmp_path / "run"]
    assert "did you mean wgan-resnet" in esrlab("train", "wgan-resnt", *out, code=2)
    assert "scale" in esrlab("train", "wgan-vgg", "--scale", 5, *out, code=2)
    assert "greater than or equal to 1 (given: 0)" in esrlab("train", "wgan-vgg", "--steps", 0, *out, code=2)
    assert "--out" in esrlab("train", "wgan-vgg", code=2)
    assert "there is no 'trian' (did you mean train?)" in esrlab("trian", code=2)
    said = esrlab("train", "wgan-vgg", "--generator.block", 3, *out, code=2)
    assert "there is no option --generator.block (did you mean --generator.blocks?)" in said
    assert "NAME=DIR" in esrlab("study", "paper", "--benchmark", "Set5", *out, code=2)
    assert "cannot read the study" in esrlab("study", tmp_path / "absent.toml", *out, code=2)
    assert not (tmp_path / "run").exists()


def test_wrong_photographs_are_named_and_exit_with_1(tmp_path: Path) -> None:
    asked = ["train", "psnr", "--steps", 1, "--out", tmp_path / "run", "--photos"]
    absent = tmp_path / "absent"
    assert f"--photos: there is no folder {absent}" in esrlab(*asked, absent, code=1)
    said = esrlab(*asked, "samples", "--validation", absent, code=1)
    assert f"--validation: there is no folder {absent}" in said
    out = ["--scale", 4, "--out", tmp_path / "scores"]
    said = esrlab("evaluate", "bicubic", "--benchmark", f"Set5={absent}", *out, code=1)
    assert f"--benchmark Set5: there is no folder {absent}" in said
    said = esrlab("study", "paper", "--photos", absent, "--out", tmp_path / "study", code=1)
    assert f"--photos: there is no folder {absent}" in said
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "words.png").write_text("words")
    Image.new("RGB", (20, 20)).save(folder / "small.png")
    said = esrlab(*asked, folder, code=1)
    assert "words.png is not an image" in said
    assert "small.png is 20×20" in said
    assert not (tmp_path / "run").exists()


def test_another_studys_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('name = "other"\n[recipes.psnr]\n')
    said = esrlab("study", "paper", "--out", tmp_path, code=2)
    assert "another study" in said
    assert "name: 'other' there, 'paper' asked" in said


def test_a_study_runs_reports_and_goes_on(tmp_path: Path) -> None:
    hr = tmp_path / "HR"
    hr.mkdir()
    _, coffee = next(pair for pair in open_benchmark("samples", name="s").images() if pair[0] == "coffee")
    pixels = (coffee[0, :, 100:196, 200:300] * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(hr / "cup.png")
    asked = ["study", "paper", "--recipes", "wgan-vgg", "esrgan-vgg", "--scales", 2, 4, "--seeds", 0, 1]
    asked += ["--benchmark", f"cups={tmp_path}", "--out", tmp_path / "study", "--steps", 2, *SMALL]
    shown = esrlab(*asked)
    assert "Table 1" in shown
    assert "±" in shown
    assert "bicubic" in shown
    assert "×2∘×2" in shown
    for name in (
        "study.toml",
        "scores.jsonl",
        "report.html",
        "report.md",
        "tables.tex",
        "figures/crops-x4.png",
    ):
        assert (tmp_path / "study" / name).stat().st_size > 0
    assert esrlab(*asked) == shown
    assert esrlab("report", tmp_path / "study") == shown
    assert [each.command for each in read_commands(tmp_path / "study")] == [
        shlex.join(["esrlab", *map(str, asked)])
    ]
    answer = json.loads(esrlab("report", tmp_path / "study", "--json"))
    assert [table["key"] for table in answer["tables"]] == ["table1-cups", "all-cups"]


def test_evaluate_prints_json_that_skimage_agrees_with(tmp_path: Path) -> None:
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        hr = rng.integers(30, 220, (48, 52, 3), dtype=np.uint8)
        sr = np.clip(hr + rng.normal(0, 12, hr.shape), 0, 255).astype(np.uint8)
        for folder, pixels in (("hr", hr), ("sr", sr)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    answer = json.loads(
        esrlab("evaluate", tmp_path / "sr", "--against", tmp_path / "hr", "--scale", 4, "--json")
    )
    assert [row["name"] for row in answer["images"]] == ["a.png", "b.png"]
    for row in answer["images"]:
        sr, hr = (
            np.asarray(Image.open(tmp_path / side / row["name"]), dtype=np.float64)[4:-4, 4:-4] / 255
            for side in ("sr", "hr")
        )
        assert row["PSNR-RGB/4"] == pytest.approx(peak_signal_noise_ratio(hr, sr, data_range=1), abs=1e-6)
        settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
        similarity = structural_similarity(hr, sr, channel_axis=-1, full=True, **settings)
        assert row["SSIM-RGB/4"] == pytest.approx(similarity[1][5:-5, 5:-5].mean(), abs=1e-6)
    for metric, mean in answer["mean"].items():
        assert mean == pytest.approx(np.mean([row[metric] for row in answer["images"]]))
    table = esrlab("evaluate", tmp_path / "sr", "--against", tmp_path / "hr", "--scale", 4, "--border", 0)
    assert "PSNR-Y " in table
    assert "mean" in table


def test_equal_images_have_an_infinite_psnr_in_valid_json(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "a.png")
    text = esrlab("evaluate", tmp_path, "--against", tmp_path, "--scale", 2, "--json")
    assert "Infinity" not in text
    assert math.isinf(json.loads(text)["mean"]["PSNR-Y/2"])
    said = esrlab("evaluate", tmp_path, "--against", tmp_path, "--scale", 8, code=1)
    assert "a.png" in said


def test_recipes_are_listed_and_shown() -> None:
    shown = esrlab("recipes")
    for name in PAPER:
        assert name in shown
    whole = json.loads(esrlab("recipes", "wgan-vgg", "--json"))
    assert whole["adversarial"]["loss"] == "wgan"
    assert "--generator.blocks" in esrlab("recipes", "wgan-vgg")
    assert len(json.loads(esrlab("recipes", "--json"))) > 4


def test_version() -> None:
    from esrlab.core.version import __version__

    assert esrlab("--version").strip() == f"esrlab {__version__}"
