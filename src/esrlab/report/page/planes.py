"""The perception–distortion plane: a perceptual metric against PSNR, one plot a benchmark and scale."""

from collections.abc import Sequence
from dataclasses import dataclass

from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.scores import BICUBIC, CASCADE, Score
from esrlab.report.coverage import keep_comparable
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
from esrlab.report.pareto import (
    Point,
    bounds,
    choose_distance,
    find_points,
    near_points,
    pareto_front,
    step_line,
)
from esrlab.report.tables import Row, Table
from esrlab.statistics.spreads import Spread, spreads


@dataclass(frozen=True)
class Planes:
    """All planes, what their colours and shapes mean, and the same values as a table."""

    metric: str
    distortion: str
    plots: tuple[Plot, ...]
    legends: tuple[Legend, ...]
    table: Table


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


def draw_planes(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> Planes | None:
    """Every plane that the rows allow; None where no perceptual metric was measured."""
    distance, distortion = choose_distance(scores, known), known.distortion
    if distance is None:
        return None
    found = spreads(keep_comparable(scores, known=known))
    recipes = trained_recipes(scores)
    labels = {score.recipe: score.label for score in scores}
    cells = sorted({(s.image.split("/", 1)[0], s.scale) for s in scores}, key=lambda cell: cell)
    plots: list[Plot] = []
    rows: list[Row] = []
    for benchmark, scale in cells:
        metric = distance.at(scale)
        points = find_points(found, labels, benchmark=benchmark, scale=scale, metric=metric, known=known)
        if not points:
            continue
        front = pareto_front(points)
        title = f"{benchmark} ×{scale}"
        plots.append(_plane(points, front, recipes, title=title, axes=(distortion, distance)))
        rows += [
            Row(
                _cells(title, point, on_front=point in front, axes=(distortion, distance)),
                begins_group=point is points[0],
            )
            for point in points
        ]
    unit = f"{distortion.name}, {distortion.unit}"
    columns = ("benchmark ×", "recipe", unit, distance.name, "on the front", "seeds")
    legends = [Legend(hue_of(name, recipes), shape_of(name, recipes), name) for name in recipes]
    legends += [
        Legend(hue_of(name, recipes), shape_of(name, recipes), name, hollow=True)
        for name in labels
        if name.endswith(CASCADE) and name.removesuffix(CASCADE) in recipes
    ]
    if BICUBIC in labels:
        legends.append(Legend(GREY, CROSS, BICUBIC))
    legends.append(Legend(GREY, STAR, "HR itself"))
    table = Table("planes", "The planes in figures", columns, tuple(rows))
    return Planes(distance.name, distortion.name, tuple(plots), tuple(legends), table)


Axes = tuple[MetricInfo, MetricInfo]
"""What is drawn across, and what upwards."""


def _plane(
    points: Sequence[Point], front: Sequence[Point], recipes: list[str], *, title: str, axes: Axes
) -> Plot:
    distortion, distance = axes
    metric, unit, near = distance.name, distortion.unit, near_points(points)
    across = spanning([bound for point in near for bound in bounds(point.psnr)])
    across = Axis(across.low, across.high + 0.1 * (across.high - across.low))
    top = max(bounds(point.distance)[1] for point in near) * 1.15
    canvas = Canvas(across, Axis(0.0, top or 1.0))
    curves = [Curve(_front_path(canvas, front), GREY, "front", "Pareto front")]
    marks: list[Mark] = []
    for point in points:
        hue, is_near = hue_of(point.recipe, recipes), point in near
        if is_near:
            curves += _ranges(canvas, point, hue)
        marks.append(
            Mark(
                canvas.x(max(point.psnr.mean, across.low)) + (0 if is_near else 8),
                canvas.y(min(point.distance.mean, canvas.up.high)) + (0 if is_near else 8),
                hue,
                shape_of(point.recipe, recipes),
                f"{point.recipe}: {_show(point.psnr, distortion)} {unit}, {metric} "
                + _show(point.distance, distance)
                + ("" if is_near else " (off the plane)"),
                hollow=point.recipe.endswith(CASCADE),
            )
        )
    ideal = f"HR: ∞ {unit}, {metric} 0"
    marks.append(Mark(canvas.x(across.high) - 7, canvas.y(0) - 7, GREY, STAR, ideal, label="HR"))
    far = [point.recipe for point in points if point not in near]
    off = f" Off the plane, at its edge: {', '.join(far)}." if far else ""
    best = ", ".join(point.recipe for point in front)
    return canvas.plot(
        title=f"{title}{f' ({len(far)} off the plane, at its edge)' if far else ''}",
        words=f"{metric} against {distortion.name}; {len(points)} methods. On the Pareto front: {best}.{off}",
        across=f"{distortion.name}, {unit} → better",
        up=f"{metric}, ↓ better",
        curves=curves,
        marks=marks,
    )


def _ranges(canvas: Canvas, point: Point, hue: int) -> list[Curve]:
    """± one standard deviation in both directions."""
    if not (point.psnr.sd or point.distance.sd):
        return []
    level, upright = point.distance.mean, point.psnr.mean
    low, high = bounds(point.psnr)
    near, far = bounds(point.distance)
    return [
        Curve(canvas.path([(low, level), (high, level)]), hue, "range"),
        Curve(canvas.path([(upright, max(near, 0)), (upright, far)]), hue, "range"),
    ]


def _front_path(canvas: Canvas, front: Sequence[Point]) -> str:
    """The front's step line, from one edge of the plane to the other."""
    steps = step_line(front)
    if front:
        steps.insert(0, (canvas.across.low, front[0].distance.mean))
        steps.append((front[-1].psnr.mean, canvas.up.high))
    return canvas.path(steps)


def _show(spread: Spread, info: MetricInfo) -> str:
    mean = info.show(spread.mean)
    return mean if spread.sd is None else f"{mean} ± {info.show(spread.sd)}"


def _cells(place: str, point: Point, *, on_front: bool, axes: Axes) -> tuple[str, ...]:
    seeds = "–" if point.recipe == BICUBIC else str(point.psnr.seeds)
    return (
        place,
        point.recipe,
        _show(point.psnr, axes[0]),
        _show(point.distance, axes[1]),
        "yes" if on_front else "no",
        seeds,
    )
