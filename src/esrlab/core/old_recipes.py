"""Recipes as they were written before, in files that are still read.

Patches had a convention where they have a degradation now, and parts had no kind while there was but one.
"""

from typing import Any

ONLY_KINDS = {"generator": "rrdb", "adversarial.critic": "vgg", "optimiser": "adam"}
"""The kind that a recipe's part is of where it tells none, by the part's dotted name."""

LATER_FIELDS: dict[str, dict[str, Any]] = {"rrdb": {"unshuffle": False}, "lpips": {"network": "alex"}}
"""Fields that kinds got later, with what was so before there was a choice."""


def renewed(about: dict[str, Any]) -> dict[str, Any]:
    """What recipe.json says of a run, its recipe written as today."""
    recipe = about.get("recipe")
    if not isinstance(recipe, dict):
        return about
    filled = _fill_kinds(recipe)
    if isinstance(filled.get("patches"), dict):
        filled["patches"] = with_degradation(filled["patches"])
    return {**about, "recipe": filled}


def _fill_kinds(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A copy in which every part that ONLY_KINDS names has a kind, and each kind the fields it got later."""
    filled = {name: _fill_inside(value, f"{prefix}{name}.") for name, value in fields.items()}
    kind = ONLY_KINDS.get(prefix.removesuffix("."))
    if kind is not None:
        filled = {"kind": kind, **filled}
    return {**LATER_FIELDS.get(str(filled.get("kind")), {}), **filled}


def _fill_inside(value: Any, prefix: str) -> Any:
    if isinstance(value, list):
        return [_fill_inside(each, prefix) for each in value]
    return _fill_kinds(value, prefix) if isinstance(value, dict) else value


def with_degradation(patches: dict[str, Any]) -> dict[str, Any]:
    """Fields of patches with `convention` in its place; ValueError where both old and new are given."""
    if "convention" not in patches:
        return patches
    if "degradation" in patches:
        raise ValueError("convention is the old name of degradation.convention; leave it out")
    rest = {name: value for name, value in patches.items() if name != "convention"}
    return {**rest, "degradation": {"kind": "bicubic", "convention": patches["convention"]}}
