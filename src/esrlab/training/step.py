"""One step of a run: who pulls the generated image where, both updates, and nothing about files."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_

from esrlab.core.backend import precision_context
from esrlab.data.sampling import Batch
from esrlab.losses.adversarial import clip_parameters, gradient_penalty
from esrlab.losses.inputs import Views
from esrlab.losses.pulls import add_pulls
from esrlab.recipes.learning_rate import learning_rate
from esrlab.recipes.recipe import ADVERSARIAL
from esrlab.training.non_finite import NonFinite
from esrlab.training.state import Contest, Run, mix
from esrlab.training.step_report import StepReport, Work, diagnose, gradient_norm, players_of, report_step


@dataclass(frozen=True)
class Slopes:
    """What all terms say of generated images, unweighted and by their names: losses, and gradients there.

    scores: the critic's of the real and of the generated images, their graph kept; None where no game is
    played.
    """

    losses: dict[str, Tensor]
    gradients: dict[str, Tensor]
    scores: tuple[Tensor, Tensor] | None


def train_step(run: Run, batches: Sequence[Batch]) -> StepReport:
    """One update of the generator, and as many of the critic as the recipe says.

    `batches`: optimiser.accumulate of them for each critic update; the last ones serve the generator too.
    Each term's gradient is taken at the generated image, one after the other; their weighted sum goes
    through the generator once. That is the arithmetic of one backward pass of the weighted sum, and no
    dearer. The critic scores the last batch's real and generated images once; both players' gradients
    come from it, so the generator faces the critic as it is before this update (ESRGAN's order).

    Raises NonFinite, and applies nothing of this update, where a loss, a gradient or a weight is not finite.
    """
    parts = run.recipe.optimiser.accumulate
    *earlier, last = [batches[first : first + parts] for first in range(0, len(batches), parts)]
    rate = _set_learning_rate(run)
    if run.contest is not None and run.plays:
        for update, group in enumerate(earlier, start=1):
            _practise(run, run.contest, group, update=update)
    for network in players_of(run):
        network.zero_grad(set_to_none=True)
    work = Work()
    for index, batch in enumerate(last):
        _pull(run, batch, work, index=index, parts=parts)
    report = report_step(run, work, rate=rate)
    if not all(map(math.isfinite, report.numbers.values())):
        raise NonFinite(diagnose(run, work), report.numbers)
    _apply(run, report)
    return report


def _precision(run: Run) -> AbstractContextManager[Any]:
    return precision_context(run.device, run.recipe.engine.precision)


def _set_learning_rate(run: Run) -> float:
    rate = learning_rate(run.recipe.optimiser, step=run.step, steps=run.recipe.steps)
    for optimiser in (run.optimiser, *([run.contest.optimiser] if run.contest is not None else [])):
        for group in optimiser.param_groups:
            group["lr"] = rate
    return rate


def _pull(run: Run, batch: Batch, work: Work, *, index: int, parts: int) -> None:
    """One part of the batch: what pulls at its images, through the generator; both players' gradients."""
    with _precision(run):
        sr = run.generator(batch.lr)
    generated = sr.detach()
    slopes = take_slopes(run, batch, generated)
    critic: dict[str, Tensor] = {}
    if run.contest is not None and slopes.scores is not None:
        real, fake = slopes.scores
        critic = _blame(run, run.contest, real, fake, hr=batch.hr, sr=generated, draw=index, parts=parts)
    if not work.weights:
        work.weights = run.balance.weigh(slopes.gradients)
    pulls = {name: slope * (work.weights[name] / parts) for name, slope in slopes.gradients.items()}
    sr.backward(add_pulls(pulls))
    work.batches.append(batch)
    work.images.append(generated)
    work.losses.append(slopes.losses)
    work.pulls.append(pulls)
    work.critic.append(critic)


def take_slopes(run: Run, batch: Batch, generated: Tensor) -> Slopes:
    """Every term's gradient at generated images (N, 3, H, W) of this batch, the adversary's the last.

    Nothing is applied; a critic with batch norm follows its running statistics, as in every forward pass.
    """
    sr = generated.detach().requires_grad_()
    views = Views(lr=batch.lr, sr=sr, hr=batch.hr)
    losses: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}
    for term, loss in run.terms:
        with _precision(run):
            value = loss(views)
        (gradients[term.name],) = torch.autograd.grad(value, sr)
        losses[term.name] = value.detach()
    if run.contest is None or not run.plays:
        return Slopes(losses, gradients, None)
    with _precision(run):
        scores = run.contest.critic(batch.hr), run.contest.critic(sr)
    value = run.contest.game.generator_loss(*scores)
    (gradients[ADVERSARIAL],) = torch.autograd.grad(value, sr, retain_graph=True)
    losses[ADVERSARIAL] = value.detach()
    return Slopes(losses, gradients, scores)


def _practise(run: Run, contest: Contest, group: Sequence[Batch], *, update: int) -> None:
    """An update of the critic alone, on generated images that the generator does not learn from."""
    contest.critic.zero_grad(set_to_none=True)
    parts = len(group)
    for index, batch in enumerate(group):
        with _precision(run):
            with torch.no_grad():
                sr = run.generator(batch.lr)
            real, fake = contest.critic(batch.hr), contest.critic(sr)
        draw = update * parts + index
        _blame(run, contest, real, fake, hr=batch.hr, sr=sr, draw=draw, parts=parts)
    norm = gradient_norm(contest.critic)
    if not math.isfinite(float(norm)):
        raise NonFinite(diagnose(run, Work()))
    _update_critic(run, contest, norm)


def _blame(
    run: Run, contest: Contest, real: Tensor, fake: Tensor, *, hr: Tensor, sr: Tensor, draw: int, parts: int
) -> dict[str, Tensor]:
    """Adds a part's gradients to those of the critic's parameters, and tells how it scores."""
    value = contest.game.critic_loss(real, fake)
    report = {"loss": value.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}
    report["gap"] = report["real"] - report["fake"]
    if contest.game.constraint == "penalty":
        # A round's interpolates are its own: drawn from (seed, step, round), like its batch.
        source = torch.Generator(device=hr.device).manual_seed(mix(run.draw_seed, run.step, draw))
        with _precision(run):
            penalty = gradient_penalty(contest.critic, hr, sr, generator=source)
        value = value + contest.settings.penalty * penalty
        report["penalty"] = penalty.detach()
    parameters = list(contest.critic.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(value / parts, parameters), strict=True):
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
    return report


def _apply(run: Run, report: StepReport) -> None:
    numbers = report.numbers
    _shorten(run, run.generator, torch.tensor(numbers["gradient/generator"]))
    run.optimiser.step()
    if run.contest is not None and run.plays:
        _update_critic(run, run.contest, torch.tensor(numbers["gradient/critic"]))
    run.balance.learn({name: pull.share for name, pull in report.pulls.items()})
    run.step += 1
    if run.average is not None:
        # Early on the average follows more closely, or it would remember the first weights for long.
        decay = min(run.recipe.generator.average, (1 + run.step) / (10 + run.step))
        with torch.no_grad():
            for mean, weight in zip(run.average.parameters(), run.generator.parameters(), strict=True):
                mean.lerp_(weight, 1 - decay)


def _update_critic(run: Run, contest: Contest, norm: Tensor) -> None:
    _shorten(run, contest.critic, norm)
    contest.optimiser.step()
    if contest.game.constraint == "clip":
        clip_parameters(contest.critic, contest.settings.clip)


def _shorten(run: Run, network: nn.Module, norm: Tensor) -> None:
    if run.recipe.optimiser.max_norm is not None:
        clip_grads_with_norm_(network.parameters(), run.recipe.optimiser.max_norm, norm)
