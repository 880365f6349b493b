"""Means and spreads over seeds, by hand."""

import math
import statistics

import pytest

from esrlab.scores import Score
from esrlab.statistics.spreads import Series, spreads


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
