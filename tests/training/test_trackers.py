"""What was logged is read back; a run that goes on keeps one curve; nothing else is disturbed."""

import logging
import math
import random
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from esrlab.errors import UsageError, UserError
from esrlab.training.trackers.kinds import TRACKERS
from esrlab.training.trackers.rows import NOT_FINITE, flatten, flatten_config
from esrlab.training.trackers.trackers import open_trackers

CONFIG: dict[str, Any] = {"recipe": {"steps": 3, "terms": {"content": {"weight": 1.0}}}, "limit": None}


def make_row(step: int, value: float = 0.5) -> dict[str, Any]:
    return {
        "step": step,
        "loss/content": value,
        "pull/content": {"norm": 1.0, "share": 0.8},
        "validation/LPIPS≈": 0.3,
    }


def log_steps(folder: Path, steps: range, *, said: list[str] | None = None, value: float = 0.5) -> None:
    say = (said if said is not None else []).append
    with open_trackers(
        ["tensorboard"], folder=folder, project="esrlab", run_name="one", config=CONFIG, say=say
    ) as trackers:
        for step in steps:
            trackers.log(step, make_row(step, value))


def read_back(folder: Path) -> Any:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulators.EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    return found.Reload()


def test_rows_become_flat_and_keep_finite_numbers_only() -> None:
    row = make_row(3) | {"critic/gap": math.inf, "image/psnr": math.nan, "note": "text", "flag": True}
    assert flatten(row) == {
        "loss/content": 0.5,
        "pull/content/norm": 1.0,
        "pull/content/share": 0.8,
        "validation/LPIPS-student": 0.3,
        NOT_FINITE: 2,
    }
    assert NOT_FINITE not in flatten(make_row(3))
    assert flatten_config(CONFIG) == {
        "recipe.steps": 3,
        "recipe.terms.content.weight": 1.0,
        "limit": "None",
    }


def test_curves_pictures_and_the_configuration_are_read_back_from_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    picture = np.zeros((8, 12, 3), dtype=np.uint8)
    with open_trackers(
        ["tensorboard", "tensorboard"], folder=tmp_path, project="esrlab", run_name="one", config=CONFIG
    ) as trackers:
        for step in (1, 2, 3):
            trackers.log(step, make_row(step, value=step / 8))
        trackers.log(4, make_row(4, value=math.nan))
        trackers.picture(4, "sheet", picture)
    found = read_back(tmp_path)
    curve = [(event.step, event.value) for event in found.Scalars("loss/content")]
    assert curve == [(1, 0.125), (2, 0.25), (3, 0.375)]
    assert [event.step for event in found.Scalars(NOT_FINITE)] == [4]
    assert [event.value for event in found.Scalars("pull/content/share")] == pytest.approx([0.8] * 4)
    assert (found.Images("sheet")[0].width, found.Images("sheet")[0].height) == (12, 8)
    assert b'"weight": 1.0' in found.Tensors("configuration/text_summary")[0].tensor_proto.string_val[0]


def test_a_run_that_goes_on_keeps_one_curve(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    said: list[str] = []
    log_steps(tmp_path, range(1, 8), said=said, value=0.25)
    log_steps(tmp_path, range(5, 10), said=said, value=0.75)
    curve = [(event.step, event.value) for event in read_back(tmp_path).Scalars("loss/content")]
    assert curve == [(step, 0.25 if step < 5 else 0.75) for step in range(1, 10)]
    assert said[0] == f"tensorboard: tensorboard --logdir {tmp_path / 'tensorboard'}"
    assert "resuming at step 5" in said[1]


def test_a_run_that_went_back_overwrites_its_curve(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    with open_trackers(
        ["tensorboard"], folder=tmp_path, project="esrlab", run_name="one", config=CONFIG
    ) as trackers:
        for value, steps in ((0.25, range(1, 8)), (0.75, range(5, 7))):
            for step in steps:
                trackers.log(step, make_row(step, value))
    curve = [(event.step, event.value) for event in read_back(tmp_path).Scalars("loss/content")]
    assert curve == [(step, 0.25 if step < 5 else 0.75) for step in range(1, 7)]


def test_nothing_else_is_disturbed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("accelerate")

    def state() -> tuple[object, ...]:
        return (
            torch.get_rng_state().tolist(),
            random.getstate(),
            np.random.get_state()[1].tolist(),  # type: ignore[index,union-attr]
            torch.get_num_threads(),
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
            logging.getLogger().level,
            list(logging.getLogger().handlers),
        )

    before = state()
    log_steps(tmp_path, range(1, 4))
    assert state() == before
    assert capsys.readouterr() == ("", "")


def test_without_names_nothing_is_imported_or_written(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from esrlab.training.trackers.trackers import open_trackers as start\n"
        f"with start((), folder=Path({str(tmp_path)!r}), project='', run_name='', config={{}}) as t:\n"
        "    t.log(1, {'loss/a': 1.0}); t.picture(1, 'sheet', Path('absent.png'))\n"
        "sys.exit('accelerate' in sys.modules or 'tensorboard' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_before_the_first_step_and_all_is_closed_after_an_error(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")

    def train() -> None:
        with open_trackers(
            ["tensorboard"], folder=tmp_path, project="esrlab", run_name="one", config=CONFIG
        ) as trackers:
            assert not list(tmp_path.iterdir())
            trackers.log(1, make_row(1))
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        train()
    assert len(read_back(tmp_path).Scalars("loss/content")) == 1


def test_unknown_names_and_missing_packages_have_their_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str, error: type[Exception], words: str) -> None:
        with (
            pytest.raises(error, match=words),
            open_trackers([name], folder=tmp_path, project="p", run_name="r", config={}),
        ):
            pass

    refused("tensorbord", UsageError, "did you mean tensorboard")
    refused("comet-ml", UsageError, "did you mean comet_ml")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "wandb" else name)
    refused("wandb", UserError, "pip install wandb")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    refused("tensorboard", UserError, r"pip install 'esrlab\[trackers\]'")


def test_the_names_are_those_that_accelerate_knows() -> None:
    tracking = pytest.importorskip("accelerate.tracking")
    assert set(TRACKERS) == set(tracking.LOGGER_TYPE_TO_CLASS)


def test_a_tracker_that_fails_on_the_way_does_not_stop_the_training(tmp_path: Path) -> None:
    tracking = pytest.importorskip("accelerate.tracking")
    said: list[str] = []

    class Failing(tracking.TensorBoardTracker):
        def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
            if step == 2:
                raise ConnectionError("the line is dead")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "tensorboard", Failing)
        log_steps(tmp_path, range(1, 5), said=said)
    assert said[1:] == ["tensorboard failed and gets no more data: the line is dead"]


def test_a_tracker_that_cannot_start_is_named(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    (tmp_path / "tensorboard").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(UserError, match="tensorboard cannot start"):
        log_steps(tmp_path, range(1, 2))
    (tmp_path / "trackers.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"trackers\.json: not valid JSON .*; repair or remove it"):
        log_steps(tmp_path, range(1, 2))


def test_other_trackers_are_given_the_identity_that_the_folder_remembers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = pytest.importorskip("accelerate.tracking")
    began: list[dict[str, Any]] = []
    told: list[tuple[str, Any]] = []

    class Recording(tracking.GeneralTracker):
        name = "wandb"
        requires_logging_directory = False

        def __init__(self, project: str, **settings: Any) -> None:
            began.append({"project": project} | settings)

        @property
        def tracker(self) -> Any:
            return SimpleNamespace(id="abc")

        def store_init_configuration(self, values: dict[str, Any]) -> None:
            told.append(("configuration", values))

        def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
            told.append(("step", step))

        def log_images(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
            told.append(("pictures", list(values)))

        def finish(self) -> None:
            told.append(("finished", None))

    monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "wandb", Recording)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    for step in (1, 2):
        with open_trackers(
            ["wandb"], folder=tmp_path, project="esrlab", run_name="one", config=CONFIG
        ) as trackers:
            trackers.log(step, make_row(step))
            trackers.picture(step, "sheet", np.zeros((8, 8, 3), dtype=np.uint8))
    new = {"project": "esrlab", "name": "one", "dir": str(tmp_path), "settings": {"console": "off"}}
    assert began == [new, new | {"id": "abc", "resume": "allow"}]
    assert [what for what, _ in told] == (
        ["configuration", "step", "pictures", "finished", "step", "pictures", "finished"]
    )
