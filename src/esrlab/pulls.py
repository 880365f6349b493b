"""A term's pull: its weighted gradient at the generated image, and what there is to measure of it."""

from collections.abc import Mapping
from dataclasses import dataclass

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


def measure_pulls(pulls: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Pull]:
    """Measures each term's pull (N, 3, H, W) beside all others."""
    total = add_pulls(pulls)
    norms = {name: norm_of(pull) for name, pull in pulls.items()}
    all_norms = torch.stack(list(norms.values())).sum().clamp_min(torch.finfo(total.dtype).tiny)
    direction = _unit(total, norm_of(total))
    return {
        name: Pull(
            norm=norms[name],
            share=norms[name] / all_norms,
            cosine=(_unit(pull, norms[name]) * direction).sum(),
            weight=weights[name],
        )
        for name, pull in pulls.items()
    }


def add_pulls(pulls: Mapping[str, Tensor]) -> Tensor:
    """The sum that goes through the generator."""
    first, *others = pulls.values()
    total = first
    for pull in others:
        total = total + pull
    return total


def norm_of(gradient: Tensor) -> Tensor:
    """The 2-norm, taken at a scale where squares do not vanish: a clipped WGAN pulls with 1e-20 and less."""
    largest = gradient.abs().amax().clamp_min(torch.finfo(gradient.dtype).tiny)
    return largest * torch.linalg.vector_norm(gradient / largest)


def _unit(gradient: Tensor, norm: Tensor) -> Tensor:
    """The gradient at length 1, or 0 where it has none; torch's cosine_similarity gives up below 1e-8."""
    return torch.where(norm > 0, gradient / norm.clamp_min(torch.finfo(norm.dtype).tiny), 0.0)
