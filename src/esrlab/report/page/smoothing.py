"""Series from log lines: smoothed, thinned to what a drawing can show, and averaged over seeds."""

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Points = list[tuple[float, float]]

SHOWN = 120
"""Points of a curve at most."""


def read_series(rows: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], float | None]) -> Points:
    """(step, value) of every line that has one."""
    found = ((float(row["step"]), value(row)) for row in rows)
    return [(step, number) for step, number in found if number is not None and math.isfinite(number)]


def smooth(points: Points) -> Points:
    """A running mean over a fifteenth of the curve, then at most SHOWN of its points."""
    if not points:
        return []
    steps, values = (np.array(column) for column in zip(*points, strict=True))
    width = max(1, len(values) // 15)
    padded = np.pad(values, (width // 2, (width - 1) // 2), mode="edge")
    smoothed = np.convolve(padded, np.ones(width) / width, mode="valid")
    kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), SHOWN)).round().astype(int))
    return [(float(steps[index]), float(smoothed[index])) for index in kept]


def mean_of(curves: Sequence[Points]) -> Points:
    """The mean over curves at the steps of the longest, where each still goes on."""
    longest = max(curves, key=len, default=[])
    tables = [([x for x, _ in curve], [y for _, y in curve]) for curve in curves if curve]
    return [
        (step, statistics.fmean(float(np.interp(step, xs, ys)) for xs, ys in tables if step <= xs[-1]))
        for step, _ in longest
    ]
