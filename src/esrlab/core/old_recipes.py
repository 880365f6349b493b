"""Recipes as they were written before, in files that are still read.

Patches had a convention where they have a degradation now, and parts had no kind while there was but one.
"""

from typing import Any

ONLY_KINDS = {"generator": "rrdb"}
"""The kind that a recipe's part is of where it tells none."""


def renewed(about: dict[str, Any]) -> dict[str, Any]:
    """What recipe.json says of a run, its recipe written as today."""
    recipe = about.get("recipe")
    if not isinstance(recipe, dict):
        return about
    fields = {
        name: {"kind": ONLY_KINDS[name], **part} if name in ONLY_KINDS and isinstance(part, dict) else part
        for name, part in recipe.items()
    }
    if isinstance(fields.get("patches"), dict):
        fields["patches"] = with_degradation(fields["patches"])
    return {**about, "recipe": fields}


def with_degradation(patches: dict[str, Any]) -> dict[str, Any]:
    """Fields of patches with `convention` in its place; ValueError where both old and new are given."""
    if "convention" not in patches:
        return patches
    if "degradation" in patches:
        raise ValueError("convention is the old name of degradation.convention; leave it out")
    rest = {name: value for name, value in patches.items() if name != "convention"}
    return {**rest, "degradation": {"kind": "bicubic", "convention": patches["convention"]}}
