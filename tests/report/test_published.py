"""Published studies: their reports come out of their rows again, to the byte."""

import math
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from esrlab.report.build import make_report

pytestmark = pytest.mark.slow


RESULTS = Path(__file__).parents[2] / "docs" / "results"
PUBLISHED = sorted(path.parent.name for path in RESULTS.glob("*/rows.tar.xz"))
MADE = ("report.html", "report.md", "tables.tex", "tables.csv", "verdicts.csv")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def sums_as_published() -> bool:
    """Whether numpy adds in the order that it had when these were made: wider vectors, other last digits."""
    config: Any = np.show_config(mode="dicts")
    found = config["SIMD Extensions"]["found"]
    return any(name.startswith(("AVX512", "X86_V4")) for name in found)


def is_same(one: Path, other: Path) -> bool:
    """Byte for byte; on another kind of processor the same words, and numbers but for last digits."""
    if sums_as_published():
        return one.read_bytes() == other.read_bytes()
    if one.suffix in (".png", ".pdf"):
        return other.stat().st_size > 0
    texts = [path.read_text(encoding="utf-8") for path in (one, other)]
    numbers = [[float(number) for number in NUMBER.findall(text)] for text in texts]
    return len({NUMBER.sub("#", text) for text in texts}) == 1 and all(
        math.isclose(a, b, rel_tol=1e-6, abs_tol=0.011) for a, b in zip(*numbers, strict=True)
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_report_is_made_again_of_its_rows_to_the_byte(name: str, tmp_path: Path) -> None:
    kept, made = RESULTS / name, tmp_path / name
    shutil.copytree(kept, made, ignore=shutil.ignore_patterns("figures", "rows.tar.xz", *MADE))
    with tarfile.open(kept / "rows.tar.xz") as archive:
        packed = [made / member.name for member in archive if member.isfile()]
        archive.extractall(made, filter="data")
    make_report(made)
    assert "scores.jsonl" in [path.name for path in packed]
    for path in packed:
        path.unlink()
    shutil.copy(kept / "rows.tar.xz", made)
    files = sorted(path.relative_to(kept) for path in kept.rglob("*") if path.is_file())
    assert sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file()) == files
    assert [str(path) for path in files if not is_same(kept / path, made / path)] == []


def test_the_small_study_is_published() -> None:
    assert "small" in PUBLISHED
