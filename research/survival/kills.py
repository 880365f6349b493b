"""Kills a training at random moments, again and again, and holds its end against one never interrupted.

    python research/survival/kills.py --kills 50 --photos ../shared/photos/train

Each training is `esrlab train wgan-vgg` of 60 steps with a checkpoint every 10. Half of the kills (SIGKILL)
fall at any moment after the start, loading included; the other half within 60 ms of a checkpoint being due,
when it is being written. A training that reaches its end is compared, file by file, with the uninterrupted
one, and the next one begins, until all kills are spent. Exit code 1 where anything differs.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

STEPS, EVERY = 60, 10
CLOCK = ("seconds", "images_per_second", "memory_gib")


def command_for(out: Path, *, photos: str) -> list[str]:
    """The training that is killed."""
    asked = (
        f"train wgan-vgg --weights student --scale 2 --photos {photos} --steps {STEPS} "
        f"--checkpoint-every {EVERY} --seed 3 --generator.blocks 1 --generator.ema-decay 0.99 "
        "--patches.batch 2 --adversarial.share 0.1 --device cpu --quiet"
    )
    return [sys.executable, "-m", "esrlab", *asked.split(), "--out", str(out)]


def run_until(command: list[str], *, out: Path, dice: random.Random) -> str:
    """Starts the training and kills it; returns where the kill fell, or "ended" where it was faster."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    if dice.random() < 0.5:
        wait_until(process, began + dice.uniform(0, 15))
    else:
        due = EVERY * (1 + last_step(out) // EVERY)
        while process.poll() is None and last_step(out) < due:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.06))
    if process.poll() is not None:
        if process.returncode != 0:
            raise SystemExit(f"the training itself failed: exit code {process.returncode}")
        return "ended"
    process.send_signal(signal.SIGKILL)
    process.wait()
    if any(path.name.startswith(".step") for path in (out / "checkpoints").glob(".*")):
        return "while a checkpoint was being written"
    return "between steps or within one" if last_step(out) else "before the first step"


def wait_until(process: "subprocess.Popen[bytes]", moment: float) -> None:
    """Waits for the moment, or for the process to end."""
    while process.poll() is None and time.monotonic() < moment:
        time.sleep(0.005)


def last_step(out: Path) -> int:
    """The last whole line of the log tells it."""
    log = out / "log.jsonl"
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    return int(json.loads(lines[-1])["step"]) if lines else 0


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two finished trainings: files by bytes, checkpoints by tensors, logs by lines."""
    found = [
        name
        for name in ("generator.safetensors", "outcome.json")
        if (one / name).read_bytes() != (other / name).read_bytes()
    ]
    if timeless(one / "log.jsonl") != timeless(other / "log.jsonl"):
        found.append("log.jsonl")
    name = f"checkpoints/step-{STEPS:08d}.pt"
    states = [torch.load(folder / name, weights_only=True) for folder in (one, other)]
    return found if equal(*states) else [*found, name]


def timeless(log: Path) -> list[dict[str, Any]]:
    """The log without what the clock wrote."""
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in row.items() if key not in CLOCK} for row in rows]


def equal(one: Any, other: Any) -> bool:
    """Whether two states hold the same numbers."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def main() -> int:
    """Kills, restarts, compares, reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--photos", default="samples")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    dice, fell, wrong, ended = random.Random(options.seed), Counter[str](), list[str](), 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        whole, cut = Path(folder, "whole"), Path(folder, "cut")
        subprocess.run(command_for(whole, photos=options.photos), check=True, stdout=subprocess.DEVNULL)
        while True:
            spent = sum(fell.values()) >= options.kills
            command = command_for(cut, photos=options.photos)
            if spent:
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            where = "ended" if spent else run_until(command, out=cut, dice=dice)
            if where != "ended":
                fell[where] += 1
                continue
            ended += 1
            wrong += differences(whole, cut)
            shutil.rmtree(cut)
            if spent:
                break
    print(f"{sum(fell.values())} kills in {(time.monotonic() - began) / 60:.0f} min, seed {options.seed}:")
    for where, count in fell.most_common():
        print(f"  {count:3} {where}")
    print(f"{ended} trainings of {STEPS} steps reached their end;")
    print(f"different from the uninterrupted one: {', '.join(wrong) or 'nothing'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
