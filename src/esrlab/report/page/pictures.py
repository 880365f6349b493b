"""Pictures of a study: read, cut where methods differ most, encoded without loss. Needs matplotlib.

Lossless WebP, since a lossy codec's own artefacts would be confused with those to be compared.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrlab.core.windows import window_sums
from esrlab.errors import UserError

Pixels = NDArray[np.uint8]

GRID = 12
"""Crops begin and end at multiples of this, so that LR has whole pixels at ×2, ×3 and ×4."""

BUDGET = 12_000_000
"""Bytes of the page that pictures may take, maps of pulls included."""

BYTES_A_PIXEL = 1.8 * 4 / 3
"""Of a crop of a photograph, encoded without loss and then as text."""

SIDES = (48, 192)
"""The least and the most pixels a side of a crop."""

LEVELS = 64
"""Colours of a map: more are not told apart, and noise in them is dear."""

PALETTE = "magma"
"""From black to near white, brighter with every step, to every kind of eye."""

RULE = (
    "The crop of each image is the same for all: the window where the methods' pictures differ most from "
    "each other (variance between methods, averaged over magnifications; trainings that "
    "collapsed or diverged do not count while others are left)."
)


def open_picture(path: Path) -> NDArray[Any]:
    """A picture as matplotlib has it; raises UserError naming a file that is none."""
    from matplotlib.image import imread

    try:
        return np.asarray(imread(path))
    except Exception as error:  # readers of pictures raise whatever they like
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{path} cannot be read as a picture ({reason}); make it again or remove it"
        ) from error


def read_picture(path: Path) -> Pixels:
    """(H, W, 3) bytes; raises UserError naming a file that is no picture."""
    pixels = open_picture(path)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.dtype != np.uint8:  # PNG is read as parts of 1, other formats as bytes
        pixels = np.round(pixels * np.float64(255)).astype(np.uint8)
    return pixels[..., :3]


def encode_picture(pixels: Pixels) -> str:
    """The picture as a data URI, without loss; equal pixels give equal text."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    settings = {"lossless": True, "quality": 80, "method": 4}
    imsave(buffer, np.ascontiguousarray(pixels), format="webp", pil_kwargs=settings)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def choose_side(pictures: float, *, taken: int = 0) -> int:
    """Pixels a side, so that so many crops stay within what is left of BUDGET, of which others took bytes."""
    side = int(((BUDGET - taken) / max(pictures, 1.0) / BYTES_A_PIXEL) ** 0.5) // GRID * GRID
    return max(SIDES[0], min(SIDES[1], side))


def variance_between(pictures: Sequence[Pixels]) -> NDArray[np.float64]:
    """(H, W): the variance between pictures of one size, summed over channels."""
    first, *others = (picture.astype(np.float64) for picture in pictures)
    total, squares = first.copy(), first**2
    for other in others:
        total += other
        squares += other**2
    count = len(pictures)
    return (squares / count - (total / count) ** 2).sum(axis=-1)


def best_window(energy: NDArray[np.float64], *, side: int) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the window with the largest sum, on the grid where the picture allows."""
    rows, columns = energy.shape
    height, width = (min(side, size // GRID * GRID) or size for size in (rows, columns))
    tops = np.arange(0, rows - height + 1, GRID)
    lefts = np.arange(0, columns - width + 1, GRID)
    sums = window_sums(energy, tops=tops, lefts=lefts, bottoms=tops + height, rights=lefts + width)
    row, column = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(tops[row]), int(lefts[column]), height, width


def shrink(pixels: Pixels, factor: int) -> Pixels:
    """(H, W, C) bytes -> (H/factor, W/factor, C): means of squares; a rest at the right and below goes."""
    height, width = (size // factor for size in pixels.shape[:2])
    parts = pixels[: height * factor, : width * factor].astype(np.float64)
    means = parts.reshape(height, factor, width, factor, -1).mean(axis=(1, 3))
    return means.round().astype(np.uint8)


def colour(grey: Pixels) -> Pixels:
    """(H, W, 1) levels from 0 to 255 -> (H, W, 3) in LEVELS colours of PALETTE."""
    from matplotlib import colormaps

    palette = np.asarray(colormaps[PALETTE](np.arange(LEVELS) / (LEVELS - 1)))[:, :3]
    return np.round(palette * 255).astype(np.uint8)[np.round(grey[..., 0] / 255 * (LEVELS - 1)).astype(int)]
