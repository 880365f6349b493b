"""Scored as trained: LR images are made as for the training, labels tell, and two ways are never mixed."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.cli.main import call
from esrlab.core.scores import read_scores
from esrlab.data.degradations.bicubic import Bicubic, Convention, crop_to_multiple, make_lr
from esrlab.data.image_files import read_image, write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.models.generator_files import read_degradation
from esrlab.study.runner import run_study
from esrlab.study.spec import parse_study
from listener import FIELDS, Listener

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of one image, a photograph's text on white: the conventions differ at such edges."""
    root = tmp_path_factory.mktemp("conventions")
    _, chelsea = next(open_benchmark("samples", name="samples").images())
    hr = (chelsea[..., 80:140, 120:180] > 0.5).float()
    write_image(hr, root / "HR" / "eye.png")
    assert not torch.equal(make_lr(hr, 2), make_lr(hr, 2, convention="matlab-8bit"))
    return root


def ask(place: Path, convention: Convention) -> dict[str, Any]:
    return {
        "name": "small",
        "benchmarks": {"cats": str(place / "HR")},
        "scales": [2],
        "seeds": [0],
        "fields": {**FIELDS, "steps": 1, "patches.convention": convention},
        "recipes": {"psnr": {}},
    }


@pytest.fixture(scope="module")
def studies(place: Path, samples: Photos) -> dict[str, Path]:
    """A study of one run under either convention."""
    found: dict[str, Path] = {}
    conventions: tuple[Convention, ...] = ("matlab", "matlab-8bit")
    for convention in conventions:
        found[convention] = place / convention
        study = parse_study(ask(place, convention))
        assert run_study(study, out=place / convention, device=CPU, photos=samples, watcher=Listener()) == []
    return found


def generator(studies: dict[str, Path], convention: str) -> Path:
    return studies[convention] / "runs" / "psnr-x2-s0" / "generator.safetensors"


def evaluate(place: Path, *words: object, code: int = 0, capsys: pytest.CaptureFixture[str]) -> Any:
    """The rows of a call that succeeds; what is said by one that fails."""
    options = ["--benchmark", f"cats={place / 'HR'}", "--scale", 2, "--metrics", "psnr,ssim", "--json"]
    capsys.readouterr()
    found = call(["evaluate", *(str(word) for word in (*words, *options))])
    said = capsys.readouterr()
    assert found == code, said.err
    return said.err if code else json.loads(said.out)["rows"]


def values(rows: Any) -> dict[tuple[str, str], float]:
    return {(row["recipe"], row["metric"]): row["value"] for row in rows if row["metric"] != "PSNR-paper"}


@pytest.mark.parametrize("convention", ["matlab", "matlab-8bit"])
def test_a_run_and_bicubic_beside_it_have_their_studys_rows(
    place: Path, studies: dict[str, Path], convention: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = evaluate(place, "bicubic", generator(studies, convention), capsys=capsys)
    own = {(row.recipe, row.metric): row for row in read_scores(studies[convention] / "scores.jsonl")}
    assert len(rows) >= 6
    for row in rows:
        assert (row["value"], row["label"]) == (
            own[row["recipe"], row["metric"]].value,
            own[row["recipe"], row["metric"]].label,
        )
        assert ("[LR: matlab-8bit]" in row["label"]) == (convention == "matlab-8bit")


def test_a_generators_file_tells_its_convention_alone(
    place: Path, studies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = shutil.copy(generator(studies, "matlab-8bit"), tmp_path / "alone.safetensors")
    assert read_degradation(alone) == Bicubic(convention="matlab-8bit")
    rows = evaluate(place, alone, "--out", tmp_path / "kept", capsys=capsys)
    own = read_scores(studies["matlab-8bit"] / "scores.jsonl")
    assert {row["label"] for row in rows} == {"alone [LR: matlab-8bit]"}
    assert {row["value"] for row in rows} <= {row.value for row in own if row.recipe == "psnr"}
    hr = crop_to_multiple(read_image(place / "HR" / "eye.png"), 2)
    lr = read_image(tmp_path / "kept" / "pictures" / "x2" / "lr" / "cats" / "eye.png")
    assert torch.equal(lr, make_lr(hr, 2, convention="matlab-8bit"))


def test_others_are_scored_as_asked(
    place: Path, studies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = evaluate(place, "bicubic", capsys=capsys)
    older = evaluate(place, "bicubic", "--convention", "matlab-8bit", capsys=capsys)
    assert values(plain) != values(older)
    assert {row["label"] for row in plain} == {"bicubic"}
    assert {row["label"] for row in older} == {"bicubic [LR: matlab-8bit]"}
    named = evaluate(
        place, "bicubic", "--convention", "matlab-8bit", "--name", "b", "--label", "mine", capsys=capsys
    )
    assert {row["label"] for row in named} == {"mine [LR: matlab-8bit]"}


def test_two_conventions_are_never_mixed(
    place: Path, studies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = generator(studies, "matlab"), generator(studies, "matlab-8bit")
    said = evaluate(place, one, other, "--name", "a", "--name", "b", code=2, capsys=capsys)
    assert "were trained with: b on matlab-8bit; score the methods of each in a call and a folder" in said
    said = evaluate(place, other, "--convention", "matlab", code=2, capsys=capsys)
    assert "were trained with: psnr on matlab-8bit" in said
    assert "leave --convention out" in said
    said = evaluate(place, f"{one}+{other}", "--scale", 4, code=2, capsys=capsys)
    out = tmp_path / "kept"
    evaluate(place, one, "--out", out, capsys=capsys)
    before = (out / "scores.jsonl").read_bytes()
    said = evaluate(place, other, "--name", "b", "--out", out, code=2, capsys=capsys)
    assert "holds rows on LR images made by matlab, these would be made by matlab-8bit" in said
    assert "choose another folder with --out" in said
    assert (out / "scores.jsonl").read_bytes() == before


def test_a_study_takes_no_more_seeds_of_another_convention(
    place: Path, studies: dict[str, Path], samples: Photos, tmp_path: Path
) -> None:
    out = shutil.copytree(studies["matlab-8bit"], tmp_path / "study")
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["degradations"] == {"psnr": "matlab-8bit"}
    more = parse_study({**ask(place, "matlab-8bit"), "seeds": [0, 1]})
    del manifest["degradations"]  # rows of a version that made LR as usual, whatever the recipe said
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match=r"degradations\.psnr: 'matlab' there, 'matlab-8bit' asked"):
        run_study(more, out=out, device=CPU, photos=samples, watcher=Listener())
    assert not (out / "runs" / "psnr-x2-s1").exists()
    again = shutil.copytree(studies["matlab-8bit"], tmp_path / "again")
    assert run_study(more, out=again, device=CPU, photos=samples, watcher=Listener()) == []
    assert (again / "runs" / "psnr-x2-s1" / "scores.jsonl").exists()
