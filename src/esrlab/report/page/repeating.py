"""What trainings cost, and everything that is needed to repeat a study."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrlab.core.command_history import GivenCommand, read_commands
from esrlab.core.scores import Score
from esrlab.report.logs import RunLog
from esrlab.report.study_files import find_runs, read_about, read_manifest, read_study_text
from esrlab.report.tables import Row, Table


@dataclass(frozen=True)
class Repeating:
    """How to do it again: the commands that were given, and the one that repeats it; facts by name, the
    study's file, and each recipe as it was trained."""

    command: str
    given: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    study: str
    manifest: str
    recipes: tuple[tuple[str, str], ...]


def tabulate_costs(logs: Sequence[RunLog], recipes: Sequence[str]) -> Table | None:
    """Time and memory by recipe and scale, medians over seeds."""
    rows: list[Row] = []
    for recipe in recipes:
        found = sorted({log.scale for log in logs if log.recipe == recipe and log.rows})
        for scale in found:
            runs = [log.rows for log in logs if (log.recipe, log.scale) == (recipe, scale) and log.rows]
            cells = (
                f"×{scale}",
                recipe,
                _show([_middle(rows, "seconds") for rows in runs], 3),
                _show([_middle(rows, "images_per_second") for rows in runs], 1),
                _show([_total(rows) for rows in runs], 1),
                _show([_most(rows, "memory_gib") for rows in runs], 2),
                str(len(runs)),
            )
            rows.append(Row(cells, begins_group=scale == found[0]))
    columns = ("×", "recipe", "s a step", "images a second", "minutes of steps", "peak GiB", "trainings")
    title = "Cost of a training: medians over seeds"
    return Table("costs", title, columns, tuple(rows)) if rows else None


def _middle(rows: Sequence[dict[str, Any]], key: str) -> float | None:
    found = [row[key] for row in rows if key in row]
    return statistics.median(found) if found else None


def _most(rows: Sequence[dict[str, Any]], key: str) -> float | None:
    return max((row[key] for row in rows if key in row), default=None)


def _total(rows: Sequence[dict[str, Any]]) -> float | None:
    found = [row["seconds"] for row in rows if "seconds" in row]
    return sum(found) / 60 if found else None


def _show(values: Sequence[float | None], decimals: int) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.{decimals}f}" if known else "–"


def tell_repeating(study: Path, scores: Sequence[Score]) -> Repeating:
    """What the folder's files say of how it was made; where they differ between runs, all of it."""
    abouts = [read_about(study, run.name) for run in find_runs(study, "recipe.json")]
    seeds = sorted({score.seed for score in scores if score.seed is not None})
    facts = [("study", scores[0].study), ("seeds", ", ".join(map(str, seeds)) or "none")]
    for name, keys in (
        ("versions", ("versions",)),
        ("machine", ("machine",)),
        ("device", ("device",)),
        ("threads", ("threads",)),
        ("training photographs", ("source",)),
        ("their number and fingerprint", ("photos",)),
        ("skipped photographs", ("skipped",)),
        ("weights", ("origins",)),
    ):
        told = dict.fromkeys(_words(about[key]) for about in abouts for key in keys if about.get(key))
        if told:
            facts.append((name, "; ".join(told)))
    manifest = read_manifest(study)
    for name, data in manifest.get("benchmarks", {}).items():
        facts.append((f"benchmark {name}", _words(data)))
    recipes = {about["recipe"]["name"]: about["recipe"] for about in reversed(abouts)}
    return Repeating(
        command="esrlab study study.toml --out ../again",
        given=tuple(map(_tell_command, read_commands(study))),
        facts=tuple(facts),
        study=read_study_text(study),
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False) if manifest else "",
        recipes=tuple(
            (name, json.dumps(recipe, indent=2, ensure_ascii=False))
            for name, recipe in sorted(recipes.items())
        ),
    )


def _tell_command(given: GivenCommand) -> str:
    """A line for a shell, what is known of it as a comment."""
    known = [given.study, f"esrlab {given.version}", given.date]
    return f"{given.command}  # {', '.join(filter(None, known))}"


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(each)}" for key, each in value.items() if each not in ("", None))
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value)
    return str(value)
