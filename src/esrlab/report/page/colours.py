"""Colour shift: how far each method's pictures lie from HR's in red, green and blue, on the mean."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from esrlab.report.page.gallery import Shifts
from esrlab.report.page.plots import BOTTOM, GREY, LINE, TOP, Axis, Canvas, Curve, Mark, Plot
from esrlab.report.tables import Row, Table

CHANNELS = ("R", "G", "B")
INKS = (9, 10, 11)
"""The hues that the style sheet has for red, green and blue."""

SEEN = 1.0
"""Steps of 255 below which the axis is not drawn, so that rounding does not look like a shift."""


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
    canvas = Canvas(Axis(-reach, reach), Axis(0.0, float(len(methods))), TOP + BOTTOM + 30 * len(methods))
    marks: list[Mark] = []
    curves = [Curve(canvas.path([(0.0, 0.0), (0.0, len(methods))]), GREY, "range", "no shift")]
    for row, method in enumerate(methods):
        level = len(methods) - row - 0.5
        words = ", ".join(
            f"{channel} {_signed(value)}" for channel, value in zip(CHANNELS, means[method], strict=True)
        )
        marks.append(Mark(54, canvas.y(level) - 6, GREY, LINE, f"{method}: {words}", label=method))
        marks += [
            Mark(canvas.x(value), canvas.y(level - 0.2), ink, LINE, f"{method}: {words}", label=channel)
            for channel, value, ink in zip(CHANNELS, means[method], INKS, strict=True)
        ]
    drawn = canvas.plot(
        title=f"×{scale}",
        words=f"Mean of picture − HR at ×{scale}, in steps of 1/255, by method and channel.",
        across="darker ← picture − HR, steps of 1/255 → brighter",
        up="",
        curves=curves,
        marks=marks,
    )
    return replace(drawn, y_ticks=(), zero=None)


def draw_all_shifts(shifts: Shifts) -> Sequence[Plot]:
    """A plot a scale."""
    return [draw_shifts(shifts, scale=scale) for scale in sorted({scale for _, scale in shifts})]


def _mean(found: Sequence[tuple[float, float, float]]) -> tuple[float, ...]:
    return tuple(statistics.fmean(shift[channel] for shift in found) for channel in range(3))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
