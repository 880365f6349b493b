"""DISTS as a loss: the network's distance, its target measured once, the weights it asks for."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from esrlab.errors import UserError
from esrlab.losses.dists import DISTS
from esrlab.losses.inputs import FeatureWeights, LossInputs
from esrlab.models.dists_choice import build_dists, has_real_dists
from esrlab.models.features.dists import DISTSNetwork, DISTSOnStudent

CPU = torch.device("cpu")
WITHOUT_FILES: tuple[FeatureWeights, ...] = ("student", "untrained")


def draw(side: int, *, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(9)
    hr = torch.rand(2, 3, side, side, generator=source, dtype=dtype)
    return (hr + 0.1 * torch.randn(hr.shape, generator=source, dtype=dtype)).requires_grad_(), hr


@pytest.mark.parametrize("weights", WITHOUT_FILES)
def test_the_loss_is_the_mean_of_the_networks_distances(weights: FeatureWeights) -> None:
    sr, hr = draw(32)
    assert DISTS(weights=weights)(sr, hr).item() == pytest.approx(build_dists(weights)(sr, hr).mean().item())


def test_on_the_student_image_and_layer_count_by_their_channels() -> None:
    sr, hr = draw(20)
    network = build_dists("student")
    assert isinstance(network, DISTSOnStudent)
    stages = [network.measure(image.detach()) for image in (sr, hr)]
    assert [stage.shape[1] for stage in stages[0]] == [3, 256]
    total = torch.zeros(2)
    for x, y in zip(*stages, strict=True):
        mx, my = x.mean((2, 3)), y.mean((2, 3))
        covariance = (x * y).mean((2, 3)) - mx * my
        total += ((2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)).sum(1)
        spread = x.var((2, 3), correction=0) + y.var((2, 3), correction=0)
        total += ((2 * covariance + 1e-6) / (spread + 1e-6)).sum(1)
    torch.testing.assert_close(network(sr, hr), 1 - total / (2 * 259), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weights", WITHOUT_FILES)
def test_gradient(weights: FeatureWeights) -> None:
    sr, hr = draw(16, dtype=torch.float64)
    network = build_dists(weights).double()
    assert torch.autograd.gradcheck(lambda sr: network(sr, hr), sr, fast_mode=True)


@pytest.mark.parametrize("weights", WITHOUT_FILES)
def test_equal_images_cost_nothing_and_gradients_are_finite_there_and_on_flat_ones(
    weights: FeatureWeights,
) -> None:
    _, hr = draw(16)
    flat = torch.full_like(hr, 0.5)
    for one, other in ((hr, hr), (flat, flat), (flat, hr)):
        sr = one.clone().requires_grad_()
        value = DISTS(weights=weights)(sr, other)
        (gradient,) = torch.autograd.grad(value, sr)
        assert torch.isfinite(gradient).all()
        assert (value.item() == 0) == (one is other)


def test_the_target_is_measured_once_and_without_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    with_graph: list[bool] = []
    measure = DISTSNetwork.measure

    def note(network: DISTSNetwork, image: Tensor) -> list[Tensor]:
        stages = measure(network, image)
        with_graph.append(stages[1].requires_grad)
        return stages

    monkeypatch.setattr(DISTSNetwork, "measure", note)
    sr, hr = draw(16)
    loss, views = DISTS(weights="untrained").build(CPU), LossInputs(hr, sr, hr)
    assert loss(views) == loss(views)
    assert sorted(with_graph) == [False, True, True]


def test_half_precision_outside_leaves_the_comparison_whole() -> None:
    sr, hr = draw(32)
    loss = DISTS(weights="untrained")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(sr, hr)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(loss(sr, hr).item(), rel=0.1)


def test_absent_weights_are_named_with_their_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESRLAB_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert DISTS().needs == ("vgg16", "dists")
    assert not has_real_dists()
    with pytest.raises(UserError, match=r"esrlab weights get vgg16.*--weights student"):
        DISTS().build(CPU)


def test_small_images_are_refused() -> None:
    small = torch.rand(1, 3, 15, 20)
    with pytest.raises(ValueError, match="needs images of at least 16×16 px, not 15×20"):
        DISTS(weights="untrained")(small, small)
