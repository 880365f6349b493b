"""A kinship's numbers as tidy tables of comma-separated values: a row for each pair, band and pull."""

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrlab.core.bands import band_edges, band_sizes
from esrlab.core.kinship_rows import Kinship
from esrlab.report.kinship.findings import game_accuracy
from esrlab.statistics.bootstrap import grouped_intervals
from esrlab.statistics.kinship import mean_cosines


def cosines_as_csv(kinships: Sequence[Kinship]) -> str:
    """A row for each two directions of each model: mean cosine, 95% interval, images that have both."""
    return _as_csv(
        ("model", "scale", "a", "b", "cosine", "low", "high", "images", "photographs"), _pair_rows(kinships)
    )


def _pair_rows(kinships: Sequence[Kinship]) -> Iterable[tuple[Any, ...]]:
    for kinship in kinships:
        found = mean_cosines(kinship)
        photographs = len(set(kinship.photos))
        for one, other in combinations(range(len(kinship.names)), 2):
            figures = (_as_cosine(each[one, other]) for each in (found.mean, found.low, found.high))
            names = kinship.names[one], kinship.names[other]
            yield kinship.model, kinship.scale, *names, *figures, found.images[one, other], photographs


def shares_as_csv(kinships: Sequence[Kinship]) -> str:
    """A row for each direction and band: the mean part of its power there, and white noise's."""
    return _as_csv(
        ("model", "scale", "loss", "from", "to", "share", "low", "high", "white"), _share_rows(kinships)
    )


def _share_rows(kinships: Sequence[Kinship]) -> Iterable[tuple[Any, ...]]:
    for kinship in kinships:
        mean, low, high = grouped_intervals(kinship.shares, kinship.photos)
        white, edges = white_shares(kinship), band_edges(kinship.shares.shape[2])
        for place, name in enumerate(kinship.names):
            for band in range(len(white)):
                between = (f"{edge:.4f}" for edge in edges[band : band + 2])
                figures = (_short(each[place, band]) for each in (mean, low, high))
                yield kinship.model, kinship.scale, name, *between, *figures, _short(white[band])


def white_shares(kinship: Kinship) -> NDArray[np.float64]:
    """White noise's parts of the power, by band."""
    side = int(kinship.settings["lr_size"]) * kinship.scale
    return band_sizes(side, side, kinship.shares.shape[2])


def norms_as_csv(kinships: Sequence[Kinship]) -> str:
    """A row for each direction of each model: quartiles of its norm, images where it is 0 or not finite."""
    columns = ("model", "scale", "loss", "label", "is_game", "norm", "norm_q1", "norm_q3")
    return _as_csv((*columns, "zero", "not_finite", "images", "accuracy"), _norm_rows(kinships))


def _norm_rows(kinships: Sequence[Kinship]) -> Iterable[tuple[Any, ...]]:
    for kinship in kinships:
        for place, direction in enumerate(kinship.directions):
            norms = kinship.norms[:, place]
            finite = norms[~np.isnan(norms)]
            quartiles = np.quantile(finite, (0.5, 0.25, 0.75)) if len(finite) else [np.nan] * 3
            accuracy = game_accuracy(kinship, direction.name)
            yield (
                kinship.model,
                kinship.scale,
                direction.name,
                direction.label,
                int(direction.is_game),
                *map(_short, quartiles),
                int((finite == 0).sum()),
                len(norms) - len(finite),
                len(norms),
                "" if accuracy is None else _short(accuracy),
            )


def _as_cosine(value: Any) -> str:
    """Three decimals; nothing for what is no number."""
    return "" if np.isnan(value) else f"{float(value):.3f}"


def _short(value: Any) -> str:
    """Five significant digits; nothing for what is no number."""
    return "" if np.isnan(value) else f"{float(value):.5g}"


def _as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
