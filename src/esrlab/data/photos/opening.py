"""Opening a folder's store: as it is, or packed first; two processes that ask at once pack once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from esrlab.data.image_files import MAX_PIXELS_VARIABLE, ImageError, max_pixels
from esrlab.data.photos.collection import nothing_usable
from esrlab.data.photos.packing import REMEDY, Progress, Say, pack
from esrlab.data.photos.store import (
    Absent,
    InvalidStoreError,
    Listed,
    Store,
    list_photographs,
    place_of,
    read_store,
)
from esrlab.errors import UserError


def open_store(folder: Path, *, progress: Progress | None = None, say: Say | None = None) -> Store:
    """The folder's store; packed first where there is none, or where it no longer fits the folder.

    `progress(done, total)` is called after each photograph that is packed, `say` with what is done and why.
    Raises ImageError where the folder holds no image that can be decoded, UserError where the cache folder
    cannot be written to or has no room.
    """
    try:
        return require_current(folder, list_photographs(folder))
    except InvalidStoreError:
        pass
    tell = say if say is not None else _be_silent
    with locked(place_of(folder), title=str(folder), say=tell):
        listed = list_photographs(folder)
        if not listed:
            raise ImageError(nothing_usable(str(folder), []))
        try:
            return require_current(folder, listed)  # another process may have packed it meanwhile
        except Absent:
            pass
        except InvalidStoreError as fault:
            tell(f"the packed store of {folder} cannot be used, so it is packed again: {fault}")
        return pack(folder, listed, place=place_of(folder), progress=progress, say=tell)


def require_current(folder: Path, listed: Sequence[Listed]) -> Store:
    """The folder's store as it is; raises InvalidStoreError where it is not what the folder lists."""
    store = read_store(place_of(folder))
    if store.index.folder != str(folder.resolve()):
        raise InvalidStoreError(f"it belongs to {store.index.folder}")
    if changes := store.index.differences(listed):
        raise InvalidStoreError(f"the folder has changed ({changes})")
    if store.index.set_aside and store.index.max_pixels < max_pixels():
        raise InvalidStoreError(f"${MAX_PIXELS_VARIABLE} now allows larger photographs")
    return store


class Busy(UserError):
    """Another process is packing this folder, or cleaning up after it."""


@contextmanager
def locked(place: Path, *, title: str, say: Say | None) -> Iterator[None]:
    """Holds the lock of the store at `place`, the folder `title`'s, while the block runs.

    Where another process holds it, waits for it and tells `say` so; without `say`, raises Busy.
    """
    lock = FileLock(place.with_suffix(".lock"))
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout as timeout:
            if say is None:
                raise Busy(f"another process is packing {title}") from timeout
            say(f"another process is packing {title}; waiting for it")
            lock.acquire()
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {place}: {error.strerror}; {REMEDY}") from error
    try:
        yield
    finally:
        with suppress(OSError):  # nothing was packed, or all of it removed: an empty folder goes too
            place.rmdir()
        lock.release()


def _be_silent(text: str) -> None:
    """Tells nobody."""
