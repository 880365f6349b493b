"""Stopping between two steps, not in the middle of one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, a scheduler's request to go (Slurm: SIGTERM, or USR1 by --signal=USR1@60), a closed terminal."""


class Interrupted(Exception):
    """The user (or the machine's scheduler) asked to stop, and everything so far is saved."""


class StopRequest:
    """True once Ctrl-C or another of SIGNALS came; a second one is no longer held back."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextmanager
def stopping_at_once() -> Iterator[None]:
    """While the block runs, the signals that would end the process without a word raise KeyboardInterrupt.

    For what is around `stop_requests`, where nothing is halfway. They end as Ctrl-C does, whose exception
    passes through `except Exception`: a stop is never taken for a damaged file, of which the next is read.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(
            f"stopped by {signal.Signals(number).name}; run the same command again to resume"
        )

    heard = [number for number in SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in heard:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.SIG_DFL)


def ignore_stops() -> None:
    """For a process that has done its work and said so: a stop no longer changes its exit code."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Holds back SIGNALS while the block runs; outside the main thread it changes nothing."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    heard = [
        number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN
    ]  # nohup's stay so
    before = {number: signal.signal(number, request) for number in heard}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
