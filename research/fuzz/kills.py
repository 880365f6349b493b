"""Commands ended at random moments in processes of their own; repeated, they end as if undisturbed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from .base import STUDY, tiny_training
from .cases import CLEAN, HANG, LOST, MESSAGE_LIMIT, RESULT, TRACEBACK, UNCLEAR, Judged, dice_for
from .compare import differences
from .pictures import photograph

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": tiny_training("psnr", out="out", photos="photos", steps=60),
    "study": ("study", "study.toml", "--out", "out", "--device", "cpu"),
    "evaluate": ("evaluate", "bicubic", "--benchmark", "B=bench", "--scale", "2", "--out", "out"),
    "data pack": ("data", "pack", "photos"),
    "report": ("report", "study", "--out", "out"),
}
LIMIT, STOPPED = 120, 130


def prepare_kills(place: Path) -> None:
    """Every command's whole run, which those that are ended are compared with."""
    for name in COMMANDS:
        whole = place / f"whole-{name}"
        _lay_out(whole, name)
        (whole / "took").write_text(f"{_run(name, whole)[0]}", encoding="utf-8")


def run_kill(number: int, *, seed: int, place: Path) -> Judged:
    """One command of the five, in turn: begun, ended by a signal, repeated, compared with its whole run."""
    dice, name = dice_for(seed, "kills", number), tuple(COMMANDS)[number % len(COMMANDS)]
    whole, cut = place / f"whole-{name}", place / f"cut-{number}"
    _lay_out(cut, name, study=whole / "study")
    sent, began = dice.choice(SIGNALS), time.monotonic()
    wait = float((whole / "took").read_text(encoding="utf-8")) * dice.uniform(0.2, 1.0)
    about = f"{sent.name} after {wait:.1f} s → {name}"
    _, code, said = _run(name, cut, sent=sent, wait=wait)
    verdict, why = judge_end(sent, code, said)
    if code is not None:
        _, again, said = _run(name, cut)
        if again != 0:
            verdict, why = LOST, f"repeated, it ended with {again}: {said[-160:]}"
        elif differing := differences(whole, cut):
            verdict, why = LOST, f"differs: {', '.join(differing[:4])}"
    return Judged("kills", number, about, COMMANDS[name], verdict, why, time.monotonic() - began, 0)


def judge_end(sent: signal.Signals, code: int | None, said: str) -> tuple[str, str]:
    """How the command took the signal: it had ended, was killed, or stopped with 130 and a short message."""
    if code is None:
        return HANG, f"went on for {LIMIT} s"
    if "Traceback" in said:
        return TRACEBACK, said.strip().splitlines()[-1][:160]
    if code == 0 or (sent is signal.SIGKILL and code == -signal.SIGKILL):
        return (RESULT if code == 0 else CLEAN), ""
    if code != STOPPED:
        return UNCLEAR, f"{sent.name}: exit code {code}, not {STOPPED}"
    if not said.strip() or len(said) > MESSAGE_LIMIT:
        return UNCLEAR, f"{sent.name}: a message of {len(said)} characters"
    return CLEAN, ""


def _lay_out(folder: Path, name: str, *, study: Path | None = None) -> None:
    """Photographs, and for a report the study that it is about; the same in every folder."""
    for kind, count in (("photos", 24 if name == "data pack" else 3), ("bench", 2)):
        (folder / kind).mkdir(parents=True)
        for index in range(count):
            photograph(300 if name == "data pack" else 44, 40, phase=index).save(
                folder / kind / f"p{index}.png"
            )
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    if name == "report" and study is not None:
        shutil.copytree(study, folder / "study")
    elif name == "report":
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
