"""Where each term pulls: its pull at every pixel of a picture, as the next step would take it.

The state is that after a run's last step: the generator after its last update, the critic after its. A step
sees patches, and a critic no other size; so a region of the picture is cut into patches of the training's
size, which go through the step's own arithmetic as one batch. Batch norm and relativistic means are that
batch's, and seams where patches meet are real.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from esrlab.core.backend import precision_context
from esrlab.core.windows import window_sums
from esrlab.data.sampling import Batch
from esrlab.errors import UserError
from esrlab.losses.pulls import measure_pulls
from esrlab.training.state import TrainState, mix
from esrlab.training.step import term_gradients

WIDEST = 256
"""Pixels a side that a region has at most, while two patches fit into it."""

MOST_ACROSS = 4
"""Patches a side that a region has at most."""


@dataclass(frozen=True)
class Region:
    """Part of a picture, in pixels of HR: rows × columns of square patches."""

    top: int
    left: int
    rows: int
    columns: int
    side: int

    @property
    def height(self) -> int:
        """Of all rows together."""
        return self.rows * self.side

    @property
    def width(self) -> int:
        """Of all columns together."""
        return self.columns * self.side


@dataclass(frozen=True)
class PullMap:
    """A term's pull on a region: `strength` (H, W), its 2-norm over RGB, float64 on the CPU.

    share, cosine and weight as in `pulls.Pull`, over this region.
    """

    strength: Tensor
    share: float
    cosine: float
    weight: float


@dataclass(frozen=True)
class PullMaps:
    """All terms' maps of one picture, by their names, and after which step of which run they were taken."""

    region: Region
    seed: int
    step: int
    terms: dict[str, PullMap]


def map_pulls(run: TrainState, *, lr: Tensor, hr: Tensor) -> PullMaps:
    """Every term's pull at a generated picture, the adversary's included; nothing of the run changes.

    lr (1, 3, h, w) and hr (1, 3, h·scale, w·scale) in [0, 1]. Of the picture the region with the most
    detail is taken (`choose_region`). The generated picture is the run's result: the moving average's where
    there is one. Raises UserError for a picture smaller than a patch, and where a pull is not finite.
    """
    region = choose_region(hr, side=run.recipe.hr_size, scale=run.recipe.scale)
    scale, top, left = run.recipe.scale, region.top, region.left
    small = lr[..., top // scale :, left // scale :]
    batch = Batch(
        lr=cut_patches(small, region, side=run.recipe.patches.lr_size),
        hr=cut_patches(hr[..., top:, left:], region, side=region.side),
    ).to(run.device)
    with _unchanged(run):
        with torch.no_grad(), precision_context(run.device, run.recipe.engine.precision):
            generated = run.result(batch.lr)
        gradients = term_gradients(run, batch, generated).gradients
        weights = copy.deepcopy(run.balance).weigh(gradients)
    pulls = {name: slope * weights[name] for name, slope in gradients.items()}
    measured = measure_pulls(pulls, weights).terms
    terms: dict[str, PullMap] = {}
    for name, pull in pulls.items():
        numbers = measured[name]
        # The square of a clipped critic's pull leaves float32's range.
        strength = join_patches(pull.cpu().double(), region).norm(dim=0)
        found = PullMap(strength, float(numbers.share), float(numbers.cosine), float(weights[name]))
        if not all(map(math.isfinite, (float(strength.sum()), found.share, found.cosine, found.weight))):
            raise UserError(f"the pull of {name} is not finite")
        terms[name] = found
    return PullMaps(region, run.seed, run.step, terms)


@contextmanager
def _unchanged(run: TrainState) -> Iterator[None]:
    """Restores the critic's running statistics; draws come from the run's next step, and from its alone."""
    critic = run.adversarial.critic if run.adversarial is not None else None
    kept = [(buffer, buffer.clone()) for buffer in (critic.buffers() if critic is not None else ())]
    devices = [run.device] if run.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(mix(run.draw_seed, run.step))  # a user's own loss may draw
            yield
    finally:
        for buffer, before in kept:
            buffer.copy_(before)


def choose_region(hr: Tensor, *, side: int, scale: int) -> Region:
    """The region of patches of this side with the most detail: the largest sum of differences of neighbours.

    hr (1, 3, H, W), H and W multiples of the scale, as are the region's top and left. It has as many
    patches as fit into the picture and into WIDEST pixels a side, at least two where the picture has room,
    at most MOST_ACROSS a side. Raises UserError where not one patch fits.
    """
    height, width = hr.shape[-2:]
    if min(height, width) < side:
        raise UserError(f"the picture of {width}×{height} pixels is smaller than a patch of {side}")
    most = min(MOST_ACROSS, max(1, WIDEST // side))
    rows, columns = min(most, height // side), min(most, width // side)
    if rows * columns == 1:
        rows, columns = (1, 2) if width >= 2 * side else (2, 1) if height >= 2 * side else (1, 1)
    sums = _window_sums(_detail(hr, scale), rows * side // scale, columns * side // scale)
    row, column = divmod(int(sums.argmax()), sums.shape[1])
    return Region(row * scale, column * scale, rows, columns, side)


def _detail(hr: Tensor, scale: int) -> Tensor:
    """(H/scale, W/scale): differences between neighbours, summed over each LR pixel, in levels: exact."""
    levels = (hr.detach().cpu().double() * 255).round()
    detail = torch.zeros_like(levels)
    detail[..., 1:, :] += levels.diff(dim=-2).abs()
    detail[..., 1:] += levels.diff(dim=-1).abs()
    return avg_pool2d(detail.sum(dim=1), scale, divisor_override=1)[0]


def _window_sums(values: Tensor, height: int, width: int) -> NDArray[np.float64]:
    """The sum over every window of this size, by its top and left."""
    tops, lefts = (
        np.arange(size - side + 1) for size, side in zip(values.shape, (height, width), strict=True)
    )
    return window_sums(values.numpy(), tops=tops, lefts=lefts, bottoms=tops + height, rights=lefts + width)


def cut_patches(image: Tensor, region: Region, *, side: int) -> Tensor:
    """The patches at the top left of (1, 3, H, W), row by row: (rows·columns, 3, side, side)."""
    inside = image[0, :, : region.rows * side, : region.columns * side]
    parts = inside.reshape(3, region.rows, side, region.columns, side)
    return parts.permute(1, 3, 0, 2, 4).reshape(-1, 3, side, side).contiguous()


def join_patches(patches: Tensor, region: Region) -> Tensor:
    """Patches (rows·columns, 3, side, side) side by side again: (3, height, width)."""
    parts = patches.reshape(region.rows, region.columns, 3, region.side, region.side)
    return parts.permute(2, 0, 3, 1, 4).reshape(3, region.height, region.width)
