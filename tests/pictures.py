"""Photographs for tests: noise, saved as files."""

import struct
import zlib
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


def white_png(width: int, height: int) -> bytes:
    """A one-bit PNG of white, made without holding its pixels: small files of very many of them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    row = b"\0" + b"\xff" * ((width + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
