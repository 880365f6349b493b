"""Which losses and games are compared: as they are asked for, ready to be called, or why they cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from esrlab.core.kinship_rows import ANOTHER_CRITIC, Direction
from esrlab.core.part_texts import fields_in, parse_part
from esrlab.core.parts import kinds_in
from esrlab.errors import UsageError, UserError
from esrlab.kinship.settings import KinshipSettings
from esrlab.losses.adversarial import ADVERSARIAL_LOSSES, AdversarialLossName, adversarial_loss
from esrlab.losses.any_loss import LOSS_KINDS, AnyLoss
from esrlab.losses.feature_loss import share_networks
from esrlab.losses.inputs import FeatureWeights, Loss, LossFunction
from esrlab.models.critics.base import CriticUse
from esrlab.recipes.recipe import ADVERSARIAL_TITLES

ALL, NONE = "all", "none"

GAMES: tuple[AdversarialLossName, ...] = tuple(game.name for game in ADVERSARIAL_LOSSES)
"""Every adversarial loss's name."""


@dataclass(frozen=True)
class BuiltLosses:
    """Losses ready to be called, each with its direction; and by name why others could not be had."""

    built: tuple[tuple[Direction, LossFunction], ...]
    absent: dict[str, str]


@dataclass(frozen=True)
class Game:
    """An adversarial game with one critic's seed."""

    direction: Direction
    loss: AdversarialLossName
    critic_seed: int


def choose_losses(texts: Sequence[str], weights: Sequence[FeatureWeights]) -> dict[str, Loss]:
    """Losses by name, from texts: "all" (every kind but a user's own, as it is by default), a kind, several
    with commas, or a kind with settings, `content:layers=conv3_4`.

    weights: where networks have theirs from; one direction for each, unless the text says which, and none
    that would be another's very loss (a student has one layer, whichever is asked for). Raises UsageError for
    a kind or setting that there is not.
    """
    found: dict[str, Loss] = {}
    for text in _split(texts):
        loss = parse_part(text, AnyLoss, what="loss")
        if "weights" in fields_in(text) or not loss.needs:
            found[text] = loss
            continue
        for origin in weights:
            name = text if origin == weights[0] else f"{text}@{origin}"
            try:
                variant = loss.with_weights(origin)
            except ValueError as error:
                raise UsageError(f"the loss {text} with weights {origin}: {error}") from error
            if variant not in found.values():
                found[name] = variant
    if not found:
        raise UsageError(f"no loss is asked for; give all, or some of {', '.join(LOSS_KINDS)}")
    return found


def _split(texts: Sequence[str]) -> list[str]:
    """Each loss's text once; commas part kinds, but not what a setting holds."""
    found: list[str] = []
    for text in texts:
        parts = [text] if ":" in text else [part.strip() for part in text.split(",") if part.strip()]
        for part in parts:
            found += _every_kind() if part == ALL else [part]
    return list(dict.fromkeys(found))


def _every_kind() -> list[str]:
    """All that need not be told anything, as a user's own file must be."""
    return [
        kind
        for kind, model in kinds_in(AnyLoss).items()
        if not any(info.is_required() for info in model.model_fields.values())
    ]


def build_losses(losses: dict[str, Loss], *, side: int, device: torch.device) -> BuiltLosses:
    """Each loss for images of this side, networks shared; one that cannot be had is told with its reason."""
    ready: dict[Direction, LossFunction] = {}
    absent: dict[str, str] = {}
    for name, asked in losses.items():
        loss = asked.fitted(height=side, width=side)
        if problems := loss.problems(height=side, width=side):
            absent[name] = "; ".join(problems)
            continue
        try:
            ready[Direction(name, loss.label)] = loss.build(device)
        except UserError as error:
            absent[name] = str(error)
    shared = share_networks(list(ready.values()))
    return BuiltLosses(tuple(zip(ready, shared, strict=True)), absent)


def choose_games(texts: Sequence[str]) -> list[AdversarialLossName]:
    """Adversarial losses from texts: "all", "none", or names, with commas; UsageError names the nearest."""
    names = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    if NONE in names:
        return []
    wanted = [name for part in names for name in (GAMES if part == ALL else (part,))]
    return list(dict.fromkeys(adversarial_loss(name).name for name in wanted))


def list_games(
    names: Sequence[AdversarialLossName], settings: KinshipSettings, *, scale: int
) -> tuple[list[Game], dict[str, str]]:
    """Each game with each of the critics' seeds, and by name why the critic does not fit others."""
    found: list[Game] = []
    absent: dict[str, str] = {}
    for name in names:
        use = CriticUse(
            size=settings.lr_size * scale,
            origin=f"an LR size of {settings.lr_size} at scale {scale}",
            scale=scale,
            batch=settings.batch,
            loss=name,
            constraint=adversarial_loss(name).constraint,
        )
        if problems := settings.critic.problems(use):
            absent[name] = "; ".join(problems)
            continue
        for seed in settings.critic_seeds:
            is_first = seed == settings.critic_seeds[0]
            title = ADVERSARIAL_TITLES[name]
            direction = Direction(
                name if is_first else f"{name}{ANOTHER_CRITIC}{seed}",
                title if is_first else f"{title}, critic {seed}",
                is_game=True,
            )
            found.append(Game(direction, name, seed))
    return found, absent
