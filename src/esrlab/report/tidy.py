"""Tables as CSV for programs: one figure a line, unrounded, no formatted cells."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

from esrlab.core.scores import Score
from esrlab.report.paper import printed_value
from esrlab.report.tables import count_endings
from esrlab.report.verdicts import Judgement, as_record
from esrlab.statistics.spreads import spreads

CELLS = (
    *("benchmark", "scale", "recipe", "label", "metric", "mean", "sd", "low", "high"),
    *("seeds", "images", "collapsed", "diverged", "paper"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\n")
"""How a cell begins that spreadsheets calculate."""

PARTS = (
    *("claim", "verdict", "exploratory", "kind", "recipe", "rival", "scale", "base", "metric", "standing"),
    *("difference", "low", "high", "bootstrap_low", "bootstrap_high", "p", "p_holm"),
    *("effect", "effect_of", "seeds", "images", "paired"),
)


def cells_as_csv(scores: Sequence[Score]) -> str:
    """Every cell of every table: mean and sd over seeds, its 95% interval over seeds.

    `seeds` is 0 where none is known; `paper` is the figure that the paper prints, of PSNR-paper, SSIM-paper
    and LPIPS. What there is none of is empty.
    """
    endings, labels = count_endings(scores), {score.recipe: score.label for score in scores}
    trained = {(score.scale, score.recipe) for score in scores if score.seed is not None}
    lines: list[dict[str, Any]] = []
    for series, spread in spreads(scores).items():
        low, high = spread.interval or (None, None)
        ended = endings.get((series.scale, series.recipe), {})
        line = {
            "benchmark": series.benchmark,
            "scale": series.scale,
            "recipe": series.recipe,
            "label": labels[series.recipe],
            "metric": series.metric,
            "mean": spread.mean,
            "sd": spread.sd,
            "low": low,
            "high": high,
            "seeds": spread.seeds if (series.scale, series.recipe) in trained else 0,
            "images": spread.images,
            "collapsed": ended.get("collapsed", 0),
            "diverged": ended.get("diverged", 0),
            "paper": printed_value(series.recipe, series.scale, series.metric),
        }
        lines.append(line)
    return _to_csv(CELLS, lines)


def verdicts_as_csv(judgement: Judgement) -> str:
    """Every part that a verdict rests on, a line each; what was not tested is empty.

    `seeds` is the fewer of the two recipes'; `low` and `high` are the 95% interval of the test that decides,
    `bootstrap_low` and `bootstrap_high` the bootstrap's; `exploratory` is the day on which
    a claim was written where results were there already.
    """
    lines: list[dict[str, Any]] = []
    for verdict in judgement.verdicts:
        record = as_record(verdict, "")
        for part in record["parts"]:
            low, high = part.get("interval") or (None, None)
            line = {**part, "claim": record["id"], "verdict": record["verdict"], "low": low, "high": high}
            line["exploratory"] = record["exploratory"]
            line["bootstrap_low"], line["bootstrap_high"] = part.get("bootstrap") or (None, None)
            line["seeds"] = min(part.get("seeds", ()), default=None)
            lines.append({column: line.get(column) for column in PARTS})
    return _to_csv(PARTS, lines)


def _to_csv(columns: Sequence[str], lines: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({key: _plain(value) for key, value in line.items()})
    return text.getvalue()


def _plain(value: Any) -> Any:
    """A cell; text that a spreadsheet would take for a formula has an apostrophe before it, numbers never."""
    if isinstance(value, str):
        value = value.replace("\r", " ")  # the writer does not quote it, and readers end a line there
        return f"'{value}" if value.lstrip(" ").startswith(FORMULA) else value
    return f"{value:.10g}" if isinstance(value, float) and math.isfinite(value) else value
