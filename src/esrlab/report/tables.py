"""Score rows -> tables of text: the paper's three, and one of everything."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from esrlab.core.scores import BICUBIC, CASCADE, Score
from esrlab.report.columns import (
    ABSENT,
    FIELD,
    INTERVALS,
    NO_INTERVALS,
    OWN_AND_PRINTED,
    PAPERS,
    REAL_LPIPS,
    STUDENT_LPIPS,
    Column,
)
from esrlab.report.coverage import FEWER, Fewer, Place, find_fewer, name_fewer
from esrlab.report.limitations import LEARNT_LPIPS, learnt_lpips
from esrlab.report.paper import PAPER_TABLES, PAPERS_SHIFT, PRINTED
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


def build_tables(scores: Sequence[Score]) -> list[Table]:
    """For each benchmark the paper's tables, as far as their recipes are there, and a table of everything."""
    found = spreads(scores)
    labels = {score.recipe: score.label for score in scores}
    endings = count_endings(scores)
    seeded = frozenset((score.scale, score.recipe) for score in scores if score.seed is not None)
    fewer = find_fewer(scores)
    benchmarks = list(dict.fromkeys(score.image.split("/", 1)[0] for score in scores))
    tables: list[Table] = []
    for benchmark in benchmarks:
        source = TableRows(benchmark, found, labels, endings, seeded, fewer)
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

    def scales(self) -> list[int]:
        return sorted({series.scale for series in self.spreads if series.benchmark == self.benchmark})

    def find(self, scale: int, recipe: str, metric: str) -> Spread | None:
        return self.spreads.get(Series(self.benchmark, scale, recipe, metric))

    def present(self, scale: int, recipes: Iterable[str]) -> list[str]:
        return [name for name in recipes if self.find(scale, name, FIELD[0].at(scale)) is not None]

    def mark(self, scale: int, recipe: str, name: str) -> str:
        """A row's name with the marks of how its trainings ended, and of what its means are."""
        learnt = [LEARNT] if learnt_lpips(self.labels[recipe]) else []
        ended = [MARKS[outcome] for outcome in self.endings.get((scale, recipe), {})]
        few = [FEWER] if Place(self.benchmark, scale, recipe) in self.fewer else []
        return " ".join([name, *ended, *learnt, *few])

    def footnotes(self, shown: Sequence[tuple[int, str, str]]) -> tuple[str, ...]:
        """What the marks of these rows (scale, recipe, name) mean: of how many seeds they are true."""
        notes: list[str] = []
        for outcome, mark in MARKS.items():
            rows = [
                f"{name} ×{scale} ({self.endings[scale, recipe][outcome]} of {self._seeds(scale, recipe)})"
                for scale, recipe, name in shown
                if outcome in self.endings.get((scale, recipe), {})
            ]
            if rows:
                notes.append(
                    f"{mark} {outcome}, in so many of the seeds: {', '.join(rows)}. {MEANINGS[outcome]}"
                )
        if any(learnt_lpips(self.labels[recipe]) for _, recipe, _ in shown):
            notes.append(f"{LEARNT} {LEARNT_LPIPS}.")
        places = {Place(self.benchmark, scale, recipe): name for scale, recipe, name in shown}
        if few := name_fewer(places, self.fewer):
            notes.append(f"{FEWER} mean of fewer images, not comparable with the others: {few}.")
        return tuple(notes)

    def _seeds(self, scale: int, recipe: str) -> int:
        spread = self.find(scale, recipe, FIELD[0].at(scale))
        return spread.seeds if spread is not None else 0

    def perceptual(self) -> tuple[Column, ...]:
        """LPIPS, the student's beside or instead of it; where neither was measured LPIPS's column stays."""
        metrics = {series.metric for series in self.spreads if series.benchmark == self.benchmark}
        found = tuple(column for column in (REAL_LPIPS, STUDENT_LPIPS) if column.metric in metrics)
        return found or (REAL_LPIPS,)

    def cell(self, scale: int, recipe: str, column: Column) -> Figure:
        """A mean with its sd, and its interval in brackets; nothing where there is none, or none is shown."""
        spread = self.find(scale, recipe, column.at(scale))
        if spread is None:
            return ABSENT, ""
        mean = column.show(spread.mean)
        shown = mean if spread.sd is None else f"{mean} ± {column.show(spread.sd)}"
        if spread.interval is None or not column.has_intervals:
            return shown, ""
        return shown, f"[{', '.join(map(column.show, spread.interval))}]"


def _paper_table(key: str, title: str, recipes: tuple[str, ...], *, rows: TableRows) -> Table:
    beside = (*OWN_AND_PRINTED, *rows.perceptual())
    columns = ("×", "method", *(column.heading for column in FIELD[:2]))
    for column in beside:
        columns += (column.heading, PAPERS)
    methods = [BICUBIC, *recipes, *(f"{recipe}{CASCADE}" for recipe in recipes)]
    made: list[Row] = []
    shown: list[tuple[int, str, str]] = []
    for scale in rows.scales():
        present = rows.present(scale, methods)
        shown += [(scale, name, rows.labels[name]) for name in present]
        for name in present:
            figures = [rows.cell(scale, name, column) for column in FIELD[:2]]
            for column, value in itertools.zip_longest(beside, _printed(name, scale), fillvalue=""):
                assert isinstance(column, Column)
                figures += [rows.cell(scale, name, column), (value, "")]
            made.append(_row(scale, rows.mark(scale, name, rows.labels[name]), figures, name == present[0]))
    return Table(key, title, columns, tuple(made), rows.footnotes(shown), _remark(made))


def _printed(recipe: str, scale: int) -> tuple[str, ...]:
    """The paper's figures, as columns show them."""
    printed = PRINTED.get(recipe, {}).get(scale)
    if printed is None:
        return ("",) * 3
    psnr = f"{printed.psnr:.2f} ({printed.psnr - PAPERS_SHIFT:.2f})"
    return (psnr, f"{printed.ssim:.4f}", f"{printed.lpips:.4f}")


def _row(scale: int, name: str, figures: Sequence[Figure], begins_group: bool) -> Row:
    cells, intervals = zip(*figures, strict=True)
    return Row((f"×{scale}", name, *cells), begins_group, ("", "", *intervals) if any(intervals) else ())


def _remark(rows: Iterable[Row]) -> str:
    return INTERVALS if any(row.intervals for row in rows) else NO_INTERVALS


def _full_table(rows: TableRows) -> Table:
    measured = (*FIELD, *rows.perceptual())
    columns = ("×", "recipe", *(column.heading for column in measured), "seeds")
    made: list[Row] = []
    shown: list[tuple[int, str, str]] = []
    for scale in rows.scales():
        present = rows.present(scale, rows.labels)
        shown += [(scale, name, marked(name, rows.labels[name])) for name in present]
        for name in present:
            spread = rows.find(scale, name, FIELD[0].at(scale))
            seeds = "–" if spread is None or (scale, name) not in rows.seeded else str(spread.seeds)
            figures = [*(rows.cell(scale, name, column) for column in measured), (seeds, "")]
            words = rows.mark(scale, name, marked(name, rows.labels[name]))
            made.append(_row(scale, words, figures, name == present[0]))
    title = f"All recipes on {rows.benchmark}"
    return Table(f"all-{rows.benchmark}", title, columns, tuple(made), rows.footnotes(shown), _remark(made))
