"""The generator: its size, the ecosystem's keys, a foreign checkpoint, the soft start, what a file tells."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from esrlab.errors import UsageError, UserError
from esrlab.models.generators.any_generator import detect_generator
from esrlab.models.generators.base import AmbiguousScaleError, Detected
from esrlab.models.generators.rrdb import RRDBNet
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.models.generators.state_dicts import unwrap_state


def small_net(scale: int, *, features: int = 16, growth: int = 8, blocks: int = 2) -> RRDBNet:
    return RRDBNet(scale=scale, features=features, growth=growth, blocks=blocks)


def smooth_image(height: int = 24, width: int = 20) -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = [(2, 1, 0.0), (1, 3, 1.0), (2, 2, 2.0)]
    return torch.stack([0.5 + 0.45 * torch.sin(6 * (a * rows + b * columns) + c) for a, b, c in waves])[None]


@pytest.mark.parametrize(
    ("scale", "count"), [(1, 16_624_131), (2, 16_661_059), (3, 16_661_059), (4, 16_697_987)]
)
def test_parameter_count(scale: int, count: int) -> None:
    assert sum(weight.numel() for weight in RRDBNet(scale=scale).parameters()) == count


@pytest.mark.parametrize(("scale", "count"), [(1, 16_723_907), (2, 16_703_171)])
def test_parameter_count_on_unshuffled_input(scale: int, count: int) -> None:
    net = RRDBNet(scale=scale, unshuffle=True)
    assert sum(weight.numel() for weight in net.parameters()) == count
    # Beside ×4's: conv_first takes 3 · fold² channels in place of 3.
    assert count - 16_697_987 == 9 * 64 * 3 * ((4 // scale) ** 2 - 1)


@pytest.mark.parametrize("scale", [1, 2])
def test_on_unshuffled_input_it_is_the_x4_net_of_folded_pixels(scale: int) -> None:
    fold = 4 // scale
    net = RRDBNet(scale=scale, features=8, growth=4, blocks=1, unshuffle=True).double()
    lr = torch.rand(2, 3, 4 * fold, 3 * fold, dtype=torch.float64)
    folded = torch.stack(
        [lr[:, c, i::fold, j::fold] for c in range(3) for i in range(fold) for j in range(fold)], dim=1
    )
    plain = RRDBNet(scale=4, features=8, growth=4, blocks=1).double()
    plain.conv_first = net.conv_first
    plain.load_state_dict(net.state_dict())
    torch.testing.assert_close(net(lr), plain(folded), rtol=0, atol=1e-12)
    odd = lr[..., : 3 * fold + 1, : 2 * fold + 1]
    padded = functional.pad(odd, (0, fold - 1, 0, fold - 1), mode="replicate")
    height, width = ((3 * fold + 1) * scale, (2 * fold + 1) * scale)
    torch.testing.assert_close(net(odd), net(padded)[..., :height, :width])


def test_unshuffled_input_is_for_small_scales() -> None:
    with pytest.raises(UsageError, match="unshuffle has no scale 4: choose 1 or 2"):
        RRDBNet(scale=4, unshuffle=True)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_enlarges_by_its_scale(scale: int) -> None:
    lr = torch.rand(2, 3, 5, 7)
    before = lr.clone()
    assert small_net(scale)(lr).shape == (2, 3, 5 * scale, 7 * scale)
    assert torch.equal(lr, before)


@pytest.mark.parametrize("scale", [0, 8])
def test_refuses_other_scales(scale: int) -> None:
    with pytest.raises(UsageError, match=rf"no scale {scale}: choose 1, 2, 3 or 4"):
        RRDBNet(scale=scale)


def test_refuses_no_width() -> None:
    with pytest.raises(UsageError, match="blocks=0"):
        RRDBNet(scale=2, blocks=0)


def test_dense_blocks_start_small_and_without_bias() -> None:
    block = RRDBNet(scale=2, blocks=1).get_submodule("body.0.rdb2")
    for index, wide_in in enumerate((64, 96, 128, 160, 192), start=1):
        weight, bias = block.get_parameter(f"conv{index}.weight"), block.get_parameter(f"conv{index}.bias")
        assert weight.std().item() == pytest.approx(0.1 * (2 / (9 * wide_in)) ** 0.5, rel=0.03)
        assert not bias.any()


def test_same_seed_gives_same_network() -> None:
    torch.manual_seed(3)
    first = small_net(4).state_dict()
    torch.manual_seed(3)
    second = small_net(4).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.shared
def test_runs_a_foreign_checkpoint(shared: Path) -> None:
    state = load_file(shared / "weights/RealESRGAN_x4plus_fp16.safetensors")
    found = detect_generator(unwrap_state({"params_ema": state}), scale=None)
    assert found == Detected(RRDBGenerator(features=64, growth=32, blocks=23), scale=4)
    net = found.part.build(scale=found.scale)
    net.load_state_dict({key: value.float() for key, value in state.items()})
    lr = np.array(Image.open(shared / "benchmarks/Set5/LR_matlab_x4/bird.png").convert("RGB"))
    expected = np.array(Image.open(shared / "golden/RealESRGAN_x4plus_bird.png").convert("RGB")).astype(int)
    with torch.inference_mode():
        sr = net(torch.from_numpy(lr).permute(2, 0, 1)[None].float() / 255)
    ours = (sr[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy().astype(int)
    difference = np.abs(ours - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 1e-3


# --- The soft start


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_starts_as_bilinear(scale: int) -> None:
    net, lr = small_net(scale), smooth_image()
    net.start_as_bilinear()
    with torch.no_grad():
        sr = net(lr)
    bilinear = functional.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)
    border = 2 if scale == 4 else 1
    inner = (..., slice(border, -border), slice(border, -border))
    assert (sr[inner] - bilinear[inner]).abs().max().item() <= 1e-6


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_soft_start_stays_trainable(scale: int) -> None:
    net, lr = small_net(scale), smooth_image(12, 10)
    net.start_as_bilinear()
    hr = functional.interpolate(lr, scale_factor=scale, mode="bicubic", align_corners=False)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-4)
    losses: list[float] = []
    for _ in range(12):
        optimiser.zero_grad()
        loss = (net(lr) - hr).abs().mean()
        loss.backward()
        losses.append(loss.item())
        if len(losses) == 3:
            still = [
                key for key, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()
            ]
            assert still == []
        optimiser.step()
    assert losses[-1] < 0.9 * losses[0]


def test_soft_start_keeps_the_other_weights() -> None:
    net = small_net(2)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    net.start_as_bilinear()
    after = net.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in after if key.startswith("body."))
    for key in ("conv_first", "conv_body", "conv_up1", "conv_hr"):
        assert torch.equal(after[f"{key}.weight"][3:], before[f"{key}.weight"][3:])


def test_soft_start_refuses_what_it_cannot_carry() -> None:
    with pytest.raises(UsageError, match=r"features >= 8 .* not 7"):
        small_net(2, features=7).start_as_bilinear()
    with pytest.raises(UsageError, match="without unshuffle"):
        RRDBNet(scale=2, features=8, growth=4, blocks=1, unshuffle=True).start_as_bilinear()


# --- What a state dict tells


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_describes_its_own_shapes(scale: int) -> None:
    state = small_net(scale, features=12, growth=6, blocks=3).state_dict()
    shape = RRDBGenerator(features=12, growth=6, blocks=3)
    assert detect_generator(state, scale=scale) == Detected(shape, scale)


def test_describing_leaves_the_random_state() -> None:
    state = small_net(4).state_dict()
    before = torch.random.get_rng_state()
    detect_generator(state, scale=None)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_scale_four_needs_no_telling() -> None:
    assert detect_generator(small_net(4).state_dict(), scale=None).scale == 4


def test_two_and_three_look_alike() -> None:
    with pytest.raises(AmbiguousScaleError, match=r"give the scale .*metadata") as raised:
        detect_generator(small_net(3).state_dict(), scale=None)
    assert raised.value.choices == (2, 3)


@pytest.mark.parametrize(("built", "told"), [(4, 2), (2, 4), (3, 5), (1, 2)])
def test_refuses_a_contradicting_scale(built: int, told: int) -> None:
    with pytest.raises(UsageError, match=f"scale {told} does not fit"):
        detect_generator(small_net(built).state_dict(), scale=told)


def drop_a_tensor(state: dict[str, Tensor]) -> None:
    del state["body.1.rdb2.conv3.bias"]


def add_a_tensor(state: dict[str, Tensor]) -> None:
    state["mask"] = torch.zeros(3)


def widen_a_tensor(state: dict[str, Tensor]) -> None:
    state["conv_hr.weight"] = torch.zeros(17, 16, 3, 3)


def skip_a_block(state: dict[str, Tensor]) -> None:
    for key in [key for key in state if key.startswith("body.1.")]:
        state[key.replace("body.1.", "body.2.")] = state.pop(key)


def take_other_channels(state: dict[str, Tensor]) -> None:
    state["conv_first.weight"] = torch.zeros(16, 5, 3, 3)


def use_old_keys(state: dict[str, Tensor]) -> None:
    for key in list(state):
        state[re.sub(r"body\.(\d)", r"RRDB_trunk.\1", key)] = state.pop(key)


def forget_everything(state: dict[str, Tensor]) -> None:
    state.clear()
    state["features.0.weight"] = torch.zeros(64, 3, 3, 3)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (drop_a_tensor, r"body\.1\.rdb2\.conv3\.bias is missing"),
        (add_a_tensor, r"mask is \(3,\), expected nothing"),
        (widen_a_tensor, r"conv_hr\.weight is \(17, 16, 3, 3\), expected \(16, 16, 3, 3\)"),
        (skip_a_block, r"body\.1\.rdb1\.conv1\.weight is missing"),
        (take_other_channels, r"5 channels; an RRDBNet's takes 3, 12 or 48"),
        (use_old_keys, "old key names.*rename"),
        (forget_everything, r"no generator of a kind .*features\.0\.weight"),
    ],
)
def test_refuses_what_is_no_rrdbnet(spoil: Callable[[dict[str, Tensor]], None], told: str) -> None:
    state = dict(small_net(4).state_dict())
    spoil(state)
    with pytest.raises(UserError, match=told):
        detect_generator(state, scale=None)


@pytest.mark.parametrize("wrapper", ["params_ema", "params", "state_dict", "model", "generator"])
def test_unwraps(wrapper: str) -> None:
    state = small_net(2).state_dict()
    wrapped = {"step": 5, wrapper: {f"module.{key}": value for key, value in state.items()}}
    assert unwrap_state(wrapped).keys() == state.keys()


def test_prefers_the_moving_average_and_unwraps_twice() -> None:
    average, plain = torch.zeros(1), torch.ones(1)
    assert unwrap_state({"model": {"params": {"a": plain}, "params_ema": {"a": average}}}) == {"a": average}


def test_refuses_to_unwrap_other_things() -> None:
    with pytest.raises(UserError, match="'step' is a int"):
        unwrap_state({"step": 5})
