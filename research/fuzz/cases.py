"""What a case is, what becomes of it, and how it is judged."""

import fnmatch
import hashlib
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RESULT, CLEAN = "result", "clean error"
TRACEBACK, HANG, MEMORY, LOST, LET_IN, UNCLEAR = (
    "traceback",
    "hang",
    "memory",
    "lost",
    "let in",
    "unclear",
)
GOOD = (RESULT, CLEAN)
BAD = (TRACEBACK, HANG, MEMORY, LOST, LET_IN, UNCLEAR)
"""Verdicts: the two good ones, and what must not be.

traceback: an exception's text, or a process that a signal ended; hang: 30 s of processor time or 120 s by
the clock; memory: more than 2 GB resident; lost: a file that was there has changed or gone, something
half-written is left, or an undamaged neighbour was not worked on; let in: a process was started, or a file
outside the case's folder opened, because a file asked for it; unclear: an error without a message or with
a long one, Python's or a library's own words, a warning, raw control characters.
"""

MEMORY_LIMIT = 2 * 10**9
MESSAGE_LIMIT = 1500
_HALF_WRITTEN = re.compile(r"\..+\.[a-z0-9_]{8}(\.[a-z0-9]+)?$")
_FOREIGN = re.compile(
    r"\w+Warning: |weights_only|errors\.pydantic|inputs are not permitted|object at 0x|"
    r"^[A-Z]\w+Error\(|site-packages",
    re.MULTILINE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")


@dataclass(frozen=True)
class Ended:
    """How a command ended. code: None where it was stopped, negative for a signal; peak: bytes resident."""

    code: int | None
    stdout: str
    stderr: str
    seconds: float
    peak: int
    let_in: tuple[str, ...]

    @property
    def said(self) -> str:
        """Everything it printed."""
        return f"{self.stdout}\n{self.stderr}"


Fault = tuple[str, str] | None
"""A bad verdict and why, or None."""


def nothing_more(folder: Path, ended: Ended) -> Fault:
    """The check of a case that has none of its own."""
    return None


@dataclass(frozen=True)
class Case:
    """A command in a prepared folder. `check` tells what is wrong with what the command left.

    may_change: patterns of paths below the folder that the command may write; all other files stay as
    they are. is_narrow: the terminal knows ASCII alone.
    """

    about: str
    arguments: tuple[str, ...]
    may_change: tuple[str, ...] = ()
    check: Callable[[Path, Ended], Fault] = nothing_more
    is_narrow: bool = False


@dataclass(frozen=True)
class Judged:
    """A case's verdict, and why."""

    part: str
    number: int
    about: str
    arguments: tuple[str, ...]
    verdict: str
    why: str
    seconds: float
    peak: int
    notes: tuple[str, ...] = ()
    """Of a kill: where its signals fell."""


def dice_for(seed: int, part: str, number: int) -> random.Random:
    """The case's own random numbers: they depend on nothing else."""
    return random.Random(f"{seed}/{part}/{number}")


def snapshot(folder: Path, may_change: tuple[str, ...]) -> dict[str, str]:
    """Every file below the folder that must stay, with its digest."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(fnmatch.fnmatch(name, pattern) for pattern in may_change):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def judge(case: Case, ended: Ended, folder: Path, before: dict[str, str]) -> tuple[str, str]:  # noqa: PLR0911
    """The verdict, and why: the worst first."""
    if ended.code is None:
        return (MEMORY, "stopped") if ended.peak > MEMORY_LIMIT else (HANG, f"after {ended.seconds:.0f} s")
    if ended.peak > MEMORY_LIMIT:
        return MEMORY, f"{ended.peak / 1e9:.1f} GB"
    if ended.let_in:
        return LET_IN, "; ".join(sorted(set(ended.let_in))[:3])
    if ended.code < 0:
        return TRACEBACK, f"ended by signal {-ended.code}"
    if "Traceback (most recent call last)" in ended.said:
        return TRACEBACK, _last_frames(ended.said)
    if lost := _lost(folder, case, before):
        return LOST, lost
    if fault := case.check(folder, ended):
        return fault
    if unclear := _unclear(ended):
        return UNCLEAR, unclear
    return (RESULT if ended.code == 0 else CLEAN), ""


def _last_frames(text: str) -> str:
    """The exception, and where in the package it came from."""
    frames = re.findall(r'File "[^"]*?/(esrlab/[^"]*|[^"/]+/[^"/]+)", line (\d+), in (\S+)', text)
    lines = [line for line in text.splitlines() if re.match(r"[A-Za-z_.]+(:|$)", line)]
    own = [frame for frame in frames if frame[0].startswith("esrlab/")]
    place = "{}:{} {}".format(*own[-1]) if own else "?"
    return f"{lines[-1][:160] if lines else '?'} @ {place}"


def _lost(folder: Path, case: Case, before: dict[str, str]) -> str:
    after = snapshot(folder, case.may_change)
    for name, digest in before.items():
        if after.get(name) != digest:
            return f"{name} has {'changed' if name in after else 'gone'}"
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name not in before and path.is_file() and is_half_written(path):
            return f"{name} is left"
    return ""


def is_half_written(path: Path) -> bool:
    """A temporary file's name, or packed pixels that no index tells of."""
    if _HALF_WRITTEN.match(path.name):
        return True
    if not (path.name.startswith("pixels-") and path.suffix == ".bin"):
        return False
    index = path.with_name("index.json")
    return not index.is_file() or json.loads(index.read_text(encoding="utf-8"))["pixels"] != path.name


def _unclear(ended: Ended) -> str:  # noqa: PLR0911
    if found := _FOREIGN.search(ended.said):
        line = next(line for line in ended.said.splitlines() if found[0] in line)
        return f"foreign words: {line.strip()[:200]}"
    if control := _CONTROL.search(ended.said):
        return f"prints control character {control[0]!r}"
    if ended.code == 0:
        return ""
    if ended.code not in (1, 2):
        return f"exit code {ended.code}"
    begin = max(ended.stderr.rfind("\nesrlab "), ended.stderr.find("esrlab ") - 1)
    message = ended.stderr[begin + 1 :].strip()
    if not message:
        return "an error without a message"
    if len(message) > MESSAGE_LIMIT:
        return f"a message of {len(message)} characters: {message[:120]}"
    return ""
