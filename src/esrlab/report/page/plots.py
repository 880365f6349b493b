"""A plot's geometry: values become places in a drawing of fixed size, which the template draws as SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

WIDTH, HEIGHT = 360, 250
LEFT, RIGHT, TOP, BOTTOM = 50, 12, 12, 36

SHAPES = 6
"""Shapes of marks for series; CROSS, STAR and ENDED are for what is none."""

CROSS, STAR, ENDED = 6, 7, 8
LINE = -1
"""In place of a shape: a line, or a mark that is a word."""

HUES = 8
"""Colours that the style sheet has for series."""

GREY = 8
"""The hue of what belongs to no series."""


@dataclass(frozen=True)
class Tick:
    """A place on an axis and the words beside it."""

    at: float
    words: str


@dataclass(frozen=True)
class Curve:
    """A line through places: an SVG path, the series it belongs to, and how it is drawn.

    style: "line", "range" (an interval), "front" (a step line), "area" or "alarm".
    """

    path: str
    hue: int
    style: str
    words: str = ""


@dataclass(frozen=True)
class Mark:
    """A sign at a place, told apart by shape as well as by colour."""

    x: float
    y: float
    hue: int
    shape: int
    words: str
    hollow: bool = False
    label: str = ""


@dataclass(frozen=True)
class Axis:
    """Values of one direction: from `low` to `high`, evenly, or by their logarithm about zero ("symlog")."""

    low: float
    high: float
    kind: Literal["linear", "symlog"] = "linear"
    knee: float = 1e-3

    def part(self, value: float) -> float:
        """Where a value is, 0 at `low` and 1 at `high`."""
        low, high, bent = (self._bend(each) for each in (self.low, self.high, value))
        return (bent - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round values, some four to six of them; powers of ten, at most seven, on a symlog axis."""
        if self.kind == "symlog":
            return self._powers()
        step = _round_step((self.high - self.low) / 4)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]

    def _bend(self, value: float) -> float:
        if self.kind == "linear":
            return value
        size = abs(value) / self.knee
        return math.copysign(size if size < 1 else 1 + math.log10(size), value)

    def _powers(self) -> list[float]:
        first = math.floor(math.log10(self.knee))
        last = math.ceil(math.log10(max(abs(self.low), abs(self.high), self.knee)))
        apart = max(1, math.ceil((last - first) / 3))
        powers = [10.0**power for power in range(first, last + 1, apart)]
        return [v for v in (*(-p for p in reversed(powers)), 0.0, *powers) if self.low <= v <= self.high]


@dataclass(frozen=True)
class Plot:
    """A drawing: its title, its words for those who do not see it, and everything in it."""

    title: str
    words: str
    across: str
    up: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...] = ()
    marks: tuple[Mark, ...] = ()
    zero: float | None = None
    height: int = HEIGHT
    left: int = LEFT

    @property
    def box(self) -> tuple[int, int, int, int]:
        """The axes' left, top, right and bottom."""
        return self.left, TOP, WIDTH - RIGHT, self.height - BOTTOM


@dataclass(frozen=True)
class Legend:
    """What a colour and a shape stand for."""

    hue: int
    shape: int
    words: str
    hollow: bool = False


@dataclass(frozen=True)
class Canvas:
    """The two axes of a plot, and where values are on its drawing."""

    across: Axis
    up: Axis
    height: int = HEIGHT
    left: int = LEFT

    def x(self, value: float) -> float:
        return round(self.left + self.across.part(value) * (WIDTH - self.left - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(self.height - BOTTOM - self.up.part(value) * (self.height - TOP - BOTTOM), 1)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """A line through points, as SVG has it; broken where a value is not finite."""
        parts: list[str] = []
        is_drawing = False
        for x, y in points:
            if not (math.isfinite(x) and math.isfinite(y)):
                is_drawing = False
                continue
            parts.append(f"{'L' if is_drawing else 'M'}{self.x(x):g} {self.y(y):g}")
            is_drawing = True
        return "".join(parts)

    def area(self, lower: Sequence[tuple[float, float]], upper: Sequence[tuple[float, float]]) -> str:
        """The field between two lines."""
        return f"{self.path(lower)}{self.path(list(reversed(upper))).replace('M', 'L', 1)}Z"

    def plot(
        self,
        *,
        title: str,
        words: str,
        across: str,
        up: str,
        curves: Sequence[Curve] = (),
        marks: Sequence[Mark] = (),
    ) -> Plot:
        """The plot with ticks from these axes."""
        return Plot(
            title=title,
            words=words,
            across=across,
            up=up,
            x_ticks=tuple(Tick(self.x(value), show_tick(value)) for value in self.across.ticks()),
            y_ticks=tuple(Tick(self.y(value), show_tick(value)) for value in self.up.ticks()),
            curves=tuple(curves),
            marks=tuple(marks),
            zero=self.y(0) if self.up.low < 0 < self.up.high else None,
            height=self.height,
            left=self.left,
        )


def spanning(values: Sequence[float], *, margin: float = 0.08, least: float = 1e-9) -> Axis:
    """An even axis that holds all finite values with a margin."""
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low < least:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * margin
    return Axis(low - room, high + room)


def show_tick(value: float) -> str:
    """A tick's value, short, with a true minus sign."""
    size = abs(value)
    text = f"{value:.0e}" if value and (size < 1e-3 or size >= 1e5) else f"{value:g}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("-", "−")


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
