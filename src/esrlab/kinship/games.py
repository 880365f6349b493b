"""Critics of the games, trained against a fixed generator, and what they then pull at."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from esrlab.core.files import replacing, to_json
from esrlab.core.tensor_files import read_state
from esrlab.errors import UserError
from esrlab.kinship.directions import Game
from esrlab.kinship.settings import KinshipSettings
from esrlab.recipes.parts import Adversarial
from esrlab.training.critic_step import accumulate_critic_gradients, update_critic
from esrlab.training.state import AdversarialState, mix, start_adversarial
from esrlab.training.step_report import gradient_norm

CRITICS = "critics"
"""The folder, within a kinship's, of trained critics."""

Pairs = Sequence[tuple[Tensor, Tensor]]
"""Batches of photographs' crops and of what the generator makes of them: (hr, sr), each (N, 3, H, W)."""


@dataclass(frozen=True)
class TrainedGame:
    """A game whose critic has been trained against this generator."""

    game: Game
    adversarial: AdversarialState


def train_game(
    game: Game, pairs: Pairs, settings: KinshipSettings, *, scale: int, device: torch.device
) -> TrainedGame:
    """A fresh critic after `settings.critic_steps` updates, each on the next batch of the pool, round and
    round.

    The updates are a training's own: the game's loss, clipping or penalty. The same seed gives the same
    critic on a CPU. Raises UserError where its gradient is not finite.
    """
    adversarial = _start(game, settings, scale=scale, device=device)
    for step in range(settings.critic_steps):
        hr, sr = (image.to(device) for image in pairs[step % len(pairs)])
        adversarial.critic.zero_grad(set_to_none=True)
        accumulate_critic_gradients(
            adversarial,
            adversarial.critic(hr),
            adversarial.critic(sr),
            hr=hr,
            sr=sr,
            draw=mix(settings.seed, game.critic_seed, step),
            parts=1,
            precision="float32",
        )
        norm = gradient_norm(adversarial.critic)
        if not torch.isfinite(norm):
            raise UserError(
                f"the critic of {game.direction.name} diverged at step {step}: take fewer --critic-steps, or "
                "leave the game out"
            )
        update_critic(adversarial, norm, clip_norm=None)
    return TrainedGame(game, adversarial)


def open_game(
    game: Game, file: Path, settings: KinshipSettings, *, scale: int, device: torch.device
) -> TrainedGame | None:
    """The game with its critic from a file that `save_game` wrote; None where there is none that is whole."""
    if not file.is_file():
        return None
    adversarial = _start(game, settings, scale=scale, device=device)
    try:
        adversarial.critic.load_state_dict(read_state(file)[0])
    except (UserError, RuntimeError):  # damaged, or another network's: it is trained anew
        return None
    return TrainedGame(game, adversarial)


def save_game(trained: TrainedGame, file: Path) -> None:
    """Keeps a trained critic, so that a measurement that was stopped resumes with it."""
    state = trained.adversarial.critic.state_dict()
    with replacing(file, failures=(SafetensorError,)) as temporary:
        save_file({key: value.detach().cpu().contiguous() for key, value in state.items()}, temporary)


def game_file(
    folder: Path, game: Game, settings: KinshipSettings, *, model: str, scale: int, pool: str
) -> Path:
    """Where a critic is kept: its name has a digest of all that made it; `pool` tells its photographs."""
    made_of = [game.loss, game.critic_seed, model, scale, pool, settings.model_dump(mode="json")]
    digest = hashlib.sha256(to_json(made_of).encode()).hexdigest()[:16]
    return folder / CRITICS / f"{game.loss}-{game.critic_seed}-{digest}.safetensors"


def pull_of_game(trained: TrainedGame, hr: Tensor, sr: Tensor) -> tuple[Tensor, Tensor]:
    """The generator loss's gradient at sr (N, 3, H, W), and each image's margin (N,): C(hr) − C(sr).

    The critic is as in training (batch norm takes the batch's own statistics); nothing of it changes.
    """
    adversarial = trained.adversarial
    image = sr.detach().requires_grad_()
    with _buffers_kept(adversarial.critic):
        real, fake = adversarial.critic(hr), adversarial.critic(image)
        (gradient,) = torch.autograd.grad(adversarial.loss.generator_loss(real, fake), image)
    margins = (real - fake).detach().flatten(1).mean(dim=1)
    return gradient, margins


@contextmanager
def _buffers_kept(critic: torch.nn.Module) -> Iterator[None]:
    """Spectral norm's and batch norm's buffers follow every forward pass; here they do not."""
    kept = [(buffer, buffer.clone()) for buffer in critic.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)


def _start(game: Game, settings: KinshipSettings, *, scale: int, device: torch.device) -> AdversarialState:
    asked = Adversarial(loss=game.loss, critic=settings.critic)
    size = settings.lr_size * scale
    with torch.random.fork_rng(devices=[]):
        return start_adversarial(asked, settings.optimiser, size=size, seed=game.critic_seed, device=device)
