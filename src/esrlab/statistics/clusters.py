"""Which directions lie near each other: average linkage on 1 − cosine. Needs scipy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrlab.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """A dendrogram: which two clusters were joined, at what distance, and the leaves from left to right.

    Leaves are 0 … n − 1; join k makes the cluster n + k. A join's distance is the mean of 1 − cosine over all
    pairs with one member in each of its two clusters (Sokal & Michener 1958, "UPGMA").
    """

    joins: tuple[tuple[int, int, float], ...]
    order: tuple[int, ...]


def cluster_directions(cosines: Array) -> Tree:
    """The tree of n directions from their cosines (n, n), symmetric; nan (no cosine) counts as 0.

    Leaves stand so that neighbours are as near as the tree allows (Bar-Joseph et al. 2001). Raises UserError
    naming the extra where scipy is missing.
    """
    hierarchy, condense = _scipy()
    count = len(cosines)
    if count < 2:
        return Tree((), tuple(range(count)))
    distances = 1 - np.nan_to_num(cosines, nan=0.0)
    np.fill_diagonal(distances, 0)
    condensed = condense(np.maximum((distances + distances.T) / 2, 0), checks=False)
    linked = hierarchy.linkage(condensed, method="average", optimal_ordering=True)
    joins = tuple((int(one), int(other), float(distance)) for one, other, distance, _ in linked)
    return Tree(joins, tuple(int(leaf) for leaf in hierarchy.leaves_list(linked)))


def _scipy() -> tuple[Any, Any]:
    try:
        from scipy.cluster import hierarchy
        from scipy.spatial.distance import squareform
    except ModuleNotFoundError as error:
        raise UserError("clusters need scipy: pip install 'esrlab[report]'") from error
    return hierarchy, squareform
