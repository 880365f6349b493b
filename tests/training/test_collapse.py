"""Collapse is named, on logs of real runs (data/collapse/README.md) and live; healthy runs hear nothing."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.cli.outcomes import say_outcome
from esrlab.core.files import read_json_lines
from esrlab.data.photos.collection import Photos
from esrlab.training.callbacks import Callbacks
from esrlab.training.collapse import RECENT, WINDOW, Sign, best_lead, find_signs
from esrlab.training.loop import LOOK_EVERY, Saving, train
from esrlab.training.run_folder import RunFolder, RunOutcome, read_outcome
from tiny import tiny

CPU = torch.device("cpu")
LOGS = sorted((Path(__file__).parent / "collapse_logs").glob("*.jsonl.gz"))
EXPECTED: dict[str, set[str]] = {
    "alone-esrgan": {"wild pictures"},
    "alone-hinge": {"fallen pictures", "wild pictures"},
    "dead-critic": {"absent adversary"},
    "demo-nolog-x4": {"absent adversary", "saturated game"},
    "heavy-esrgan-fast": set(),
    "heavy-esrgan": set(),
    "heavy-lsgan-fast": set(),
    "heavy-lsgan": set(),
    "heavy-vanilla-fast": set(),
    "heavy-vanilla": set(),
    "heavy-wgan-gp": set(),
    "nolog-share": {"saturated game"},
    "nolog-x4": {"saturated game"},
    "rate-100-psnr": {"wild pictures"},
    "rate-100-random": {"absent adversary", "wild pictures"},
    "rate-100": {"absent adversary", "fallen pictures", "wild pictures"},
    "rate-rising": {"absent adversary", "fallen pictures", "wild pictures"},
    "raw-x4": {"runaway critic"},
    "raw": set(),
    "strong-critic": set(),
    "unclipped-x4": {"fallen pictures", "runaway critic"},
    "unclipped": set(),
}
"""By the run: the signs that it raises; none where it stood what was done to it."""


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def replay(rows: list[dict[str, Any]], *, every: int = 1) -> list[tuple[int, tuple[Sign, ...]]]:
    """What is found after each look, as a run with a look every so many steps finds it."""
    best: float | None = None
    found: list[tuple[int, tuple[Sign, ...]]] = []
    for end in range(1, len(rows) + 1):
        if end % every == 0 or end == len(rows):
            window = rows[max(0, end - WINDOW) : end]
            best = best_lead(window, best)
            found.append((end, find_signs(window, best=best)))
    return found


def name(path: Path) -> str:
    return path.name.removesuffix(".jsonl.gz")


@pytest.mark.parametrize("path", [path for path in LOGS if path.name.startswith("healthy")], ids=name)
def test_a_healthy_run_is_silent_at_every_step(path: Path) -> None:
    alarms = [(step, sign) for step, signs in replay(read(path)) for sign in signs if sign.is_collapse]
    assert alarms == []


@pytest.mark.parametrize("path", [path for path in LOGS if path.name.startswith("fails")], ids=name)
def test_a_run_made_to_fail_is_named_by_what_befell_it(path: Path) -> None:
    looks = replay(read(path), every=LOOK_EVERY)
    raised = {sign.name for _, signs in looks for sign in signs}
    assert raised == EXPECTED[name(path).removeprefix("fails-")]
    standing = looks[-1][1]
    assert any(sign.is_collapse for sign in standing) == bool(raised - {"absent adversary"})
    assert all(sign.name in sign.words for sign in standing)


def test_every_run_made_to_fail_is_here() -> None:
    assert {name(path).removeprefix("fails-") for path in LOGS if path.name.startswith("fails")} == set(
        EXPECTED
    )


def row(step: int, **values: Any) -> dict[str, Any]:
    usual = {"learning_rate": 1e-4, "image/psnr": 28.0, "image/bicubic": 28.0, "image/spread": 1.0}
    return {"step": step, **usual, **values}


def names(rows: list[dict[str, Any]]) -> set[str]:
    return {sign.name for _, signs in replay(rows, every=LOOK_EVERY) for sign in signs}


def test_few_lines_and_lines_that_say_nothing_are_no_signs() -> None:
    spoilt = {"image/psnr": 5.0, "image/spread": 100.0}
    assert names([row(1), *(row(step, **spoilt) for step in range(2, RECENT))]) == set()
    assert names([row(1), *(row(step, **spoilt) for step in range(2, RECENT + 1))]) == {"wild pictures"}
    assert names([{"step": step, "loss/pixel": 0.1} for step in range(1, 300)]) == set()


def test_flat_fallen_and_stuck_pictures_are_told_apart() -> None:
    good = [row(step) for step in range(1, 60)]
    for spread, sign in ((0.1, "flat pictures"), (0.9, "fallen pictures"), (9.0, "wild pictures")):
        bad = [row(step, **{"image/psnr": 12.0, "image/spread": spread}) for step in range(60, 130)]
        assert names(good + bad) == {sign}
    poor = {"image/psnr": 12.0, "image/spread": 0.4}
    low = [row(step, **poor) for step in range(1, 1300)]
    looks = replay(low, every=LOOK_EVERY)
    assert names(low) == {"stuck pictures"}
    assert min(step for step, signs in looks if signs) == 1010
    rising = [row(step, **{**poor, "image/psnr": 12 + step / 200}) for step in range(1, 1300)]
    assert names(rising) == set()
    warming = [row(step, **poor, learning_rate=step * 1e-7) for step in range(1, 1300)]
    assert names(warming) == set(), "the learning rate is still on its first rise"


def test_a_fall_slower_than_the_window_is_seen_too() -> None:
    slow = [row(step, **{"image/psnr": 29.0 - step / 400}) for step in range(1, 4000)]
    assert names(slow) == {"fallen pictures"}


def test_a_warning_is_no_collapse() -> None:
    rows = read(next(path for path in LOGS if "dead-critic" in path.name))
    signs = replay(rows)[-1][1]
    assert [(sign.name, sign.is_collapse) for sign in signs] == [("absent adversary", False)]


def test_a_weight_that_lifts_nothing_is_a_warning() -> None:
    pull = {"norm": 1.0, "share": 0.1, "cosine": 0.0}
    usual = {"critic/gap": 0.1}
    for weight, expected in ((5e-3, set[str]()), (6e7, {"adversary without a gradient"})):
        rows = [
            row(step, **usual, **{"pull/adversarial": {**pull, "weight": weight}}) for step in range(1, 60)
        ]
        found = [sign for _, signs in replay(rows, every=LOOK_EVERY) for sign in signs]
        assert {sign.name for sign in found} == expected
        assert not any(sign.is_collapse for sign in found)


SPOILT = tiny("psnr", steps=50, generator__init="interpolation", optimiser__learning_rate=0.02)


class Cut(Exception):
    """Stands for whatever ends a process."""


def test_a_run_that_collapses_says_so_and_so_does_one_cut_in_between(
    tmp_path: Path, samples: Photos, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    saving = Saving(every=15)
    whole = train(
        SPOILT,
        samples,
        seed=0,
        device=CPU,
        out=tmp_path / "whole",
        saving=saving,
        watcher=Callbacks(on_message=said.append),
    )
    outcome = read_outcome(whole)
    assert outcome is not None
    assert outcome.outcome == "collapsed"
    assert outcome.alarms == {"fallen pictures": 30}
    assert "dB below bicubic" in outcome.signs["fallen pictures"]
    assert len(said) == 1
    assert said[0].startswith("sign of collapse at step 30: fallen pictures: ")
    assert say_outcome(outcome, SPOILT) == 0, "a result, not a failure"
    assert "this run collapsed: fallen pictures" in capsys.readouterr().err

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 38:
            raise Cut

    with pytest.raises(Cut):
        train(
            SPOILT,
            samples,
            seed=0,
            device=CPU,
            out=tmp_path / "cut",
            saving=saving,
            watcher=Callbacks(on_step=cut),
        )
    gone_on = train(SPOILT, samples, seed=0, device=CPU, out=tmp_path / "cut", saving=saving)
    assert gone_on.outcome.read_bytes() == whole.outcome.read_bytes()
    for path in (gone_on.outcome, gone_on.generator):
        path.unlink()  # as if it was killed after its last checkpoint
    ended = train(SPOILT, samples, seed=0, device=CPU, out=tmp_path / "cut", saving=saving)
    assert ended.outcome.read_bytes() == whole.outcome.read_bytes()


def test_an_outcome_of_before_there_were_warnings_is_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    old = {"outcome": "finished", "step": 3, "asked": 3, "signs": {}, "alarms": {}, "rollbacks": []}
    folder.outcome.write_text(json.dumps(old))
    assert read_outcome(folder) == RunOutcome("finished", 3, 3, {}, {}, [])


def test_the_log_holds_what_the_signs_are_read_from(tmp_path: Path, samples: Photos) -> None:
    folder = train(tiny("esrgan-vgg"), samples, seed=0, device=CPU, out=tmp_path / "run")
    needed = {"step", "learning_rate", "image/psnr", "image/bicubic", "image/spread", "critic/gap"}
    assert all(needed <= row.keys() for row in read_json_lines(folder.log))
