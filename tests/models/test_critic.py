"""The critic: its size, the sizes that fit, its keys, and which norms leave samples alone."""

from typing import cast

import pytest
import torch

from esrlab.errors import UsageError
from esrlab.models.critics.vgg import CriticNorm, VGGCritic


def test_parameter_count() -> None:
    assert sum(weight.numel() for weight in VGGCritic(size=128).parameters()) == 14_499_401


@pytest.mark.parametrize("size", [32, 33, 48, 63, 64, 96, 100, 128, 160])
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_sizes(size: int, norm: CriticNorm) -> None:
    critic = VGGCritic(size=size, features=4, norm=norm)
    assert critic.get_parameter("linear1.weight").shape == (100, 32 * (size // 32) ** 2)
    score = critic(torch.rand(2, 3, size, size))
    assert score.shape == (2, 1)
    score.sum().backward()
    assert all(weight.grad is not None for weight in critic.parameters())


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(UsageError, match="images of 31 px: the smallest size is 32 px"):
        VGGCritic(size=31)
    with pytest.raises(UsageError, match=r"64×64 px, not of shape \(2, 3, 96, 96\)"):
        VGGCritic(size=64, features=4)(torch.rand(2, 3, 96, 96))
    with pytest.raises(UsageError, match="at least 1 feature, not 0"):
        VGGCritic(size=64, features=0)
    with pytest.raises(UsageError, match="no norm 'instance'; choose one of batch, layer, none"):
        VGGCritic(size=64, norm=cast(CriticNorm, "instance"))


def test_keys_and_widths_are_the_ecosystems() -> None:
    expected = {"conv0_0.weight": (64, 3, 3, 3), "conv0_0.bias": (64,)}
    widths = [64, 64, 128, 128, 256, 256, 512, 512, 512, 512]
    for index in range(1, 10):
        place, kernel = f"{index // 2}_{index % 2}", 4 if index % 2 else 3
        expected[f"conv{place}.weight"] = (widths[index], widths[index - 1], kernel, kernel)
        for key in ("weight", "bias", "running_mean", "running_var"):
            expected[f"bn{place}.{key}"] = (widths[index],)
        expected[f"bn{place}.num_batches_tracked"] = ()
    expected |= {"linear1.weight": (100, 8192), "linear1.bias": (100,)}
    expected |= {"linear2.weight": (1, 100), "linear2.bias": (1,)}
    assert {key: tuple(value.shape) for key, value in VGGCritic(size=128).state_dict().items()} == expected


def test_every_convolution_has_one_bias() -> None:
    prefixes: dict[CriticNorm, str] = {"batch": "bn", "layer": "ln", "none": "conv"}
    for norm, prefix in prefixes.items():
        critic = VGGCritic(size=32, features=4, norm=norm)
        biases = {key for key, _ in critic.named_parameters() if key.endswith("bias")}
        places = [f"{level}_{half}" for level in range(5) for half in range(2)][1:]
        assert biases == {
            "conv0_0.bias",
            "linear1.bias",
            "linear2.bias",
            *(f"{prefix}{p}.bias" for p in places),
        }


@pytest.mark.parametrize("norm", ["layer", "none", "batch"])
def test_only_batch_norm_couples_samples(norm: CriticNorm) -> None:
    critic = VGGCritic(size=64, features=8, norm=norm).double()
    image = torch.rand(3, 3, 64, 64, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(image)[0].sum(), image)
    assert gradient[0].abs().max() > 0
    if norm == "batch":
        assert gradient[1:].abs().max() > 0
    else:
        assert gradient[1:].abs().max() == 0
        alone = critic(image[:1])
        assert torch.allclose(critic(image)[:1], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_can_be_differentiated_twice(norm: CriticNorm) -> None:
    critic = VGGCritic(size=32, features=4, norm=norm)
    image = torch.rand(2, 3, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(image).sum(), image, create_graph=True)
    ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean().backward()
    for key in ("conv0_0.weight", "conv4_1.weight", "linear1.weight"):
        found = critic.get_parameter(key).grad
        assert found is not None
        assert found.isfinite().all()
        assert found.any()
