"""The fuzz command stays runnable: a few of its cases, judged and told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and watched as Linux has it")
def test_a_case_is_made_run_and_judged(tmp_path: Path) -> None:
    kept = tmp_path / "failures.jsonl"
    asked = ["--part", "images", "--count", "24", "--scratch", str(tmp_path), "--failures", str(kept)]
    done = subprocess.run(
        [sys.executable, "-m", "research.fuzz", *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    row = next(row for row in rows if row and row[0] == "images")
    assert row[1] == "24"
    assert sum(map(int, row[2:])) == 24
    assert all(json.loads(line)["repeat"] for line in kept.read_text().splitlines())
