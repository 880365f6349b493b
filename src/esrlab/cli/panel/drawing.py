"""The panel's picture: a step's row as a table of terms with the lines around it.

Nothing is shown by colour alone: shares have bars and per cents, signs are written, trouble has a "!".
"""

import math
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from esrlab.cli.console import clock
from esrlab.cli.panel.words import decibels, gain, is_sound, number, short, signed, terms_of, validation_table

WIDEST = 88
"""Columns beyond which the panel does not grow: eyes travel badly over long lines."""

FULL_WIDTH = 70
"""Columns below which weights and bars are left out of the table."""

KEYS = 10
"""Columns for what the lines below the table are called."""

NARROWEST = 44
"""Columns below which there is one line only."""

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"


@dataclass
class Scene:
    """What the panel knows when it is drawn."""

    title: str
    total: int
    step: int = 0
    row: dict[str, Any] = field(default_factory=dict)
    elapsed: float = 0.0
    left: float | None = None
    rate: float | None = None
    status: str = ""
    gains: list[float] = field(default_factory=list)
    validation: dict[str, Any] = field(default_factory=dict)
    validated: int = 0
    warnings: int = 0
    last_warning: str = ""


def draw(scene: Scene, *, width: int, height: int) -> RenderableType:
    """The panel for a terminal of this size; what matters least goes first where it is small."""
    terms = terms_of(scene.row)
    lines = [line for line in _lines(scene, full=width >= FULL_WIDTH) if line is not None]
    room = height - 1 - 4 - (len(terms) + 2 if terms else 0)  # frame, bar, pace; table with heads and a gap
    if width < NARROWEST or room < 0:
        return _one_line(scene)
    shown = lines[: max(room, 0)]
    width = min(width, WIDEST)
    body: list[RenderableType] = [_bar(scene, width=width - 4), _pace(scene)]
    if terms:
        body += [Text(), _table(terms, full=width >= FULL_WIDTH)]
    if shown:
        keys = Table.grid(padding=(0, 2))
        keys.add_column(style="dim", no_wrap=True, min_width=KEYS)
        keys.add_column(no_wrap=True, overflow="ellipsis")
        for key, words in shown:
            keys.add_row(key, words)
        body += [*([Text()] if len(shown) < room else []), keys]
    return Panel(Group(*body), title=escape(scene.title), title_align="left", width=width, border_style="dim")


def _one_line(scene: Scene) -> RenderableType:
    ahead = gain(scene.row)
    parts = [
        f"{scene.step}/{scene.total}",
        f"{clock(scene.left)} to go" if scene.left is not None else "",
        f"{signed(ahead)} dB" if ahead is not None else "",
        f"! {scene.warnings}" if scene.warnings else "",
    ]
    # In a group: a console joins bare texts, and then wraps them.
    return Group(Text("  ".join(part for part in parts if part), no_wrap=True, overflow="ellipsis"))


def _bar(scene: Scene, *, width: int) -> RenderableType:
    words = f"  step {scene.step}/{scene.total} {scene.step / max(scene.total, 1):4.0%}"
    grid = Table.grid()
    bar = ProgressBar(
        total=max(scene.total, 1),
        completed=scene.step,
        width=max(width - len(words), 4),
        complete_style="cyan",
    )
    grid.add_row(bar, Text(words, style="bold"))
    return grid


def _pace(scene: Scene) -> Text:
    parts = [
        f"{clock(scene.elapsed)} gone",
        f"{clock(scene.left)} to go" if scene.left is not None else "",
        f"{short(scene.rate)} images/s" if scene.rate is not None else "",
        f"{short(scene.row['memory_gib'])} GiB" if "memory_gib" in scene.row else "",
        f"{scene.status}…" if scene.status else "",
    ]
    return Text(" · ".join(part for part in parts if part), no_wrap=True, overflow="ellipsis")


def _table(terms: dict[str, dict[str, Any]], *, full: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), expand=False, header_style="dim", pad_edge=False)
    table.add_column("term", no_wrap=True, overflow="ellipsis", max_width=20)
    table.add_column("value", justify="right", no_wrap=True)
    if full:
        table.add_column("weight", justify="right", no_wrap=True)
    table.add_column("pull", justify="right", no_wrap=True)
    if full:
        table.add_column("", no_wrap=True, width=12)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("cosine", justify="right", no_wrap=True)
    for name, term in terms.items():
        share = number(term.get("share"))
        table.add_row(
            Text(name, style="bold"),
            _value(term.get("value")),
            *([_value(term.get("weight"))] if full else []),
            _value(term.get("norm")),
            *([Text(bar(share or 0.0, width=12), style="cyan")] if full else []),
            Text(f"{share:.0%}" if share is not None and math.isfinite(share) else short(share)),
            Text(signed(term.get("cosine"))),
        )
    return table


def _lines(scene: Scene, *, full: bool) -> list[tuple[str, Text] | None]:
    """The lines below the table, the most important first; None where a line has nothing to say."""
    row, ahead = scene.row, gain(scene.row)
    warned = Text(f"! {scene.last_warning}", style="bold yellow") if scene.warnings else None
    batch = Text()
    if "image/psnr" in row:
        batch.append(f"PSNR {decibels(row['image/psnr'])}")
        batch.append(f"  {signed(ahead)} over bicubic", style="bold") if ahead is not None else None
        batch.append(f"  {sparkline(scene.gains)}", style="cyan") if full else None
        batch.append(f"  spread {short(row.get('image/spread'))}") if full else None
    critic = [(name, row[f"critic/{name}"]) for name in CRITIC if f"critic/{name}" in row]
    sizes = [(name, row[f"gradient/{name}"]) for name in ("generator", "critic") if f"gradient/{name}" in row]
    checked, bicubic = validation_table(scene.validation)
    return [
        ("warnings" if scene.warnings > 1 else "warning", warned) if warned is not None else None,
        ("batch", batch) if batch else None,
        ("critic", _words(critic, is_signed=True)) if critic else None,
        (f"at {scene.validated}", Text(checked)) if checked else None,
        ("bicubic", Text(bicubic, style="dim")) if bicubic.strip() else None,
        ("gradients", _words(sizes)) if sizes else None,
        ("learn rate", _words([("", row["learning_rate"])])) if "learning_rate" in row else None,
    ]


CRITIC = ("real", "fake", "gap", "loss", "penalty")
"""The critic's values in the order in which they are shown."""


def _words(pairs: list[tuple[str, Any]], *, is_signed: bool = False) -> Text:
    text = Text()
    for name, value in pairs:
        if text:
            text.append("  ")
        text.append(f"{name} " if name else "")
        text.append_text(_value(value, is_signed=is_signed))
    return text


def _value(value: object, *, is_signed: bool = False) -> Text:
    words = signed(value, 3) if is_signed else short(value)
    return Text(words) if is_sound(value) else Text(f"! {words}", style="bold yellow")


def bar(share: float, *, width: int) -> str:
    """A share in [0, 1] as a bar of `width` columns, in eighths of one."""
    if not math.isfinite(share):
        return ""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def sparkline(values: list[float]) -> str:
    """Values as a line of blocks from their least to their greatest; empty for fewer than two."""
    sound = [value for value in values if math.isfinite(value)]
    if len(sound) < 2:
        return ""
    low, high = min(sound), max(sound)
    span = (high - low) or 1.0
    return "".join(_LEVELS[round((value - low) / span * (len(_LEVELS) - 1))] for value in sound)
