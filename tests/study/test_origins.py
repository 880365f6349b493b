"""A study's rows are of one recipe each, and nothing is written where it is not the study's to write."""

from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.core.scores import read_scores
from esrlab.data.image_files import write_image
from esrlab.data.photos.benchmark import open_benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError, UserError
from esrlab.models.generator_files import save_generator
from esrlab.study.runner import run_study
from esrlab.study.spec import PlannedRun, parse_study, plan_runs
from esrlab.training.folder_lock import sole_use
from esrlab.training.state import start_run
from listener import FIELDS, Listener

CPU = torch.device("cpu")
LOSS = "def loss(sr, hr):\n    return (sr - hr).abs().mean()\n"


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    """One recipe, ×2, one seed."""
    _, chelsea = next(open_benchmark("samples", name="samples").images())
    write_image(chelsea[..., 80:120, 120:160], tmp_path / "HR" / "eye.png")
    return {
        "name": "small",
        "benchmarks": {"cats": str(tmp_path / "HR")},
        "scales": [2],
        "seeds": [0],
        "fields": {**FIELDS, "steps": 2},
        "recipes": {"psnr": {}},
    }


def carry_out(asked: dict[str, Any], out: Path, samples: Photos, listener: Listener | None = None) -> None:
    run_study(parse_study(asked), out=out, device=CPU, photos=samples, watcher=listener or Listener())


class Patient(Listener):
    """Lets runs fail."""

    def run_failed(self, run: PlannedRun, reason: str) -> None:
        pass


def test_a_study_whose_custom_loss_failed_at_once_goes_on_with_the_mended_one(
    asked: dict[str, Any], samples: Photos, tmp_path: Path
) -> None:
    file, out, listener = tmp_path / "own.py", tmp_path / "study", Patient()
    file.write_text("def loss(sr, hr):\n    return sr - heights\n")
    (tmp_path / "own.toml").write_text(
        f'terms = [{{name = "own", weight = 1, loss = {{kind = "custom", file = "{file.as_posix()}"}}}}]\n'
    )
    asked["recipes"] = {"own": {"base": str(tmp_path / "own.toml")}}
    carry_out(asked, out, samples, listener)
    assert (out / "runs" / "own-x2-s0" / "failed.txt").exists()
    file.write_text(LOSS)
    carry_out(asked, out, samples, listener)
    assert listener.began == ["own-x2-s0", "own-x2-s0"]
    assert {row.recipe for row in read_scores(out / "scores.jsonl")} == {"bicubic", "own"}


def test_a_custom_loss_that_changed_is_no_further_seed(
    asked: dict[str, Any], samples: Photos, tmp_path: Path
) -> None:
    file, out = tmp_path / "own.py", tmp_path / "study"
    file.write_text(LOSS)
    (tmp_path / "own.toml").write_text(
        f'terms = [{{name = "own", weight = 1, loss = {{kind = "custom", file = "{file.as_posix()}"}}}}]\n'
    )
    asked["recipes"] = {"own": {"base": str(tmp_path / "own.toml")}}
    carry_out(asked, out, samples)
    file.write_text(LOSS.replace("abs()", "square()"))
    before = sorted(out.rglob("*"))
    with pytest.raises(UsageError, match=r"own-x2-s0: origins\.own: 'own\.py, sha256"):
        carry_out({**asked, "seeds": [0, 1]}, out, samples)
    assert sorted(out.rglob("*")) == before, "nothing was begun"
    file.write_text(LOSS)
    carry_out({**asked, "seeds": [0, 1]}, out, samples)
    assert (out / "runs" / "own-x2-s1" / "scores.jsonl").exists()


def test_a_generator_to_start_from_that_changed_is_no_further_seed(
    asked: dict[str, Any], samples: Photos, tmp_path: Path
) -> None:
    recipe = plan_runs(parse_study(asked))[0].recipe
    file, out = tmp_path / "first.safetensors", tmp_path / "study"
    save_generator(start_run(recipe, seed=5, device=CPU).generator, file, about={})
    asked["fields"] |= {"generator.init": str(file)}
    carry_out(asked, out, samples)
    save_generator(start_run(recipe, seed=6, device=CPU).generator, file, about={})
    with pytest.raises(UsageError, match=r"psnr-x2-s0: origins\.init: 'first\.safetensors"):
        carry_out({**asked, "seeds": [0, 1]}, out, samples)
    file.unlink()
    carry_out(asked, out, samples)  # what is finished needs it no more


@pytest.mark.parametrize("name", ["lr", "HR", "bicubic", "Bicubic", "psnr-cascade", "psnr-Cascade"])
def test_names_of_a_studys_own_images_are_kept_free(asked: dict[str, Any], name: str) -> None:
    with pytest.raises(UsageError, match=f"cannot be called '{name}'"):
        parse_study({**asked, "recipes": {name: {"base": "psnr"}}})


def test_names_that_share_a_folder_are_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="one folder"):
        parse_study({**asked, "recipes": {"psnr": {}, "PSNR": {"base": "psnr"}}})


@pytest.mark.parametrize(
    "changed", [{"seeds": [True]}, {"scales": [True]}, {"seeds": [1.0]}, {"scales": [2.0]}]
)
def test_seeds_and_scales_are_whole_numbers(asked: dict[str, Any], changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(changed))):
        parse_study({**asked, **changed})


def test_a_study_in_use_is_not_written_to(asked: dict[str, Any], samples: Photos, tmp_path: Path) -> None:
    out = tmp_path / "study"
    carry_out(asked, out, samples)
    before = (out / "study.toml").read_bytes(), (out / "manifest.json").read_bytes()
    lock = sole_use(out)
    with lock, pytest.raises(UserError, match="in use"):
        carry_out({**asked, "seeds": [0, 1]}, out, samples)
    assert ((out / "study.toml").read_bytes(), (out / "manifest.json").read_bytes()) == before


class Mover(Listener):
    """Takes the study's folder away at a run's first step, or as its scoring begins."""

    def __init__(self, out: Path, *, when: str) -> None:
        super().__init__()
        self.out, self.when = out, when

    def on_step(self, run: PlannedRun, step: int, row: dict[str, Any]) -> None:
        if self.when == "training" and step == 1:
            self.out.rename(self.out.with_name("moved"))

    def evaluating(self, name: str, scale: int, image: int, images: int) -> None:
        if self.when == name:
            self.out.rename(self.out.with_name("moved"))


@pytest.mark.parametrize("when", ["training", "bicubic", "psnr"])
def test_a_folder_that_was_removed_is_not_made_anew(
    asked: dict[str, Any], samples: Photos, tmp_path: Path, when: str
) -> None:
    out = tmp_path / "study"
    with pytest.raises(UserError, match="removed or moved"):
        carry_out({**asked, "seeds": [0, 1]}, out, samples, Mover(out, when=when))
    assert not out.exists()


def test_a_study_is_scored_as_it_was_trained(asked: dict[str, Any], samples: Photos, tmp_path: Path) -> None:
    values: dict[str, dict[str, list[float]]] = {}
    for convention in ("matlab", "matlab-8bit"):
        asked["fields"] |= {"patches.convention": convention, "steps": 1}
        out = tmp_path / convention
        carry_out(asked, out, samples)
        rows = read_scores(out / "scores.jsonl")
        values[convention] = {
            name: [row.value for row in rows if row.recipe == name] for name in ("bicubic", "psnr")
        }
        labels = {row.label for row in rows}
        assert all("[LR: matlab-8bit]" in label for label in labels) == (convention != "matlab")
    assert values["matlab"]["bicubic"] != values["matlab-8bit"]["bicubic"]
