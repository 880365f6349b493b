"""Damage to bytes: what disks, downloads, editors and the ill-disposed do to a file."""

import random
from collections.abc import Callable

Damage = Callable[[bytearray, random.Random], None]


def flip_bits(data: bytearray, dice: random.Random) -> None:
    """One to 64 bits, half of the time near the beginning, where the headers are."""
    reach = min(len(data), 160) if dice.random() < 0.5 else len(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16, 64))):
        data[dice.randrange(reach)] ^= 1 << dice.randrange(8)


def set_bytes(data: bytearray, dice: random.Random) -> None:
    """One to eight bytes become an extreme value, near the beginning or the end."""
    start = dice.choice((0, max(0, len(data) - 160)))
    for _ in range(dice.choice((1, 2, 4, 8))):
        data[dice.randrange(start, min(len(data), start + 160))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF))


def truncate(data: bytearray, dice: random.Random) -> None:
    """What comes after some byte is missing."""
    del data[dice.randrange(len(data)) :]


def cut_out(data: bytearray, dice: random.Random) -> None:
    """A piece is missing."""
    begin, end = _piece(data, dice)
    del data[begin:end]


def repeat(data: bytearray, dice: random.Random) -> None:
    """A piece is there twice."""
    begin, end = _piece(data, dice)
    data[end:end] = data[begin:end]


def insert_noise(data: bytearray, dice: random.Random) -> None:
    """Random bytes stand where none belong."""
    place = dice.randrange(len(data))
    data[place:place] = dice.randbytes(dice.choice((1, 2, 7, 64, 1000)))


def blank(data: bytearray, dice: random.Random) -> None:
    """A piece is zero, or 0xFF."""
    begin, end = _piece(data, dice)
    data[begin:end] = bytes([dice.choice((0, 0xFF))]) * (end - begin)


def swap_pieces(data: bytearray, dice: random.Random) -> None:
    """Two halves of a piece change places."""
    begin, end = _piece(data, dice)
    middle = (begin + end) // 2
    data[begin:end] = data[middle:end] + data[begin:middle]


def write_number(data: bytearray, dice: random.Random) -> None:
    """A four-byte number, of either order, becomes an extreme one."""
    place = dice.randrange(max(1, min(len(data), dice.choice((64, 256, len(data)))) - 4))
    number = dice.choice((0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x10000, len(data), 65535))
    data[place : place + 4] = number.to_bytes(4, dice.choice(("big", "little")))


ALL: tuple[Damage, ...] = (
    flip_bits,
    flip_bits,
    set_bytes,
    truncate,
    cut_out,
    repeat,
    insert_noise,
    blank,
    swap_pieces,
    write_number,
)


def damage(data: bytes, dice: random.Random, *, most: int = 2) -> tuple[bytes, str]:
    """The data with one to `most` damages, and their names."""
    changed, names = bytearray(data), list[str]()
    for _ in range(dice.randint(1, most)):
        if changed:
            chosen = dice.choice(ALL)
            chosen(changed, dice)
            names.append(chosen.__name__)
    return bytes(changed), "+".join(names)


def splice(one: bytes, other: bytes, dice: random.Random) -> bytes:
    """The beginning of one file and the rest of another."""
    return one[: dice.randrange(len(one) + 1)] + other[dice.randrange(len(other) + 1) :]


def _piece(data: bytearray, dice: random.Random) -> tuple[int, int]:
    begin = dice.randrange(len(data))
    return begin, min(len(data), begin + dice.choice((1, 4, 16, 200, len(data) // 2 + 1)))
