"""The report page: one self-contained file that opens from disk and asks nothing of a network. Needs Jinja2.

Every text is escaped by the template engine, and the page's own policy forbids it to load or send anything
and to run any script but its own, named by its hash.
"""

import base64
import hashlib
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from esrlab.core.files import write_text
from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import Score
from esrlab.errors import UserError
from esrlab.report.formats import WORDS
from esrlab.report.limitations import Words
from esrlab.report.logs import RunLog
from esrlab.report.page.colours import draw_all_shifts, tabulate_shifts
from esrlab.report.page.curves import draw_curves, legends_of, tabulate_curves
from esrlab.report.page.gallery import build_gallery
from esrlab.report.page.intervals import tabulate_intervals
from esrlab.report.page.maps import build_maps
from esrlab.report.page.pictures import RULE
from esrlab.report.page.planes import draw_planes, trained_recipes
from esrlab.report.page.repeating import tabulate_costs, tell_repeating
from esrlab.report.page.steering import HOW_DERIVED, draw_steering, tabulate_steering
from esrlab.report.tables import Table
from esrlab.report.verdicts import Judgement

ASSETS = Path(__file__).parent

MARKS = {"supported": "✓", "contradicted": "✗", "undecided": "?", "not examined": "–"}
"""Signs beside the words of a verdict, so that colour is never alone."""


def write_page(
    path: Path,
    study: Path,
    scores: Sequence[Score],
    logs: Sequence[RunLog],
    *,
    title: str,
    judgement: Judgement,
    tables: Sequence[Table],
    words: Words,
    progress: Callable[[int, int], None] | None = None,
    known: KnownMetrics = BUILT_IN,
) -> None:
    """Writes the page of a study's folder; equal files give equal bytes.

    progress: is called with how many of how many images are cut and set. Raises UserError naming the extra
    where Jinja2 is missing.
    """
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise UserError("the page needs Jinja2: pip install 'esrlab[report]'") from error
    setting: dict[str, Any] = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(undefined=StrictUndefined, loader=FileSystemLoader(ASSETS), **setting)
    script = (ASSETS / "page.js").read_text(encoding="utf-8")
    html = environment.get_template("page.html.j2").render(
        title=title,
        words=words,
        tables=tables,
        word_columns=WORDS,
        judgement=judgement,
        verdicts=_verdicts(judgement),
        about=summarise(scores),
        style=(ASSETS / "page.css").read_text(encoding="utf-8"),
        script=script,
        policy=_policy(script),
        **_sections(study, scores, logs, progress, known),
    )
    write_text(path, html)


def _sections(
    study: Path,
    scores: Sequence[Score],
    logs: Sequence[RunLog],
    progress: Callable[[int, int], None] | None,
    known: KnownMetrics,
) -> dict[str, Any]:
    """What the template's sections show, each None or empty where the folder has nothing for it."""
    recipes = trained_recipes(scores)
    logged = [*recipes, *(log.recipe for log in logs if log.recipe not in recipes)]
    recipes = list(dict.fromkeys(logged))
    maps = build_maps(study, scores)
    taken = maps.size if maps is not None else 0
    gallery = build_gallery(study, scores, taken=taken, progress=progress, known=known)
    shifts = gallery.shifts if gallery is not None else {}
    return {
        "intervals": tabulate_intervals(scores, known=known),
        "planes": draw_planes(scores, known=known),
        "curves": draw_curves(logs, recipes),
        "curve_table": tabulate_curves(logs, recipes),
        "legends": legends_of(recipes),
        "steering": draw_steering(logs, recipes),
        "steering_table": tabulate_steering(logs, recipes),
        "how_derived": HOW_DERIVED,
        "maps": maps,
        "gallery": gallery,
        "rule": RULE,
        "shift_plots": draw_all_shifts(shifts),
        "shift_table": tabulate_shifts(shifts) if shifts else None,
        "costs": tabulate_costs(logs, recipes),
        "repeating": tell_repeating(study, scores),
    }


def _policy(script: str) -> str:
    """Pictures from within the page, its one script by its hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _verdicts(judgement: Judgement) -> list[tuple[str, str, str]]:
    """Each sentence with its outcome and its sign; one that stands for several claims has none."""
    outcomes = [verdict.outcome for verdict in judgement.verdicts]
    return [
        (outcome, MARKS.get(outcome, ""), sentence)
        for outcome, sentence in itertools.zip_longest(outcomes, judgement.sentences, fillvalue="")
        if sentence
    ]


def summarise(scores: Sequence[Score]) -> str:
    """What the study is made of, in a sentence."""
    recipes = trained_recipes(scores)
    seeded = {score.recipe for score in scores if score.seed is not None}
    others = [recipe for recipe in recipes if recipe not in seeded]
    scales = ", ".join(f"×{scale}" for scale in sorted({score.scale for score in scores}))
    seeds = len({score.seed for score in scores if score.seed is not None})
    images = len({score.image for score in scores})
    parts = [_count(len(recipes) - len(others), "recipe")] if len(recipes) > len(others) else []
    if others:
        parts.append(f"{_count(len(others), 'method')} of unknown training")
    if seeds:
        scales += f", {_count(seeds, 'seed')}"
    return ", ".join((*parts, scales, _count(images, "benchmark image")))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
