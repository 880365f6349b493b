"""What makes two studies' recipes of one name the same: fields, photographs, starts; no seed."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esrlab.core.differences import Difference, find_differences
from esrlab.core.named_files import without_places
from esrlab.core.old_recipes import renewed
from esrlab.core.scores import CASCADE, Score
from esrlab.report.study_files import find_runs, read_about

FILES = "files"
SHOWN = 3
"""How many differing fields a note names."""


@dataclass(frozen=True)
class Identity:
    """What a recipe of a study is, as JSON: the fields of its recipe.json; a foreign method's file digests.

    Nothing is known of rows that are alone: they are the same as no others. Foreign methods of one name are
    the same unless one scale and seed of them is of two files.
    """

    known: str

    def same_as(self, other: "Identity") -> bool:
        """Whether both are known, and known to be the same."""
        if not self.known or not other.known:
            return False
        mine, theirs = (json.loads(identity.known).get(FILES) for identity in (self, other))
        if mine is None or theirs is None:
            return self.known == other.known
        return all(mine[key] == theirs[key] for key in mine.keys() & theirs.keys())


def read_identities(folder: Path, manifest: dict[str, Any], scores: Iterable[Score]) -> dict[str, Identity]:
    """The identity of each of a folder's recipes, in the order of its rows; a cascade goes with its own."""
    found = {score.recipe.removesuffix(CASCADE): Identity("") for score in scores}
    for recipe in found:
        about = _of_runs(folder, recipe) or _of_evaluated(manifest, recipe)
        if about is not None:
            found[recipe] = Identity(json.dumps(about, sort_keys=True))
    return found


def _of_runs(folder: Path, recipe: str) -> dict[str, Any] | None:
    """From the first run of the recipe: scale and seed are no part of what a recipe is."""
    for run in find_runs(folder, "recipe.json"):
        if run.name.rpartition("-x")[0] == recipe:
            return _trained(read_about(folder, run.name, as_trained=True))
    return None


def _of_evaluated(manifest: dict[str, Any], recipe: str) -> dict[str, Any] | None:
    """From what esrlab evaluate noted of a method: the run that it is of, or the digests of its files."""
    evaluated = manifest.get("evaluated", {})
    noted = {
        key: about
        for key, about in evaluated.items()
        if key.rpartition(" ×")[0].removesuffix(CASCADE) == recipe
    }
    for about in noted.values():
        if about.get("trained"):
            return _trained(about["trained"])
    return {FILES: {key: about.get("digest", "") for key, about in noted.items()}} if noted else None


def _trained(about: dict[str, Any]) -> dict[str, Any]:
    fields = without_places(renewed(about)["recipe"])
    recipe = {key: value for key, value in fields.items() if key not in ("scale", "about")}
    origins = {key: re.sub(r", a ×\d", "", origin) for key, origin in about["origins"].items()}
    return {"recipe": recipe, "photos": about["photos"], "origins": origins}


FOREIGN = "one is a training of a study's, the other a file or folder of another origin"


def differing_fields(first: Identity, second: Identity) -> str:
    """In a few words why two recipes of one name are not the same."""
    if not first.known or not second.known:
        return "what one of them is made of is not known, so they count as different"
    known = [json.loads(identity.known) for identity in (first, second)]
    if any(FILES in one for one in known):
        return "the files that they are made of differ" if all(FILES in one for one in known) else FOREIGN
    lines = [_tell(found) for found in find_differences(*known, lists_whole=True)]
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return f"they differ in {'; '.join(lines[:SHOWN])}{more}"


def _tell(found: Difference) -> str:
    shown = (json.dumps(value, ensure_ascii=False) for value in (found.before, found.now))
    old, new = (text if len(text) < 40 else "…" for text in shown)
    return f"{found.place.removeprefix('recipe.')} ({old} and {new})"
