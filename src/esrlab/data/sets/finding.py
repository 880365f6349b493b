"""Where sets are on this machine, and what to do where they are not. Nothing is downloaded here."""

import os
from pathlib import Path

from esrlab.core.digests import megabytes
from esrlab.data.photos.store import cache_folder
from esrlab.data.sets import catalogue
from esrlab.data.sets.catalogue import find_set, is_set
from esrlab.data.sets.data_set import Archive, DataSet, FolderKind, SetFolder
from esrlab.data.sets.record import Record, read_record
from esrlab.errors import UserError

DATA_VARIABLE = "ESRLAB_DATA"


class MissingSetError(UserError):
    """A set is not on this machine, or not whole; the text says how to get it."""


def data_root() -> Path:
    """$ESRLAB_DATA, else `data` in the cache folder, which is ~/.cache/esrlab by default."""
    if own := os.environ.get(DATA_VARIABLE, "").strip():
        return Path(own).expanduser().absolute()
    return cache_folder() / "data"


def record_path(data_set: DataSet, part: SetFolder, root: Path) -> Path:
    """The file that describes a folder of images, beside it."""
    return root / data_set.home / f"{part.folder.replace('/', '-')}.json"


def folder_path(data_set: DataSet, part: SetFolder, root: Path) -> Path:
    """Where a folder's images are, or would be, if they are nowhere else."""
    return root / data_set.home / part.folder


def download_path(data_set: DataSet, archive: Archive, root: Path) -> Path:
    """Where an archive is while it is needed; one of its plain name there is the user's own."""
    return root / data_set.home / f".{archive.file}"


def find_ready(data_set: DataSet, part: SetFolder, root: Path) -> tuple[Path, Record] | None:
    """A folder that was checked and has all its files, and its record; None where there is none."""
    record = read_record(record_path(data_set, part, root))
    if record is None:
        return None
    folder = Path(record.place) if record.place is not None else folder_path(data_set, part, root)
    return None if record.differences(folder) else (folder, record)


def find_images_of(name: str, *, kind: FolderKind = "hr", scale: int = 1) -> Path:
    """The folder with a set's images; MissingSetError, with the command that gets them, where it is not here.

    The files are there by name; `check_record` tells whether they are as they were.
    """
    data_set = find_set(name)
    part = next((each for each in data_set.folders if (each.kind, each.scale) == (kind, scale)), None)
    if part is None:
        raise UserError(f"{data_set.title} has no official LR images at ×{scale}")
    found = find_ready(data_set, part, data_root())
    if found is None:
        raise MissingSetError(explain_missing(data_set, part))
    return found[0]


def folder_of(source: str) -> Path:
    """The folder that a source of images names: a set's HR images by its name, or any folder by its path."""
    return find_images_of(source) if is_set(source) else Path(source)


def explain_missing(data_set: DataSet, part: SetFolder) -> str:
    """One message: what is missing, how large it is, what gets it."""
    root = data_root()
    what = f"{data_set.title} ({part.label}) is not on this machine"
    if read_record(record_path(data_set, part, root)) is not None:
        what = f"{data_set.title} ({part.label}) is no longer whole in {root}"
    if not data_set.how:
        size = total_words(data_set.chosen(part.kind))
        command = f"esrlab data get {data_set.name} --only {part.kind}"
        return (
            f"{what}: {command} downloads {size} to {root} ({data_set.terms}); with --from-archives DIR it "
            f"takes archives or unpacked images that are here. ${DATA_VARIABLE} sets another folder"
        )
    return f"{what}: {data_set.how}: esrlab data get {data_set.name} --from-archives DIR"


def total_words(parts: tuple[SetFolder, ...]) -> str:
    """How much is to be downloaded: "3.53 GB", "about 5.0 MB", "an unknown size"."""
    archives = {part.archive.file: part.archive for part in parts if part.archive is not None}.values()
    sizes = [archive.size for archive in archives if archive.size is not None]
    if len(sizes) < len(archives):
        return f"more than {megabytes(sum(sizes))}" if sizes else "an unknown size"
    about = "" if all(archive.is_exact for archive in archives) else "about "
    return about + megabytes(sum(sizes))


def official_lr(hr_folder: Path, scale: int) -> Path:
    """The official LR images of the set whose HR images are in a folder; UserError where there are none."""
    wanted = hr_folder.resolve()
    for data_set in catalogue.CATALOGUE:
        found = find_ready(data_set, data_set.hr, data_root())
        if found is not None and found[0].resolve() == wanted:
            return find_images_of(data_set.name, kind="lr", scale=scale)
    known = ", ".join(data_set.name for data_set in catalogue.CATALOGUE if data_set.chosen("lr"))
    raise UserError(
        f"{hr_folder} is not a set that has official LR images; those that have are {known}. Give another "
        "folder of LR images, or leave out patches.degradation.kind pairs"
    )
