"""What the terminal shows during work: bars where there is a terminal, plain lines where not.

Everything here goes to standard error, so that standard output holds the answer alone.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from esrlab.core.digests import megabytes
from esrlab.core.terminal import show_controls

SHOWN_EVERY = 0.1
"""Seconds between two updates of a download's bar: pieces arrive thousands of times as often."""

PLAIN_EVERY = 10.0
"""Seconds between plain lines where there is no terminal."""

PLAIN_WIDTH = 120
"""Columns of what is printed where there is no terminal to ask."""


class SafeConsole(Console):
    """A console that shows control characters in names and messages in place of obeying them."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """What rich makes of a renderable; its own movements of the cursor are left as they are."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=show_controls(segment.text))


console = SafeConsole(stderr=True, highlight=False)


def answers() -> Console:
    """Standard output, for answers meant to be read."""
    found = SafeConsole(highlight=False)
    return found if found.is_terminal else SafeConsole(highlight=False, width=PLAIN_WIDTH)


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:30 or 1:02:03."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


class Meter:
    """A bar with a text and an ETA, or plain lines at intervals; `update` is cheap."""

    def __init__(self, progress: Progress, title: str, total: float | None, *, is_plain: bool) -> None:
        self._progress = progress
        self._is_plain = is_plain
        self._title = title
        self._task: TaskID = progress.add_task(title, total=total, note="", eta="")
        self._said = time.monotonic()

    def update(self, done: float, *, total: float, note: str, eta: float | None) -> None:
        """Shows `done` of `total`, a note, and the seconds to go."""
        left = f"{clock(eta)} to go" if eta is not None else ""
        self._progress.update(self._task, completed=done, total=total, note=note, eta=left)
        if self._is_plain and time.monotonic() - self._said > PLAIN_EVERY:
            self._said = time.monotonic()
            parts = [f"{self._title} {100 * done / total:3.0f}%", note, left]
            console.print("  ".join(part for part in parts if part), markup=False, soft_wrap=True)


@contextmanager
def meter(title: str, *, total: float | None = None, counts: bool = False) -> Iterator[Meter]:
    """A meter for the block's work; `counts` shows "7/24" beside the bar."""
    is_plain = not console.is_terminal
    columns = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        *([MofNCompleteColumn()] if counts else [TextColumn("{task.percentage:3.0f}%")]),
        TimeElapsedColumn(),
        TextColumn("{task.fields[eta]}", markup=False),
        TextColumn("{task.fields[note]}", markup=False, style="dim"),
    ]
    with Progress(*columns, console=console, disable=is_plain, transient=True) as progress:
        yield Meter(progress, title, total, is_plain=is_plain)


@contextmanager
def counter(title: str) -> Iterator[Callable[[int, int], None]]:
    """A `progress(done, total)` callback with an ETA from the pace so far."""
    with meter(title, counts=True) as shown:
        began = time.monotonic()

        def count(done: int, total: int) -> None:
            spent = time.monotonic() - began
            shown.update(done, total=total, note="", eta=spent / done * (total - done) if done else None)

        yield count


@contextmanager
def transfer(title: str) -> Iterator[Callable[[int, int], None]]:
    """Shows a download's size, rate and time to go; the rate counts what arrived in this call."""
    with meter(title) as shown:
        since, first, shown_at = time.monotonic(), -1, 0.0

        def progress(done: int, total: int) -> None:
            nonlocal since, first, shown_at
            now = time.monotonic()
            if first < 0 or done < first:  # the first call, or the server began anew
                since, first = now, done
            if now - shown_at < SHOWN_EVERY and done < total:
                return
            shown_at = now
            rate = (done - first) / (now - since) if now > since else 0.0
            note = f"{megabytes(done)} of {megabytes(total)}, {megabytes(round(rate))}/s"
            shown.update(done, total=total, note=note, eta=(total - done) / rate if rate else None)

        yield progress


def step_note(row: dict[str, Any]) -> str:
    """A step's losses and pace in a few words."""
    losses = [
        f"{name.removeprefix('loss/')} {value:.3g}" for name, value in row.items() if name.startswith("loss/")
    ]
    return "  ".join([*losses, f"{row['images_per_second']:.1f} images/s"])
