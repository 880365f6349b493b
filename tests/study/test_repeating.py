"""A study's folder alone repeats the study: elsewhere, and when all that it was made from has gone."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from esrlab.cli.main import call
from esrlab.core.scores import Score, read_scores
from esrlab.data.image_files import write_image
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.models.generator_files import save_generator
from esrlab.recipes.kept_files import keep_file, keep_named
from esrlab.recipes.presets import find_recipe
from esrlab.report.merging import merge_studies
from esrlab.study.runner import run_study
from esrlab.study.spec import dump_study, plan_runs, read_asked, read_study
from esrlab.training.state import start_run
from listener import FIELDS, Listener
from tiny import tiny

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")
LOSS = "def loss(sr, hr):\n    return (sr - hr).abs().mean()\n"
STUDY = """
name = "own"
scales = [2]
seeds = [5]
benchmarks.eyes = "../images"
fields.steps = 1
fields."generator.init" = "starts/x{scale}.safetensors"
[recipes.own]
base = "bases/own.toml"
[recipes.swept]
base = "bases/own.toml"
"terms.own.loss.file" = ["losses/mine.py", "losses/other.py"]
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A study file with a base, which names a loss and another base, and a generator for each scale."""
    place = tmp_path / "made"
    for folder in ("bases", "losses", "starts"):
        (place / folder).mkdir(parents=True)
    (place / "losses" / "mine.py").write_text(LOSS)
    (place / "losses" / "other.py").write_text(LOSS.replace("abs()", "square()"))
    (place / "bases" / "tiny.json").write_text(tiny("psnr").model_dump_json())
    (place / "bases" / "own.toml").write_text(
        'base = "tiny.json"\nterms.own.weight = 1\n'
        'terms.own.loss = {kind = "custom", file = "../losses/mine.py"}\n'
    )
    for scale in (2, 3):
        generator = start_run(tiny("psnr", scale=scale), seed=scale, device=CPU).generator
        save_generator(generator, place / "starts" / f"x{scale}.safetensors", about={})
    write_image(
        torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(1)), tmp_path / "images/a.png"
    )
    (place / "study.toml").write_text(STUDY)
    return place / "study.toml"


def rows(folder: Path) -> list[Score]:
    return read_scores(folder / "scores.jsonl")


def test_paths_in_a_study_file_are_found_from_its_place(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name in ((tmp_path, "made/study.toml"), (made.parent / "starts", "../study.toml")):
        monkeypatch.chdir(folder)
        study = read_study(name)
        assert Path(study.benchmarks["eyes"]).resolve() == tmp_path / "images"
        run = plan_runs(study)[0]
        assert Path(run.recipe.generator.init).resolve() == made.parent / "starts" / "x2.safetensors"
        assert start_run(run.recipe, seed=0, device=CPU).origins["own"].startswith("mine.py, sha256")


def test_a_study_repeats_itself_elsewhere_when_its_sources_have_gone(
    made: Path, tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "study"
    carry_out(made, out, samples)
    shutil.rmtree(made.parent)
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(out, moved)
    shutil.rmtree(out)
    (tmp_path / "images").rename(tmp_path / "elsewhere" / "pictures")
    monkeypatch.chdir(moved)
    asked = ["study", "study.toml", "--benchmark", "eyes=../pictures"]
    assert call([*asked, "--out", "../again"]) == 0, "as the report says"
    again = moved.parent / "again"
    assert rows(again) == rows(moved)
    kept = [json.loads((each / "runs/own-x2-s5/recipe.json").read_text()) for each in (again, moved)]
    assert kept[0] == kept[1]
    assert kept[0]["recipe"]["generator"]["init"].startswith("../../sources/")
    before = {path: path.stat().st_mtime_ns for path in moved.rglob("generator.safetensors")}
    carry_out(Path("study.toml"), Path(), samples, benchmarks={"eyes": "../pictures"})
    assert {path: path.stat().st_mtime_ns for path in moved.rglob("generator.safetensors")} == before
    run = find_recipe("runs/own-x2-s5/recipe.json")
    assert start_run(run, seed=0, device=CPU).origins == kept[0]["origins"]
    assert sorted({row.recipe for row in rows(again)} - {"bicubic"}) == [
        "own",
        "swept+terms.own.loss.file=mine.py",
        "swept+terms.own.loss.file=other.py",
    ]


def carry_out(path: Path, out: Path, samples: Photos, **changed: object) -> None:
    study = read_study(path).model_copy(update=changed)
    run_study(study, out=out, device=CPU, photos=samples, watcher=Listener())


def test_a_study_whose_files_lie_elsewhere_now_is_the_same_study(
    made: Path, tmp_path: Path, samples: Photos
) -> None:
    made.write_text(STUDY.partition("[recipes.swept]")[0])
    out = tmp_path / "study"
    carry_out(made, out, samples, scales=(2,))
    held = (out / "study.toml").read_text()
    moved = made.parent.rename(tmp_path / "renamed") / "study.toml"
    carry_out(moved, out, samples, scales=(2,))
    assert (out / "study.toml").read_text() == held
    carry_out(moved, out, samples, scales=(2,), seeds=(5, 6))
    assert read_asked(out).seeds == (5, 6)
    (moved.parent / "starts" / "x2.safetensors").unlink()
    carry_out(moved, out, samples, scales=(2,), seeds=(5, 6))
    assert Path(plan_runs(read_asked(out))[0].recipe.generator.init).is_file(), "the copy that is there stays"
    shutil.rmtree(moved.parent)
    merged = merge_studies([out], tmp_path / "merged")
    assert start_run(find_recipe(str(merged / "runs/own-x2-s5/recipe.json")), seed=0, device=CPU).origins


def test_a_folder_that_names_originals_is_recognised_and_names_copies_then(
    made: Path, tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.write_text(STUDY.partition("[recipes.own]")[0] + "[recipes.psnr]\n")
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "study"
    shape = {key: value for key, value in FIELDS.items() if key != "steps"}
    study = read_study("made/study.toml")
    study = study.model_copy(update={"fields": {**study.fields, **shape}})
    run_study(study, out=out, device=CPU, photos=samples, watcher=Listener())
    held = (out / "study.toml").read_text()
    assert dump_study(study) != held
    (out / "study.toml").write_text(dump_study(study))
    began = Listener()
    run_study(study, out=out, device=CPU, photos=samples, watcher=began)
    assert began.began == []
    assert (out / "study.toml").read_text() == held


def test_a_base_that_changed_is_no_further_seed(made: Path, tmp_path: Path, samples: Photos) -> None:
    made.write_text(STUDY.partition("[recipes.swept]")[0])
    out = tmp_path / "study"
    carry_out(made, out, samples, scales=(2,))
    base = made.parent / "bases" / "own.toml"
    base.write_text(base.read_text() + "[optimiser]\nlearning_rate = 0.5\n")
    with pytest.raises(UsageError, match=r"own-x2-s5\.optimiser\.learning_rate: 0\.0002 there, 0\.5 asked"):
        carry_out(made, out, samples, scales=(2,), seeds=(5, 6))


def test_a_file_for_each_scale_is_kept_once(made: Path, tmp_path: Path) -> None:
    starts, sources = made.parent / "starts", tmp_path / "sources"
    kept = keep_named(str(starts / "x{scale}.safetensors"), sources, scales=(2, 3))
    assert kept is not None
    for scale in (2, 3):
        copy = Path(str(kept).replace("{scale}", str(scale)))
        assert copy.read_bytes() == (starts / f"x{scale}.safetensors").read_bytes()
        assert keep_file(starts / f"x{scale}.safetensors", sources) == copy, "as a run names it"
    assert keep_named(str(kept), sources, scales=(2, 3)) == kept
    assert keep_named(str(kept), sources, scales=(2, 3, 4)) is None, "the fourth is missing"


def test_a_moved_folder_finds_the_images_where_they_were(
    made: Path,
    tmp_path: Path,
    samples: Photos,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made.write_text(STUDY.partition("[recipes.swept]")[0])
    (tmp_path / "photos").mkdir()
    for photo in samples.members[:2]:
        shutil.copy(photo.path, tmp_path / "photos")
    monkeypatch.chdir(made.parent)
    asked = ["study", "study.toml", "--photos", "../photos", "--seed", "5"]
    assert call([*asked, "--out", "../study"]) == 0
    deep = tmp_path / "far" / "away"
    deep.mkdir(parents=True)
    (tmp_path / "study").rename(deep / "moved")
    monkeypatch.chdir(deep)
    capsys.readouterr()
    assert call(["study", "moved/study.toml", "--out", "moved"]) == 0, "it continues"
    assert "1 finished already" in " ".join(capsys.readouterr().err.split())
    assert call(["study", "moved/study.toml", "--out", "again"]) == 0, "it repeats itself"
    assert rows(deep / "again") == rows(deep / "moved")
    repeat = ["train", "moved/runs/own-x2-s5/recipe.json", "--quiet", "--validation", "none"]
    assert call([*repeat, "--out", "run"]) == 0
    (tmp_path / "photos").rename(tmp_path / "photographs")
    (tmp_path / "images").rename(tmp_path / "pictures")
    capsys.readouterr()
    assert call(["study", "moved/study.toml", "--out", "moved"]) == 1
    refused = capsys.readouterr().err
    assert "moved/study.toml names images that are not there" in refused
    assert "give --photos DIR --benchmark eyes=DIR" in refused
    assert f"photographs: {tmp_path / 'photos'}" in refused
    assert f"benchmark eyes: {tmp_path / 'images'}" in refused
    found = ["--photos", "../../photographs", "--benchmark", "eyes=../../pictures"]
    assert call(["study", "moved/study.toml", "--out", "moved", *found]) == 0, (
        "what is the same is told by content"
    )
    assert call(["study", "moved/study.toml", "--out", "moved"]) == 0, "and its new place is kept"
