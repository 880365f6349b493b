"""Figures from a study's files: crops side by side, training curves, planes. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from esrlab.core.files import find_inside, replacing
from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.scores import Score
from esrlab.core.windows import window_sums
from esrlab.errors import UserError
from esrlab.report.logs import RunLog
from esrlab.report.page.pictures import open_picture
from esrlab.report.planefigure import DARK_COLOURS, draw_plane
from esrlab.report.tables import marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CROP = 72
"""Side of the crop shown, in high-resolution pixels."""

IMAGES = 3
"""How many images a crop figure shows: a benchmark's first ones by name."""

COLOURS = (*DARK_COLOURS, "#F0E442")
"""Okabe and Ito's whole palette."""

STROKES = ("-", "--", "-.")
"""Lines of one colour are told apart by these, once every colour is taken."""

FORMATS = (".png", ".pdf", ".svg")
"""Every figure is written in each: for the page, for papers, for editing."""

SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.hashsalt": "esrlab",
    "svg.fonttype": "path",
}
"""Fonts are embedded as journals ask for them, and names inside a file are the same each time."""

UNDATED: dict[str, dict[str, str | None]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None, "Creator": None},
}
"""What is left out of a file, so that the same figure is the same bytes."""

Pixels = NDArray[np.float64]


def draw_figures(
    study: Path, scores: list[Score], logs: Sequence[RunLog], *, known: KnownMetrics = BUILT_IN
) -> list[Path]:
    """Draws every figure that the folder's rows, pictures and logs allow into figures/, in every format.

    Returns the paths of the PNG files.

    Raises UserError naming the extra where matplotlib is missing.
    """
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise UserError("figures need matplotlib: pip install 'esrlab[report]'") from error
    mpl.use("Agg")
    with mpl.rc_context(SETTINGS):
        return _draw(study, scores, logs, known)


def _draw(study: Path, scores: list[Score], logs: Sequence[RunLog], known: KnownMetrics) -> list[Path]:
    drawn: list[Path] = []
    names = {score.recipe: marked(score.recipe, score.label) for score in scores}
    for scale in sorted({score.scale for score in scores}):
        figures = (
            ("plane", draw_plane(scores, names, scale, known=known)),
            ("crops", _crops(study, scores, names, scale, known)),
            ("curves", _curves(logs, names, scale)),
        )
        drawn += [
            save_figure(figure, study / "figures" / f"{name}-x{scale}.png")
            for name, figure in figures
            if figure is not None
        ]
    return drawn


def save_figure(figure: Figure, path: Path, *, formats: Sequence[str] = FORMATS) -> Path:
    """Writes a figure beside `path` in each format, the same bytes each time; returns `path`."""
    for suffix in formats:
        with replacing(path.with_suffix(suffix)) as temporary:
            figure.savefig(temporary, dpi=130, format=suffix[1:], metadata=UNDATED[suffix])
        figure.set_layout_engine("none")  # what the first format found holds for all
    return path


def _read(path: Path) -> Pixels:
    pixels = np.asarray(open_picture(path), dtype=np.float64)
    return (np.repeat(pixels[..., None], 3, axis=-1) if pixels.ndim == 2 else pixels)[..., :3]


def _crops(
    study: Path, scores: list[Score], names: dict[str, str], scale: int, known: KnownMetrics
) -> Figure | None:
    """One row an image: LR, bicubic, every recipe, HR, cut from the busiest place of the HR image."""
    from matplotlib.figure import Figure

    root = study / "pictures" / f"x{scale}"
    recipes = list(dict.fromkeys(score.recipe for score in scores))
    images = list(dict.fromkeys(score.image for score in scores if score.scale == scale))
    images = [image for image in images if find_inside(root, "hr", f"{image}.png")][:IMAGES]
    methods = (
        ["lr", *(name for name in recipes if find_inside(root, name, f"{images[0]}.png")), "hr"]
        if images
        else []
    )
    if not methods:
        return None
    info = known.distortion
    values = _values_of_first_seed(scores, scale, info)
    figure = Figure(figsize=(1.7 * len(methods), 2.05 * len(images) + 0.3), layout="constrained")
    axes = figure.subplots(len(images), len(methods), squeeze=False)
    for line, image in zip(axes, images, strict=True):
        top, left = busiest_place(_read(root / "hr" / f"{image}.png"), side=CROP, step=scale)
        for place, method in zip(line, methods, strict=True):
            path = find_inside(root, method, f"{image}.png")
            if path is None:
                place.axis("off")
                continue
            shrink = scale if method == "lr" else 1
            pixels = _read(path)
            rows = slice(top // shrink, (top + CROP) // shrink)
            columns = slice(left // shrink, (left + CROP) // shrink)
            place.imshow(pixels[rows, columns], interpolation="nearest", vmin=0, vmax=1)
            title = {"lr": f"LR (×{scale} smaller)", "hr": "HR"}.get(method, names.get(method, method))
            _caption(place, title if image == images[0] else "", values.get((method, image), ""))
        line[0].set_ylabel(image, fontsize=7)
    seed = next((score.seed for score in scores if score.seed is not None), None)
    figure.suptitle(f"×{scale}, seed {seed}: {info.at(scale)} of the whole image below each crop", fontsize=8)
    return figure


def _caption(place: Axes, title: str, value: str) -> None:
    place.set_xticks([])
    place.set_yticks([])
    place.set_title(title.replace("-cascade", " ×2∘×2").replace(" (", "\n("), fontsize=7)
    if value:
        place.set_xlabel(value, fontsize=7)


def _values_of_first_seed(scores: list[Score], scale: int, info: MetricInfo) -> dict[tuple[str, str], str]:
    values: dict[tuple[str, str], str] = {}
    for score in scores:
        if score.scale == scale and score.metric == info.at(scale):
            values.setdefault((score.recipe, score.image), f"{info.show(score.value)} {info.unit}")
    return values


def busiest_place(pixels: Pixels, *, side: int, step: int) -> tuple[int, int]:
    """(top, left) of the side×side window with the largest mean squared gradient, multiples of `step`."""
    grey = pixels.mean(axis=-1)
    down, across = np.gradient(grey)
    height, width = grey.shape
    tops = np.arange(0, max(height - side, 0) + 1, step)
    lefts = np.arange(0, max(width - side, 0) + 1, step)
    bottoms, rights = np.minimum(tops + side, height), np.minimum(lefts + side, width)
    energy = window_sums(down**2 + across**2, tops=tops, lefts=lefts, bottoms=bottoms, rights=rights)
    row, column = np.unravel_index(int(energy.argmax()), energy.shape)
    return int(tops[row]), int(lefts[column])


PANELS = (
    ("content loss, relative to its start", "loss/content", None),
    ("critic's gap C(real) − C(fake)", "critic/gap", None),
    ("adversary's share of the pull", "pull/adversarial", "share"),
)


def _curves(logs: Sequence[RunLog], names: dict[str, str], scale: int) -> Figure | None:
    """Content loss, the critic's gap and the adversary's share of the pull, by recipe; a line a seed.

    A dotted line stands at the first sign of collapse of a run that went wrong.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    runs = [log for log in logs if log.scale == scale and log.rows]
    if not runs:
        return None
    strokes = [(colour, stroke) for stroke in STROKES for colour in COLOURS] * 9
    styles = dict(zip(dict.fromkeys(log.recipe for log in runs), strokes, strict=False))
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    for place, (title, key, part) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for log in runs:
            points = [(row["step"], row[key][part] if part else row[key]) for row in log.rows if key in row]
            if points:
                steps, values = (np.array(column, dtype=np.float64) for column in zip(*points, strict=True))
                if key == "loss/content":
                    values = values / max(values[: _window(len(values))].mean(), 1e-30)
                colour, stroke = styles[log.recipe]
                place.plot(steps, _smooth(values), color=colour, ls=stroke, lw=1)
                if log.first_alarm is not None:
                    place.axvline(log.first_alarm, color=colour, lw=1, ls=":")
        place.set_title(f"×{scale}: {title}", fontsize=8)
        place.set_xlabel("step", fontsize=7)
        place.tick_params(labelsize=7)
        if key == "critic/gap":
            place.set_yscale("symlog", linthresh=1e-3)
    figure.axes[-1].set_ylim(-0.02, 1.02)
    handles = [Line2D([], [], color=colour, ls=stroke, lw=2) for colour, stroke in styles.values()]
    labels = [names.get(recipe, recipe) for recipe in styles]
    if any(log.first_alarm is not None for log in runs):
        handles.append(Line2D([], [], color="#555555", lw=1, ls=":"))
        labels.append("first sign of a collapse")
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    return figure


def _window(length: int) -> int:
    return max(1, length // 15)


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A running mean over a fifteenth of the curve."""
    width = _window(len(values))
    padded = np.pad(values, (width // 2, (width - 1) // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
