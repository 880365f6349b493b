"""A run's folder: what is in it, whose it is, and that one process at a time writes there.

recipe.json (what is trained, on what), sources/ (copies of the files it is made from), log.jsonl (a line a
step), checkpoints/ (full states), samples/ (pictures at validations), evidence/ (what led to a rollback),
and when done outcome.json and generator.safetensors.
"""

import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import TypeAdapter

from esrlab.core.differences import differences
from esrlab.core.files import is_leftover, to_json, write_text
from esrlab.core.named_files import without_places
from esrlab.core.text_files import read_json, read_json_object
from esrlab.core.version import __version__
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.recipes.earlier import as_dumped_now
from esrlab.recipes.kept_files import holds_copies
from esrlab.recipes.recipe import Recipe
from esrlab.training.folder_lock import HOLDER, LOCK
from esrlab.training.more_steps import DESCRIPTION, asks_more, explain_steps, without_steps
from esrlab.training.non_finite import Rollback

RUN_FIELDS = ("recipe", "seed", "photos", "origins")
"""The parts of recipe.json that decide what a run computes; resuming needs the known ones unchanged."""

SURROUNDINGS = ("versions", "device", "threads")
"""The parts of recipe.json that decide whether a resumed run gives the same bits."""

OWN_HIDDEN = (LOCK, HOLDER)


@dataclass(frozen=True)
class RunFolder:
    """Where a run's files are."""

    path: Path

    @property
    def recipe(self) -> Path:
        """What is trained, with which seed, on which photographs, by which versions."""
        return self.path / "recipe.json"

    @property
    def log(self) -> Path:
        """One JSON object a step."""
        return self.path / "log.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of full states."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """The folder of pictures, one at each validation."""
        return self.path / "samples"

    @property
    def evidence(self) -> Path:
        """The folder of log lines that led to rollbacks."""
        return self.path / "evidence"

    @property
    def best(self) -> Path:
        """The generator of the best validation so far."""
        return self.path / "best.safetensors"

    @property
    def outcome(self) -> Path:
        """How the run ended."""
        return self.path / "outcome.json"

    @property
    def generator(self) -> Path:
        """The trained generator; there once the run is done."""
        return self.path / "generator.safetensors"


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: after which of the steps asked for, with which signs and rollbacks.

    signs: what spoke for a collapse at the end, in words by the sign's name; alarms: the first step of every
    such sign there ever was; warnings: the first step of every sign that is none of collapse.
    """

    outcome: Literal["finished", "collapsed", "diverged"]
    step: int
    asked: int
    signs: dict[str, str]
    alarms: dict[str, int]
    rollbacks: list[Rollback]
    warnings: dict[str, int] = field(default_factory=dict)


_OUTCOME = TypeAdapter(RunOutcome)


def write_outcome(folder: RunFolder, outcome: RunOutcome) -> None:
    """Writes outcome.json."""
    write_text(folder.outcome, to_json(asdict(outcome), indent=2) + "\n")


def read_outcome(folder: RunFolder) -> RunOutcome | None:
    """How the run ended, or None while it has not; raises UserError where the file is damaged."""
    return read_json(folder.outcome, _OUTCOME) if folder.outcome.exists() else None


def describe_run(recipe: Recipe, photos: Photos, *, seed: int, device: torch.device) -> dict[str, Any]:
    """Everything needed to repeat a run, as recipe.json holds it."""
    return {
        "recipe": recipe.model_dump(mode="json"),
        "label": recipe.label,
        "seed": seed,
        "photos": {"count": len(photos.members), "fingerprint": photos.fingerprint},
        "source": photos.source,
        "skipped": [{"name": name, "reason": reason} for name, reason in photos.skipped],
        "versions": {"esrlab": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": f"{platform.platform()}, {os.cpu_count()} processors",
        "device": str(device),
        "threads": torch.get_num_threads(),
    }


def refuse_other_run(folder: RunFolder, about: dict[str, Any]) -> bool:
    """Whether this run had begun before; UsageError for a folder that holds another run or anything else.

    Of `about` those parts are compared that are known yet. More steps of a constant rate make no other run.
    Another run that has taken no step, since a user's loss failed, say, leaves the folder as if it were new:
    there is nothing in it to lose. Raises UserError where recipe.json is damaged.
    """
    if not folder.recipe.exists():
        if folder.path.exists() and (not folder.path.is_dir() or is_used(folder.path)):
            raise UsageError(f"{folder.path} is not empty and holds no run; choose a new folder with --out")
        return False
    before = read_description(folder)
    known = [key for key in RUN_FIELDS if key in about]
    there, asked = without_places(as_dumped_now(before["recipe"])), without_places(about["recipe"])
    if asks_more(there, asked):
        there = asked
    changed = differences(
        {**{key: before.get(key) for key in known}, "recipe": there},
        {**{key: about[key] for key in known}, "recipe": asked},
    )
    if changed and not has_steps(folder):
        return False
    if changed:
        raise UsageError(
            f"{folder.path} holds another run; choose a new folder with --out, or give the old settings:\n"
            + "\n".join(f"  {line}" for line in changed)
            + explain_steps(before["recipe"], about["recipe"])
        )
    return True


def has_steps(folder: RunFolder) -> bool:
    """Whether a run has taken a step: it is logged, saved, or the run is done."""
    is_logged = folder.log.is_file() and folder.log.stat().st_size > 0
    return is_logged or folder.generator.exists() or any(folder.checkpoints.glob("*"))


def read_description(folder: RunFolder) -> dict[str, Any]:
    """recipe.json as `describe_run` made it; raises UserError, naming file and field, where it is damaged."""
    return read_json_object(folder.recipe, DESCRIPTION)


def run_identity(folder: RunFolder) -> dict[str, Any]:
    """What decides a run's numbers, as recipe.json holds it; its checkpoints carry it too.

    Raises UserError where recipe.json cannot be read.
    """
    about = read_description(folder)
    return {key: about.get(key) for key in RUN_FIELDS} | {
        "recipe": without_places(without_steps(as_dumped_now(about["recipe"])))
    }


def environment_changes(folder: RunFolder, about: dict[str, Any]) -> list[str]:
    """Where the surroundings differ from those the run began in: numbers may then differ in last digits."""
    before = read_description(folder)
    return differences(
        {key: before.get(key) for key in SURROUNDINGS}, {key: about[key] for key in SURROUNDINGS}
    )


def changed_validation(folder: RunFolder, about: dict[str, Any]) -> list[str]:
    """In what a run's validation differs from the one before: their numbers are not to be compared."""
    before = read_description(folder)
    return differences(before.get("validation"), about.get("validation"), place="validation")


def keep_validation(folder: RunFolder, about: dict[str, Any]) -> None:
    """Puts the present validation into recipe.json."""
    before = read_description(folder)
    changed = {**before, "validation": about.get("validation")}
    write_text(folder.recipe, to_json(changed, indent=2) + "\n")


def is_used(path: Path) -> bool:
    """Whether a folder holds anything beside a lock and what a kill left of a beginning."""
    return any(
        entry.name not in OWN_HIDDEN and not is_leftover(entry) and not holds_copies(entry)
        for entry in path.iterdir()
    )
