"""Every generator trains against every critic with every adversarial loss, or the recipe says why not."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from esrlab.core.parts import kinds_in
from esrlab.data.photos.collection import Photos
from esrlab.losses.adversarial import adversarial_loss
from esrlab.models.critics.any_critic import AnyCritic
from esrlab.models.critics.base import CriticPart

SCRIPT = Path(__file__).parents[2] / "research" / "every_part.py"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("every_part", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


EVERY = load_script()
FIRST = next(iter(EVERY.GENERATORS.values()))


@pytest.mark.slow
@pytest.mark.parametrize("title", EVERY.CRITICS)
def test_a_critic_trains_with_every_adversarial_loss_that_it_fits(
    title: str, tmp_path: Path, samples: Photos
) -> None:
    fields = EVERY.CRITICS[title]
    critic = kinds_in(AnyCritic)[fields["kind"]].model_validate(fields)
    assert isinstance(critic, CriticPart)
    for name in EVERY.LOSSES:
        recipe = EVERY.make_fields(FIRST, fields, name)
        constraint = adversarial_loss(name).constraint
        unfit = (constraint == "penalty" and critic.couples_samples) or (
            constraint == "clip" and critic.has_spectral_norm
        )
        reason = EVERY.refusal(recipe)
        if unfit:
            assert reason is not None
            assert reason.startswith(name)
            assert ": set adversarial." in reason
        else:
            assert reason is None
            assert EVERY.try_out(recipe, samples, tmp_path / name) == "finite"


@pytest.mark.slow
@pytest.mark.parametrize("generator", EVERY.GENERATORS)
@pytest.mark.parametrize("optimiser", EVERY.OPTIMISERS)
def test_a_generator_trains_with_every_optimiser(
    generator: str, optimiser: str, tmp_path: Path, samples: Photos
) -> None:
    critic = next(iter(EVERY.CRITICS.values()))
    recipe = EVERY.make_fields(EVERY.GENERATORS[generator], critic, "hinge", optimiser)
    assert EVERY.try_out(recipe, samples, tmp_path / "run") == "finite"
