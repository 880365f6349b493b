"""`esrlab kinship` as it is typed: answers, exit codes, messages."""

import json
from pathlib import Path

import pytest

from esrlab.cli.main import call

SMALL = ["--scale", "2", "--losses", "l1,charbonnier,tv", "--games", "none", "--patches", "4", "--batch", "2"]
SMALL += ["--lr-size", "16", "--bands", "4", "--mapped", "0", "--device", "cpu"]


def test_it_answers_in_json_and_writes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "kinship"
    asked = ["kinship", "bilinear", *SMALL, "--out", str(out), "--json"]
    assert call(asked) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["found"]["One loss under two names"][0].startswith("l1 and charbonnier: cosine 0.9")
    assert answer["absent"] == []
    assert [Path(file).name for file in answer["files"][:5]] == [
        "kinship.html",
        "kinship.csv",
        "spectra.csv",
        "pulls.csv",
        "kinship.md",
    ]
    assert all(Path(file).stat().st_size > 0 for file in answer["files"])
    about = json.loads((out / "kinship.json").read_text(encoding="utf-8"))
    assert about["models"][0]["name"] == "bilinear"
    assert about["settings"]["patches"] == 4
    assert call([*asked[:-1], "--seed", "1"]) == 2
    assert "of another measurement (different: seed): choose another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        (["bilinear"], 2, "bilinear has no scale of its own: give --scale"),
        (["absent.pth"], 1, "there is no file"),
        (["bilinear", "--scale", "2", "--losses", "l2"], 2, "there is no loss 'l2' (did you mean l1?)"),
        (["bilinear", "--scale", "2", "--games", "wgam"], 2, "did you mean wgan?"),
        (["bilinear", "--scale", "2", "--patches", "0"], 2, "patches"),
        (
            ["bilinear", "--scale", "2", "--critic", "vgg:feature=2"],
            2,
            "no field feature (did",
        ),
        (["bilinear", "--scale", "2", "--photos", "absent"], 1, "--photos: there is no folder absent"),
        (["bilinear", "--scale", "2", "--loses", "l1"], 2, "did you mean --losses?"),
        ([], 2, "MODEL"),
    ],
)
def test_what_cannot_be_asked_for_is_named(
    asked: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "kinship"
    assert call(["kinship", *asked, "--out", str(out)]) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""
    assert not out.exists()
