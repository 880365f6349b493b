"""LPIPS on VGG16 and DISTS beside their authors' packages, on the same weights."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from esrlab.errors import UserError
from esrlab.models.features.dists import CHANNELS, DISTSNetwork, compare_stages
from esrlab.models.features.imagenet import build_feature_network, make_untrained
from esrlab.models.features.lpips import LPIPS_FORMS, LPIPSNetwork
from esrlab.models.features.vgg import L2Pool, vgg_layers
from esrlab.models.lpips_choice import build_lpips


def wave(length: int, *, start: float) -> Tensor:
    """Weights in (0, 1) that any program can make anew."""
    return torch.tensor([0.5 + 0.45 * math.sin(start + 1.7 * i) for i in range(length)])


@pytest.fixture(scope="module")
def features() -> dict[str, Tensor]:
    network = build_feature_network("vgg16", layers=["pool5"])
    make_untrained(network, seed=3)
    return network.state_dict()


@pytest.fixture(scope="module")
def lpips(features: dict[str, Tensor]) -> LPIPSNetwork:
    network = LPIPSNetwork("vgg")
    heads = {
        f"lin{i}.model.1.weight": wave(width, start=i).view(1, -1, 1, 1)
        for i, width in enumerate(LPIPS_FORMS["vgg"].widths)
    }
    network.fill(features=features, heads=heads)
    return network.double()


@pytest.fixture(scope="module")
def dists(features: dict[str, Tensor]) -> DISTSNetwork:
    network = DISTSNetwork()
    weights = {"alpha": wave(1475, start=0).view(1, -1, 1, 1), "beta": wave(1475, start=2).view(1, -1, 1, 1)}
    network.fill(features=features, weights=weights)
    return network.double()


def pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    phases = torch.tensor([0.0, 1.0, 2.5], dtype=torch.float64).view(3, 1, 1)
    hr = 0.5 + 0.25 * torch.sin(rows / 3 + phases) + 0.2 * torch.cos(columns / 2 - 2 * phases)
    sr = (hr + 0.1 * torch.sin(rows * columns / 5)).clamp(0, 1)
    return sr[None], hr.clamp(0, 1)[None]


# By lpips 0.1.4 and DISTS_pytorch 0.1 in float64, with torchvision's VGG16 filled with the fixtures' weights.
GOLDEN = {
    (64, 64): (0.07913729623550661, 0.016171012704244703),
    (33, 47): (0.08286251025656398, 0.01693209691424613),
    (16, 40): (0.08499662382304429, 0.01747617663986767),
}


@pytest.mark.parametrize("size", GOLDEN)
def test_values_are_those_of_the_authors_packages(
    size: tuple[int, int], lpips: LPIPSNetwork, dists: DISTSNetwork
) -> None:
    expected_lpips, expected_dists = GOLDEN[size]
    assert float(lpips(*pair(*size))) == pytest.approx(expected_lpips, rel=1e-5)
    assert float(dists(*pair(*size))) == pytest.approx(expected_dists, rel=1e-5)


def test_equal_images_have_no_distance_and_the_order_does_not_matter(
    lpips: LPIPSNetwork, dists: DISTSNetwork
) -> None:
    sr, hr = pair(24, 24)
    for network in (lpips, dists):
        assert float(network(hr, hr)) == 0
        assert float(network(sr, hr)) == pytest.approx(float(network(hr, sr)), rel=1e-12)


def test_dists_written_out_as_in_the_paper() -> None:
    draw = np.random.default_rng(4)
    sr = [draw.random((2, channels, 3, 4)) for channels in (3, 5)]
    hr = [draw.random((2, channels, 3, 4)) for channels in (3, 5)]
    alpha, beta = ([draw.random(channels) for channels in (3, 5)] for _ in range(2))
    total = sum(weights.sum() for weights in alpha + beta)
    expected = np.ones(2)
    for x, y, a, b in zip(sr, hr, alpha, beta, strict=True):
        for image in range(2):
            for channel in range(x.shape[1]):
                one, other = x[image, channel], y[image, channel]
                mean, mean_other = one.mean(), other.mean()
                covariance = ((one - mean) * (other - mean_other)).mean()
                texture = (2 * mean * mean_other + 1e-6) / (mean**2 + mean_other**2 + 1e-6)
                structure = (2 * covariance + 1e-6) / (one.var() + other.var() + 1e-6)
                expected[image] -= (a[channel] * texture + b[channel] * structure) / total

    def tensors(arrays: list[np.ndarray]) -> list[Tensor]:
        return list(map(torch.from_numpy, arrays))

    value = compare_stages(tensors(sr), tensors(hr), tensors(alpha), tensors(beta))
    torch.testing.assert_close(value, torch.from_numpy(expected), rtol=1e-12, atol=1e-14)


def test_dists_of_stages_that_run_against_each_other_is_above_1() -> None:
    wave = torch.tensor([1.0, -1.0]).view(1, 1, 1, 2)
    none, all_ = [torch.zeros(1)], [torch.ones(1)]
    assert float(compare_stages([wave], [-wave], none, all_)) == pytest.approx(2, abs=1e-5)
    assert float(compare_stages([wave + 1], [wave + 1], all_, all_)) == 0


def test_l2_pooling_is_a_hann_window_over_squares() -> None:
    features = torch.rand(1, 2, 5, 6, dtype=torch.float64)
    window = np.hanning(5)[1:-1]
    window = np.outer(window, window) / window.sum() ** 2
    padded = np.pad(features[0].numpy() ** 2, ((0, 0), (1, 1), (1, 1)))
    pooled = L2Pool().double()(features)
    assert pooled.shape == (1, 2, 3, 3)
    for row in range(3):
        for column in range(3):
            seen = padded[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            expected = np.sqrt((seen * window).sum(axis=(1, 2)) + 1e-12)
            np.testing.assert_allclose(pooled[0, :, row, column].numpy(), expected, rtol=1e-12)


def test_gradients_are_finite_where_images_are_equal_or_flat(
    lpips: LPIPSNetwork, dists: DISTSNetwork
) -> None:
    hr = pair(16, 16)[1]
    flat = torch.full_like(hr, 0.5)
    for network in (lpips, dists):
        for target in (hr, flat):
            sr = target.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(network(sr, target).sum(), sr)
            assert torch.isfinite(gradient).all()
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_small_images_and_other_weights_are_refused(
    lpips: LPIPSNetwork, dists: DISTSNetwork, features: dict[str, Tensor]
) -> None:
    small = torch.rand(1, 3, 20, 15, dtype=torch.float64)
    with pytest.raises(ValueError, match="VGG16 needs images of at least 16×16 pixels, got 20×15"):
        lpips(small, small)
    with pytest.raises(ValueError, match="DISTS needs images of at least 16×16 pixels, got 20×15"):
        dists(small, small)
    with pytest.raises(UserError, match=r"LPIPS heads for VGG16: lin0\.model\.1\.weight"):
        LPIPSNetwork("vgg").fill(features=features, heads={})
    with pytest.raises(UserError, match="not DISTS's weights: beta is missing or of another shape"):
        DISTSNetwork().fill(features=features, weights={"alpha": torch.ones(1, 1475, 1, 1)})


def test_the_taps_are_the_last_activations_of_vgg16s_blocks(dists: DISTSNetwork) -> None:
    names = vgg_layers(16)
    for name, width in zip(LPIPS_FORMS["vgg"].taps, LPIPS_FORMS["vgg"].widths, strict=True):
        assert names[names.index(name) + 1].startswith("pool")
        assert width in CHANNELS
    assert [stage.shape[1] for stage in dists.measure(pair(16, 16)[0])] == list(CHANNELS)


def test_an_untrained_lpips_is_the_same_every_time() -> None:
    sr, hr = (image.float() for image in pair(32, 32))
    for base in ("alex", "vgg"):
        values = [float(build_lpips("untrained", network=base)(sr, hr)) for _ in range(2)]
        assert values[0] == values[1] > 0
