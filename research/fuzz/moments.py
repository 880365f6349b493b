"""When a command is ended: after a part of its time, or as it makes, closes or renames a file."""

import ctypes
import os
import select
import signal
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

LIMIT = 120
"""Seconds after which a command that should have ended hangs."""

LOOK_EVERY = 0.02
_MADE, _MOVED_HERE, _WRITTEN, _FOLDER = 0x100, 0x80, 0x08, 0x40000000  # inotify(7)
_HEAD = struct.Struct("iIII")


@dataclass(frozen=True)
class Course:
    """An undisturbed command: seconds from when it hears signals to its end, events of its files."""

    seconds: float
    events: int


@dataclass(frozen=True)
class Moment:
    """A share, in [0, 1), of an undisturbed command's time, or of the events of its files."""

    is_write: bool
    share: float

    def __str__(self) -> str:
        return f"{self.share:.0%} of its {'writing' if self.is_write else 'time'}"


class FileEvents:
    """Counts files made, closed after writing, and renamed below a folder, as the kernel tells of them."""

    def __init__(self, folder: Path) -> None:
        self.count = 0
        self._library = ctypes.CDLL(None, use_errno=True)
        self._handle = self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._handle < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        self._folders: dict[int, Path] = {}
        self._add(folder)
        self.count = 0

    def __enter__(self) -> "FileEvents":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def wait(self, seconds: float) -> None:
        """Until something happens, `seconds` at most; counts it."""
        if not select.select([self._handle], [], [], max(0.0, seconds))[0]:
            return
        data, place = os.read(self._handle, 65536), 0
        while place < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, place)
            name = data[place + _HEAD.size : place + _HEAD.size + length].rstrip(b"\0")
            place += _HEAD.size + length
            self.count += 1
            if mask & _FOLDER and mask & (_MADE | _MOVED_HERE):
                self._add(self._folders[watch] / os.fsdecode(name))

    def _add(self, folder: Path) -> None:
        """Watches a folder and those below it; what is already there counts as made."""
        mask = _MADE | _MOVED_HERE | _WRITTEN
        watch = self._library.inotify_add_watch(self._handle, os.fsencode(folder), mask)
        if watch < 0:
            return  # it has gone again
        self._folders[watch] = folder
        for path in folder.iterdir() if folder.is_dir() else ():
            self.count += 1
            if path.is_dir():
                self._add(path)


def wait_until_heard(process: "subprocess.Popen[bytes]") -> None:
    """Until the process has a handler for SIGTERM, which is the first that esrlab does, or has ended.

    Before that it is Python that starts, and nobody can hear.
    """
    bit, until = 1 << (signal.SIGTERM - 1), time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < until:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), "SigCgt: 0")
        if int(caught.split()[1], 16) & bit:
            return
        time.sleep(0.002)


def wait_for(
    moment: Moment, process: "subprocess.Popen[bytes]", *, events: FileEvents, course: Course
) -> None:
    """Until the moment has come, or the process has ended."""
    wait_until_heard(process)
    until = time.monotonic() + (LIMIT if moment.is_write else moment.share * course.seconds)
    goal = 1 + int(moment.share * course.events) if moment.is_write else None
    while process.poll() is None and (left := until - time.monotonic()) > 0:
        if goal is not None and events.count >= goal:
            return
        events.wait(min(LOOK_EVERY, left))


def follow(process: "subprocess.Popen[bytes]", *, events: FileEvents) -> Course:
    """An undisturbed command's course, to its end."""
    wait_until_heard(process)
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < LIMIT:
        events.wait(LOOK_EVERY)
    return Course(time.monotonic() - began, events.count)
