"""The patch critic: counted, computed by other means, what a score sees, and what it refuses."""

import copy
from typing import cast, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.core.backend import precision_context, prepare
from esrlab.errors import UsageError
from esrlab.models.critics.patch import PatchCritic, PatchNorm, smallest_size

NORMS: tuple[PatchNorm, ...] = get_args(PatchNorm)
every_norm = pytest.mark.parametrize("norm", NORMS)


@pytest.mark.parametrize(
    ("norm", "expected"), [("batch", 2_765_633), ("instance", 2_764_737), ("none", 2_764_737)]
)
def test_parameter_count(norm: PatchNorm, expected: int) -> None:
    """The formula: 4×4 weights of 3-64-128-256-512-1 channels, and biases or norms' scales and shifts."""
    inner = (128, 256, 512)
    weights = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    extra = 64 + 1 + sum(inner) * (2 if norm == "batch" else 1)
    assert weights + extra == expected
    assert sum(weight.numel() for weight in PatchCritic(norm=norm).parameters()) == expected


def test_keys_and_widths_are_the_authors() -> None:
    expected: dict[str, tuple[int, ...]] = {"model.0.weight": (64, 3, 4, 4), "model.0.bias": (64,)}
    for place, wide_in, wide_out in ((2, 64, 128), (5, 128, 256), (8, 256, 512), (11, 512, 512)):
        expected[f"model.{place}.weight"] = (wide_out, wide_in, 4, 4)
        for key in ("weight", "bias", "running_mean", "running_var"):
            expected[f"model.{place + 1}.{key}"] = (wide_out,)
        expected[f"model.{place + 1}.num_batches_tracked"] = ()
    expected |= {"model.14.weight": (1, 512, 4, 4), "model.14.bias": (1,)}
    found = {key: tuple(value.shape) for key, value in PatchCritic(layers=4).state_dict().items()}
    assert found == expected
    cyclegan = {f"model.{place}.{part}" for place in (0, 2, 5, 8, 11) for part in ("weight", "bias")}
    assert PatchCritic(norm="instance").state_dict().keys() == cyclegan
    assert PatchCritic(norm="none").state_dict().keys() == cyclegan


def plain_scores(critic: PatchCritic, image: Tensor, *, layers: int, norm: PatchNorm) -> Tensor:
    """The network by its description, with norms from their formulas (ε 1e-5)."""
    state = dict(critic.named_parameters())
    places = [0, *range(2, 3 * layers + 2, 3)]
    features = image
    for level, place in enumerate([*places[: layers + 1], 3 * layers + 2]):
        stride = 2 if level < layers else 1
        bias = state.get(f"model.{place}.bias")
        features = functional.conv2d(features, state[f"model.{place}.weight"], bias, stride=stride, padding=1)
        if level == layers + 1:
            return features
        if level > 0 and norm != "none":
            over = (0, 2, 3) if norm == "batch" else (2, 3)
            mean = features.mean(dim=over, keepdim=True)
            variance = ((features - mean) ** 2).mean(dim=over, keepdim=True)
            features = (features - mean) / (variance + 1e-5).sqrt()
            if norm == "batch":
                scale, shift = (state[f"model.{place + 1}.{part}"] for part in ("weight", "bias"))
                features = features * scale[:, None, None] + shift[:, None, None]
        features = torch.where(features > 0, features, 0.2 * features)
    raise AssertionError("unreachable")


@every_norm
@pytest.mark.parametrize(("layers", "shape"), [(1, (6, 9)), (3, (24, 40)), (3, (41, 55)), (4, (48, 64))])
def test_scores_are_those_of_the_formula(norm: PatchNorm, layers: int, shape: tuple[int, int]) -> None:
    critic = PatchCritic(features=3, layers=layers, norm=norm).double()
    image = torch.rand(2, 3, *shape, dtype=torch.float64)
    expected = plain_scores(critic, image, layers=layers, norm=norm)
    assert expected.shape == (2, 1, *(side // 2**layers - 2 for side in shape))
    torch.testing.assert_close(critic(image), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("layers", "sees"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_a_score_sees_its_patch_alone(layers: int, sees: int) -> None:
    critic = PatchCritic(features=2, layers=layers, norm="none").double()
    side = 2 * sees + 2 ** (layers + 1)
    image = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    scores = critic(image)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], image)
    seen = gradient.abs().sum(dim=(0, 1)).sum(dim=0).nonzero().flatten()
    assert int(seen[-1] - seen[0]) + 1 == sees


@every_norm
def test_only_batch_norm_couples_samples_and_all_can_be_differentiated_twice(norm: PatchNorm) -> None:
    critic = PatchCritic(features=2, layers=2, norm=norm).double()
    image = torch.rand(3, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(image)[0].square().sum(), image, create_graph=True)
    assert gradient[0].any()
    assert bool(gradient[1:].abs().max() > 0) == (norm == "batch")
    gradient.square().sum().backward()
    for key in ("model.0.weight", "model.5.weight", "model.8.weight"):
        found = critic.get_parameter(key).grad
        assert found is not None
        assert found.any()


def test_initial_weights_are_as_published() -> None:
    critic = PatchCritic()
    for module in critic.modules():
        if isinstance(module, nn.Conv2d):
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            assert float(module.weight.detach().mean()) == pytest.approx(1.0, abs=0.01)


@every_norm
def test_channels_last_and_bf16(norm: PatchNorm) -> None:
    plain = PatchCritic(features=4, layers=2, norm=norm).double()
    prepared = prepare(copy.deepcopy(plain))
    image = torch.rand(2, 3, 24, 24, dtype=torch.float64)
    torch.testing.assert_close(prepared(image), plain(image), rtol=1e-10, atol=1e-12)
    critic = prepare(PatchCritic(features=4, layers=2, norm=norm))
    with precision_context(torch.device("cpu"), "bf16"):
        score = critic(image.float())
    assert score.dtype == torch.float32
    torch.testing.assert_close(score, critic(image.float()), rtol=0.1, atol=0.02)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_smallest_size_is_scored_and_a_smaller_one_refused(layers: int) -> None:
    critic, side = PatchCritic(features=1, layers=layers), smallest_size(layers)
    assert critic(torch.rand(1, 3, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(UsageError, match=f"of at least {side} px a side"):
        critic(torch.rand(1, 3, side, side - 1))


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="at least 1 feature and 1 layer, not 0 and 3"):
        PatchCritic(features=0)
    with pytest.raises(UsageError, match="at least 1 feature and 1 layer, not 64 and 0"):
        PatchCritic(layers=0)
    with pytest.raises(UsageError, match="no norm 'layer'; choose one of batch, instance, none"):
        PatchCritic(norm=cast(PatchNorm, "layer"))
