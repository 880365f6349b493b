"""A run's folder alone repeats the run: elsewhere, and when all that it was made from has gone."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from esrlab.cli.main import call
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError, UserError
from esrlab.models.generator_files import save_generator
from esrlab.recipes import kept_files
from esrlab.recipes.presets import find_recipe
from esrlab.recipes.recipe import Recipe
from esrlab.training.loop import train
from esrlab.training.state import start_run
from tiny import tiny

CPU = torch.device("cpu")
LOSS = "def loss(sr, hr):\n    return (sr - hr).abs().mean()\n"
OWN = """
base = "bases/own.json"
steps = 2
generator.init = "first.safetensors"
terms.own.weight = 2.0
terms.own.loss.kind = "custom"
terms.own.loss.file = "losses/mine.py"
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A recipe file with a base, a loss of its own and a generator to start from, each by a relative path."""
    place = tmp_path / "made"
    (place / "bases").mkdir(parents=True)
    (place / "losses").mkdir()
    (place / "losses" / "mine.py").write_text(LOSS)
    base = tiny("psnr", optimiser__schedule="constant")
    (place / "bases" / "own.json").write_text(base.model_dump_json())
    save_generator(start_run(base, seed=9, device=CPU).generator, place / "first.safetensors", about={})
    (place / "recipe.toml").write_text(OWN)
    return place / "recipe.toml"


def own(made: Path) -> Recipe:
    return find_recipe(str(made))


def test_paths_in_a_recipe_file_are_found_from_its_place(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name in ((tmp_path, "made/recipe.toml"), (made.parent / "losses", "../recipe.toml")):
        monkeypatch.chdir(folder)
        recipe = find_recipe(name)
        assert Path(recipe.generator.init).resolve() == made.parent / "first.safetensors"
        assert start_run(recipe, seed=0, device=CPU).origins["own"].startswith("mine.py, sha256")


@pytest.mark.slow
def test_a_run_repeats_itself_elsewhere_when_its_sources_have_gone(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(["train", str(made), "--seed", "3", "--out", str(tmp_path / "run"), "--quiet"]) == 0
    shutil.rmtree(made.parent)
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(tmp_path / "run", moved)
    shutil.rmtree(tmp_path / "run")
    monkeypatch.chdir(moved.parent)
    assert call(["train", "moved/recipe.json", "--out", "again", "--quiet"]) == 0
    assert Path("again/generator.safetensors").read_bytes() == (moved / "generator.safetensors").read_bytes()
    first, again = (json.loads((path / "recipe.json").read_text()) for path in (moved, Path("again")))
    assert again == first, "with the seed, and with files named as they lie in its own folder"
    assert first["recipe"]["generator"]["init"].startswith("sources/")
    assert call(["train", "moved/recipe.json", "--out", "moved", "--quiet"]) == 0, "it is the same run"


def test_a_run_whose_files_lie_elsewhere_now_is_the_same_run(
    made: Path, tmp_path: Path, samples: Photos
) -> None:
    out = tmp_path / "run"
    train(own(made), samples, seed=0, device=CPU, out=out)
    made.parent.rename(tmp_path / "renamed")
    recipe = own(tmp_path / "renamed" / "recipe.toml")
    more = recipe.model_copy(update={"steps": 3})
    assert train(more, samples, seed=0, device=CPU, out=out).generator.exists()
    assert json.loads((out / "recipe.json").read_text())["recipe"]["steps"] == 3
    (tmp_path / "renamed" / "losses" / "mine.py").write_text(LOSS.replace("abs()", "square()"))
    with pytest.raises(UsageError, match=r"origins\.own"):
        train(more.model_copy(update={"steps": 4}), samples, seed=0, device=CPU, out=out)


@pytest.mark.parametrize("largest", [10**9, 10], ids=["copied", "digest alone"])
def test_a_finished_run_is_not_passed_off_as_one_of_a_changed_loss(
    made: Path, tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr(kept_files, "LARGEST_KEPT", largest)
    out, loss = tmp_path / "run", made.parent / "losses" / "mine.py"
    train(own(made), samples, seed=0, device=CPU, out=out)
    assert train(own(made), samples, seed=0, device=CPU, out=out).generator.exists()
    loss.write_text(LOSS.replace("abs()", "square()"))
    with pytest.raises(UsageError, match=r"finished run of another .*mine\.py: the file has changed"):
        train(own(made), samples, seed=0, device=CPU, out=out)
    loss.unlink()
    assert train(own(made), samples, seed=0, device=CPU, out=out).generator.exists()


def test_a_file_that_is_too_large_is_known_by_its_digest(
    made: Path, tmp_path: Path, samples: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_files, "LARGEST_KEPT", 1000)
    train(own(made), samples, seed=0, device=CPU, out=tmp_path / "run")
    kept = find_recipe(str(tmp_path / "run" / "recipe.json"))
    with pytest.raises(
        UserError,
        match=r"too large to be copied into the folder: put the file with sha256 [0-9a-f]{64} there",
    ):
        start_run(kept, seed=0, device=CPU)
    shutil.copyfile(made.parent / "first.safetensors", kept.generator.init)
    assert start_run(kept, seed=0, device=CPU).origins["init"].startswith("first.safetensors")


def test_photographs_that_are_not_here_are_asked_for(
    made: Path, tmp_path: Path, samples: Photos, capsys: pytest.CaptureFixture[str]
) -> None:
    train(own(made), samples, seed=0, device=CPU, out=tmp_path / "run")
    path = tmp_path / "run" / "recipe.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "source": "gone"}))
    assert call(["train", str(path), "--out", str(tmp_path / "again")]) != 0
    assert "--photos" in capsys.readouterr().err


def test_a_folder_of_copies_alone_is_no_beginning(made: Path, tmp_path: Path, samples: Photos) -> None:
    out = tmp_path / "run"
    kept_files.keep_file(made, out / "sources")
    assert train(own(made), samples, seed=0, device=CPU, out=out).generator.exists()
