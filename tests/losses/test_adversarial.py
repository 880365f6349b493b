"""The adversarial losses against the papers' formulas in float64, their facts, and the critic's
constraints.
"""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from esrlab.errors import UsageError
from esrlab.losses.adversarial import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    AdversarialLossName,
    adversarial_loss,
    clip_parameters,
    gradient_penalty,
)


def sigma(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def judge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """D(a, b) of PAPER.md."""
    return sigma(a - b.mean())


def least(z: np.ndarray) -> np.ndarray:
    return np.minimum(0, z)


Formula = Callable[[np.ndarray, np.ndarray], float]
"""(real scores, fake scores) -> loss, in the words of each paper."""

FORMULAS: dict[str, tuple[Formula, Formula]] = {
    "relativistic": (
        lambda r, f: -np.log(judge(r, f)).mean() - np.log(1 - judge(f, r)).mean(),
        lambda r, f: -np.log(1 - judge(r, f)).mean() - np.log(judge(f, r)).mean(),
    ),
    "relativistic-nolog": (
        lambda r, f: -judge(r, f).mean() - (1 - judge(f, r)).mean(),
        lambda r, f: -(1 - judge(r, f)).mean() - judge(f, r).mean(),
    ),
    "relativistic-raw": (  # with D(a, b) = C(a) − E C(b), and the constants that raw_*_loss name taken off
        lambda r, f: -(r - f.mean()).mean() - (1 - (f - r.mean())).mean() + 1,
        lambda r, f: -(1 - (r - f.mean())).mean() - (f - r.mean()).mean() + 1 - 2 * r.mean(),
    ),
    "wgan": (lambda r, f: -(r.mean() - f.mean()), lambda r, f: -f.mean()),
    "wgan-gp": (lambda r, f: -(r.mean() - f.mean()), lambda r, f: -f.mean()),
    "vanilla": (
        lambda r, f: -np.log(sigma(r)).mean() - np.log(1 - sigma(f)).mean(),
        lambda r, f: -np.log(sigma(f)).mean(),
    ),
    "lsgan": (
        lambda r, f: 0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean(),
        lambda r, f: 0.5 * ((f - 1) ** 2).mean(),
    ),
    "hinge": (
        lambda r, f: -least(-1 + r).mean() - least(-1 - f).mean(),
        lambda r, f: -f.mean(),
    ),
}

every_game = pytest.mark.parametrize("loss", ADVERSARIAL_LOSSES, ids=lambda loss: loss.name)


@pytest.fixture(params=[(6, 1), (2, 1, 3, 5)], ids=["scores", "maps"])
def scores(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    real = torch.randn(request.param, dtype=torch.float64, generator=draw) * 2 + 1
    fake = torch.randn(request.param, dtype=torch.float64, generator=draw) * 2
    return real.requires_grad_(), fake.requires_grad_()


@every_game
def test_losses_are_the_papers_formulas(loss: AdversarialLoss, scores: tuple[Tensor, Tensor]) -> None:
    real, fake = (score.detach().numpy() for score in scores)
    critic_formula, generator_formula = FORMULAS[loss.name]
    critic, generator = loss.critic_loss(*scores), loss.generator_loss(*scores)
    assert critic.shape == generator.shape == ()
    assert critic.item() == pytest.approx(critic_formula(real, fake), rel=1e-12)
    assert generator.item() == pytest.approx(generator_formula(real, fake), rel=1e-12)


@every_game
def test_a_map_counts_as_so_many_scores_and_its_size_does_not_count(
    loss: AdversarialLoss, scores: tuple[Tensor, Tensor]
) -> None:
    for half in (loss.critic_loss, loss.generator_loss):
        expected = half(*scores)
        flat = half(*(score.reshape(-1, 1) for score in scores))
        torch.testing.assert_close(flat, expected, rtol=1e-12, atol=0)
        larger = half(*(score.reshape(len(score), 1, -1, 1).tile(1, 1, 2, 3) for score in scores))
        torch.testing.assert_close(larger, expected, rtol=1e-12, atol=0)


@every_game
def test_gradients(loss: AdversarialLoss, scores: tuple[Tensor, Tensor]) -> None:
    assert torch.autograd.gradcheck(loss.critic_loss, scores)
    assert torch.autograd.gradcheck(loss.generator_loss, scores)


@every_game
def test_the_players_pull_apart(loss: AdversarialLoss, scores: tuple[Tensor, Tensor]) -> None:
    """The critic wants real scores up and fake ones down, the generator fake ones up."""
    # Between what least squares draws them to.
    real, fake = scores = (
        (scores[0] - scores[0].mean() + 0.7).detach().requires_grad_(),
        (scores[1] - scores[1].mean() + 0.3).detach().requires_grad_(),
    )
    up, down = torch.autograd.grad(loss.critic_loss(real, fake), scores)
    (pull,) = torch.autograd.grad(loss.generator_loss(real, fake), fake)
    assert -up.sum() > 0 > -down.sum()
    assert -pull.sum() > 0


@every_game
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_scores_stay_finite(loss: AdversarialLoss, size: float) -> None:
    real = torch.tensor([[size], [-size]]).requires_grad_()
    fake = torch.tensor([[-size], [-size]]).requires_grad_()
    for half in (loss.critic_loss, loss.generator_loss):
        real.grad = fake.grad = None
        value = half(real, fake)
        value.backward()
        assert torch.isfinite(value)
        assert fake.grad is not None
        assert torch.isfinite(fake.grad).all()
        assert real.grad is None or torch.isfinite(real.grad).all()


def test_raw_is_twice_wgan_for_both_players(scores: tuple[Tensor, Tensor]) -> None:
    raw, wgan = adversarial_loss("relativistic-raw"), adversarial_loss("wgan")
    assert torch.equal(raw.critic_loss(*scores), 2 * wgan.critic_loss(*scores))
    assert torch.equal(raw.generator_loss(*scores), 2 * wgan.generator_loss(*scores))


@pytest.mark.parametrize(
    ("name", "gap", "slope"),
    [
        ("relativistic", 5.0, 1.99),
        ("relativistic", 10.0, 2.0),
        ("relativistic-nolog", 0.0, 0.5),
        ("relativistic-nolog", 5.0, 0.013),
        ("relativistic-nolog", 10.0, 9e-5),
        ("relativistic-raw", 10.0, 2.0),
        ("wgan", 10.0, 1.0),
    ],
)
def test_generators_slope_at_a_critic_gap(name: str, gap: float, slope: float) -> None:
    """PAPER.md's figures: the generator's loss as C(r) − C(f) closes, all fake scores moving alike.

    Analytically 2σ(gap) with logarithms and 2σ'(gap) without.
    """
    closing = torch.zeros((), dtype=torch.float64, requires_grad=True)
    real = torch.full((4, 1), gap, dtype=torch.float64)
    fake = torch.zeros(4, 1, dtype=torch.float64) + closing
    (pull,) = torch.autograd.grad(adversarial_loss(name).generator_loss(real, fake), closing)
    assert -float(pull) == pytest.approx(slope, rel=0.03)


def test_constraints() -> None:
    assert {loss.name: loss.constraint for loss in ADVERSARIAL_LOSSES if loss.constraint != "none"} == {
        "wgan": "clip",
        "wgan-gp": "penalty",
    }


def test_every_name_has_its_game() -> None:
    assert tuple(loss.name for loss in ADVERSARIAL_LOSSES) == get_args(AdversarialLossName)
    assert all(adversarial_loss(loss.name) is loss for loss in ADVERSARIAL_LOSSES)


def test_unknown_game_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'relativstic' \(did you mean relativistic\?\).*hinge"):
        adversarial_loss("relativstic")


def test_clipping_is_in_place_and_reaches_every_parameter() -> None:
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(1))
    critic(torch.rand(2, 3, 6, 6))
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    identities = [id(parameter) for parameter in critic.parameters()]
    clip_parameters(critic, 0.01)
    assert [id(parameter) for parameter in critic.parameters()] == identities
    for old, new in zip(before, critic.parameters(), strict=True):
        assert torch.equal(new, old.clamp(-0.01, 0.01))
        assert new.requires_grad


@pytest.mark.parametrize("bound", [0.0, -0.01, float("nan")])
def test_clipping_refuses_a_bound_that_is_not_above_zero(bound: float) -> None:
    with pytest.raises(UsageError, match=str(bound)):
        clip_parameters(nn.Linear(2, 1), bound)


def draw_images() -> tuple[Tensor, Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(11)
    real = torch.rand(5, 3, 6, 4, dtype=torch.float64, generator=generator)
    fake = torch.rand(5, 3, 6, 4, dtype=torch.float64, generator=generator)
    return real, fake, generator


@pytest.mark.parametrize(("length", "expected"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_linear_critic_pays_for_its_gradients_length(length: float, expected: float) -> None:
    """Per sample: were the norm per pixel, a unit gradient over 72 numbers would pay nearly 1, not 0."""
    real, fake, generator = draw_images()
    direction = torch.randn(3, 6, 4, dtype=torch.float64, generator=generator)
    slope = (length * direction / direction.norm()).requires_grad_()
    penalty = gradient_penalty(
        lambda x: (x * slope).sum(dim=(1, 2, 3))[:, None], real, fake, generator=generator
    )
    assert penalty.item() == pytest.approx(expected, abs=1e-12)
    penalty.backward()
    assert slope.grad is not None
    assert torch.isfinite(slope.grad).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (6, 4)])
def test_a_map_pays_for_the_slope_of_its_mean(shape: tuple[int, int]) -> None:
    """Of a map whose every score is ⟨x, slope⟩ the mean is that too, whatever the map's size; of one whose
    scores are 2⟨x, slope⟩ and 0 in turn as well.
    """
    real, fake, generator = draw_images()
    direction = torch.randn(3, 6, 4, dtype=torch.float64, generator=generator)
    slope = 3 * direction / direction.norm()

    def equal(x: Tensor) -> Tensor:
        return (x * slope).sum(dim=(1, 2, 3))[:, None, None, None].expand(-1, 1, *shape)

    def uneven(x: Tensor) -> Tensor:
        return torch.cat([2 * equal(x), 0 * equal(x)], dim=-1)

    for critic in (equal, uneven):
        penalty = gradient_penalty(critic, real, fake, generator=generator)
        assert penalty.item() == pytest.approx((3 - 1) ** 2, abs=1e-12)


def test_a_map_of_each_pixels_own_score_has_the_slope_of_a_mean() -> None:
    """C(x) = a·x at each of P = 72 values: the mean's gradient is a/P everywhere, its norm a/√P."""
    real, fake, generator = draw_images()
    penalty = gradient_penalty(lambda x: 20 * x, real, fake, generator=generator)
    assert penalty.item() == pytest.approx((20 / 72**0.5 - 1) ** 2, abs=1e-12)


def test_penalty_is_taken_at_random_points_between_the_images() -> None:
    """C(x) = ½‖x‖² has the gradient x itself, so the penalty shows the points."""
    real, fake, _ = draw_images()
    mix = torch.rand(5, 1, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).numpy()
    points = mix * real.numpy() + (1 - mix) * fake.numpy()
    expected = np.mean((np.sqrt((points**2).sum(axis=(1, 2, 3))) - 1) ** 2)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)

    def measure(seed: int) -> float:
        draw = torch.Generator().manual_seed(seed)
        half_squares = gradient_penalty(
            lambda x: scale * x.square().sum(dim=(1, 2, 3)) / 2, real, fake, generator=draw
        )
        return half_squares.item()

    assert measure(4) == pytest.approx(expected, rel=1e-12)
    assert measure(4) == measure(4) != measure(5)


def test_penalty_reaches_the_critics_parameters_but_not_the_generator() -> None:
    real, fake, _ = draw_images()
    fake.requires_grad_()
    critic = nn.Sequential(nn.Flatten(), nn.Linear(72, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0)).backward()
    weight = critic[1].weight
    assert isinstance(weight.grad, Tensor)
    assert weight.grad.abs().sum() > 0
    assert fake.grad is None


def test_penaltys_gradient_in_the_critics_parameters() -> None:
    real, fake, _ = draw_images()
    weight = (torch.randn(4, 72, dtype=torch.float64) / 8).requires_grad_()

    def penalise(weight: Tensor) -> Tensor:
        def critic(images: Tensor) -> Tensor:
            return torch.tanh(images.flatten(1) @ weight.T).sum(dim=1, keepdim=True)

        return gradient_penalty(critic, real, fake, generator=torch.Generator().manual_seed(0))

    assert torch.autograd.gradcheck(penalise, weight)
