"""Which critic fits which recipe: each refusal with its remedy, and remedies that help."""

from typing import Any

import pytest

from esrlab.core.parts import kinds_in
from esrlab.errors import UsageError
from esrlab.models.critics.any_critic import AnyCritic
from esrlab.models.critics.base import CriticPart
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe
from esrlab.recipes.recipe import parse_recipe

PIXEL: dict[str, Any] = {"name": "mine", "terms": [{"name": "pixel", "weight": 1, "loss": {"kind": "l1"}}]}


def fields(critic: dict[str, Any], *, loss: str = "hinge", **patches: int) -> dict[str, Any]:
    lr_size, batch, scale = (
        patches.get(key, usual) for key, usual in (("lr", 16), ("batch", 4), ("scale", 2))
    )
    return {
        **PIXEL,
        "scale": scale,
        "patches": {"lr_size": lr_size, "batch": batch},
        "adversarial": {"loss": loss, "critic": critic},
    }


@pytest.mark.parametrize(
    ("refused", "message", "mended"),
    [
        (
            fields({}, lr=12),
            "the critic needs patches of at least 32 px, and patches.lr_size 12 at scale 2 gives 24: "
            "set patches.lr_size to 16 or more",
            fields({}, lr=16),
        ),
        (
            fields({}, batch=1),
            "a critic with batch norm needs more than one patch of 32 px: set patches.batch to 2 or more, or "
            "adversarial.critic.norm to 'layer'",
            fields({"norm": "layer"}, batch=1),
        ),
        (
            fields({}, loss="wgan-gp"),
            "wgan-gp penalises each sample's gradient, but batch norm couples the samples: set "
            "adversarial.critic.norm to 'layer' or 'none'",
            fields({"norm": "none"}, loss="wgan-gp"),
        ),
        (
            fields({"kind": "patch"}, loss="wgan-gp"),
            "set adversarial.critic.norm to 'instance' or 'none'",
            fields({"kind": "patch", "norm": "instance"}, loss="wgan-gp"),
        ),
        (
            fields({"kind": "patch", "layers": 4}),
            "the critic needs patches of at least 48 px, and patches.lr_size 16 at scale 2 gives 32: set "
            "patches.lr_size to 24 or more",
            fields({"kind": "patch", "layers": 4}, lr=24),
        ),
        (
            fields({"kind": "unet"}, lr=18),
            "the U-Net critic needs patches whose side is a multiple of 8 px, and patches.lr_size 18 at "
            "scale 2 gives 36: set patches.lr_size to a multiple of 8",
            fields({"kind": "unet"}, lr=24, scale=3),
        ),
        (
            fields({"kind": "unet"}, loss="wgan"),
            "wgan clips the critic's parameters, which spectral norm undoes by dividing weights by their "
            "norm: set adversarial.loss to one that does not clip, such as hinge, or adversarial.critic.kind "
            "to a critic without spectral norm",
            fields({"kind": "patch"}, loss="wgan"),
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_a_remedy(
    refused: dict[str, Any], message: str, mended: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_recipe(refused)
    assert message in str(caught.value)
    assert parse_recipe(mended).active_adversarial is not None
    weightless = {**refused, "adversarial": {**refused["adversarial"], "weight": 0}}
    assert parse_recipe(weightless).active_adversarial is None


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse_recipe(fields({}, loss="wgan-gp", lr=8, batch=1))
    for part in ("at least 32 px", "couples the samples", "more than one patch of 16 px"):
        assert part in str(caught.value)


@pytest.mark.parametrize("kind", kinds_in(AnyCritic))
def test_facts_of_a_critic_are_those_of_its_network(kind: str) -> None:
    critic = kinds_in(AnyCritic)[kind]()
    assert isinstance(critic, CriticPart)
    names = {type(module).__name__ for module in critic.build(size=64).modules()}
    assert critic.couples_samples == ("BatchNorm2d" in names)
    assert critic.has_spectral_norm == ("SpectralConv2d" in names)
    if critic.couples_samples:
        assert critic.apart.startswith("adversarial.critic.")


def test_a_critic_of_another_kind_is_named_by_the_label_and_keeps_what_was_set() -> None:
    usual = with_fields(find_recipe("hinge-vgg"), {"adversarial.critic.features": 8})
    assert "critic" not in usual.label
    other = with_fields(usual, {"adversarial.critic.kind": "unet"})
    assert other.label == f"{usual.label} [critic: U-Net, spectral norm]"
    assert other.adversarial is not None
    assert other.adversarial.critic.features == 8
    adamw = with_fields(usual, {"optimiser.kind": "adamw", "optimiser.weight_decay": 0.1})
    assert adamw.label == f"{usual.label} [AdamW, decay 0.1]"
    layered = with_fields(find_recipe("wgan-gp-vgg"), {"adversarial.critic.kind": "unet"})
    assert layered.adversarial is not None
    assert layered.adversarial.critic.kind == "unet"
