"""The files that a study's runs use beside recipes: weights, users' own losses, generators to start from.

A row averages one recipe's seeds, so that a file that changed between two of them must not go unnoticed.
"""

from pathlib import Path
from typing import Any

import torch

from esrlab.core.differences import differences
from esrlab.core.named_files import STARTS
from esrlab.errors import UsageError, UserError
from esrlab.models.generator_files import file_of, start_from
from esrlab.study.spec import PlannedRun
from esrlab.training.run_folder import RunFolder, has_steps, read_description


def find_origins(runs: tuple[PlannedRun, ...], *, device: torch.device) -> dict[str, dict[str, str]]:
    """For each run's name, the origins that its recipe.json is to hold, were it begun now.

    Builds every loss of the plan once, so that weights that are missing stop a study before it begins; raises
    UserError for them. A generator.init file that is missing is left out: finished runs need it no more.
    """
    losses = {term.loss.model_dump_json(): term.loss for run in runs for term in run.recipe.terms}
    built = {key: getattr(loss.build(device), "origin", "") for key, loss in losses.items()}
    starts: dict[str, str] = {}
    origins: dict[str, dict[str, str]] = {}
    for run in runs:
        recipe, init = run.recipe, run.recipe.generator.init
        active = [term for term in recipe.terms if term.is_active]
        origins[run.name] = {term.name: built[term.loss.model_dump_json()] for term in active}
        if init in STARTS or not file_of(init).is_file():
            continue
        key = f"{recipe.generator.model_dump_json()} ×{recipe.scale}"
        if key not in starts:
            starts[key] = start_from(recipe.generator.build(scale=recipe.scale), init)
        origins[run.name]["init"] = starts[key]
    return origins


def refuse_other_origins(
    runs: tuple[PlannedRun, ...], out: Path, *, expected: dict[str, dict[str, str]]
) -> None:
    """UsageError, naming what changed, where a run that has begun was made from other files than are here."""
    changed = [
        line
        for run in runs
        for line in _changes(RunFolder(out / "runs" / run.name), expected[run.name], name=run.name)
    ]
    if changed:
        raise UsageError(
            f"{out} holds runs made from other files than those here now; restore the old files, or choose "
            "a new folder with --out:\n" + "\n".join(f"  {line}" for line in dict.fromkeys(changed))
        )


def refuse_changed_origins(run: PlannedRun, trained: RunFolder, *, expected: dict[str, str]) -> None:
    """UsageError where a file changed after the study began and before this run did."""
    changed = _changes(trained, expected, name=run.name)
    if changed:
        raise UsageError(
            f"{run.name} started after a file that the study uses had changed; restore the old file and "
            "remove the run's folder:\n" + "\n".join(f"  {line}" for line in changed)
        )


def _changes(folder: RunFolder, expected: dict[str, str], *, name: str) -> list[str]:
    before = _recorded(folder)
    known = {key: before.get(key) for key in expected} if before is not None else expected
    return differences(known, expected, place=f"{name}: origins")


def _recorded(folder: RunFolder) -> dict[str, Any] | None:
    """A run's origins as begun; None where it has taken no step, or training will say what is wrong."""
    if not has_steps(folder):
        return None
    try:
        origins = read_description(folder).get("origins")
    except UserError:
        return None
    return origins if isinstance(origins, dict) else None
