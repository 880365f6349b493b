"""Recipes written before parts had kinds and fields that they have now."""

from typing import Any

from esrlab.core.old_recipes import LATER_FIELDS, ONLY_KINDS, renewed
from esrlab.losses.lpips import PerceptualDistance
from esrlab.recipes.presets import find_recipe
from esrlab.recipes.recipe import Recipe, Term


def as_before(recipe: Recipe) -> dict[str, Any]:
    """A recipe as it was dumped then."""
    fields = recipe.model_dump(mode="json")
    for part in (fields["generator"], fields["optimiser"], fields["adversarial"]["critic"]):
        assert part.pop("kind") in ONLY_KINDS.values()
    del fields["generator"]["unshuffle"]
    fields["patches"]["convention"] = fields["patches"].pop("degradation")["convention"]
    for term in fields["terms"]:
        for field in LATER_FIELDS.get(term["loss"]["kind"], {}):
            del term["loss"][field]
    return fields


def test_an_earlier_recipe_is_the_same_as_todays() -> None:
    esrgan = find_recipe("esrgan-vgg")
    lpips = Term(name="lpips", weight=1.0, loss=PerceptualDistance(weights="student"))
    for recipe in (esrgan, esrgan.model_copy(update={"terms": (*esrgan.terms, lpips)})):
        assert renewed({"recipe": as_before(recipe), "seed": 3}) == {
            "recipe": recipe.model_dump(mode="json"),
            "seed": 3,
        }
