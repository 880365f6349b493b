"""Damaged and hostile images, fed to what reads folders of them: packing, evaluation, training."""

import random
import shutil
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .base import Base, tiny_training
from .cases import LET_IN, LOST, Case, Ended, Fault, nothing_more
from .damage import damage, splice
from .pictures import SUFFIX, Picture, chunk, draw, draw_bomb, draw_foreign, photograph, with_text

NEIGHBOUR = "undamaged"
ODD_NAMES: tuple[bytes, ...] = (
    b"caf\xe9",
    b"two\nlines",
    b"\x1b[31mred\x1b[0m",
    b"\xe2\x80\xa8",
    b"=cmd()",
    b"-rf",
    b"a" * 240,
    b" space ",
    b"<b>",
    b"\xff\xfe",
    b"tab\there",
    b"\xed\xa0\x80",
)
"""File names that a file system allows: no Unicode, escape sequences, line separators, formulas."""


def private_picture() -> bytes:
    """A picture that nobody may see."""
    return with_text(photograph(30, 30, phase=3.0), "private")


def make_case(base: Base, folder: Path, dice: random.Random, number: int) -> Case:
    """One image and a command that meets it, beside an undamaged one."""
    picture = draw_any(dice)
    name = b"damaged"
    if dice.random() < 0.04:
        name = dice.choice(ODD_NAMES)
    file = name + picture.suffix.encode()
    feed = dice.choices((_pack, _against, _benchmark, _train), weights=(55, 27, 15, 3))[0]
    return feed(base, folder, picture, file, dice)


def draw_any(dice: random.Random) -> Picture:
    """A picture of any kind: damaged, mostly; valid, foreign, a bomb, noise."""
    kind = dice.choices(("damaged", "valid", "foreign", "bomb", "noise"), weights=(80, 8, 7, 3, 2))[0]
    match kind:
        case "valid":
            return draw(dice)
        case "foreign":
            picture = draw_foreign(dice)
            if dice.random() < 0.5:
                return picture
            data, how = damage(picture.data, dice)
            return Picture(data, picture.suffix, picture.size, f"{picture.about}, {how}")
        case "bomb":
            return draw_bomb(dice)
        case "noise":
            data = dice.randbytes(dice.choice((0, 1, 8, 500)))
            return Picture(data, dice.choice(tuple(SUFFIX.values())), (24, 24), f"{len(data)} random bytes")
        case _:
            return _damaged(draw(dice), dice)


def _damaged(picture: Picture, dice: random.Random) -> Picture:
    """Damaged in one of five ways; of PNGs, some with checksums that are right again."""
    how = dice.random()
    if how < 0.1:
        other = draw(dice)
        data, words = splice(picture.data, other.data, dice), f"spliced with {other.about}"
    elif how < 0.15:
        data, words = picture.data, "of another ending"
        return Picture(data, dice.choice(tuple(SUFFIX.values())), picture.size, f"{picture.about} {words}")
    elif how < 0.35 and picture.data.startswith(b"\x89PNG"):
        data, words = _damage_chunk(picture.data, dice)
    else:
        data, words = damage(picture.data, dice, most=3)
    return Picture(data, picture.suffix, picture.size, f"{picture.about}, {words}")


def _damage_chunk(data: bytes, dice: random.Random) -> tuple[bytes, str]:
    """A PNG with one chunk's payload damaged, or the chunk repeated or left out, checksums right."""
    chunks, place = list[tuple[bytes, bytes]](), 8
    while place + 12 <= len(data):
        length = struct.unpack(">I", data[place : place + 4])[0]
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    index = dice.randrange(len(chunks))
    name, payload = chunks[index]
    how = dice.choice(("payload", "payload", "twice", "without", "moved"))
    if how == "payload" and payload:
        chunks[index] = (name, damage(payload, dice)[0])
    elif how == "twice":
        chunks.insert(index, (name, payload))
    elif how == "without":
        del chunks[index]
    else:
        chunks.insert(dice.randrange(len(chunks)), chunks.pop(index))
    return data[:8] + b"".join(
        chunk(*each) for each in chunks
    ), f"chunk {name.decode(errors='replace')} {how}"


def put(folder: Path, file: bytes, data: bytes) -> None:
    """Writes a file of any name."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(bytes(folder) + b"/" + file, "wb") as stream:  # noqa: PTH123 (a name that is no text)
        stream.write(data)


def put_neighbour(folder: Path, *, side: int = 40) -> None:
    """Puts an undamaged photograph beside."""
    put(folder, f"{NEIGHBOUR}.png".encode(), b"")
    photograph(side, side).save(folder / f"{NEIGHBOUR}.png")


def _pack(base: Base, folder: Path, picture: Picture, file: bytes, dice: random.Random) -> Case:
    put(folder / "photos", file, picture.data)
    put_neighbour(folder / "photos")
    return Case(
        f"{picture.about} → data pack",
        ("data", "pack", "photos"),
        check=partial(_is_packed, foreign=file if picture.is_foreign else None),
        is_narrow=dice.random() < 0.02,
    )


def _is_packed(folder: Path, ended: Ended, *, foreign: bytes | None) -> Fault:
    for index in (folder / "cache" / "photos").glob("*/index.json"):
        packed = index.read_text(encoding="utf-8").partition('"set_aside":')[0]
        if foreign is not None and f'"{foreign.decode(errors="replace")}"' in packed:
            return LET_IN, "an image of a format that was not promised is packed"
        if f'"{NEIGHBOUR}.png"' in packed:
            return None
    return LOST, "the undamaged photograph is not packed"


def _against(base: Base, folder: Path, picture: Picture, file: bytes, dice: random.Random) -> Case:
    """The damaged one is the result, or the true image; the other side is of the size it had."""
    damaged, other = ("sr", "hr") if dice.random() < 0.7 else ("hr", "sr")
    put(folder / damaged, file, picture.data)
    width, height = (min(side, 20000) for side in picture.size)
    if width * height <= 10**6:
        put(folder / other, file, b"")
        stem = bytes(folder / other) + b"/" + file
        photograph(width, height).save(stem.decode("utf-8", "surrogateescape"), "PNG")
    else:
        put(folder / other, file, picture.data)
    put_neighbour(folder / "sr")
    put_neighbour(folder / "hr")
    return Case(
        f"{picture.about} → evaluate --against",
        ("evaluate", "sr", "--against", "hr", "--scale", dice.choice(("2", "4")), "--json"),
        check=_is_scored,
    )


def _is_scored(folder: Path, ended: Ended) -> Fault:
    """Sizes that differ may stop a comparison, and names that differ; damage may not."""
    if f"{NEIGHBOUR}.png" in ended.stdout:
        return None
    if any(words in ended.stderr for words in ("must agree", "has no partner")):
        return None
    return LOST, "the undamaged pair is not scored"


def _benchmark(base: Base, folder: Path, picture: Picture, file: bytes, dice: random.Random) -> Case:
    put(folder / "bench", file, picture.data)
    put_neighbour(folder / "bench")
    method = dice.choice(("bicubic", "bicubic", "generator.safetensors"))
    shutil.copy(base.folder / "run" / "generator.safetensors", folder)
    return Case(
        f"{picture.about} → evaluate {method} --benchmark",
        ("evaluate", method, "--benchmark", "B=bench", "--scale", "2", "--json"),
        check=_is_measured,
    )


def _is_measured(folder: Path, ended: Ended) -> Fault:
    return None if f"B/{NEIGHBOUR}" in ended.stdout else (LOST, "the undamaged image is not scored")


def _train(base: Base, folder: Path, picture: Picture, file: bytes, dice: random.Random) -> Case:
    put(folder / "photos", file, picture.data)
    put_neighbour(folder / "photos")
    validation = ("--validation", "photos") if dice.random() < 0.5 else ()
    return Case(
        f"{picture.about} → train --photos",
        tiny_training("psnr", out="new", photos="photos", steps=2, more=validation),
        check=_is_trained if not validation else nothing_more,
    )


def _is_trained(folder: Path, ended: Ended) -> Fault:
    is_there = (folder / "new" / "generator.safetensors").is_file()
    return None if is_there else (LOST, "nothing was trained")


Make = Callable[[Base, Path, random.Random, int], Case]
