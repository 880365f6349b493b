"""Commands ended at random moments in processes of their own; repeated, they end as if undisturbed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from .base import STUDY, tiny_training
from .cases import CLEAN, HANG, LOST, RESULT, TRACEBACK, Judged, dice_for, is_half_written
from .pictures import photograph

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": tiny_training("psnr", out="out", photos="photos", steps=60),
    "study": ("study", "study.toml", "--out", "out", "--device", "cpu"),
    "evaluate": ("evaluate", "bicubic", "--benchmark", "B=bench", "--scale", "2", "--out", "out"),
    "data pack": ("data", "pack", "photos"),
    "report": ("report", "study", "--out", "out"),
}
CLOCK = ("seconds", "images_per_second", "memory_gib")
LIMIT = 120


def run_kill(number: int, *, seed: int, place: Path) -> Judged:
    """One command of the five, in turn: begun, ended by a signal, repeated, compared with its whole run."""
    dice, name = dice_for(seed, "kills", number), tuple(COMMANDS)[number % len(COMMANDS)]
    whole, cut = place / f"whole-{name}", place / f"cut-{number}"
    if not whole.exists():
        _lay_out(whole, name)
        (whole / "took").write_text(f"{_run(name, whole)[0]}", encoding="utf-8")
    _lay_out(cut, name)
    sent, began = dice.choice(SIGNALS), time.monotonic()
    wait = float((whole / "took").read_text(encoding="utf-8")) * dice.uniform(0.2, 1.0)
    about = f"{sent.name} after {wait:.1f} s → {name}"
    _, code, said = _run(name, cut, sent=sent, wait=wait)
    verdict, why = RESULT if code == 0 else CLEAN, ""
    if code is None:
        verdict, why = HANG, f"went on for {LIMIT} s"
    elif "Traceback" in said:
        verdict, why = TRACEBACK, said.strip().splitlines()[-1][:160]
    else:
        _, again, said = _run(name, cut)
        if again != 0:
            verdict, why = LOST, f"repeated, it ended with {again}: {said[-160:]}"
        elif differing := _differences(whole, cut):
            verdict, why = LOST, f"differs: {', '.join(differing[:4])}"
    return Judged("kills", number, about, COMMANDS[name], verdict, why, time.monotonic() - began, 0)


def _lay_out(folder: Path, name: str) -> None:
    """Photographs, and for a report the study that it is about; the same in every folder."""
    for kind, count in (("photos", 24 if name == "data pack" else 3), ("bench", 2)):
        (folder / kind).mkdir(parents=True)
        for index in range(count):
            photograph(300 if name == "data pack" else 44, 40, phase=index).save(
                folder / kind / f"p{index}.png"
            )
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    if name == "report":
        _run("study", folder, arguments=("study", "study.toml", "--out", "study", "--device", "cpu"))


def _run(
    name: str,
    folder: Path,
    *,
    arguments: tuple[str, ...] | None = None,
    sent: signal.Signals | None = None,
    wait: float = 0.0,
) -> tuple[float, int | None, str]:
    """Seconds, exit code (None where it would not end) and what it said on stderr."""
    own = {"OMP_NUM_THREADS": "1", "ESRLAB_CACHE": str(folder / "cache"), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "esrlab", *(arguments or COMMANDS[name])]
    began = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        if sent is not None:
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.send_signal(sent)
        try:
            _, said = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            return time.monotonic() - began, None, ""
    return time.monotonic() - began, process.returncode, said.decode(errors="replace")


def _differences(whole: Path, cut: Path) -> list[str]:
    """Files that are not what the whole run left, are missing, or are left half-written."""
    one, other = _contents(whole), _contents(cut)
    left = [path.name for path in cut.rglob("*") if path.is_file() and is_half_written(path)]
    return [name for name in sorted(one | other) if one.get(name) != other.get(name)] + left


def _as_text(state: Any) -> str:
    """A checkpoint's numbers in words that are equal where they are, which its bytes need not be."""
    if isinstance(state, torch.Tensor):
        return f"{state.dtype}{tuple(state.shape)}{state.contiguous().flatten().tolist()}"
    if isinstance(state, dict):
        return "{" + ",".join(f"{key!r}:{_as_text(value)}" for key, value in state.items()) + "}"
    if isinstance(state, list | tuple):
        return "[" + ",".join(map(_as_text, state)) + "]"
    return repr(state)


def _contents(folder: Path) -> dict[str, str]:
    """Digests of what a command left, without what the clock, a lock or a random name wrote."""
    found: dict[str, str] = {}
    for path in sorted((folder / "out").rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or path.name.startswith(".") or path.name.startswith("stop-"):
            continue
        data = path.read_bytes()
        if path.name == "report.html":  # it tells how long steps took
            continue
        if path.suffix == ".pt":
            data = _as_text(torch.load(path, weights_only=True)).encode()
        elif path.name == "log.jsonl":
            rows = [json.loads(line) for line in data.decode().split("\n") if line]
            data = json.dumps([{k: v for k, v in row.items() if k not in CLOCK} for row in rows]).encode()
        found[name] = hashlib.sha256(data.replace(str(folder).encode(), b"")).hexdigest()
    for path in (folder / "cache").rglob("pixels-*.bin"):
        found["cache"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
