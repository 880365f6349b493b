"""Intervals over photographs, clusters and findings, on matrices whose answers are known."""

import numpy as np
import pytest

from esrlab.core.kinship_rows import Direction, Kinship
from esrlab.statistics.bootstrap import grouped_intervals
from esrlab.statistics.clusters import cluster_directions
from esrlab.statistics.kinship import find_apart, find_opposed, find_same, joined_means, mean_cosines


def made(
    names: str, cosines: np.ndarray, *, model: str = "m", photos: int = 6, noise: float = 0.001
) -> Kinship:
    """Twelve images with these mean cosines and little noise."""
    rng = np.random.default_rng(0)
    count, images = len(names), 2 * photos
    each = np.repeat(cosines[None], images, axis=0)
    wobble = rng.normal(0, noise, each.shape)
    each = each + (wobble + wobble.transpose(0, 2, 1)) * (1 - np.eye(count))
    return Kinship(
        model=model,
        label=model,
        scale=2,
        directions=tuple(Direction(name, name) for name in names),
        photos=tuple(f"p{index // 2}" for index in range(images)),
        norms=np.ones((images, count)),
        cosines=each,
        shares=np.full((images, count, 4), 0.25),
        margins=np.zeros((images, 0)),
        absent={},
        settings={"lr_size": 16},
    )


def square(*pairs: tuple[int, int, float], count: int) -> np.ndarray:
    found = np.eye(count)
    for one, other, value in pairs:
        found[one, other] = found[other, one] = value
    return found


def test_average_linkage_joins_by_the_mean_of_all_pairs() -> None:
    #  a and c are nearest, b and d next; the two clusters' distance is the mean over their four pairs
    cosines = square((0, 2, 0.9), (1, 3, 0.8), (0, 1, 0.1), (0, 3, 0.2), (2, 1, 0.3), (2, 3, 0.4), count=4)
    tree = cluster_directions(cosines)
    assert [{one, other} for one, other, _ in tree.joins] == [{0, 2}, {1, 3}, {4, 5}]
    assert [distance for *_, distance in tree.joins] == pytest.approx([0.1, 0.2, 1 - 0.25])
    assert sorted(tree.order) == [0, 1, 2, 3]
    pairs = [set(tree.order[:2]), set(tree.order[2:])]
    assert {0, 2} in pairs
    assert {1, 3} in pairs
    # the leaves in the middle are the nearest two of different clusters: c and d
    assert set(tree.order[1:3]) == {2, 3}


def test_clusters_bear_one_direction_opposites_and_missing_cosines() -> None:
    assert cluster_directions(np.eye(1)).order == (0,)
    missing = square((0, 1, np.nan), (0, 2, -1.0), (1, 2, 0.5), count=3)
    tree = cluster_directions(missing)
    assert tree.joins[0][:2] == (1, 2)
    assert tree.joins[1][2] == pytest.approx((1 + 2) / 2)  # no cosine counts as 0


def test_intervals_over_photographs_cover_and_are_wider_than_over_crops() -> None:
    rng = np.random.default_rng(3)
    covered, ratio = 0, []
    for _ in range(200):
        photos = rng.normal(0.4, 0.2, 20)
        values = (photos[:, None] + rng.normal(0, 0.05, (20, 5))).reshape(-1, 1)
        mean, low, high = grouped_intervals(values, [f"p{index // 5}" for index in range(100)], draws=500)
        crops = grouped_intervals(values, [f"c{index}" for index in range(100)], draws=500)
        assert mean[0] == pytest.approx(values.mean())
        covered += bool(low[0] <= 0.4 <= high[0])
        ratio.append((high[0] - low[0]) / (crops[2][0] - crops[1][0]))
    assert 0.90 <= covered / 200 <= 0.99
    assert np.mean(ratio) > 1.8


def test_missing_values_are_left_out_and_one_photograph_has_no_interval() -> None:
    values = np.array([[1.0, np.nan, 2.0], [3.0, np.nan, np.nan], [np.nan, np.nan, 4.0]])
    mean, low, high = grouped_intervals(values, ["a", "b", "c"])
    assert mean[0] == pytest.approx(2)
    assert low[0] < 2 < high[0]
    assert np.isnan([mean[1], low[1], high[1]]).all()
    assert mean[2] == pytest.approx(3)
    alone = grouped_intervals(np.array([[1.0], [2.0]]), ["a", "a"])
    assert alone[0][0] == pytest.approx(1.5)
    assert np.isnan([alone[1][0], alone[2][0]]).all()


def test_findings_are_by_their_rules_everywhere_or_somewhere() -> None:
    first = made("abcd", square((0, 1, 0.97), (0, 2, -0.2), (0, 3, 0.1), (1, 3, 0.25), count=4), model="m")
    second = made("abcd", square((0, 1, 0.96), (0, 2, 0.2), (0, 3, 0.1), (1, 3, 0.35), count=4), model="n")
    found = [mean_cosines(first), mean_cosines(second)]
    (same,) = find_same(found)
    assert same.names == ("a", "b")
    assert same.is_everywhere
    assert [figure[0] for figure in same.cosines] == pytest.approx([0.97, 0.96], abs=2e-3)
    (opposed,) = find_opposed(found)
    assert opposed.names == ("a", "c")
    assert (opposed.holds, opposed.asked) == (("m-x2",), ("m-x2", "n-x2"))
    assert not opposed.is_everywhere
    apart = find_apart(found)
    assert [each.names[0] for each in apart] == ["c", "d"]
    assert apart[0].nearest == ("a", "a")
    assert apart[1].holds == ("m-x2",)


def test_one_loss_under_two_names_needs_its_interval_too() -> None:
    spread = made("ab", square((0, 1, 0.96), count=2), noise=0.0)
    values = spread.cosines.copy()
    values[::4, 0, 1] = values[::4, 1, 0] = 0.72  # two photographs in one are far less
    values[1::4, 0, 1] = values[1::4, 1, 0] = 1.2
    wide = made("ab", np.eye(2))
    object.__setattr__(wide, "cosines", values)
    assert mean_cosines(wide).mean[0, 1] == pytest.approx(0.96)
    assert len(find_same([mean_cosines(wide)])) == 1  # crops of one photograph make up for each other
    object.__setattr__(wide, "photos", tuple(f"q{index}" for index in range(12)))
    mean_cosines.cache_clear()
    assert find_same([mean_cosines(wide)]) == []


def test_means_over_models_are_by_name() -> None:
    first = made("ab", square((0, 1, 0.5), count=2), noise=0.0)
    second = made("bca", square((0, 2, 0.7), (0, 1, 0.1), count=3), noise=0.0, model="n")
    names, means = joined_means([mean_cosines(first), mean_cosines(second)])
    assert names == ["a", "b", "c"]
    assert means[0, 1] == pytest.approx(0.6)
    assert means[1, 2] == pytest.approx(0.1)
    assert means[0, 2] == pytest.approx(0)
