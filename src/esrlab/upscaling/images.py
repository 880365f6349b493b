"""A larger image of the same kind: `esrlab.upscale`."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from esrlab.data.image_files import PillowImage
from esrlab.data.photograph_files.pillow import levels_to_pillow, pillow_levels
from esrlab.data.photograph_files.reading import Levels, read_photograph
from esrlab.errors import UsageError
from esrlab.upscaling.enlarge import enlarge, enlarge_array
from esrlab.upscaling.find_model import DEFAULT_MODEL, open_model, scale_to_open
from esrlab.upscaling.rows import peak_of
from esrlab.upscaling.tiles import Progress

Model = str | PathLike[str] | nn.Module
"""A model's name, a generator's file, a run's folder, or a network of yours with its `scale`."""


@overload
def upscale(
    image: Tensor,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    model: Model | Sequence[Model] = DEFAULT_MODEL,
    memory: int | None = None,
    keep_colour: bool = True,
    device: str = "auto",
    progress: Progress | None = None,
) -> Tensor: ...
@overload
def upscale(
    image: NDArray[Any],
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    model: Model | Sequence[Model] = DEFAULT_MODEL,
    memory: int | None = None,
    keep_colour: bool = True,
    device: str = "auto",
    progress: Progress | None = None,
) -> NDArray[Any]: ...
@overload
def upscale(
    image: PillowImage | str | PathLike[str],
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    model: Model | Sequence[Model] = DEFAULT_MODEL,
    memory: int | None = None,
    keep_colour: bool = True,
    device: str = "auto",
    progress: Progress | None = None,
) -> PillowImage: ...
def upscale(
    image: Tensor | NDArray[Any] | PillowImage | str | PathLike[str],
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    model: Model | Sequence[Model] = DEFAULT_MODEL,
    memory: int | None = None,
    keep_colour: bool = True,
    device: str = "auto",
    progress: Progress | None = None,
) -> Tensor | NDArray[Any] | PillowImage:
    """An image made larger by a generator, in tiles where its memory asks for it; of the kind that is given.

    image: an array (H, W) or (H, W, C) of uint8, uint16 or floats in [0, 1]; an image of Pillow's; an image
    file (which gives an image of Pillow's); a float tensor (N, C, H, W) in [0, 1]. C is 1 for grey, 2 for
    grey with alpha, 3 for RGB, 4 for RGB with alpha. Grey stays grey, 16 bits stay 16 bits (Pillow has them
    for grey alone: colours become 8 bits there). Pillow's EXIF orientation is applied.

    scale: any number above 0, by default the model's own; or size, (height, width). What the model's own
    scale does not make is done by bicubic. model: a model's name, a generator's file, a run's folder, or a
    network in eval mode with its `scale`; of several, each takes what the one before it made. memory: bytes
    that may be taken beside what is held already; by default half of what is free. keep_colour: the result's
    low frequencies are the image's. device: "auto", "cpu", "cuda" or "mps"; a network of yours stays where
    it is. progress: called with the numbers of tiles done and of all; of several images, for each anew.

    Raises UsageError for what cannot be asked for, UserError for a model or file that cannot be read.
    """
    if not isinstance(image, (Tensor, np.ndarray, PillowImage, str, PathLike)):
        raise UsageError(
            f"image is a {type(image).__name__}; give an array (H, W) or (H, W, C), an image of Pillow's, an "
            "image file or a float tensor (N, C, H, W) in [0, 1]"
        )
    networks = _open(model, scale=scale, device=device)
    settings = _Settings(scale, size, memory, keep_colour, progress)
    if isinstance(image, Tensor):
        return _upscale_tensor(image, networks, settings)
    if isinstance(image, np.ndarray):
        return _upscale_array(image, networks, settings)
    return levels_to_pillow(_upscale_array(_levels(image), networks, settings))


def _levels(image: PillowImage | str | PathLike[str]) -> Levels:
    is_open = isinstance(image, PillowImage)
    return pillow_levels(image, name="image") if is_open else read_photograph(Path(image)).pixels


@dataclass(frozen=True)
class _Settings:
    scale: float | None
    size: tuple[int, int] | None
    memory: int | None
    keep_colour: bool
    progress: Progress | None


def _open(model: Model | Sequence[Model], *, scale: float | None, device: str) -> list[nn.Module]:
    """The networks in their order; a name without a scale is looked for at the scale that is asked for."""
    single = isinstance(model, (str, PathLike, nn.Module))
    models = [model] if single else list(model)
    wanted = None if scale is None or len(models) > 1 else scale
    return [
        _checked(each)
        if isinstance(each, nn.Module)
        else open_model(each, scale=scale_to_open(each, wanted), device=device)
        for each in models
    ]


def _checked(network: nn.Module) -> nn.Module:
    """A user's network; UsageError for one in training mode, which would change by being used."""
    if network.training:
        raise UsageError(f"{type(network).__name__} is in training mode: call its eval() first")
    return network


def _upscale_tensor(image: Tensor, networks: list[nn.Module], settings: _Settings) -> Tensor:
    if image.ndim != 4 or not image.is_floating_point() or image.numel() == 0:
        raise UsageError(
            f"image is a tensor {tuple(image.shape)} of {image.dtype}; "
            "give floats in [0, 1] of shape (N, C, H, W)"
        )
    _check_range(*(bound.item() for bound in image.detach().aminmax()))
    made = [
        enlarge(
            each.detach(),
            networks,
            scale=settings.scale,
            size=settings.size,
            memory=settings.memory,
            keep_colour=settings.keep_colour,
            progress=settings.progress,
        )
        for each in image.split(1)
    ]
    return torch.cat(made).to(image)


def _upscale_array(image: NDArray[Any], networks: list[nn.Module], settings: _Settings) -> NDArray[Any]:
    if image.ndim not in (2, 3) or image.size == 0:
        raise UsageError(f"image is an array of shape {image.shape}; give (H, W) or (H, W, C)")
    if peak_of(image.dtype) == 1:
        _check_range(float(image.min()), float(image.max()))
    bands = enlarge_array(
        image if image.ndim == 3 else image[..., None],
        networks,
        scale=settings.scale,
        size=settings.size,
        memory=settings.memory,
        keep_colour=settings.keep_colour,
        progress=settings.progress,
    )
    made = np.concatenate(list(bands))
    return made if image.ndim == 3 else made[..., 0]


def _check_range(low: float, high: float) -> None:
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise UsageError(
            f"image has values from {low:.6g} to {high:.6g}; floats are in [0, 1]: divide 8-bit values by 255"
        )
