"""Simulated studies of known truth: how often tests err and find, how often intervals hold the truth."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STUDIES = 6000
"""A rate of 5% is then known to ±0.28% (one standard error)."""


@pytest.fixture(scope="module")
def simulate() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[2] / "research" / "statistics" / "simulate.py"))


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_paired_tests_raise_false_alarms_in_five_percent(
    simulate: dict[str, Any], seeds: int, correlation: float
) -> None:
    world = replace(simulate["WORLD"], correlation=correlation)
    found = simulate["rate"](world, seeds=seeds, paired=True, studies=STUDIES)
    assert 0.03 <= found <= 0.07


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_welchs_tests_of_other_seeds_raise_false_alarms_in_five_percent(
    simulate: dict[str, Any], seeds: int
) -> None:
    world = replace(simulate["WORLD"], correlation=0.0)
    found = simulate["rate"](world, seeds=seeds, paired=False, studies=STUDIES)
    assert 0.03 <= found <= 0.07


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_a_recipe_much_less_steady_than_the_other_does_no_harm(
    simulate: dict[str, Any], seeds: int, paired: bool
) -> None:
    world = replace(simulate["WORLD"], correlation=0.0, ratio=10.0)
    assert 0.03 <= simulate["rate"](world, seeds=seeds, paired=paired, studies=STUDIES) <= 0.07


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_heavy_tails_make_tests_more_careful_not_less(simulate: dict[str, Any], seeds: int) -> None:
    world = replace(simulate["WORLD"], is_heavy=True)
    found = simulate["rate"](world, seeds=seeds, paired=True, studies=STUDIES)
    assert 0.03 <= found <= 0.055


def test_power_is_what_the_planning_says(simulate: dict[str, Any]) -> None:
    """At r = 0.5 the sd of per-seed differences is √(seed² + 2·rest²/images): power by the noncentral t."""
    from esrlab.statistics.inference import power

    world = simulate["WORLD"]
    sd = np.sqrt(2 * (1 - world.correlation) * world.seed**2 + 2 * world.rest**2 / world.images)
    for seeds, effect in ((3, 0.8), (5, 0.4), (10, 0.2)):
        found = simulate["rate"](world, seeds=seeds, paired=True, effect=effect, studies=STUDIES)
        assert found == pytest.approx(power(effect / (sd / np.sqrt(seeds)), seeds - 1), abs=0.015)
        assert found > 0.7


def test_pairing_is_worth_it_where_seeds_are_alike(simulate: dict[str, Any]) -> None:
    def gain(correlation: float) -> float:
        world = replace(simulate["WORLD"], correlation=correlation)
        paired, apart = (
            simulate["rate"](world, seeds=3, paired=paired, effect=0.4, studies=STUDIES)
            for paired in (True, False)
        )
        return paired - apart

    assert gain(0.0) < 0 < gain(0.5)


def test_after_holm_a_family_raises_any_false_alarm_in_five_percent(simulate: dict[str, Any]) -> None:
    found = simulate["family_error"](simulate["WORLD"], seeds=5, members=39, studies=2000)
    assert 0.03 <= found <= 0.07


def test_tests_over_images_are_rightly_left_out(simulate: dict[str, Any]) -> None:
    assert simulate["image_level_rate"](simulate["WORLD"], seeds=3, studies=STUDIES) > 0.4


@pytest.mark.parametrize(("seeds", "least", "most"), [(3, 0.82, 0.90), (5, 0.86, 0.94), (10, 0.90, 0.97)])
def test_bootstraps_hold_the_truth_as_often_as_reports_say(
    simulate: dict[str, Any], seeds: int, least: float, most: float
) -> None:
    found = simulate["coverage"](
        simulate["WORLD"], seeds=seeds, paired=True, new_images=True, studies=500, draws=400
    )
    assert least <= found["crossed, widened"] <= most
    assert found["crossed, widened"] > max(found["crossed"], found["nested, widened"])


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_interval_that_is_drawn_holds_the_truth_in_95_percent(
    simulate: dict[str, Any], seeds: int, paired: bool
) -> None:
    world = replace(simulate["WORLD"], correlation=0.5 if paired else 0.0)
    found = simulate["decisive_coverage"](world, seeds=seeds, paired=paired, studies=STUDIES)
    assert 0.94 <= found <= (0.96 if paired else 0.985), "Welch's is careful with few seeds, never bold"


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_a_recipes_own_interval_holds_its_mean_in_95_percent(simulate: dict[str, Any], seeds: int) -> None:
    assert 0.94 <= simulate["mean_coverage"](simulate["WORLD"], seeds=seeds, studies=STUDIES) <= 0.96
