"""The table, and the failures grouped by their cause."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .cases import BAD, GOOD, Judged

MEMORY_HEADING = "above 2 GB"
SHOWN = 3
"""Cases named for each cause."""


def as_table(judged: Sequence[Judged]) -> str:
    """A row for each part: how many cases, and how many of each verdict."""
    verdicts = (*GOOD, *BAD)
    headings = ("", "cases", *(MEMORY_HEADING if verdict == "memory" else verdict for verdict in verdicts))
    parts = list(dict.fromkeys(case.part for case in judged))
    rows: list[tuple[str, ...]] = [headings]
    for part in (*parts, *(["all"] if len(parts) > 1 else [])):
        own = [case.verdict for case in judged if part in (case.part, "all")]
        rows.append((part, str(len(own)), *(str(own.count(verdict)) for verdict in verdicts)))
    widths = [max(len(row[index]) for row in rows) for index in range(len(headings))]
    lines = [
        "  ".join(
            cell.ljust(width) if not index else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    fell = Counter(note for case in judged for note in case.notes)
    if fell:
        lines.append("signals: " + ", ".join(f"{count} {where}" for where, count in fell.most_common()))
    slowest = max(judged, key=lambda case: case.seconds, default=None)
    largest = max(judged, key=lambda case: case.peak, default=None)
    if slowest is not None and largest is not None:
        lines.append(
            f"the slowest case took {slowest.seconds:.1f} s ({slowest.part}:{slowest.number}), the largest "
            f"{largest.peak / 1e9:.1f} GB ({largest.part}:{largest.number})"
        )
    return "\n".join(lines)


def group_failures(judged: Sequence[Judged], *, seed: int) -> str:
    """The causes, the most frequent first, each with how to repeat it."""
    groups: dict[tuple[str, str, str], list[Judged]] = {}
    for case in judged:
        if case.verdict not in GOOD:
            groups.setdefault((case.part, case.verdict, _cause(case)), []).append(case)
    lines: list[str] = []
    for (part, verdict, cause), cases in sorted(groups.items(), key=lambda group: -len(group[1])):
        lines.append(f"{len(cases):5} {part}, {verdict}: {cause}")
        for case in sorted(cases, key=lambda case: case.number)[:SHOWN]:
            lines.append(
                f"        --seed {seed} --case {part}:{case.number}  ({_printable(case.about)[:150]})"
            )
    return "".join(f"{line}\n" for line in lines)


def write_failures(path: Path, judged: Sequence[Judged], *, seed: int) -> None:
    """One JSON object a line for each case that failed."""
    failed = [case for case in judged if case.verdict not in GOOD]
    rows = [
        asdict(case) | {"repeat": f"python -m research.fuzz --seed {seed} --case {case.part}:{case.number}"}
        for case in failed
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def _cause(case: Judged) -> str:
    """Why, without what differs from case to case."""
    where = case.about.rpartition(" → ")[2]
    plain = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", _printable(case.why))
    return f"{re.sub(r'[0-9]+', '#', plain)[:170]} [{where}]"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
