"""Tidy rows: everything a report says is derived from them."""

from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from esrlab.core.files import read_json_lines, write_json_lines
from esrlab.errors import UserError

MANIFEST = "manifest.json"
"""Beside rows: which runs, photographs and benchmark images they rest on."""

BICUBIC = "bicubic"
CASCADE = "-cascade"
"""Ends the name of a ×4 made of two ×2 steps."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One value of one metric on one image.

    `recipe` names the row's method and `label` says what it is made of, weights' origin included; `seed`
    and `step` are None where nothing was trained; `image` is "<benchmark>/<name>"; `metric` states its
    convention; `outcome` says how the training ended: "collapsed", "diverged", or nothing where it went well.
    """

    study: str
    recipe: str
    label: str
    scale: int
    seed: int | None
    step: int | None
    image: str
    metric: str
    value: float
    outcome: str = ""


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Writes one row a line, atomically."""
    write_json_lines(path, (asdict(score) for score in scores))


def read_scores(path: Path) -> list[Score]:
    """Reads rows, old ones without an outcome too; raises UserError naming the file where a row is none."""
    names = {field.name for field in fields(Score)}
    needed = {field.name for field in fields(Score) if field.default is MISSING}
    rows = read_json_lines(path)
    for number, row in enumerate(rows, start=1):
        if not needed <= row.keys() <= names:
            raise UserError(f"{path}, line {number}, is no score: its fields are {sorted(row)}")
    return [Score(**row) for row in rows]
