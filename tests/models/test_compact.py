"""The compact generator: its size, the ecosystem's keys, its output by another formula, how it starts."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from esrlab.errors import UsageError
from esrlab.models.generators.compact import CompactNet

SCALES = (1, 2, 3, 4)


def small(scale: int, *, features: int = 6, convs: int = 2) -> CompactNet:
    """Random in every tensor, biases, slopes and the last convolution too."""
    net = CompactNet(scale=scale, features=features, convs=convs)
    draw = torch.Generator().manual_seed(scale)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw) * 0.3)
    return net.double()


def by_formula(state: dict[str, Tensor], lr: Tensor, *, scale: int) -> Tensor:
    """The network from its state dict alone: sums over nine shifts, slopes and sub-pixels by indexing."""

    def convolve(image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        padded = functional.pad(image, (1, 1, 1, 1))
        total = bias.view(1, -1, 1, 1).expand(len(image), -1, height, width).clone()
        for row in range(3):
            for column in range(3):
                shifted = padded[..., row : row + height, column : column + width]
                total += torch.einsum("oi,nihw->nohw", weight[..., row, column], shifted)
        return total

    last = max(int(key.split(".")[1]) for key in state)
    features = lr
    for index in range(0, last, 2):
        features = convolve(features, state[f"body.{index}.weight"], state[f"body.{index}.bias"])
        slope = state[f"body.{index + 1}.weight"].view(1, -1, 1, 1)
        features = torch.where(features > 0, features, slope * features)
    spread = convolve(features, state[f"body.{last}.weight"], state[f"body.{last}.bias"])
    sr = lr.repeat_interleave(scale, dim=-1).repeat_interleave(scale, dim=-2)
    for channel in range(3):
        for row in range(scale):
            for column in range(scale):
                part = spread[:, channel * scale**2 + row * scale + column]
                sr[:, channel, row::scale, column::scale] += part
    return sr


@pytest.mark.parametrize(
    ("scale", "features", "convs", "count"), [(2, 32, 8, 78_636), (2, 64, 16, 600_652), (4, 64, 16, 621_424)]
)
def test_parameter_count(scale: int, features: int, convs: int, count: int) -> None:
    net = CompactNet(scale=scale, features=features, convs=convs)
    first, middle = 27 * features + features, 9 * features**2 + features
    last = 9 * features * 3 * scale**2 + 3 * scale**2
    slopes = (convs + 1) * features
    assert first + convs * middle + last + slopes == count
    assert sum(weight.numel() for weight in net.parameters()) == count


@pytest.mark.parametrize("scale", SCALES)
def test_its_output_is_the_formulas(scale: int) -> None:
    net, lr = small(scale), torch.rand(2, 3, 5, 7, dtype=torch.float64)
    before = lr.clone()
    with torch.no_grad():
        sr = net(lr)
    assert sr.shape == (2, 3, 5 * scale, 7 * scale)
    torch.testing.assert_close(sr, by_formula(net.state_dict(), lr, scale=scale), rtol=0, atol=1e-12)
    assert torch.equal(lr, before)


def test_its_keys_are_the_ecosystems() -> None:
    shapes = {key: tuple(value.shape) for key, value in small(3).state_dict().items()}
    assert shapes == {
        "body.0.weight": (6, 3, 3, 3),
        "body.0.bias": (6,),
        "body.1.weight": (6,),
        "body.2.weight": (6, 6, 3, 3),
        "body.2.bias": (6,),
        "body.3.weight": (6,),
        "body.4.weight": (6, 6, 3, 3),
        "body.4.bias": (6,),
        "body.5.weight": (6,),
        "body.6.weight": (27, 6, 3, 3),
        "body.6.bias": (27,),
    }


@pytest.mark.parametrize("scale", [0, 8])
def test_refuses_other_scales(scale: int) -> None:
    with pytest.raises(UsageError, match=rf"no scale {scale}: choose 1, 2, 3 or 4"):
        CompactNet(scale=scale)


def test_refuses_no_width() -> None:
    with pytest.raises(UsageError, match="convs=0"):
        CompactNet(scale=2, convs=0)


def test_the_image_is_made_in_whole_floats_under_autocast() -> None:
    net, lr = CompactNet(scale=2, features=8, convs=2), torch.rand(1, 3, 9, 9)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        sr = net(lr)
    assert sr.dtype == torch.float32
    assert torch.equal(sr, functional.interpolate(lr, scale_factor=2, mode="nearest"))


@pytest.mark.parametrize("scale", SCALES)
def test_a_fresh_one_is_the_nearest_enlargement_and_every_weight_learns(scale: int) -> None:
    torch.manual_seed(1)
    net, lr = CompactNet(scale=scale, features=8, convs=3), torch.rand(2, 3, 9, 9)
    hr = torch.rand(2, 3, 9 * scale, 9 * scale)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    with torch.no_grad():
        assert torch.equal(net(lr), functional.interpolate(lr, scale_factor=scale, mode="nearest"))
    for _ in range(2):
        optimiser.zero_grad()
        (net(lr) - hr).abs().mean().backward()
        optimiser.step()
    assert [
        key for key, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()
    ] == []


@pytest.mark.parametrize("scale", SCALES)
def test_starts_as_bilinear(scale: int) -> None:
    net, lr = CompactNet(scale=scale, features=8, convs=3), torch.rand(1, 3, 9, 7)
    net.start_as_bilinear()
    with torch.no_grad():
        sr = net(lr)
    bilinear = functional.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)
    inner = (..., slice(scale, -scale), slice(scale, -scale))
    torch.testing.assert_close(sr[inner], bilinear[inner], rtol=0, atol=1e-6)


def test_a_bilinear_start_needs_room_for_the_image() -> None:
    with pytest.raises(UsageError, match=r"features >= 3.* not 2"):
        CompactNet(scale=2, features=2, convs=1).start_as_bilinear()
