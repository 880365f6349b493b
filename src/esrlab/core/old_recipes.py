"""What recipes were written as before, in files that are still read: patches had a convention of bicubic alone."""

from typing import Any


def renew(recipe: Any) -> Any:
    """A dumped recipe as it would be dumped today."""
    if not isinstance(recipe, dict) or not isinstance(recipe.get("patches"), dict):
        return recipe
    return {**recipe, "patches": with_degradation(recipe["patches"])}


def with_degradation(patches: dict[str, Any]) -> dict[str, Any]:
    """Fields of patches with `convention` in its place; ValueError where both old and new are given."""
    if "convention" not in patches:
        return patches
    if "degradation" in patches:
        raise ValueError("convention is the old name of degradation.convention; leave it out")
    rest = {name: value for name, value in patches.items() if name != "convention"}
    return {**rest, "degradation": {"kind": "bicubic", "convention": patches["convention"]}}
