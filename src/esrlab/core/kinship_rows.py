"""What losses pull at one model's images, measured: the arrays, and the file of rows that they are kept in.

A model has two files: one that says what was measured, and one with a line for each batch of images, appended
as it is ready. Everything that a report on kinship says comes from them.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter

from esrlab.core.files import to_json, write_text
from esrlab.core.text_files import Count, Number, read_bytes, read_json, read_json_rows
from esrlab.errors import UserError

Array = NDArray[np.float64]

ROWS = "rows"
"""The folder, within a kinship's, of the models' files."""

ANOTHER_CRITIC = "#"
"""In a game's name, before the seed of its critic where it is not the first one."""

DIGITS = 6
"""Significant digits that a number is kept with."""

_STRICT = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True)
class Direction:
    """Something that pulls: a loss, or an adversarial game (`critic` then says which of its critics).

    name: as it was asked for, and unique; label: what tables call it.
    """

    name: str
    label: str
    is_game: bool = False


@dataclass(frozen=True)
class Header:
    """The model, what was measured there, what could not be had and why, and all settings."""

    model: str
    label: str
    scale: Count
    digest: str
    directions: list[Direction]
    absent: dict[str, str]
    settings: dict[str, Any]

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


@dataclass(frozen=True)
class BatchRows:
    """A line: one batch of images, each with the photograph that it is a crop of.

    norms: by image and direction; cosines: by image, the pairs above the diagonal row by row, null where one
    of both has no gradient; shares: by image, direction and band, parts of the pull's power; margins: by
    image and game, the critic's score of the photograph less that of the generated image.
    """

    batch: Count
    photos: list[str]
    norms: list[list[Number]]
    cosines: list[list[Number]]
    shares: list[list[list[Number]]]
    margins: list[list[Number]] = field(default_factory=list)

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT


_HEADER = TypeAdapter(Header)
_BATCH = TypeAdapter(BatchRows)


@dataclass(frozen=True, eq=False)
class Kinship:
    """The directions of all losses at I images of one model, L of them, in B bands of frequencies.

    photos: of each image the photograph that it is a crop of. norms (I, L): a direction's 2-norm, as if the
    image were alone in its batch. cosines (I, L, L): between directions at one image, 1 on the diagonal, nan
    where one of both is 0 everywhere. shares (I, L, B): parts of a direction's power by its frequencies'
    radius, adding up to 1; nan where there is none. margins (I, G): of each game, by how much its critic
    scores the photograph above the generated image. absent: what could not be had, and why. settings: all
    that decides the numbers.
    """

    model: str
    label: str
    scale: int
    directions: tuple[Direction, ...]
    photos: tuple[str, ...]
    norms: Array
    cosines: Array
    shares: Array
    margins: Array
    absent: dict[str, str]
    settings: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """The directions' names, in the order of the arrays."""
        return tuple(direction.name for direction in self.directions)

    @property
    def key(self) -> str:
        """The model's name with its scale: what its files are called."""
        return f"{self.model}-x{self.scale}"


def rows_file(folder: Path, *, model: str, scale: int) -> Path:
    """Where a model's rows are; its header is beside it, ending in .json."""
    return folder / ROWS / f"{model}-x{scale}.jsonl"


def write_header(path: Path, header: Header) -> None:
    """Begins a model's rows, at `path`, with what is beside them."""
    write_text(path.with_suffix(".json"), to_json(asdict(header), indent=2) + "\n")


def append_batch(path: Path, rows: BatchRows) -> None:
    """Adds a batch; it is on the disk when this returns."""
    line = (to_json(asdict(rows)) + "\n").encode("utf-8")
    try:
        with path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def cut_unfinished(path: Path) -> None:
    """Removes a last line that a killed process left half-written."""
    if path.exists():
        data = read_bytes(path)
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(path, whole)


def read_header(path: Path) -> Header:
    """What is beside a model's rows at `path`; UserError where it is missing or damaged."""
    return read_json(path.with_suffix(".json"), _HEADER)


def read_batches(path: Path) -> list[BatchRows]:
    """The batches of a file that may be growing, none where there is no file; UserError names a bad line."""
    return read_json_rows(path, _BATCH, growing=True) if path.exists() else []


def read_kinship(path: Path) -> Kinship:
    """One model's file as arrays. Raises UserError where it is damaged, or holds no batch yet."""
    header, batches = read_header(path), read_batches(path)
    count = len(header.directions)
    if not batches:
        raise UserError(f"{path} has no batch of images yet; run the same command again to resume")
    photos = tuple(photo for rows in batches for photo in rows.photos)
    games = sum(direction.is_game for direction in header.directions)
    bands = len(batches[0].shares[0][0]) if batches[0].shares and batches[0].shares[0] else 0
    norms = _stack(path, [rows.norms for rows in batches], (len(photos), count))
    pairs = _stack(path, [rows.cosines for rows in batches], (len(photos), count * (count - 1) // 2))
    return Kinship(
        header.model,
        header.label,
        header.scale,
        tuple(header.directions),
        photos,
        norms=norms,
        cosines=_square(pairs, norms),
        shares=_stack(path, [rows.shares for rows in batches], (len(photos), count, bands)),
        margins=_stack(path, [rows.margins for rows in batches], (len(photos), games)),
        absent=header.absent,
        settings=header.settings,
    )


def read_kinships(folder: Path) -> list[Kinship]:
    """Every model's of a folder, by name and scale; UserError where there is none."""
    files = sorted((folder / ROWS).glob("*.jsonl"))
    if not files:
        raise UserError(f"{folder} holds no kinship: esrlab kinship MODEL --out {folder} makes one")
    return sorted((read_kinship(path) for path in files), key=lambda each: (each.scale, each.model))


def rounded(values: Array) -> Any:
    """Nested lists of numbers of a few significant digits."""
    return np.vectorize(lambda value: float(f"{value:.{DIGITS}g}"), otypes=[np.float64])(values).tolist()


def _stack(path: Path, parts: Sequence[Sequence[Any]], shape: tuple[int, ...]) -> Array:
    try:
        found = np.array([row for part in parts for row in part], dtype=np.float64).reshape(shape)
    except ValueError as error:
        raise UserError(f"{path}: its lines do not fit what is beside it; repair or remove it") from error
    return found


def _square(pairs: Array, norms: Array) -> Array:
    """(I, pairs above the diagonal) -> (I, L, L); on the diagonal 1, or nan where there is no direction."""
    images, count = norms.shape
    found = np.empty((images, count, count))
    above = np.triu_indices(count, 1)
    found[:, above[0], above[1]] = pairs
    found[:, above[1], above[0]] = pairs
    found[:, np.arange(count), np.arange(count)] = np.where(norms > 0, 1.0, np.nan)
    return found
