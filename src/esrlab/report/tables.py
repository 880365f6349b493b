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
    """A table of text, ready to be set in any format; the first two columns are words, the rest figures."""

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


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
    benchmarks = list(dict.fromkeys(score.image.split("/", 1)[0] for score in scores))
    tables: list[Table] = []
    for benchmark in benchmarks:
        for paper in PAPER_TABLES:
            if all(recipe in labels for recipe in paper.recipes):
                title = f"Table {paper.number}, {paper.title}, on {benchmark}"
                key = f"table{paper.number}-{benchmark}"
                tables.append(_paper_table(key, title, paper.recipes, rows=Source(benchmark, found, labels)))
        tables.append(_full_table(Source(benchmark, found, labels)))
    return tables


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

    def scales(self) -> list[int]:
        return sorted({series.scale for series in self.spreads if series.benchmark == self.benchmark})

    def find(self, scale: int, recipe: str, metric: str) -> Spread | None:
        return self.spreads.get(Series(self.benchmark, scale, recipe, metric))

    def present(self, scale: int, recipes: Iterable[str]) -> list[str]:
        return [name for name in recipes if self.find(scale, name, FIELD[0].at(scale)) is not None]

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
    for scale in rows.scales():
        present = rows.present(scale, methods)
        for name in present:
            printed = PRINTED.get(name, {}).get(scale)
            shown = (
                (f"{printed.psnr:.2f}", f"{printed.ssim:.4f}", f"{printed.lpips:.4f}")
                if printed
                else ("",) * 3
            )
            cells = [
                f"×{scale}",
                rows.labels[name],
                *(rows.cell(scale, name, column) for column in FIELD[:2]),
            ]
            for column, theirs in zip((*OWN_AND_PRINTED, *perceptual), shown, strict=False):
                cells += [rows.cell(scale, name, column), theirs]
            made.append(Row(tuple(cells), begins_group=name == present[0]))
    return Table(key, title, columns, tuple(made))


def _full_table(rows: Source) -> Table:
    measured = (*FIELD, *rows.perceptual())
    columns = ("×", "recipe", *(column.heading for column in measured), "seeds")
    made: list[Row] = []
    for scale in rows.scales():
        present = rows.present(scale, rows.labels)
        for name in present:
            spread = rows.find(scale, name, FIELD[0].at(scale))
            seeds = "–" if name == BICUBIC or spread is None else str(spread.seeds)
            cells = (
                f"×{scale}",
                marked(name, rows.labels[name]),
                *(rows.cell(scale, name, column) for column in measured),
                seeds,
            )
            made.append(Row(cells, begins_group=name == present[0]))
    return Table(f"all-{rows.benchmark}", f"All recipes on {rows.benchmark}", columns, tuple(made))
