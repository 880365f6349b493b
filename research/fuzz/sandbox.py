"""Runs one command line in a forked process: with limits, watched, its output kept."""

import io
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from .cases import MEMORY_LIMIT, Ended

SECONDS_OF_PROCESSOR, SECONDS_BY_CLOCK = 30, 120
STOP_ABOVE = MEMORY_LIMIT + 500_000_000
LOOK_EVERY_MS = 20
STARTED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pty.spawn", "socket.connect")
HARMLESS = ("uname",)
"""Programs that libraries ask about the machine."""


def run_command(
    call: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    *,
    folder: Path,
    output: Path,
    sentinel: Path,
    is_narrow: bool = False,
) -> Ended:
    """Runs `call(arguments)` in `folder`; what is printed goes to `output`, which lies beside it.

    `sentinel` is a folder outside that nothing has a reason to open.
    """
    output.mkdir(exist_ok=True)
    for name in ("stdout", "stderr", "let-in"):
        (output / name).write_bytes(b"")
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(call, arguments, folder=folder, output=output, sentinel=sentinel, is_narrow=is_narrow)
    try:
        peak = _watch(child, until=began + SECONDS_BY_CLOCK)
    except BaseException:
        os.killpg(child, signal.SIGKILL)
        raise
    _, status, usage = os.wait4(child, 0)
    code: int | None = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        code = None
    return Ended(
        code=code,
        stdout=(output / "stdout").read_text(encoding="utf-8", errors="backslashreplace"),
        stderr=(output / "stderr").read_text(encoding="utf-8", errors="backslashreplace"),
        seconds=time.monotonic() - began,
        peak=max(peak, usage.ru_maxrss * 1024),
        let_in=tuple((output / "let-in").read_text(encoding="utf-8", errors="replace").splitlines()),
    )


def _watch(child: int, *, until: float) -> int:
    """Waits for the process; kills it when it is late or too large. Returns the most bytes seen."""
    peak, handle = 0, os.pidfd_open(child)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while not poll.poll(LOOK_EVERY_MS):
            peak = max(peak, _resident(child))
            if peak > STOP_ABOVE or time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
                break
    finally:
        os.close(handle)
    return peak


def _resident(child: int) -> int:
    try:
        pages = Path(f"/proc/{child}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize()


def _become(
    call: Callable[[Sequence[str]], int],
    arguments: Sequence[str],
    *,
    folder: Path,
    output: Path,
    sentinel: Path,
    is_narrow: bool,
) -> NoReturn:
    code = 70
    try:
        os.setsid()
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(output / name, os.O_WRONLY | os.O_APPEND), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        assert isinstance(sys.stdout, io.TextIOWrapper)
        assert isinstance(sys.stderr, io.TextIOWrapper)
        for stream in (sys.stdout, sys.stderr):
            if is_narrow:
                stream.reconfigure(encoding="ascii", errors="surrogateescape")  # as under LC_ALL=C
            else:
                stream.reconfigure(encoding="utf-8", errors="strict")
        sys.stderr.reconfigure(errors="backslashreplace")
        os.chdir(folder)
        (folder / "tmp").mkdir(exist_ok=True)
        programs = f"{sentinel / 'bin'}:{os.environ['PATH']}"
        os.environ.update(ESRLAB_CACHE=str(folder / "cache"), TMPDIR=str(folder / "tmp"), PATH=programs)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_OF_PROCESSOR, SECONDS_OF_PROCESSOR + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _listen(output / "let-in", sentinel=str(sentinel))
        code = call(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = 71
        os._exit(code)


def _listen(log: Path, *, sentinel: str) -> None:
    """Notes every process that is started, and every file below `sentinel` that is opened."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND)

    def hear(event: str, details: tuple[Any, ...]) -> None:
        if event in STARTED:
            what = f"{event} {details[0]!r} {details[1]!r}" if len(details) > 1 else f"{event} {details!r}"
            if not any(name in what for name in HARMLESS):
                os.write(handle, f"{what[:200]}\n".encode())
        elif event == "open" and isinstance(details[0], str | bytes):
            path = os.path.realpath(os.fsdecode(details[0]))
            if path.startswith(sentinel):
                os.write(handle, f"opened {path}\n".encode(errors="replace"))

    sys.addaudithook(hear)
