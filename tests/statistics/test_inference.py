"""Tests, Holm, effects and power against scipy's own, published examples and analytic cases."""

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from esrlab.errors import UserError
from esrlab.statistics.inference import hedges_g, holm, power, seeds_needed, t_test

stats: Any = scipy.stats


Array = NDArray[np.float64]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def both(rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    for first, second in ((2, 2), (3, 3), (5, 3), (10, 4)):
        yield rng.normal(30, 0.3, first), rng.normal(30.2, 0.1, second)


def test_two_groups_are_tested_as_welch_does(rng: np.random.Generator) -> None:
    for first, second in both(rng):
        found = t_test([first, second], [1.0, -1.0])
        theirs = stats.ttest_ind(first, second, equal_var=False)
        assert float(found.p) == pytest.approx(theirs.pvalue, rel=1e-10)
        assert float(found.freedom) == pytest.approx(theirs.df, rel=1e-10)
        assert float(found.difference) == pytest.approx(first.mean() - second.mean())


def test_one_group_of_differences_is_the_paired_test(rng: np.random.Generator) -> None:
    first, second = rng.normal(30, 0.3, (2, 50, 4))
    found = t_test([first - second], [1.0])
    theirs = stats.ttest_rel(first, second, axis=-1)
    np.testing.assert_allclose(found.p, theirs.pvalue, rtol=1e-10)
    np.testing.assert_array_equal(found.freedom, np.full(50, 3.0))


def test_a_contrast_of_four_groups_by_hand() -> None:
    """Four groups of variance 1, 1, 4, 4 and two seeds each: error² = 10 / 2, ν = 5² / Σ (s² / 2)²."""
    groups: list[Array] = [
        np.array([m - d, m + d], dtype=np.float64)
        for m, d in ((3, 0.5**0.5), (1, 0.5**0.5), (2, 2**0.5), (4, 2**0.5))
    ]
    found = t_test(groups, [1, -1, -1, 1])
    assert float(found.difference) == pytest.approx(4)
    assert float(found.error) == pytest.approx(math.sqrt(5))
    assert float(found.freedom) == pytest.approx(25 / (0.25 + 0.25 + 4 + 4))


def test_three_seeds_by_hand() -> None:
    """Differences 1, 2, 3: t = 2 / (1 / √3) = 3.4641 with 2 degrees of freedom: p = 0.0742."""
    assert float(t_test([np.array([1.0, 2.0, 3.0])], [1.0]).p) == pytest.approx(0.0742, abs=5e-5)


def test_order_does_not_matter_and_direction_turns_the_sign(rng: np.random.Generator) -> None:
    first, second = rng.normal(30, 1, (2, 6))
    one, other = t_test([first, second], [1.0, -1.0]), t_test([second, first], [1.0, -1.0])
    assert float(one.p) == pytest.approx(float(other.p))
    assert float(one.difference) == pytest.approx(-float(other.difference))
    shuffled = t_test([first[::-1], second[rng.permutation(6)]], [1.0, -1.0])
    assert float(shuffled.p) == pytest.approx(float(one.p))


@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [0.1, 0.1, 0.1], [30 + 1e-14, 30.0, 30 - 1e-14]])
def test_seeds_that_do_not_vary_have_no_p(values: list[float]) -> None:
    assert math.isnan(float(t_test([np.array(values)], [1.0]).p))


def test_holm_on_a_published_example() -> None:
    """Hypotheses with p = 0.01, 0.04, 0.03, 0.005 (the worked example of encyclopedias): two are rejected."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_falls_never_exceeds_one_and_keeps_places() -> None:
    assert holm([]) == []
    assert holm([0.2]) == [0.2]
    assert holm([0.9, 0.5, 0.01, 0.01]) == pytest.approx([1.0, 1.0, 0.04, 0.04])


def test_hedges_correction() -> None:
    """J of 10 and 2 degrees of freedom: 0.9228 (Hedges 1981, Table 1) and Γ(1)/(1·Γ(1/2)) = 0.5642."""
    assert hedges_g(2.0, 2.0, 10) == pytest.approx(0.9228, abs=1e-4)
    assert hedges_g(-1.0, 2.0, 2) == pytest.approx(-0.5 / math.sqrt(math.pi))
    assert hedges_g(1.0, 1.0, 1) is None
    assert hedges_g(1.0, 0.0, 5) is None


def test_power_is_the_noncentral_ts() -> None:
    for shift, freedom in ((0.0, 2.0), (2.5, 4.3), (8.0, 2.0), (40.0, 9.0)):
        bound = stats.t.ppf(0.975, freedom)
        assert power(shift, freedom) == pytest.approx(stats.nct.sf(bound, freedom, shift), abs=1e-8)
        assert power(-shift, freedom) == power(shift, freedom)
    assert power(0.0, 5.0) == pytest.approx(0.025)


def test_needed_seeds_are_the_textbooks() -> None:
    """Cohen 1988, Table 2.4.1, two-sided 5%, 80% power: d = 0.8 needs 26 a group, 0.5 64; paired 0.5 34."""
    assert seeds_needed(0.8, [1.0, 1.0]) == 26
    assert seeds_needed(-0.5, [1.0, 1.0]) == 64
    assert seeds_needed(0.5, [1.0]) == 34
    assert seeds_needed(0.5, [1.0], more_than=50) == 51
    assert seeds_needed(0.1, [1.0]) is None
    assert seeds_needed(0.0, [1.0]) is None
    assert seeds_needed(1.0, [0.0]) is None
    assert seeds_needed(1000.0, [1.0]) == 2


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(UserError, match=r"pip install 'esrlab\[report\]'"):
        power(1.0, 2.0)
