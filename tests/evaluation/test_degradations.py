"""A run trained on camera or pairs is scored, validated and mapped on it; other ways are had by asking."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from esrlab.cli.main import call
from esrlab.core.scores import Score, read_scores, write_scores
from esrlab.data.degradations.any_degradation import parse_degradation
from esrlab.data.degradations.bicubic import make_lr
from esrlab.data.degradations.camera import Camera
from esrlab.data.degradations.pairs import Pairs
from esrlab.data.image_files import read_image, write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError, UserError
from esrlab.evaluation.methods import Method
from esrlab.evaluation.rows import evaluate
from esrlab.evaluation.settled_degradation import settle_degradation
from esrlab.evaluation.validation.validator import open_validation
from esrlab.models.generator_files import read_degradation
from esrlab.report.merging import merge_studies
from esrlab.study.runner import run_study
from esrlab.study.spec import parse_study
from esrlab.training.loop import train
from esrlab.training.run_folder import RunFolder, read_description
from listener import FIELDS, Listener
from pictures import save_many
from tiny import tiny

CPU = torch.device("cpu")
BESIDE = "pairs:folder=LR_mine_x{scale}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of one photograph, and a grey LR image of it, like no other."""
    root = tmp_path_factory.mktemp("degradations") / "cats"
    _, chelsea = next(open_benchmark("samples", name="samples").images())
    hr = chelsea[..., 60:140, 100:180]
    write_image(hr, root / "HR" / "eye.png")
    write_image(
        make_lr(hr, 2).mean(dim=1, keepdim=True).expand(-1, 3, -1, -1), root / "LR_mine_x2" / "eyex2.png"
    )
    return root


@pytest.fixture(scope="module")
def study(place: Path, samples: Photos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one run on camera."""
    out = tmp_path_factory.mktemp("study") / "camera"
    asked = parse_study(
        {
            "name": "small",
            "benchmarks": {"cats": str(place)},
            "scales": [2],
            "seeds": [0],
            "fields": {**FIELDS, "steps": 1, "patches.degradation.kind": "camera"},
            "recipes": {"psnr": {}},
        }
    )
    assert run_study(asked, out=out, device=CPU, photos=samples, watcher=Listener()) == []
    return out


def run_of(study: Path) -> Path:
    return study / "runs" / "psnr-x2-s0"


def rows_of(place: Path, *words: object, code: int = 0, capsys: pytest.CaptureFixture[str]) -> Any:
    options = ["--benchmark", f"cats={place}", "--scale", 2, "--metrics", "psnr", "--json"]
    capsys.readouterr()
    found = call(["evaluate", *(str(word) for word in (*words, *options))])
    said = capsys.readouterr()
    assert found == code, said.err
    return said.err if code else json.loads(said.out)["rows"]


def test_a_study_scores_maps_and_keeps_lr_of_its_degradation(place: Path, study: Path) -> None:
    hr = read_image(place / "HR" / "eye.png")
    kept = read_image(study / "pictures" / "x2" / "lr" / "cats" / "eye.png")
    assert torch.equal(kept, Camera().build(2).reduce_image(hr, name="eye"))
    assert not torch.equal(kept, make_lr(hr, 2))
    assert {row.label.rpartition(" [")[2] for row in read_scores(study / "scores.jsonl")} == {"LR: camera]"}
    assert json.loads((study / "manifest.json").read_text())["degradations"] == {"psnr": "camera"}
    assert (study / "pulls" / "x2" / "psnr" / "cats" / "eye" / "about.json").is_file()


def test_the_generators_file_tells_kind_and_fields(samples: Photos, study: Path, tmp_path: Path) -> None:
    assert read_degradation(run_of(study) / "generator.safetensors") == Camera()
    recipe = tiny("psnr", steps=1, patches__degradation__kind="camera", patches__degradation__jpeg_quality=40)
    run = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run")
    assert read_degradation(run.generator) == Camera(jpeg_quality=(40, 40))
    with safe_open(str(run.generator), framework="pt") as file:
        assert file.metadata()["degradation"] == "camera:jpeg_quality=40"


def test_a_method_is_scored_on_what_it_was_trained_on_or_as_asked(
    place: Path, study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {row.metric: row.value for row in read_scores(study / "scores.jsonl") if row.recipe == "psnr"}
    rows = rows_of(place, "bicubic", run_of(study), capsys=capsys)
    assert all("[LR: camera]" in row["label"] for row in rows)
    assert {row["value"] for row in rows if row["recipe"] == "psnr"} <= set(own.values())
    asked = rows_of(place, "bicubic", run_of(study), "--degradation", "camera:jpeg_quality=40", capsys=capsys)
    labels = {row["recipe"]: row["label"] for row in asked}
    assert labels["bicubic"] == "bicubic [LR: camera:jpeg_quality=40]"
    assert labels["psnr"].endswith("[LR: camera] [scored on LR: camera:jpeg_quality=40]")
    assert {row["value"] for row in asked}.isdisjoint({row["value"] for row in rows})
    again = rows_of(place, "bicubic", run_of(study), "--degradation", "camera:jpeg_quality=40", capsys=capsys)
    assert again == asked


def test_pairs_are_a_benchmark_and_labels_say_so(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows_of(place, "bicubic", "--degradation", BESIDE, "--out", tmp_path / "kept", capsys=capsys)
    assert {row["label"] for row in rows} == {"bicubic [LR: pairs LR_mine]"}
    lr = read_image(tmp_path / "kept" / "pictures" / "x2" / "lr" / "cats" / "eye.png")
    assert torch.equal(lr, read_image(place / "LR_mine_x2" / "eyex2.png"))
    said = rows_of(place, "bicubic", "--out", tmp_path / "kept", code=2, capsys=capsys)
    assert f"holds rows on LR images made by {BESIDE}, these would be made by matlab" in said
    values = {row.metric: row.value for row in evaluate("bicubic", place, scale=2, degradation=BESIDE)}
    assert all(values[row["metric"]] == row["value"] for row in rows if row["metric"] in values)
    said = rows_of(
        place, "bicubic", "--degradation", "camera", "--convention", "matlab", code=2, capsys=capsys
    )
    assert "give --degradation or --convention, not both" in said


def test_pairs_train_and_their_files_belong_to_the_run(tmp_path: Path) -> None:
    save_many(tmp_path / "HR", 2)
    save_many(tmp_path / "LR_x2", 2, side=40)
    for path in (tmp_path / "HR").iterdir():
        write_image(make_lr(read_image(path)[..., :80, :84], 2), tmp_path / "LR_x2" / path.name)
    words = ["train", "psnr", "--photos", str(tmp_path / "HR"), "--scale", "2", "--steps", "2", "--quiet"]
    words += ["--generator.features", "8", "--generator.growth", "4", "--generator.blocks", "1"]
    words += ["--patches.lr-size", "16", "--patches.batch", "2", "--patches.degradation.kind", "pairs"]
    words += ["--device", "cpu", "--validation", str(tmp_path / "HR"), "--out", str(tmp_path / "run")]
    assert call([*words, "--patches.degradation.folder", "LR_x{scale}"]) == 0
    about = read_description(RunFolder(tmp_path / "run"))
    assert about["origins"]["lr"].startswith("2 images, sha256 ")
    assert about["label"].endswith("[LR: pairs LR]")
    assert call([*words, "--patches.degradation.folder", "LR_mine_x{scale}"]) == 2
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "LR_x2" / "01.png").unlink()
    assert call([*words, "--patches.degradation.folder", "LR_x{scale}"]) == 1


def test_ranges_are_set_by_one_or_two_numbers(samples: Photos, tmp_path: Path) -> None:
    words = ["train", "psnr", "--scale", "2", "--steps", "1", "--quiet", "--device", "cpu"]
    words += ["--generator.features", "8", "--generator.growth", "4", "--generator.blocks", "1"]
    words += ["--patches.lr-size", "16", "--patches.batch", "2", "--patches.degradation.kind", "camera"]
    words += ["--patches.degradation.jpeg-quality", "40", "--patches.degradation.blur_sigma", "0.5", "1"]
    assert call([*words, "--validation", "none", "--out", str(tmp_path / "run")]) == 0
    about = read_description(RunFolder(tmp_path / "run"))
    assert about["label"].endswith("[LR: camera:blur_sigma=0.5..1:jpeg_quality=40]")


def test_a_validation_is_on_its_degradation(place: Path) -> None:
    def measure(degradation: Any) -> dict[str, float]:
        found = open_validation(str(place), scale=2, device=CPU, degradation=degradation)
        return found(torch.nn.Upsample(scale_factor=2, mode="nearest"))

    assert measure(Camera()) == measure(Camera())
    assert measure(Camera()) != measure(Camera(jpeg=0))
    with pytest.raises(UserError, match="no folder"):
        measure(Pairs(folder="LR_absent_x{scale}"))


def test_a_run_of_the_older_form_goes_on(samples: Photos, tmp_path: Path) -> None:
    recipe = tiny("psnr", steps=2, optimiser__schedule="constant", patches__convention="matlab-8bit")
    whole = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "whole")
    begun = tiny("psnr", steps=1, optimiser__schedule="constant", patches__convention="matlab-8bit")
    run = train(begun, samples, seed=0, device=CPU, out=tmp_path / "run")
    about = json.loads(run.recipe.read_text(encoding="utf-8"))
    convention = about["recipe"]["patches"].pop("degradation")["convention"]
    about["recipe"]["patches"]["convention"] = convention
    for part in ("generator", "optimiser"):
        del about["recipe"][part]["kind"]
    run.recipe.write_text(json.dumps(about), encoding="utf-8")
    rows = evaluate(str(run.path), "samples", scale=2, metrics=["psnr"], device="cpu")
    assert {row.label.rpartition(" [")[2] for row in rows} == {"LR: matlab-8bit]"}
    again = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run")
    assert again.generator.read_bytes() == whole.generator.read_bytes()


def test_a_cascade_of_two_degradations_is_scored_where_one_is_asked_for() -> None:
    mixed = Method(name="a+b-cascade", label="a + b", digest="", mixed="matlab and camera")
    with pytest.raises(UsageError, match=r"a\+b-cascade .*\(matlab and camera\); choose .* --degradation"):
        settle_degradation([mixed])
    (settled,) = settle_degradation([mixed], asked=parse_degradation("matlab-8bit"))
    assert settled.label == "a + b [scored on LR: matlab-8bit]"


def test_folders_scored_on_other_lr_images_are_to_be_reported_one_by_one(tmp_path: Path) -> None:
    for name, value in (("one", 25.0), ("two", 28.0)):
        row = Score(study=name, recipe="bicubic", label="bicubic", scale=4, seed=None, step=None, image="a/b",
                    metric="PSNR-Y/4", value=value)  # fmt: skip
        write_scores(tmp_path / name / "scores.jsonl", [row])
    with pytest.raises(UsageError, match="other LR or HR images; report the folders one by one"):
        merge_studies([tmp_path / "one", tmp_path / "two"], tmp_path / "both")


def test_two_seeds_of_one_name_that_were_trained_on_different_lr_images_are_refused() -> None:
    seeds = [
        Method(name="a", label="a", digest=str(seed), seed=seed, degradation=parse_degradation(text))
        for seed, text in enumerate(("camera", "matlab"))
    ]
    with pytest.raises(UsageError, match="others were trained with: a on matlab"):
        settle_degradation(seeds)


def test_folders_on_other_lr_images_are_refused_without_a_baseline_in_common(tmp_path: Path) -> None:
    for name, made in (("one", "matlab"), ("two", "camera")):
        row = Score(study=name, recipe=name, label=name, scale=4, seed=None, step=None, image="a/b",
                    metric="PSNR-Y/4", value=25.0)  # fmt: skip
        write_scores(tmp_path / name / "scores.jsonl", [row])
        manifest = {"degradation": made, "benchmarks": {"a": {"count": 1, "fingerprint": "f"}}}
        (tmp_path / name / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"a's LR images were made by matlab in .* and by camera in .* one by one"
    ):
        merge_studies([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
