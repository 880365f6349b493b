"""Sums over windows of a table, all at once."""

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def window_sums(
    values: NDArray[np.float64], *, tops: Places, lefts: Places, bottoms: Places, rights: Places
) -> NDArray[np.float64]:
    """The sum of values[top:bottom, left:right] for every pair of rows and columns, by a summed-area table.

    values: (H, W); tops and bottoms: (R,); lefts and rights: (C,) -> (R, C). Source: Crow 1984.
    """
    total = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return (
        total[np.ix_(bottoms, rights)]
        - total[np.ix_(tops, rights)]
        - total[np.ix_(bottoms, lefts)]
        + total[np.ix_(tops, lefts)]
    )
