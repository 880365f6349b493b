"""The perception–distortion plane: a perceptual metric against PSNR, one plot a benchmark and scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from esrlab.report.page.plots import (
    CROSS,
    GREY,
    HUES,
    SHAPES,
    STAR,
    Axis,
    Canvas,
    Curve,
    Legend,
    Mark,
    Plot,
    spanning,
)
from esrlab.report.tables import Row, Table
from esrlab.scores import BICUBIC, CASCADE, Score
from esrlab.statistics import Series, Spread, spreads

FAR = 6.0
"""Decibels below a plane's best PSNR from which a method stands at the edge."""


@dataclass(frozen=True)
class Planes:
    """All planes, what their colours and shapes mean, and the same values as a table."""

    metric: str
    plots: tuple[Plot, ...]
    legends: tuple[Legend, ...]
    table: Table


@dataclass(frozen=True)
class _Point:
    recipe: str
    label: str
    psnr: Spread
    distance: Spread


def hue_of(recipe: str, recipes: Sequence[str]) -> int:
    """A recipe's colour, its parent's for a cascade; grey for what was not trained."""
    name = recipe.removesuffix(CASCADE)
    return recipes.index(name) % HUES if name in recipes else GREY


def shape_of(recipe: str, recipes: Sequence[str]) -> int:
    """A recipe's shape, its parent's for a cascade; a cross for what was not trained."""
    name = recipe.removesuffix(CASCADE)
    return recipes.index(name) % SHAPES if name in recipes else CROSS


def trained_recipes(scores: Sequence[Score]) -> list[str]:
    """The recipes in the rows' order, without bicubic and cascades."""
    return list(
        dict.fromkeys(s.recipe for s in scores if s.recipe != BICUBIC and not s.recipe.endswith(CASCADE))
    )


def draw_planes(scores: Sequence[Score]) -> Planes | None:
    """Every plane that the rows allow; None where no perceptual metric was measured."""
    measured = {score.metric for score in scores}
    metric = next((name for name in ("LPIPS", "LPIPS≈") if name in measured), None)
    if metric is None:
        return None
    found = spreads(scores)
    recipes = trained_recipes(scores)
    labels = {score.recipe: score.label for score in scores}
    cells = sorted({(s.image.split("/", 1)[0], s.scale) for s in scores}, key=lambda cell: cell)
    plots: list[Plot] = []
    rows: list[Row] = []
    for benchmark, scale in cells:
        points = _points(found, labels, benchmark=benchmark, scale=scale, metric=metric)
        if not points:
            continue
        front = _front(points)
        plots.append(_plane(points, front, recipes, title=f"{benchmark} ×{scale}", metric=metric))
        rows += [
            Row(_cells(benchmark, scale, point, on_front=point in front), begins_group=point is points[0])
            for point in points
        ]
    columns = ("benchmark ×", "recipe", "PSNR-Y, dB", metric, "on the front", "seeds")
    legends = [Legend(hue_of(name, recipes), shape_of(name, recipes), name) for name in recipes]
    legends += [
        Legend(hue_of(name, recipes), shape_of(name, recipes), name, hollow=True)
        for name in labels
        if name.endswith(CASCADE) and name.removesuffix(CASCADE) in recipes
    ]
    if BICUBIC in labels:
        legends.append(Legend(GREY, CROSS, BICUBIC))
    legends.append(Legend(GREY, STAR, "HR itself"))
    return Planes(
        metric, tuple(plots), tuple(legends), Table("planes", "The planes in figures", columns, tuple(rows))
    )


def _points(
    found: dict[Series, Spread], labels: dict[str, str], *, benchmark: str, scale: int, metric: str
) -> list[_Point]:
    points: list[_Point] = []
    for recipe, label in labels.items():
        psnr = found.get(Series(benchmark, scale, recipe, f"PSNR-Y/{scale}"))
        distance = found.get(Series(benchmark, scale, recipe, metric))
        if psnr and distance and math.isfinite(psnr.mean) and math.isfinite(distance.mean):
            points.append(_Point(recipe, label, psnr, distance))
    return points


def _front(points: Sequence[_Point]) -> list[_Point]:
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


def _bounds(spread: Spread) -> tuple[float, float]:
    sd = spread.sd or 0.0
    return spread.mean - sd, spread.mean + sd


def _plane(
    points: Sequence[_Point], front: Sequence[_Point], recipes: list[str], *, title: str, metric: str
) -> Plot:
    near = _near(points)
    across = spanning([bound for point in near for bound in _bounds(point.psnr)])
    across = Axis(across.low, across.high + 0.1 * (across.high - across.low))
    top = max(_bounds(point.distance)[1] for point in near) * 1.15
    canvas = Canvas(across, Axis(0.0, top or 1.0))
    curves = [Curve(_front_path(canvas, front), GREY, "front", "Pareto front")]
    marks: list[Mark] = []
    for point in points:
        hue = hue_of(point.recipe, recipes)
        is_near = point in near
        if is_near:
            curves += _ranges(canvas, point, hue)
        marks.append(
            Mark(
                canvas.x(max(point.psnr.mean, across.low)) + (0 if is_near else 8),
                canvas.y(min(point.distance.mean, canvas.up.high)) + (0 if is_near else 8),
                hue,
                shape_of(point.recipe, recipes),
                f"{point.recipe}: {_show(point.psnr, 2)} dB, {metric} {_show(point.distance, 4)}"
                + ("" if is_near else " (off the plane)"),
                hollow=point.recipe.endswith(CASCADE),
            )
        )
    marks.append(
        Mark(canvas.x(across.high) - 7, canvas.y(0) - 7, GREY, STAR, f"HR: ∞ dB, {metric} 0", label="HR")
    )
    far = [point.recipe for point in points if point not in near]
    off = f" Off the plane, at its edge: {', '.join(far)}." if far else ""
    best = ", ".join(point.recipe for point in front)
    return canvas.plot(
        title=f"{title}{f' ({len(far)} off the plane, at its edge)' if far else ''}",
        words=f"{metric} against PSNR-Y; {len(points)} methods. On the Pareto front: {best}.{off}",
        across="PSNR-Y, dB → better",
        up=f"{metric}, ↓ better",
        curves=curves,
        marks=marks,
    )


def _near(points: Sequence[_Point]) -> list[_Point]:
    """Those within FAR dB of the best: a collapsed one far from all would press the others into a dot."""
    best = max(point.psnr.mean for point in points)
    return [point for point in points if point.psnr.mean > best - FAR]


def _ranges(canvas: Canvas, point: _Point, hue: int) -> list[Curve]:
    """± one standard deviation in both directions."""
    if not (point.psnr.sd or point.distance.sd):
        return []
    level, upright = point.distance.mean, point.psnr.mean
    low, high = _bounds(point.psnr)
    near, far = _bounds(point.distance)
    return [
        Curve(canvas.path([(low, level), (high, level)]), hue, "range"),
        Curve(canvas.path([(upright, max(near, 0)), (upright, far)]), hue, "range"),
    ]


def _front_path(canvas: Canvas, front: Sequence[_Point]) -> str:
    """A step line below and to the right of which no method lies."""
    steps: list[tuple[float, float]] = []
    for point, following in zip(front, [*front[1:], None], strict=True):
        steps.append((point.psnr.mean, point.distance.mean))
        if following is not None:
            steps.append((point.psnr.mean, following.distance.mean))
    if front:
        steps.insert(0, (canvas.across.low, front[0].distance.mean))
        steps.append((front[-1].psnr.mean, canvas.up.high))
    return canvas.path(steps)


def _show(spread: Spread, decimals: int) -> str:
    mean = f"{spread.mean:.{decimals}f}"
    return mean if spread.sd is None else f"{mean} ± {spread.sd:.{decimals}f}"


def _cells(benchmark: str, scale: int, point: _Point, *, on_front: bool) -> tuple[str, ...]:
    seeds = "–" if point.recipe == BICUBIC else str(point.psnr.seeds)
    place = f"{benchmark} ×{scale}"
    return (
        place,
        point.recipe,
        _show(point.psnr, 2),
        _show(point.distance, 4),
        "yes" if on_front else "no",
        seeds,
    )
