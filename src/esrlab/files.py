"""Writing so that a crash leaves the old file or the new one, never half of either."""

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from esrlab.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well, removed when it does not.

    Raises UserError when the folder cannot be written to or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o666 & ~_umask())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; choose another folder with --out") from error
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())  # again: some libraries put a new file in its place
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Valid JSON; an infinite value (the PSNR of equal images) is 1e999, which parsers read as infinity."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return re.sub(r'(?<!\\)": (-?)Infinity\b', r'": \g<1>1e999', text)


def write_json_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes one JSON object a line, atomically."""
    write_text(path, "".join(to_json(row) + "\n" for row in rows))


def read_json_lines(path: Path, *, growing: bool = False) -> list[dict[str, Any]]:
    """Reads one JSON object a line; raises UserError naming the line that is none.

    A `growing` file is one that a process appends to: its last line may be cut, and is then left out.
    """
    text = path.read_text(encoding="utf-8")
    if growing:
        text = text[: text.rfind("\n") + 1]
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise UserError(f"{path}, line {number}, is not JSON ({error.msg})") from error
    return rows


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
