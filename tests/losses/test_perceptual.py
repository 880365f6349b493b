"""Losses on real weights: found, as deep as they reach, and refused with the remedy where they are absent."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from esrlab.errors import UserError
from esrlab.evaluation.metrics.lpips import LPIPS
from esrlab.losses.content import Content
from esrlab.losses.inputs import FeatureWeights, LossInputs
from esrlab.losses.lpips import PerceptualDistance
from esrlab.models.features.imagenet import normalise
from esrlab.models.weights.loading import load_feature_network

CPU = torch.device("cpu")


@pytest.fixture
def patches() -> LossInputs:
    draw = torch.Generator().manual_seed(11)
    hr = torch.rand(2, 3, 48, 48, generator=draw)
    sr = (hr + 0.1 * torch.randn(hr.shape, generator=draw)).clamp(0, 1).requires_grad_()
    return LossInputs(lr=torch.rand(2, 3, 24, 24, generator=draw), sr=sr, hr=hr)


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESRLAB_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


@pytest.fixture
def real_weights(shared: Path, no_weights: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRLAB_WEIGHTS", str(shared / "weights"))


@pytest.mark.usefixtures("no_weights")
def test_absent_weights_are_named_with_their_remedy() -> None:
    for loss, file, name in (
        (Content(), "vgg19-dcbb9e9d.pth", "vgg19"),
        (Content(network="resnet50", layers={"layer3": 1.0}), "resnet50-0676ba61.pth", "resnet50"),
        (PerceptualDistance(), "alexnet-owt-7be5be79.pth", "alexnet"),
    ):
        with pytest.raises(UserError) as caught:
            loss.build(CPU)
        for part in (file, f"esrlab weights get {name}", "MB", "ESRLAB_WEIGHTS", "download.pytorch.org"):
            assert part in str(caught.value)
        assert ("--weights student" in str(caught.value)) == isinstance(loss, Content)


@pytest.mark.usefixtures("real_weights")
def test_partial_weights_serve_the_layers_they_cover_and_refuse_deeper_ones(patches: LossInputs) -> None:
    loss = Content(layers={"conv2_2": 0.5, "conv3_4": 1.0}).build(CPU)
    network, _ = load_feature_network("vgg19", layers=("conv2_2", "conv3_4"))
    with torch.no_grad():
        sr = network(normalise(patches.sr), ("conv2_2", "conv3_4"))
        hr = network(normalise(patches.hr), ("conv2_2", "conv3_4"))
    expected = sum(w * functional.mse_loss(sr[n], hr[n]) for n, w in (("conv2_2", 0.5), ("conv3_4", 1.0)))
    torch.testing.assert_close(loss(patches), expected)
    with pytest.raises(UserError, match=r"vgg19 to conv3_4; conv5_4 is deeper"):
        Content().build(CPU)


@pytest.mark.usefixtures("real_weights")
def test_as_a_loss_lpips_is_the_metrics_mean(patches: LossInputs) -> None:
    loss = PerceptualDistance().build(CPU)
    metric = LPIPS(weights="real").build(CPU)
    assert metric.name == "LPIPS"
    values = [metric.measure(patches.sr[i : i + 1].detach(), patches.hr[i : i + 1]) for i in range(2)]
    value = loss(patches)
    reached = float(value.detach())
    assert reached == pytest.approx(sum(values) / 2, rel=1e-5)
    (gradient,) = torch.autograd.grad(value, patches.sr)
    assert torch.isfinite(gradient).all()
    nearer = (patches.sr - 1e-2 * gradient / gradient.norm()).detach()
    assert float(loss(LossInputs(patches.lr, nearer, patches.hr))) < reached


@pytest.mark.parametrize(("network", "layer"), [("vgg-student", "conv3_4"), ("residual-student", "block4")])
def test_students_are_content_too(patches: LossInputs, network: str, layer: str) -> None:
    loss = Content.model_validate({"network": network, "layers": {layer: 1.0}, "weights": "student"})
    value = loss.build(CPU)(patches)
    (gradient,) = torch.autograd.grad(value, patches.sr)
    assert float(value.detach()) > 0
    assert float(gradient.norm()) > 0
    assert "(student)" in loss.label


def test_the_lpips_student_never_goes_by_the_real_ones_name(patches: LossInputs) -> None:
    metric = LPIPS(weights="student").build(CPU)
    assert metric.name == "LPIPS≈"
    assert not metric.higher_is_better
    assert metric.measure(patches.hr[:1], patches.hr[:1]) == pytest.approx(0, abs=1e-6)
    assert PerceptualDistance(weights="student").label == "LPIPS≈ (student)"


@pytest.mark.parametrize("weights", ["student", "untrained"])
def test_half_precision_outside_leaves_the_comparison_whole(
    weights: FeatureWeights, patches: LossInputs
) -> None:
    loss = PerceptualDistance(weights=weights).build(CPU)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(patches)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(loss(patches).item(), rel=0.05)
