"""The U-Net critic: counted, computed by other means, its spectral norm, and what it refuses."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from esrlab.core.backend import precision_context, prepare
from esrlab.errors import UsageError
from esrlab.models.critics.spectral import SpectralConv2d
from esrlab.models.critics.unet import UNetCritic


def count(features: int) -> int:
    """The formula: 3×3 or 4×4 weights, biases of the first and the last convolution alone."""
    n = features
    halving = 16 * (n * 2 * n + 2 * n * 4 * n + 4 * n * 8 * n)
    doubling = 9 * (8 * n * 4 * n + 4 * n * 2 * n + 2 * n * n)
    return (9 * 3 * n + n) + halving + doubling + 2 * 9 * n * n + (9 * n + 1)


@pytest.mark.parametrize(("features", "expected"), [(64, 4_376_897), (8, None), (1, None)])
def test_parameter_count(features: int, expected: int | None) -> None:
    found = sum(weight.numel() for weight in UNetCritic(features=features).parameters())
    assert found == count(features)
    assert expected in (None, found)


def plain_network(features: int) -> nn.ModuleDict:
    """The same layers as the ecosystem writes them: torch's own hook on plain convolutions."""
    n = features
    widths = {1: (n, 2 * n), 2: (2 * n, 4 * n), 3: (4 * n, 8 * n)}
    widths |= {4: (8 * n, 4 * n), 5: (4 * n, 2 * n), 6: (2 * n, n), 7: (n, n), 8: (n, n)}
    layers: dict[str, nn.Module] = {"conv0": nn.Conv2d(3, n, 3, 1, 1), "conv9": nn.Conv2d(n, 1, 3, 1, 1)}
    for place, (wide_in, wide_out) in widths.items():
        kernel, stride = (4, 2) if place < 4 else (3, 1)
        conv = nn.Conv2d(wide_in, wide_out, kernel, stride, 1, bias=False)
        layers[f"conv{place}"] = nn.utils.spectral_norm(conv)
    return nn.ModuleDict(layers)


def plain_scores(layers: nn.ModuleDict, image: Tensor) -> Tensor:
    """Real-ESRGAN's forward pass, from its paper's appendix: an encoder, a decoder, features added."""
    found = [functional.leaky_relu(layers["conv0"](image), 0.2)]
    for place in (1, 2, 3):
        found.append(functional.leaky_relu(layers[f"conv{place}"](found[-1]), 0.2))
    out = found[-1]
    for place in (4, 5, 6):
        sides = (2 * out.shape[-2], 2 * out.shape[-1])
        out = functional.interpolate(out, size=sides, mode="bilinear", align_corners=False)
        out = functional.leaky_relu(layers[f"conv{place}"](out), 0.2) + found[6 - place]
    for place in (7, 8):
        out = functional.leaky_relu(layers[f"conv{place}"](out), 0.2)
    return layers["conv9"](out)


@pytest.mark.parametrize("mode", ["training", "evaluation"])
def test_scores_and_gradients_are_a_plain_networks_whose_file_it_loads(mode: str) -> None:
    plain, critic = plain_network(4).double(), UNetCritic(features=4).double()
    plain.train(mode == "training")
    critic.train(mode == "training")
    critic.load_state_dict(plain.state_dict())
    for _ in range(3):  # each pass in training mode takes the norm's estimate further
        image = torch.rand(2, 3, 16, 24, dtype=torch.float64, requires_grad=True)
        expected, found = plain_scores(plain, image), critic(image)
        assert found.shape == (2, 1, 16, 24)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
        weights = [dict(network.named_parameters()) for network in (plain, critic)]
        assert weights[0].keys() == weights[1].keys()
        gradients = [
            torch.autograd.grad(scores.square().sum(), [image, *(own[key] for key in sorted(own))])
            for scores, own in zip((expected, found), weights, strict=True)
        ]
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-9)
    saved = critic.state_dict()
    assert all(torch.allclose(saved[key], value) for key, value in plain.state_dict().items())


def test_a_spectral_convolution_divides_by_the_largest_singular_value() -> None:
    conv = SpectralConv2d(3, 5, 4, stride=2).double()
    image = torch.rand(1, 3, 8, 8, dtype=torch.float64)
    for _ in range(300):
        conv(image)
    norm = torch.linalg.matrix_norm(conv.weight_orig.detach().flatten(1), ord=2)
    expected = functional.conv2d(image, conv.weight_orig / norm, stride=2, padding=1)
    torch.testing.assert_close(conv(image), expected, rtol=1e-9, atol=1e-12)


def test_the_first_estimate_of_the_norm_is_near() -> None:
    for _ in range(5):
        conv = SpectralConv2d(64, 128, 4, stride=2)
        weight = conv.weight_orig.detach().flatten(1)
        estimate = conv.weight_u @ weight @ conv.weight_v
        assert 0.9 < float(estimate / torch.linalg.matrix_norm(weight, ord=2)) <= 1.0001


def test_evaluation_mode_changes_no_buffer_and_training_mode_is_found_again_when_loaded() -> None:
    critic, image = UNetCritic(features=2), torch.rand(2, 3, 16, 16)
    critic(image)
    before = copy.deepcopy(critic.state_dict())
    critic.eval()
    assert torch.equal(critic(image), critic(image))
    assert all(torch.equal(value, before[key]) for key, value in critic.state_dict().items())
    other = UNetCritic(features=2)
    other.load_state_dict(before)
    critic.train()
    for _ in range(3):
        assert torch.equal(critic(image), other(image))


def test_two_passes_share_a_backward_pass() -> None:
    """Real and generated images are scored one after the other, and the gradient is of both."""
    critic = UNetCritic(features=2).double()
    real, fake = torch.rand(2, 2, 3, 16, 16, dtype=torch.float64)
    (critic(real) - critic(fake)).mean().backward()
    assert all(
        weight.grad is not None and weight.grad.any()
        for key, weight in critic.named_parameters()
        if key != "conv9.bias"
    )


@pytest.mark.parametrize("kind", ["samples", "twice"])
def test_samples_are_scored_apart_and_a_penalty_can_be_differentiated(kind: str) -> None:
    critic = UNetCritic(features=2).double()
    image = torch.rand(3, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(image)[0].sum(), image, create_graph=kind == "twice")
    assert gradient[0].any()
    assert not gradient[1:].any()
    if kind == "twice":
        gradient.square().sum().backward()
        for key in ("conv0.weight", "conv3.weight_orig", "conv9.weight"):
            found = critic.get_parameter(key).grad
            assert found is not None
            assert found.any()


def test_channels_last_and_bf16() -> None:
    plain = UNetCritic(features=4).double()
    prepared = prepare(copy.deepcopy(plain))
    image = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(prepared(image), plain(image), rtol=1e-10, atol=1e-12)
    critic = prepare(UNetCritic(features=4)).eval()
    image = torch.rand(2, 3, 16, 16)
    with precision_context(torch.device("cpu"), "bf16"):
        score = critic(image)
    assert score.dtype == torch.float32
    assert not torch.equal(score, critic(image))
    torch.testing.assert_close(score, critic(image), rtol=0.05, atol=0.02)


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match=r"multiples of 8, not of shape \(1, 3, 16, 20\)"):
        UNetCritic(features=1)(torch.rand(1, 3, 16, 20))
    with pytest.raises(UsageError, match=r"not of shape \(3, 16, 16\)"):
        UNetCritic(features=1)(torch.rand(3, 16, 16))
    with pytest.raises(UsageError, match="at least 1 feature, not 0"):
        UNetCritic(features=0)
