"""The packed store: a folder's photographs decoded once, as bytes that are mapped into memory.

photos/<key>/ in the cache folder holds pixels-<build>.bin, every photograph's (H, W, 3) bytes one after the
other, each from a multiple of 4096 bytes on, and index.json, which names that file. A build writes a pixels
file of a new name and then puts its index in the place of the old one: whoever reads finds the old store or
the new one, without a lock, and whoever has the old one mapped keeps it.
"""

import hashlib
import mmap
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from esrlab.core.files import printable
from esrlab.data.image_files import DEFAULT_MAX_PIXELS, ImageError, Pixels, find_images

CACHE_VARIABLE = "ESRLAB_CACHE"
ALIGNMENT = 4096
"""A photograph begins at a page of its own."""

IS_ADVISED = hasattr(mmap, "MADV_WILLNEED")
"""Whether this system takes advice on which parts of a mapped file will be needed."""

INDEX = "index.json"
CHANNELS = 3
RECORD = ConfigDict(frozen=True, extra="forbid", strict=True)


class InvalidStoreError(Exception):
    """There is no store here, or none that can be used; the text says why."""


class Absent(InvalidStoreError):
    """There is no store here."""


class Listed(BaseModel):
    """A photograph as its folder lists it; while this stays the same, so does what is packed."""

    model_config = RECORD

    name: str
    size: int
    mtime_ns: int
    is_readable: bool
    has_unicode_name: bool = True
    """Where not, `name` shows the bytes that are no UTF-8 as \\udc.., and no file is found by it."""


class Packed(BaseModel):
    """A photograph in the pixels file; `digest` is the file's sha256, `checksum` the pixels' CRC-32."""

    model_config = RECORD

    file: Listed
    digest: str
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    offset: int = Field(ge=0)
    checksum: int

    @property
    def length(self) -> int:
        """Bytes of its pixels."""
        return self.height * self.width * CHANNELS


class SetAside(BaseModel):
    """A file that could not be decoded, and why."""

    model_config = RECORD

    file: Listed
    reason: str


class Index(BaseModel):
    """What a store holds. FORMAT changes with this class, and whenever files decode to other pixels."""

    model_config = RECORD

    format: Literal[1] = 1
    folder: str
    pixels: str = Field(pattern=r"^pixels-[0-9a-f]+\.bin$")
    length: int
    packed: list[Packed]
    set_aside: list[SetAside]
    max_pixels: int = DEFAULT_MAX_PIXELS

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        for photo in self.packed:
            if photo.offset + photo.length > self.length:
                raise ValueError(f"{photo.file.name} would be outside the pixels file")
        return self

    def differences(self, listed: Sequence[Listed]) -> str:
        """How the folder differs from what was packed: "2 new, 1 gone, 3 changed", or ""."""
        there = {photo.file.name: photo.file for photo in (*self.packed, *self.set_aside)}
        now = {photo.name: photo for photo in listed}
        counts = {
            "new": len(now.keys() - there.keys()),
            "gone": len(there.keys() - now.keys()),
            "changed": sum(there[name] != now[name] for name in there.keys() & now.keys()),
        }
        return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


@dataclass(frozen=True)
class Store:
    """An index that was checked against its pixels file, and that file, mapped and read-only."""

    place: Path
    index: Index
    mapping: mmap.mmap

    def pixels(self, photo: Packed) -> Pixels:
        """The photograph's (H, W, 3) bytes: a view; what is not touched is not read."""
        flat = np.frombuffer(self.mapping, dtype=np.uint8, count=photo.length, offset=photo.offset)
        return flat.reshape(photo.height, photo.width, CHANNELS)

    def will_need(self, photo: Packed, first: int, count: int) -> None:
        """Has the disk fetch `count` of the photograph's bytes from `first` on, and does not wait for it."""
        if IS_ADVISED:
            begin = photo.offset + first
            page = begin - begin % mmap.PAGESIZE
            self.mapping.madvise(mmap.MADV_WILLNEED, page, begin - page + count)

    def is_sound(self, photo: Packed) -> bool:
        """Whether its pixels are those that were packed; reads them all."""
        self.will_need(photo, 0, photo.length)
        return checksum_of(self.pixels(photo)) == photo.checksum


def checksum_of(pixels: Pixels) -> int:
    """CRC-32 of contiguous pixels: it finds damage, at 2 GB/s; nobody is meant to forge his own cache."""
    return zlib.crc32(pixels.data)


def cache_folder() -> Path:
    """$ESRLAB_CACHE, else $XDG_CACHE_HOME/esrlab, else ~/.cache/esrlab."""
    if own := os.environ.get(CACHE_VARIABLE):
        return Path(own).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "esrlab"


def store_root() -> Path:
    """The folder that holds all stores."""
    return cache_folder() / "photos"


def place_of(folder: Path) -> Path:
    """Where the folder's store is, or would be."""
    return store_root() / hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]


def list_photographs(folder: Path) -> list[Listed]:
    """Every image file below the folder, in a fixed order, without opening one.

    Raises ImageError where there is no folder.
    """
    return [_list_one(folder, path) for path in find_images(folder)]


def _list_one(folder: Path, path: Path) -> Listed:
    found = path.relative_to(folder).as_posix()
    name = printable(found)
    try:
        about = path.stat()
    except OSError as error:
        raise ImageError(f"cannot read {printable(str(path))}: {error.strerror}") from error
    return Listed(
        name=name,
        size=about.st_size,
        mtime_ns=about.st_mtime_ns,
        is_readable=os.access(path, os.R_OK),
        has_unicode_name=name == found,
    )


def read_store(place: Path) -> Store:
    """The store at `place`, its photographs unread.

    Raises Absent where there is none, InvalidStoreError where its files do not belong together.
    """
    try:
        index = Index.model_validate_json((place / INDEX).read_bytes())
        return Store(place, index, _map(place / index.pixels, length=index.length))
    except FileNotFoundError as error:
        if Path(error.filename).name == INDEX:
            raise Absent("there is none") from error
        raise InvalidStoreError(f"{Path(error.filename).name} is gone") from error
    except OSError as error:
        raise InvalidStoreError(f"it cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidStoreError(
            f"{INDEX} is damaged or of another version ({where or 'all'}: {first['msg']})"
        ) from error


def _map(path: Path, *, length: int) -> mmap.mmap:
    with path.open("rb") as stream:
        found = os.fstat(stream.fileno()).st_size
        if found != length or length == 0:
            raise InvalidStoreError(f"{path.name} has {found} bytes instead of {length}")
        mapping = mmap.mmap(stream.fileno(), length, access=mmap.ACCESS_READ)
    if IS_ADVISED:
        mapping.madvise(mmap.MADV_RANDOM)  # else the kernel reads megabytes around each page that is touched
    return mapping


def size_text(count: int) -> str:
    """Bytes as 6.6 GB or 12 MB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
