"""Where directions pull in a few of the images: a map of each, its 2-norm over the channels."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esrlab.core.files import replacing
from esrlab.data.sampling import Batch
from esrlab.kinship.images import Crops, Images
from esrlab.kinship.measuring import Directions

MAPS = "maps"
"""The folder, within a kinship's, of the models' maps."""


@dataclass(frozen=True)
class _Candidate:
    detail: float
    photo: str
    lr: Tensor
    hr: Tensor


def choose_images(crops: Crops, count: int) -> Images | None:
    """Of all measured crops the most detailed, each of another photograph, as one batch; None for none.

    Detail is the sum of differences between neighbours in HR; of equal ones the first is taken.
    """
    best: dict[str, _Candidate] = {}
    for index in range(crops.batches if count else 0):
        for each in _candidates(crops.take(index)):
            if each.photo not in best or each.detail > best[each.photo].detail:
                best[each.photo] = each
    chosen = sorted(best.values(), key=lambda each: -each.detail)[:count]
    if not chosen:
        return None
    batch = Batch(torch.stack([each.lr for each in chosen]), torch.stack([each.hr for each in chosen]))
    return Images(batch, tuple(each.photo for each in chosen))


def _candidates(images: Images) -> Iterable[_Candidate]:
    for lr, hr, photo in zip(images.batch.lr, images.batch.hr, images.photos, strict=True):
        detail = hr.double().diff(dim=1).abs().sum() + hr.double().diff(dim=2).abs().sum()
        yield _Candidate(float(detail), photo, lr, hr)


def maps_file(folder: Path, key: str) -> Path:
    """Where a model's maps are; `key`: its name with its scale."""
    return folder / MAPS / f"{key}.npz"


def write_maps(path: Path, found: Directions, images: Images, sr: Tensor) -> None:
    """Keeps the maps and their pictures as arrays, the same bytes for the same values.

    strength (L, M, H, W): float16, each map with its largest value as 1; names; hr and sr (M, H, W, 3) and
    lr (M, h, w, 3) in 8 bits; photos.
    """
    strength = found.values.norm(dim=2)
    largest = strength.amax(dim=(2, 3), keepdim=True)
    relative = strength / torch.where(largest > 0, largest, 1.0)
    with replacing(path) as temporary:
        np.savez_compressed(
            temporary,
            strength=relative.numpy().astype(np.float16),
            names=np.array(found.names),
            photos=np.array(images.photos),
            hr=_levels(images.batch.hr),
            sr=_levels(sr),
            lr=_levels(images.batch.lr),
        )


def _levels(images: Tensor) -> NDArray[np.uint8]:
    return (images.cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
