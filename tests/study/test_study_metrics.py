"""A study that says what it measures: rows, descriptions, n/a, and the same to its end."""

import json
from pathlib import Path

import pytest
import torch

from esrlab.core.scores import read_scores
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.evaluation.metrics.ms_ssim import MSSSIM
from esrlab.report.build import make_report
from esrlab.study.folder import choose_metrics
from esrlab.study.runner import run_study
from esrlab.study.spec import Study, dump_study, parse_study, read_study
from listener import FIELDS, Listener

CPU = torch.device("cpu")
ASKED = ["psnr", "lr-psnr", "dists", {"kind": "ms-ssim", "border": 0}]


def asked(benchmark: Path, metrics: list[object], claims: list[dict[str, object]] | None = None) -> Study:
    return parse_study(
        {
            "name": "measured",
            "benchmarks": {"Cats": str(benchmark)},
            "scales": [2],
            "seeds": [0],
            "weights": "student",
            "fields": FIELDS,
            "recipes": {"psnr": {}},
            "metrics": metrics,
            "claims": claims or [],
        }
    )


@pytest.mark.slow
def test_a_study_measures_what_it_says_and_shows_na_for_what_it_cannot(
    tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(tmp_path / "none"))
    image = next(open_benchmark("samples", name="samples").images())[1]
    write_image(image[..., :170, :180], tmp_path / "Cats" / "large.png")
    write_image(image[..., 80:150, 120:190], tmp_path / "Cats" / "small.png")
    out = tmp_path / "out"
    own = {"id": "own", "words": "w", "better": "psnr", "than": "bicubic", "scales": [2]}
    study = asked(tmp_path / "Cats", ASKED, [{**own, "metrics": ["LR-PSNR"]}])
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=Listener()) == []
    rows = read_scores(out / "scores.jsonl")
    found = {(row.metric, row.image) for row in rows if row.recipe == "psnr"}
    assert {metric for metric, _ in found} == {
        *("PSNR-Y/2", "PSNR-RGB/2", "PSNR-paper", "LR-PSNR", "MS-SSIM-Y")
    }
    assert ("MS-SSIM-Y", "Cats/large") in found
    assert ("MS-SSIM-Y", "Cats/small") not in found, "smaller than its windows"
    described = [each["id"] for each in json.loads((out / "metrics.json").read_text())]
    assert described == ["PSNR-Y/s", "PSNR-RGB/s", "PSNR-paper", "LR-PSNR", "DISTS", "MS-SSIM-Y"]
    report = make_report(out)
    table = report.tables[-1]
    cells = dict(zip(table.columns, table.rows[0].cells, strict=True))
    assert cells["DISTS"] == "n/a"
    assert cells["SSIM-Y/s"] == "n/a"
    assert float(cells["LR-PSNR"]) > 30
    assert float(cells["MS-SSIM-Y"]) > 0.9
    assert "No row has DISTS" in " ".join(report.words.notes)
    assert not any("¶" in row.cells[1] for row in table.rows), "no method lacks what others have"
    assert any(line.startswith("own") and "LR-PSNR" in line for line in report.judgement.sentences)
    assert run_study(study, out=out, device=CPU, photos=samples, watcher=Listener()) == [], "it resumes"
    with pytest.raises(UsageError, match="another study"):
        run_study(asked(tmp_path / "Cats", ["psnr"]), out=out, device=CPU, photos=samples, watcher=Listener())


def test_a_study_file_names_kinds_or_gives_their_settings(tmp_path: Path) -> None:
    study = asked(tmp_path, ASKED)
    assert study.metrics[-1] == MSSSIM(border=0)
    (tmp_path / "study.toml").write_text(dump_study(study), encoding="utf-8")
    assert read_study(tmp_path / "study.toml").metrics == study.metrics
    with pytest.raises(UsageError, match=r"metrics must be one or more of .*not disst \(did you mean dists"):
        asked(tmp_path, ["disst"])
    with pytest.raises(UsageError, match="border"):
        asked(tmp_path, [{"kind": "ms-ssim", "border": -1}])
    claim = {"id": "own", "words": "w", "better": "psnr", "than": "bicubic", "scales": [2]}
    assert asked(tmp_path, ["dists"], [{**claim, "metrics": ["DISTS"]}]).claims[0].metrics == ("DISTS",)
    with pytest.raises(UsageError, match="metrics should be of PSNR, SSIM, LPIPS, not 'DISTS'"):
        asked(tmp_path, ["psnr"], [{**claim, "metrics": ["DISTS"]}])


def test_a_study_from_before_goes_on_with_what_its_manifest_tells(tmp_path: Path) -> None:
    study = asked(tmp_path, [])
    for told, last in (("real", "LPIPS"), ("student", "LPIPS≈")):
        (tmp_path / "manifest.json").write_text(json.dumps({"perceptual": [told]}), encoding="utf-8")
        assert choose_metrics(study, tmp_path)[-1].label == last
    (tmp_path / "manifest.json").write_text(json.dumps({"perceptual": []}), encoding="utf-8")
    assert choose_metrics(study, tmp_path)[-1].label == "SSIM-paper"
