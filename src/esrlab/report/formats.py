"""Tables of text in the terminal, in Markdown and in LaTeX (booktabs)."""

import re
from collections.abc import Sequence

from rich import box
from rich.table import Table as TerminalTable
from rich.text import Text

from esrlab.report.columns import PAPERS
from esrlab.report.tables import Row, Table

WORDS = 2
"""How many of a table's columns hold words; the others hold figures and are set flush right."""

WIDE = 150
"""Terminal columns from which a mean and its spread fit on one line."""

NARROW = 100
"""Terminal columns below which the paper's figures go below ours."""

LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "∘": r"$\circ$",
    "σ": r"$\sigma$",
    "·": r"$\cdot$",
    "–": "--",
    "−": r"$-$",
    "λ": r"$\lambda$",
    "β": r"$\beta$",
    "≈": r"$\approx$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "…": r"\dots{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "∞": r"$\infty$",
    "\n": " ",
    "\r": " ",
    "\t": " ",
}


def to_terminal(table: Table, *, width: int) -> TerminalTable:
    """The table for rich to print: figures stay whole, words fold.

    Where the terminal is narrow spreads go below their means, and where it is narrower still the paper's
    figures go, in brackets, below ours.
    """
    columns, rows = table.columns, [row.cells for row in table.rows]
    if width < NARROW:
        columns, rows = _stack(columns), [_stack(cells, headings=table.columns) for cells in rows]
    spread = " ±" if width >= WIDE else "\n±"
    made = TerminalTable(
        title=Text(table.title),
        title_justify="left",
        title_style="bold",
        caption=Text("\n".join(table.footnotes)) if table.footnotes else None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for index, column in enumerate(columns):
        if index < WORDS:
            made.add_column(column, overflow="fold")
        else:
            heading = Text(column.replace("-paper", "\n-paper"))
            made.add_column(heading, justify="right", no_wrap=True)
    for index, cells in enumerate(rows):
        is_last = index + 1 < len(rows) and table.rows[index + 1].begins_group
        made.add_row(*(Text(cell.replace(" ± ", spread)) for cell in cells), end_section=is_last)
    return made


def _stack(cells: tuple[str, ...], *, headings: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Cells with each of the paper's in brackets below the one before it."""
    stacked: list[str] = []
    for heading, cell in zip(headings or cells, cells, strict=True):
        if heading != PAPERS:
            stacked.append(cell)
        elif cell:
            stacked[-1] += f"\n[{cell}]"
    return tuple(stacked)


def to_markdown(table: Table) -> str:
    """The table in Markdown, its title as a heading; intervals follow what they are of."""
    rule = ["---" if index < WORDS else "---:" for index in range(len(table.columns))]
    lines = [
        [escape_markdown(cell) for cell in cells] for cells in (table.columns, *map(_joined, table.rows))
    ]
    body = "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))
    notes = "".join(f"\n{escape_markdown(note)}\n" for note in _notes(table))
    return f"### {escape_markdown(table.title)}\n\n{body}\n{notes}"


def _joined(row: Row) -> tuple[str, ...]:
    if not row.intervals:
        return row.cells
    pairs = zip(row.cells, row.intervals, strict=True)
    return tuple(f"{cell} {interval}" if interval else cell for cell, interval in pairs)


def _notes(table: Table) -> tuple[str, ...]:
    return (*([table.remark] if table.remark else []), *table.footnotes)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows in a line, table or list without tags, links, pictures or headings in it.

    Brackets alone mean nothing in Markdown and stay; what makes links of them, and of addresses, does not.
    """
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    line = re.sub(r"\](?=[(\[:])", r"]\\", line)
    line = re.sub(r"(?i)\bwww\.", lambda found: f"{found[0][:-1]}\\.", line.replace("://", r":\//"))
    return re.sub(r"^(?=[#>]|[+*-]\s)", r"\\", line)


def to_latex(table: Table) -> str:
    """The table in LaTeX, intervals on a line of their own, smaller; needs \\usepackage{booktabs}."""
    spec = "l" * WORDS + "r" * (len(table.columns) - WORDS)
    lines = [_latex_row(table.columns), r"\midrule"]
    for row, is_first in zip(table.rows, [True] + [False] * len(table.rows), strict=False):
        if row.begins_group and not is_first:
            lines.append(r"\midrule")
        lines.append(_latex_row(row.cells))
        if row.intervals:
            lines.append(_latex_row(row.intervals, size=r"\scriptsize"))
    body = "\n".join(lines)
    notes = "".join(
        f"\\par\\smallskip{{\\footnotesize {escape_latex(note)}\\par}}\n" for note in _notes(table)
    )
    return (
        "\\begin{table}\n\\centering\n"
        f"\\caption{{{escape_latex(table.title)}}}\n\\label{{tab:{_as_label(table.key)}}}\n"
        f"\\begin{{tabular}}{{{spec}}}\n\\toprule\n{body}\n\\bottomrule\n\\end{{tabular}}\n{notes}\\end{{table}}\n"
    )


def _as_label(key: str) -> str:
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in key
    )


def _latex_row(cells: Sequence[str], *, size: str = "") -> str:
    escaped = [escape_latex(cell) for cell in cells]
    set_cells = [f"{{{size} {cell}}}" if size and cell else cell for cell in escaped]
    return " & ".join(set_cells) + r" \\"


def escape_latex(text: str) -> str:
    """Text with LaTeX's special characters, and the signs used in our tables, made safe."""
    return "".join(LATEX.get(letter, letter) for letter in text)
