"""`pairs`: LR images that are there already, in a folder beside the HR images or anywhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from esrlab.core.named_files import SCALE, is_place
from esrlab.data.degradations.base import Crop, Degradation
from esrlab.data.degradations.bicubic import make_lr
from esrlab.data.image_files import Pixels, read_image
from esrlab.data.photos.collection import Photo
from esrlab.data.photos.folder import open_photos
from esrlab.data.photos.hr_images import NO_IMAGES, HrImages
from esrlab.data.photos.partners import find_partners, images_by_name
from esrlab.data.sets.finding import official_lr
from esrlab.errors import UserError

OFFICIAL = "official"
"""In place of a folder: the LR images that a data set comes with."""


class Pairs(Degradation):
    """LR images from a folder, each of the same name as its HR image, or with the scale added (babyx4)."""

    kind: Literal["pairs"] = "pairs"
    folder: str = Field(
        min_length=1,
        description="folder of LR images: a name beside the HR images' folder (LR_matlab_x{scale}), or a "
        "path; {scale} stands for the magnification; official: those of the data set that HR is",
    )

    @property
    def label(self) -> str:
        """`pairs LR_matlab`: the folder's name without the scale."""
        name = Path(self.folder).name.replace(SCALE, "").rstrip("_-. xX")
        return f"pairs {name or Path(self.folder).parent.name or 'LR'}"

    @property
    def text(self) -> str:
        """`pairs:folder=…`."""
        return f"pairs:folder={self.folder}"

    def grid(self, scale: int) -> int:
        """A crop begins where a pixel of LR does."""
        return scale

    def build(self, scale: int, hr: HrImages = NO_IMAGES) -> "FolderOfPairs":
        """The pairs of `hr`; UserError naming an image without a partner, or one whose size does not fit."""
        folder = self.find(scale, hr.folder)
        found = images_by_name(folder)
        names = {name: (hr.folder or Path()) / name for name in hr.names}
        partners = find_partners(
            found, names, sr_folder=folder, hr_folder=hr.folder or Path("HR"), may_be_more=True
        )
        pairs = FolderOfPairs(scale, folder, hr, partners)
        if not hr.corners:
            for name, size in hr.sizes.items():
                photo = pairs.photo_of(name)
                pairs.require_size(name, hr=size, lr=(photo.height, photo.width))
        return pairs

    def origins(self, scale: int, hr: HrImages) -> dict[str, str]:
        """The LR images by their files' digests: resuming, and more seeds of a study, need the same ones."""
        photos = open_photos(str(self.find(scale, hr.folder)), smallest=1)
        return {"lr": f"{len(photos.members)} images, sha256 {photos.fingerprint}"}

    def find(self, scale: int, hr_folder: Path | None) -> Path:
        """The folder of LR images at this scale; UserError where there is none."""
        if self.folder == OFFICIAL:
            if hr_folder is None:
                raise UserError("official LR images go with one data set, by its name, such as div2k")
            return official_lr(hr_folder, scale)
        name = self.folder.replace(SCALE, str(scale))
        if is_place(name):
            place = Path(name)
        elif hr_folder is None:
            raise UserError(
                f"{name} was to be beside the HR images, which lie in no folder of their own; give its path"
            )
        else:
            place = hr_folder.absolute().parent / name
        if not place.is_dir():
            raise UserError(
                f"there is no folder {place} with the LR images at ×{scale}; give another one, by its name "
                "beside the HR images' folder or by its path, as the folder of pairs"
            )
        return place


@dataclass(frozen=True)
class FolderOfPairs:
    """The LR images of a folder at one scale, by the names of their HR images."""

    scale: int
    folder: Path
    hr: HrImages
    partners: dict[str, Path]

    def reduce_crops(self, hr: Tensor, crops: Sequence[Crop], *, seed: int, step: int) -> Tensor:
        """The crops of LR at the same places, turned as those of HR."""
        cut = np.stack([self._cut(crop) for crop in crops])
        return torch.from_numpy(cut).permute(0, 3, 1, 2).float() / 255

    def _cut(self, crop: Crop) -> Pixels:
        top, left, side = (each // self.scale for each in (crop.top, crop.left, crop.side))
        pixels = self.photo_of(crop.photo).crop(top, left, side)
        return np.rot90(pixels[:, ::-1] if crop.is_flipped else pixels, k=crop.turns)

    def reduce_image(self, hr: Tensor, *, name: str) -> Tensor:
        """The LR file of that name, whole or the part that belongs to a crop."""
        lr = read_image(self.partners[name])
        height, width = (side // self.scale for side in hr.shape[-2:])
        if name not in self.hr.corners:
            self.require_size(name, hr=(hr.shape[-2], hr.shape[-1]), lr=(lr.shape[-2], lr.shape[-1]))
            return lr
        top, left = (each // self.scale for each in self.hr.corners[name])
        self.require_size(name, hr=self.hr.sizes[name], lr=(lr.shape[-2], lr.shape[-1]))
        return lr[..., top : top + height, left : left + width]

    def reduce_generated(self, sr: Tensor, *, name: str) -> Tensor:
        """By bicubic interpolation: how the files were made is not known."""
        return make_lr(sr, self.scale)

    def require_size(self, name: str, *, hr: tuple[int, int], lr: tuple[int, int]) -> None:
        """UserError naming the pair where LR's sides are not HR's over the scale, rounded down."""
        wanted = (hr[0] // self.scale, hr[1] // self.scale)
        if lr != wanted:
            raise UserError(
                f"{self.partners[name]} has {lr[1]}×{lr[0]} pixels, but {name} has {hr[1]}×{hr[0]}: at "
                f"×{self.scale} its LR image must have {wanted[1]}×{wanted[0]}"
            )

    def photo_of(self, name: str) -> Photo:
        """A partner's pixels from the packed store, made of the folder the first time."""
        return self._packed[self.partners[name].relative_to(self.folder).as_posix()]

    @cached_property
    def _packed(self) -> dict[str, Photo]:
        found = open_photos(str(self.folder), smallest=1)
        if found.skipped:
            raise UserError(f"{self.folder}: {found.skipped[0][1]}")
        return {photo.name: photo for photo in found.members}
