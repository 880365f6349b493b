"""`esrlab evaluate` over folders of damaged, tiny, long and strangely named images; and where it writes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from PIL import Image

from esrlab.cli.main import call
from pictures import save, white_png

pytestmark = pytest.mark.slow


STANDARD = ("PSNR-Y/2", "SSIM-Y/2", "PSNR-RGB/2", "SSIM-RGB/2")


def flat(path: Path, width: int, height: int, level: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), level, np.uint8)).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """(sr, hr): two whole images each, and one of every trouble."""
    sr, hr = tmp_path / "sr", tmp_path / "hr"
    for seed, folder in enumerate((sr, hr)):
        save(folder / "good.png", seed=seed)
        save(folder / "also.png", seed=seed + 5)
        flat(folder / "dot.png", 1, 1, level=90 + seed)
        flat(folder / "line.png", 20_000, 1, level=90 + seed)
        (folder / "bomb.png").write_bytes(white_png(9_000, 9_000))
        save(folder / "half.png", seed=seed)
    (sr / "half.png").write_bytes((sr / "half.png").read_bytes()[:3000])
    return sr, hr


def test_a_folder_is_compared_but_for_what_cannot_be(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    sr, hr = folders
    assert call(["evaluate", str(sr), "--against", str(hr), "--scale", "2", "--border", "0", "--json"]) == 1
    said = capsys.readouterr()
    answer = json.loads(said.out)
    rows = {row["name"]: row for row in answer["images"]}
    names = ("PSNR-Y", "SSIM-Y", "PSNR-RGB", "SSIM-RGB")
    assert all(rows[image][name] is not None for image in ("good.png", "also.png") for name in names)
    for image in ("dot.png", "line.png"):
        assert rows[image]["PSNR-RGB"] == pytest.approx(20 * np.log10(255))
        assert rows[image]["SSIM-RGB"] is None
        assert f"SSIM-RGB of {image}: border 0 leaves" in said.err
    assert answer["mean"]["SSIM-Y"] == pytest.approx(
        (rows["good.png"]["SSIM-Y"] + rows["also.png"]["SSIM-Y"]) / 2
    )
    assert "half.png is damaged" in said.err
    assert "bomb.png is too large" in said.err
    assert "$ESRLAB_MAX_PIXELS" in said.err
    assert "6 could not be scored and are left out of the means" in said.err
    assert len(answer["left_out"]) == 6


@pytest.mark.parametrize("method", ["bicubic", "folder"])
def test_a_benchmark_is_scored_but_for_what_cannot_be(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    sr, hr = folders
    asked = ["evaluate", method if method == "bicubic" else str(sr), "--benchmark", f"odd={hr}"]
    (hr / "half.png").write_bytes((hr / "half.png").read_bytes()[:3000])
    asked += ["--scale", "2", "--metrics", "psnr,ssim", "--out", str(tmp_path / "out"), "--json"]
    assert call(asked) == 1
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert {row["image"] for row in answer["rows"]} == {"odd/good", "odd/also"}
    assert {mean["metric"] for mean in answer["mean"]} == {*STANDARD, "PSNR-paper", "SSIM-paper"}
    for image in ("dot", "line"):
        assert f"odd/{image}: an image of 1×" in said.err
    assert "half.png is damaged" in said.err
    assert "4 could not be scored" in said.err
    assert len((tmp_path / "out" / "scores.jsonl").read_text().splitlines()) == 12
    assert call(asked[:-1]) == 1
    table = " ".join(capsys.readouterr().out.split())
    assert "odd, means of 6 images" in table
    assert "Means of fewer images than the others' are not comparable" in table


def test_a_benchmark_of_which_nothing_can_be_scored_is_told_without_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat(tmp_path / "hr" / "dot.png", 1, 1)
    assert call(["evaluate", "bicubic", "--benchmark", f"b={tmp_path / 'hr'}", "--scale", "2"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "bicubic: b/dot: an image of 1×1 pixels is smaller than the scale 2" in said.err


def test_a_metric_that_does_not_fit_a_small_image_is_left_out_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat(tmp_path / "hr" / "small.png", 12, 12)
    asked = ["evaluate", "bicubic", "--benchmark", f"b={tmp_path / 'hr'}", "--scale", "2"]
    assert call([*asked, "--metrics", "psnr,ssim"]) == 1
    said = capsys.readouterr()
    assert "SSIM-Y/2 of b/small: border 2 leaves 8×8 pixels of 12×12" in said.err
    assert "PSNR-Y/2" in said.out
    assert "SSIM-paper" in said.out


def in_process(
    *arguments: object,
    stdout: IO[bytes] | int = subprocess.PIPE,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "esrlab", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    return done.returncode, done.stdout or b"", done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    ("arguments", "unbuffered"), [(("recipes",), ""), (("--version",), ""), (("data", "list", "--json"), "1")]
)
def test_output_to_a_full_device_is_one_line_and_exit_code_1(
    arguments: tuple[str, ...], unbuffered: str
) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, said = in_process(*arguments, stdout=full, environment={"PYTHONUNBUFFERED": unbuffered})
    assert (code, len(said.splitlines())) == (1, 1), said
    assert "No space left on device" in said


@pytest.mark.parametrize("language", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}])
def test_names_that_are_not_unicode_are_scored_in_any_language(
    tmp_path: Path, language: dict[str, str]
) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    for seed, folder in enumerate((tmp_path / "sr", tmp_path / "hr")):
        save(folder / name, side=24, seed=seed)
        save(folder / "naïve.png", side=24, seed=seed)
    sr, hr = tmp_path / "sr", tmp_path / "hr"
    code, out, said = in_process(
        "evaluate", sr, "--against", hr, "--scale", 2, "--metrics", "psnr", "--json", environment=language
    )
    assert (code, said) == (0, "")
    assert len(json.loads(out)["images"]) == 2
    asked = ["evaluate", sr, "bicubic", "--benchmark", f"b={hr}", "--scale", 2, "--metrics", "psnr"]
    code, out, said = in_process(*asked, "--out", tmp_path / "out", environment=language)
    assert code == 0, said
    rows = (tmp_path / "out" / "scores.jsonl").read_text(encoding="utf-8")
    assert r"b/caf\\udce9" in rows
    assert "b/naïve" in rows
    assert b"bicubic" in out
