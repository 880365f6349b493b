"""Random directions, and distributions compared along them: what sliced Wasserstein distances are made of."""

import math
from functools import lru_cache

import torch
from torch import Tensor


def directions(count: int, shape: tuple[int, ...], *, seed: int, like: Tensor) -> Tensor:
    """Random directions of unit length in the space of `shape`, uniform over the sphere: (count, *shape).

    The same for a seed and shape at every call and on every machine, so that a training that is resumed goes
    on with those it began with. Dtype and device are those of `like`.
    """
    return _draw(count, shape, seed, like.dtype, like.device)


@lru_cache(maxsize=64)
def _draw(count: int, shape: tuple[int, ...], seed: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # a tensor of inference mode could take part in no later training
        drawn = torch.randn(
            (count, math.prod(shape)), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        unit = drawn / torch.linalg.vector_norm(drawn, dim=1, keepdim=True)
        return unit.view(count, *shape).to(device=device, dtype=dtype)


def sorted_difference(sr: Tensor, hr: Tensor) -> Tensor:
    """The difference of the r-th smallest values, r by r, along the last dimension: of the same shape.

    Its mean absolute value is the distance of Wasserstein (p = 1) between the two samples, its mean square
    that for p = 2, squared.
    """
    return sr.sort(dim=-1).values - hr.sort(dim=-1).values
