"""Score rows -> comparisons: per-seed means, a difference, its interval, its test."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from esrlab.core.metrics import BUILT_IN, KnownMetrics
from esrlab.core.scores import Score
from esrlab.statistics.bootstrap import crossed_interval
from esrlab.statistics.inference import Array, hedges_g, seeds_needed, t_test


class Cell(NamedTuple):
    """Where values are: one recipe at one scale in one metric."""

    recipe: str
    scale: int
    metric: str


Rows = Mapping[Cell, Mapping[int | None, Mapping[str, float]]]
"""Values by cell, seed and image; the seed is None where nothing was trained."""


LEAST_SHARED = 3
"""Seeds that all have to share, at least, for others to be left out so that these can be paired."""

SHARED_PART = 0.75
"""The part of the most seeds that any has run, which all have to share for that."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What rows say about Σ weight·cell, which for two recipes is first − second, in the metric's own unit.

    difference: of the means over seeds and images; p: two-sided, of per-seed means, before Holm; interval:
    the 95% interval of that same test. bootstrap: beside it, over seeds and images (`crossed_interval`).
    effect: Hedges' g, in `effect_of` (d_z: standard deviations of the per-seed
    differences, where paired; d: root mean square of the recipes' own). seeds: of each trained cell;
    `unshared`: seeds that do not count, since not all ran them. images: how many count; `left_out`: how many
    were not scored by all; `not_finite`: how many had a value that is infinite (equal images) or no number.
    needed_seeds: in all, for 80% power at 5% before Holm, more than there are; None for more than 100.
    untested: why there is no p, no interval, no effect.
    """

    cells: tuple[tuple[float, Cell], ...]
    difference: float
    seeds: tuple[int, ...]
    unshared: int
    images: int
    left_out: int
    not_finite: int
    paired: bool
    interval: tuple[float, float] | None = None
    bootstrap: tuple[float, float] | None = None
    p: float | None = None
    effect: float | None = None
    effect_of: str = ""
    needed_seeds: int | None = None
    untested: str = ""


def gather(scores: Iterable[Score]) -> Rows:
    """Rows by cell, seed and image."""
    found: dict[Cell, dict[int | None, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for score in scores:
        found[Cell(score.recipe, score.scale, score.metric)][score.seed][score.image] = score.value
    return found


def compare(
    rows: Rows, first: str, second: str, *, scale: int, metric: str, known: KnownMetrics = BUILT_IN
) -> Comparison:
    """`first` − `second` at a scale in a metric (a full label such as PSNR-Y/4); both must be in the rows."""
    cells = ((1.0, Cell(first, scale, metric)), (-1.0, Cell(second, scale, metric)))
    return contrast(rows, cells, known=known)


def contrast(
    rows: Rows, cells: Sequence[tuple[float, Cell]], *, known: KnownMetrics = BUILT_IN
) -> Comparison:
    """Σ weight·cell over the images that all of them scored; every cell must be in the rows.

    Where all trained cells ran the same seeds, which then share photographs' order and initial weights, the
    contrast is formed within each seed and tested paired; otherwise the cells count as independent (Welch).
    Seeds that only some ran, up to a quarter, do not count: a run that failed or is still to come costs its
    seed, not the pairing.
    """
    rows, paired, unshared = _shared_seeds(rows, cells)
    images, left_out, not_finite = _common_images(rows, cells)
    trained = [len(rows[cell]) for _, cell in cells if list(rows[cell]) != [None]]
    base = Comparison(
        cells=tuple(cells),
        difference=math.nan,
        seeds=tuple(trained),
        unshared=unshared,
        images=len(images),
        left_out=left_out,
        not_finite=not_finite,
        paired=paired,
    )
    if not images:
        return replace(base, untested="no image has a finite value from all of them")
    groups, weights = _groups(rows, cells, images, joined=base.paired)
    estimate = sum(weight * group.mean() for group, weight in zip(groups, weights, strict=True))
    found = replace(base, difference=float(estimate))
    if any(known.find(cell.metric) is None for _, cell in cells):
        return replace(
            found, untested="it is not known whether a higher or a lower value of this metric is better"
        )
    return _tested(found, groups, weights)


def _shared_seeds(rows: Rows, cells: Sequence[tuple[float, Cell]]) -> tuple[Rows, bool, int]:
    """The cells' rows of the seeds that count, whether these are the same in all, how many do not count."""
    chosen = {cell: rows[cell] for _, cell in cells}
    trained = [set(by_seed) for by_seed in chosen.values() if set(by_seed) != {None}]
    if all(seeds == trained[0] for seeds in trained):
        return chosen, True, 0
    shared, widest = set.intersection(*trained), max(map(len, trained))
    if len(shared) < max(LEAST_SHARED, SHARED_PART * widest):
        return chosen, False, 0
    kept = shared | {None}
    found = {
        cell: {seed: values for seed, values in by_seed.items() if seed in kept}
        for cell, by_seed in chosen.items()
    }
    return found, True, len(set.union(*trained) - shared)


def _groups(
    rows: Rows, cells: Sequence[tuple[float, Cell]], images: Sequence[str], *, joined: bool
) -> tuple[list[Array], list[float]]:
    """Independent groups of (seeds, images) and weights; what was not trained is a constant in the first.

    joined: the seeds are the same everywhere, and the contrast itself is the one group.
    """
    groups: list[Array] = []
    weights: list[float] = []
    constant = np.zeros((1, len(images)))
    for weight, cell in cells:
        seeds = sorted(rows[cell], key=lambda seed: -1 if seed is None else seed)
        values = np.array([[rows[cell][seed][image] for image in images] for seed in seeds], dtype=np.float64)
        if seeds == [None]:
            constant += weight * values
        else:
            groups.append(values)
            weights.append(weight)
    if joined:
        total = constant
        for group, weight in zip(groups, weights, strict=True):
            total = total + weight * group
        return [total], [1.0]
    groups[0] = groups[0] + constant / weights[0]
    return groups, weights


def _tested(base: Comparison, groups: Sequence[Array], weights: Sequence[float]) -> Comparison:
    """The comparison with its test, interval, effect and plan; with the reason where there can be none."""
    fewest = min(base.seeds, default=0)
    if fewest < 2:
        return replace(base, untested="one seed" if fewest else "nothing was trained")
    means = [group.mean(axis=1) for group in groups]
    tested = t_test(means, weights)
    if math.isnan(float(tested.p)):
        return replace(base, untested="the seeds do not vary")
    low, high = tested.interval()
    sds = [abs(weight) * float(mean.std(ddof=1)) for mean, weight in zip(means, weights, strict=True)]
    pooled = math.sqrt(sum(sd**2 for sd in sds) / len(sds))
    effect = (
        hedges_g(base.difference, pooled, sum(len(mean) - 1 for mean in means)) if len(sds) <= 2 else None
    )
    return replace(
        base,
        interval=(float(low), float(high)),
        bootstrap=crossed_interval(groups, weights),
        p=float(tested.p),
        effect=effect,
        effect_of="" if effect is None else "d_z" if base.paired else "d",
        needed_seeds=seeds_needed(base.difference, sds, more_than=max(base.seeds)),
    )


def _common_images(rows: Rows, cells: Sequence[tuple[float, Cell]]) -> tuple[list[str], int, int]:
    """Images with a finite value in every seed of every cell, how many lack one, how many are not finite."""
    columns = [by_image for _, cell in cells for by_image in rows[cell].values()]
    every = sorted(set().union(*columns))
    shared = [image for image in every if all(image in column for column in columns)]
    finite = [image for image in shared if all(math.isfinite(column[image]) for column in columns)]
    return finite, len(every) - len(shared), len(shared) - len(finite)
