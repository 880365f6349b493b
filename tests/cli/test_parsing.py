"""Flags and commands that are misspelt, or spelt as recipe files have them."""

import json
from pathlib import Path

import pytest

from esrlab.cli.main import call

SMALL = ["--generator.blocks=1", "--generator.features", "8", "--generator.growth", "4", "--steps", "1"]


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert call(arguments) == 2
    return " ".join(capsys.readouterr().err.split())


def test_a_flag_may_be_spelt_as_in_a_file(tmp_path: Path) -> None:
    asked = ["train", "psnr", "--out", str(tmp_path / "run"), "--validation", "none", "--quiet", *SMALL]
    added = ["--patches.lr_size", "16", "--patches.batch=2", "--terms.tv.weight", "0.5"]
    assert call([*asked, *added, "--checkpoint_every=5"]) == 0
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"]
    assert recipe["patches"]["lr_size"] == 16
    assert [(term["name"], term["weight"]) for term in recipe["terms"]] == [("pixel", 1.0), ("tv", 0.5)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "there is no 'trian' (did you mean train?)"),
        (["weights", "gte"], "there is no 'gte' (did you mean get?)"),
        (["train", "psnr", "--ot", "x"], "there is no option --ot (did you mean --out?)"),
        (["train", "psnr", "--out=x", "--patchs.batch=2"], "--patchs.batch (did you mean --patches.batch?)"),
        (["train", "psnr", "--out=x", "--device", "cuda0"], "'cuda0' (did you mean cuda?)"),
        (["study", "paper", "--out", "x", "--sedes", "1"], "--sedes (did you mean --seeds?)"),
        (["weights", "get", "--feature-only"], "(did you mean --features-only?)"),
        (["train", "psnr", "--out=x", "--terms.edges.weight", "1"], "has no term edges; it has pixel."),
        (["recipes", "psnr", "--jsn"], "did you mean --json?"),
    ],
)
def test_the_nearest_is_named(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert said in refuse(capsys, *arguments)


@pytest.mark.parametrize("command", ["train", "study"])
def test_a_misspelt_flag_gets_one_line(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert call([command, "psnr", "--out", "x", "--sede", "1"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.endswith(f"; esrlab {command} --help lists the options\n")
    assert call([command]) == 2, "nor does what is missing get more"
    assert capsys.readouterr().err.count("\n") == 1


def test_a_misspelt_study_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = refuse(capsys, "study", "papper", "--out", str(tmp_path / "study"))
    assert "there is no study 'papper' (did you mean paper?)" in said


def test_a_later_start_tells_where_it_resumes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ["train", "psnr", "--out", str(tmp_path / "run"), "--validation", "none", *SMALL]
    asked += ["--patches.lr_size", "16", "--patches.batch=2", "--optimiser.schedule", "constant"]
    assert call(asked) == 0
    assert "resum" not in capsys.readouterr().err
    assert call([*asked, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert call(asked) == 0
    assert "this run is finished" in capsys.readouterr().err
    assert call([*asked, "--steps", "2"]) == 0
    assert "resuming from step 1" in capsys.readouterr().err
