"""A study's folder takes more seeds, recipes and scales; what it holds already stays as it is."""

import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch

from esrlab.cli.main import call
from esrlab.core.scores import read_scores
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.report.build import make_report
from esrlab.study.runner import run_study
from esrlab.study.spec import Study, parse_study, read_asked
from listener import FIELDS, Listener

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    """One recipe, ×2, one seed."""
    _, chelsea = next(open_benchmark("samples", name="samples").images())
    write_image(chelsea[..., 80:160, 120:200], tmp_path / "HR" / "eye.png")
    return {
        "name": "growing",
        "benchmarks": {"cats": str(tmp_path)},
        "scales": [2],
        "seeds": [7],
        "fields": FIELDS,
        "recipes": {"psnr": {}},
    }


def carry_out(study: Study, out: Path, samples: Photos) -> list[str]:
    listener = Listener()
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=listener) == []
    return listener.began


def test_a_study_grows_by_seeds_scales_and_recipes(
    asked: dict[str, Any], samples: Photos, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    assert carry_out(parse_study(asked), out, samples) == ["psnr-x2-s7"]
    first = read_scores(out / "scores.jsonl")
    pictures = {path: path.read_bytes() for path in (out / "pictures").rglob("*.png")}
    log = (out / "runs" / "psnr-x2-s7" / "log.jsonl").read_bytes()

    wider = {**asked, "seeds": [3, 7], "scales": [4, 2], "recipes": {"charb": {"base": "psnr"}, "psnr": {}}}
    began = carry_out(parse_study(wider), out, samples)
    assert "psnr-x2-s7" not in began
    assert len(began) == 7
    assert (out / "runs" / "psnr-x2-s7" / "log.jsonl").read_bytes() == log
    assert all(path.read_bytes() == content for path, content in pictures.items())
    now = read_scores(out / "scores.jsonl")
    assert all(row in now for row in first)
    assert {(row.recipe, row.scale, row.seed) for row in now} == {
        *(("bicubic", scale, None) for scale in (2, 4)),
        *((name, scale, seed) for name in ("psnr", "charb") for scale in (2, 4) for seed in (3, 7)),
        *((f"{name}-cascade", 4, seed) for name in ("psnr", "charb") for seed in (3, 7)),
    }
    assert (out / "pictures" / "x4" / "psnr-cascade" / "cats" / "eye.png").exists()
    held = read_asked(out)
    assert (held.seeds, held.scales, list(held.recipes)) == ((7, 3), (2, 4), ["psnr", "charb"])
    assert len(json.loads((out / "manifest.json").read_text())["runs"]) == 8
    assert carry_out(parse_study(wider), out, samples) == [], "nothing is repeated"
    assert read_scores(out / "scores.jsonl") == now
    assert not any("Unfinished" in note for note in make_report(out).words.notes)
    study, files = (out / "study.toml").read_bytes(), sorted(out.rglob("*"))
    assert carry_out(parse_study(asked), out, samples) == [], "less than it has changes nothing"
    assert read_scores(out / "scores.jsonl") == now
    assert ((out / "study.toml").read_bytes(), sorted(out.rglob("*"))) == (study, files)


def test_less_than_a_study_has_carries_out_that_alone_and_keeps_the_rest(
    asked: dict[str, Any], samples: Photos, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "study"
    claim = {"id": "own", "words": "better", "better": "psnr", "than": "bicubic", "scales": [2]}
    wide = {**asked, "seeds": [7, 8], "claims": [claim]}
    carry_out(parse_study(wide), out, samples)
    study, rows = (out / "study.toml").read_bytes(), read_scores(out / "scores.jsonl")
    for seed in (7, 8):
        (out / "runs" / f"psnr-x2-s{seed}" / "scores.jsonl").unlink()
    (tmp_path / "asked.toml").write_text(tomli_w.dumps(asked))
    assert call(["study", str(tmp_path / "asked.toml"), "--out", str(out), "--device", "cpu"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "holds more than is asked: 1 recipe × 1 scale × 2 seeds = 2 runs; all of it is kept" in said
    assert (out / "runs" / "psnr-x2-s7" / "scores.jsonl").exists()
    assert not (out / "runs" / "psnr-x2-s8" / "scores.jsonl").exists(), "it was not asked for"
    assert (out / "study.toml").read_bytes() == study
    assert [row for row in rows if row.seed != 8] == read_scores(out / "scores.jsonl")
    assert carry_out(parse_study(wide), out, samples) == ["psnr-x2-s8"]
    assert read_scores(out / "scores.jsonl") == rows


def test_a_sweep_may_go_on(asked: dict[str, Any], samples: Photos, tmp_path: Path) -> None:
    rates = {"base": "psnr", "optimiser.learning_rate": [1e-4]}
    carry_out(parse_study({**asked, "recipes": {"rate": rates}}), tmp_path / "study", samples)
    more = {**rates, "optimiser.learning_rate": [1e-4, 1e-3]}
    began = carry_out(parse_study({**asked, "recipes": {"rate": more}}), tmp_path / "study", samples)
    assert began == ["rate+optimiser.learning_rate=0.001-x2-s7"]


def test_what_would_change_runs_is_refused_and_changes_nothing(
    asked: dict[str, Any], samples: Photos, tmp_path: Path
) -> None:
    out = tmp_path / "study"
    carry_out(parse_study(asked), out, samples)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    wider = {**asked, "seeds": [7, 8]}
    for change, named in (
        ({"fields": {**FIELDS, "steps": 5}}, r"fields\.steps: 3 there, 5 asked"),
        ({"recipes": {"psnr": {"steps": 5}}}, r"recipes\.psnr\.steps: none there, 5 asked"),
        ({"benchmarks": {"dogs": str(tmp_path)}}, r"benchmarks\.dogs"),
        ({"name": "other"}, "name: 'growing' there, 'other' asked"),
    ):
        with pytest.raises(UsageError, match=named):
            carry_out(parse_study({**wider, **change}), out, samples)
    fewer = Photos("fewer", samples.members[:3])
    with pytest.raises(UsageError, match=r"photos\.count: 5 there, 3 asked"):
        carry_out(parse_study(wider), out, fewer)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
