"""Nothing is lost: real processes, killed for real; disks that fill; folders that vanish; two at once."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from esrlab.core.files import read_json_lines
from esrlab.data.photos.collection import Photos
from esrlab.errors import UserError
from esrlab.training.callbacks import Callbacks
from esrlab.training.folder_lock import sole_use
from esrlab.training.loop import Saving, train
from esrlab.training.run_folder import RunFolder
from tiny import tiny

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")
SMALL = (
    "--scale 2 --steps 60 --device cpu --weights untrained --checkpoint-every 7 --seed 3 --quiet "
    "--generator.blocks 1 --generator.features 8 --generator.growth 4 --generator.ema-decay 0.9 "
    "--patches.batch 2 --patches.lr-size 16 --adversarial.critic.features 2 --adversarial.share 0.2 "
    "--terms.content.loss.layers conv1_2 --adversarial.critic.updates 2"
)


def start(out: Path, *more: str, before: Callable[[], None] | None = None) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "esrlab", "train", "wgan-vgg", *SMALL.split(), "--out", str(out), *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=before,  # noqa: PLW1509 (no threads run yet)
    )


def finish(out: Path, *more: str, before: Callable[[], None] | None = None) -> tuple[int, str]:
    process = start(out, *more, before=before)
    _, said = process.communicate(timeout=120)
    return process.returncode, said.decode()


def timeless(path: Path) -> list[dict[str, Any]]:
    clock = ("seconds", "images_per_second", "memory_gib")
    return [{key: value for key, value in row.items() if key not in clock} for row in read_json_lines(path)]


def wait_for_step(out: Path, process: "subprocess.Popen[bytes]", *, step: int) -> None:
    deadline = time.monotonic() + 100
    needle = f'{{"step": {step},'.encode()
    while process.poll() is None and time.monotonic() < deadline:
        if (out / "log.jsonl").exists() and needle in (out / "log.jsonl").read_bytes():
            return
        time.sleep(0.005)


def same_states(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold the same numbers, tensor by tensor."""
    first, second = (torch.load(path, weights_only=True) for path in (one, other))

    def equal(a: Any, b: Any) -> bool:
        if isinstance(a, torch.Tensor):
            return torch.equal(a, b)
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
        if isinstance(a, list):
            return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
        return a == b

    return equal(first, second)


def test_killed_at_random_moments_it_ends_as_if_it_never_was(tmp_path: Path) -> None:
    code, said = finish(tmp_path / "whole")
    assert code == 0, said
    dice, kills = random.Random(5), 0
    for _ in range(30):
        process = start(tmp_path / "cut")
        goal = (
            len(timeless(tmp_path / "cut" / "log.jsonl")) if (tmp_path / "cut" / "log.jsonl").exists() else 0
        )
        if kills < 4:
            wait_for_step(tmp_path / "cut", process, step=min(58, goal + dice.randint(2, 14)))
            time.sleep(dice.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        process.communicate(timeout=120)
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert kills >= 3, "it was killed in the middle of things"
    cut, whole = RunFolder(tmp_path / "cut"), RunFolder(tmp_path / "whole")
    assert cut.generator.read_bytes() == whole.generator.read_bytes()
    assert cut.outcome.read_bytes() == whole.outcome.read_bytes()
    assert timeless(cut.log) == timeless(whole.log)
    last = "step-00000060.pt"
    assert same_states(cut.checkpoints / last, whole.checkpoints / last)
    leftovers = [path.name for path in cut.checkpoints.iterdir() if path.name.startswith(".")]
    assert leftovers == [], "half-written files of killed processes are cleared away"


class Cut(Exception):
    """Stands for whatever ends a process."""


def cut_at(step: int) -> Callbacks:
    def stepped(now: int, row: dict[str, Any]) -> None:
        if now == step:
            raise Cut

    return Callbacks(on_step=stepped)


def test_the_last_checkpoints_are_kept_and_a_damaged_one_is_passed_over(
    tmp_path: Path, samples: Photos
) -> None:
    recipe, out = tiny("esrgan-vgg", steps=9), tmp_path / "run"
    saving = Saving(every=1, keep=3)
    with pytest.raises(Cut):
        train(recipe, samples, seed=0, device=CPU, out=out, saving=saving, watcher=cut_at(5))
    folder = RunFolder(out)
    names = sorted(path.name for path in folder.checkpoints.iterdir())
    assert names == ["step-00000003.pt", "step-00000004.pt", "step-00000005.pt"]
    truncated, flipped = (folder.checkpoints / name for name in (names[2], names[1]))
    truncated.write_bytes(truncated.read_bytes()[:-900])
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 0xFF
    flipped.write_bytes(data)
    said: list[str] = []
    seen: list[int] = []
    watcher = Callbacks(on_step=lambda step, row: seen.append(step), on_message=said.append)
    train(recipe, samples, seed=0, device=CPU, out=out, saving=saving, watcher=watcher)
    assert seen[0] == 4, "goes on from the checkpoint at step 3"
    assert len(said) == 2
    assert "step-00000005.pt cannot be used" in said[0]
    assert "resuming from step 3" in said[0]
    whole = train(recipe, samples, seed=0, device=CPU, out=tmp_path / "whole", saving=saving)
    assert folder.generator.read_bytes() == whole.generator.read_bytes()


def test_without_one_readable_checkpoint_nothing_is_begun_anew(tmp_path: Path, samples: Photos) -> None:
    recipe, out = tiny("psnr", steps=9), tmp_path / "run"
    with pytest.raises(Cut):
        train(recipe, samples, seed=0, device=CPU, out=out, saving=Saving(every=1), watcher=cut_at(4))
    for path in RunFolder(out).checkpoints.iterdir():
        path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match=r"no checkpoint in .* can be used"):
        train(recipe, samples, seed=0, device=CPU, out=out)


def test_a_clock_saves_too_but_rollbacks_do_not_hang_on_it(tmp_path: Path, samples: Photos) -> None:
    out = tmp_path / "run"
    with pytest.raises(Cut):
        train(
            tiny("psnr", steps=9),
            samples,
            seed=0,
            device=CPU,
            out=out,
            saving=Saving(every=4, minutes=0),
            watcher=cut_at(7),
        )
    names = sorted(path.name for path in RunFolder(out).checkpoints.iterdir())
    assert names == ["step-00000004.pt", "stop-00000007.pt"]


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = start(out, "--steps", "100000")
    wait_for_step(out, first, step=3)
    code, said = finish(out, "--steps", "100000")
    assert code == 1
    assert f"in use by process {first.pid} on " in said
    first.kill()
    first.communicate()
    with sole_use(out):
        pass


def test_a_removed_folder_is_named_and_not_made_anew(tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(out, "--steps", "100000")
    wait_for_step(out, process, step=8)
    shutil.rmtree(out)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"was removed or emptied" in said
    assert b"Traceback" not in said
    assert not out.exists()


@pytest.mark.parametrize("what", ["log", "checkpoint"])
def test_a_full_disk_is_named_and_what_was_saved_stays(tmp_path: Path, what: str) -> None:
    out = tmp_path / "run"
    process = start(out)
    wait_for_step(out, process, step=9)
    process.kill()
    process.communicate()
    kept = {path: path.read_bytes() for path in (out / "checkpoints").glob("step-*.pt")}
    room = (out / "log.jsonl").stat().st_size if what == "log" else max(map(len, kept.values())) - 100

    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    code, said = finish(out, before=no_room)
    assert code == 1
    assert f"cannot write {out}/{what}" in said
    assert "Traceback" not in said
    for path, content in kept.items():
        assert path.read_bytes() == content


def test_a_folder_that_cannot_be_written_to_is_named() -> None:
    closed = Path("/sys/esrlab-run")
    if not closed.parent.is_dir():
        pytest.skip("no folder here that even root cannot write to")
    code, said = finish(closed)
    assert code == 1
    assert "choose another folder with --out" in said
    assert "Traceback" not in said
