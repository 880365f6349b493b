"""Content loss against eq. 7 computed apart, its target measured once, its mistakes named."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.losses.content import Content
from esrlab.losses.feature_loss import ReadyFeatureLoss, parse_layers, share_networks
from esrlab.losses.inputs import LossInputs
from esrlab.models.features.imagenet import build_feature_network, layer_names, make_untrained, normalise

CPU = torch.device("cpu")


@pytest.fixture
def patches() -> LossInputs:
    draw = torch.Generator().manual_seed(5)
    return LossInputs(
        lr=torch.rand(2, 3, 16, 16, generator=draw),
        sr=torch.rand(2, 3, 32, 32, generator=draw).requires_grad_(),
        hr=torch.rand(2, 3, 32, 32, generator=draw),
    )


@pytest.mark.parametrize("criterion", ["mse", "l1"])
def test_value_is_equation_7_averaged_over_channels_too(criterion: Any, patches: LossInputs) -> None:
    weights = {"conv1_2": 0.1, "conv3_2": 2.0}
    loss = Content(network="vgg16", layers=weights, criterion=criterion, weights="untrained").build(CPU)(
        patches
    )
    network = build_feature_network("vgg16", layers=tuple(weights))
    make_untrained(network)
    with torch.no_grad():
        sr: Mapping[str, Tensor] = network(normalise(patches.sr), tuple(weights))
        hr: Mapping[str, Tensor] = network(normalise(patches.hr), tuple(weights))
    expected = 0.0
    for name, weight in weights.items():
        n, channels, height, width = hr[name].shape
        difference = (sr[name] - hr[name]).double().numpy()
        total = (difference**2 if criterion == "mse" else abs(difference)).sum()
        expected += weight * total / (n * channels * height * width)
    assert loss.shape == ()
    assert expected > 0
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_gradient(patches: LossInputs) -> None:
    ready = Content(network="vgg16", layers={"conv1_2": 1.0, "conv2_1": 0.5}, weights="untrained").build(CPU)
    ready.network.double()
    hr = patches.hr[:1, :, :6, :6].double()
    lr = patches.lr[:1, :, :3, :3].double()
    sr = patches.sr[:1, :, :6, :6].detach().double().requires_grad_()
    assert torch.autograd.gradcheck(lambda sr: ready(LossInputs(lr, sr, hr)), sr, fast_mode=True)


def test_equal_images_cost_nothing(patches: LossInputs) -> None:
    loss = Content(network="alexnet", layers={layer_names("alexnet")[0]: 1.0}, weights="untrained").build(CPU)
    assert loss(LossInputs(patches.lr, patches.hr, patches.hr)).item() == 0


def test_gradient_reaches_sr_and_nothing_else(patches: LossInputs) -> None:
    ready = Content(network="vgg16", layers={"conv2_1": 1.0}, weights="untrained").build(CPU)
    patches.hr.requires_grad_()
    ready(patches).backward()
    assert patches.hr.grad is None
    assert patches.sr.grad is not None
    assert patches.sr.grad.abs().sum() > 0
    assert not ready.network.training
    assert all(p.grad is None and not p.requires_grad for p in ready.network.parameters())


def test_target_is_measured_once_a_batch_whatever_number_of_terms(patches: LossInputs) -> None:
    terms = [
        Content(network="vgg16", layers={"conv2_1": 1.0}, criterion="mse", weights="untrained").build(CPU),
        Content(network="vgg16", layers={"conv2_1": 1.0}, criterion="l1", weights="untrained").build(CPU),
    ]
    with_graph: list[bool] = []
    for term in terms:
        term.network.register_forward_hook(lambda _, __, out: with_graph.append(out["conv2_1"].requires_grad))
    for term in terms:
        term(patches).backward()
    assert sorted(with_graph) == [False, True, True]


def test_terms_of_one_network_measure_the_target_once_whatever_their_layers(patches: LossInputs) -> None:
    settings = [{"conv1_2": 1.0}, {"conv2_1": 0.5, "conv1_1": 2.0}]
    alone = [Content(network="vgg16", layers=layers, weights="untrained").build(CPU) for layers in settings]
    other = Content(network="alexnet", layers={"conv1": 1.0}, weights="untrained").build(CPU)
    expected = [loss(LossInputs(patches.lr, patches.sr, patches.hr)) for loss in (*alone, other)]
    first, second, third = share_networks([*alone, other])
    assert isinstance(first, ReadyFeatureLoss)
    assert isinstance(second, ReadyFeatureLoss)
    assert first.network is second.network is alone[1].network
    without_graph: list[bool] = []
    first.network.register_forward_hook(
        lambda _, __, found: without_graph.append(not any(layer.requires_grad for layer in found.values()))
    )
    for loss, value in zip((first, second, third), expected, strict=True):
        torch.testing.assert_close(loss(patches), value)
    assert without_graph.count(True) == 1


def test_two_builds_agree(patches: LossInputs) -> None:
    loss = Content(network="alexnet", layers={layer_names("alexnet")[0]: 1.0}, weights="untrained")
    assert torch.equal(
        loss.build(CPU)(patches), loss.build(CPU)(LossInputs(patches.lr, patches.sr, patches.hr))
    )


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("conv5_4", {"conv5_4": 1.0}),
        ("relu1_2=0.1,conv5_4=1", {"relu1_2": 0.1, "conv5_4": 1.0}),
        (" relu1_2 = 1e-1 , conv5_4, ", {"relu1_2": 0.1, "conv5_4": 1.0}),
    ],
)
def test_layers_read_from_text(text: str, layers: dict[str, float]) -> None:
    assert parse_layers(text) == layers
    assert Content.model_validate({"layers": text}).layers == layers


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {"layers": "conv5_5"},
            r"vgg19 has no layer 'conv5_5' \(did you mean conv5_\d\?\); it has .*conv5_4",
        ),
        ({"network": "resnet50"}, r"resnet50 has no layer 'conv5_4'.*layer3"),
        ({"network": "vgg91"}, "vgg19"),
        ({"layers": ""}, "no layer has a weight above 0"),
        ({"layers": {}}, "no layer has a weight above 0"),
        ({"layers": "conv5_4=0"}, "no layer has a weight above 0"),
        ({"layers": "conv5_4=-1"}, "'conv5_4' has the negative weight -1"),
        ({"layers": "conv5_4=one"}, "LAYER=WEIGHT"),
        ({"layers": "conv5_4="}, "LAYER=WEIGHT"),
        ({"layers": "conv5_4=nan"}, "finite"),
        ({"layers": "conv5_4,conv5_4=2"}, "given twice"),
        ({"criterion": "l2"}, "criterion"),
        ({"network": "vgg19", "weights": "student"}, "students are networks of their own"),
        ({"network": "vgg-student", "layers": "conv3_4"}, "students are networks of their own"),
        ({"network": "vgg-student", "layers": "conv5_4", "weights": "student"}, "no layer 'conv5_4'"),
    ],
)
def test_mistakes_are_named_at_construction(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Content.model_validate(fields)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Content.model_validate({"layers": "conv9=-1,conv8=1", "criterion": "l2"})
    for name in ("conv9", "conv8", "negative", "l2"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "label"),
    [
        (Content(), "VGG19 conv5_4"),
        (Content(weights="untrained"), "VGG19 conv5_4 (untrained)"),
        (Content(network="resnet50", layers={"layer3": 1.0}, criterion="l1"), "ResNet50 layer3 (L1)"),
        (Content().with_weights("student"), "VGG (student)"),
        (
            Content(layers={"conv1_2": 0.1, "conv5_4": 1.0}, criterion="l1", weights="untrained"),
            "VGG19 0.1·conv1_2 + conv5_4 (untrained, L1)",
        ),
    ],
)
def test_labels(loss: Content, label: str) -> None:
    assert loss.label == label
