"""Gram, contextual, sliced Wasserstein and FDL against numpy's loops, on features and through networks."""

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from esrlab.losses.contextual import Contextual, contextual_similarity
from esrlab.losses.fdl import FrequencyDistribution
from esrlab.losses.feature_loss import FeatureLoss
from esrlab.losses.gram import Gram
from esrlab.losses.inputs import LossInputs
from esrlab.losses.projections import directions
from esrlab.losses.sliced import SlicedWasserstein

CPU = torch.device("cpu")
LAYERS = {"relu1_1": 0.5, "relu2_1": 2.0}
ALIKE = {"layers": LAYERS, "weights": "untrained"}
LOSSES: list[FeatureLoss] = [
    Gram.model_validate(ALIKE),
    Gram.model_validate({**ALIKE, "criterion": "l1"}),
    Contextual.model_validate(ALIKE),
    SlicedWasserstein.model_validate({**ALIKE, "projections": 5}),
    FrequencyDistribution.model_validate({**ALIKE, "projections": 5, "patch": 2, "phase_weight": 0.5}),
]
Features = dict[str, Tensor]


def draw(*, seed: int = 3) -> tuple[Features, Features]:
    """Features of a batch of two at the two layers, in float64."""
    source = torch.Generator().manual_seed(seed)
    shapes = {"relu1_1": (2, 4, 5, 6), "relu2_1": (2, 6, 3, 4)}
    return tuple(  # pyright: ignore[reportReturnType]
        {name: torch.randn(shape, generator=source, dtype=torch.float64) for name, shape in shapes.items()}
        for _ in range(2)
    )


def by_image(measure: Callable[[np.ndarray, np.ndarray], float], sr: Features, hr: Features) -> float:
    """The weighted sum over layers of the mean over the batch of a distance of (C, H, W) arrays."""
    total = 0.0
    for name, weight in LAYERS.items():
        pairs = zip(sr[name].numpy(), hr[name].numpy(), strict=True)
        total += weight * float(np.mean([measure(one, other) for one, other in pairs]))
    return total


def gram(features: np.ndarray) -> np.ndarray:
    channels, height, width = features.shape
    found = np.zeros((channels, channels))
    for row in range(height):
        for column in range(width):
            found += np.outer(features[:, row, column], features[:, row, column])
    return found / (channels * height * width)


@pytest.mark.parametrize("criterion", ["frobenius", "l1"])
def test_gram_is_its_formula(criterion: str) -> None:
    def measure(one: np.ndarray, other: np.ndarray) -> float:
        apart = gram(one) - gram(other)
        return float(np.abs(apart).mean() if criterion == "l1" else np.linalg.norm(apart) ** 2)

    sr, hr = draw()
    loss = Gram.model_validate({**ALIKE, "criterion": criterion})
    assert loss.compare(sr, hr).item() == pytest.approx(by_image(measure, sr, hr), rel=1e-12)


@pytest.mark.parametrize("bandwidth", [0.1, 0.5])
def test_contextual_is_the_papers_formula(bandwidth: float) -> None:
    def measure(one: np.ndarray, other: np.ndarray) -> float:
        middle = other.reshape(len(other), -1).mean(axis=1, keepdims=True)
        xs, ys = ((features.reshape(len(features), -1) - middle).T for features in (one, other))
        affinity = np.empty((len(xs), len(ys)))
        for i, x in enumerate(xs):
            cosines = [x @ y / (np.linalg.norm(x) + 1e-5) / (np.linalg.norm(y) + 1e-5) for y in ys]
            apart = 1 - np.array(cosines)
            weights = np.exp((1 - apart / (apart.min() + 1e-5)) / bandwidth)
            affinity[i] = weights / weights.sum()
        return -math.log(affinity.max(axis=0).mean())

    sr, hr = draw()
    loss = Contextual.model_validate({**ALIKE, "bandwidth": bandwidth})
    assert loss.compare(sr, hr).item() == pytest.approx(by_image(measure, sr, hr), rel=1e-10)


def test_sliced_wasserstein_is_its_formula() -> None:
    def measure(one: np.ndarray, other: np.ndarray) -> float:
        slices = directions(7, (len(one),), seed=1, like=torch.zeros(1, dtype=torch.float64)).numpy()
        squares = []
        for slice_ in slices:
            values = [
                sorted((slice_ @ features.reshape(len(features), -1)).tolist()) for features in (one, other)
            ]
            squares += [(a - b) ** 2 for a, b in zip(*values, strict=True)]
        return float(np.mean(squares))

    sr, hr = draw()
    loss = SlicedWasserstein.model_validate({**ALIKE, "projections": 7, "seed": 1})
    assert loss.compare(sr, hr).item() == pytest.approx(by_image(measure, sr, hr), rel=1e-12)


def test_fdl_is_its_formula() -> None:
    def slice_(values: np.ndarray) -> np.ndarray:
        filters = directions(4, (len(values), 2, 2), seed=0, like=torch.zeros(1, dtype=torch.float64)).numpy()
        _, height, width = values.shape
        found = [
            [
                (filter_ * values[:, y : y + 2, x : x + 2]).sum()
                for y in range(height - 1)
                for x in range(width - 1)
            ]
            for filter_ in filters
        ]
        return np.sort(found, axis=1)

    def measure(one: np.ndarray, other: np.ndarray) -> float:
        spectra = [np.fft.fft(np.fft.fft(features, axis=-1), axis=-2) for features in (one, other)]
        phases = [np.vectorize(cmath.phase)(np.where(np.abs(s.imag) < 1e-12, s.real, s)) for s in spectra]
        amplitude = np.abs(slice_(np.abs(spectra[0])) - slice_(np.abs(spectra[1]))).mean()
        return amplitude + 0.3 * np.abs(slice_(phases[0]) - slice_(phases[1])).mean()

    sr, hr = draw()
    settings = {"projections": 4, "patch": 2, "phase_weight": 0.3}
    loss = FrequencyDistribution.model_validate({**ALIKE, **settings})
    assert loss.compare(sr, hr).item() == pytest.approx(by_image(measure, sr, hr), rel=1e-10)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_gradients_of_features(loss: FeatureLoss) -> None:
    sr, hr = draw()

    def compare(*features: Tensor) -> Tensor:
        return loss.compare(dict(zip(LAYERS, features, strict=True)), hr)

    inputs = tuple(sr[name].requires_grad_() for name in LAYERS)
    assert torch.autograd.gradcheck(compare, inputs, fast_mode=True)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_gradient_of_the_image(loss: FeatureLoss) -> None:
    source = torch.Generator().manual_seed(5)
    hr = torch.rand(1, 3, 8, 8, generator=source, dtype=torch.float64)
    sr = torch.rand(1, 3, 8, 8, generator=source, dtype=torch.float64).requires_grad_()
    ready = loss.build(CPU)
    ready.network.double()
    assert torch.autograd.gradcheck(lambda sr: ready(LossInputs(hr, sr, hr)), sr, fast_mode=True)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_equal_images_cost_nothing_and_gradients_are_finite_there_and_on_flat_ones(loss: FeatureLoss) -> None:
    hr = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    flat = torch.full_like(hr, 0.5)
    for one, other in ((hr, hr), (flat, flat), (flat, hr), (hr, flat)):
        sr = one.clone().requires_grad_()
        value = loss(sr, other)
        (gradient,) = torch.autograd.grad(value, sr)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()
    if not isinstance(loss, Contextual):
        assert loss(hr, hr).item() == 0
        assert loss(flat, hr).item() > 0


@pytest.mark.parametrize("loss", LOSSES[:4], ids=lambda loss: loss.label)
def test_these_do_not_ask_where_features_are(loss: FeatureLoss) -> None:
    sr, hr = draw()
    moved = {
        name: each.flatten(2)[..., torch.randperm(each[0, 0].numel())].view_as(each)
        for name, each in sr.items()
    }
    assert loss.compare(moved, hr).item() == pytest.approx(loss.compare(sr, hr).item(), rel=1e-10)


def test_fdl_does_not_see_a_cyclic_shift_in_the_amplitudes_alone() -> None:
    sr, _ = draw()
    shifted = {name: each.roll((1, 2), dims=(2, 3)) for name, each in sr.items()}
    loss = FrequencyDistribution.model_validate({**ALIKE, "patch": 2, "phase_weight": 0.0})
    assert loss.compare(shifted, sr).item() == pytest.approx(0, abs=1e-12)
    assert loss.model_copy(update={"phase_weight": 1.0}).compare(shifted, sr).item() > 0.01


def test_a_shift_of_all_features_costs_its_mean_square_along_the_directions() -> None:
    _, hr = draw()
    shift = torch.arange(4.0, dtype=torch.float64)
    loss = SlicedWasserstein(layers={"relu1_1": 1.0}, projections=9, weights="untrained")
    along = directions(9, (4,), seed=0, like=shift) @ shift
    found = loss.compare({"relu1_1": hr["relu1_1"] + shift[:, None, None]}, hr)
    assert found.item() == pytest.approx(along.square().mean().item(), rel=1e-12)


def test_contextual_similarity_lies_between_one_partner_for_all_and_one_for_each() -> None:
    far = torch.eye(6, dtype=torch.float64).view(1, 6, 2, 3)  # six features, none near another
    assert contextual_similarity(far, far, bandwidth=0.1).item() == pytest.approx(1, abs=1e-9)
    alike = far[..., :1, :1].expand(1, 6, 2, 3) + 1e-3 * far
    similarity = contextual_similarity(alike, far, bandwidth=0.01).item()
    assert 1 / 6 - 1e-9 <= similarity < 0.5


def test_directions_are_of_unit_length_and_the_same_for_a_seed() -> None:
    like = torch.zeros(1)
    drawn = directions(5, (3, 2, 2), seed=1, like=like)
    assert drawn.shape == (5, 3, 2, 2)
    torch.testing.assert_close(drawn.square().sum(dim=(1, 2, 3)), torch.ones(5))
    state = torch.random.get_rng_state()
    assert torch.equal(directions(5, (3, 2, 2), seed=1, like=like), drawn)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(directions(5, (3, 2, 2), seed=2, like=like), drawn)


@pytest.mark.parametrize(
    ("loss", "size", "complaint"),
    [
        (Gram(weights="untrained"), 15, r"at least 16×16 px, not 15×15: give larger ones"),
        (
            FrequencyDistribution(weights="untrained"),
            32,
            r"at least 40×40 px.*shallower layers, or a smaller",
        ),
        (
            Contextual(layers={"relu1_1": 1.0}, weights="untrained"),
            65,
            r"at most 4096, and relu1_1 has 65×65",
        ),
    ],
    ids=["gram", "fdl", "contextual"],
)
def test_images_of_wrong_sizes_are_refused_before_anything_is_computed(
    loss: FeatureLoss, size: int, complaint: str
) -> None:
    image = torch.rand(1, 3, size, size)
    with pytest.raises(ValueError, match=complaint):
        loss(image, image)


@pytest.mark.parametrize("kind", [Gram, Contextual, SlicedWasserstein, FrequencyDistribution])
def test_students_stand_in(kind: type[FeatureLoss]) -> None:
    loss = kind().with_weights("student")
    assert "student" in loss.label
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(8))
    sr = image.flip(3).requires_grad_()
    (gradient,) = torch.autograd.grad(loss(sr, image), sr)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


@pytest.mark.parametrize(
    ("kind", "fields", "complaint"),
    [
        (Contextual, {"bandwidth": 0}, "bandwidth"),
        (SlicedWasserstein, {"projections": 0}, "projections"),
        (FrequencyDistribution, {"phase_weight": -1}, "phase_weight"),
        (Gram, {"layers": "relu6_1"}, "vgg19 has no layer 'relu6_1'"),
        (Gram, {"criterion": "l2"}, "criterion"),
    ],
)
def test_ranges(kind: type[FeatureLoss], fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        kind.model_validate(fields)
