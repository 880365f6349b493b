"""One batch of images: every direction there, the cosines between them, their norms and their frequencies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esrlab.core.kinship_rows import BatchRows, Direction, rounded
from esrlab.core.spectra import band_powers
from esrlab.data.sampling import Batch
from esrlab.kinship.games import TrainedGame, pull_of_game
from esrlab.losses.inputs import LossFunction, LossInputs
from esrlab.training.state import mix

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Directions:
    """Descent directions at N images, by name in order: (L, N, 3, H, W), and the games' margins (G, N)."""

    names: tuple[str, ...]
    values: Tensor
    margins: Tensor


def take_directions(
    batch: Batch,
    sr: Tensor,
    losses: Sequence[tuple[Direction, LossFunction]],
    games: Sequence[TrainedGame],
    *,
    draw: int,
) -> Directions:
    """Minus the gradient of every loss and game at the generated images sr (N, 3, H, W).

    Losses are means over the batch, so that each gradient is multiplied by N: it is then the image's own,
    whatever the batch's size (relativistic means and batch norm aside, which look at the batch as a training
    does). draw: seeds what a user's own loss may draw. float64 on the CPU.
    """
    shared = LossInputs(lr=batch.lr, sr=sr.detach().requires_grad_(), hr=batch.hr)
    found: list[Tensor] = []
    for place, (_, loss) in enumerate(losses):
        with torch.random.fork_rng(devices=[sr.device] if sr.device.type == "cuda" else []):
            torch.manual_seed(mix(draw, place))
            value = loss(shared)
        (gradient,) = torch.autograd.grad(value, shared.sr, allow_unused=True)
        found.append(torch.zeros_like(sr) if gradient is None else gradient)
    margins: list[Tensor] = []
    for trained in games:
        gradient, margin = pull_of_game(trained, batch.hr, sr)
        found.append(gradient)
        margins.append(margin)
    names = (*(each.name for each, _ in losses), *(each.game.direction.name for each in games))
    values = torch.stack([each.detach().cpu().double() for each in found])
    told = torch.stack([each.cpu().double() for each in margins]) if margins else values.new_zeros(0, len(sr))
    return Directions(names, -len(sr) * values, told)


def measure_batch(found: Directions, *, index: int, photos: Sequence[str], bands: int) -> BatchRows:
    """What is kept of a batch's directions; one that is 0 at an image has no cosine and no spectrum there."""
    norms, cosines, shares = measure_directions(found.values, bands=bands)
    above = np.triu_indices(len(found.names), 1)
    return BatchRows(
        batch=index,
        photos=list(photos),
        norms=rounded(norms),
        cosines=rounded(cosines[:, above[0], above[1]]),
        shares=rounded(shares),
        margins=rounded(found.margins.T.numpy()),
    )


def measure_directions(values: Tensor, *, bands: int) -> tuple[Array, Array, Array]:
    """(L, N, C, H, W) in float64 -> norms (N, L), cosines (N, L, L) and parts of the power (N, L, bands).

    Taken at the scale of each direction's largest value, so that squares of a clipped critic's 1e-20 do not
    vanish. A direction that is not finite has nan throughout; one that is 0 the norm 0 and nan otherwise.
    """
    rows = values.transpose(0, 1)
    largest = rows.abs().amax(dim=(2, 3, 4))
    is_there = largest.isfinite() & (largest > 0)
    scaled = rows / torch.where(is_there, largest, 1.0)[:, :, None, None, None]
    scaled = torch.where(is_there[:, :, None, None, None], scaled, 0.0)
    lengths = scaled.flatten(2).norm(dim=2)
    units = scaled.flatten(2) / torch.where(is_there, lengths, 1.0)[:, :, None]
    nan = torch.full_like(lengths, torch.nan)
    cosines = torch.where(
        is_there[:, :, None] & is_there[:, None, :], units @ units.transpose(1, 2), torch.nan
    )
    norms = torch.where(is_there, largest * lengths, torch.where(largest == 0, 0.0, nan))
    powers = torch.stack([band_powers(each, bands) for each in scaled])
    shares = powers / torch.where(is_there, powers.sum(dim=2), torch.nan)[:, :, None]
    return norms.numpy(), cosines.clamp(-1, 1).numpy(), shares.numpy()
