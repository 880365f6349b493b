"""Getting sets: from archives or folders that are here, or from the web, several files at once."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from esrlab.core.digests import Checksum, digest, megabytes
from esrlab.core.download import PATIENT, Patience, download, part_of
from esrlab.core.files import remove_leftovers, write_text
from esrlab.data.sets.checking import check_folder
from esrlab.data.sets.data_set import Archive, BadSetError, DataSet, SetFolder
from esrlab.data.sets.finding import download_path, find_ready, folder_path, record_path
from esrlab.data.sets.record import ImageRecord, Record, write_record
from esrlab.data.sets.tasks import Tally, Task, run_tasks
from esrlab.data.sets.unpacking import unpack
from esrlab.errors import UserError

UNPACKING = ".unpacking-"
SIDECAR = ".sha256"
SPARE = 16_000_000
"""Bytes that are left free beside what is written."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Getting:
    """How sets are got: root, the folder for all; archives, a folder with what is here already."""

    root: Path
    archives: Path | None
    say: Say
    tally: Tally
    patience: Patience = PATIENT


def get_sets(wanted: Sequence[tuple[DataSet, SetFolder]], how: Getting) -> list[str]:
    """Makes sure that every folder of images is there, whole and checked; returns what failed, in words.

    One that fails does not keep the others from being got. A second process waits for the first. Ctrl-C
    leaves what was downloaded so far, from which the next call goes on.
    """
    if how.archives is not None and not how.archives.is_dir():
        raise UserError(f"--from-archives: there is no folder {how.archives}")
    homes = sorted({data_set.home for data_set, _ in wanted})
    with ExitStack() as locks:
        for home in homes:
            locks.enter_context(_locked(how.root / home, how.say))
        missing: list[tuple[DataSet, SetFolder]] = []
        for data_set, part in wanted:
            found = find_ready(data_set, part, how.root)
            if found is not None:
                how.say(f"{data_set.name}, {part.label}: there already, in {found[0]}")
            else:
                missing.append((data_set, part))
        return run_tasks([_plan(data_set, part, how) for data_set, part in missing], how.tally)


def _plan(data_set: DataSet, part: SetFolder, how: Getting) -> Task:
    """What is to be done for one folder."""
    title = f"{data_set.name}, {part.label}"
    own, archive = _find_unpacked(data_set, part, how), part.archive
    if own is not None:
        return Task(title, lambda: _adopt(data_set, part, own, how))
    if archive is None:
        at = f" ({how.archives} holds no folder {part.folder})" if how.archives else ""
        return Task(title, lambda: _give_up(f"{data_set.title} cannot be downloaded{at}: {data_set.how}"))
    here = _find_archive(data_set, archive, how)
    if here is not None:
        return Task(title, lambda: _take(data_set, part, archive, here, how))
    return Task(title, lambda: _fetch(data_set, part, archive, how))


def _give_up(why: str) -> None:
    raise UserError(why)


def _find_unpacked(data_set: DataSet, part: SetFolder, how: Getting) -> Path | None:
    """A folder of these images that is here already: among the data, or in the folder that is given."""
    places = [folder_path(data_set, part, how.root)]
    if (given := how.archives) is not None:
        places += [given / part.folder, given / data_set.home / part.folder, given / data_set.title / "HR"]
        if part.archive is None or given.name == Path(part.folder).name:
            places.append(given)
    return next((place for place in places if place.is_dir() and any(place.iterdir())), None)


def _find_archive(data_set: DataSet, archive: Archive, how: Getting) -> Path | None:
    places = [how.root / data_set.home]
    if how.archives is not None:
        places += [how.archives, how.archives / data_set.home]
    paths = [download_path(data_set, archive, how.root), *(place / archive.file for place in places)]
    return next((path for path in paths if path.is_file()), None)


def _adopt(data_set: DataSet, part: SetFolder, folder: Path, how: Getting) -> None:
    """Checks a folder that is here, and has it used where it is."""
    how.say(f"{data_set.name}, {part.label}: checking {folder}, which is used where it is")
    images = check_folder(data_set, part, folder, progress=how.tally.checked)
    _keep(data_set, part, how, images, origin=str(folder), verified="names and sizes", place=folder)


def _take(data_set: DataSet, part: SetFolder, archive: Archive, here: Path, how: Getting) -> None:
    """Unpacks an archive that is here, and leaves it there unless it was downloaded for this."""
    how.say(f"{data_set.name}, {part.label}: taken from {here}")
    checksum = _known(data_set, archive, how)
    if checksum is not None and not digest(here, checksum.algorithm).startswith(checksum.digits):
        raise UserError(
            f"{here} is not {archive.file} as it is known: its {checksum.algorithm} does not begin "
            f"{checksum.digits[:12]}. Remove it, and run the same command again"
        )
    _unpack(data_set, part, archive, here, how, origin=str(here))


def _fetch(data_set: DataSet, part: SetFolder, archive: Archive, how: Getting) -> None:
    """Downloads and unpacks; the archive is removed when its images are there and checked."""
    target = download_path(data_set, archive, how.root)
    begun = part_of(target)
    there = begun.stat().st_size if begun.is_file() else 0
    size = "an unknown size" if archive.size is None else megabytes(archive.size)
    about = "about " if archive.size is not None and not archive.is_exact else ""
    notes = f", resuming after {megabytes(there)}" if there else ""
    if archive.checksum is None:
        notes += "; no checksum of it is published: the one found now is kept and asked for from now on"
    how.say(f"{data_set.name}, {part.label}: {about}{size} from {archive.address} ({data_set.terms}){notes}")
    _require_space(target.parent, 2 * (archive.size or 0) - there)
    download(
        archive.address,
        target,
        checksum=_known(data_set, archive, how),
        size=archive.size if archive.is_exact else None,
        progress=how.tally.of(archive.file),
        patience=how.patience,
    )
    _unpack(data_set, part, archive, target, how, origin=archive.address)


def _known(data_set: DataSet, archive: Archive, how: Getting) -> Checksum | None:
    """The checksum that others publish, else the one found at the first download, else None."""
    if archive.checksum is not None:
        return archive.checksum
    pinned = _pin_of(data_set, archive, how)
    words = pinned.read_text(encoding="utf-8").split() if pinned.is_file() else []
    return Checksum(words[0]) if words else None


def _pin_of(data_set: DataSet, archive: Archive, how: Getting) -> Path:
    return how.root / data_set.home / f"{archive.file}{SIDECAR}"


def _unpack(
    data_set: DataSet, part: SetFolder, archive: Archive, path: Path, how: Getting, *, origin: str
) -> None:
    """The archive's images in their folder, which exists afterwards whole and checked, or not at all."""
    target = folder_path(data_set, part, how.root)
    target.parent.mkdir(parents=True, exist_ok=True)
    _require_space(target.parent, path.stat().st_size)
    is_own = path == download_path(data_set, archive, how.root)
    with tempfile.TemporaryDirectory(prefix=UNPACKING, dir=how.root / data_set.home) as made:
        folder = Path(made) / "images"
        folder.mkdir()
        try:
            digests = unpack(
                path, folder, inside=part.inside, images=data_set.count, progress=how.tally.unpacked
            )
            images = check_folder(data_set, part, folder, digests=digests)
        except BadSetError as error:
            if not is_own or archive.checksum is not None:
                raise
            path.unlink()  # nothing says that it is what it should be: another try gets it anew
            raise UserError(f"{error}. It was removed; try again") from error
        if target.is_dir():
            target.rmdir()  # empty, or its images would have been taken
        folder.rename(target)
    verified = "first download"
    if archive.checksum is None:
        write_text(_pin_of(data_set, archive, how), f"{digest(path)}  {archive.file}\n")
    else:
        verified = archive.checksum.algorithm
    _keep(data_set, part, how, images, origin=origin, verified=verified)
    if is_own:
        path.unlink()


def _keep(
    data_set: DataSet,
    part: SetFolder,
    how: Getting,
    images: dict[str, ImageRecord],
    *,
    origin: str,
    verified: str,
    place: Path | None = None,
) -> None:
    own = folder_path(data_set, part, how.root)
    record = Record(
        data_set=data_set.name,
        folder=part.folder,
        place=None if place is None or place == own else str(place.absolute()),
        origin=origin,
        verified=verified,
        images=images,
    )
    write_record(record_path(data_set, part, how.root), record)
    how.say(f"{data_set.name}, {part.label}: {len(images)} images, checked, in {place or own}")


def _require_space(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise UserError(
            f"{folder} has {megabytes(free)} free, {megabytes(needed + SPARE)} are needed for an archive and "
            "its images; free some space, or choose another folder with --to"
        )


@contextmanager
def _locked(home: Path, say: Say) -> Iterator[None]:
    """Holds a set's folder while the block runs, after removing what killed calls left there."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"another process is getting data into {home}; waiting for it")
            lock.acquire()
    except OSError as error:
        raise UserError(f"cannot write to {home}: {error.strerror}; choose another with --to") from error
    try:
        remove_leftovers(home)
        for left in home.glob(f"{UNPACKING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()
