"""What the paper's tables compare, as differences with intervals."""

from collections.abc import Sequence

from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import Score
from esrlab.report.paper import PAPER_TABLES
from esrlab.report.tables import Row, Table
from esrlab.report.verdict_text import show, show_interval, show_seeds
from esrlab.statistics.claims import ALL
from esrlab.statistics.comparisons import Cell, compare, gather


def tabulate_intervals(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> dict[str, Table]:
    """By the key of a paper's table on a benchmark: its second recipe less its first, with 95% intervals."""
    made: dict[str, Table] = {}
    compared = [
        info
        for family in ALL
        for info in known.infos
        if info.family == family and (info.is_primary or info.imitates)
    ]
    for benchmark in dict.fromkeys(score.image.split("/", 1)[0] for score in scores):
        own = [score for score in scores if score.image.split("/", 1)[0] == benchmark]
        rows = gather(own)
        scales = sorted({score.scale for score in own})
        for paper in PAPER_TABLES:
            first, second = paper.recipes
            lines: list[Row] = []
            for scale in scales:
                for info in compared:
                    metric = info.at(scale)
                    if any(Cell(name, scale, metric) not in rows for name in paper.recipes):
                        continue
                    comparison = compare(rows, second, first, scale=scale, metric=metric, known=known)
                    found = show([comparison.difference], info)[0] if comparison.images else "–"
                    bounds = show_interval(comparison.interval, info)
                    cells = (
                        f"×{scale}",
                        metric,
                        found,
                        bounds,
                        show_seeds(comparison),
                        f"{comparison.images}",
                    )
                    lines.append(Row(cells, begins_group=info is compared[0]))
            if lines:
                title = f"Table {paper.number} as differences on {benchmark}: {second} − {first}"
                columns = ("×", "metric", "difference", "95% interval", "seeds", "images")
                made[f"table{paper.number}-{benchmark}"] = Table(
                    f"differences{paper.number}-{benchmark}", title, columns, tuple(lines)
                )
    return made
