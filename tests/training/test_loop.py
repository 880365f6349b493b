"""A run's folder: goes on where it stopped, bit for bit; refuses what is not its own."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from esrlab.core.differences import differences
from esrlab.core.files import read_json_lines, to_json
from esrlab.core.run_log import truncate_log
from esrlab.core.signals import Interrupted
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.errors import UsageError, UserError
from esrlab.models.generator_files import load_generator
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.recipe import parse_recipe
from esrlab.report.logs import read_logs
from esrlab.training.callbacks import Callbacks
from esrlab.training.loop import Saving, train
from esrlab.training.run_folder import RunFolder
from tiny import tiny

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")


def timeless(path: Path) -> list[dict[str, Any]]:
    """A log without what the clock wrote."""
    clock = ("seconds", "images_per_second", "memory_gib")
    return [{key: value for key, value in row.items() if key not in clock} for row in read_json_lines(path)]


class Cut(Exception):
    """Stands for whatever ends a process."""


def test_a_run_cut_and_gone_on_with_equals_an_uncut_one(tmp_path: Path, samples: Photos) -> None:
    recipe = tiny("esrgan-vgg", steps=7)
    whole = train(recipe, samples, seed=3, device=CPU, out=tmp_path / "whole", saving=Saving(every=2))

    def cut(step: int, row: dict[str, Any]) -> None:
        if step == 5:
            raise Cut

    with pytest.raises(Cut):
        train(
            recipe,
            samples,
            seed=3,
            device=CPU,
            out=tmp_path / "cut",
            saving=Saving(every=2),
            watcher=Callbacks(on_step=cut),
        )
    assert not RunFolder(tmp_path / "cut").generator.exists()
    seen: list[int] = []
    gone_on = train(
        recipe,
        samples,
        seed=3,
        device=CPU,
        out=tmp_path / "cut",
        saving=Saving(every=2),
        watcher=Callbacks(on_step=lambda step, row: seen.append(step)),
    )
    assert seen == [5, 6, 7], "goes on from the checkpoint at step 4"
    assert gone_on.generator.read_bytes() == whole.generator.read_bytes()
    assert timeless(gone_on.log) == timeless(whole.log)
    one, other = (
        torch.load(folder.checkpoints / "step-00000007.pt", weights_only=True) for folder in (gone_on, whole)
    )
    for part in ("generator", "critic"):
        assert all(torch.equal(one[part][key], other[part][key]) for key in one[part])


def test_a_finished_run_is_left_alone(tmp_path: Path, samples: Photos) -> None:
    recipe = tiny("psnr")
    folder = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run")
    written = folder.generator.stat().st_mtime_ns
    train(
        recipe,
        samples,
        seed=0,
        device=CPU,
        out=tmp_path / "run",
        watcher=Callbacks(on_step=lambda step, row: pytest.fail("trained")),
    )
    assert folder.generator.stat().st_mtime_ns == written


def test_the_folder_says_what_was_trained_and_how_it_went(tmp_path: Path, samples: Photos) -> None:
    folder = train(tiny("wgan-vgg-tv"), samples, seed=1, device=CPU, out=tmp_path / "run")
    about = json.loads(folder.recipe.read_text())
    assert about["recipe"]["name"] == "wgan-vgg-tv"
    assert about["photos"] == {"count": 5, "fingerprint": samples.fingerprint}
    assert about["versions"]["torch"] == torch.__version__
    rows = read_json_lines(folder.log)
    assert [row["step"] for row in rows] == [1, 2, 3]
    for term in ("content", "tv", "pixel", "adversarial"):
        assert math.isfinite(rows[0][f"loss/{term}"])
        assert rows[0][f"pull/{term}"].keys() == {"norm", "share", "cosine", "weight"}
    assert rows[0]["images_per_second"] > 0


def test_the_generator_is_written_with_the_ecosystems_keys_and_its_scale(
    tmp_path: Path, samples: Photos
) -> None:
    folder = train(tiny("psnr", scale=3), samples, seed=0, device=CPU, out=tmp_path / "run")
    keys = load_file(folder.generator).keys()
    assert {"conv_first.weight", "body.0.rdb1.conv1.weight", "conv_body.bias", "conv_up1.weight"} <= keys
    generator = load_generator(folder.generator)
    assert generator.scale == 3
    assert generator(torch.rand(1, 3, 8, 8)).shape == (1, 3, 24, 24)


@pytest.mark.parametrize(("name", "seed"), [("wgan-vgg", 0), ("psnr", 1)])
def test_a_folder_of_another_run_is_refused_with_the_difference(
    tmp_path: Path, samples: Photos, name: str, seed: int
) -> None:
    train(tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "run")
    expected = "recipe.name: 'psnr' there, 'wgan-vgg' asked" if name != "psnr" else "seed: 0 there, 1 asked"
    with pytest.raises(UsageError, match="another run") as caught:
        train(tiny(name), samples, seed=seed, device=CPU, out=tmp_path / "run")
    assert expected in str(caught.value)


def test_other_photographs_and_foreign_folders_are_refused(tmp_path: Path, samples: Photos) -> None:
    train(tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "run")
    fewer = Photos("fewer", samples.members[:3])
    with pytest.raises(UsageError, match=r"photos\.count: 5 there, 3 asked"):
        train(tiny("psnr"), fewer, seed=0, device=CPU, out=tmp_path / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        train(tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_stopped_process_saves_and_goes_on_to_the_same_end(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "esrlab",
        "train",
        "psnr",
        "--scale",
        "2",
        "--steps",
        "200",
        "--device",
        "cpu",
    ]
    command += ["--generator.blocks", "1", "--generator.features", "8", "--generator.growth", "4"]
    command += ["--patches.batch", "2", "--patches.lr-size", "16"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "cut")],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    log = tmp_path / "cut" / "log.jsonl"
    deadline = time.monotonic() + 120
    while (
        not log.exists() or (process.poll() is None and log.stat().st_size == 0)
    ) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.fail("the run ended before the signal came; give it more steps")
    assert process.returncode == 130
    assert b"run the same command again to resume" in said
    for name in ("cut", "whole"):
        subprocess.run(
            [*command, "--out", str(tmp_path / name)], env=environment, check=True, capture_output=True
        )
    cut, whole = RunFolder(tmp_path / "cut"), RunFolder(tmp_path / "whole")
    assert cut.generator.read_bytes() == whole.generator.read_bytes()
    assert timeless(cut.log) == timeless(whole.log)


def test_a_stop_in_the_last_step_is_heard(tmp_path: Path, samples: Photos) -> None:
    def stop(step: int, row: dict[str, Any]) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="last step"):
        train(
            tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "run", watcher=Callbacks(on_step=stop)
        )
    assert RunFolder(tmp_path / "run").generator.exists()


def test_a_stop_that_comes_while_the_watcher_is_told_is_saved(tmp_path: Path, samples: Photos) -> None:
    def stop(step: int, row: dict[str, Any]) -> None:
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    recipe, out = tiny("psnr", steps=5), tmp_path / "run"
    with pytest.raises(Interrupted, match="stopped after step 2 of 5; run the same command again to resume"):
        train(recipe, samples, seed=0, device=CPU, out=out, watcher=Callbacks(on_step=stop))
    assert [path.name for path in RunFolder(out).checkpoints.iterdir()] == ["stop-00000002.pt"]
    seen: list[int] = []
    watcher = Callbacks(on_step=lambda step, row: seen.append(step))
    train(recipe, samples, seed=0, device=CPU, out=out, watcher=watcher)
    assert seen == [3, 4, 5]


def test_a_custom_loss_that_changed_is_another_run(tmp_path: Path, samples: Photos) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def loss(views):\n    return (views.sr - views.hr).square().mean()\n")
    custom = {"name": "mine", "weight": 1.0, "loss": {"kind": "custom", "file": str(file)}}
    recipe = parse_recipe({**tiny("psnr").model_dump(), "terms": [custom]})
    folder = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run")
    assert "mine.py, sha256" in json.loads(folder.recipe.read_text())["origins"]["mine"]
    folder.generator.unlink()
    file.write_text(file.read_text().replace("square", "abs"))
    with pytest.raises(UsageError, match=r"origins\.mine"):
        train(recipe, samples, seed=0, device=CPU, out=tmp_path / "run")


def test_files_can_be_read_by_others(tmp_path: Path, samples: Photos) -> None:
    folder = train(tiny("psnr"), samples, seed=0, device=CPU, out=tmp_path / "run")
    assert folder.generator.stat().st_mode == folder.log.stat().st_mode


def test_differences_are_named_by_place() -> None:
    before = {"a": 1, "b": {"c": [1, 2]}, "gone": 0}
    now = {"a": 1, "b": {"c": [1, 3]}, "new": [1]}
    assert differences(before, now) == [
        "b.c.1: 2 there, 3 asked",
        "gone: 0 there, none asked",
        "new: none there, [1] asked",
    ]


def test_real_photographs_train(shared: Path, tmp_path: Path) -> None:
    photos = open_photos(str(shared / "photos" / "valid"), smallest=32)
    assert len(photos.members) == 20
    folder = train(tiny("wgan-resnet"), photos, seed=0, device=CPU, out=tmp_path / "run")
    assert len(read_json_lines(folder.log)) == 3


def test_a_game_of_weight_0_trains_as_a_recipe_without_one(tmp_path: Path, samples: Photos) -> None:
    weightless = tiny("wgan-vgg", adversarial__weight=0, adversarial__critic__updates=5)
    without = parse_recipe({**weightless.model_dump(mode="json"), "adversarial": None})
    first, second = (
        train(recipe, samples, seed=3, device=CPU, out=tmp_path / name)
        for recipe, name in ((weightless, "first"), (without, "second"))
    )
    assert timeless(first.log) == timeless(second.log)
    assert not any("critic" in key or "adversarial" in key for row in timeless(first.log) for key in row)
    weights, others = load_file(first.generator), load_file(second.generator)
    assert all(torch.equal(weights[name], others[name]) for name in others)


def test_a_value_that_is_no_number_is_null_in_the_log_and_nan_to_who_reads_it(tmp_path: Path) -> None:
    row = {
        "step": 1,
        "validation/LPIPS": math.nan,
        "pull/tv": {"share": 0.5, "cosine": math.nan},
        "critic/gap": math.inf,
    }
    new, old = to_json(row), json.dumps(row | {"step": 2})
    assert json.loads(new, parse_constant=pytest.fail) == {
        "step": 1,
        "validation/LPIPS": None,
        "pull/tv": {"share": 0.5, "cosine": None},
        "critic/gap": math.inf,
    }
    log = tmp_path / "runs" / "psnr-x2-s0" / "log.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text(f"{new}\n{old}\n")
    kept, _ = truncate_log(log, 2, tail=9, warn=pytest.fail)
    for rows in (kept, read_logs(tmp_path)[0].rows):
        assert [math.isnan(each["validation/LPIPS"]) for each in rows] == [True, True]
        assert [math.isnan(each["pull/tv"]["cosine"]) for each in rows] == [True, True]
    assert to_json({'a": NaN': 'b": NaN'}) == json.dumps({'a": NaN': 'b": NaN'})


def test_a_run_that_is_refused_before_its_first_step_leaves_no_folder(
    tmp_path: Path, samples: Photos
) -> None:
    missing = with_fields(tiny("psnr"), {"generator.init": str(tmp_path / "missing.safetensors")})
    with pytest.raises(UserError, match="missing"):
        train(missing, samples, seed=0, device=CPU, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
