"""Photographs for tests: noise, saved as files."""

from pathlib import Path

import numpy as np
from PIL import Image


def save(path: Path, *, side: int = 80, seed: int = 0) -> None:
    """Writes side × side + 5 pixels of noise; equal seeds give equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side + 5, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def save_many(folder: Path, count: int, *, side: int = 80) -> None:
    """Writes 00.png, 01.png, …"""
    for index in range(count):
        save(folder / f"{index:02}.png", side=side, seed=index)
