"""Means and spreads over seeds, by hand."""

import math
import statistics
from typing import Any

import numpy as np
import pytest
import scipy.stats

from esrlab.core.scores import Score
from esrlab.statistics.spreads import Series, spreads

stats: Any = scipy.stats


def score(value: float, *, seed: int | None, image: str = "Set5/baby", recipe: str = "a") -> Score:
    return Score(
        study="s",
        recipe=recipe,
        label=recipe,
        scale=2,
        seed=seed,
        step=1,
        image=image,
        metric="m",
        value=value,
    )


def test_the_spread_is_between_seeds_means_not_images() -> None:
    rows = [
        score(10, seed=0),
        score(30, seed=0, image="Set5/bird"),
        score(12, seed=1),
        score(36, seed=1, image="Set5/bird"),
        score(99, seed=0, image="Set14/zebra"),
    ]
    found = spreads(rows)
    spread = found[Series("Set5", 2, "a", "m")]
    assert (spread.mean, spread.seeds) == (22, 2)
    assert spread.sd == pytest.approx(statistics.stdev([20, 24]))
    assert found[Series("Set14", 2, "a", "m")].mean == 99


def test_one_seed_and_bicubic_have_no_spread() -> None:
    found = spreads([score(1, seed=0), score(2, seed=None, recipe="bicubic")])
    assert found[Series("Set5", 2, "a", "m")].sd is None
    assert found[Series("Set5", 2, "bicubic", "m")].sd is None


def test_an_infinite_psnr_stays_infinite() -> None:
    found = spreads([score(math.inf, seed=0), score(30, seed=1)])[Series("Set5", 2, "a", "m")]
    assert math.isinf(found.mean)
    assert found.sd is None
    assert math.isinf(spreads([score(math.inf, seed=0), score(30, seed=0)])[Series("Set5", 2, "a", "m")].mean)


def interval_of(rows: list[Score], recipe: str = "a") -> tuple[float, float] | None:
    return spreads(rows)[Series("Set5", 2, recipe, "m")].interval


def test_a_means_interval_is_by_t_over_seeds_and_the_same_in_any_order() -> None:
    table = np.array([[10.0, 30.0, 21.0], [12.0, 36.0, 22.0], [11.0, 31.0, 29.0]])
    rows = [
        score(float(table[seed, image]), seed=seed, image=f"Set5/{image}", recipe=recipe)
        for recipe in ("a", "b")
        for seed in range(3)
        for image in range(3)
    ]
    means = table.mean(axis=1)
    expected = stats.t.interval(0.95, 2, loc=means.mean(), scale=means.std(ddof=1) / math.sqrt(3))
    assert interval_of(rows) == pytest.approx(expected)
    assert interval_of(rows[::-1], "b") == interval_of(rows) == interval_of(rows[:9])
    assert spreads(rows)[Series("Set5", 2, "a", "m")].images == 3


def test_what_has_no_interval() -> None:
    two = [score(10, seed=0), score(12, seed=1)]
    assert interval_of(two) is not None
    assert interval_of(two[:1]) is None, "one seed"
    assert interval_of([score(10, seed=None)]) is None, "nothing was trained"
    assert interval_of([score(10, seed=0), score(10, seed=1)]) is None, "the seeds do not vary"
    assert interval_of([*two, score(11, seed=0, image="Set5/bird")]) is None, "not the same images"
    assert interval_of([*two, score(math.inf, seed=2)]) is None, "an infinite value"
