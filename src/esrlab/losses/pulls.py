"""A term's pull: its weighted gradient at the generated image, and what there is to measure of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pull:
    """A term's weighted gradient at the generated image, measured over the batch (scalar tensors).

    norm: its 2-norm; share: of the sum of all norms, in [0, 1]; cosine: with the sum of all pulls;
    weight: what multiplied the term's gradient.
    """

    norm: Tensor
    share: Tensor
    cosine: Tensor
    weight: Tensor


@dataclass(frozen=True)
class Pulls:
    """All terms' pulls of one step, and the cosine between each two of them, by their names."""

    terms: dict[str, Pull]
    between: dict[tuple[str, str], Tensor]


def measure_pulls(pulls: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Pulls:
    """Measures each term's pull (N, 3, H, W) beside all others.

    Everything comes from one matrix of scalar products, of pulls brought to the scale of their largest
    values first: a clipped WGAN pulls with 1e-20 and less, whose squares would vanish.
    """
    rows = torch.stack([pull.flatten() for pull in pulls.values()])
    tiny = torch.finfo(rows.dtype).tiny
    largest = rows.abs().amax(dim=1).clamp_min(tiny)
    rows /= largest[:, None]
    products = rows @ rows.T
    lengths = products.diagonal().sqrt()
    norms = largest * lengths
    relative = largest / largest.max()
    with_sum = products @ relative
    sum_length = (relative @ with_sum).clamp_min(0).sqrt()
    shares = norms / norms.sum().clamp_min(tiny)
    cosines = _where_any(with_sum, lengths * sum_length)
    between = _where_any(products, lengths[:, None] * lengths[None, :])
    terms = {
        name: Pull(norm=norms[row], share=shares[row], cosine=cosines[row], weight=weights[name])
        for row, name in enumerate(pulls)
    }
    pairs = combinations(enumerate(pulls), 2)
    return Pulls(terms, {(one, other): between[row, column] for (row, one), (column, other) in pairs})


def _where_any(products: Tensor, lengths: Tensor) -> Tensor:
    """Cosines; 0 where a length is none."""
    return torch.where(lengths > 0, products / lengths.clamp_min(torch.finfo(lengths.dtype).tiny), 0.0)


def add_pulls(pulls: Mapping[str, Tensor]) -> Tensor:
    """The sum that goes through the generator."""
    first, *others = pulls.values()
    total = first
    for pull in others:
        total = total + pull
    return total


def norm_of(gradient: Tensor) -> Tensor:
    """The 2-norm, taken at a scale where squares do not vanish."""
    largest = gradient.abs().amax().clamp_min(torch.finfo(gradient.dtype).tiny)
    return largest * torch.linalg.vector_norm(gradient / largest)
