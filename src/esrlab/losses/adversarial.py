"""The adversarial losses: what critic and generator each minimise, and the critic's constraint.

Write C(x) for the critic's raw scores, r and f for real and generated images, E for the mean over the
batch and, where an image has a map of scores, over the map; σ for the sigmoid. Every loss is a function of
the scores C(r) and C(f), of one shape, (N, 1) or (N, 1, h, w), of which only means are taken, and returns a
scalar: a map counts as so many scores, and its size does not change a loss's size. Relativistic losses set a
score against the mean of all the others' (the batch's and the map's), as Real-ESRGAN's trainers do.
Everything is finite for scores of any size.

The relativistic losses follow the paper's eq. 1 and 2 to the letter: the two halves are *added*, and
gradients run through both means. ESRGAN's reference code halves both losses (so its weight 5e-3 is 2.5e-3
here), and newer BasicSR detaches the opposite mean in the critic's loss. The means are this process's:
several GPUs that each see a part of the batch use a slightly different loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, relu

from esrlab.core.nearest import did_you_mean
from esrlab.errors import UsageError

AdversarialLossName = Literal[
    "relativistic",
    "relativistic-nolog",
    "relativistic-raw",
    "wgan",
    "wgan-gp",
    "vanilla",
    "lsgan",
    "hinge",
]
Constraint = Literal["none", "clip", "penalty"]
ScoreLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class AdversarialLoss:
    """One adversarial loss: two losses of the raw scores (real, fake), and the critic's constraint.

    constraint: "clip" wants `clip_parameters` after each critic step, "penalty" adds λ·`gradient_penalty`.
    """

    name: AdversarialLossName
    critic_loss: ScoreLoss
    generator_loss: ScoreLoss
    constraint: Constraint = "none"


def relativistic_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E[log σ(C(r) − E C(f))] − E[log(1 − σ(C(f) − E C(r)))]. Paper, eq. 1 (Jolicoeur-Martineau 2018)."""
    return -logsigmoid(real - fake.mean()).mean() - logsigmoid(real.mean() - fake).mean()


def relativistic_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E[log(1 − σ(C(r) − E C(f)))] − E[log σ(C(f) − E C(r))]. Paper, eq. 2.

    Its slope in the gap C(r) − C(f) is 2σ(gap): 1.99 at 5, so a beaten generator still learns.
    """
    return -logsigmoid(fake.mean() - real).mean() - logsigmoid(fake - real.mean()).mean()


def nolog_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E[D(r, f)] − E[1 − D(f, r)], D(a, b) = σ(C(a) − E C(b)): eq. 1 without its logarithms; in (−2, 0)."""
    return -torch.sigmoid(real - fake.mean()).mean() - torch.sigmoid(real.mean() - fake).mean()


def nolog_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E[1 − D(r, f)] − E[D(f, r)]: eq. 2 without its logarithms; in (−2, 0).

    Its slope in the gap C(r) − C(f) is 2σ'(gap): 0.013 at 5 and 9e-5 at 10, so a beaten generator
    learns no more.
    """
    return -torch.sigmoid(fake.mean() - real).mean() - torch.sigmoid(fake - real.mean()).mean()


def raw_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """2 (E C(f) − E C(r)): `nolog_critic_loss` without its sigmoid, which is twice WGAN's.

    With D(a, b) = C(a) − E C(b), −E[D(r, f)] − E[1 − D(f, r)] is this − 1; the −1 is left out.
    """
    return 2 * wgan_critic_loss(real, fake)


def raw_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−2 E C(f): `nolog_generator_loss` without its sigmoid, which is twice WGAN's.

    With D(a, b) = C(a) − E C(b), −E[1 − D(r, f)] − E[D(f, r)] is this + 2 E C(r) − 1; that is constant
    for the generator, and left out.
    """
    return 2 * wgan_generator_loss(real, fake)


def wgan_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E C(f) − E C(r), which the critic minimises. Paper, eq. 3 (Arjovsky et al. 2017)."""
    return fake.mean() - real.mean()


def wgan_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E C(f). Paper, eq. 4; `real` is not used."""
    return -fake.mean()


def vanilla_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E[log σ(C(r))] − E[log(1 − σ(C(f)))]. Goodfellow et al. 2014, eq. 1."""
    return -logsigmoid(real).mean() - logsigmoid(-fake).mean()


def vanilla_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E[log σ(C(f))], the non-saturating form (Goodfellow et al. 2014, §3); `real` is not used."""
    return -logsigmoid(fake).mean()


def lsgan_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """½ E[(C(r) − 1)²] + ½ E[C(f)²], halves as in the paper. Mao et al. 2017, eq. 9 (a = 0, b = c = 1)."""
    return (real - 1).square().mean() / 2 + fake.square().mean() / 2


def lsgan_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """½ E[(C(f) − 1)²]. Mao et al. 2017, eq. 9; `real` is not used."""
    return (fake - 1).square().mean() / 2


def hinge_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 − C(r))] + E[max(0, 1 + C(f))]. Lim & Ye 2017; Miyato et al. 2018, eq. 16."""
    return relu(1 - real).mean() + relu(1 + fake).mean()


def hinge_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """−E C(f). Lim & Ye 2017; Miyato et al. 2018, eq. 17; `real` is not used."""
    return -fake.mean()


ADVERSARIAL_LOSSES: tuple[AdversarialLoss, ...] = (
    AdversarialLoss("relativistic", relativistic_critic_loss, relativistic_generator_loss),
    AdversarialLoss("relativistic-nolog", nolog_critic_loss, nolog_generator_loss),
    AdversarialLoss("relativistic-raw", raw_critic_loss, raw_generator_loss),
    AdversarialLoss("wgan", wgan_critic_loss, wgan_generator_loss, constraint="clip"),
    AdversarialLoss("wgan-gp", wgan_critic_loss, wgan_generator_loss, constraint="penalty"),
    AdversarialLoss("vanilla", vanilla_critic_loss, vanilla_generator_loss),
    AdversarialLoss("lsgan", lsgan_critic_loss, lsgan_generator_loss),
    AdversarialLoss("hinge", hinge_critic_loss, hinge_generator_loss),
)


def adversarial_loss(name: str) -> AdversarialLoss:
    """Return the adversarial loss of that name. Raises UsageError, with the nearest name, where there is
    none.
    """
    for known in ADVERSARIAL_LOSSES:
        if known.name == name:
            return known
    names = [known.name for known in ADVERSARIAL_LOSSES]
    raise UsageError(
        f"there is no adversarial loss {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}"
    )


def clip_parameters(critic: nn.Module, bound: float) -> None:
    """Clamp every parameter of the critic to [−bound, bound], in place. Arjovsky et al. 2017 (bound 0.01).

    *Every* one, a norm layer's scale and shift too, as in the authors' code. Raises UsageError for
    a bound that is not above 0.
    """
    if not bound > 0:
        raise UsageError(f"the bound that clips the critic's parameters must be above 0, not {bound}")
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.clamp_(-bound, bound)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, *, generator: torch.Generator
) -> Tensor:
    """E[(‖∇C(x)‖₂ − 1)²] at random points x between real and generated images. Gulrajani et al. 2017, eq. 3.

    The norm is one sample's, over all its channels and pixels (not one a pixel), so a critic whose
    gradient has length 1 everywhere pays 0. Batch norm in the critic would mix samples: do without.
    Of a map of scores, C(x) is the mean: it is what the loss compares, so it is what must have slope 1, and
    the norm does not grow with the number of scores.

    real, fake: (N, C, H, W), detached here; generator: draws the N mixing weights, on its own device.
    Returns a scalar with a graph to the critic's parameters; λ (10 in that paper) is the caller's.
    """
    weights = torch.rand(
        (len(real), *[1] * (real.ndim - 1)), generator=generator, device=generator.device, dtype=real.dtype
    ).to(real.device)
    points = (weights * real.detach() + (1 - weights) * fake.detach()).requires_grad_()
    # A sample's score depends on that sample alone, so the sum's gradient holds each sample's own.
    scores = critic(points).reshape(len(points), -1).mean(dim=1)
    (gradients_of,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    norms = torch.linalg.vector_norm(gradients_of.flatten(1), dim=1)
    return (norms - 1).square().mean()
