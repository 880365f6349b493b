"""Score rows -> tables of text: the paper's three, and one of everything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from esrlab.core.metrics import BUILT_IN, KnownMetrics, MetricInfo
from esrlab.core.scores import BICUBIC, CASCADE, Score
from esrlab.report.columns import (
    ABSENT,
    INTERVALS,
    NO_INTERVALS,
    PAPERS,
    field_columns,
    other_columns,
    paper_columns,
)
from esrlab.report.coverage import FEWER, Fewer, Place, find_fewer, name_fewer
from esrlab.report.limitations import learnt_metrics, learnt_words
from esrlab.report.paper import PAPER_TABLES, printed_cells
from esrlab.statistics.spreads import Series, Spread, spreads

Figure = tuple[str, str]
"""What a cell shows, and what stands in brackets below it."""


@dataclass(frozen=True)
class Row:
    """One line of a table; `begins_group` where a new magnification begins.

    intervals: what stands in brackets below each cell, "" where nothing does; of no row, where empty.
    """

    cells: tuple[str, ...]
    begins_group: bool
    intervals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table of text, ready to be set in any format; the first two columns are words, the rest figures.

    footnotes: what the marks beside its rows mean, each beginning with its mark. remark: what its intervals
    are, or why there are none, for formats that have room for them.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...] = ()
    remark: str = ""


MARKS = {"collapsed": "†", "diverged": "‡"}
"""What stands beside a row, some of whose trainings ended so."""

LEARNT = "§"
"""The mark of a recipe that was trained on the metric that measures it."""

MEANINGS = {
    "collapsed": "These trainings had signs of collapse at their end; the figures are of the generator as "
    "it then was.",
    "diverged": "These trainings were stopped after values that are not finite; the figures are of the "
    "last generator before that.",
}


def build_tables(scores: Sequence[Score], *, known: KnownMetrics = BUILT_IN) -> list[Table]:
    """For each benchmark the paper's tables, as far as their recipes are there, and a table of everything."""
    found = spreads(scores)
    labels = {score.recipe: score.label for score in scores}
    endings = count_endings(scores)
    seeded = frozenset((score.scale, score.recipe) for score in scores if score.seed is not None)
    fewer = find_fewer(scores, known=known)
    benchmarks = list(dict.fromkeys(score.image.split("/", 1)[0] for score in scores))
    tables: list[Table] = []
    for benchmark in benchmarks:
        source = TableRows(benchmark, found, labels, endings, seeded, fewer, known)
        for paper in PAPER_TABLES:
            if all(recipe in labels for recipe in paper.recipes):
                title = f"Table {paper.number}, {paper.title}, on {benchmark}"
                key = f"table{paper.number}-{benchmark}"
                tables.append(_paper_table(key, title, paper.recipes, rows=source))
        tables.append(_full_table(source))
    return tables


def count_endings(scores: Iterable[Score]) -> dict[tuple[int, str], dict[str, int]]:
    """How many seeds collapsed or diverged, by scale and recipe; only where any did."""
    ended = {(s.scale, s.recipe, s.seed, s.outcome) for s in scores if s.outcome}
    counts: dict[tuple[int, str], dict[str, int]] = {}
    for outcome in MARKS:
        for scale, recipe, _, found in ended:
            if found == outcome:
                counted = counts.setdefault((scale, recipe), {})
                counted[outcome] = counted.get(outcome, 0) + 1
    return counts


def marked(recipe: str, label: str) -> str:
    """A recipe's name with the origin of its content weights where they are not ImageNet's own."""
    origin = next((word for word in ("untrained", "student") if f"({word}" in label), None)
    return recipe if origin is None else f"{recipe} ({origin})"


@dataclass(frozen=True)
class TableRows:
    """What one benchmark's tables are filled from."""

    benchmark: str
    spreads: dict[Series, Spread]
    labels: dict[str, str]
    endings: dict[tuple[int, str], dict[str, int]]
    seeded: frozenset[tuple[int, str]]
    fewer: dict[Place, Fewer]
    known: KnownMetrics

    def scales(self) -> list[int]:
        return sorted({series.scale for series in self.spreads if series.benchmark == self.benchmark})

    def find(self, scale: int, recipe: str, metric: str) -> Spread | None:
        return self.spreads.get(Series(self.benchmark, scale, recipe, metric))

    def present(self, scale: int, recipes: Iterable[str]) -> list[str]:
        return [name for name in recipes if self._first(scale, name) is not None]

    def mark(self, scale: int, recipe: str, name: str) -> str:
        """A row's name with the marks of how its trainings ended, and of what its means are."""
        learnt = [LEARNT] if learnt_metrics([self.labels[recipe]], self.known) else []
        ended = [MARKS[outcome] for outcome in self.endings.get((scale, recipe), {})]
        few = [FEWER] if Place(self.benchmark, scale, recipe) in self.fewer else []
        return " ".join([name, *ended, *learnt, *few])

    def footnotes(self, shown: Sequence[tuple[int, str, str]]) -> tuple[str, ...]:
        """What the marks of these rows (scale, recipe, name) mean: of how many seeds they are true."""
        notes: list[str] = []
        for outcome, mark in MARKS.items():
            rows = [
                f"{name} ×{scale} ({self.endings[scale, recipe][outcome]} of {self.seeds(scale, recipe)})"
                for scale, recipe, name in shown
                if outcome in self.endings.get((scale, recipe), {})
            ]
            if rows:
                notes.append(
                    f"{mark} {outcome}, in so many of the seeds: {', '.join(rows)}. {MEANINGS[outcome]}"
                )
        if learnt := learnt_metrics([self.labels[recipe] for _, recipe, _ in shown], self.known):
            notes.append(f"{LEARNT} {learnt_words(*learnt)}.")
        places = {Place(self.benchmark, scale, recipe): name for scale, recipe, name in shown}
        if few := name_fewer(places, self.fewer):
            notes.append(f"{FEWER} mean of fewer images, not comparable with the others: {few}.")
        return tuple(notes)

    def seeds(self, scale: int, recipe: str) -> int:
        """Of how many seeds its means are."""
        spread = self._first(scale, recipe)
        return spread.seeds if spread is not None else 0

    def _first(self, scale: int, recipe: str) -> Spread | None:
        """Of the first metric that a method has values in."""
        found = (self.find(scale, recipe, info.at(scale)) for info in self.known.infos)
        return next((spread for spread in found if spread is not None), None)

    def others(self) -> tuple[MetricInfo, ...]:
        """The columns beside those that every table has."""
        own = {series.metric for series in self.spreads if series.benchmark == self.benchmark}
        return other_columns(self.known, own)

    def cell(self, scale: int, recipe: str, column: MetricInfo) -> Figure:
        """A mean with its sd, and its interval in brackets; nothing where there is none, or none is shown."""
        spread = self.find(scale, recipe, column.at(scale))
        if spread is None:
            return ABSENT, ""
        mean = column.show(spread.mean)
        shown = mean if spread.sd is None else f"{mean} ± {column.show(spread.sd)}"
        if spread.interval is None or column.shown == "paper":
            return shown, ""
        return shown, f"[{', '.join(map(column.show, spread.interval))}]"


def _paper_table(key: str, title: str, recipes: tuple[str, ...], *, rows: TableRows) -> Table:
    ours = tuple(info for info in field_columns(rows.known) if info.is_primary)
    beside = (*paper_columns(rows.known), *rows.others())
    ids = {info.id for info in beside}
    columns = ("×", "method", *(info.id for info in ours))
    for info in beside:
        columns += (info.id,) if printed_cells(info.id) is None else (info.id, PAPERS)
    methods = [BICUBIC, *recipes, *(f"{recipe}{CASCADE}" for recipe in recipes)]
    made: list[Row] = []
    shown: list[tuple[int, str, str]] = []
    for scale in rows.scales():
        present = rows.present(scale, methods)
        shown += [(scale, name, rows.labels[name]) for name in present]
        for name in present:
            figures = [rows.cell(scale, name, info) for info in ours]
            for info in beside:
                figures.append(rows.cell(scale, name, info))
                if (cells := printed_cells(info.id)) is not None:
                    figures.append(("" if info.imitates in ids else cells(name, scale), ""))
            made.append(_row(scale, rows.mark(scale, name, rows.labels[name]), figures, name == present[0]))
    return Table(key, title, columns, tuple(made), rows.footnotes(shown), _remark(made))


def _row(scale: int, name: str, figures: Sequence[Figure], begins_group: bool) -> Row:
    cells, intervals = zip(*figures, strict=True)
    return Row((f"×{scale}", name, *cells), begins_group, ("", "", *intervals) if any(intervals) else ())


def _remark(rows: Iterable[Row]) -> str:
    return INTERVALS if any(row.intervals for row in rows) else NO_INTERVALS


def _full_table(rows: TableRows) -> Table:
    measured = (*field_columns(rows.known), *rows.others())
    columns = ("×", "recipe", *(info.id for info in measured), "seeds")
    made: list[Row] = []
    shown: list[tuple[int, str, str]] = []
    for scale in rows.scales():
        present = rows.present(scale, rows.labels)
        shown += [(scale, name, marked(name, rows.labels[name])) for name in present]
        for name in present:
            seeds = str(rows.seeds(scale, name)) if (scale, name) in rows.seeded else "–"
            figures = [*(rows.cell(scale, name, info) for info in measured), (seeds, "")]
            words = rows.mark(scale, name, marked(name, rows.labels[name]))
            made.append(_row(scale, words, figures, name == present[0]))
    title = f"All recipes on {rows.benchmark}"
    return Table(f"all-{rows.benchmark}", title, columns, tuple(made), rows.footnotes(shown), _remark(made))
