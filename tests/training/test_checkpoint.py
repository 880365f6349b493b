"""Checkpoints: whose they are, of which step, and what is not one."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.data.photos.collection import Photos
from esrlab.errors import UserError
from esrlab.training.callbacks import Callbacks
from esrlab.training.checkpoint import Checkpoints, RunHistory, load_checkpoint, save_checkpoint
from esrlab.training.loop import Saving, train
from esrlab.training.run_folder import RunFolder, run_identity
from esrlab.training.state import TrainState, start_run
from tiny import tiny

CPU = torch.device("cpu")
RECIPE = tiny("psnr", steps=9)


class Cut(Exception):
    """Stands for whatever ends a process."""


def begin(out: Path, photos: Photos, *, seed: int = 0, until: int = 4) -> RunFolder:
    """A run that was cut, with the checkpoints of its last three steps."""

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == until:
            raise Cut

    with pytest.raises(Cut):
        train(RECIPE, photos, seed=seed, device=CPU, out=out, saving=Saving(every=1), watcher=Callbacks(cut))
    return RunFolder(out)


def go_on(folder: RunFolder, photos: Photos) -> tuple[int, list[str]]:
    """The first step that is taken, and what is said before."""
    seen: list[int] = []
    said: list[str] = []
    watcher = Callbacks(on_step=lambda step, row: seen.append(step), on_message=said.append)
    train(RECIPE, photos, seed=0, device=CPU, out=folder.path, saving=Saving(every=1), watcher=watcher)
    return seen[0], said


def rewrite(path: Path, **changes: object) -> None:
    torch.save(torch.load(path, weights_only=True) | changes, path)


def make_foreign(folder: RunFolder, photos: Photos) -> None:
    other = begin(folder.path.parent / "other", photos, seed=1, until=5)
    shutil.copy(other.checkpoints / "step-00000005.pt", folder.checkpoints)


def make_renamed(folder: RunFolder, photos: Photos) -> None:
    shutil.copy(folder.checkpoints / "step-00000003.pt", folder.checkpoints / "step-00000009.pt")


def make_far(folder: RunFolder, photos: Photos) -> None:
    path = folder.checkpoints / "step-1000000000.pt"
    shutil.copy(folder.checkpoints / "step-00000004.pt", path)
    rewrite(path, step=10**9)


def make_negative(folder: RunFolder, photos: Photos) -> None:
    path = folder.checkpoints / "step-00000005.pt"
    shutil.copy(folder.checkpoints / "step-00000004.pt", path)
    rewrite(path, step=-5)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (make_foreign, "step-00000005.pt cannot be used (it is another run's: seed: 1 there, 0 asked)"),
        (make_renamed, "step-00000009.pt cannot be used (it holds step 3, but its name is of another step)"),
        (make_far, "step-1000000000.pt cannot be used (its step 1000000000 is not one of the run's 9 steps)"),
        (make_negative, "step-00000005.pt cannot be used (its step -5 is not one of the run's 9 steps)"),
    ],
)
def test_what_is_not_this_runs_checkpoint_is_passed_over_and_said(
    tmp_path: Path, samples: Photos, make: Callable[[RunFolder, Photos], None], reason: str
) -> None:
    folder = begin(tmp_path / "run", samples)
    make(folder, samples)
    first, said = go_on(folder, samples)
    assert first == 5
    assert len(said) == 1
    assert reason in said[0]
    assert said[0].endswith("resuming from step 4 instead")
    names = sorted(path.name for path in folder.checkpoints.iterdir())
    assert names == [f"step-{step:08d}.pt" for step in (7, 8, 9)]


def test_a_file_with_another_name_is_no_checkpoint(tmp_path: Path, samples: Photos) -> None:
    folder = begin(tmp_path / "run", samples)
    for name in ("step-².pt", "step-000000².pt", "step--0000001.pt", "step-00000008.pt.txt"):
        shutil.copy(folder.checkpoints / "step-00000004.pt", folder.checkpoints / name)
    assert go_on(folder, samples) == (5, [])
    assert (folder.checkpoints / "step-².pt").exists()


def fresh() -> TrainState:
    return start_run(RECIPE, seed=0, device=CPU)


def test_one_damaged_byte_anywhere_in_the_table_of_contents_raises_no_other_error(tmp_path: Path) -> None:
    path = tmp_path / "step-00000000.pt"
    save_checkpoint(fresh(), RunHistory(alarms={}, best=None), path, identity={})
    whole = path.read_bytes()
    entry = whole.rindex(b"PK\x01\x02")
    run = fresh()
    for place in range(entry, entry + 46):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        with suppress(UserError):  # the date, say, decides nothing
            load_checkpoint(run, path, identity={})


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, samples: Photos) -> None:
    folder = begin(tmp_path / "run", samples)
    path = folder.checkpoints / "step-00000004.pt"
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 10] ^= 8  # the way its last part is packed: deflated, which it is not
    path.write_bytes(data)
    first, said = go_on(folder, samples)
    assert first == 4
    assert "resuming from step 3 instead" in said[0]


def test_without_a_due_checkpoint_a_rollback_finds_none(tmp_path: Path, samples: Photos) -> None:
    folder = begin(tmp_path / "run", samples)
    for path in folder.checkpoints.iterdir():
        path.rename(path.with_name(path.name.replace("step", "stop")))
    checkpoints = Checkpoints(folder.checkpoints, 1, 3, run_identity(folder))
    assert checkpoints.load_latest(fresh, warn=pytest.fail, due_only=True) is None
    found = checkpoints.load_latest(fresh, warn=pytest.fail)
    assert found is not None
    assert found[0].step == 4


def test_settings_of_the_optimiser_are_the_recipes_and_moments_fit_its_parameters(
    tmp_path: Path, samples: Photos
) -> None:
    folder = begin(tmp_path / "run", samples)
    path = folder.checkpoints / "step-00000004.pt"
    saved = torch.load(path, weights_only=True)["optimiser"]
    saved["param_groups"][0] |= {"maximize": "yes", "lr": 1e9, "betas": [2, 2]}
    rewrite(path, optimiser=saved)
    assert go_on(folder, samples) == (5, [])

    shutil.rmtree(folder.path)
    folder = begin(tmp_path / "run", samples)
    saved["state"][0]["exp_avg"] = torch.zeros(1)
    rewrite(path, optimiser=saved)
    first, said = go_on(folder, samples)
    assert first == 4
    assert "moments of parameter 0 have another shape" in said[0]


def test_what_is_damaged_is_named_as_it_is_in_every_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "step-00000000.pt"
    run = start_run(tiny("psnr"), seed=0, device=torch.device("cpu"))
    save_checkpoint(run, RunHistory(alarms={}, best=None), path, identity={"recipe": {}})
    content = bytearray(path.read_bytes())
    content[content.index(b"generator")] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"\(data\.pkl in it does not match its checksum\)"):
        load_checkpoint(run, path, identity={"recipe": {}})
