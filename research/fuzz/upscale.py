"""Damaged and hostile photographs through `esrlab upscale` and a tiny generator, beside an undamaged one."""

import io
import os
import random
import shutil
from functools import partial
from pathlib import Path

from PIL import Image

from .base import Base
from .cases import LOST, TRACEBACK, Case, Ended, Fault
from .images import NEIGHBOUR, ODD_NAMES, draw_any, put, put_neighbour
from .pictures import SUFFIX, Picture

MOST_PIXELS = "1000000"
"""$ESRLAB_MAX_PIXELS: upscaling a larger picture would be work, not a hang."""

OPTIONS: tuple[tuple[str, ...], ...] = (
    (),
    (),
    ("--format", "png"),
    ("--format", "jpg"),
    ("--format", "webp"),
    ("--format", "tiff"),
    ("--scale", "1.5"),
    ("--width", "50"),
    ("--no-keep-colour",),
    ("--memory", "200MB"),
)


def make_case(base: Base, folder: Path, dice: random.Random, number: int) -> Case:
    """One PNG, JPEG, WebP or TIFF file, or what pretends to be one, and an undamaged photograph."""
    picture = _draw(dice)
    name = dice.choice(ODD_NAMES) if dice.random() < 0.04 else b"damaged"
    file = name + picture.suffix.encode()
    put(folder / "photos", file, picture.data)
    put_neighbour(folder / "photos")
    shutil.copy(base.folder / "run" / "generator.safetensors", folder)
    options = dice.choice(OPTIONS)
    asked = ("upscale", "photos", "--model", "generator.safetensors", "--out", "large", "--device", "cpu")
    return Case(
        f"{picture.about} → upscale {' '.join(options)}".rstrip(),
        (*asked, *options),
        check=partial(_is_upscaled, file=file),
        is_narrow=dice.random() < 0.02,
    )


def _draw(dice: random.Random) -> Picture:
    while (picture := draw_any(dice)).suffix == SUFFIX["BMP"]:
        pass
    return picture


def _is_upscaled(folder: Path, ended: Ended, *, file: bytes) -> Fault:
    """The undamaged one is there, and the other is whole or, with exit code 1, absent."""
    made = {os.fsencode(path.stem): path for path in (folder / "large").glob("*")}
    if NEIGHBOUR.encode() not in made:
        return LOST, "the undamaged photograph is not upscaled"
    stem = os.fsencode(Path(os.fsdecode(file)).stem)
    if (stem in made) != (ended.code == 0):
        return LOST, f"exit code {ended.code}, and the result is {'there' if stem in made else 'not there'}"
    for path in made.values():
        try:
            with Image.open(io.BytesIO(path.read_bytes())) as image:
                image.load()
        except Exception as error:
            return TRACEBACK, f"the result cannot be read: {error}"
    return None
