"""Score rows -> comparisons: per-seed means, a difference, its interval, its test."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from esrlab.scores import Score
from esrlab.statistics.bootstrap import crossed_interval
from esrlab.statistics.inference import Array, hedges_g, seeds_needed, t_test


class Cell(NamedTuple):
    """Where values lie: one recipe at one scale in one metric."""

    recipe: str
    scale: int
    metric: str


Rows = Mapping[Cell, Mapping[int | None, Mapping[str, float]]]
"""Values by cell, seed and image; the seed is None where nothing was trained."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What rows say about Σ weight·cell, which for two recipes is first − second, in the metric's own unit.

    difference: of the means over seeds and images; interval: 95%, over seeds and images; p: two-sided, of
    per-seed means, before Holm. effect: Hedges' g, in `effect_of` (d_z: standard deviations of the per-seed
    differences, where paired; d: root mean square of the recipes' own). seeds: of each trained cell.
    images: how many count, `left_out`: how many were not scored by all, `not_finite`: how many had a value
    that is infinite (equal images) or no number. needed_seeds: in all, for 80% power at 5% before Holm, more
    than there are; None for more than 100. untested: why there is no p, no interval, no effect.
    """

    cells: tuple[tuple[float, Cell], ...]
    difference: float
    seeds: tuple[int, ...]
    images: int
    left_out: int
    not_finite: int
    paired: bool
    interval: tuple[float, float] | None = None
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


def higher_is_better(metric: str) -> bool:
    """Whether more is better: of every metric but LPIPS, its imitation included."""
    return not metric.startswith("LPIPS")


def compare(rows: Rows, first: str, second: str, *, scale: int, metric: str) -> Comparison:
    """`first` − `second` at a scale in a metric (a full label such as PSNR-Y/4); both must be in the rows."""
    return contrast(rows, ((1.0, Cell(first, scale, metric)), (-1.0, Cell(second, scale, metric))))


def contrast(rows: Rows, cells: Sequence[tuple[float, Cell]]) -> Comparison:
    """Σ weight·cell over the images that all of them scored; every cell must be in the rows.

    Where all trained cells ran the same seeds, which then share photographs' order and first weights, the
    contrast is formed within each seed and tested paired; otherwise the cells count as independent (Welch).
    """
    images, left_out, not_finite = _common_images(rows, cells)
    trained = [sorted(seed for seed in rows[cell] if seed is not None) for _, cell in cells]
    trained = [seeds for seeds in trained if seeds]
    base = Comparison(
        cells=tuple(cells),
        difference=math.nan,
        seeds=tuple(map(len, trained)),
        images=len(images),
        left_out=left_out,
        not_finite=not_finite,
        paired=all(seeds == trained[0] for seeds in trained),
    )
    if not images:
        return replace(base, untested="no image has a finite value from all of them")
    groups, weights = _groups(rows, cells, images, joined=base.paired)
    estimate = sum(weight * group.mean() for group, weight in zip(groups, weights, strict=True))
    return _tested(replace(base, difference=float(estimate)), groups, weights)


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
    sds = [abs(weight) * float(mean.std(ddof=1)) for mean, weight in zip(means, weights, strict=True)]
    pooled = math.sqrt(sum(sd**2 for sd in sds) / len(sds))
    effect = (
        hedges_g(base.difference, pooled, sum(len(mean) - 1 for mean in means)) if len(sds) <= 2 else None
    )
    return replace(
        base,
        interval=crossed_interval(groups, weights),
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
