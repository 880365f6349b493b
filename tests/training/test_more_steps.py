"""A run that is asked for more steps: it goes on and ends as one that had them from its beginning."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from esrlab.core.files import read_json_lines
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError, UserError
from esrlab.recipes.overrides import with_fields
from esrlab.training.loop import train
from esrlab.training.run_folder import RunFolder, read_outcome
from tiny import tiny

CPU = torch.device("cpu")


def train_to(steps: int, out: Path, photos: Photos, *, schedule: str = "constant") -> RunFolder:
    recipe = with_fields(tiny("psnr"), {"steps": steps, "optimiser.schedule": schedule})
    return train(recipe, photos, seed=0, device=CPU, out=out)


def test_a_finished_run_goes_on_to_the_same_end(tmp_path: Path, samples: Photos) -> None:
    whole = train_to(5, tmp_path / "whole", samples)
    first = train_to(2, tmp_path / "run", samples)
    run = train_to(5, tmp_path / "run", samples)
    for name, weight in load_file(whole.generator).items():
        assert torch.equal(weight, load_file(run.generator)[name])
    assert [row["step"] for row in read_json_lines(run.log)] == [1, 2, 3, 4, 5]
    assert json.loads(first.recipe.read_text())["recipe"]["steps"] == 5
    outcome = read_outcome(run)
    assert outcome is not None
    assert (outcome.step, outcome.asked) == (5, 5)


def test_fewer_steps_and_other_schedules_say_why_not(tmp_path: Path, samples: Photos) -> None:
    train_to(2, tmp_path / "run", samples)
    with pytest.raises(UsageError, match="can be raised, not lowered"):
        train_to(1, tmp_path / "run", samples)
    train_to(2, tmp_path / "cosine", samples, schedule="cosine")
    with pytest.raises(UsageError, match="with cosine the steps taken had learning rates planned for 2"):
        train_to(3, tmp_path / "cosine", samples, schedule="cosine")


def test_a_finished_run_without_checkpoints_keeps_its_generator(tmp_path: Path, samples: Photos) -> None:
    run = train_to(1, tmp_path / "run", samples)
    for path in run.checkpoints.iterdir():
        path.unlink()
    with pytest.raises(UserError, match="no checkpoint to resume from"):
        train_to(2, tmp_path / "run", samples)
    assert run.generator.exists()
    assert len(read_json_lines(run.log)) == 1


def test_a_run_cut_before_its_first_checkpoint_may_have_more_steps(tmp_path: Path, samples: Photos) -> None:
    run = train_to(2, tmp_path / "run", samples)
    run.generator.unlink()
    for path in run.checkpoints.iterdir():
        path.unlink()
    assert len(read_json_lines(train_to(3, tmp_path / "run", samples).log)) == 3
