"""The run that a generator's file lies in: what its recipe.json says."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from esrlab.core.old_recipes import renewed
from esrlab.core.text_files import Count, read_json_object
from esrlab.data.degradations.base import Degradation
from esrlab.errors import UserError
from esrlab.recipes.parts import Patches
from esrlab.recipes.problems import explain

RECIPE = "recipe.json"


@dataclass(frozen=True)
class _Trained:
    name: str
    steps: Count
    patches: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Description:
    recipe: _Trained
    label: str
    seed: Count


_DESCRIPTION = TypeAdapter(_Description)


def read_run_beside(generator: Path) -> dict[str, Any] | None:
    """The recipe.json beside a generator, where there is one; UserError where it describes no run."""
    file = generator.parent / RECIPE
    return renewed(read_json_object(file, _DESCRIPTION)) if file.is_file() else None


def degradation_of(about: dict[str, Any], generator: Path) -> Degradation:
    """How its LR images were made; UserError where its recipe's patches are damaged."""
    patches = about["recipe"].get("patches", {})
    try:
        return Patches.model_validate(patches).degradation
    except ValidationError as error:
        what = f"recipe.patches in {generator.parent / RECIPE}"
        raise UserError(explain(error, what=what, fields=patches, model=Patches)) from error
