"""What an update of a critic is made of: its gradients from a batch's scores, and the update itself."""

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_

from esrlab.core.backend import Precision, precision_context
from esrlab.losses.adversarial import clip_parameters, gradient_penalty
from esrlab.training.state import AdversarialState


def accumulate_critic_gradients(
    adversarial: AdversarialState,
    real: Tensor,
    fake: Tensor,
    *,
    hr: Tensor,
    sr: Tensor,
    draw: int,
    parts: int,
    precision: Precision,
) -> dict[str, Tensor]:
    """Adds a part's gradients to those of the critic's parameters; returns the scores' means.

    real, fake: the critic's scores of hr and sr, with their graph; draw: decides the penalty's interpolates.
    """
    value = adversarial.loss.critic_loss(real, fake)
    report = {"loss": value.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}
    report["gap"] = report["real"] - report["fake"]
    if adversarial.loss.constraint == "penalty":
        source = torch.Generator(device=hr.device).manual_seed(draw)
        with precision_context(hr.device, precision):
            penalty = gradient_penalty(adversarial.critic, hr, sr, generator=source)
        value = value + adversarial.settings.penalty * penalty
        report["penalty"] = penalty.detach()
    parameters = list(adversarial.critic.parameters())
    for parameter, gradient in zip(parameters, torch.autograd.grad(value / parts, parameters), strict=True):
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
    return report


def update_critic(adversarial: AdversarialState, norm: Tensor, *, clip_norm: float | None) -> None:
    """Applies the gradients, shortened where their norm is above `clip_norm`; then the game's clipping."""
    clip_gradients(adversarial.critic, norm, clip_norm=clip_norm)
    adversarial.optimiser.step()
    if adversarial.loss.constraint == "clip":
        clip_parameters(adversarial.critic, adversarial.settings.clip)


def clip_gradients(network: nn.Module, norm: Tensor, *, clip_norm: float | None) -> None:
    """Shortens a network's gradients, whose norm is given, to `clip_norm`; None leaves them."""
    if clip_norm is not None:
        clip_grads_with_norm_(network.parameters(), clip_norm, norm)
