"""A damaged file of a study's, a run's or an evaluation's folder is told in one line: file and field."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.cli.main import call
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UserError
from esrlab.study.runner import run_study
from esrlab.study.spec import Study, parse_study, plan_runs
from esrlab.training.loop import train
from esrlab.training.run_folder import RunFolder, read_outcome
from listener import FIELDS, Listener

CPU = torch.device("cpu")
RUN = "runs/psnr-x2-s0"

DAMAGE = {
    b'{"name": "caf\xff"}': "line 1: not UTF-8|not valid JSON",
    b"": "not valid JSON",
    b"null": "should be",
    b"[1, 2]": "should be",
    b"[" * 5000: "not valid JSON",
    b"{}": "is missing",
}
"""What a file may hold, and how it is told."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """One recipe, ×2, one seed, a step."""
    root = tmp_path_factory.mktemp("damaged")
    _, chelsea = next(open_benchmark("samples", name="samples").images())
    write_image(chelsea[..., 80:120, 120:160], root / "HR" / "eye.png")
    fields: dict[str, Any] = {
        "name": "small",
        "benchmarks": {"cats": str(root / "HR")},
        "scales": [2],
        "seeds": [0],
        "fields": {**FIELDS, "steps": 1},
        "recipes": {"psnr": {}},
    }
    return parse_study(fields)


@pytest.fixture(scope="module")
def finished(asked: Study, samples: Photos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, carried out."""
    out = tmp_path_factory.mktemp("damaged") / "study"
    assert run_study(asked, out=out, device=CPU, photos=samples, watcher=Listener()) == []
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    return shutil.copytree(finished, tmp_path / "study")


@pytest.mark.parametrize("text", DAMAGE)
def test_a_studys_manifest(asked: Study, samples: Photos, out: Path, text: bytes) -> None:
    (out / "manifest.json").write_bytes(text)
    with pytest.raises(UserError, match=rf"manifest\.json.*({DAMAGE[text]}).*; repair or remove it$"):
        run_study(asked, out=out, device=CPU, photos=samples, watcher=Listener())


@pytest.mark.parametrize("text", DAMAGE)
def test_a_runs_recipe(asked: Study, samples: Photos, out: Path, text: bytes) -> None:
    (out / RUN / "recipe.json").write_bytes(text)
    with pytest.raises(UserError, match=rf"recipe\.json.*({DAMAGE[text]}).*; repair or remove it$"):
        train(plan_runs(asked)[0].recipe, samples, seed=0, device=CPU, out=out / RUN)


@pytest.mark.parametrize("text", DAMAGE)
def test_a_runs_outcome(out: Path, text: bytes) -> None:
    (out / RUN / "outcome.json").write_bytes(text)
    with pytest.raises(UserError, match=rf"outcome\.json.*({DAMAGE[text]}).*; repair or remove it$"):
        read_outcome(RunFolder(out / RUN))


@pytest.mark.parametrize("text", DAMAGE)
def test_the_recipe_beside_an_evaluated_generator(
    out: Path, text: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / RUN / "recipe.json").write_bytes(text)
    benchmark = next((out.parent).rglob("hr"))
    command = ["evaluate", str(out / RUN / "generator.safetensors"), "--benchmark", f"cats={benchmark}"]
    assert call([*command, "--scale", "2", "--metrics", "psnr"]) == 1
    said = capsys.readouterr().err
    assert "recipe.json" in said
    assert len(said.splitlines()) == 1
    assert len(said) < 400


@pytest.mark.parametrize("text", DAMAGE)
def test_the_manifest_of_evaluated_methods(
    out: Path, text: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "manifest.json").write_bytes(text)
    benchmark = next((out.parent).rglob("hr"))
    command = ["evaluate", "bicubic", "--benchmark", f"cats={benchmark}", "--scale", "2", "--out", str(kept)]
    assert call([*command, "--metrics", "psnr"]) == 1
    said = capsys.readouterr().err
    assert "manifest.json" in said
    assert len(said.splitlines()) == 1


def test_damaged_maps_are_made_anew(asked: Study, samples: Photos, out: Path) -> None:
    about = next((out / "pulls").rglob("about.json"))
    whole = json.loads(about.read_text())
    about.write_bytes(b"\xff")
    assert run_study(asked, out=out, device=CPU, photos=samples, watcher=Listener()) == []
    assert json.loads(about.read_text()) == whole
