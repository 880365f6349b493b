"""Folders of photographs, any mix of sizes and formats, subfolders included."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from esrlab.core.named_files import absolute
from esrlab.data.photos.collection import Photo, Photos, collect, select
from esrlab.data.photos.opening import open_store
from esrlab.data.photos.packing import Say
from esrlab.data.photos.samples import SAMPLES, TRAINING, sample_paths
from esrlab.data.photos.store import Packed, Store
from esrlab.data.sets.catalogue import is_set
from esrlab.data.sets.finding import folder_of
from esrlab.errors import UsageError


def open_photos(
    source: str | Sequence[str],
    *,
    smallest: int,
    progress: Callable[[int, int], None] | None = None,
    say: Say | None = None,
) -> Photos:
    """The training photographs at `source`: a folder, a data set's name, "samples" for the bundled ones, or
    several of these.

    A folder's photographs are packed into the cache the first time, which `say` reports; after that opening
    reads none of them. Those of several sources are named by the source's number before their own name:
    1/a.png, 2/a.png. Photographs that cannot be decoded or are under `smallest` pixels on a side are in
    `Photos.skipped`. Raises ImageError when a folder does not exist or nothing usable is in it, UsageError
    when a source is given twice or is inside another, UserError when the cache cannot be written to.
    """
    sources = [source] if isinstance(source, str) else list(source)
    if not sources:
        raise UsageError("no photographs are given: give a folder, or samples")
    _refuse_overlap(sources)
    opened = [_open_one(one, smallest=smallest, progress=progress, say=say) for one in sources]
    return opened[0] if len(opened) == 1 else _join(opened)


def _open_one(
    source: str, *, smallest: int, progress: Callable[[int, int], None] | None, say: Say | None
) -> Photos:
    if source == SAMPLES:
        return collect(sample_paths(TRAINING), source=SAMPLES, smallest=smallest, progress=progress)
    folder = folder_of(source)
    store = open_store(folder, progress=progress, say=say)
    photos = [_take(store, packed, folder=folder) for packed in store.index.packed]
    aside = [(photo.file.name, photo.reason) for photo in store.index.set_aside]
    selected = select([*photos, *aside], source=str(folder), smallest=smallest)
    kept = source if is_set(source) else absolute(folder)  # kept with a run, which may be moved
    return replace(selected, source=kept, folder=Path(absolute(folder)))


def _take(store: Store, packed: Packed, *, folder: Path) -> Photo:
    name = packed.file.name
    return Photo(
        name=name,
        path=folder / name,
        height=packed.height,
        width=packed.width,
        digest=packed.digest,
        pixels=store.pixels(packed),
        will_need=partial(store.will_need, packed),
    )


def _refuse_overlap(sources: Sequence[str]) -> None:
    """Raises UsageError where a photograph would be taken twice."""
    if sources.count(SAMPLES) > 1:
        raise UsageError(f"{SAMPLES} is given twice: give each source of photographs once")
    folders = [(source, folder_of(source).resolve()) for source in sources if source != SAMPLES]
    for index, (one, inner) in enumerate(folders):
        for other, outer in folders[:index]:
            if inner == outer:
                raise UsageError(f"{one} is the same folder as {other}: give each folder once")
            if inner.is_relative_to(outer) or outer.is_relative_to(inner):
                raise UsageError(f"{one} and {other}: one is inside the other; give only the outer folder")


def _join(opened: Sequence[Photos]) -> Photos:
    """Several sets as one; the number of its set before each name keeps names apart."""
    members: list[Photo] = []
    skipped: list[tuple[str, str]] = []
    for number, photos in enumerate(opened, start=1):
        members += [replace(photo, name=f"{number}/{photo.name}") for photo in photos.members]
        skipped += [(f"{number}/{name}", f"{photos.source}: {reason}") for name, reason in photos.skipped]
    return Photos(
        source=" + ".join(photos.source for photos in opened), members=tuple(members), skipped=tuple(skipped)
    )
