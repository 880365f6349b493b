"""One process at a time writes in a run's or a study's folder."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from esrlab.core.files import write_text
from esrlab.errors import UserError

LOCK = ".lock"
HOLDER = ".holder"


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Holds a folder against other processes; UserError, naming who has it, where one works there already.

    The lock is the operating system's, so a killed process leaves none behind. A folder that is made here and
    in which nothing is written is removed again.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"{folder} is in use by {_read_holder(folder)}; wait for it, or choose another folder with --out"
        ) from error
    except OSError as error:
        raise UserError(
            f"cannot write in {folder}: {error.strerror}; choose another folder with --out"
        ) from error
    try:
        write_text(folder / HOLDER, f"process {os.getpid()} on {socket.gethostname()}\n")
        yield
    finally:
        with suppress(OSError):  # whose folder this was is of no more use, however the work ended
            (folder / HOLDER).unlink(missing_ok=True)
            if is_new and [path.name for path in folder.iterdir()] == [LOCK]:  # refused before anything
                (folder / LOCK).unlink()
                folder.rmdir()
        lock.release()


def _read_holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8").strip()
    except OSError:
        return "another process"
