"""The engine: exact where it is always on, whole floats where losses are summed, honest where it cannot."""

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from esrlab.core.backend import (
    compiled,
    keep_freed_memory,
    make_adam,
    precision_context,
    prepare,
    prepare_backend,
)
from esrlab.data.photos.collection import Photos
from esrlab.data.sampling import Batch, make_batch
from esrlab.errors import UsageError, UserError
from esrlab.losses.content import Content
from esrlab.losses.inputs import LossInputs
from esrlab.models.critics.vgg import VGGCritic
from esrlab.models.features.imagenet import build_feature_network, make_untrained, normalise
from esrlab.models.generator_files import load_generator, save_generator
from esrlab.models.generators.rrdb import RRDBNet
from esrlab.training.checkpoint import RunHistory, load_checkpoint, save_checkpoint
from esrlab.training.state import TrainState, start_run
from esrlab.training.step import train_step
from tiny import tiny

CPU = torch.device("cpu")
BETAS = (0.0, 0.9)


def is_channels_last(network: nn.Module) -> bool:
    weights = [weight for weight in network.parameters() if weight.ndim == 4]
    return all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def gradients_of(network: nn.Module, image: Tensor) -> list[Tensor]:
    """Of the image and of the weights, for an output that no symmetry makes equal."""
    image = image.clone().requires_grad_()
    out = network(image)
    weighted = out * torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view_as(out)
    return [out.detach(), *torch.autograd.grad(weighted.sum(), [image, *network.parameters()])]


# --- Memory format


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    **{f"×{s}": (lambda s=s: RRDBNet(scale=s, features=8, growth=4, blocks=2), 9) for s in (2, 3, 4)},
    "critic, batch norm": (lambda: VGGCritic(size=64, features=4), 64),
    "critic, layer norm": (lambda: VGGCritic(size=64, features=4, norm="layer"), 64),
    "critic, no norm": (lambda: VGGCritic(size=64, features=4, norm="none"), 64),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_prepared_network_computes_what_the_plain_one_does(name: str) -> None:
    build, side = NETWORKS[name]
    plain = build().double()
    prepared = prepare(copy.deepcopy(plain))
    assert is_channels_last(prepared)
    assert not is_channels_last(plain)
    assert prepared.state_dict().keys() == plain.state_dict().keys()
    image = torch.rand(2, 3, side, side, dtype=torch.float64)
    for ours, expected in zip(gradients_of(prepared, image), gradients_of(plain, image), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max()))


def test_the_format_outlives_copying_loading_and_doubling() -> None:
    network = prepare(RRDBNet(scale=4, features=8, growth=4, blocks=1))
    plain = RRDBNet(scale=4, features=8, growth=4, blocks=1)
    network.load_state_dict(plain.state_dict())
    assert is_channels_last(network)
    assert is_channels_last(copy.deepcopy(network))
    assert is_channels_last(copy.deepcopy(network).double())
    assert all(torch.equal(network.state_dict()[key], value) for key, value in plain.state_dict().items())


def test_a_prepared_generator_is_saved_as_any_other(tmp_path: Path) -> None:
    plain = RRDBNet(scale=2, features=8, growth=4, blocks=1)
    save_generator(plain, tmp_path / "plain.safetensors", about={})
    save_generator(prepare(plain), tmp_path / "prepared.safetensors", about={})
    assert (tmp_path / "plain.safetensors").read_bytes() == (tmp_path / "prepared.safetensors").read_bytes()
    lr = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(load_generator(tmp_path / "prepared.safetensors")(lr), plain(lr))


def test_content_networks_are_prepared() -> None:
    ready = Content(weights="untrained", layers={"conv2_1": 1.0}).build(CPU)
    assert is_channels_last(ready.network)


def test_activations_in_place_leave_the_layers_that_are_read() -> None:
    network = build_feature_network("vgg19", layers=("conv2_2",)).double()
    make_untrained(network)
    image = normalise(torch.rand(1, 3, 16, 16, dtype=torch.float64))
    layers = ("conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "conv2_2")
    before, features, expected = image.clone(), image, {}
    for name, module in zip(network.built, network.get_submodule("features").children(), strict=True):
        features = functional.relu(features) if name.startswith("relu") else module(features)
        expected[name] = features
    for asked in (layers, ("conv1_1", "conv2_1"), ("conv1_2",)):
        found = network(image, asked)
        assert all(torch.equal(found[name], expected[name]) for name in asked)
    assert torch.equal(image, before)


def test_normalising_in_inference_mode_first_does_not_hinder_training() -> None:
    with torch.inference_mode():
        normalise(torch.rand(1, 3, 4, 4, dtype=torch.float16))
    image = torch.rand(1, 3, 4, 4, dtype=torch.float16, requires_grad=True)
    normalise(image).square().sum().backward()
    assert image.grad is not None


# --- Adam


def one_conv() -> nn.Conv2d:
    torch.manual_seed(5)
    return prepare(nn.Conv2d(4, 6, 3).double())


def take_steps(network: nn.Conv2d, optimiser: Adam, *, memory_format: torch.memory_format) -> Tensor:
    draw = torch.Generator().manual_seed(9)
    for _ in range(3):
        for parameter in network.parameters():
            gradient = torch.randn(parameter.shape, dtype=parameter.dtype, generator=draw)
            is_image = parameter.ndim == 4
            parameter.grad = gradient.contiguous(memory_format=memory_format) if is_image else gradient
        optimiser.step()
    return network.weight.detach()


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_fused_adam_is_adam_whatever_the_gradients_format(memory_format: torch.memory_format) -> None:
    plain, fused = one_conv(), one_conv()
    expected = take_steps(plain, Adam(plain.parameters(), lr=0.1, betas=BETAS), memory_format=memory_format)
    adam = make_adam(fused, learning_rate=0.1, betas=BETAS)
    assert adam.defaults["fused"] is True
    torch.testing.assert_close(
        take_steps(fused, adam, memory_format=memory_format), expected, rtol=1e-10, atol=0
    )


def test_the_fused_adam_takes_moments_of_another_format() -> None:
    straight, resumed = one_conv(), one_conv()
    adam = make_adam(straight, learning_rate=0.1, betas=(0.5, 0.9))
    take_steps(straight, adam, memory_format=torch.channels_last)
    state = copy.deepcopy(adam.state_dict())
    for moments in state["state"].values():
        for name in ("exp_avg", "exp_avg_sq"):
            moments[name] = moments[name].contiguous()
    resumed.load_state_dict(straight.state_dict())
    again = make_adam(resumed, learning_rate=0.1, betas=(0.5, 0.9))
    again.load_state_dict(state)
    expected = take_steps(straight, adam, memory_format=torch.channels_last)
    assert torch.equal(take_steps(resumed, again, memory_format=torch.channels_last), expected)


# --- A run on the engine


def start(seed: int = 3, **changes: object) -> TrainState:
    recipe = tiny("wgan-vgg", adversarial__clip=0.5, **changes)
    run = start_run(recipe, seed=seed, device=CPU)
    assert run.adversarial is not None
    rates = recipe.optimiser
    run.optimiser = make_adam(prepare(run.generator), learning_rate=rates.learning_rate, betas=rates.betas)
    critic = make_adam(prepare(run.adversarial.critic), learning_rate=rates.learning_rate, betas=rates.betas)
    run.adversarial = replace(run.adversarial, optimiser=critic)
    return run


def batch_for(run: TrainState, photos: Photos) -> Batch:
    patches = run.recipe.patches
    return make_batch(photos, seed=0, step=run.step, scale=2, lr_size=patches.lr_size, size=patches.batch)


def weights_of(run: TrainState) -> list[Tensor]:
    assert run.adversarial is not None
    return [*run.generator.state_dict().values(), *run.adversarial.critic.state_dict().values()]


def test_equal_runs_are_equal_bit_for_bit_and_so_is_one_gone_on_with(samples: Photos, tmp_path: Path) -> None:
    first, second = start(), start()
    for _ in range(2):
        for run in (first, second):
            train_step(run, [batch_for(run, samples)])
    path = tmp_path / "step-00000002.pt"
    save_checkpoint(
        first,
        RunHistory(alarms={}, best=None),
        path,
        identity={"seed": 0, "recipe": {"terms": [], "generator": {"init": "random"}}},
    )
    resumed = start(seed=4)
    load_checkpoint(
        resumed, path, identity={"seed": 0, "recipe": {"terms": [], "generator": {"init": "random"}}}
    )
    for run in (first, second, resumed):
        train_step(run, [batch_for(run, samples)])
    for other in (second, resumed):
        assert all(torch.equal(a, b) for a, b in zip(weights_of(first), weights_of(other), strict=True))


def test_a_step_on_the_engine_has_the_plain_steps_gradients(samples: Photos) -> None:
    ours = start()
    plain = start_run(ours.recipe, seed=3, device=CPU)
    gradients: list[list[Tensor]] = []
    for run in (ours, plain):
        assert run.adversarial is not None
        for network in (
            run.generator,
            run.adversarial.critic,
            *(vars(loss).get("network") for _, loss in run.terms),
        ):
            if network is not None:
                network.double()
        batch = batch_for(run, samples)
        train_step(run, [Batch(lr=batch.lr.double(), hr=batch.hr.double())])
        parameters = [*run.generator.parameters(), *run.adversarial.critic.parameters()]
        gradients.append([weight.grad for weight in parameters if weight.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10 * float(other.abs().max()))


# --- Precision


def test_bf16_gives_images_scores_and_losses_in_whole_floats() -> None:
    generator = prepare(RRDBNet(scale=2, features=8, growth=4, blocks=1))
    critic = prepare(VGGCritic(size=32, features=4))
    content = Content(weights="untrained", layers={"conv2_1": 1.0}).build(CPU)
    lr, hr = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 32, 32)
    with precision_context(CPU, "bf16"):
        sr = generator(lr)
        loss, score = content(LossInputs(lr=lr, sr=sr, hr=hr)), critic(sr)
    assert {sr.dtype, loss.dtype, score.dtype} == {torch.float32}
    (loss + score.mean()).backward()
    exact = generator(lr)
    assert not torch.equal(sr, exact)
    torch.testing.assert_close(sr, exact, rtol=0.05, atol=0.02)
    for parameter in (*generator.parameters(), *critic.parameters()):
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all()


def test_float32_is_left_alone_and_other_precisions_are_refused() -> None:
    with precision_context(CPU, "float32"):
        assert not torch.is_autocast_enabled("cpu")
    with pytest.raises(UsageError, match="no precision 'fp16'; choose one of float32, bf16"):
        precision_context(CPU, "fp16")  # type: ignore[arg-type]


# --- Compiling


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated:DeprecationWarning")  # torch's own, on import
def test_a_compiled_network_is_saved_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    network = RRDBNet(scale=2, features=8, growth=4, blocks=1)
    keys = network.state_dict().keys()
    monkeypatch.setenv("CXX", "true")
    assert compiled(network, device=CPU) is network
    assert network.state_dict().keys() == keys
    assert copy.deepcopy(network).state_dict().keys() == keys


def test_compiling_without_a_compiler_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match=r"'no-such-compiler' was not found: install g\+\+"):
        compiled(nn.Conv2d(1, 1, 1), device=CPU)


# --- Memory


def test_keeping_freed_memory_can_be_asked_twice() -> None:
    assert keep_freed_memory() == keep_freed_memory()
    prepare_backend(CPU)
