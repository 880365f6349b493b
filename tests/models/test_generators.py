"""Every kind of generator at every scale: found in files, started from, how far it sees, how it begins."""

from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from esrlab.core.parts import kinds_in
from esrlab.errors import UserError
from esrlab.models.generator_files import load_generator, save_generator, start_from
from esrlab.models.generators.any_generator import AnyGenerator, detect_generator
from esrlab.models.generators.base import AmbiguousScaleError, Detected, GeneratorNetwork, GeneratorPart
from esrlab.models.generators.compact import CompactGenerator
from esrlab.models.generators.rrdb_state import RRDBGenerator
from esrlab.models.generators.srresnet import SRResNetGenerator

SMALL: dict[str, GeneratorPart] = {
    "rrdb": RRDBGenerator(features=8, growth=3, blocks=1),
    "rrdb, unshuffled": RRDBGenerator(features=8, growth=3, blocks=1, unshuffle=True),
    "compact": CompactGenerator(features=8, convs=2),
    "srresnet": SRResNetGenerator(features=6, blocks=2),
}
SCALES = {name: (1, 2) if "unshuffled" in name else (1, 2, 3, 4) for name in SMALL}
AMBIGUOUS = {("rrdb", 2), ("rrdb", 3)}
LAYERS_OF_SCALE: dict[str, dict[int, dict[str, int]]] = {
    "rrdb": {2: {"conv_up1": 8}, 3: {"conv_up1": 8}, 4: {"conv_up1": 8, "conv_up2": 8}},
    "rrdb, unshuffled": {1: {"conv_first": 48}, 2: {"conv_first": 12}},
    "compact": {scale: {"body.6": 3 * scale**2} for scale in (1, 2, 3, 4)},
    "srresnet": {2: {"upconv1": 24}, 3: {"upconv1": 54}, 4: {"upconv1": 24, "upconv2": 24}},
}
"""The layers that not every scale has, with a width that tells whether two are alike."""
CASES = [(name, scale) for name in SMALL for scale in SCALES[name]]
CHANGES = [(name, *pair) for name in SMALL for pair in product(SCALES[name], repeat=2)]


def randomly(name: str, scale: int) -> GeneratorNetwork:
    """Every tensor random, those that start at 0 too."""
    network = SMALL[name].build(scale=scale).eval()
    draw = torch.Generator().manual_seed(scale)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=draw) * 0.2)
    return network


def test_every_kind_is_here() -> None:
    assert {part.shape["kind"] for part in SMALL.values()} == set(kinds_in(AnyGenerator))


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_a_state_dict_tells_kind_shape_and_scale(name: str, scale: int) -> None:
    state, part = SMALL[name].build(scale=scale).state_dict(), SMALL[name]
    assert detect_generator(state, scale=scale) == Detected(part, scale)
    if (name, scale) in AMBIGUOUS:
        with pytest.raises(AmbiguousScaleError) as raised:
            detect_generator(state, scale=None)
        assert scale in raised.value.choices
    else:
        assert detect_generator(state, scale=None) == Detected(part, scale)
    wrong = 3 if "unshuffled" in name else next(other for other in (4, 2) if other != scale)
    with pytest.raises(UserError, match=rf"scale {wrong} does not fit"):
        detect_generator(state, scale=wrong)


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_a_file_gives_back_what_was_saved(tmp_path: Path, name: str, scale: int) -> None:
    network, lr = randomly(name, scale), torch.rand(1, 3, 9, 7)
    save_generator(network, tmp_path / "ours.safetensors", about={"recipe": "mine"})
    with safe_open(tmp_path / "ours.safetensors", framework="pt") as opened:
        told = {"architecture": network.architecture, "recipe": "mine", "scale": str(scale)}
        assert opened.metadata() == told
    wrapped = {"params_ema": {f"module.{key}": value for key, value in network.state_dict().items()}}
    torch.save(wrapped, tmp_path / "theirs.pth")
    for file, scale_told in (("ours.safetensors", None), ("theirs.pth", scale)):
        back = load_generator(tmp_path / file, scale=scale_told)
        assert (type(back), back.scale) == (type(network), scale)
        assert torch.equal(back(lr), network(lr))


@pytest.mark.parametrize(("name", "scale", "other"), CHANGES)
def test_a_run_starts_from_any_scale(tmp_path: Path, name: str, scale: int, other: int) -> None:
    trained, fresh = randomly(name, other), SMALL[name].build(scale=scale)
    before = {key: value.clone() for key, value in fresh.state_dict().items()}
    save_generator(trained, tmp_path / "trained.safetensors", about={})
    said = start_from(fresh, str(tmp_path / "trained.safetensors"))
    assert ("×" in said) == (scale != other)
    theirs, kept = trained.state_dict(), []
    for key, value in fresh.state_dict().items():
        if key in theirs and theirs[key].shape == value.shape:
            assert torch.equal(value, theirs[key])
        else:
            assert torch.equal(value, before[key])
            kept.append(key)
    mine, other_ones = (LAYERS_OF_SCALE[name].get(each, {}) for each in (scale, other))
    new = {layer for layer, width in mine.items() if other_ones.get(layer) != width}
    assert {key.rpartition(".")[0] for key in kept} == new
    assert all(key.startswith(fresh.scale_layers) for key in kept)


def test_a_start_of_another_shape_or_kind_is_refused_with_the_fields_to_set(tmp_path: Path) -> None:
    file = tmp_path / "trained.safetensors"
    save_generator(CompactGenerator(features=8, convs=3).build(scale=2), file, about={})
    for part in (CompactGenerator(features=8, convs=2), SMALL["rrdb"]):
        with pytest.raises(
            UserError, match=r"set --generator.kind compact --generator.features 8 --generator.convs 3,"
        ):
            start_from(part.build(scale=2), str(file))


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_it_sees_as_far_as_it_says_and_no_further(name: str, scale: int) -> None:
    """The gradient at the small image of the output pixels that come from its middle pixel."""
    network, part = SMALL[name].build(scale=scale).double(), SMALL[name]
    for weight in network.parameters():  # all positive: nothing cancels, no activation is cut off
        torch.nn.init.constant_(weight, 0.1)
    radius = part.receptive_field(scale=scale)
    side = (2 * radius + 12) // 4 * 4
    lr = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    sr, reached = network(lr), 0
    for pixel in range(radius + 2, radius + 6):  # on unshuffled input, the place in a group of four matters
        part_of_sr = slice(pixel * scale, (pixel + 1) * scale)
        made = sr[..., part_of_sr, part_of_sr].sum()
        (gradient,) = torch.autograd.grad(made, lr, retain_graph=True)
        seen = (gradient[0] != 0).any(dim=0)
        places = seen.any(dim=0).nonzero().flatten()
        assert bool(seen[int(places[0]) : int(places[-1]) + 1, int(places[0]) : int(places[-1]) + 1].all())
        reached = max(reached, pixel - int(places[0]), int(places[-1]) - pixel)
    assert reached == radius


def smooth_image(side: int) -> Tensor:
    rows, columns = torch.meshgrid(torch.linspace(0, 1, side), torch.linspace(0, 1, side), indexing="ij")
    return torch.stack([(rows * columns), rows**2, (1 - columns)])[None]


@pytest.mark.parametrize(("name", "scale"), [case for case in CASES if "unshuffled" not in case[0]])
def test_interpolation_begins_as_bilinear_enlargement(name: str, scale: int) -> None:
    network, lr = SMALL[name].build(scale=scale), smooth_image(12)
    network.start_as_bilinear()
    with torch.no_grad():
        sr = network(lr)
    bilinear = functional.interpolate(lr, scale_factor=scale, mode="bilinear", align_corners=False)
    inner = (..., slice(scale, -scale), slice(scale, -scale))
    torch.testing.assert_close(sr[inner], bilinear[inner], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_it_counts_its_parameters(name: str, scale: int) -> None:
    network = SMALL[name].build(scale=scale)
    assert SMALL[name].parameters(scale=scale) == sum(weight.numel() for weight in network.parameters())


def test_a_compact_file_is_whole_or_refused(tmp_path: Path) -> None:
    state = dict(CompactGenerator(features=8, convs=2).build(scale=2).state_dict())
    lost = {key: value for key, value in state.items() if key != "body.3.weight"}
    odd = {**state, "body.6.weight": torch.zeros(15, 8, 3, 3), "body.6.bias": torch.zeros(15)}
    for spoilt, said in (
        (lost, r"not a whole compact 8×2 ×2: body\.3\.weight is missing"),
        (odd, r"body\.6, makes 15 channels"),
        ({**state, "mask": torch.zeros(3)}, r"mask is \(3,\), expected nothing"),
    ):
        save_file(spoilt, tmp_path / "spoilt.safetensors")
        with pytest.raises(UserError, match=said):
            load_generator(tmp_path / "spoilt.safetensors")
