"""One step of a run: who pulls the generated image where, both updates, and nothing about files."""

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from esrlab.batches import Batch
from esrlab.engine import precision_context
from esrlab.health import NonFinite, Setback, first_nonfinite
from esrlab.losses import Views, clip_parameters, gradient_penalty
from esrlab.pulls import Pull, add_pulls, measure_pulls
from esrlab.recipe import ADVERSARIAL
from esrlab.schedule import learning_rate
from esrlab.training import Contest, Run, mix

WEIGHTS_EVERY = 10
"""Steps between measurements of the weights' norms: they change slowly, and reading them all is dear."""


@dataclass(frozen=True)
class StepReport:
    """What one step did, as scalar tensors: unweighted losses and pulls by term, the critic's scores.

    numbers: all of it and more, as log.jsonl names it; these crossed from the device together.
    """

    losses: dict[str, Tensor]
    pulls: dict[str, Pull]
    critic: dict[str, Tensor]
    numbers: dict[str, float]


@dataclass
class _Work:
    """What the parts of a step's last batch left: images, losses and pulls by term, critic's values."""

    batches: list[Batch] = field(default_factory=list)
    images: list[Tensor] = field(default_factory=list)
    losses: list[dict[str, Tensor]] = field(default_factory=list)
    pulls: list[dict[str, Tensor]] = field(default_factory=list)
    critic: list[dict[str, Tensor]] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)


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
    for network in _players(run):
        network.zero_grad(set_to_none=True)
    work = _Work()
    for index, batch in enumerate(last):
        _pull(run, batch, work, index=index, parts=parts)
    report = _report(run, work, rate=rate)
    if not all(map(math.isfinite, report.numbers.values())):
        raise NonFinite(_diagnose(run, work), report.numbers)
    _apply(run, report)
    return report


def _precision(run: Run) -> AbstractContextManager[Any]:
    return precision_context(run.device, run.recipe.engine.precision)


def _players(run: Run) -> list[nn.Module]:
    return [run.generator, *([run.contest.critic] if run.contest is not None else [])]


def _set_learning_rate(run: Run) -> float:
    rate = learning_rate(run.recipe.optimiser, step=run.step, steps=run.recipe.steps)
    for optimiser in (run.optimiser, *([run.contest.optimiser] if run.contest is not None else [])):
        for group in optimiser.param_groups:
            group["lr"] = rate
    return rate


def _pull(run: Run, batch: Batch, work: _Work, *, index: int, parts: int) -> None:
    """One part of the batch: what pulls at its images, through the generator; both players' gradients."""
    with _precision(run):
        sr = run.generator(batch.lr)
    generated = sr.detach().requires_grad_()
    views = Views(lr=batch.lr, sr=generated, hr=batch.hr)
    losses: dict[str, Tensor] = {}
    gradients: dict[str, Tensor] = {}
    for term, loss in run.terms:
        with _precision(run):
            value = loss(views)
        (gradients[term.name],) = torch.autograd.grad(value, generated)
        losses[term.name] = value.detach()
    critic: dict[str, Tensor] = {}
    if run.contest is not None and run.plays:
        losses[ADVERSARIAL], gradients[ADVERSARIAL], critic = _play(
            run, run.contest, generated, batch.hr, index=index, parts=parts
        )
    if not work.weights:
        work.weights = run.balance.weigh(gradients)
    pulls = {name: slope * (work.weights[name] / parts) for name, slope in gradients.items()}
    sr.backward(add_pulls(pulls))
    work.batches.append(batch)
    work.images.append(generated.detach())
    work.losses.append(losses)
    work.pulls.append(pulls)
    work.critic.append(critic)


def _play(
    run: Run, contest: Contest, generated: Tensor, hr: Tensor, *, index: int, parts: int
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """One round: the generator's loss and its gradient; the critic's gradients go to its parameters."""
    with _precision(run):
        real, fake = contest.critic(hr), contest.critic(generated)
    value = contest.game.generator_loss(real, fake)
    (slope,) = torch.autograd.grad(value, generated, retain_graph=True)
    critic = _blame(run, contest, real, fake, hr=hr, sr=generated.detach(), draw=index, parts=parts)
    return value.detach(), slope, critic


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
    norm = _gradient_norm(contest.critic)
    if not math.isfinite(float(norm)):
        raise NonFinite(_diagnose(run, _Work()))
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


def _report(run: Run, work: _Work, *, rate: float) -> StepReport:
    """Everything that is known of the step before it is applied."""
    losses, critic = _mean(work.losses), _mean(work.critic)
    joined = {name: torch.cat([pulls[name] for pulls in work.pulls]) for name in work.pulls[0]}
    measured = measure_pulls(joined, work.weights)
    pulls = measured.terms
    named = {f"loss/{name}": value for name, value in losses.items()}
    for name, pull in pulls.items():
        named |= {f"pull/{name}/{part}": value for part, value in vars(pull).items()}
    named |= {f"cosine/{one}/{other}": value for (one, other), value in measured.between.items()}
    named |= {f"critic/{name}": value for name, value in critic.items()}
    for who, network in zip(("generator", "critic"), _players(run), strict=False):
        if who == "generator" or run.plays:
            named[f"gradient/{who}"] = _gradient_norm(network)
            if (run.step + 1) % WEIGHTS_EVERY == 0:
                named[f"weights/{who}"] = _weight_norm(network)
    named |= _measure_images(work, run.recipe.scale)
    values = torch.stack([value.detach().float() for value in named.values()]).tolist()
    numbers = dict(zip(named, values, strict=True)) | {"learning_rate": rate}
    return StepReport(losses, pulls, critic, numbers)


def _mean(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}


def require_finite_weights(run: Run) -> None:
    """Raises NonFinite where a weight is not finite after the last update: no such state is to be saved."""
    if not all(bool(torch.isfinite(_weight_norm(network))) for network in _players(run)):
        setback = _diagnose(run, _Work())
        raise NonFinite(replace(setback, step=run.step))


def _weight_norm(network: nn.Module) -> Tensor:
    return get_total_norm([parameter.detach() for parameter in network.parameters()])


def _gradient_norm(network: nn.Module) -> Tensor:
    return get_total_norm([p.grad for p in network.parameters() if p.grad is not None])


def _measure_images(work: _Work, scale: int) -> dict[str, Tensor]:
    """The batch's PSNR (RGB, no border, peak 1), its bicubic enlargement's, and how far its values spread."""
    lr = torch.cat([batch.lr for batch in work.batches])
    hr = torch.cat([batch.hr for batch in work.batches])
    sr = torch.cat(work.images)
    # MATLAB's kernel, though not its border: near enough for a curve, at a third of the time.
    enlarged = interpolate(lr, scale_factor=scale, mode="bicubic", antialias=True)
    return {
        "image/psnr": _psnr(sr.clamp(0, 1), hr),
        "image/bicubic": _psnr(enlarged.clamp(0, 1), hr),
        "image/spread": sr.std() / hr.std().clamp_min(1e-6),
    }


def _psnr(image: Tensor, hr: Tensor) -> Tensor:
    return -10 * (image - hr).square().mean().clamp_min(1e-12).log10()


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


def _diagnose(run: Run, work: _Work) -> Setback:
    """Where the trouble began: weights before images, images before losses, losses before gradients."""
    culprit = first_nonfinite(_suspects(run, work))
    place, found = culprit if culprit is not None else ("a norm", "its squares leave float32's range")
    return Setback(run.step + 1, place, found)


def _suspects(run: Run, work: _Work) -> Iterator[tuple[str, Tensor | None]]:
    players: list[tuple[str, nn.Module]] = [("generator", run.generator)]
    if run.contest is not None:
        players.append(("critic", run.contest.critic))
    for who, network in players:
        for name, parameter in network.named_parameters():
            yield f"the {who}'s weight {name}", parameter.detach()
    for batch, image in zip(work.batches, work.images, strict=True):
        yield "the low-resolution batch", batch.lr
        yield "the target batch", batch.hr
        yield "the generated image", image
    for part in work.critic:
        for name, value in part.items():
            yield f"critic/{name}", value
    for what, group in (("loss", work.losses), ("pull", work.pulls)):
        for part in group:
            for name, value in part.items():
                yield f"{what}/{name}", value
    for who, network in players:
        for name, parameter in network.named_parameters():
            yield f"the gradient of the {who}'s {name}", parameter.grad
