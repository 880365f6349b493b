"""What is to be measured, and what all models of one scale share in it."""

from dataclasses import dataclass
from pathlib import Path

import torch

from esrlab.data.photos.collection import Photos
from esrlab.kinship.directions import BuiltLosses, Game, build_losses, list_games
from esrlab.kinship.images import Crops, open_crops
from esrlab.kinship.models import Model
from esrlab.kinship.settings import KinshipSettings
from esrlab.losses.adversarial import AdversarialLossName
from esrlab.losses.inputs import Loss


@dataclass(frozen=True)
class Measurement:
    """Everything that is to be measured, and where."""

    models: tuple[Model, ...]
    losses: dict[str, Loss]
    games: tuple[AdversarialLossName, ...]
    settings: KinshipSettings
    photos: Photos
    critic_photos: Photos
    out: Path
    device: torch.device


@dataclass(frozen=True)
class Bench:
    """What all models of a scale share: crops, losses that are ready, games, and what could not be had."""

    crops: Crops
    pool: Crops
    losses: BuiltLosses
    games: list[Game]
    absent: dict[str, str]


def open_bench(work: Measurement, scale: int) -> Bench:
    """Builds the losses; raises UserError where the degradation lacks what it needs for these photographs."""
    side = work.settings.lr_size * scale
    losses = build_losses(work.losses, side=side, device=work.device)
    games, unfit = list_games(work.games, work.settings, scale=scale)
    return Bench(
        open_crops(work.photos, work.settings, scale=scale),
        open_crops(work.critic_photos, work.settings, scale=scale),
        losses,
        games,
        {**losses.absent, **unfit},
    )
