"""What a step found, before it is applied: measured in one go, and searched where it is not finite."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils import get_total_norm

from esrlab.core.devices import memory_in_use
from esrlab.data.sampling import Batch
from esrlab.losses.pulls import Pull, measure_pulls
from esrlab.training.non_finite import NonFinite, Rollback, first_nonfinite
from esrlab.training.state import TrainState

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
class Work:
    """What the parts of a step's last batch left: images, losses and pulls by term, critic's values."""

    batches: list[Batch] = field(default_factory=list)
    images: list[Tensor] = field(default_factory=list)
    losses: list[dict[str, Tensor]] = field(default_factory=list)
    pulls: list[dict[str, Tensor]] = field(default_factory=list)
    critic: list[dict[str, Tensor]] = field(default_factory=list)
    weights: dict[str, Tensor] = field(default_factory=dict)


def report_step(state: TrainState, work: Work, *, rate: float) -> StepReport:
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
    for who, network in zip(("generator", "critic"), networks_of(state), strict=False):
        if who == "generator" or state.is_adversarial:
            named[f"gradient/{who}"] = gradient_norm(network)
            if (state.step + 1) % WEIGHTS_EVERY == 0:
                named[f"weights/{who}"] = _weight_norm(network)
    named |= _measure_images(work, state.recipe.scale)
    values = torch.stack([value.detach().float() for value in named.values()]).tolist()
    numbers = dict(zip(named, values, strict=True)) | {"learning_rate": rate}
    return StepReport(losses, pulls, critic, numbers)


def _mean(parts: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}


def require_finite_weights(state: TrainState) -> None:
    """Raises NonFinite where a weight is not finite after the last update: no such state is to be saved."""
    if not all(bool(torch.isfinite(_weight_norm(network))) for network in networks_of(state)):
        rollback = diagnose(state, Work())
        raise NonFinite(replace(rollback, step=state.step))


def _weight_norm(network: nn.Module) -> Tensor:
    return get_total_norm([parameter.detach() for parameter in network.parameters()])


def gradient_norm(network: nn.Module) -> Tensor:
    """The 2-norm of all gradients of a network's parameters."""
    return get_total_norm([p.grad for p in network.parameters() if p.grad is not None])


def _measure_images(work: Work, scale: int) -> dict[str, Tensor]:
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


def networks_of(state: TrainState) -> list[nn.Module]:
    """The generator, and the critic where there is one."""
    return [state.generator, *([state.adversarial.critic] if state.adversarial is not None else [])]


def diagnose(state: TrainState, work: Work) -> Rollback:
    """Where the trouble began: weights before images, images before losses, losses before gradients."""
    culprit = first_nonfinite(_suspects(state, work))
    place, found = culprit if culprit is not None else ("a norm", "its squares overflow float32")
    return Rollback(state.step + 1, place, found)


def _suspects(state: TrainState, work: Work) -> Iterator[tuple[str, Tensor | None]]:
    networks: list[tuple[str, nn.Module]] = [("generator", state.generator)]
    if state.adversarial is not None:
        networks.append(("critic", state.adversarial.critic))
    for who, network in networks:
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
    for who, network in networks:
        for name, parameter in network.named_parameters():
            yield f"the gradient of the {who}'s {name}", parameter.grad


def log_row(report: StepReport, state: TrainState, *, seconds: float) -> dict[str, Any]:
    """A step as one line: loss/<term>, pull/<term>, cosine/<term>/<other>, critic/<value>, …, its pace."""
    row: dict[str, Any] = {"step": state.step}
    for name, number in report.numbers.items():
        group, _, rest = name.partition("/")
        term, _, part = rest.partition("/")
        if part and group == "pull":
            row.setdefault(f"{group}/{term}", {})[part] = number
        else:
            row[name] = number
    patches = state.recipe.patches.batch * state.recipe.optimiser.grad_accumulation
    return row | {
        "seconds": round(seconds, 6),
        "images_per_second": round(patches / seconds, 3),
        "memory_gib": round(memory_in_use(state.device) / 2**30, 3),
    }
