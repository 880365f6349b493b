"""Intervals by a bootstrap of seeds and images, crossed: the same images are drawn for every seed.

Images are the same in every seed, so they are no level below the seeds: a draw takes seeds and, apart from
them, images, and every drawn seed is evaluated on the drawn images (Owen 2007, "The pigeonhole bootstrap").
Drawing images anew within each seed would treat them as independent, and the part of the spread that is
between images would shrink with the seeds. docs/statistics.md has both, measured.
"""

import functools
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
    low, high = crossed_intervals(groups, weights, draws=draws)
    return float(low), float(high)


def crossed_intervals(
    groups: Sequence[Array], weights: Sequence[float], *, draws: int = DRAWS
) -> tuple[Array, Array]:
    """Lower and upper bounds of many such intervals at once, from the same draws: groups are (..., S, I)."""
    images = groups[0].shape[-1]
    drawn, *chosen = _draw(draws, images, *(group.shape[-2] for group in groups))
    estimates = np.zeros((*groups[0].shape[:-2], draws))
    for group, weight, seeds in zip(groups, weights, chosen, strict=True):
        for index in range(group.shape[-2]):
            estimates += weight * seeds[:, index] * (group[..., index, :] @ drawn.T)
    centre = sum(
        (weight * group.mean(axis=(-2, -1)) for group, weight in zip(groups, weights, strict=True)),
        start=np.float64(0),
    )
    fewest = min((group.shape[-2] for group in groups if group.shape[-2] > 1), default=2)
    low, high = np.percentile(estimates, BOUNDS, axis=-1)
    widening = math.sqrt(fewest / (fewest - 1))
    return np.asarray(centre + (low - centre) * widening), np.asarray(centre + (high - centre) * widening)


@functools.lru_cache(maxsize=8)
def _draw(draws: int, *sizes: int) -> tuple[Array, ...]:
    """For each size the parts that its members have in each draw, (draws, members), from a fixed seed.

    A draw takes as many members as there are, with replacement. The arrays are shared and read-only.
    """
    rng = np.random.default_rng(0)
    found = [rng.multinomial(size, np.full(size, 1 / size), size=draws) / size for size in sizes]
    for parts in found:
        parts.setflags(write=False)
    return tuple(found)
