"""A run's log: one JSON object a line, opened to append, truncated to a step."""

import json
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from esrlab.core.files import replacing, restore_nan
from esrlab.errors import UserError


def open_log(path: Path) -> TextIO:
    """The log, to append to; raises UserError where it cannot be written."""
    try:
        return path.open("a", encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def truncate_log(
    path: Path, step: int, *, tail: int, warn: Callable[[str], None]
) -> tuple[list[dict[str, Any]], int]:
    """Cuts the log after the line of `step`; returns the last `tail` lines kept, and how many are kept.

    A last line that a crash cut goes without a word. Where other lines are damaged, the file as it was is
    kept aside, the valid lines stay, and `warn` is called with how many are lost.
    """
    if not path.exists():
        return [], 0
    last: deque[bytes] = deque(maxlen=tail)
    count = length = damaged = 0
    for line, lost in _lines_up_to(path, step):
        damaged += lost
        if line:
            last.append(line)
            count += 1
            length += len(line)
    if damaged:
        aside = _keep_aside(path)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.writelines(line for line, _ in _lines_up_to(aside, step))
        warn(
            f"{path} had {damaged} damaged line{'s' * (damaged != 1)}, left out; "
            f"the file as it was is kept as {aside.name}"
        )
    else:
        os.truncate(path, length)
    return [restore_nan(json.loads(line)) for line in last], count


def _lines_up_to(path: Path, step: int) -> Iterator[tuple[bytes, int]]:
    """The valid lines of steps up to `step`, each with how many damaged ones are before it.

    Steps rise from line to line; one that does not fit those around it is damaged too. An empty line ends
    them where damaged ones come last.
    """
    before, held, lost = 0, (0, b""), 0  # a line is held until the next one shows whether it fits
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            now = _step_of(line)
            if now is not None and now > held[0]:
                if 0 < held[0] <= step:
                    yield held[1], lost
                    before, lost = held[0], 0
                if before >= step:
                    return
                held = (now, line)
                continue
            lost += 1
            if now is not None and now > before:
                held = (now, line)
    if 0 < held[0] <= step:
        yield held[1], lost
        before, lost = held[0], 0
    if lost and before < step:
        yield b"", lost


def _step_of(line: bytes) -> int | None:
    """The step of a line; None where it is damaged."""
    try:
        row = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    step = row.get("step") if isinstance(row, dict) else None
    return step if type(step) is int and step > 0 else None


def _keep_aside(path: Path) -> Path:
    """Copies a damaged log beside it, under a name that is free."""
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
        number += 1
    with replacing(aside) as temporary:
        shutil.copyfile(path, temporary)
    return aside
