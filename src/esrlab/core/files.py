"""Writing so that a crash leaves the old file or the new one, never half of either."""

import hashlib
import json
import math
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from esrlab.core.text_files import OBJECT, read_json_rows
from esrlab.errors import UserError

_MACHINE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_TEMPORARY = re.compile(r"\.tmp-([0-9a-f]{8})-([0-9]{1,18})-[a-z0-9_]{8}(?:\..*)?", re.DOTALL)
"""Names of `replacing`'s temporary files: the machine and the process that write there."""


@contextmanager
def replacing(path: Path, *, failures: tuple[type[Exception], ...] = ()) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it when the block ends well, removed when it does not.

    `failures`: how the library that writes says that it could not, beside OSError. Raises UserError when
    the folder cannot be written to or the disk is full; what was there before is then still there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".tmp-{_MACHINE}-{os.getpid()}-"
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=path.suffix, dir=path.parent)
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
        _sync_folder(path.parent)
    except (OSError, *failures) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if path.parent.exists():
            reason += f" ({shutil.disk_usage(path.parent).free / 2**20:,.0f} MiB are free there)"
        raise UserError(f"cannot write {path}: {reason}") from error
    finally:
        temporary.unlink(missing_ok=True)


def find_inside(root: Path, *names: str) -> Path | None:
    """The file of these names below `root`; None where there is none, or where it is anywhere else.

    For names that come from outside: an absolute one, `..` and links lead nowhere but into the folder.
    """
    if any(".." in re.split(r"[/\\]", name) for name in names):
        return None
    path = root.joinpath(*names)
    try:
        return path if path.is_file() and path.resolve().is_relative_to(root.resolve()) else None
    except (OSError, ValueError):  # a name that is too long, or has a zero byte, is no file's
        return None


def is_leftover(path: Path) -> bool:
    """Whether a file is named as `replacing` names what it writes."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_leftovers(folder: Path, *, shared: bool = False) -> int:
    """Removes what `replacing` left half-written in a folder, and below it, when its process was killed.

    `shared`: other processes may be writing there, so that only files of this machine's processes that have
    ended go; else all go, and the caller holds the folder for itself. Returns the bytes freed.
    """
    freed = 0
    for path in folder.rglob(".tmp-*"):
        if is_leftover(path) and not (shared and _may_be_written(path)):
            with suppress(OSError):  # gone in the meantime, or another user's: it is in nobody's way
                size = path.stat().st_size
                path.unlink()
                freed += size
    return freed


def _may_be_written(path: Path) -> bool:
    found = _TEMPORARY.fullmatch(path.name)
    if found is None or found[1] != _MACHINE or os.name != "posix":
        return True  # nothing is known of its process
    try:
        os.kill(int(found[2]), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Makes a file's new name survive a power cut; Windows has no such call, and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def printable(name: str) -> str:
    """A file's name as Unicode text, which can be written anywhere: bytes that are no UTF-8 become \\udc.."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Valid JSON; an infinite value (the PSNR of equal images) is 1e999, which parsers read as infinity.

    One that is no number is null; `restore_nan` brings it back.
    """
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:  # a number that JSON has no word for, which is rare
        encoder = json.JSONEncoder(indent=indent, ensure_ascii=False)
        text = "".join(map(_as_json_number, encoder.iterencode(value)))
    # Bytes of a file name that is no UTF-8 are half surrogates in Python: JSON has an escape for them.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _as_json_number(piece: str) -> str:
    """A piece of the encoder's output; a string's ends with its quote, so that names are never touched."""
    for word, ours in (("Infinity", "1e999"), ("NaN", "null")):
        if piece.endswith(word):
            return piece.removesuffix(word) + ours
    return piece


def restore_nan(value: Any) -> Any:
    """Numbers as they were before they were written: nan where null stands, in tables and lists too."""
    if isinstance(value, dict):
        return {key: restore_nan(each) for key, each in value.items()}
    if isinstance(value, list):
        return [restore_nan(each) for each in value]
    return math.nan if value is None else value


def write_json_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes one JSON object a line, atomically."""
    write_text(path, "".join(to_json(row) + "\n" for row in rows))


def read_json_lines(path: Path, *, growing: bool = False) -> list[dict[str, Any]]:
    """Reads one JSON object a line; raises UserError naming the line that is none.

    A `growing` file is one that a process appends to: its last line may be cut, and is then left out.
    """
    return read_json_rows(path, OBJECT, growing=growing)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
