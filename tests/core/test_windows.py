"""Sums over windows against sums of slices."""

import numpy as np

from esrlab.core.windows import window_sums


def test_every_window_is_the_sum_of_its_slice() -> None:
    values = np.random.default_rng(0).integers(-9, 9, (7, 9)).astype(np.float64)
    tops, bottoms = np.array([0, 2, 4]), np.array([3, 7, 5])
    lefts, rights = np.array([0, 8]), np.array([9, 8])
    sums = window_sums(values, tops=tops, lefts=lefts, bottoms=bottoms, rights=rights)
    expected = [
        [values[top:bottom, left:right].sum() for left, right in zip(lefts, rights, strict=True)]
        for top, bottom in zip(tops, bottoms, strict=True)
    ]
    assert np.array_equal(sums, expected)
