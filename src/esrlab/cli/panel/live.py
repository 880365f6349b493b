"""What the terminal shows during one training: a live panel, plain lines where there is none, or nothing.

All of it goes to standard error. Which numbers a step has: docs/watching.md.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

from rich.console import Console, RenderableType
from rich.live import Live

from esrlab.cli.console import PLAIN_EVERY, clock, console
from esrlab.cli.panel.drawing import Scene, draw
from esrlab.cli.panel.pace import Pace
from esrlab.cli.panel.words import gain, plain_line, short, validation_of, validation_words

PanelStyle = Literal["auto", "plain", "quiet"]
"""auto: the live panel on a terminal, plain lines elsewhere; quiet: warnings alone."""

REDRAW_EVERY = 0.125
"""Seconds between redraws at most."""

TREND = 16
"""Columns of the curve of gains over bicubic; it spans all steps since the start."""


class TrainingPanel:
    """Shows a training; `update` is cheap and may be called after every step, however short."""

    def __init__(self, title: str, *, total: int, style: PanelStyle, console: Console) -> None:
        self._console = console
        self._style: PanelStyle = style
        if style == "auto" and (not console.is_terminal or console.is_dumb_terminal):
            self._style = "plain"
        self._scene = Scene(title, total)
        self._pace = Pace()
        self._trend = Trend(TREND)
        self._began = time.monotonic()
        self._shown = -float("inf")
        self._taken = 0
        self._live = self._open_live() if self._style == "auto" else None

    def update(self, step: int, row: dict[str, Any]) -> None:
        """Takes in a step's row of the log; draws it where enough time has passed since the last."""
        now = time.monotonic()
        self._taken += 1
        self._pace.stepped(step, row, now=now)
        scene = self._scene
        scene.step, scene.row, scene.status = step, row, ""
        scene.left = self._pace.remaining(scene.total - step)
        scene.rate = self._pace.images_per_second
        ahead = gain(row)
        if ahead is not None:
            scene.gains = self._trend.add(ahead)
        validation = validation_of(row)
        if validation:
            scene.validation, scene.validated = validation, step
        if self._live is not None and now - self._shown >= REDRAW_EVERY:
            self._shown = now
            self._live.refresh()
        if self._style == "plain" and (now - self._shown >= PLAIN_EVERY or validation):
            self._shown = now
            self._print(plain_line(step, scene.total, row, left=scene.left, rate=scene.rate))
            if validation:
                self._print("  ".join([f"validation at step {step}", *validation_words(validation)]))

    def say(self, text: str, *, warning: bool = False) -> None:
        """A line that stays, above the panel; quiet, only a warning is heard."""
        if warning:
            self._scene.warnings += 1
            self._scene.last_warning = text
        if warning or self._style != "quiet":
            self._print(f"! {text}" if warning else text, style="bold yellow" if warning else None)

    def status(self, text: str) -> None:
        """What is being done between two steps (validating, saving); shown until the next step."""
        self._scene.status = text
        if self._live is not None:
            self._live.refresh()

    def open(self) -> None:
        """Begins to draw."""
        if self._live is not None:
            self._live.start(refresh=True)

    def close(self) -> None:
        """Draws for the last time and says how long it took."""
        if self._live is not None:
            self._live.stop()
        if self._style == "quiet" or not self._taken:
            return
        rate = self._pace.overall
        words = f"{self._taken} step{'s' if self._taken > 1 else ''} in {clock(self._elapsed)}"
        self._print(words + ("" if rate is None else f", {short(rate)} images/s"))

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _open_live(self) -> Live:
        # The thread's slow beat moves the clock on while a step is long; `update` draws the rest. Standard
        # output is left alone where it goes elsewhere: it holds the answer.
        return Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=1,
            redirect_stdout=sys.stdout.isatty(),
            vertical_overflow="crop",
        )

    def _draw(self) -> RenderableType:
        self._scene.elapsed = self._elapsed
        size = self._console.size
        return draw(self._scene, width=size.width, height=size.height)

    def _print(self, text: str, *, style: str | None = None) -> None:
        self._console.print(text, markup=False, soft_wrap=True, style=style)


@contextmanager
def training_panel(
    title: str, *, total: int, style: PanelStyle = "auto", console: Console = console
) -> Iterator[TrainingPanel]:
    """A panel for the block's training of `total` steps; closed, with the last numbers, however it ends."""
    panel = TrainingPanel(title, total=total, style=style, console=console)
    panel.open()
    try:
        yield panel
    finally:
        with suppress(OSError, SystemExit):  # a terminal that has gone must not hide how the training ended
            panel.close()


class Trend:
    """A curve of at most `size` points over everything added: full, neighbours are merged."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._each = 1
        self._means: list[float] = []
        self._sum, self._count = 0.0, 0

    def add(self, value: float) -> list[float]:
        """Takes in a value and gives the curve, oldest first, the unfinished point last."""
        self._sum, self._count = self._sum + value, self._count + 1
        if self._count == self._each:
            self._means.append(self._sum / self._count)
            self._sum, self._count = 0.0, 0
            if len(self._means) == self._size:
                pairs = zip(self._means[::2], self._means[1::2], strict=True)
                self._means = [(first + second) / 2 for first, second in pairs]
                self._each *= 2
        return [*self._means, *([self._sum / self._count] if self._count else [])]
