"""Recipes that were dumped before a part could be of several kinds, or had a field that it has now."""

from typing import Any

from pydantic import ValidationError

from esrlab.recipes.recipe import Recipe

_ENDLESS = 100_000_000
"""Steps for a recipe that leaves their number open: no field reaches beyond them."""


def as_dumped_now(recipe: Any) -> Any:
    """A dumped recipe as this version dumps it: what it was written without has its default.

    One without steps stays so; one that is no valid recipe is given back as it is.
    """
    if not isinstance(recipe, dict):
        return recipe
    try:
        whole = Recipe.model_validate({"steps": _ENDLESS, **recipe}).model_dump(mode="json")
    except ValidationError:
        return recipe
    return {key: value for key, value in whole.items() if key != "steps" or "steps" in recipe}
