"""NIQE's statistics beside another implementation's; its parameters; what it is called."""

import numpy as np
import pytest
import torch
from skimage.data import chelsea
from torch import Tensor

from esrlab.evaluation.metrics.niqe import NIQE, PRISTINE, load_pristine, niqe
from esrlab.evaluation.metrics.niqe_features import fit_aggd, patch_features
from esrlab.evaluation.metrics.pairs import TooSmallError

# Of the upper left 96×96 pixels, by BasicSR 1.4.2's compute_feature on its own normalised luma;
# at the second scale its resize is float32.
GOLDEN = [
    *(1.482, 0.45349731, 0.549, 0.10190425, 0.010787247, 0.035251381, 0.578, 0.054285463, 0.02116273),
    *(0.03677012, 0.557, 0.03934066, 0.020703914, 0.030653365, 0.57, 0.014123584, 0.025347525, 0.029219926),
    *(1.507, 0.52449641, 0.576, 0.10472764, 0.021455854, 0.051215122, 0.57, 0.020394272, 0.033700988),
    *(0.039292684, 0.574, 0.019805399, 0.034580337, 0.040142124, 0.586, -0.030096931, 0.044536824),
    0.035477846,
]


@pytest.fixture(scope="module")
def eye() -> Tensor:
    return torch.from_numpy(chelsea()[:200, :300].copy()).permute(2, 0, 1)[None].float() / 255


def test_features_are_another_implementations(eye: Tensor) -> None:
    features, sharpness = patch_features(eye)
    assert features.shape == (6, 36)
    assert sharpness.shape == (6,)
    assert features[0, :18].tolist() == pytest.approx(GOLDEN[:18], rel=1e-7)
    assert features[0, 18:].tolist() == pytest.approx(GOLDEN[18:], rel=1e-4)


def test_a_gaussian_has_the_shape_two_and_its_own_scales() -> None:
    rng = np.random.default_rng(0)
    drawn = np.abs(rng.normal(size=(2, 100_000)))
    is_left = rng.random(drawn.shape) < 2 / 3  # twice as wide, hence twice as many
    shape, left, right = fit_aggd(torch.from_numpy(np.where(is_left, -2 * drawn, drawn)))
    assert shape.tolist() == pytest.approx([2, 2], abs=0.05)
    assert (left / right).tolist() == pytest.approx([2, 2], abs=0.05)
    assert right.tolist() == pytest.approx([2**0.5] * 2, rel=0.03), "√2·σ is a Gaussian's scale"
    assert fit_aggd(torch.zeros(1, 9))[0].isnan().all()


def test_photographs_are_nearer_than_what_became_of_them(eye: Tensor) -> None:
    clean = niqe(eye, load_pristine()).item()
    assert clean == pytest.approx(1.7934676741, rel=1e-4)
    noise = torch.randn(eye.shape, generator=torch.Generator().manual_seed(0)) * 0.1
    blurred = torch.nn.functional.avg_pool2d(eye, 5, stride=1, padding=2, count_include_pad=False)
    assert niqe((eye + noise).clamp(0, 1), load_pristine()).item() > 2 * clean
    assert niqe(blurred, load_pristine()).item() > clean + 1


def test_the_packaged_parameters_are_a_mean_and_a_covariance() -> None:
    pristine = load_pristine()
    assert PRISTINE.stat().st_size < 30_000
    assert pristine.mean.shape == (36,)
    assert torch.equal(pristine.covariance, pristine.covariance.T)
    assert torch.linalg.eigvalsh(pristine.covariance).min().item() > -1e-9


def test_it_is_told_from_the_published_one_and_refuses_what_has_no_statistics(eye: Tensor) -> None:
    metric = NIQE().build(torch.device("cpu"))
    assert metric.name == "NIQE-esrlab"
    assert "not comparable with published NIQE" in metric.info.convention
    assert metric.info.needs == ()
    with pytest.raises(TooSmallError, match="less than 2 whole patches"):
        metric.measure(eye[..., :190, :190], eye[..., :190, :190])
    with pytest.raises(TooSmallError, match="flat"):
        metric.measure(torch.full_like(eye, 0.5), eye)
