"""Figures of a kinship: cosines with a dendrogram, frequencies, where directions pull. Needs matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from esrlab.core.bands import HIGHEST
from esrlab.core.kinship_rows import Kinship
from esrlab.errors import UserError
from esrlab.report.figures import SETTINGS, save_figure
from esrlab.report.kinship.csvs import white_shares
from esrlab.statistics.bootstrap import grouped_intervals
from esrlab.statistics.clusters import Tree, cluster_directions
from esrlab.statistics.kinship import joined_means, mean_cosines

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")

GAME_COLOUR = "#B4400B"
"""Of the names of games, beside black ones of losses."""

TITLE_WIDTH = 24
"""Letters in a line above a map."""

COLUMNS = 9
"""Maps beside each other."""

Array = NDArray[np.float64]


def draw_kinship(folder: Path, kinships: Sequence[Kinship]) -> dict[str, list[Path]]:
    """Draws every figure into figures/, and returns the PNG files: "cosines", "frequencies" and "maps".

    The first of cosines is the mean over models, where there are several. Raises UserError naming the extra
    where matplotlib is missing.
    """
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise UserError("figures need matplotlib: pip install 'esrlab[report]'") from error
    mpl.use("Agg")
    with mpl.rc_context(SETTINGS):
        return _draw(folder / "figures", folder / "maps", kinships)


def _draw(out: Path, maps: Path, kinships: Sequence[Kinship]) -> dict[str, list[Path]]:
    games = {each.name for kinship in kinships for each in kinship.directions if each.is_game}
    names, means = joined_means([mean_cosines(kinship) for kinship in kinships])
    tree = cluster_directions(means)
    order = [names[place] for place in tree.order]
    drawn: dict[str, list[Path]] = {"cosines": [], "frequencies": [], "maps": []}
    if len(kinships) > 1:
        title = f"Mean cosine over {len(kinships)} models"
        figure = draw_cosines(names, means, tree, games=games, title=title)
        drawn["cosines"].append(save_figure(figure, out / "kinship.png", formats=FORMATS))
    for kinship in kinships:
        own = mean_cosines(kinship).mean
        title = f"{kinship.label}, ×{kinship.scale}: mean cosine over {len(kinship.photos)} images"
        figure = draw_cosines(kinship.names, own, cluster_directions(own), games=games, title=title)
        path = out / f"kinship-{kinship.key}.png"
        drawn["cosines"].append(save_figure(figure, path, formats=FORMATS))
        figure = draw_frequencies(kinship, [name for name in order if name in kinship.names], games=games)
        path = out / f"frequencies-{kinship.key}.png"
        drawn["frequencies"].append(save_figure(figure, path, formats=FORMATS))
        for number, figure in enumerate(draw_maps(maps / f"{kinship.key}.npz", kinship, order), start=1):
            path = out / f"maps-{kinship.key}-{number}.png"
            drawn["maps"].append(save_figure(figure, path, formats=(".png",)))
    return drawn


def draw_cosines(names: Sequence[str], cosines: Array, tree: Tree, *, games: set[str], title: str) -> Figure:
    """A heat map in the dendrogram's order, hundredths in its cells; the dendrogram to its left."""
    from matplotlib.figure import Figure

    side = 1.6 + 0.235 * len(names)
    figure = Figure(figsize=(side + 2.0, side), layout="constrained")
    branches, place = figure.subplots(1, 2, width_ratios=(1.2, side - 1.0))
    order = list(tree.order)
    shown = cosines[np.ix_(order, order)]
    image = place.imshow(shown, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    for row in range(len(order)):
        for column in range(len(order)):
            value = shown[row, column]
            if not np.isnan(value) and row != column:
                colour = "white" if abs(value) > 0.6 else "black"
                words = f"{round(100 * value) + 0:d}"
                place.text(column, row, words, ha="center", va="center", fontsize=5, color=colour)
    _name_axis(place, [names[each] for each in order], games)
    place.set_title(f"{title}, in hundredths", fontsize=9)
    _draw_branches(branches, tree, len(names))
    bar = figure.colorbar(image, ax=place, shrink=0.5, aspect=30)
    bar.ax.tick_params(labelsize=7)
    return figure


def _name_axis(place: Axes, names: Sequence[str], games: set[str]) -> None:
    place.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    place.set_yticks(range(len(names)), names, fontsize=7)
    for label in (*place.get_xticklabels(), *place.get_yticklabels()):
        if label.get_text() in games:
            label.set_color(GAME_COLOUR)


def _draw_branches(place: Axes, tree: Tree, count: int) -> None:
    """The dendrogram, leaves to the right at the heat map's rows; its axis is the distance 1 − cosine."""
    middles: dict[int, tuple[float, float]] = {leaf: (float(row), 0.0) for row, leaf in enumerate(tree.order)}
    for number, (one, other, distance) in enumerate(tree.joins):
        (top, from_one), (bottom, from_other) = middles[one], middles[other]
        across = (from_one, distance, distance, from_other)
        place.plot(across, (top, top, bottom, bottom), color="#333333", lw=0.8)
        middles[count + number] = ((top + bottom) / 2, distance)
    place.set_ylim(count - 0.5, -0.5)
    place.set_xlim(max((distance for *_, distance in tree.joins), default=1.0) * 1.02, 0)
    place.set_yticks([])
    place.tick_params(labelsize=6)
    place.set_xlabel("1 − cosine", fontsize=7)
    for edge in ("left", "top", "right"):
        place.spines[edge].set_visible(False)


def draw_frequencies(kinship: Kinship, order: Sequence[str], *, games: set[str]) -> Figure:
    """Each direction's power by band, beside white noise's there, as a power of two: 1 is twice as much."""
    from matplotlib.figure import Figure

    mean, _, _ = grouped_intervals(kinship.shares, kinship.photos)
    white = white_shares(kinship)
    places = [kinship.names.index(name) for name in order]
    with np.errstate(divide="ignore", invalid="ignore"):
        shown = np.log2(mean[places] / np.where(white > 0, white, np.nan))
    figure = Figure(figsize=(6.2, 1.3 + 0.19 * len(order)), layout="constrained")
    place = figure.subplots()
    extent = (0, HIGHEST, len(order) - 0.5, -0.5)
    image = place.imshow(shown, cmap="PuOr_r", vmin=-4, vmax=4, aspect="auto", extent=extent)
    place.axvline(0.5 / kinship.scale, color="black", lw=1, ls="--")
    place.set_yticks(range(len(order)), order, fontsize=7)
    for label in place.get_yticklabels():
        if label.get_text() in games:
            label.set_color(GAME_COLOUR)
    place.tick_params(axis="x", labelsize=7)
    place.set_xlabel("frequency, cycles per pixel; dashed: the highest that LR has", fontsize=7)
    place.set_title(f"{kinship.label}, ×{kinship.scale}: power beside white noise's, log₂", fontsize=8)
    figure.colorbar(image, ax=place, shrink=0.6, aspect=30).ax.tick_params(labelsize=7)
    return figure


def draw_maps(path: Path, kinship: Kinship, order: Sequence[str]) -> list[Figure]:
    """A figure for each mapped image, of HR, SR and every direction's strength; none without such a file."""
    if not path.is_file():
        return []
    kept = _read_maps(path)
    names = [str(name) for name in kept["names"]]
    chosen = [name for name in order if name in names]
    return [
        _draw_image_maps(kept, place, chosen, names, title=f"{kinship.label}, ×{kinship.scale}")
        for place in range(len(kept["hr"]))
    ]


def _read_maps(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in ("strength", "names", "photos", "hr", "sr")}
    except Exception as error:  # readers of archives raise whatever they like
        raise UserError(f"{path} cannot be read ({error}); remove it, and measure again") from error


def _draw_image_maps(
    kept: dict[str, NDArray[Any]], place: int, chosen: Sequence[str], names: Sequence[str], *, title: str
) -> Figure:
    from matplotlib.figure import Figure

    rows = -(-(len(chosen) + 2) // COLUMNS)
    figure = Figure(figsize=(1.25 * COLUMNS, 1.45 * rows + 0.3), layout="constrained")
    axes = list(figure.subplots(rows, COLUMNS, squeeze=False).ravel())
    for each in axes:
        each.axis("off")
    for axis, what in zip(axes[:2], ("hr", "sr"), strict=True):
        axis.imshow(kept[what][place], interpolation="nearest")
        axis.set_title(what.upper(), fontsize=7)
    for axis, name in zip(axes[2:], chosen, strict=False):
        strength = kept["strength"][names.index(name), place].astype(np.float64)
        white = float(np.quantile(strength, 0.995)) or 1.0
        axis.imshow(np.sqrt(strength / white), cmap="magma", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title("\n".join(textwrap.wrap(name, TITLE_WIDTH)), fontsize=6)
    figure.suptitle(
        f"{title}, a crop of {kept['photos'][place]}: where each direction pulls (square root, each with "
        "a scale of its own)",
        fontsize=8,
    )
    return figure
