"""Names from outside are text in tables for spreadsheets, in Markdown, and on a terminal."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from esrlab.cli.console import SafeConsole
from esrlab.cli.main import call
from esrlab.core.scores import write_scores
from esrlab.core.terminal import show_controls
from esrlab.report.build import make_report
from esrlab.report.formats import escape_markdown, to_terminal
from esrlab.report.tables import build_tables
from esrlab.report.tidy import cells_as_csv
from made_study import make_scores

ESCAPE = "\x1b]0;title\x07\x1b[2J\x9b31m\u202egnp"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(1)|x"])
def test_no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers(name: str) -> None:
    rows = [
        replace(row, recipe=name, label=name, value=-row.value) for row in make_scores() if row.scale == 2
    ]
    lines = list(csv.DictReader(io.StringIO(cells_as_csv(rows), newline="")))
    assert (
        {line["recipe"] for line in lines}
        == {line["label"] for line in lines}
        == {"'" + name.replace("\r", " ")}
    )
    assert all(float(line["mean"]) < 0 for line in lines)
    assert all(line["mean"].startswith("-") for line in lines)


def test_names_make_no_tags_links_or_headings_in_markdown(tmp_path: Path) -> None:
    wicked = "x\n\n# head <b>bold</b> [a](http://evil) ![p](http://evil/p.png) www.evil.org"
    rows = [replace(row, study=wicked, label=wicked, image=f"{wicked}/a") for row in make_scores()]
    write_scores(tmp_path / "scores.jsonl", rows)
    make_report(tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "](http" not in text
    assert "http://" not in text
    assert "www.evil" not in text
    assert "\n# head" not in text
    assert [line for line in text.splitlines() if line.startswith("# ")] == [text.splitlines()[0]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# a", "\\# a"),
        ("- a", "\\- a"),
        ("a [b] c", "a [b] c"),
        ("[a](b)", "[a]\\(b)"),
        ("[a][b]", "[a]\\[b]"),
        ("[a]: b", "[a]\\: b"),
        ("d_z ×2 −0.1", "d_z ×2 −0.1"),
    ],
)
def test_markdown_keeps_what_means_nothing(text: str, told: str) -> None:
    assert escape_markdown(text) == told


def test_a_terminal_is_told_nothing_by_names() -> None:
    assert show_controls(f"a{ESCAPE}\tb\nc") == "a\ufffd]0;title\ufffd\ufffd[2J\ufffd31m\ufffdgnp\tb\nc"
    shown = io.StringIO()
    console = SafeConsole(file=shown, width=120)
    console.print(f"run {ESCAPE}", markup=False)
    rows = [replace(row, study=ESCAPE, label=ESCAPE, image=f"{ESCAPE}/a") for row in make_scores()]
    for table in build_tables(rows):
        console.print(to_terminal(table, width=120))
    assert not set(shown.getvalue()) & set("\x1b\x07\x9b\u202e")
    assert "title" in shown.getvalue()


def test_an_error_message_tells_a_terminal_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["report", str(tmp_path / ESCAPE)]) == 1
    told = capsys.readouterr().err
    assert "there is no folder" in told
    assert not set(told) & set("\x1b\x07\x9b\u202e")
