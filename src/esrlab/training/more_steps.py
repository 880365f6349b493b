"""Whether a run may continue beyond the steps it was started for: if no step depends on their number."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from esrlab.core.counting import count
from esrlab.core.files import to_json, write_text
from esrlab.core.named_files import without_places
from esrlab.core.text_files import read_json_object
from esrlab.errors import UserError
from esrlab.recipes.earlier import as_dumped_now

CONSTANT = "constant"


@dataclass(frozen=True)
class _Description:
    recipe: dict[str, Any]


DESCRIPTION = TypeAdapter(_Description)
"""What every recipe.json has; its other parts may be missing, and are compared as they stand."""


def without_steps(recipe: Any) -> Any:
    """A dumped recipe without its number of steps, where that decides nothing but when the run ends."""
    if not isinstance(recipe, dict) or _schedule(recipe) != CONSTANT:
        return recipe
    return {key: value for key, value in recipe.items() if key != "steps"}


def asks_more(before: Any, now: Any) -> bool:
    """Whether a dumped recipe is another one with more steps, and resumes from where that one ended."""
    if not isinstance(before, dict) or not isinstance(now, dict) or not _are_more(before, now):
        return False
    before, now = without_places(as_dumped_now(before)), without_places(now)
    return _schedule(now) == CONSTANT and without_steps(before) == without_steps(now)


def explain_steps(before: Any, now: Any) -> str:
    """Why a run does not resume with the steps asked; nothing where their number is not what differs."""
    if not isinstance(before, dict) or not isinstance(now, dict) or before.get("steps") == now.get("steps"):
        return ""
    if not _are_more(before, now):
        return "\nsteps of a run can be raised, not lowered"
    if _schedule(now) == CONSTANT:
        return ""
    return (
        f"\nsteps can be raised only if optimiser.schedule is constant; with {_schedule(now)} the "
        f"steps taken had learning rates planned for {count(before['steps'], 'step')}"
    )


def goes_beyond(recipe: Path, now: dict[str, Any], *, generator: Path, checkpoints: Path) -> bool:
    """Whether more steps are asked than the run with this recipe.json was begun for.

    Raises UserError where it is finished and has no checkpoint to resume from.
    """
    if not recipe.exists() or not asks_more(read_json_object(recipe, DESCRIPTION)["recipe"], now):
        return False
    if generator.exists() and not any(checkpoints.glob("*.pt")):
        raise UserError(
            f"{checkpoints} has no checkpoint to resume from with more steps; choose a new folder with --out"
        )
    return True


def reopen(recipe: Path, *finished: Path, now: dict[str, Any]) -> None:
    """Takes a run for unfinished again: removes the files that mark it as done, then notes the steps asked.

    In that order: interrupted in between, it resumes from its checkpoint with either number of steps.
    """
    for path in finished:
        path.unlink(missing_ok=True)
    about = read_json_object(recipe, DESCRIPTION)
    about["recipe"]["steps"] = now["steps"]
    write_text(recipe, to_json(about, indent=2) + "\n")


def _schedule(recipe: dict[str, Any]) -> Any:
    optimiser = recipe.get("optimiser")
    return optimiser.get("schedule") if isinstance(optimiser, dict) else None


def _are_more(before: dict[str, Any], now: dict[str, Any]) -> bool:
    then, asked = before.get("steps"), now.get("steps")
    return isinstance(then, int) and isinstance(asked, int) and then < asked
