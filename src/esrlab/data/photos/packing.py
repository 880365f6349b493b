"""Packing: a folder's photographs are decoded in threads and written one after the other."""

import hashlib
import os
import secrets
import shutil
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from esrlab.core.files import remove_leftovers, write_text
from esrlab.data.image_files import ImageError, Pixels, decode_pixels, decoded_size, max_pixels
from esrlab.data.photos.collection import nothing_usable
from esrlab.data.photos.store import (
    ALIGNMENT,
    CACHE_VARIABLE,
    INDEX,
    Index,
    InvalidStoreError,
    Listed,
    Packed,
    SetAside,
    Store,
    checksum_of,
    read_store,
    size_text,
)
from esrlab.errors import UserError

Progress = Callable[[int, int], None]
"""Called with how many photographs are done, and of how many."""

Say = Callable[[str], None]
"""Called with a sentence: what is done, and why."""

REMEDY = f"set ${CACHE_VARIABLE} to a writable folder with enough free space"
SPARE = 16_000_000
"""Bytes that are left free beside what is written."""

Loaded = tuple[Packed, Pixels] | SetAside


def pack(
    folder: Path, listed: Sequence[Listed], *, place: Path, progress: Progress | None, say: Say
) -> Store:
    """Packs the listed photographs of `folder` into `place`, which the caller has locked; returns the store.

    Photographs that have not changed since they were packed are copied. Killed at any moment it leaves the
    old store as it was. Raises ImageError where nothing can be decoded, UserError where there is no room.
    """
    before = _find_before(place)
    remove_strays(place, keep=before.index.pixels if before else None)
    needed = _require_space(folder, listed, place=place)
    say(f"packing {len(listed)} photographs of {folder}: {size_text(needed)} decoded, in {place}")
    target = place / f"pixels-{secrets.token_hex(6)}.bin"
    try:
        with target.open("xb") as stream:
            loaded = _load_all(folder, listed, before=before)
            packed, aside = _write_all(stream, loaded, total=len(listed), progress=progress)
            length = stream.tell()
            stream.flush()
            os.fsync(stream.fileno())
        if not packed:
            raise ImageError(nothing_usable(str(folder), [photo.reason for photo in aside]))
        index = Index(
            folder=str(folder.resolve()),
            pixels=target.name,
            length=length,
            packed=packed,
            set_aside=aside,
            max_pixels=max_pixels(),
        )
        write_text(place / INDEX, index.model_dump_json() + "\n")
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise UserError(f"cannot write {target}: {error.strerror}; {REMEDY}") from error
        raise
    remove_strays(place, keep=target.name)
    return read_store(place)


def remove_strays(place: Path, *, keep: str | None) -> int:
    """Removes what killed or replaced builds left, all but the pixels file `keep`; returns bytes freed."""
    freed = remove_leftovers(place)
    for path in place.glob("pixels-*.bin"):
        if path.name != keep:
            freed += path.stat().st_size
            path.unlink()
    return freed


def _find_before(place: Path) -> Store | None:
    try:
        return read_store(place)
    except InvalidStoreError:
        return None


def _require_space(folder: Path, listed: Sequence[Listed], *, place: Path) -> int:
    """The decoded size of all photographs, by their headers; UserError where the disk has less room."""
    needed = sum(_align(decoded_size(folder / photo.name)) for photo in listed)
    free = shutil.disk_usage(place).free
    if free < needed + SPARE:
        raise UserError(
            f"the photographs of {folder} take {size_text(needed + SPARE)} decoded, and {place.parent} has "
            f"{size_text(free)} free; free some space, or {REMEDY}"
        )
    return needed


def _align(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT


def _load_all(
    folder: Path, listed: Sequence[Listed], *, before: Store | None
) -> Generator[Loaded, None, None]:
    """Every photograph in the order listed, decoded in threads: Pillow decodes without Python's lock.

    Few wait for the one that is written, so that memory stays small however large the folder is.
    """
    known = {photo.file: photo for photo in before.index.packed} if before is not None else {}
    workers = os.cpu_count() or 1
    waiting: deque[Future[Loaded]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="packing") as pool:
        try:
            for photo in listed:
                waiting.append(pool.submit(_load, folder, photo, before, known.get(photo)))
                if len(waiting) > workers + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _load(folder: Path, photo: Listed, before: Store | None, old: Packed | None) -> Loaded:
    """One photograph: as the store before has it, where that is undamaged, or decoded; else why not."""
    if before is not None and old is not None and before.is_sound(old):
        return old, before.pixels(old)
    if not photo.has_unicode_name:
        return SetAside(file=photo, reason=f"{photo.name} has a name that is not valid Unicode: rename it")
    try:
        encoded = (folder / photo.name).read_bytes()
        pixels = decode_pixels(encoded, name=photo.name)
    except OSError as error:
        return SetAside(file=photo, reason=f"{photo.name} cannot be read: {error.strerror}")
    except ImageError as error:
        return SetAside(file=photo, reason=str(error))
    height, width, _ = pixels.shape
    packed = Packed(
        file=photo,
        digest=hashlib.sha256(encoded).hexdigest(),
        height=height,
        width=width,
        offset=0,  # decided when it is written
        checksum=checksum_of(pixels),
    )
    return packed, pixels


def _write_all(
    stream: BinaryIO, loaded: Generator[Loaded, None, None], *, total: int, progress: Progress | None
) -> tuple[list[Packed], list[SetAside]]:
    """Writes the photographs as they come, and gives each its place."""
    packed: list[Packed] = []
    aside: list[SetAside] = []
    with closing(loaded):  # an error here stops the threads
        for done, found in enumerate(loaded, start=1):
            if isinstance(found, SetAside):
                aside.append(found)
            else:
                photo, pixels = found
                offset = stream.seek(_align(stream.tell()))
                stream.write(pixels.data)
                packed.append(photo.model_copy(update={"offset": offset}))
            if progress is not None:
                progress(done, total)
    return packed, aside
