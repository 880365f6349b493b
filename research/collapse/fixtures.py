"""Writes the collapse tests' logs, as far as the signs read them: `python research/collapse/fixtures.py`."""

import argparse
import gzip
from pathlib import Path
from typing import Any

from cases import CASES

from esrlab.core.files import read_json_lines, replacing, to_json
from esrlab.training.run_folder import RunFolder

HERE = Path(__file__).parents[2] / "tests" / "training" / "collapse_logs"
KEYS = ("step", "learning_rate", "image/psnr", "image/bicubic", "image/spread", "critic/gap")
PLAIN = ("psnr-x2", "psnr-x3")
"""Long logs that say no more than that of psnr-x4."""


def reduce_row(row: dict[str, Any]) -> dict[str, Any]:
    """What the signs read of a line: PSNR to four digits, the rest to three."""
    kept: dict[str, Any] = {
        key: _round(row[key], 4 if "psnr" in key or "bicubic" in key else 3) for key in KEYS if key in row
    }
    if "pull/adversarial" in row:
        pull = row["pull/adversarial"]
        kept["pull/adversarial"] = {part: _round(pull[part], 3) for part in ("norm", "share", "weight")}
    return kept


def _round(value: float, digits: int) -> float:
    return value if isinstance(value, int) else float(f"{value:.{digits}g}")


def main() -> None:
    """Reduces the logs of all but runs that were given up before their first line, and plain ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/collapse"))
    options = parser.parse_args()
    for case in CASES:
        rows = read_json_lines(RunFolder(options.runs / case.name).log)
        lines = "".join(to_json(reduce_row(row)) + "\n" for row in rows)
        if rows and case.name not in PLAIN:
            kind = "fails" if case.fails else "healthy"
            with replacing(HERE / f"{kind}-{case.name}.jsonl.gz") as path:
                # No name and no time inside, so that equal logs give equal files.
                path.write_bytes(gzip.compress(lines.encode(), mtime=0))


if __name__ == "__main__":
    main()
