"""Commands ended at chosen moments; repeated, they end as if they had never been disturbed.

The process that is ended is a real `python -m esrlab`; the same command is then repeated in a fork of a
process that has the package loaded. A case may be ended twice before it is let go on.
"""

import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .base import STUDY
from .cases import (
    CLEAN,
    GOOD,
    HANG,
    LOST,
    MESSAGE_LIMIT,
    RESULT,
    TRACEBACK,
    UNCLEAR,
    Judged,
    dice_for,
    is_half_written,
)
from .compare import differences
from .moments import LIMIT, Course, FileEvents, Moment, follow, wait_for
from .pictures import photograph
from .sandbox import run_command

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
TRAINING = (
    "train wgan-vgg --weights untrained --scale 2 --steps 24 --photos photos --out out --seed 3 --quiet "
    "--device cpu --checkpoint-every 4 --keep 3 --generator.blocks 1 --generator.features 8 "
    "--generator.growth 4 --generator.ema-decay 0.9 --patches.batch 2 --patches.lr-size 16 "
    "--adversarial.critic.features 2 --adversarial.share 0.2 --terms.content.loss.layers conv1_2"
)
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": tuple(TRAINING.split()),
    "study": ("study", "study.toml", "--out", "out", "--device", "cpu"),
    "evaluate": ("evaluate", "bicubic", "--benchmark", "B=bench", "--scale", "2", "--out", "out"),
    "data pack": ("data", "pack", "photos"),
    "report": ("report", "study", "--out", "out"),
}
STOPPED = 130


@dataclass(frozen=True)
class Plan:
    """What a case does, which its seed and number decide alone."""

    name: str
    kills: tuple[tuple[signal.Signals, Moment], ...]

    def __str__(self) -> str:
        told = ", then ".join(f"{sent.name} at {moment}" for sent, moment in self.kills)
        return f"{told} → {self.name}"


def plan_case(number: int, *, seed: int) -> Plan:
    """One of the five commands, in turn; ended once or twice."""
    dice = dice_for(seed, "kills", number)
    kills = [_draw_kill(dice) for _ in range(dice.choice((1, 1, 2)))]
    return Plan(tuple(COMMANDS)[number % len(COMMANDS)], tuple(kills))


def _draw_kill(dice: random.Random) -> tuple[signal.Signals, Moment]:
    return dice.choice(SIGNALS), Moment(dice.random() < 0.5, dice.random())


_call: Callable[[Sequence[str]], int] | None = None


def prepare_kills() -> None:
    """Loads the package; called once in every worker process."""
    global _call  # noqa: PLW0603 (a process pool's initialiser has no other place)
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    # A shell's background job ignores Ctrl-C, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from esrlab.cli.main import call

    for name in ("train", "study", "evaluate", "data", "report"):
        importlib.import_module(f"esrlab.cli.commands.{name}")
    _call = call


def run_undisturbed(place: Path) -> None:
    """Every command once, with its course: what the ended ones are compared with."""
    for name, arguments in COMMANDS.items():
        folder = _whole(place, name)
        _lay_out(folder, name, place)
        with FileEvents(folder) as events, (folder.parent / "said").open("w+b") as said:
            process = _start(name, folder, said=said.fileno())
            course = follow(process, events=events)
        if process.poll() != 0:
            process.kill()
            words = (folder.parent / "said").read_text(encoding="utf-8", errors="replace")
            raise SystemExit(f"undisturbed, esrlab {' '.join(arguments)} failed:\n{words}")
        (folder.parent / "course.json").write_text(json.dumps(asdict(course)), encoding="utf-8")


def run_kill(number: int, *, seed: int, place: Path, keep: Path | None = None) -> Judged:
    """One command: begun, ended, repeated, compared with its undisturbed run; `keep` gets what failed."""
    assert _call is not None
    plan, began = plan_case(number, seed=seed), time.monotonic()
    folder, output = place / f"kills-{number}" / "case", place / f"kills-{number}" / "output"
    _lay_out(folder, plan.name, place)
    output.mkdir()
    verdict, why, peak, fell = CLEAN, "", 0, list[str]()
    for index, (sent, moment) in enumerate(plan.kills):
        if verdict is CLEAN:
            code, said = _end(plan.name, folder, sent=sent, moment=moment, place=place)
            (output / f"ended-{index}").write_text(said, encoding="utf-8")
            verdict, why = judge_end(sent, code, said)
            fell.append(_where(folder, code))
    if verdict != HANG:
        arguments, sentinel = COMMANDS[plan.name], place / "sentinel"
        ended = run_command(_call, arguments, folder=folder, output=output, sentinel=sentinel)
        peak = ended.peak
        if ended.code != 0:
            verdict, why = LOST, f"repeated, it ended with {ended.code}: {ended.said.strip()[-160:]}"
        elif differing := differences(_whole(place, plan.name), folder):
            verdict, why = LOST, f"differs: {', '.join(differing[:4])}"
    if keep is not None and verdict not in GOOD:
        shutil.copytree(folder.parent, keep / folder.parent.name, dirs_exist_ok=True)
    seconds = time.monotonic() - began
    return Judged("kills", number, str(plan), COMMANDS[plan.name], verdict, why, seconds, peak, tuple(fell))


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
    lines = said.strip().splitlines()
    if not lines or not lines[-1].startswith("esrlab ") or len(said) > MESSAGE_LIMIT:
        return UNCLEAR, f"{sent.name}: a message of {len(said)} characters, {lines[-1:]}"
    return CLEAN, ""


def _where(folder: Path, code: int | None) -> str:
    """Where a signal fell, by what it left."""
    if code == 0:
        return "after the end"
    if code == STOPPED:
        return "stopped with 130"
    if any(is_half_written(path) for path in folder.rglob("*")):
        return "while a file was being written"
    has_begun = (folder / "out").exists() or (folder / "cache").exists()
    return "between files" if has_begun else "before the first file"


def _whole(place: Path, name: str) -> Path:
    return place / f"whole-{name.replace(' ', '-')}" / "case"


def _lay_out(folder: Path, name: str, place: Path) -> None:
    """Photographs, and for a report the study that it is about; the same in every folder."""
    is_pack = name == "data pack"
    for kind, count in (("photos", 24 if is_pack else 3), ("bench", 2)):
        (folder / kind).mkdir(parents=True)
        for index in range(count):
            photograph(300 if is_pack else 44, 40, phase=index).save(folder / kind / f"p{index}.png")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    if name == "report":
        shutil.copytree(_whole(place, "study") / "out", folder / "study")


def _start(name: str, folder: Path, *, said: int) -> "subprocess.Popen[bytes]":
    own = {"ESRLAB_CACHE": str(folder / "cache"), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "esrlab", *COMMANDS[name]]
    return subprocess.Popen(command, cwd=folder, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=said)


def _end(
    name: str, folder: Path, *, sent: signal.Signals, moment: Moment, place: Path
) -> tuple[int | None, str]:
    """Exit code (None where it would not end) and what it said on stderr."""
    course = Course(**json.loads((_whole(place, name).parent / "course.json").read_text(encoding="utf-8")))
    path = folder.parent / "said"
    with FileEvents(folder) as events, path.open("wb") as said:
        process = _start(name, folder, said=said.fileno())
        wait_for(moment, process, events=events, course=course)
        process.send_signal(sent)  # of a process that has ended, it does nothing
        try:
            code = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
    return code, path.read_text(encoding="utf-8", errors="replace")
