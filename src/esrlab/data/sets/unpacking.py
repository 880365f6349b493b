"""Archives unpacked safely: nothing is written outside the folder, nothing is larger than it may be.

Archives come from the web. One that holds a path out of its folder, a link, a device, two names that are one
on some systems, overlapping or encrypted files, or claims more than a set of photographs can have, is refused
as a whole; only images of the folder that is asked for are written, under their own names.
"""

import errno
import hashlib
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from esrlab.core.digests import megabytes
from esrlab.data.image_files import IMAGE_SUFFIXES
from esrlab.data.sets.archive_entries import Entry, UnsafeArchiveError, read_entries
from esrlab.data.sets.data_set import BadSetError
from esrlab.errors import UserError

CHUNK = 1 << 18
LARGEST = 64_000_000
"""Bytes that one image file may have; the largest of DIV2K's could have 12.5 million pixels' bytes."""

MEAN = 16_000_000
"""Bytes that the images of a set may have on the average."""

MOST_ENTRIES = 50_000
"""Flickr2K's archive, with all its LR images, has under 20,000."""

LONGEST_NAME, LONGEST_PATH = 255, 1000
IGNORED = "__MACOSX"

DAMAGE = (
    *(OSError, EOFError, ValueError, NotImplementedError, RuntimeError),
    *(zlib.error, struct.error, zipfile.BadZipFile, tarfile.TarError),
)
"""What the standard library raises for damaged archives."""

Progress = Callable[[int], None]
"""Called with the number of images that are written; what it raises ends the unpacking."""


def unpack(archive: Path, folder: Path, *, inside: str, images: int, progress: Progress) -> dict[str, str]:
    """Writes the images that `archive` (zip, tar or tar.gz) has in its folder `inside` into `folder`.

    images: about how many there are to be, from which bounds follow. Returns each file's sha256 by its name.
    What was written stays where it fails: the caller gives an empty folder, and removes it.
    Raises UnsafeArchiveError for what no honest archive holds, UserError for a damaged one or a full disk.
    """
    guard = _Guard(archive, bound=images * MEAN)
    written: dict[str, str] = {}
    try:
        with closing(read_entries(archive, bound=2 * images * MEAN)) as entries:
            for entry in entries:
                guard.admit(entry)
                if entry.is_folder or not _is_wanted(entry.name, inside):
                    continue
                guard.admit_image(entry)
                name = PurePosixPath(entry.name).name
                written[name] = _write(entry, folder / name)
                progress(len(written))
    except UserError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(f"{archive} cannot be read: {error.strerror}") from error
        raise BadSetError(f"{archive} is damaged: {error or type(error).__name__}") from error
    return written


def _is_wanted(name: str, inside: str) -> bool:
    """Whether an entry is an image directly in the folder `inside`, wherever that folder is."""
    path, wanted = PurePosixPath(name), PurePosixPath(inside).parts
    folders = path.parts[:-1]
    is_image = path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    return is_image and folders[-len(wanted) :] == wanted and IGNORED not in folders


@dataclass
class _Guard:
    """Refuses what no honest archive of photographs holds."""

    archive: Path
    bound: int
    entries: int = 0
    total: int = 0
    paths: set[str] = field(default_factory=set)
    images: set[str] = field(default_factory=set)

    def admit(self, entry: Entry) -> None:
        """UnsafeArchiveError for a bad name, a kind of file that is not wanted, or one entry too many."""
        self.entries += 1
        if self.entries > MOST_ENTRIES:
            self.refuse(f"it has more than {MOST_ENTRIES:,} entries")
        if fault := _fault_of(entry.name):
            self.refuse(f"its entry {entry.name[:80]!r} {fault}")
        if entry.unusual:
            self.refuse(f"its entry {entry.name[:80]!r} is {entry.unusual}")
        if not entry.is_folder:
            self._admit_name(self.paths, entry.name)

    def admit_image(self, entry: Entry) -> None:
        """UnsafeArchiveError for an image that is too large, alone or with the others."""
        if entry.size > LARGEST:
            self.refuse(f"its entry {entry.name[:80]!r} has {megabytes(entry.size)}, too much for an image")
        self.total += entry.size
        if self.total > self.bound:
            self.refuse(f"its images have more than {megabytes(self.bound)} together")
        self._admit_name(self.images, PurePosixPath(entry.name).name)

    def _admit_name(self, seen: set[str], name: str) -> None:
        key = unicodedata.normalize("NFC", str(PurePosixPath(name))).casefold()
        if key in seen:
            self.refuse(f"it holds {name[:80]!r} twice, or another name that some systems take for the same")
        seen.add(key)

    def refuse(self, why: str) -> None:
        raise UnsafeArchiveError(f"{self.archive} is not unpacked: {why}")


def _fault_of(name: str) -> str:
    """What is wrong with an entry's name, or ""."""
    parts = name.split("/")
    if not name or "\\" in name or any(ord(letter) < 32 or letter == "\x7f" for letter in name):
        return "has a name with control characters or backslashes"
    if name.startswith("/") or ":" in parts[0]:
        return "has an absolute path"
    if ".." in parts:
        return "leads out of its folder"
    try:
        is_long = len(name) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in parts)
    except UnicodeEncodeError:
        return "has a name that is not valid Unicode"
    return "has a name that is too long" if is_long else ""


def _write(entry: Entry, target: Path) -> str:
    """Writes one file, of exactly the size that is claimed; returns its sha256."""
    found, left = hashlib.sha256(), entry.size
    with entry.open() as source:
        try:
            stream = target.open("xb")
        except OSError as error:
            raise _disk_trouble(target, error) from error
        with stream:
            while chunk := source.read(min(CHUNK, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise UnsafeArchiveError(f"{entry.name} holds more than its {entry.size} bytes")
                try:
                    stream.write(chunk)
                except OSError as error:
                    raise _disk_trouble(target, error) from error
                found.update(chunk)
    if left:
        raise ValueError(f"{entry.name} ends after {entry.size - left} of {entry.size} bytes")
    return found.hexdigest()


def _disk_trouble(path: Path, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"the disk is full: {path.parent} takes the unpacked images; free some space and run the same "
            "command again (the archive is kept), or choose another folder with --to"
        )
    return UserError(f"cannot write {path}: {error.strerror}; choose another folder with --to")
