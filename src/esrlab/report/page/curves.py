"""Training curves: a plot a scale and question, a line a seed, collapse marked where it was first seen."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from esrlab.report.logs import RunLog
from esrlab.report.page.planes import hue_of
from esrlab.report.page.plots import ENDED, LINE, Axis, Canvas, Curve, Legend, Mark, Plot, spanning
from esrlab.report.page.smoothing import Points, read_series, smooth
from esrlab.report.tables import Row, Table


@dataclass(frozen=True)
class Question:
    """What a plot of curves shows: its value in a log line, and whether relative to a run's start.

    Where values go beyond `bent_above`, as a collapsed run's do, the axis is logarithmic beyond `knee`.
    """

    key: str
    title: str
    words: str
    value: Callable[[dict[str, Any]], float | None]
    is_relative: bool = False
    knee: float = 1.0
    bent_above: float = math.inf


@dataclass(frozen=True)
class CurvesOfScale:
    """One scale's plots."""

    scale: int
    plots: tuple[Plot, ...]


def _lead(row: dict[str, Any]) -> float | None:
    return row["image/psnr"] - row["image/bicubic"] if "image/psnr" in row else None


QUESTIONS = (
    Question(
        "content",
        "content loss, relative to its start",
        "falls while the content is still being learnt",
        lambda row: row.get("loss/content"),
        is_relative=True,
        bent_above=3.0,
    ),
    Question("lead", "PSNR of the batch over bicubic's, dB", "above 0 is better than enlarging", _lead),
    Question(
        "gap",
        "critic's gap C(real) − C(fake)",
        "small and mostly positive in healthy adversarial training",
        lambda row: row.get("critic/gap"),
        knee=1e-3,
        bent_above=0.0,
    ),
    Question(
        "spread",
        "spread of generated values over the target's",
        "1 is right, near 0 is flat",
        lambda row: row.get("image/spread"),
        bent_above=3.0,
    ),
)


def draw_curves(logs: Sequence[RunLog], recipes: Sequence[str]) -> list[CurvesOfScale]:
    """Every scale's plots, as far as its logs have their values."""
    made: list[CurvesOfScale] = []
    for scale in sorted({log.scale for log in logs}):
        runs = [log for log in logs if log.scale == scale and log.rows]
        plots = [plot for question in QUESTIONS if (plot := _draw(question, runs, recipes, scale))]
        if plots:
            made.append(CurvesOfScale(scale, tuple(plots)))
    return made


def legends_of(recipes: Sequence[str]) -> list[Legend]:
    """A line a recipe."""
    return [Legend(hue_of(name, recipes), LINE, name) for name in recipes]


def _draw(question: Question, runs: Sequence[RunLog], recipes: Sequence[str], scale: int) -> Plot | None:
    found = [(run, _points(question, run)) for run in runs]
    found = [(run, points) for run, points in found if points]
    if not found:
        return None
    values = [value for _, points in found for _, value in points]
    up = spanning(values)
    if max(map(abs, values)) > question.bent_above:
        low, high = min(*values, 0.0), max(*values, 0.0)
        up = Axis(low * 1.5, high * 1.5 or question.knee, "symlog", question.knee)
    last = max(points[-1][0] for _, points in found)
    canvas = Canvas(Axis(0.0, max(last, 1.0)), up)
    curves: list[Curve] = []
    marks: list[Mark] = []
    for run, points in found:
        hue = hue_of(run.recipe, recipes)
        words = f"{run.recipe} ×{run.scale}, seed {run.seed}"
        curves.append(Curve(canvas.path(points), hue, "line", words))
        if run.first_alarm is not None:
            steps = [(run.first_alarm, canvas.up.low), (run.first_alarm, canvas.up.high)]
            said = f"{words}: first sign of collapse at step {run.first_alarm}"
            curves.append(Curve(canvas.path(steps), hue, "alarm", said))
        if run.went_wrong:
            ending = f"{words}: {run.outcome['outcome']}"
            x, y = points[-1]
            marks.append(Mark(canvas.x(x), canvas.y(y), hue, ENDED, ending))
    ended = f" {len(marks)} of them collapsed or diverged." if marks else " None collapsed."
    return canvas.plot(
        title=f"×{scale}: {question.title}",
        words=f"{question.title}: {question.words}. {len(found)} trainings.{ended}",
        across="step",
        up=question.title,
        curves=curves,
        marks=marks,
    )


def _points(question: Question, run: RunLog) -> Points:
    points = smooth(read_series(run.rows, question.value))
    if question.is_relative and points:
        first = abs(points[0][1]) or 1.0
        points = [(step, value / first) for step, value in points]
    return points


def tabulate_curves(logs: Sequence[RunLog], recipes: Sequence[str]) -> Table | None:
    """Every training in figures: medians of its curves' second half, how it ended, its first sign."""
    rows: list[Row] = []
    for recipe in recipes:
        runs = [log for log in logs if log.recipe == recipe and log.rows]
        for run in runs:
            cells = [f"{recipe} ×{run.scale}", f"seed {run.seed}"]
            for question in QUESTIONS:
                values = [value for _, value in _points(question, run)]
                late = values[len(values) // 2 :]
                cells.append(f"{statistics.median(late):.3g}".replace("-", "−") if late else "–")
            alarm = "–" if run.first_alarm is None else str(run.first_alarm)
            cells += [str(run.outcome.get("outcome", "–")), alarm]
            rows.append(Row(tuple(cells), begins_group=run is runs[0]))
    columns = ("recipe ×", "training", *(question.key for question in QUESTIONS), "ended", "first sign at")
    title = "The curves in figures: medians of the second half"
    return Table("curves", title, columns, tuple(rows)) if rows else None
