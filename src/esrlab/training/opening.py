"""A run opened: its folder's description written, or held against what is asked; its state found."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from esrlab.core.files import to_json, write_text
from esrlab.data.photos.collection import Photos
from esrlab.errors import UsageError
from esrlab.recipes.kept_files import SOURCES, changed_files, keep_recipe
from esrlab.recipes.recipe import Recipe
from esrlab.training.callbacks import Callbacks, ValidatorLike
from esrlab.training.run_folder import (
    RunFolder,
    changed_validation,
    environment_changes,
    keep_validation,
    read_description,
    refuse_other_run,
)
from esrlab.training.session import Saving, Session, open_session
from esrlab.training.state import TrainState, start_run


@dataclass(frozen=True)
class RunOptions:
    """What accompanies a run and changes none of its numbers: when it is saved, its validator, its callbacks.

    sources: where copies are kept of what the recipe is made from; by default in the run's folder.
    """

    saving: Saving | None = None
    validator: ValidatorLike | None = None
    watcher: Callbacks | None = None
    sources: Path | None = None


def open_run(
    folder: RunFolder,
    recipe: Recipe,
    photos: Photos,
    *,
    about: dict[str, Any],
    device: torch.device,
    options: RunOptions,
) -> Session:
    """The run started or resumed: recipe.json written or compared with `about`, the state found."""
    validator, watcher = options.validator, options.watcher or Callbacks()
    state = start_run(recipe, seed=about["seed"], device=device)
    about["origins"] = state.origins | recipe.patches.degradation.origins(recipe.scale, photos.hr)
    if validator is not None:
        about["validation"] = _describe_validation(validator, recipe)
    validation_changed = _settle_description(
        folder, about, watcher, sources=options.sources or folder.path / SOURCES
    )
    ready = [state]  # the first to be asked for; a damaged checkpoint or a rollback needs another

    def start() -> TrainState:
        return ready.pop() if ready else start_run(recipe, seed=about["seed"], device=device)

    saving = options.saving or Saving()
    session = open_session(folder, photos, start, saving=saving, validator=validator, watcher=watcher)
    if validation_changed:
        session.history = replace(session.history, best=None)
        keep_validation(folder, about)
    return session


def refuse_changed_files(folder: RunFolder, about: dict[str, Any]) -> None:
    """UsageError where a file of a finished run's recipe is no longer the one that it was trained with."""
    kept = read_description(folder)["recipe"]
    changed = changed_files(about["recipe"], kept, beside=folder.path)
    if changed:
        raise UsageError(
            f"{folder.path} is a finished run of another {', '.join(changed)}: the file has changed since; "
            "choose a new folder with --out, or bring the old file back"
        )


def _describe_validation(validator: ValidatorLike, recipe: Recipe) -> dict[str, str]:
    has_adversarial = recipe.active_adversarial is not None
    return {
        "images": validator.title,
        "fingerprint": validator.fingerprint,
        "best_by": validator.best_by(recipe.validation.best_by, has_adversarial=has_adversarial),
    }


def _settle_description(
    folder: RunFolder, about: dict[str, Any], watcher: Callbacks, *, sources: Path
) -> bool:
    """Writes recipe.json for a new run; for an old one reports what has changed. Whether its validation
    has.
    """
    if not refuse_other_run(folder, about):
        kept = keep_recipe(about["recipe"], sources, beside=folder.path)
        write_text(folder.recipe, to_json({**about, "recipe": kept}, indent=2) + "\n")
        return False
    for change in environment_changes(folder, about):
        watcher.on_message(
            f"{change}: resuming in a different environment: results may differ in the last digits"
        )
    changes = changed_validation(folder, about)
    for change in changes:
        watcher.on_message(
            f"{change}: the best generator is selected anew, and validation curves have a break here"
        )
    return bool(changes)
