"""The perception–distortion plane: a perceptual metric against PSNR, one plot a benchmark and scale."""

from collections.abc import Sequence
from dataclasses import dataclass

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


def draw_planes(scores: Sequence[Score]) -> Planes | None:
    """Every plane that the rows allow; None where no perceptual metric was measured."""
    metric = choose_distance(scores)
    if metric is None:
        return None
    found = spreads(keep_comparable(scores))
    recipes = trained_recipes(scores)
    labels = {score.recipe: score.label for score in scores}
    cells = sorted({(s.image.split("/", 1)[0], s.scale) for s in scores}, key=lambda cell: cell)
    plots: list[Plot] = []
    rows: list[Row] = []
    for benchmark, scale in cells:
        points = find_points(found, labels, benchmark=benchmark, scale=scale, metric=metric)
        if not points:
            continue
        front = pareto_front(points)
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


def _plane(
    points: Sequence[Point], front: Sequence[Point], recipes: list[str], *, title: str, metric: str
) -> Plot:
    near = near_points(points)
    across = spanning([bound for point in near for bound in bounds(point.psnr)])
    across = Axis(across.low, across.high + 0.1 * (across.high - across.low))
    top = max(bounds(point.distance)[1] for point in near) * 1.15
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


def _show(spread: Spread, decimals: int) -> str:
    mean = f"{spread.mean:.{decimals}f}"
    return mean if spread.sd is None else f"{mean} ± {spread.sd:.{decimals}f}"


def _cells(benchmark: str, scale: int, point: Point, *, on_front: bool) -> tuple[str, ...]:
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
