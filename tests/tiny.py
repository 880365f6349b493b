"""Recipes at a size that trains in a moment."""

from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe, with_weights
from esrlab.recipes.recipe import Recipe

TINY: dict[str, object] = {
    "steps": 3,
    "generator.features": 8,
    "generator.growth": 4,
    "generator.blocks": 1,
    "patches.lr_size": 16,
    "patches.batch": 2,
    "adversarial.critic.features": 2,
}
"""Fields that make any adversarial recipe train in a moment."""


def tiny(name: str, **changes: object) -> Recipe:
    """A named recipe at a size for tests, its content taken from an early layer."""
    recipe = with_weights(find_recipe(name), "untrained")
    layer = {"wgan-resnet": "layer1"}.get(name, "conv1_2")
    fields = {key: value for key, value in TINY.items() if recipe.adversarial or "adversarial" not in key}
    if any(term.name == "content" for term in recipe.terms):
        fields["terms.content.loss.layers"] = layer
    return with_fields(
        recipe, {**fields, "scale": 2, **{k.replace("__", "."): v for k, v in changes.items()}}
    )
