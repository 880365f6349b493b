"""`camera`: what a photograph off the web went through: blur, reduction, noise, JPEG.

The first-order model of Real-ESRGAN (Wang et al. 2021, section 3.1; before it BSRGAN, Zhang et al. 2021) with
bicubic reduction by the scale itself: x = JPEG(round((y ⊗ k) ↓ + n)).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import BeforeValidator, Field, field_validator, model_validator
from torch import Tensor

from esrlab.data.degradations.base import Seed, Synthetic
from esrlab.data.degradations.bicubic import bicubic_down, round_levels
from esrlab.data.degradations.camera_stages import Blur, add_gaussian, add_poisson, apply_blurs
from esrlab.data.image_files import through_jpeg


def _as_range(value: Any) -> Any:
    """One number stands for the range from it to itself."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return (value, value) if is_number else value


Probability = Annotated[float, Field(ge=0, le=1)]
_Sigma = Annotated[float, Field(gt=0, le=100)]
_Levels = Annotated[float, Field(ge=0, le=255)]
_Quality = Annotated[int, Field(ge=1, le=100)]


@dataclass(frozen=True)
class Shot:
    """What was drawn for one image; None for a stage that is left out."""

    blur: Blur | None
    poisson: float | None
    gaussian: float | None
    is_poisson_grey: bool
    is_gaussian_grey: bool
    quality: int | None


class Camera(Synthetic):
    """Blur, bicubic reduction, Poisson and Gaussian noise, JPEG, each with its probability and range."""

    kind: Literal["camera"] = "camera"
    blur: Probability = Field(default=1.0, description="probability of a Gaussian blur before the reduction")
    blur_sigma: Annotated[tuple[_Sigma, _Sigma], BeforeValidator(_as_range)] = Field(
        default=(0.2, 3.0), description="range of the blur's standard deviation in HR pixels"
    )
    anisotropic: Probability = Field(
        default=0.35, description="part of the blurs with two standard deviations, turned by any angle"
    )
    kernel_size: int = Field(default=21, ge=1, le=101, description="side of the blur's kernel in pixels, odd")
    poisson: Probability = Field(default=0.5, description="probability of Poisson (shot) noise")
    poisson_sigma: Annotated[tuple[_Levels, _Levels], BeforeValidator(_as_range)] = Field(
        default=(1.0, 48.0), description="range of its standard deviation at white, in levels of 255"
    )
    gaussian: Probability = Field(default=0.5, description="probability of Gaussian noise")
    gaussian_sigma: Annotated[tuple[_Levels, _Levels], BeforeValidator(_as_range)] = Field(
        default=(1.0, 30.0), description="range of its standard deviation, in levels of 255"
    )
    grey_noise: Probability = Field(
        default=0.4, description="part of the noises that are the same in R, G and B"
    )
    jpeg: Probability = Field(default=1.0, description="probability of JPEG compression, chroma at 4:2:0")
    jpeg_quality: Annotated[tuple[_Quality, _Quality], BeforeValidator(_as_range)] = Field(
        default=(30, 95), description="range of the JPEG quality"
    )

    @field_validator("kernel_size")
    @classmethod
    def _is_odd(cls, size: int) -> int:
        if size % 2 == 0:
            raise ValueError(f"a kernel's side must be odd, such as {size + 1}")
        return size

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("blur_sigma", "poisson_sigma", "gaussian_sigma", "jpeg_quality"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(
                    f"{name} goes from {low:g} to {high:g}; give the smaller number first, or one alone"
                )
        return self

    @property
    def label(self) -> str:
        """`camera`, and which of its fields are not as by default."""
        return ":".join(["camera", *(f"{name}={_say(value)}" for name, value in self.changes().items())])

    def draw(self, rng: np.random.Generator) -> Shot:
        """What one image goes through: numbers are drawn in a fixed order, whichever stages there will be."""
        blur, shape, shot, shot_grey, read, read_grey, jpeg = rng.random(7)
        first, second, at_white, in_dark = rng.random(4)
        angle, quality = math.pi * rng.random(), rng.integers(*self.jpeg_quality, endpoint=True)
        sigma = _within(self.blur_sigma, first)
        across = _within(self.blur_sigma, second) if shape < self.anisotropic else sigma
        return Shot(
            blur=Blur(sigma, across, angle) if blur < self.blur else None,
            poisson=_within(self.poisson_sigma, at_white) if shot < self.poisson else None,
            gaussian=_within(self.gaussian_sigma, in_dark) if read < self.gaussian else None,
            is_poisson_grey=bool(shot_grey < self.grey_noise),
            is_gaussian_grey=bool(read_grey < self.grey_noise),
            quality=int(quality) if jpeg < self.jpeg else None,
        )

    def reduce(self, hr: Tensor, scale: int, seeds: Sequence[Seed]) -> Tensor:
        """Blur, reduction, noise, rounding to 8 bits, JPEG; with none of the stages it is `bicubic`."""
        rngs = [np.random.default_rng(seed) for seed in seeds]
        shots = [self.draw(rng) for rng in rngs]
        levels = apply_blurs(hr.double(), [shot.blur for shot in shots], size=self.kernel_size)
        small = bicubic_down(levels, scale)
        made = [_develop(one, shot, rng) for one, shot, rng in zip(small, shots, rngs, strict=True)]
        return torch.stack(made).div(255).float()


def _develop(levels: Tensor, shot: Shot, rng: np.random.Generator) -> Tensor:
    """What happens after the reduction: (3, h, w) float64, in and out, whole levels then."""
    noisy = levels.numpy()
    if shot.poisson:
        noisy = add_poisson(noisy, shot.poisson, is_grey=shot.is_poisson_grey, rng=rng)
    if shot.gaussian:
        noisy = add_gaussian(noisy, shot.gaussian, is_grey=shot.is_gaussian_grey, rng=rng)
    rounded = round_levels(torch.from_numpy(noisy))
    if shot.quality is None:
        return rounded
    pixels = rounded.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return torch.from_numpy(through_jpeg(pixels, quality=shot.quality)).permute(2, 0, 1).double()


def _within(bounds: tuple[float, float], part: float) -> float:
    low, high = bounds
    return low + (high - low) * float(part)


def _say(value: Any) -> str:
    """A field's value as `parse_degradation` reads it."""
    if not isinstance(value, tuple):
        return f"{value:.15g}"
    low, high = value
    return f"{low:.15g}" if low == high else f"{low:.15g}..{high:.15g}"
