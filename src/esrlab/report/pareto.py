"""Who stands where between perception and distortion, and whom nobody beats in both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.scores import Score
from esrlab.statistics.spreads import Series, Spread

FAR = 6.0
"""Decibels below a plane's best PSNR from which a method stands at the edge."""


@dataclass(frozen=True)
class Point:
    """A method's place on a benchmark at a scale: distortion (PSNR-Y in dB), and a perceptual distance."""

    recipe: str
    label: str
    psnr: Spread
    distance: Spread


def choose_distance(scores: Sequence[Score], known: KnownMetrics = BUILT_IN) -> MetricInfo | None:
    """The first perceptual metric that was measured and is a distance from HR, 0 for it; else None.

    In the order of columns: LPIPS, then its imitation, then others.
    """
    measured = {known.find(metric) for metric in {score.metric for score in scores}}
    distances = [
        info
        for info in known.infos
        if info.role == "perception" and "hr" in info.needs and not info.higher_is_better
    ]
    return next((info for info in distances if info in measured), None)


def find_points(
    found: dict[Series, Spread],
    labels: dict[str, str],
    *,
    benchmark: str,
    scale: int,
    metric: str,
    known: KnownMetrics = BUILT_IN,
) -> list[Point]:
    """Every method that has finite means in both, in the order of `labels`."""
    points: list[Point] = []
    for recipe, label in labels.items():
        psnr = found.get(Series(benchmark, scale, recipe, known.distortion.at(scale)))
        distance = found.get(Series(benchmark, scale, recipe, metric))
        if psnr and distance and math.isfinite(psnr.mean) and math.isfinite(distance.mean):
            points.append(Point(recipe, label, psnr, distance))
    return points


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in both, from the least PSNR to the most."""
    kept = [
        point
        for point in points
        if not any(
            other.psnr.mean >= point.psnr.mean
            and other.distance.mean <= point.distance.mean
            and (other.psnr.mean, other.distance.mean) != (point.psnr.mean, point.distance.mean)
            for other in points
        )
    ]
    return sorted(kept, key=lambda point: point.psnr.mean)


def near_points(points: Sequence[Point]) -> list[Point]:
    """Those within FAR dB of the best: a collapsed one far from all would press the others into a dot."""
    best = max(point.psnr.mean for point in points)
    return [point for point in points if point.psnr.mean > best - FAR]


def step_line(front: Sequence[Point]) -> list[tuple[float, float]]:
    """Corners (PSNR, distance) of the line below and to the right of which no method is."""
    corners: list[tuple[float, float]] = []
    for point, following in zip(front, [*front[1:], None], strict=True):
        corners.append((point.psnr.mean, point.distance.mean))
        if following is not None:
            corners.append((point.psnr.mean, following.distance.mean))
    return corners


def bounds(spread: Spread) -> tuple[float, float]:
    """One standard deviation between seeds to both sides of the mean."""
    sd = spread.sd or 0.0
    return spread.mean - sd, spread.mean + sd
