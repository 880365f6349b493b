"""Settings of a recipe that have no effect, because another setting makes them unused."""

from pydantic import BaseModel

from esrlab.recipes.recipe import Recipe


def idle_settings(recipe: Recipe) -> dict[str, str]:
    """By the dotted name of each field that differs from its default and has no effect: why."""
    found: dict[str, str] = {}
    schedule = recipe.optimiser.schedule
    for field, needed in (("gamma", "multi-step"), ("min_lr_ratio", "cosine")):
        if schedule != needed and _is_set(recipe.optimiser, field):
            found[f"optimiser.{field}"] = f"its schedule is {schedule}, not {needed}"
    if recipe.active_adversarial is not None:
        loss = recipe.active_adversarial.loss
        for field, needed in (("clip", "wgan"), ("penalty", "wgan-gp")):
            if loss != needed and _is_set(recipe.active_adversarial, field):
                found[f"adversarial.{field}"] = f"its loss is {loss}, not {needed}"
    return found


def _is_set(part: BaseModel, field: str) -> bool:
    return getattr(part, field) != type(part).model_fields[field].default
