"""Looking after the packed stores: what there is, whether it is sound, away with what is not needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esrlab.data.image_files import ImageError
from esrlab.data.photos.opening import locked
from esrlab.data.photos.packing import Progress, remove_strays
from esrlab.data.photos.store import (
    INDEX,
    Absent,
    Index,
    InvalidStoreError,
    Store,
    list_photographs,
    place_of,
    read_store,
    store_root,
)
from esrlab.errors import UserError

State = Literal["current", "changed", "folder gone", "damaged", "unfinished"]


@dataclass(frozen=True)
class StoreStatus:
    """A store as it is in the cache; `folder` is "" where its index does not say, `size` in bytes."""

    place: Path
    folder: str
    state: State
    reason: str
    photographs: int
    skipped: int
    size: int

    @property
    def title(self) -> str:
        """The folder it was packed from, or else where it is."""
        return self.folder or str(self.place)


def list_stores() -> list[StoreStatus]:
    """Every store in the cache, by folder; no photograph is read."""
    places = [
        path for path in store_root().glob("*") if path.is_dir() and path.with_suffix(".lock").is_file()
    ]
    return sorted((_look_at(place) for place in places), key=lambda store: store.title)


def find_store(folder: Path) -> Store:
    """The folder's store, be it current or not; raises UserError with the remedy where there is none."""
    try:
        return read_store(place_of(folder))
    except Absent as fault:
        raise UserError(f"{folder} is not packed; run esrlab data pack {folder}") from fault
    except InvalidStoreError as fault:
        raise UserError(f"the packed store of {folder} is damaged: {fault}; {remedy(folder)}") from fault


def damaged_photographs(store: Store, *, progress: Progress) -> list[str]:
    """The names of photographs whose pixels are no longer those that were packed; reads everything."""
    found: list[str] = []
    for done, photo in enumerate(store.index.packed, start=1):
        if not store.is_sound(photo):
            found.append(photo.file.name)
        progress(done, len(store.index.packed))
    return found


def remedy(folder: Path | str) -> str:
    """What mends a damaged store."""
    return f"esrlab data clean {folder}; esrlab data pack {folder}"


def remove_store(place: Path, *, title: str) -> int:
    """Removes the store at `place` and what killed builds left there; returns the bytes freed.

    Photographs are not touched; who has the pixels mapped keeps them. Raises Busy while another process
    packs it.
    """
    if not place.is_dir():
        return 0
    with locked(place, title=title, say=None):
        return _remove_all(place)


def remove_useless(place: Path, *, title: str) -> tuple[StoreStatus, int]:
    """Removes the store unless it is current, and what killed builds left; returns it and the bytes freed.

    Raises Busy while another process packs it.
    """
    with locked(place, title=title, say=None):
        found = _look_at(place)
        if found.state == "current":
            return found, remove_strays(place, keep=read_store(place).index.pixels)
        return found, _remove_all(place)


def _remove_all(place: Path) -> int:
    index = place / INDEX
    freed = remove_strays(place, keep=None) + (index.stat().st_size if index.exists() else 0)
    index.unlink(missing_ok=True)
    return freed


def _look_at(place: Path) -> StoreStatus:
    size = sum(path.stat().st_size for path in place.iterdir() if path.is_file())
    try:
        index = read_store(place).index
    except Absent:
        return StoreStatus(place, "", "unfinished", "interrupted, or still being packed", 0, 0, size)
    except InvalidStoreError as fault:
        return StoreStatus(place, "", "damaged", str(fault), 0, 0, size)
    state, reason = _compare(index)
    return StoreStatus(place, index.folder, state, reason, len(index.packed), len(index.set_aside), size)


def _compare(index: Index) -> tuple[State, str]:
    try:
        changes = index.differences(list_photographs(Path(index.folder)))
    except ImageError as error:
        return "folder gone", str(error)
    return ("changed", changes) if changes else ("current", "")
