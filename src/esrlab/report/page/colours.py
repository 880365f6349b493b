"""Colour shift: how far each method's pictures are from HR's in red, green and blue, on the mean."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from esrlab.report.page.gallery import Shifts
from esrlab.report.page.plots import BOTTOM, GREY, LINE, TOP, Axis, Canvas, Curve, Mark, Plot, Tick
from esrlab.report.tables import Row, Table

CHANNELS = ("R", "G", "B")
INKS = (9, 10, 11)
"""The hues that the style sheet has for red, green and blue."""

LIFTS = (0.28, 0.0, -0.28)
"""Of the letters in a row, so that none hides another."""

NAMES = 132
"""Where the axis begins, right of the methods' names."""

SEEN = 1.0
"""Steps of 1/255 that the axis holds at least, so that rounding does not look like a shift."""


def tabulate_shifts(shifts: Shifts) -> Table:
    """Mean over images of picture − HR, with the range over images."""
    rows: list[Row] = []
    before = None
    for (method, scale), found in sorted(shifts.items(), key=lambda item: item[0][1]):
        cells = [f"×{scale}", method]
        for channel in range(3):
            values = [shift[channel] for shift in found]
            cells.append(
                f"{_signed(statistics.fmean(values))} ({_signed(min(values))} … {_signed(max(values))})"
            )
        cells.append(_signed(statistics.fmean(sum(shift) / 3 for shift in found)))
        rows.append(Row(tuple(cells), begins_group=scale != before))
        before = scale
    columns = ("×", "method", "red", "green", "blue", "brightness")
    title = "Picture − HR in steps of 1/255: mean over images (least … most)"
    return Table("shifts", title, columns, tuple(rows))


def draw_shifts(shifts: Shifts, *, scale: int) -> Plot:
    """A row of three letters for each method, at its mean shifts."""
    methods = [method for method, at in shifts if at == scale]
    means = {method: _mean(shifts[method, scale]) for method in methods}
    reach = max([SEEN, *(abs(value) for mean in means.values() for value in mean)]) * 1.15
    canvas = Canvas(
        Axis(-reach, reach, "symlog", 1.0),
        Axis(0.0, float(len(methods))),
        TOP + BOTTOM + 36 * len(methods),
        NAMES,
    )
    marks: list[Mark] = []
    names: list[Tick] = []
    curves = [Curve(canvas.path([(0.0, 0.0), (0.0, len(methods))]), GREY, "range", "no shift")]
    for row, method in enumerate(methods):
        level = len(methods) - row - 0.5
        words = ", ".join(
            f"{channel} {_signed(value)}" for channel, value in zip(CHANNELS, means[method], strict=True)
        )
        names.append(Tick(canvas.y(level), method))
        marks += [
            Mark(canvas.x(value), canvas.y(level + lift), ink, LINE, f"{method}: {words}", label=channel)
            for channel, value, ink, lift in zip(CHANNELS, means[method], INKS, LIFTS, strict=True)
        ]
    drawn = canvas.plot(
        title=f"×{scale}",
        words=f"Mean of picture − HR at ×{scale}, in steps of 1/255, by method and channel.",
        across="picture − HR, steps of 1/255",
        up="",
        curves=curves,
        marks=marks,
    )
    return replace(drawn, y_ticks=tuple(names), zero=None)


def draw_all_shifts(shifts: Shifts) -> Sequence[Plot]:
    """A plot a scale."""
    return [draw_shifts(shifts, scale=scale) for scale in sorted({scale for _, scale in shifts})]


def _mean(found: Sequence[tuple[float, float, float]]) -> tuple[float, ...]:
    return tuple(statistics.fmean(shift[channel] for shift in found) for channel in range(3))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
