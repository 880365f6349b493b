"""Mean, spread and interval over seeds: each seed's mean over images first, then mean and spread of those."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from esrlab.core.scores import Score
from esrlab.statistics.inference import t_test

Interval = tuple[float, float]


@dataclass(frozen=True)
class Spread:
    """Mean over seeds and sample standard deviation between seeds (None with one seed, none trained,
    or an infinite mean).

    images: how many any seed scored. interval: 95%, of the mean over seeds on these images, by t
    (mean ± t·sd/√S); None where there is no sd, the seeds do not vary (they are no separate trainings), or
    did not score the same images.
    """

    mean: float
    sd: float | None
    seeds: int
    images: int
    interval: Interval | None = None


@dataclass(frozen=True)
class Series:
    """What one spread is about."""

    benchmark: str
    scale: int
    recipe: str
    metric: str


def spreads(scores: Iterable[Score]) -> dict[Series, Spread]:
    """Mean ± sd over seeds, and interval, for every benchmark, scale, recipe and metric in the rows.

    A seed's value is its mean over the benchmark's images; the sd is between seeds (n − 1), not images.
    """
    values: dict[Series, dict[int | None, list[tuple[str, float]]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        series = Series(score.image.split("/", 1)[0], score.scale, score.recipe, score.metric)
        values[series][score.seed].append((score.image, score.value))
    return {series: _spread(list(by_seed.values())) for series, by_seed in values.items()}


def _spread(seeds: Sequence[Sequence[tuple[str, float]]]) -> Spread:
    """Of each seed's images and values."""
    means = [statistics.fmean(value for _, value in pairs) for pairs in seeds]
    has_sd = len(means) > 1 and all(math.isfinite(mean) for mean in means)
    images = [frozenset(image for image, _ in pairs) for pairs in seeds]
    return Spread(
        statistics.fmean(means),
        statistics.stdev(means) if has_sd else None,
        seeds=len(means),
        images=len(frozenset.union(*images)),
        interval=_interval(means) if has_sd and len(set(images)) == 1 else None,
    )


def _interval(means: Sequence[float]) -> Interval | None:
    tested = t_test([np.array(sorted(means))], [1.0])
    low, high = map(float, tested.interval())
    return None if math.isnan(low) else (low, high)
