"""Intervals by a bootstrap of seeds and images, crossed: the same images are drawn for every seed.

Images are the same in every seed, so they are no level below the seeds: a draw takes seeds and, apart from
them, images, and every drawn seed is judged on the drawn images (Owen 2007, "The pigeonhole bootstrap").
Drawing images anew within each seed would treat them as independent, and the part of the spread that lies
between images would shrink with the seeds. docs/statistics.md has both, measured.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DRAWS = 4000
"""Resamples of an interval."""

BOUNDS = (2.5, 97.5)
"""Percentiles that bound an interval."""


def crossed_interval(
    groups: Sequence[Array], weights: Sequence[float], *, draws: int = DRAWS
) -> tuple[float, float]:
    """95% interval of Σ weight·mean(group), widened about the estimate by √(S/(S − 1)) for S seeds.

    Without the widening, percentiles take S seeds' spread for the population's and are too narrow (Hesterberg
    2015, "What teachers should know about the bootstrap"); S is the smallest group's. Draws come from a fixed
    seed, so equal values give equal intervals.

    groups: each (S, I), of independent trainings, on the same I images; a group of one row is a constant.
    """
    rng = np.random.default_rng(0)
    images = groups[0].shape[1]
    drawn = _counts(rng, draws, images) / images
    estimates = np.zeros(draws)
    for group, weight in zip(groups, weights, strict=True):
        seeds = _counts(rng, draws, group.shape[0]) / group.shape[0]
        estimates += weight * ((seeds @ group) * drawn).sum(axis=1)
    centre = sum(weight * group.mean() for group, weight in zip(groups, weights, strict=True))
    fewest = min((group.shape[0] for group in groups if group.shape[0] > 1), default=2)
    low, high = np.percentile(estimates, BOUNDS)
    widening = math.sqrt(fewest / (fewest - 1))
    return float(centre + (low - centre) * widening), float(centre + (high - centre) * widening)


def _counts(rng: np.random.Generator, draws: int, members: int) -> Array:
    """How often each member is drawn, (draws, members), in as many draws with replacement as there are."""
    return rng.multinomial(members, np.full(members, 1 / members), size=draws).astype(np.float64)
