"""Mean and spread over seeds: each seed's mean over images first, then mean and spread of those."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from esrlab.scores import Score


@dataclass(frozen=True)
class Spread:
    """Mean over seeds and sample standard deviation between seeds (None with one seed, none trained,
    or an infinite mean)."""

    mean: float
    sd: float | None
    seeds: int


@dataclass(frozen=True)
class Series:
    """What one spread is about."""

    benchmark: str
    scale: int
    recipe: str
    metric: str


def spreads(scores: Iterable[Score]) -> dict[Series, Spread]:
    """Mean ± sd over seeds for every benchmark, scale, recipe and metric in the rows.

    A seed's value is its mean over the benchmark's images; the sd is between seeds (n − 1), not images.
    """
    values: dict[Series, dict[int | None, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        series = Series(score.image.split("/", 1)[0], score.scale, score.recipe, score.metric)
        values[series][score.seed].append(score.value)
    return {series: _spread(by_seed) for series, by_seed in values.items()}


def _spread(by_seed: dict[int | None, list[float]]) -> Spread:
    means = [statistics.fmean(values) for values in by_seed.values()]
    is_finite = all(math.isfinite(mean) for mean in means)
    sd = statistics.stdev(means) if len(means) > 1 and is_finite else None
    return Spread(mean=statistics.fmean(means), sd=sd, seeds=len(means))
