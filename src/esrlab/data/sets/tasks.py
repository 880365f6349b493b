"""A few tasks at once in threads, which end soon when they are asked to stop."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from esrlab.errors import UserError

AT_ONCE = 4
"""Files that are downloaded at the same time; more would be no kindness to the servers."""

PATIENCE = 5.0
"""Seconds in which a task may end after it is asked to; one that waits for a silent server is left to it."""


class StoppedError(Exception):
    """Raised within a task that is to end."""


@dataclass(frozen=True)
class Task:
    """Something to do, and what it is called where it fails."""

    title: str
    run: Callable[[], None]


@dataclass
class Tally:
    """How far all tasks are together; what they call raises StoppedError once they are to stop.

    shown: called with the bytes there are, and the bytes there will be as far as is known.
    """

    shown: Callable[[int, int], None]
    stop: threading.Event = field(default_factory=threading.Event)
    _files: dict[str, tuple[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, file: str) -> Callable[[int, int], None]:
        """The progress of one file's download."""

        def progress(done: int, total: int) -> None:
            self._go_on()
            with self._lock:
                self._files[file] = (done, total)
                sums = [sum(column) for column in zip(*self._files.values(), strict=True)]
                self.shown(sums[0], sums[1])

        return progress

    def unpacked(self, images: int) -> None:
        """An image is unpacked."""
        self._go_on()

    def checked(self, done: int, total: int) -> None:
        """An image is checked."""
        self._go_on()

    def _go_on(self) -> None:
        if self.stop.is_set():
            raise StoppedError


def run_tasks(tasks: Sequence[Task], tally: Tally) -> list[str]:
    """Runs them, AT_ONCE at a time, in their order; returns the failures that a user can mend, in words.

    Ctrl-C has the others stop; any other error too, and is raised.
    """
    waiting, failed, broken = list(reversed(tasks)), dict[str, str](), list[BaseException]()
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not waiting or tally.stop.is_set():
                    return
                task = waiting.pop()
            try:
                task.run()
            except UserError as error:
                failed[task.title] = str(error)
            except StoppedError:
                return
            except BaseException as error:  # raised again where it is seen
                broken.append(error)
                tally.stop.set()
                return

    # Events, not Thread.join: Python takes a thread for ended whose join was interrupted by Ctrl-C.
    ended = [threading.Event() for _ in range(min(AT_ONCE, len(tasks)))]
    for event in ended:
        threading.Thread(target=_and_tell, args=(work, event), daemon=True).start()
    _wait(ended, tally)
    if broken:
        raise broken[0]
    return [f"{task.title}: {failed[task.title]}" for task in tasks if task.title in failed]


def _wait(ended: Sequence[threading.Event], tally: Tally) -> None:
    """Until all have ended; Ctrl-C has them end soon."""
    try:
        for event in ended:
            while not event.wait(0.2):
                pass
    except BaseException:
        tally.stop.set()
        for event in ended:
            event.wait(PATIENCE)
        raise


def _and_tell(work: Callable[[], None], event: threading.Event) -> None:
    try:
        work()
    finally:
        event.set()
