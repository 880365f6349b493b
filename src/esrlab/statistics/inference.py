"""Tests on per-seed means: Welch's t for any contrast, Holm's correction, effect sizes, power. Needs scipy.

Everything works on arrays whose last axis is the seeds, so that thousands of simulated studies are tested
by the code that tests a real one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrlab.errors import UserError

Array = NDArray[np.float64]

LEVEL = 0.05
"""Rate of false alarms that a test is allowed."""

POWER = 0.8
"""Chance of finding a difference of the size seen, that a number of seeds is planned for."""

MANY = 100
"""Seeds beyond which planning stops: "more than 100"."""

FLAT = 1e-12
"""A spread below this part of the values themselves is rounding: the seeds do not vary."""


def special() -> Any:
    """scipy.special; UserError names the extra where scipy is missing."""
    try:
        import scipy.special
    except ModuleNotFoundError as error:
        raise UserError("tests and verdicts need scipy: pip install 'esrlab[report]'") from error
    return scipy.special


@dataclass(frozen=True)
class TTest:
    """Estimate, standard error, degrees of freedom and two-sided p, each of the shape before the seeds' axis.

    p is nan where the seeds do not vary, for then nothing can be tested.
    """

    difference: Array
    error: Array
    freedom: Array
    p: Array

    def interval(self, *, level: float = LEVEL) -> tuple[Array, Array]:
        """The values that the test does not refute at `level`: 95% in the long run where it is 5%.

        It holds 0 exactly where p is above the level. nan where p is.
        """
        reach = special().stdtrit(self.freedom, 1 - level / 2) * self.error
        reach = np.where(np.isnan(self.p), np.nan, reach)
        return self.difference - reach, self.difference + reach


def t_test(groups: Sequence[Array], weights: Sequence[float]) -> TTest:
    """Whether Σ weight·mean(group) is 0, by Welch's t with Satterthwaite's degrees of freedom.

    With one group of per-seed differences it is the paired t test (S − 1 degrees of freedom); with two, of
    weights 1 and −1, Welch's; with more, the same for a contrast. Welch 1947, "The generalization of
    Student's problem when several different population variances are involved"; Satterthwaite 1946.

    groups: each (..., S), S ≥ 2 seeds, of independent trainings.
    """
    pairs = [
        (np.asarray(group, dtype=np.float64), weight) for group, weight in zip(groups, weights, strict=True)
    ]
    means = sum((weight * group.mean(axis=-1) for group, weight in pairs), start=np.float64(0))
    parts = [weight**2 * group.var(axis=-1, ddof=1) / group.shape[-1] for group, weight in pairs]
    scale = sum((np.abs(weight) * np.abs(group).max(axis=-1) for group, weight in pairs), start=np.float64(0))
    squared = sum(parts, start=np.float64(0))
    varies = np.sqrt(squared) > FLAT * scale
    safe = np.where(varies, squared, 1.0)
    below = sum(
        ((part / safe) ** 2 / (group.shape[-1] - 1) for part, (group, _) in zip(parts, pairs, strict=True)),
        start=np.float64(0),
    )
    freedom = 1 / np.where(varies, below, 1.0)
    p = 2 * special().stdtr(freedom, -np.abs(means) / np.sqrt(safe))
    return TTest(np.asarray(means), np.asarray(np.sqrt(squared)), freedom, np.where(varies, p, np.nan))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values: among m, the k-th smallest times m − k + 1, never falling, up to 1.

    Compared with 5% they keep the chance of any false alarm in the family below 5%, however the tests
    depend on each other. Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = highest
    return adjusted


def hedges_g(difference: float, sd: float, freedom: float) -> float | None:
    """A difference in standard deviations, freed of small samples' bias; None below 2 degrees of freedom.

    J = Γ(ν/2) / (√(ν/2) Γ((ν − 1)/2)): Hedges 1981, "Distribution theory for Glass's estimator of effect
    size and related estimators".
    """
    if freedom < 2 or sd <= 0:
        return None
    gammas = math.lgamma(freedom / 2) - math.lgamma((freedom - 1) / 2)
    return difference / sd * math.exp(gammas) / math.sqrt(freedom / 2)


def power(shift: float, freedom: float, *, level: float = LEVEL) -> float:
    """Chance that a two-sided t test at `level` finds a true difference of `shift` standard errors.

    By the noncentral t distribution (Johnson, Kotz & Balakrishnan 1995, chapter 31); a test that comes out
    significant in the wrong direction is not counted.
    """
    functions = special()
    bound = functions.stdtrit(freedom, 1 - level / 2)
    found = float(1 - functions.nctdtr(freedom, abs(shift), bound))
    return 1.0 if math.isnan(found) else found  # nan comes only from shifts beyond 36, where power is 1


def seeds_needed(difference: float, sds: Sequence[float], *, more_than: int = 1) -> int | None:
    """The least number of seeds, above `more_than`, that finds this difference with 80% power at 5%.

    None where more than 100 would be needed. Every group is to have that many seeds; `sds` are the groups'
    standard deviations between seeds, weights included. The level is that of one test alone, before Holm;
    the difference and sds are taken for true, which with few seeds they hardly are.
    """
    total = sum(sd**2 for sd in sds)
    if total <= 0:
        return None
    spread = total**2 / sum(sd**4 for sd in sds)
    for seeds in range(max(2, more_than + 1), MANY + 1):
        if power(difference / math.sqrt(total / seeds), (seeds - 1) * spread) >= POWER:
            return seeds
    return None
