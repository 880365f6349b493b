"""One step of a run: who pulls the generated image where, both updates, and nothing about files."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from esrlab.core.backend import precision_context
from esrlab.data.sampling import Batch
from esrlab.errors import UserError
from esrlab.losses.custom import Custom
from esrlab.losses.inputs import LossInputs
from esrlab.losses.pulls import add_pulls
from esrlab.recipes.learning_rate import learning_rate
from esrlab.recipes.parts import Term
from esrlab.recipes.recipe import ADVERSARIAL
from esrlab.training.critic_step import accumulate_critic_gradients, clip_gradients, update_critic
from esrlab.training.non_finite import NonFinite
from esrlab.training.state import AdversarialState, TrainState, mix
from esrlab.training.step_report import StepReport, Work, diagnose, gradient_norm, networks_of, report_step


@dataclass(frozen=True)
class TermGradients:
    """All terms at the generated images, unweighted and by their names: losses, and gradients there.

    scores: the critic's of the real and of the generated images, their graph kept; None where the step is
    not adversarial.
    """

    losses: dict[str, Tensor]
    gradients: dict[str, Tensor]
    scores: tuple[Tensor, Tensor] | None


def train_step(state: TrainState, batches: Sequence[Batch]) -> StepReport:
    """One update of the generator, and the recipe's number of updates of the critic.

    `batches`: optimiser.grad_accumulation of them for each critic update; the last ones serve the generator
    too. Each term's gradient is taken at the generated image, one after the other; their weighted sum goes
    through the generator once. That is the arithmetic of one backward pass of the weighted sum, and no
    dearer. The critic scores the last batch's real and generated images once; both networks' gradients
    come from it, so the generator faces the critic as it is before this update (ESRGAN's order).

    Raises NonFinite, and applies nothing of this update, where a loss, a gradient or a weight is not finite.
    """
    parts = state.recipe.optimiser.grad_accumulation
    *earlier, last = [batches[first : first + parts] for first in range(0, len(batches), parts)]
    rate = _set_learning_rate(state)
    if state.adversarial is not None and state.is_adversarial:
        for update, group in enumerate(earlier, start=1):
            _update_critic_alone(state, state.adversarial, group, update=update)
    for network in networks_of(state):
        network.zero_grad(set_to_none=True)
    work = Work()
    for index, batch in enumerate(last):
        _accumulate_generator_gradients(state, batch, work, index=index, parts=parts)
    report = report_step(state, work, rate=rate)
    if not all(map(math.isfinite, report.numbers.values())):
        raise NonFinite(diagnose(state, work), report.numbers)
    _apply(state, report)
    return report


def _precision(state: TrainState) -> AbstractContextManager[Any]:
    return precision_context(state.device, state.recipe.engine.precision)


def _set_learning_rate(state: TrainState) -> float:
    rate = learning_rate(state.recipe.optimiser, step=state.step, steps=state.recipe.steps)
    for optimiser in (
        state.optimiser,
        *([state.adversarial.optimiser] if state.adversarial is not None else []),
    ):
        for group in optimiser.param_groups:
            group["lr"] = rate
    return rate


def _accumulate_generator_gradients(
    state: TrainState, batch: Batch, work: Work, *, index: int, parts: int
) -> None:
    """One part of the batch: the terms' pulls at its images, backpropagated through the generator; both
    networks' gradients.
    """
    with _precision(state):
        sr = state.generator(batch.lr)
    generated = sr.detach()
    found = term_gradients(state, batch, generated)
    critic: dict[str, Tensor] = {}
    if state.adversarial is not None and found.scores is not None:
        real, fake = found.scores
        critic = accumulate_critic_gradients(
            state.adversarial,
            real,
            fake,
            hr=batch.hr,
            sr=generated,
            draw=_draw(state, index),
            parts=parts,
            precision=state.recipe.engine.precision,
        )
    if not work.weights:
        work.weights = state.balance.weigh(found.gradients)
    pulls = {name: gradient * (work.weights[name] / parts) for name, gradient in found.gradients.items()}
    sr.backward(add_pulls(pulls))
    work.batches.append(batch)
    work.images.append(generated)
    work.losses.append(found.losses)
    work.pulls.append(pulls)
    work.critic.append(critic)


def term_gradients(state: TrainState, batch: Batch, generated: Tensor) -> TermGradients:
    """Every term's gradient at generated images (N, 3, H, W) of this batch, the adversary's the last.

    Nothing is applied; a critic with batch norm follows its running statistics, as in every forward pass.
    """
    sr = generated.detach().requires_grad_()
    views = LossInputs(lr=batch.lr, sr=sr, hr=batch.hr)
    losses: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}
    for term, loss in state.terms:
        with _precision(state):
            value = loss(views)
        gradients[term.name] = _gradient(term, value, sr)
        losses[term.name] = value.detach()
    if state.adversarial is None or not state.is_adversarial:
        return TermGradients(losses, gradients, None)
    with _precision(state):
        scores = state.adversarial.critic(batch.hr), state.adversarial.critic(sr)
    value = state.adversarial.loss.generator_loss(*scores)
    (gradients[ADVERSARIAL],) = torch.autograd.grad(value, sr, retain_graph=True)
    losses[ADVERSARIAL] = value.detach()
    return TermGradients(losses, gradients, scores)


def _gradient(term: Term, value: Tensor, sr: Tensor) -> Tensor:
    """A term's gradient at sr; UserError where a user's own loss cannot be differentiated there."""
    try:
        return torch.autograd.grad(value, sr)[0]
    except RuntimeError as error:
        if not isinstance(term.loss, Custom):
            raise
        raise UserError(
            f"the custom loss {term.name} ({term.loss.function} in {term.loss.file}) has no gradient with "
            "respect to sr: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _update_critic_alone(
    state: TrainState, adversarial: AdversarialState, group: Sequence[Batch], *, update: int
) -> None:
    """An update of the critic alone, on generated images that the generator does not learn from."""
    adversarial.critic.zero_grad(set_to_none=True)
    parts = len(group)
    for index, batch in enumerate(group):
        with _precision(state):
            with torch.no_grad():
                sr = state.generator(batch.lr)
            real, fake = adversarial.critic(batch.hr), adversarial.critic(sr)
        accumulate_critic_gradients(
            adversarial,
            real,
            fake,
            hr=batch.hr,
            sr=sr,
            draw=_draw(state, update * parts + index),
            parts=parts,
            precision=state.recipe.engine.precision,
        )
    norm = gradient_norm(adversarial.critic)
    if not math.isfinite(float(norm)):
        raise NonFinite(diagnose(state, Work()))
    update_critic(adversarial, norm, clip_norm=state.recipe.optimiser.grad_clip_norm)


def _draw(state: TrainState, part: int) -> int:
    """Decides a part's draws, which are its own as its batch is: from (seed, step, part)."""
    return mix(state.draw_seed, state.step, part)


def _apply(state: TrainState, report: StepReport) -> None:
    numbers = report.numbers
    clip_norm = state.recipe.optimiser.grad_clip_norm
    clip_gradients(state.generator, torch.tensor(numbers["gradient/generator"]), clip_norm=clip_norm)
    state.optimiser.step()
    if state.adversarial is not None and state.is_adversarial:
        update_critic(state.adversarial, torch.tensor(numbers["gradient/critic"]), clip_norm=clip_norm)
    state.balance.learn({name: pull.share for name, pull in report.pulls.items()})
    state.step += 1
    if state.average is not None:
        state.average.update_parameters(state.generator)
