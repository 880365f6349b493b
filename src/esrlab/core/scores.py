"""Tidy rows: everything in a report is derived from them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from esrlab.core.files import write_json_lines
from esrlab.core.text_files import Count, Number, read_json_rows
from esrlab.errors import UserError

MANIFEST = "manifest.json"
"""Beside rows: which runs, photographs and benchmark images they rest on."""

BICUBIC = "bicubic"
CASCADE = "-cascade"
"""Ends the name of a ×4 made of two ×2 steps."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One value of one metric on one image.

    `recipe` names the row's method and `label` describes it, weights' origin included; `seed`
    and `step` are None where nothing was trained; `image` is "<benchmark>/<name>"; `metric` states its
    convention; `outcome` is how the training ended: "collapsed", "diverged", or nothing where it went well.
    """

    study: str
    recipe: str
    label: str
    scale: Count
    seed: Count | None
    step: Count | None
    image: str
    metric: str
    value: Number
    outcome: str = ""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")


_SCORE = TypeAdapter(Score)


def write_scores(path: Path | str, scores: Iterable[Score]) -> None:
    """Writes one row a line, atomically."""
    write_json_lines(Path(path), (asdict(score) for score in scores))


def read_scores(path: Path | str) -> list[Score]:
    """Reads rows, old ones without an outcome too; raises UserError naming file, line and field."""
    if Path(path).is_dir():
        raise UserError(f"{path} is a folder; give its file of rows, {Path(path) / 'scores.jsonl'}")
    return read_json_rows(Path(path), _SCORE)
