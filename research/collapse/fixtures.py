"""Writes the runs' logs, as far as the signs read them, to tests/data/collapse: `python …/fixtures.py`."""

import argparse
import gzip
from pathlib import Path
from typing import Any

from cases import CASES

from esrlab.files import read_json_lines, replacing, to_json
from esrlab.runfolder import RunFolder

HERE = Path(__file__).parents[2] / "tests" / "data" / "collapse"
KEYS = ("step", "learning_rate", "image/psnr", "image/bicubic", "image/spread", "critic/gap")


def reduce_row(row: dict[str, Any]) -> dict[str, Any]:
    """What the signs read of a line, to four digits."""
    kept = {key: _round(row[key]) for key in KEYS if key in row}
    if "pull/adversarial" in row:
        pull = row["pull/adversarial"]
        kept["pull/adversarial"] = {part: _round(pull[part]) for part in ("norm", "share", "weight")}
    return kept


def _round(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.4g}")


def main() -> None:
    """Reduces every log; those of runs that had no line left are left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/collapse"))
    options = parser.parse_args()
    for case in CASES:
        rows = read_json_lines(RunFolder(options.runs / case.name).log)
        lines = "".join(to_json(reduce_row(row)) + "\n" for row in rows)
        if rows:
            kind = "fails" if case.fails else "healthy"
            with replacing(HERE / f"{kind}-{case.name}.jsonl.gz") as path:
                # No name and no time inside, so that equal logs give equal files.
                path.write_bytes(gzip.compress(lines.encode(), mtime=0))


if __name__ == "__main__":
    main()
