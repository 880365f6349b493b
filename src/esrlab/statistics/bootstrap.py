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


def grouped_intervals(
    values: Array, groups: Sequence[str], *, draws: int = DRAWS
) -> tuple[Array, Array, Array]:
    """Mean over images, and the bounds of its 95% interval, of many columns at once: (I, …) -> three (…).

    `groups` names each image's photograph, and photographs are drawn, each with all of its images: crops of
    one are no independent samples. nan is an image without a value; it is left out. Widened about the mean by
    √(G/(G − 1)) for G photographs, as above; bounds are nan where a column has values from fewer than two.
    """
    names = list(dict.fromkeys(groups))
    columns = values.reshape(len(values), -1)
    member = np.array([[name == group for group in groups] for name in names], dtype=np.float64)
    present = ~np.isnan(columns)
    counts = member @ present.astype(np.float64)
    sums = member @ np.where(present, columns, 0.0)
    (drawn,) = _draw(draws, len(names))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums.sum(axis=0) / counts.sum(axis=0)
        estimates = (drawn @ sums) / (drawn @ counts)  # nan where a draw has none of a column's images
        low, high = _bounds(estimates)
        having = (counts > 0).sum(axis=0)
        widening = np.sqrt(having / np.where(having > 1, having - 1, np.nan))
    shape = values.shape[1:]
    found = means, means + (low - means) * widening, means + (high - means) * widening
    return found[0].reshape(shape), found[1].reshape(shape), found[2].reshape(shape)


def _bounds(estimates: Array) -> tuple[Array, Array]:
    """The percentiles of each column's draws; nan among them is passed over, as far as anything is left."""
    low, high = np.percentile(estimates, BOUNDS, axis=0)
    for column in np.flatnonzero(np.isnan(low)):
        found = estimates[:, column]
        found = found[~np.isnan(found)]
        if len(found):
            low[column], high[column] = np.percentile(found, BOUNDS)
    return low, high


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
