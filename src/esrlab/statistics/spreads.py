"""Mean, spread and interval over seeds: each seed's mean over images first, then mean and spread of those."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from esrlab.core.scores import Score
from esrlab.statistics.bootstrap import Array, crossed_intervals
from esrlab.statistics.inference import FLAT

Interval = tuple[float, float]

_Pairs = Mapping[int | None, Sequence[tuple[str, float]]]
"""A series' values, each with its image, by seed."""


@dataclass(frozen=True)
class Spread:
    """Mean over seeds and sample standard deviation between seeds (None with one seed, none trained,
    or an infinite mean).

    images: how many any seed scored. interval: 95%, of the mean over seeds and images, both taken for
    samples; None where there is no sd, the seeds do not vary (they are no separate trainings), or did not
    score the same images.
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
    intervals = _intervals(values)
    return {series: _spread(by_seed, intervals.get(series)) for series, by_seed in values.items()}


def _spread(by_seed: _Pairs, interval: Interval | None) -> Spread:
    means = [statistics.fmean(value for _, value in pairs) for pairs in by_seed.values()]
    is_finite = all(math.isfinite(mean) for mean in means)
    sd = statistics.stdev(means) if len(means) > 1 and is_finite else None
    images = len({image for pairs in by_seed.values() for image, _ in pairs})
    return Spread(statistics.fmean(means), sd, seeds=len(means), images=images, interval=interval)


def _intervals(values: Mapping[Series, _Pairs]) -> dict[Series, Interval]:
    """The intervals of all series that can have one; those of equal shape are reckoned together."""
    alike: dict[tuple[int, ...], dict[Series, Array]] = defaultdict(dict)
    for series, by_seed in values.items():
        table = _table(by_seed)
        if table is not None:
            alike[table.shape][series] = table
    found: dict[Series, Interval] = {}
    for tables in alike.values():
        low, high = crossed_intervals([np.stack(list(tables.values()))], [1.0])
        bounds = zip(low.tolist(), high.tolist(), strict=True)
        found |= dict(zip(tables, bounds, strict=True))
    return found


def _table(by_seed: _Pairs) -> Array | None:
    """The values, (seeds, images), where an interval of their mean can be drawn from them."""
    ordered = [sorted(pairs) for _, pairs in sorted(by_seed.items(), key=lambda item: str(item[0]))]
    images = {tuple(image for image, _ in pairs) for pairs in ordered}
    if len(ordered) < 2 or len(images) > 1:
        return None
    table = np.array([[value for _, value in pairs] for pairs in ordered], dtype=np.float64)
    if not np.isfinite(table).all() or table.mean(axis=1).std(ddof=1) <= FLAT * np.abs(table).max():
        return None
    return table
