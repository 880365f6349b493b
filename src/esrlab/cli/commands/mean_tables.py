"""Means over a benchmark's images, and the table of them that `esrlab evaluate` prints."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from esrlab.core.metrics import MetricInfo
from esrlab.core.scores import Score

MOST_COLUMNS = 5
"""Metrics side by side: of more, each has a row of its own and methods stand side by side."""

FEWER = "Means of fewer images than the others' are not comparable with them."


def as_figure(info: MetricInfo, value: float | None) -> str:
    """A metric's value with its usual decimals; – where there is none."""
    return "–" if value is None else info.show(value)


def find_means(rows: Sequence[Score]) -> list[dict[str, Any]]:
    """Means over a benchmark's images, as records; each says of how many."""
    values: dict[tuple[str, str, int, int | None, str], list[float]] = {}
    for row in rows:
        key = (row.image.split("/", 1)[0], row.recipe, row.scale, row.seed, row.metric)
        values.setdefault(key, []).append(row.value)
    heads = ("benchmark", "recipe", "scale", "seed", "metric")
    return [
        dict(zip(heads, key, strict=True)) | {"images": len(found), "value": fmean(found)}
        for key, found in values.items()
    ]


def set_means(
    benchmark: str, means: Sequence[dict[str, Any]], infos: Mapping[str, MetricInfo], *, images: int
) -> Table:
    """The table of one benchmark of so many images; a row whose means are of fewer says so.

    infos: what each metric in `means` is.
    """
    metrics = list(dict.fromkeys(mean["metric"] for mean in means))
    table = Table(
        title=Text(f"{benchmark}, means of {images} image{'s' * (images != 1)}, ×{means[0]['scale']}"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    columns: list[list[str]] = []
    for name, seed in dict.fromkeys((mean["recipe"], mean["seed"]) for mean in means):
        own = [mean for mean in means if (mean["recipe"], mean["seed"]) == (name, seed)]
        found = {mean["metric"]: mean["value"] for mean in own}
        shown = name if seed is None else f"{name}, seed {seed}"
        fewest = min(mean["images"] for mean in own)
        if fewest < images:
            shown += f" (mean of {fewest} of {images} images)"
            table.caption, table.caption_justify = FEWER, "left"
        columns.append([shown, *(as_figure(infos[metric], found.get(metric)) for metric in metrics)])
    _fill(table, [["method", *metrics], *columns], is_turned=len(metrics) > MOST_COLUMNS)
    return table


def _fill(table: Table, lines: list[list[str]], *, is_turned: bool) -> None:
    """Sets lines, the first one the headings; turned, each is a column."""
    heads, *rows = zip(*lines, strict=True) if is_turned else lines
    for place, head in enumerate(heads):
        side = "right" if place else "left"
        table.add_column(Text(head), justify=side, no_wrap=not is_turned and place > 0, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
