"""The ImageNet networks: torchvision's keys and features, depth as asked, frozen, and untrained."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from esrlab.errors import UsageError, UserError
from esrlab.models.features.imagenet import (
    FEATURE_NETWORKS,
    FeatureNetworkName,
    build_feature_network,
    fill_weights,
    layer_names,
    make_untrained,
    normalise,
)
from esrlab.models.features.vgg import VGG

pytestmark = pytest.mark.slow


each_network = pytest.mark.parametrize("name", FEATURE_NETWORKS)


def synthesise(key: str, shape: tuple[int, ...]) -> Tensor:
    """The goldens' synthetic weights (see their README)."""
    draw = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape).astype(np.float32)
    if key.endswith("running_var"):
        draw = 1 + 0.1 * np.abs(draw)
    elif len(shape) == 1:
        draw = 1 + 0.1 * draw if key.endswith("weight") else 0.1 * draw
    else:
        draw = draw * np.sqrt(2 / np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(draw, dtype=np.float32))


def read_shapes(shared: Path, name: str) -> dict[str, tuple[int, ...]]:
    shapes = json.loads((shared / "golden/torchvision_state_shapes.json").read_text())[name]
    return {key: tuple(shape) for key, shape in shapes.items()}


def measured_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Without num_batches_tracked, which torchvision's files have and the goldens leave out."""
    state = network.state_dict()
    return {key: tuple(state[key].shape) for key in state if not key.endswith("num_batches_tracked")}


def read_golden_features(shared: Path, name: FeatureNetworkName) -> dict[str, dict]:
    """Golden features under our names: torchvision's `features.{i}` is the i-th layer."""
    golden = json.loads((shared / "golden/torchvision_features.json").read_text())[name]
    if name.startswith("resnet"):
        return golden
    renamed: dict[str, dict] = {}
    for index, ((key, feature), ours) in enumerate(zip(golden.items(), layer_names(name), strict=True)):
        place, kind = key.split()
        assert place == f"features.{index}"
        assert ours[:4] == {"(Conv2d)": "conv", "(ReLU)": "relu", "(MaxPool2d)": "pool"}[kind]
        renamed[ours] = feature
    return renamed


@pytest.mark.shared
@each_network
def test_keys_are_torchvisions(shared: Path, name: FeatureNetworkName) -> None:
    network = build_feature_network(name, layers=layer_names(name)[-1:])
    shapes = read_shapes(shared, name)
    assert measured_shapes(network) == shapes
    assert list(measured_shapes(network)) == list(shapes)


@pytest.mark.shared
@each_network
def test_features_are_torchvisions(shared: Path, name: FeatureNetworkName) -> None:
    golden = read_golden_features(shared, name)
    assert tuple(golden) == layer_names(name)
    network = build_feature_network(name, layers=tuple(golden))
    state = {key: synthesise(key, shape) for key, shape in read_shapes(shared, name).items()}
    fill_weights(network, state)
    image = torch.from_numpy(np.random.default_rng(7).random((1, 3, 96, 96), dtype=np.float32))
    with torch.inference_mode():
        features = network(normalise(image), tuple(golden))
    assert list(features) == list(golden)
    for layer, expected in golden.items():
        flat = features[layer].flatten()
        tolerance = 1e-5 * flat.abs().max().item()
        assert flat.numel() == expected["n"]
        assert flat.double().mean().item() == pytest.approx(expected["mean"], abs=tolerance)
        assert flat.double().std().item() == pytest.approx(expected["std"], abs=tolerance)
        assert flat[:8].tolist() == pytest.approx(expected["first"], abs=tolerance)
        assert flat[-8:].tolist() == pytest.approx(expected["last"], abs=tolerance)


@pytest.mark.shared
def test_real_weights_fill_a_network_just_as_deep(shared: Path) -> None:
    state = load_file(shared / "weights/vgg19_features_to_conv3_4.safetensors")
    network = build_feature_network("vgg19", layers=["conv3_4"])
    fill_weights(network, state)
    with pytest.raises(UserError, match=r"not weights of vgg19: features\.19\.weight is missing"):
        fill_weights(build_feature_network("vgg19", layers=["conv4_1"]), state)


@each_network
def test_builds_as_deep_as_asked_and_agrees(name: FeatureNetworkName) -> None:
    names = layer_names(name)
    shallow, deep = names[len(names) // 2], names[-1]
    whole, cut = build_feature_network(name, layers=names), build_feature_network(name, layers=[shallow])
    make_untrained(whole)
    make_untrained(cut)
    assert cut.built == names[: names.index(shallow) + 1]
    assert len(cut.state_dict()) < len(whole.state_dict())
    image = normalise(torch.rand(2, 3, 64, 64))
    assert torch.equal(cut(image, [shallow])[shallow], whole(image, [deep, shallow])[shallow])
    with pytest.raises(UsageError, match=f"this {name} has no layer '{deep}'"):
        cut(image, [deep])


def test_indices_are_torchvisions() -> None:
    assert layer_names("vgg19")[34] == "conv5_4"
    assert layer_names("vgg19")[35] == "relu5_4"
    assert layer_names("vgg16")[28] == "conv5_3"
    assert [layer_names("alexnet")[i] for i in (1, 4, 7, 9, 11)] == [f"relu{i}" for i in range(1, 6)]
    assert len(VGG(depth=19, deepest="conv5_4").features) == 35


def test_gives_the_layers_in_the_order_asked() -> None:
    network = build_feature_network("vgg16", layers=["relu2_1", "conv1_1"])
    features = network(torch.rand(1, 3, 16, 16), ["relu2_1", "conv1_1", "relu2_1"])
    assert list(features) == ["relu2_1", "conv1_1"]


@pytest.mark.parametrize("name", ["vgg16", "alexnet"])
def test_activations_leave_what_they_activate(name: FeatureNetworkName) -> None:
    network = build_feature_network(
        name, layers=["conv1_1", "relu1_1"] if name == "vgg16" else ["conv1", "relu1"]
    )
    make_untrained(network)
    before, after = network(normalise(torch.rand(1, 3, 32, 32)), network.built).values()
    assert before.min() < 0
    assert torch.equal(before.relu(), after)


@each_network
def test_stays_frozen_and_in_eval_mode(name: FeatureNetworkName) -> None:
    network = build_feature_network(name, layers=layer_names(name)[:2])
    make_untrained(network)
    network.train()
    nn.Sequential(network).train()
    assert not any(module.training for module in network.modules())
    assert not any(weight.requires_grad for weight in network.parameters())
    before = {key: value.clone() for key, value in network.state_dict().items()}
    image = torch.rand(2, 3, 64, 64, requires_grad=True)
    layer = network.built[-1]
    network(normalise(image), [layer])[layer].square().mean().backward()
    assert image.grad is not None
    assert image.grad.any()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "layer", "nearest"),
    [("vgg19", "conv5_5", "conv5_4"), ("vgg16", "conv3-2", "conv3_2"), ("resnet50", "layer5", "layer4")],
)
def test_unknown_layers_are_named_with_the_nearest(
    name: FeatureNetworkName, layer: str, nearest: str
) -> None:
    with pytest.raises(UsageError) as caught:
        build_feature_network(name, layers=[layer])
    told = str(caught.value)
    assert f"{name} has no layer '{layer}' (did you mean {nearest}?)" in told
    assert all(known in told for known in layer_names(name))


def test_unknown_networks_and_no_layers() -> None:
    with pytest.raises(UsageError, match=r"no feature network 'vgg11'; there are vgg16, .*alexnet"):
        layer_names("vgg11")  # pyright: ignore[reportArgumentType]
    with pytest.raises(UsageError, match="at least one of relu, layer1"):
        build_feature_network("resnet18", layers=[])


def test_counts_of_batches_may_be_there_or_not() -> None:
    source, target = (build_feature_network("resnet18", layers=["layer2"]) for _ in range(2))
    make_untrained(source, seed=4)
    state = {**source.state_dict(), "fc.weight": torch.zeros(1000, 512)}
    for given in (
        state,
        {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")},
    ):
        make_untrained(target, seed=5)
        fill_weights(target, given)
        assert all(torch.equal(value, state[key]) for key, value in target.state_dict().items())
    with pytest.raises(UserError, match=r"conv1\.weight has shape \(64, 3, 3, 3\), expected \(64, 3, 7, 7\)"):
        fill_weights(target, {**state, "conv1.weight": torch.zeros(64, 3, 3, 3)})


def test_normalise() -> None:
    image = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    red = (image[:, 0] - 0.485) / 0.229
    blue = (image[:, 2] - 0.406) / 0.225
    assert torch.allclose(normalise(image)[:, 0], red)
    assert torch.allclose(normalise(image)[:, 2], blue)
    assert normalise(image).dtype == torch.float64


def test_another_seed_gives_other_weights() -> None:
    weights: list[Tensor] = []
    for seed in (0, 1):
        network = build_feature_network("alexnet", layers=["conv1"])
        make_untrained(network, seed=seed)
        weights.append(network.get_parameter("features.0.weight"))
    assert not torch.equal(*weights)


@each_network
def test_untrained_features_are_moderate_and_repeatable(name: FeatureNetworkName) -> None:
    before = torch.random.get_rng_state()
    networks = [build_feature_network(name, layers=layer_names(name)) for _ in range(2)]
    for network in networks:
        make_untrained(network)
    assert torch.equal(torch.random.get_rng_state(), before)
    states = [network.state_dict() for network in networks]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert all(value.isfinite().all() for value in states[0].values())
    smooth = torch.nn.functional.interpolate(torch.rand(2, 3, 12, 12), size=96, mode="bicubic").clamp(0, 1)
    for image in (smooth, torch.rand(2, 3, 96, 96)):
        for layer, feature in networks[0](normalise(image), layer_names(name)).items():
            assert 0.2 < feature.square().mean().sqrt() < 10, layer
