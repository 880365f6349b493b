"""A run's log: one JSON object a line, opened to go on, cut back to a step."""

import json
import os
import re
from collections import deque
from pathlib import Path
from typing import Any, TextIO

from esrlab.core.files import restore_nan
from esrlab.errors import UserError

_STEP = re.compile(rb'\{"step": (\d+)[,}]')


def open_log(path: Path) -> TextIO:
    """The log, to append to; raises UserError where it cannot be written."""
    try:
        return path.open("a", encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def truncate_log(path: Path, step: int, *, tail: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Cuts the log after the line of `step`; returns the last `tail` lines kept, and those dropped.

    What follows a line cut by a crash is dropped as well.
    """
    kept: deque[bytes] = deque(maxlen=tail)
    dropped: list[bytes] = []
    offset = 0
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                found = _STEP.match(line)
                if found is None or not line.endswith(b"\n"):
                    break
                if int(found[1]) <= step:
                    kept.append(line)
                    offset += len(line)
                else:
                    dropped.append(line)
        os.truncate(path, offset)
    try:
        return [restore_nan(json.loads(line)) for line in kept], [json.loads(line) for line in dropped]
    except ValueError as error:
        raise UserError(f"{path} has a line that is no JSON ({error}); mend or remove that line") from error
