"""Every loss of the union trains fifty steps at equal share beside L1, at ×2 and ×4, and stays finite."""

import math
from pathlib import Path

import pytest
import torch

from esrlab.core.parts import kinds_in
from esrlab.data.photos.collection import Photos
from esrlab.losses.any_loss import AnyLoss
from esrlab.losses.custom import Custom
from esrlab.losses.inputs import Loss
from esrlab.recipes.recipe import Recipe, parse_recipe
from esrlab.training.batches import step_batches
from esrlab.training.state import start_run
from esrlab.training.step import train_step

STEPS = 50


def without_downloads(kind: type[Loss], folder: Path) -> Loss:
    """The loss by its defaults, its network a student."""
    if kind is Custom:
        file = folder / "mine.py"
        file.write_text("def loss(sr, hr):\n    return (sr - hr).abs().pow(1.5).mean()\n")
        return Custom(file=file)
    return kind().with_weights("student")


def recipe_beside_l1(loss: Loss, *, scale: int) -> Recipe:
    """The smallest patches that the loss can take, and the smallest generator."""
    lr_size = max(8, math.ceil(loss.smallest_side / scale))
    return parse_recipe(
        {
            "name": "beside-l1",
            "scale": scale,
            "steps": STEPS,
            "generator": {"kind": "compact", "features": 8, "convs": 1},
            "patches": {"lr_size": lr_size, "batch": 1},
            "terms": [
                {"name": "pixel", "share": 0.5, "loss": {"kind": "l1"}},
                {"name": "other", "share": 0.5, "loss": loss.model_dump()},
            ],
        }
    )


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("kind", kinds_in(AnyLoss).values(), ids=list(kinds_in(AnyLoss)))
def test_fifty_steps_at_equal_share_beside_l1_are_finite(
    kind: type[Loss], scale: int, samples: Photos, tmp_path: Path
) -> None:
    loss = without_downloads(kind, tmp_path)
    assert loss.needs == ()
    recipe = recipe_beside_l1(loss, scale=scale)
    run = start_run(recipe, seed=0, device=torch.device("cpu"))
    before = [parameter.detach().clone() for parameter in run.generator.parameters()]
    pulled = 0
    for step in range(STEPS):
        # raises NonFinite where a loss, a pull, a gradient or a weight is not finite
        report = train_step(run, step_batches(recipe, samples, seed=0, step=step))
        pulled += report.numbers["pull/other/share"] > 0.01
    assert run.step == STEPS
    assert pulled > STEPS / 2, "it had no say in most steps"
    after = list(run.generator.parameters())
    assert all(torch.isfinite(parameter).all() for parameter in after)
    assert all(not torch.equal(one, other) for one, other in zip(before, after, strict=True))
