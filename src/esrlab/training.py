"""A run, its step, and nothing about files: who pulls the generated image where, and both updates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from esrlab.batches import Batch
from esrlab.losses import Game, LossFunction, Views, clip_parameters, game, gradient_penalty, share_networks
from esrlab.networks.critic import Critic
from esrlab.networks.rrdb import RRDBNet, start_as_interpolator
from esrlab.recipe import Adversarial, Recipe, Term

ADVERSARIAL = "adversarial"
"""What the game is called among the terms."""


@dataclass(frozen=True)
class Contest:
    """The critic with its optimiser, and the rules it plays by."""

    settings: Adversarial
    game: Game
    critic: Critic
    optimiser: Optimizer


@dataclass
class Run:
    """The only mutable thing: networks, optimisers, and how many steps were taken."""

    recipe: Recipe
    seed: int
    device: torch.device
    generator: RRDBNet
    optimiser: Optimizer
    terms: tuple[tuple[Term, LossFunction], ...]
    contest: Contest | None
    step: int = 0


@dataclass(frozen=True)
class Pull:
    """A term's weighted gradient at the generated image, measured over the batch (scalar tensors).

    norm: its 2-norm; share: of the sum of all norms, in [0, 1]; cosine: with the sum of all pulls.
    """

    norm: Tensor
    share: Tensor
    cosine: Tensor


@dataclass(frozen=True)
class StepReport:
    """What one step did, as scalar tensors: unweighted losses and pulls by term, the critic's scores."""

    losses: dict[str, Tensor]
    pulls: dict[str, Pull]
    critic: dict[str, Tensor]


def start_run(recipe: Recipe, *, seed: int, device: torch.device) -> Run:
    """Fresh networks and optimisers; equal seeds give equal generators whatever the losses are."""
    shape = recipe.generator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = RRDBNet(
            scale=recipe.scale, features=shape.features, growth=shape.growth, blocks=shape.blocks
        )
        if shape.start == "interpolation":
            start_as_interpolator(generator)
        contest = _start_contest(recipe, seed=seed, device=device)
    generator.to(device)
    active = [term for term in recipe.terms if term.weight > 0]
    terms = tuple(zip(active, share_networks([term.loss.ready(device) for term in active]), strict=True))
    return Run(recipe, seed, device, generator, _adam(generator, recipe), terms, contest)


def _start_contest(recipe: Recipe, *, seed: int, device: torch.device) -> Contest | None:
    settings = recipe.adversarial
    if settings is None:
        return None
    torch.manual_seed(seed + 1)
    critic = Critic(size=recipe.hr_size, features=settings.critic.features, norm=settings.critic.norm)
    rules = game(settings.game)
    if rules.constraint == "clip":
        clip_parameters(critic, settings.clip)
    critic.to(device)
    return Contest(settings, rules, critic, _adam(critic, recipe))


def _adam(network: torch.nn.Module, recipe: Recipe) -> Adam:
    return Adam(network.parameters(), lr=recipe.optimiser.learning_rate, betas=recipe.optimiser.betas)


def train_step(run: Run, batches: Sequence[Batch]) -> StepReport:
    """One update of the generator and one of the critic for each batch; the last batch serves both.

    Each term's gradient is taken at the generated image, one after the other; their sum goes through the
    generator once. That is the arithmetic of one backward pass of the weighted sum, and no dearer. The
    critic scores the last batch's real and generated images once; both players' gradients come from it,
    so the generator faces the critic as it is before this update (ESRGAN's order).
    """
    *earlier, batch = batches
    for update, extra in enumerate(earlier, start=1):
        _practise(run, extra, update=update)
    sr = run.generator(batch.lr)
    generated = sr.detach().requires_grad_()
    views = Views(lr=batch.lr, sr=generated, hr=batch.hr)
    losses: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}
    for term, loss in run.terms:
        value = loss(views)
        (gradients[term.name],) = torch.autograd.grad(term.weight * value, generated)
        losses[term.name] = value.detach()
    critic: dict[str, Tensor] = {}
    if run.contest is not None:
        losses[ADVERSARIAL], gradients[ADVERSARIAL], critic = _play(run, run.contest, generated, batch.hr)
    total = torch.stack(list(gradients.values())).sum(dim=0)
    run.optimiser.zero_grad(set_to_none=True)
    sr.backward(total)
    run.optimiser.step()
    if run.contest is not None:
        _update_critic(run.contest)
    run.step += 1
    return StepReport(losses, _measure_pulls(gradients, total), critic)


def _play(
    run: Run, contest: Contest, generated: Tensor, hr: Tensor
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """One round: the generator's loss and pull; the critic's gradients are left on its parameters."""
    real, fake = contest.critic(hr), contest.critic(generated)
    value = contest.game.generator_loss(real, fake)
    (pull,) = torch.autograd.grad(contest.settings.weight * value, generated, retain_graph=True)
    return value.detach(), pull, _blame(run, contest, real, fake, hr=hr, sr=generated.detach())


def _practise(run: Run, batch: Batch, *, update: int) -> None:
    """An update of the critic alone, on generated images that the generator does not learn from."""
    contest = run.contest
    if contest is None:
        return
    with torch.no_grad():
        sr = run.generator(batch.lr)
    _blame(run, contest, contest.critic(batch.hr), contest.critic(sr), hr=batch.hr, sr=sr, update=update)
    _update_critic(contest)


def _blame(
    run: Run, contest: Contest, real: Tensor, fake: Tensor, *, hr: Tensor, sr: Tensor, update: int = 0
) -> dict[str, Tensor]:
    """Puts the critic's gradients on its parameters, and tells how it scores."""
    value = contest.game.critic_loss(real, fake)
    report = {"loss": value.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}
    report["gap"] = report["real"] - report["fake"]
    if contest.game.constraint == "penalty":
        # An update's interpolates are its own: drawn from (seed, step, update), like its batch.
        mixed = np.random.SeedSequence([run.seed, run.step, update]).generate_state(1, np.uint64)
        draw = torch.Generator(device=hr.device).manual_seed(int(mixed[0] >> 1))
        penalty = gradient_penalty(contest.critic, hr, sr, generator=draw)
        value = value + contest.settings.penalty * penalty
        report["penalty"] = penalty.detach()
    parameters = list(contest.critic.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(value, parameters), strict=True):
        parameter.grad = gradient
    return report


def _update_critic(contest: Contest) -> None:
    contest.optimiser.step()
    if contest.game.constraint == "clip":
        clip_parameters(contest.critic, contest.settings.clip)


def _measure_pulls(gradients: dict[str, Tensor], total: Tensor) -> dict[str, Pull]:
    norms = {name: _norm(gradient) for name, gradient in gradients.items()}
    all_norms = torch.stack(list(norms.values())).sum().clamp_min(torch.finfo(total.dtype).tiny)
    direction = _unit(total)
    return {
        name: Pull(
            norm=norms[name],
            share=norms[name] / all_norms,
            cosine=(_unit(gradient) * direction).sum(),
        )
        for name, gradient in gradients.items()
    }


def _unit(gradient: Tensor) -> Tensor:
    """The gradient at length 1, or 0 where it has none; torch's cosine_similarity gives up below 1e-8."""
    norm = _norm(gradient)
    return torch.where(norm > 0, gradient / norm.clamp_min(torch.finfo(norm.dtype).tiny), 0.0)


def _norm(gradient: Tensor) -> Tensor:
    """The 2-norm, taken at a scale where squares do not vanish: a clipped WGAN pulls with 1e-20 and less."""
    largest = gradient.abs().max().clamp_min(torch.finfo(gradient.dtype).tiny)
    return largest * torch.linalg.vector_norm(gradient / largest)
