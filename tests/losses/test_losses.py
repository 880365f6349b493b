"""What holds for every loss of a recipe: found by its kind, JSON both ways, frozen, strict."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from esrlab.losses.any_loss import AnyLoss
from esrlab.losses.colour import BlurredColour, Chroma
from esrlab.losses.consistency import Consistency
from esrlab.losses.content import Content
from esrlab.losses.contextual import Contextual
from esrlab.losses.custom import Custom
from esrlab.losses.dists import DISTS
from esrlab.losses.edges import GradientVariance, SobelGradient
from esrlab.losses.fdl import FrequencyDistribution
from esrlab.losses.focal_frequency import FocalFrequency
from esrlab.losses.fourier import FourierAmplitudePhase
from esrlab.losses.gram import Gram
from esrlab.losses.inputs import Loss
from esrlab.losses.laplacian import LaplacianPyramid
from esrlab.losses.ldl import LDL
from esrlab.losses.lpips import PerceptualDistance
from esrlab.losses.pixel import L1, MSE, Charbonnier, Huber
from esrlab.losses.sliced import SlicedWasserstein
from esrlab.losses.structure import MSSSIM, SSIM
from esrlab.losses.variation import TotalVariation
from esrlab.losses.wavelet import StationaryWavelet
from esrlab.models.weights.catalogue import CATALOGUE

ADAPTER: TypeAdapter[AnyLoss] = TypeAdapter(AnyLoss)
LOSSES: list[Loss] = [
    L1(),
    MSE(),
    Charbonnier(),
    Charbonnier(epsilon=1e-6),
    Huber(),
    Huber(delta=0.01),
    SSIM(),
    SSIM(window=7, sigma=1.0, channel="y"),
    MSSSIM(),
    MSSSIM(scales=3),
    SobelGradient(),
    SobelGradient(criterion="mse"),
    GradientVariance(),
    GradientVariance(patch=4),
    LaplacianPyramid(),
    LaplacianPyramid(levels=2),
    FourierAmplitudePhase(),
    FourierAmplitudePhase(phase=0),
    FocalFrequency(),
    FocalFrequency(alpha=0.5, patch_factor=2),
    StationaryWavelet(),
    StationaryWavelet(wavelet="haar", levels=2, ll=0),
    TotalVariation(),
    TotalVariation(beta=1.0),
    Content(),
    Content(weights="untrained"),
    Content(weights="student", network="vgg-student", layers={"conv3_4": 1.0}),
    PerceptualDistance(),
    PerceptualDistance(weights="student"),
    PerceptualDistance(network="vgg"),
    PerceptualDistance(network="vgg", weights="untrained"),
    DISTS(),
    DISTS(weights="student"),
    Gram(),
    Gram(network="vgg16", layers={"relu3_3": 1.0}, criterion="l1"),
    Contextual(),
    Contextual(bandwidth=0.1),
    SlicedWasserstein(),
    SlicedWasserstein(projections=8, weights="untrained"),
    FrequencyDistribution(),
    FrequencyDistribution(patch=3, phase_weight=0.5, projections=16),
    LDL(),
    LDL(window=5),
    BlurredColour(),
    BlurredColour(window=9, variance=2.0),
    Chroma(),
    Consistency(),
    Consistency(criterion="mse"),
    Content(network="resnet50", layers={"layer2": 0.5, "layer3": 1.0}, criterion="l1"),
    Custom(file=Path("my/losses.py"), function="edges"),
    Custom.model_validate({"file": "my/losses.py", "function": "edges", "eps": 0.1, "mode": "x", "on": True}),
]


def test_every_kind_is_tried_here() -> None:
    assert {type(loss) for loss in LOSSES} == set(get_args(get_args(AnyLoss)[0]))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_json_both_ways(loss: Loss) -> None:
    text = loss.model_dump_json()
    assert '"kind"' in text
    again = ADAPTER.validate_json(text)
    assert again == loss
    assert type(again) is type(loss)
    assert ADAPTER.dump_json(again).decode() == text


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.label)
def test_losses_are_frozen_and_refuse_unknown_fields(loss: Loss) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        loss.kind = "other"  # pyright: ignore[reportAttributeAccessIssue]
    wrong = [1] if isinstance(loss, Custom) else 1  # a custom loss takes further fields, but no lists
    with pytest.raises(ValidationError, match="wieght"):
        type(loss).model_validate({**loss.model_dump(), "wieght": wrong})


def test_losses_that_need_weights_say_so_and_run_on_others() -> None:
    for loss in LOSSES:
        assert set(loss.needs) <= {record.name for record in CATALOGUE}
        if loss.needs:
            assert loss.with_weights("untrained").needs == loss.with_weights("student").needs == ()
        untrained = loss.with_weights("untrained") if loss.needs else loss
        assert ("untrained" in untrained.label) == (untrained != loss or "untrained" in loss.label)


def test_labels_tell_losses_apart() -> None:
    labels = [loss.label for loss in LOSSES if loss != Charbonnier(epsilon=1e-6)]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("fields", [{}, {"kind": "l3"}])
def test_missing_and_unknown_kinds_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="kind"):
        ADAPTER.validate_python(fields)
