"""What an archive claims to hold, entry by entry; formats are told by content: zip, tar, tar.gz."""

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, cast

from esrlab.core.digests import megabytes
from esrlab.data.sets.data_set import BadSetError

AT_ONCE = 16_000_000
"""Bytes that are read in one piece: a zip's list of entries, a tar's long header. No honest one has more."""

RATIO, SLACK = 100, 1_000_000
"""A file may be this many times as large as it is compressed, and this much more: images do not shrink."""

ZIP_HEADER = 30
ENCRYPTED = 1


class UnsafeArchiveError(BadSetError):
    """An archive that holds what no honest one does."""


class Readable(Protocol):
    """What an entry's content is read from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""
        ...


@dataclass(frozen=True)
class Entry:
    """One entry: `unusual` says what it is where it is neither a file nor a folder ("a symbolic link")."""

    name: str
    size: int
    is_folder: bool
    unusual: str
    open: Callable[[], AbstractContextManager[Readable]]


def read_entries(archive: Path, *, bound: int) -> Generator[Entry, None, None]:
    """Every entry in the archive's order; each is opened, if at all, before the next is asked for.

    bound: bytes that a compressed tar may unpack to. Raises UserError for another format, UnsafeArchiveError
    for a zip's entries that overlap, are encrypted or grow without measure, and what the standard library
    raises for a damaged one. Exhausted, a compressed tar was checked to its end.
    """
    with archive.open("rb") as stream:
        beginning = stream.read(4)
        stream.seek(0)
        if beginning.startswith(b"PK"):
            yield from _read_zip(archive, stream)
        elif beginning.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=stream) as inflated:
                yield from _read_tar(archive, _Bounded(archive, cast(IO[bytes], inflated), bound))
        else:
            yield from _read_tar(archive, _Bounded(archive, stream, None))


class _Bounded:
    """A file for the standard library's readers that is not read in pieces, or to places, beyond measure."""

    def __init__(self, archive: Path, stream: IO[bytes], bound: int | None) -> None:
        self._archive, self._stream, self._bound = archive, stream, bound

    def read(self, size: int = -1) -> bytes:
        if size <= AT_ONCE:
            wanted = AT_ONCE + 1 if size < 0 else size  # all there is left: the end of a zip is read so
            self._require(self._stream.tell() + max(size, 0))
            found = self._stream.read(wanted)
            if len(found) <= AT_ONCE:
                return found
        raise UnsafeArchiveError(
            f"{self._archive} is not unpacked: its list of entries, or a header, has more than "
            f"{megabytes(AT_ONCE)}"
        )

    def seek(self, place: int, whence: int = 0) -> int:
        if whence == 0:
            self._require(place)
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever opened the file closes it."""

    def _require(self, place: int) -> None:
        if self._bound is not None and place > self._bound:
            raise UnsafeArchiveError(
                f"{self._archive} is not unpacked: it grows to more than {megabytes(self._bound)}"
            )


def _read_zip(archive: Path, stream: IO[bytes]) -> Generator[Entry, None, None]:
    with zipfile.ZipFile(cast(IO[bytes], _Bounded(archive, stream, None))) as opened:
        infos = opened.infolist()
        _refuse_overlaps(archive, infos, end=opened.start_dir)
        for info in infos:
            yield _zip_entry(archive, opened, info)


def _refuse_overlaps(archive: Path, infos: list[zipfile.ZipInfo], *, end: int) -> None:
    """A small zip whose entries share their bytes unpacks to petabytes."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    places = [info.header_offset for info in ordered[1:]] + [end]
    for info, following in zip(ordered, places, strict=bool(ordered)):
        if info.header_offset + ZIP_HEADER + info.compress_size > following:
            raise UnsafeArchiveError(
                f"{archive} is not unpacked: its entry {info.filename[:80]!r} overlaps the next one"
            )


def _zip_entry(archive: Path, opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    kind = stat.S_IFMT(info.external_attr >> 16)
    unusual = "" if kind in (0, stat.S_IFREG, stat.S_IFDIR) else _ZIP_KINDS.get(kind, "a special file")
    if info.flag_bits & ENCRYPTED:
        unusual = "encrypted"
    if info.file_size > RATIO * info.compress_size + SLACK:
        raise UnsafeArchiveError(
            f"{archive} is not unpacked: its entry {info.filename[:80]!r} grows from "
            f"{megabytes(info.compress_size)} to {megabytes(info.file_size)}"
        )
    return Entry(info.orig_filename, info.file_size, info.is_dir(), unusual, lambda: opened.open(info))


_ZIP_KINDS = {stat.S_IFLNK: "a symbolic link", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def _read_tar(archive: Path, stream: _Bounded) -> Generator[Entry, None, None]:
    try:
        with tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:") as opened:
            for member in opened:
                yield _tar_entry(opened, member)
        while stream.read(1 << 18):  # to the end, where a compressed one has its checksum
            pass
    except tarfile.ReadError as error:
        raise BadSetError(f"{archive} is damaged, or neither a zip nor a tar file: {error}") from error


def _tar_entry(opened: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    unusual = ""
    if not (member.isreg() or member.isdir()) or member.issparse():
        unusual = next((words for test, words in _TAR_KINDS if test(member)), "a special file")

    def open_member() -> AbstractContextManager[Readable]:
        found = opened.extractfile(member)
        assert found is not None, member.name  # a regular file
        return closing(found)

    return Entry(member.name, member.size, member.isdir(), unusual, open_member)


_TAR_KINDS: tuple[tuple[Callable[[tarfile.TarInfo], bool], str], ...] = (
    (tarfile.TarInfo.issym, "a symbolic link"),
    (tarfile.TarInfo.islnk, "a hard link"),
    (tarfile.TarInfo.isdev, "a device"),
    (tarfile.TarInfo.issparse, "a sparse file"),
)
