"""Which losses pull alike, against each other, or in a direction of their own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from esrlab.core.kinship_rows import Kinship
from esrlab.statistics.bootstrap import grouped_intervals

Array = NDArray[np.float64]

SAME, SURELY_SAME = 0.95, 0.9
"""Two names of one loss: a mean cosine above the first, and its whole interval above the second."""

APART = 0.3
"""A direction of its own: no mean cosine with another's is as large as this, in either sense."""

Pair = tuple[str, str]
Rule = Callable[[float, float, float], bool]


@dataclass(frozen=True, eq=False)
class MeanCosines:
    """Of one model, by name of direction: mean over images of the cosine, bounds of its 95% interval, images.

    All (L, L) and symmetric; nan where no image has both directions.
    """

    kinship: Kinship
    mean: Array
    low: Array
    high: Array
    images: NDArray[np.int64]

    def place(self, pair: Pair) -> tuple[int, int] | None:
        """Row and column of two names; None where one is missing or they never both pull."""
        names = self.kinship.names
        if pair[0] not in names or pair[1] not in names:
            return None
        found = names.index(pair[0]), names.index(pair[1])
        return found if self.images[found] else None


@dataclass(frozen=True)
class Finding:
    """A pair or a direction that a rule holds for: at which models (their keys) of how many, and the figures
    there.

    cosines: mean, low and high at each model that has the pair, or for a direction alone its largest |cosine|
    thrice, with `nearest` whose that is.
    """

    names: tuple[str, ...]
    holds: tuple[str, ...]
    asked: tuple[str, ...]
    cosines: tuple[tuple[float, float, float], ...]
    nearest: tuple[str, ...] = ()

    @property
    def is_everywhere(self) -> bool:
        """Whether it holds at every model that has these directions."""
        return self.holds == self.asked


@lru_cache(maxsize=32)
def mean_cosines(kinship: Kinship) -> MeanCosines:
    """The means over images and their intervals; photographs are what is drawn, with all of their crops."""
    mean, low, high = grouped_intervals(kinship.cosines, kinship.photos)
    return MeanCosines(kinship, mean, low, high, (~np.isnan(kinship.cosines)).sum(axis=0))


def names_of(kinships: Iterable[Kinship]) -> list[str]:
    """Every direction's name, once, in the order in which they come."""
    return list(dict.fromkeys(name for kinship in kinships for name in kinship.names))


def joined_means(found: Sequence[MeanCosines]) -> tuple[list[str], Array]:
    """Names of all directions, and the mean over models of their mean cosines; nan where none has both."""
    names = names_of(each.kinship for each in found)
    total, count = np.zeros((2, len(names), len(names)))
    for each in found:
        places = np.array([names.index(name) for name in each.kinship.names], dtype=np.int64)
        block = np.ix_(places, places)
        total[block] += np.nan_to_num(each.mean)
        count[block] += ~np.isnan(each.mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        return names, total / count


def find_same(found: Sequence[MeanCosines]) -> list[Finding]:
    """Pairs that are one loss under two names somewhere, those that are so everywhere first."""
    return _find_pairs(found, lambda mean, low, high: mean > SAME and low > SURELY_SAME)


def find_opposed(found: Sequence[MeanCosines]) -> list[Finding]:
    """Pairs that oppose each other somewhere: the interval of their mean cosine is below 0."""
    return _find_pairs(found, lambda mean, low, high: high < 0)


def find_apart(found: Sequence[MeanCosines]) -> list[Finding]:
    """Directions of their own somewhere: no |mean cosine| with another one reaches APART."""
    findings: list[Finding] = []
    for name in names_of(each.kinship for each in found):
        figures: dict[str, tuple[float, str]] = {}
        for each in found:
            names = each.kinship.names
            if name in names:
                row = np.abs(each.mean[names.index(name)])
                row[names.index(name)] = np.nan
                if not np.isnan(row).all():
                    best = int(np.nanargmax(row))
                    figures[each.kinship.key] = float(row[best]), names[best]
        holds = tuple(key for key, (value, _) in figures.items() if value < APART)
        if holds:
            cosines = tuple((value, value, value) for value, _ in figures.values())
            nearest = tuple(other for _, other in figures.values())
            findings.append(Finding((name,), holds, tuple(figures), cosines, nearest))
    return sorted(findings, key=lambda each: (-len(each.holds), each.cosines[0]))


def _find_pairs(found: Sequence[MeanCosines], rule: Rule) -> list[Finding]:
    findings: list[Finding] = []
    for pair in combinations(names_of(each.kinship for each in found), 2):
        figures: dict[str, tuple[float, float, float]] = {}
        for each in found:
            place = each.place(pair)
            if place is not None:
                figures[each.kinship.key] = (
                    float(each.mean[place]),
                    float(each.low[place]),
                    float(each.high[place]),
                )
        holds = tuple(key for key, figure in figures.items() if rule(*figure))
        if holds:
            findings.append(Finding(pair, holds, tuple(figures), tuple(figures.values())))
    return sorted(findings, key=lambda each: (-len(each.holds), -abs(each.cosines[0][0])))
