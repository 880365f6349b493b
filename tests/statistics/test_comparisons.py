"""Comparisons of rows: pairing, images in common, values that cannot count, and always the same answer."""

import dataclasses
import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import scipy.stats

from esrlab.core.metrics import BUILT_IN
from esrlab.core.scores import Score
from esrlab.statistics.bootstrap import crossed_interval
from esrlab.statistics.comparisons import Cell, compare, contrast, gather

stats: Any = scipy.stats


PSNR = "PSNR-Y/2"


def rows(
    recipe: str, values: Mapping[int, dict[str, float]] | Mapping[None, dict[str, float]]
) -> list[Score]:
    return [
        Score(
            study="s",
            recipe=recipe,
            label=recipe,
            scale=2,
            seed=seed,
            step=1,
            image=image,
            metric=PSNR,
            value=value,
        )
        for seed, by_image in values.items()
        for image, value in by_image.items()
    ]


def made(recipe: str, *, seeds: range, shift: float = 0.0, images: int = 5) -> list[Score]:
    rng = np.random.default_rng([seeds.start, len(seeds), len(recipe)])
    table = 30 + shift + 3 * np.arange(images) + 0.2 * rng.standard_normal((len(seeds), 1))
    table = table + 0.1 * rng.standard_normal((len(seeds), images))
    return rows(
        recipe,
        {
            seed: {f"Set5/{image}": float(table[row, image]) for image in range(images)}
            for row, seed in enumerate(seeds)
        },
    )


def means(scores: list[Score]) -> list[float]:
    seeds = sorted({score.seed for score in scores if score.seed is not None})
    return [float(np.mean([score.value for score in scores if score.seed == seed])) for seed in seeds]


def test_the_same_seeds_are_paired_and_others_are_not() -> None:
    first, second, other = (
        made("aa", seeds=range(4), shift=0.3),
        made("b", seeds=range(4)),
        made("c", seeds=range(5, 8)),
    )
    found = compare(gather(first + second), "aa", "b", scale=2, metric=PSNR)
    assert found.paired
    assert found.p == pytest.approx(stats.ttest_rel(means(first), means(second)).pvalue)
    assert (found.seeds, found.images, found.effect_of) == ((4, 4), 5, "d_z")
    apart = compare(gather(first + other), "aa", "c", scale=2, metric=PSNR)
    assert not apart.paired
    assert apart.p == pytest.approx(stats.ttest_ind(means(first), means(other), equal_var=False).pvalue)
    assert (apart.seeds, apart.effect_of) == ((4, 3), "d")


def test_a_seed_that_only_one_ran_costs_the_seed_not_the_pairing() -> None:
    first, second = made("aa", seeds=range(4), shift=0.3), made("b", seeds=range(4))
    cut = [score for score in second if score.seed != 2]
    found = compare(gather(first + cut), "aa", "b", scale=2, metric=PSNR)
    assert (found.paired, found.seeds, found.unshared) == (True, (3, 3), 1)
    kept = [score for score in first if score.seed != 2]
    assert found.p == pytest.approx(stats.ttest_rel(means(kept), means(cut)).pvalue)
    fewer = [score for score in second if score.seed not in (2, 3)]
    apart = compare(gather(first + fewer), "aa", "b", scale=2, metric=PSNR)
    assert (apart.paired, apart.seeds, apart.unshared) == (False, (4, 2), 0)


def test_effects_by_hand() -> None:
    first = rows("a", {seed: {"i": value} for seed, value in enumerate((1.0, 2.0, 3.0))})
    second = rows("b", {seed: {"i": 0.0} for seed in range(3)})
    found = compare(gather(first + second), "a", "b", scale=2, metric=PSNR)
    assert found.effect == pytest.approx(2 / math.sqrt(math.pi))
    apart = rows("b", {seed: {"i": value} for seed, value in ((7, -1.0), (8, 0.0), (9, 1.0))})
    # ν = 4: J = Γ(2) / (√2 Γ(3/2)) = 0.79788
    assert compare(gather(first + apart), "a", "b", scale=2, metric=PSNR).effect == pytest.approx(
        1.59577, abs=1e-5
    )


def test_direction_and_order_of_rows() -> None:
    scores = made("aa", seeds=range(5), shift=0.3) + made("b", seeds=range(5))
    found = compare(gather(scores), "aa", "b", scale=2, metric=PSNR)
    turned = compare(gather(scores), "b", "aa", scale=2, metric=PSNR)
    assert turned.difference == -found.difference
    assert turned.p == found.p
    assert found.interval is not None
    assert turned.interval == pytest.approx((-found.interval[1], -found.interval[0]), abs=1e-12)
    random.Random(0).shuffle(scores)
    assert compare(gather(scores), "aa", "b", scale=2, metric=PSNR) == found


def test_only_images_that_all_have_scored_count() -> None:
    scores = made("aa", seeds=range(3), shift=0.3) + made("b", seeds=range(3))
    lacking = [score for score in scores if (score.recipe, score.seed, score.image) != ("b", 1, "Set5/4")]
    found = compare(gather(lacking), "aa", "b", scale=2, metric=PSNR)
    without = compare(
        gather([score for score in scores if score.image != "Set5/4"]), "aa", "b", scale=2, metric=PSNR
    )
    assert (found.images, found.left_out) == (4, 1)
    assert dataclasses.replace(found, left_out=0) == without


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_an_image_with_a_value_that_is_not_finite_is_left_out_and_counted(value: float) -> None:
    scores = made("aa", seeds=range(3), shift=0.3) + made("b", seeds=range(3))
    scores[0] = dataclasses.replace(scores[0], value=value)
    found = compare(gather(scores), "aa", "b", scale=2, metric=PSNR)
    assert (found.images, found.left_out, found.not_finite) == (4, 0, 1)
    assert math.isfinite(found.difference)


def test_nothing_in_common_is_said() -> None:
    scores = rows("a", {0: {"x": 1.0}, 1: {"x": 2.0}}) + rows("b", {0: {"y": 1.0}, 1: {"y": 2.0}})
    found = compare(gather(scores), "a", "b", scale=2, metric=PSNR)
    assert (found.images, found.left_out, found.p) == (0, 2, None)
    assert "no image" in found.untested


def test_one_seed_is_not_tested_and_two_are() -> None:
    one = compare(
        gather(made("aa", seeds=range(1), shift=1) + made("b", seeds=range(1))),
        "aa",
        "b",
        scale=2,
        metric=PSNR,
    )
    assert (one.untested, one.p, one.interval, one.effect, one.needed_seeds) == (
        "one seed",
        None,
        None,
        None,
        None,
    )
    assert one.difference == pytest.approx(1, abs=1)
    mixed = compare(
        gather(made("aa", seeds=range(3)) + made("b", seeds=range(1))), "aa", "b", scale=2, metric=PSNR
    )
    assert mixed.untested == "one seed"
    two = compare(
        gather(made("aa", seeds=range(2)) + made("b", seeds=range(2))), "aa", "b", scale=2, metric=PSNR
    )
    assert two.p is not None
    assert two.effect is None, "one degree of freedom has no unbiased effect size"


def test_seeds_that_do_not_vary_are_not_tested() -> None:
    same = {seed: {"x": 30.0, "y": 31.0} for seed in range(3)}
    other = {seed: {"x": 29.0, "y": 31.5} for seed in range(3)}
    found = compare(gather(rows("a", same) + rows("b", other)), "a", "b", scale=2, metric=PSNR)
    assert found.untested == "the seeds do not vary"
    assert found.difference == 0.25


def test_what_was_not_trained_is_a_constant() -> None:
    trained = made("aa", seeds=range(4))
    bicubic = rows("bicubic", {None: {f"Set5/{image}": 29.0 + 3 * image for image in range(5)}})
    found = compare(gather(trained + bicubic), "aa", "bicubic", scale=2, metric=PSNR)
    assert found.paired
    assert found.seeds == (4,)
    assert found.p == pytest.approx(stats.ttest_1samp(means(trained), 35.0).pvalue)
    assert (
        compare(gather(bicubic), "bicubic", "bicubic", scale=2, metric=PSNR).untested == "nothing was trained"
    )
    mixed = [(1.0, Cell("aa", 2, PSNR)), (-1.0, Cell("b", 2, PSNR)), (2.0, Cell("bicubic", 2, PSNR))]
    apart = contrast(gather(trained + bicubic + made("b", seeds=range(3))), mixed)
    plain = contrast(gather(trained + made("b", seeds=range(3))), mixed[:2])
    assert apart.p is not None
    assert apart.difference == pytest.approx(plain.difference + 70)


def test_which_metrics_are_better_higher() -> None:
    families = [BUILT_IN.find(name) for name in ("PSNR-Y/4", "SSIM-paper", "LPIPS", "LPIPS≈")]
    assert [family and family.higher_is_better for family in families] == [True, True, False, False]


@pytest.mark.parametrize("name", ["NIQE", "FID/4", "LPIPS-VGG", "lpips", "PSNRX", "PSNR-Y/x", ""])
def test_of_a_metric_that_is_not_known_no_direction_is_assumed(name: str) -> None:
    assert BUILT_IN.find(name) is None
    foreign = [
        dataclasses.replace(row, metric=name)
        for row in made("aa", seeds=range(3), shift=1) + made("b", seeds=range(3))
    ]
    found = compare(gather(foreign), "aa", "b", scale=2, metric=name)
    assert (found.p, found.interval) == (None, None)
    assert found.untested == "it is not known whether a higher or a lower value of this metric is better"


def test_the_interval_is_the_same_every_time_and_widened_as_said() -> None:
    values = np.array([[1.0], [2.0], [4.0]])
    low, high = crossed_interval([values], [1.0])
    assert (low, high) == crossed_interval([values], [1.0])
    centre, widening = 7 / 3, math.sqrt(3 / 2)
    assert low == pytest.approx(centre + (1 - centre) * widening)
    assert high == pytest.approx(centre + (4 - centre) * widening)


def test_the_interval_draws_images_for_all_seeds_alike() -> None:
    """Seeds that agree on every image leave the images' spread, and more of them do not make it smaller."""
    images = np.random.default_rng(0).normal(0, 1, 40)
    few, many = (np.tile(images, (seeds, 1)) for seeds in (20, 200))
    width = [high - low for low, high in (crossed_interval([table], [1.0]) for table in (few, many))]
    assert width[0] == pytest.approx(2 * 1.96 * images.std() / math.sqrt(40), rel=0.1)
    assert width[1] == pytest.approx(width[0], rel=0.06)
