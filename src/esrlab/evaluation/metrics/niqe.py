"""NIQE with parameters of its own: how far an image's statistics are from those of pristine photographs."""

from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import torch
from pydantic import TypeAdapter
from torch import Tensor

from esrlab.core.metrics import MetricInfo
from esrlab.core.text_files import read_json
from esrlab.evaluation.metrics.inputs import Metric, MetricInputs, MetricPart
from esrlab.evaluation.metrics.niqe_features import FEATURES, PATCH, patch_features
from esrlab.evaluation.metrics.pairs import TooSmallError, check_image

PRISTINE = Path(__file__).with_name("niqe_pristine.json")
"""The parameters, made by research/niqe/fit.py."""

FEWEST_PATCHES = 2
"""Patches that a covariance takes."""


@dataclass(frozen=True)
class Pristine:
    """Mean (36,) and covariance (36, 36) of the features of pristine photographs' sharp patches."""

    mean: Tensor
    covariance: Tensor


@dataclass(frozen=True)
class _Stored:
    mean: list[float]
    covariance: list[float]


_STORED = TypeAdapter(_Stored)


@lru_cache(maxsize=1)
def load_pristine() -> Pristine:
    """The packaged parameters; UserError where the file is damaged."""
    stored = read_json(PRISTINE, _STORED)
    rows, columns = torch.triu_indices(FEATURES, FEATURES)
    upper = torch.zeros(FEATURES, FEATURES, dtype=torch.float64)
    upper[rows, columns] = torch.tensor(stored.covariance, dtype=torch.float64)
    return Pristine(torch.tensor(stored.mean, dtype=torch.float64), upper + upper.triu(1).T)


def niqe(image: Tensor, pristine: Pristine) -> Tensor:
    """The distance of an image's statistics from pristine photographs', (1,) float64; smaller is better.

    (1, 3, H, W) RGB in [0, 1], at least two whole patches of 96×96 pixels; flat patches do not count.
    √(dᵀ ((Σ₁ + Σ₂)/2)⁺ d), where d is the difference of the features' means and Σ their covariances. 0 is
    never reached; photographs have about 2 to 6. ValueError: another image; TooSmallError: fewer patches.
    Source: Mittal, Soundararajan & Bovik 2013, eq. 10.
    """
    check_image(image, name="sr")
    height, width = image.shape[-2:]
    if (height // PATCH) * (width // PATCH) < FEWEST_PATCHES:
        raise TooSmallError(
            f"an image of {height}×{width} pixels (height×width) has less than {FEWEST_PATCHES} whole "
            f"patches of {PATCH}×{PATCH}: take a larger one"
        )
    features, _ = patch_features(image)
    features = features[features.isfinite().all(dim=1)]
    if len(features) < FEWEST_PATCHES:
        raise TooSmallError("it is flat in all patches but one, or in all: it has no statistics")
    difference = features.mean(dim=0) - pristine.mean
    spread = (torch.cov(features.T) + pristine.covariance) / 2
    return (difference @ torch.linalg.pinv(spread, hermitian=True) @ difference).sqrt().reshape(1)


class NIQE(MetricPart):
    """NIQE with re-estimated parameters, [0, ∞), smaller is better: `niqe` has the formula. Of sr alone.

    Not the published NIQE, whose parameters come from 125 photographs that are not at hand: this one's come
    from 242 others by the same procedure, and values of the two are not to be compared (docs/metrics.md has
    both on the same images). Images below 96×192 pixels have no value.
    """

    kind: Literal["niqe"] = "niqe"

    @property
    def info(self) -> MetricInfo:
        return MetricInfo(
            id="NIQE-esrlab",
            family="NIQE-esrlab",
            higher_is_better=False,
            decimals=3,
            needs=(),
            convention="NIQE's formula with parameters estimated anew from other pristine photographs, not "
            "comparable with published NIQE values; of the generated image alone, on BT.601 luma, no border "
            "left out; images of less than two patches of 96 pixels have none",
            role="perception",
            is_primary=True,
        )

    def build(self, device: torch.device) -> Metric:
        return Metric(self.info, partial(_measure, load_pristine()))


def _measure(pristine: Pristine, inputs: MetricInputs) -> float:
    return niqe(inputs.sr, pristine).item()
