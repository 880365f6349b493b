"""The step: pulls taken one by one are one backward pass, the shared critic pass is two separate ones."""

import copy

import pytest
import torch
from torch import Tensor

from esrlab.data.photos.collection import Photos
from esrlab.data.sampling import Batch, make_batch
from esrlab.losses.inputs import LossInputs
from esrlab.recipes.parts import WeightedTerm
from esrlab.recipes.presets import RECIPES
from esrlab.study.demo import demo_study
from esrlab.study.spec import plan_runs
from esrlab.training.state import TrainState, start_run
from esrlab.training.step import train_step
from tiny import tiny

pytestmark = pytest.mark.slow


CPU = torch.device("cpu")


def batch_for(run: TrainState, photos: Photos, *, step: int = 0) -> Batch:
    recipe = run.recipe
    return make_batch(
        photos,
        seed=0,
        step=step,
        scale=recipe.scale,
        lr_size=recipe.patches.lr_size,
        size=recipe.patches.batch,
    )


def weight_of(part: WeightedTerm) -> float:
    assert part.weight is not None
    return part.weight


def plain_step(run: TrainState, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The usual trainer's gradients: one backward of the weighted sum; the critic scores everything anew."""
    assert run.adversarial is not None
    adversarial = run.adversarial
    sr = run.generator(batch.lr)
    views = LossInputs(lr=batch.lr, sr=sr, hr=batch.hr)
    total = sum((weight_of(term) * loss(views) for term, loss in run.terms), start=torch.zeros(()))
    game_loss = adversarial.loss.generator_loss(adversarial.critic(batch.hr), adversarial.critic(sr))
    (total + weight_of(adversarial.settings) * game_loss).backward()
    generator = {name: p.grad.clone() for name, p in run.generator.named_parameters() if p.grad is not None}
    adversarial.critic.zero_grad()
    fake = adversarial.critic(sr.detach())
    adversarial.loss.critic_loss(adversarial.critic(batch.hr), fake).backward()
    critic = {name: p.grad.clone() for name, p in adversarial.critic.named_parameters() if p.grad is not None}
    return generator, critic


@pytest.mark.parametrize(
    "name", ["wgan-vgg", "esrgan-vgg", "wgan-vgg-tv", "wgan-resnet", "esrgan-log-vgg", "hinge-vgg"]
)
def test_the_step_has_the_gradients_of_a_plain_one(name: str, samples: Photos) -> None:
    # Clipped at 0.01 so narrow a critic passes no gradient back, and nothing would be compared.
    recipe = tiny(name, adversarial__clip=0.5)
    ours, plain = start_run(recipe, seed=1, device=CPU), start_run(recipe, seed=1, device=CPU)
    for run in (ours, plain):
        run.generator.double()
        assert run.adversarial is not None
        run.adversarial.critic.double()
        for _, loss in run.terms:
            if network := getattr(loss, "network", None):
                network.double()
    batch = batch_for(ours, samples)
    batch = Batch(lr=batch.lr.double(), hr=batch.hr.double())
    generator, critic = plain_step(plain, batch)
    report = train_step(ours, [batch])
    assert float(report.pulls["adversarial"].share) > 1e-7, "the adversary's part is there to be compared"
    assert ours.adversarial is not None
    for expected, network in ((generator, ours.generator), (critic, ours.adversarial.critic)):
        found = dict(network.named_parameters())
        assert found.keys() == expected.keys()
        for key, gradient in expected.items():
            assert found[key].grad is not None
            torch.testing.assert_close(found[key].grad, gradient, rtol=1e-8, atol=1e-13)


def test_pulls_tell_each_terms_weighted_gradient(samples: Photos) -> None:
    recipe = tiny("wgan-vgg-tv", adversarial__clip=0.5)
    run = start_run(recipe, seed=2, device=CPU)
    batch = batch_for(run, samples)
    before = copy.deepcopy(run)
    report = train_step(run, [batch])
    assert report.pulls.keys() == {"content", "tv", "pixel", "adversarial"} == report.losses.keys()
    sr = before.generator(batch.lr).detach().requires_grad_()
    views = LossInputs(lr=batch.lr, sr=sr, hr=batch.hr)
    gradients: dict[str, Tensor] = {}
    for term, loss in before.terms:
        (gradients[term.name],) = torch.autograd.grad(weight_of(term) * loss(views), sr)
    assert before.adversarial is not None
    score = -before.adversarial.critic(sr).mean()
    (gradients["adversarial"],) = torch.autograd.grad(weight_of(before.adversarial.settings) * score, sr)
    total = torch.stack(list(gradients.values())).sum(dim=0).double().flatten()
    all_norms = sum(float(gradient.norm()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        pull, flat = report.pulls[name], gradient.double().flatten()
        assert float(pull.norm) == pytest.approx(float(flat.norm()), rel=1e-4)
        assert float(pull.share) == pytest.approx(float(flat.norm()) / all_norms, rel=1e-4)
        cosine = float(flat @ total / flat.norm() / total.norm())
        assert float(pull.cosine) == pytest.approx(cosine, abs=1e-4)
    one, other = (gradients[name].double().flatten() for name in ("content", "adversarial"))
    between = report.numbers["cosine/content/adversarial"]
    assert between == pytest.approx(float(one @ other / one.norm() / other.norm()), abs=1e-4)


@pytest.mark.parametrize("weight", [1.0, 1e-12, 1e-20])
def test_a_cosine_is_right_however_small_the_pull(samples: Photos, weight: float) -> None:
    run = start_run(tiny("psnr", terms__pixel__weight=weight), seed=0, device=CPU)
    pull = train_step(run, [batch_for(run, samples)]).pulls["pixel"]
    assert float(pull.cosine) == pytest.approx(1, abs=1e-4)
    assert float(pull.share) == pytest.approx(1, abs=1e-4)


def test_the_gradient_penalty_is_in_the_critics_gradient(samples: Photos) -> None:
    gradients: list[Tensor] = []
    for penalty in (1e-9, 10.0):
        run = start_run(tiny("wgan-gp-vgg", adversarial__penalty=penalty), seed=0, device=CPU)
        report = train_step(run, [batch_for(run, samples)])
        assert run.adversarial is not None
        assert 0 < float(report.critic["penalty"]) <= 4
        gradient = run.adversarial.critic.get_parameter("conv0_0.weight").grad
        assert gradient is not None
        gradients.append(gradient)
    assert not torch.allclose(*gradients, rtol=1e-3)


@pytest.mark.parametrize("recipe", ["wgan-vgg", "esrgan-vgg", "wgan-vgg-tv", "wgan-resnet"])
@pytest.mark.parametrize("scale", [2, 4])
def test_the_demos_adversary_is_there(samples: Photos, recipe: str, scale: int) -> None:
    planned = next(
        run.recipe
        for run in plan_runs(demo_study("untrained"))
        if run.recipe.name == recipe and run.recipe.scale == scale
    )
    run = start_run(planned, seed=0, device=CPU)
    shares: list[float] = []
    for step in range(30):
        report = train_step(run, [batch_for(run, samples, step=step)])
        shares.append(float(report.pulls["adversarial"].share))
    assert max(shares) > 1e-4


def test_the_critic_scores_real_and_generated_once_each(samples: Photos) -> None:
    run = start_run(tiny("wgan-vgg"), seed=0, device=CPU)
    assert run.adversarial is not None
    calls: list[int] = []
    run.adversarial.critic.register_forward_hook(lambda *_: calls.append(1))
    train_step(run, [batch_for(run, samples)])
    assert len(calls) == 2


@pytest.mark.parametrize("name", [recipe.name for recipe in RECIPES])
def test_every_recipe_takes_steps_that_are_finite_and_change_the_networks(name: str, samples: Photos) -> None:
    run = start_run(tiny(name), seed=0, device=CPU)
    before = copy.deepcopy(run.generator.state_dict())
    reports = [train_step(run, [batch_for(run, samples, step=step)]) for step in range(2)]
    for report in reports:
        assert all(torch.isfinite(value) for value in report.losses.values())
        assert all(torch.isfinite(value) for value in report.critic.values())
    assert run.step == 2
    assert all(not torch.equal(value, before[key]) for key, value in run.generator.state_dict().items())
    if run.adversarial is not None:
        assert {"loss", "real", "fake", "gap"} <= reports[-1].critic.keys()
        assert ("penalty" in reports[-1].critic) == (run.adversarial.loss.constraint == "penalty")


def test_clipping_holds_from_the_first_weights_on(samples: Photos) -> None:
    run = start_run(tiny("wgan-vgg", adversarial__clip=0.02), seed=0, device=CPU)
    assert run.adversarial is not None
    for step in range(3):
        assert max(float(p.detach().abs().max()) for p in run.adversarial.critic.parameters()) <= 0.02
        train_step(run, [batch_for(run, samples, step=step)])


def test_extra_critic_updates_leave_the_generator_alone(samples: Photos) -> None:
    run = start_run(tiny("wgan-gp-vgg", adversarial__critic__updates=3), seed=0, device=CPU)
    batches = [batch_for(run, samples, step=step) for step in range(3)]
    assert run.adversarial is not None
    train_step(run, batches)
    taken = [
        {int(state["step"]) for state in optimiser.state.values()}
        for optimiser in (run.adversarial.optimiser, run.optimiser)
    ]
    assert (taken, run.step) == ([{3}, {1}], 1)


def test_equal_seeds_give_equal_generators_whatever_the_losses_and_leave_global_randomness_alone() -> None:
    state = torch.get_rng_state()
    one, other, third = (
        start_run(tiny(name), seed=seed, device=CPU).generator.state_dict()
        for name, seed in (("wgan-vgg", 4), ("psnr", 4), ("wgan-vgg", 5))
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert not torch.equal(one["conv_first.weight"], third["conv_first.weight"])


def test_training_on_pixels_approaches_the_photographs(samples: Photos) -> None:
    run = start_run(
        tiny("psnr", generator__init="interpolation", optimiser__schedule="constant"), seed=0, device=CPU
    )
    losses = [float(train_step(run, [batch_for(run, samples)]).losses["pixel"]) for _ in range(40)]
    assert losses[-1] < 0.9 * losses[0]


def test_the_critics_first_weights_are_not_of_the_next_seeds_stream() -> None:
    critics = []
    for seed in (0, 1):
        run = start_run(tiny("wgan-vgg"), seed=seed, device=torch.device("cpu"))
        assert run.adversarial is not None
        critics.append(run.adversarial.critic)
    torch.manual_seed(1)
    recipe = tiny("wgan-vgg")
    assert recipe.adversarial is not None
    settings = recipe.adversarial.critic
    next_seeds = settings.build(size=recipe.hr_size)
    key = "conv0_0.weight"
    drawn = next_seeds.state_dict()[key].clamp(-recipe.adversarial.clip, recipe.adversarial.clip)
    assert not torch.equal(critics[0].state_dict()[key], drawn)
    assert not torch.equal(critics[0].state_dict()[key], critics[1].state_dict()[key])
