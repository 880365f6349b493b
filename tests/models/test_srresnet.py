"""SRResNet: its size, the ecosystem's keys, its output by another formula, its initial weights."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from esrlab.errors import UsageError
from esrlab.models.generators.srresnet import SRResNet

SCALES = (1, 2, 3, 4)


@pytest.mark.parametrize(("scale", "count"), [(1, 1_222_147), (2, 1_369_859), (3, 1_554_499), (4, 1_517_571)])
def test_parameter_count(scale: int, count: int) -> None:
    conv = 9 * 64 * 64 + 64
    spread = {1: 0, 2: 4 * conv, 3: 9 * conv, 4: 8 * conv}[scale]
    assert (27 * 64 + 64) + 16 * 2 * conv + spread + conv + (9 * 64 * 3 + 3) == count
    assert sum(weight.numel() for weight in SRResNet(scale=scale).parameters()) == count


def shuffled(image: Tensor, factor: int) -> Tensor:
    """Channels laid side by side, by indexing."""
    batch, channels, height, width = image.shape
    made = torch.empty(batch, channels // factor**2, height * factor, width * factor, dtype=image.dtype)
    for row in range(factor):
        for column in range(factor):
            made[..., row::factor, column::factor] = image[:, row * factor + column :: factor**2]
    return made


def by_formula(state: dict[str, Tensor], lr: Tensor, *, scale: int) -> Tensor:
    """The network from its state dict alone."""

    def convolve(image: Tensor, layer: str) -> Tensor:
        height, width = image.shape[-2:]
        patches = functional.unfold(image, 3, padding=1)
        weight = state[f"{layer}.weight"]
        made = weight.flatten(1) @ patches + state[f"{layer}.bias"].view(1, -1, 1)
        return made.view(len(image), len(weight), height, width)

    def leaky(image: Tensor) -> Tensor:
        return torch.maximum(image, 0.1 * image)

    features = leaky(convolve(lr, "conv_first"))
    for index in range(2):
        inner = convolve(features, f"body.{index}.conv1").clamp(min=0)
        features = features + convolve(inner, f"body.{index}.conv2")
    factors = {1: (), 2: (2,), 3: (3,), 4: (2, 2)}[scale]
    for place, factor in enumerate(factors, start=1):
        features = leaky(shuffled(convolve(features, f"upconv{place}"), factor))
    detail = convolve(leaky(convolve(features, "conv_hr")), "conv_last")
    return detail + functional.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)


@pytest.mark.parametrize("scale", SCALES)
def test_its_output_is_the_formulas(scale: int) -> None:
    net, lr = SRResNet(scale=scale, features=6, blocks=2).double(), torch.rand(2, 3, 5, 7).double()
    before = lr.clone()
    with torch.no_grad():
        for weight in net.parameters():
            weight.normal_(std=0.2)
        sr = net(lr)
    assert sr.shape == (2, 3, 5 * scale, 7 * scale)
    torch.testing.assert_close(sr, by_formula(net.state_dict(), lr, scale=scale), rtol=0, atol=1e-12)
    assert torch.equal(lr, before)


def test_its_keys_are_the_ecosystems() -> None:
    expected = ["conv_first", "body.0.conv1", "body.0.conv2", "upconv1", "upconv2", "conv_hr", "conv_last"]
    keys = list(SRResNet(scale=4, features=6, blocks=1).state_dict())
    assert keys == [f"{layer}.{name}" for layer in expected for name in ("weight", "bias")]
    kept = SRResNet(scale=3, features=6, blocks=1).state_dict()
    assert kept["upconv1.weight"].shape == (54, 6, 3, 3)
    assert "upconv2.weight" not in kept


def test_it_starts_small_and_without_bias() -> None:
    net = SRResNet(scale=4)
    for key, weight in net.named_parameters():
        if key.endswith("bias"):
            assert not weight.any()
        elif len(weight) >= 64:
            wide_in = weight.shape[1]
            assert weight.std().item() == pytest.approx(0.1 * (2 / (9 * wide_in)) ** 0.5, rel=0.08)


def test_the_image_is_made_in_whole_floats_under_autocast() -> None:
    net, lr = SRResNet(scale=2, features=8, blocks=1), torch.rand(1, 3, 9, 9)
    net.start_as_bilinear()
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        sr = net(lr)
    assert torch.equal(sr, functional.interpolate(lr, scale_factor=2, mode="bilinear"))


def test_refuses_other_sizes() -> None:
    with pytest.raises(UsageError, match="no scale 8: choose 1, 2, 3 or 4"):
        SRResNet(scale=8)
    with pytest.raises(UsageError, match="blocks=0"):
        SRResNet(scale=2, blocks=0)
