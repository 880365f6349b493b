"""Score rows -> tables of text: the paper's three, and one of everything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from esrlab.report.paper import PAPER_TABLES, PRINTED
from esrlab.scores import BICUBIC, CASCADE, Score
from esrlab.statistics import Series, Spread, spreads


@dataclass(frozen=True)
class Row:
    """One line of a table; `begins_group` where a new magnification begins."""

    cells: tuple[str, ...]
    begins_group: bool


@dataclass(frozen=True)
class Table:
    """A table of text, ready to be set in any format; the first two columns are words, the rest figures.

    footnotes: what the marks beside its rows mean, each beginning with its mark.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """A metric's column: its heading, its metric at a scale, its decimals."""

    heading: str
    metric: str
    decimals: int

    def at(self, scale: int) -> str:
        """The metric's label at this scale."""
        return self.metric.format(scale=scale)


FIELD = (
    Column("PSNR-Y/s", "PSNR-Y/{scale}", 2),
    Column("SSIM-Y/s", "SSIM-Y/{scale}", 4),
    Column("PSNR-RGB/s", "PSNR-RGB/{scale}", 2),
    Column("SSIM-RGB/s", "SSIM-RGB/{scale}", 4),
)
OWN_AND_PRINTED = (Column("PSNR-paper", "PSNR-paper", 2), Column("SSIM-paper", "SSIM-paper", 4))
REAL_LPIPS = Column("LPIPS", "LPIPS", 4)
STUDENT_LPIPS = Column("LPIPS≈", "LPIPS≈", 4)
PAPERS = "paper"
"""Heads the paper's own figure, beside ours."""

ABSENT = "n/a"
"""What stands in the LPIPS column where it was not measured."""

MARKS = {"collapsed": "†", "diverged": "‡"}
"""What stands beside a row, some of whose trainings ended so."""

MEANINGS = {
    "collapsed": "Signs of collapse stood at the end of these trainings; the figures are of the generator as "
    "it then was.",
    "diverged": "These trainings met values that are not finite and were given up; the figures are of the "
    "last generator before that.",
}

CONVENTIONS = (
    "PSNR-Y/s and SSIM-Y/s: on BT.601 luma, s = scale pixels of border left out, 8-bit images, mean over "
    "images; -RGB: on the three channels. ± is the standard deviation between seeds of each seed's mean. "
    "LPIPS: AlexNet, v0.1, whole images, smaller is nearer."
)
LPIPS_STUDENT_NOTE = (
    "LPIPS≈ is a small network that was taught to imitate LPIPS-Alex; it is not LPIPS, and how far it lies "
    "from a published value, the paper's beside it included, says nothing."
)
LPIPS_ABSENT_NOTE = (
    "LPIPS was not measured: its weights were not found. esrlab weights get alexnet and esrlab weights get "
    "lpips-alex fetch them (244 MB and 6 kB); finished runs then have to be scored anew in a new folder."
)


def build_tables(scores: Sequence[Score]) -> list[Table]:
    """For each benchmark the paper's tables, as far as their recipes are there, and a table of everything."""
    found = spreads(scores)
    labels = {score.recipe: score.label for score in scores}
    endings = count_endings(scores)
    seeded = frozenset((score.scale, score.recipe) for score in scores if score.seed is not None)
    benchmarks = list(dict.fromkeys(score.image.split("/", 1)[0] for score in scores))
    tables: list[Table] = []
    for benchmark in benchmarks:
        source = Source(benchmark, found, labels, endings, seeded)
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
class Source:
    """What one benchmark's tables are filled from."""

    benchmark: str
    spreads: dict[Series, Spread]
    labels: dict[str, str]
    endings: dict[tuple[int, str], dict[str, int]]
    seeded: frozenset[tuple[int, str]]

    def scales(self) -> list[int]:
        return sorted({series.scale for series in self.spreads if series.benchmark == self.benchmark})

    def find(self, scale: int, recipe: str, metric: str) -> Spread | None:
        return self.spreads.get(Series(self.benchmark, scale, recipe, metric))

    def present(self, scale: int, recipes: Iterable[str]) -> list[str]:
        return [name for name in recipes if self.find(scale, name, FIELD[0].at(scale)) is not None]

    def mark(self, scale: int, recipe: str, name: str) -> str:
        """A row's name with the marks of how its trainings ended."""
        return " ".join([name, *(MARKS[outcome] for outcome in self.endings.get((scale, recipe), {}))])

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
        return tuple(notes)

    def _seeds(self, scale: int, recipe: str) -> int:
        spread = self.find(scale, recipe, FIELD[0].at(scale))
        return spread.seeds if spread is not None else 0

    def perceptual(self) -> tuple[Column, ...]:
        """LPIPS, the student's beside or instead of it; where neither was measured LPIPS's column stays."""
        metrics = {series.metric for series in self.spreads if series.benchmark == self.benchmark}
        found = tuple(column for column in (REAL_LPIPS, STUDENT_LPIPS) if column.metric in metrics)
        return found or (REAL_LPIPS,)

    def cell(self, scale: int, recipe: str, column: Column) -> str:
        spread = self.find(scale, recipe, column.at(scale))
        if spread is None:
            return ABSENT
        mean = f"{spread.mean:.{column.decimals}f}"
        return mean if spread.sd is None else f"{mean} ± {spread.sd:.{column.decimals}f}"


def _paper_table(key: str, title: str, recipes: tuple[str, ...], *, rows: Source) -> Table:
    perceptual = rows.perceptual()
    columns = ("×", "method", *(column.heading for column in FIELD[:2]))
    for column in (*OWN_AND_PRINTED, *perceptual):
        columns += (column.heading, PAPERS)
    methods = [BICUBIC, *recipes, *(f"{recipe}{CASCADE}" for recipe in recipes)]
    made: list[Row] = []
    shown: list[tuple[int, str, str]] = []
    for scale in rows.scales():
        present = rows.present(scale, methods)
        shown += [(scale, name, rows.labels[name]) for name in present]
        for name in present:
            printed = PRINTED.get(name, {}).get(scale)
            theirs = (
                (f"{printed.psnr:.2f}", f"{printed.ssim:.4f}", f"{printed.lpips:.4f}")
                if printed
                else ("",) * 3
            )
            cells = [
                f"×{scale}",
                rows.mark(scale, name, rows.labels[name]),
                *(rows.cell(scale, name, column) for column in FIELD[:2]),
            ]
            for column, value in zip((*OWN_AND_PRINTED, *perceptual), theirs, strict=False):
                cells += [rows.cell(scale, name, column), value]
            made.append(Row(tuple(cells), begins_group=name == present[0]))
    return Table(key, title, columns, tuple(made), rows.footnotes(shown))


def _full_table(rows: Source) -> Table:
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
            cells = (
                f"×{scale}",
                rows.mark(scale, name, marked(name, rows.labels[name])),
                *(rows.cell(scale, name, column) for column in measured),
                seeds,
            )
            made.append(Row(cells, begins_group=name == present[0]))
    title = f"All recipes on {rows.benchmark}"
    return Table(f"all-{rows.benchmark}", title, columns, tuple(made), rows.footnotes(shown))
