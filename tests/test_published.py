"""Published studies: their reports come out of their rows again, to the byte."""

import shutil
from pathlib import Path

import pytest

from esrlab.report import make_report

RESULTS = Path(__file__).parents[1] / "docs" / "results"
PUBLISHED = sorted(path.parent.name for path in RESULTS.glob("*/scores.jsonl"))
MADE = ("report.html", "report.md", "tables.tex", "tables.csv", "verdicts.csv")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_report_is_made_again_of_its_rows_to_the_byte(name: str, tmp_path: Path) -> None:
    kept = RESULTS / name
    made = [path.relative_to(kept) for path in sorted(kept.glob("figures/*"))] + [Path(one) for one in MADE]
    shutil.copytree(kept, tmp_path / name, ignore=shutil.ignore_patterns("figures", *MADE))
    make_report(tmp_path / name)
    again = sorted(
        path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*") if path.is_file()
    )
    assert again == sorted(path.relative_to(kept) for path in kept.rglob("*") if path.is_file())
    differing = [
        str(path) for path in made if (kept / path).read_bytes() != (tmp_path / name / path).read_bytes()
    ]
    assert differing == []


def test_the_small_study_is_published() -> None:
    assert "small" in PUBLISHED
