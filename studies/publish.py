"""Studies' folders -> one small folder to be kept with results: rows, records, thinned logs, report.

    python studies/publish.py docs/results/small studies/small studies/starts

Pictures and checkpoints stay behind. Logs keep a tenth of their rows, their figures to four digits; the
report says so. Rows, records and logs are packed in rows.tar.xz, since a clone is to stay small; what the
report is made of, whole:

    mkdir again && cp docs/results/small/*.json* docs/results/small/*.toml again
    tar -xf docs/results/small/rows.tar.xz -C again && esrlab report again

gives the same bytes.
"""

import argparse
import json
import math
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

from esrlab.core.files import read_json_lines, replacing, to_json, write_json_lines, write_text
from esrlab.errors import UserError
from esrlab.report.build import make_report
from esrlab.report.merging import MERGED, merge_studies

EVERY = 10
DIGITS = 4
ROWS = "rows.tar.xz"
PACKED = ("scores.jsonl", "runs")
NOTE = f"Of the training logs every {EVERY}th row is kept here, to {DIGITS} digits; pictures are left out."


def publish(studies: list[Path], out: Path) -> None:
    """Merges the studies into `out`, thins it, and makes its report anew."""
    merge_studies(studies, out)
    shutil.rmtree(out / "pictures", ignore_errors=True)
    shutil.rmtree(out / "pulls", ignore_errors=True)
    for path in sorted(out.glob("runs/*/scores.jsonl")):
        path.unlink()  # all of them are in the folder's own scores.jsonl
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    for path in sorted(out.glob("runs/*/log.jsonl")):
        rows = read_json_lines(path)
        write_json_lines(path, [_rounded(row) for row in rows if row["step"] % EVERY == 0])
    merged = json.loads((out / MERGED).read_text(encoding="utf-8"))
    merged["notes"].append(NOTE)
    write_text(out / MERGED, to_json(merged, indent=2) + "\n")
    make_report(out)
    pack_rows(out)


def pack_rows(out: Path) -> None:
    """Puts the rows and the runs' records into rows.tar.xz in their place; equal contents, equal bytes."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with replacing(out / ROWS) as temporary, tarfile.open(temporary, "w:xz") as archive:
        for name in PACKED:
            archive.add(out / name, name, filter=plain)
    (out / "scores.jsonl").unlink()
    shutil.rmtree(out / "runs")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.{DIGITS}g}")
    return value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("studies", type=Path, nargs="+")
    asked = parser.parse_args()
    try:
        publish(asked.studies, asked.out)
    except UserError as error:
        sys.exit(f"publish.py: {error}")
