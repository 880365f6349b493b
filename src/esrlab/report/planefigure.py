"""The perception–distortion plane as a figure for papers. Needs matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import BICUBIC, CASCADE, Score
from esrlab.report.coverage import keep_comparable
from esrlab.report.pareto import (
    Point,
    bounds,
    choose_distance,
    find_points,
    near_points,
    pareto_front,
    step_line,
)
from esrlab.statistics.spreads import spreads

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DARK_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette, told apart with any colour vision, but for yellow: too light for small marks."""

SHAPES = "osD^vP*X"
GREY = "#666666"


def draw_plane(
    scores: Sequence[Score], names: dict[str, str], scale: int, *, known: KnownMetrics = BUILT_IN
) -> Figure | None:
    """A perceptual distance against PSNR-Y, a plane for each benchmark; None where none was measured.

    A method's colour and shape are its own, hollow for its cascade; bars are ± one standard deviation
    between seeds, the line is the Pareto front.
    """
    from matplotlib.figure import Figure

    info = choose_distance(scores, known)
    at_scale = [score for score in scores if score.scale == scale]
    if info is None or not any(score.metric == info.at(scale) for score in at_scale):
        return None
    metric, across = info.at(scale), known.distortion
    found, labels = (
        spreads(keep_comparable(at_scale, known=known)),
        {score.recipe: score.label for score in at_scale},
    )
    trained = dict.fromkeys(name.removesuffix(CASCADE) for name in labels if name != BICUBIC)
    styles = {
        name: (DARK_COLOURS[place % len(DARK_COLOURS)], SHAPES[place % len(SHAPES)])
        for place, name in enumerate(trained)
    }
    benchmarks = list(dict.fromkeys(score.image.split("/", 1)[0] for score in at_scale))
    figure = Figure(figsize=(3.5 * len(benchmarks) + 0.2, 4.2), layout="constrained")
    for place, benchmark in zip(
        figure.subplots(1, len(benchmarks), squeeze=False)[0], benchmarks, strict=True
    ):
        points = find_points(found, labels, benchmark=benchmark, scale=scale, metric=metric, known=known)
        far = _fill(place, points, styles) if points else []
        off = textwrap.wrap(f"off the plane: {', '.join(far)}", 58) if far else []
        place.set_title("\n".join([f"{benchmark} ×{scale}", *off]), fontsize=7)
        place.set_xlabel(f"{across.at(scale)}, {across.unit}", fontsize=7)
        place.set_ylabel(f"{metric}, smaller is nearer", fontsize=7)
        place.tick_params(labelsize=7)
    _add_legend(figure, labels, names, styles)
    return figure


def _fill(place: Axes, points: Sequence[Point], styles: dict[str, tuple[str, str]]) -> list[str]:
    """Marks the methods of one benchmark; returns those too far off to be shown."""
    near = near_points(points)
    corners = step_line(pareto_front(near))
    place.plot(*zip(*corners, strict=True), color=GREY, lw=0.8, ls="--", zorder=1)
    for point in near:
        colour, shape, fill = _style(point.recipe, styles)
        across, up = bounds(point.psnr), bounds(point.distance)
        place.plot(across, [point.distance.mean] * 2, color=colour, lw=0.8, zorder=2)
        place.plot([point.psnr.mean] * 2, up, color=colour, lw=0.8, zorder=2)
        place.plot(
            point.psnr.mean,
            point.distance.mean,
            marker=shape,
            ms=6,
            mfc=fill,
            mec=colour,
            ls="none",
            zorder=3,
        )
    return [point.recipe for point in points if point not in near]


def _style(recipe: str, styles: dict[str, tuple[str, str]]) -> tuple[str, str, str]:
    """Colour, shape and fill."""
    colour, shape = styles.get(recipe.removesuffix(CASCADE), (GREY, "x"))
    return colour, shape, "white" if recipe.endswith(CASCADE) else colour


def _add_legend(
    figure: Figure, labels: dict[str, str], names: dict[str, str], styles: dict[str, tuple[str, str]]
) -> None:
    from matplotlib.lines import Line2D

    handles: list[Line2D] = []
    for recipe in labels:
        colour, shape, fill = _style(recipe, styles)
        handles.append(Line2D([], [], color=colour, marker=shape, ms=6, mfc=fill, mec=colour, ls="none"))
    told = [names.get(recipe, recipe).replace(CASCADE, " ×2∘×2") for recipe in labels]
    handles.append(Line2D([], [], color=GREY, lw=0.8, ls="--"))
    width = 0.6 + 0.055 * max(map(len, told))  # of a column, in inches, at this size of letters
    columns = max(1, int(figure.get_figwidth() / width))
    figure.legend(handles, [*told, "Pareto front"], loc="outside lower center", ncols=columns, fontsize=7)
