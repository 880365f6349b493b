"""A file over HTTP: resumed after a break, tried again, and checked before it gets its name."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from esrlab.core.digests import Checksum, digest, megabytes
from esrlab.core.responses import (
    BrokenError,
    RangeRefusedError,
    UnreachableError,
    extent,
    open_response,
)
from esrlab.errors import UserError

CHUNK = 1 << 18
Progress = Callable[[int, int], None]
"""Called with the bytes there are, and the bytes there will be."""


@dataclass(frozen=True)
class Patience:
    """How long a poor connection is put up with.

    timeout: seconds without a byte; attempts: tries in a row that bring nothing new; pause: seconds before
    the second of them, doubled from one to the next.
    """

    timeout: float = 30.0
    attempts: int = 5
    pause: float = 1.0


PATIENT = Patience()


def part_of(target: Path) -> Path:
    """Where an unfinished download waits to be resumed."""
    return target.with_name(target.name + ".part")


def download(
    address: str,
    target: Path,
    *,
    checksum: Checksum | None,
    size: int | None,
    progress: Progress,
    patience: Patience = PATIENT,
) -> None:
    """Fetch `address` (http or https) to `target`, which exists afterwards whole and verified, or not at all.

    checksum: None where it is not known, so that only the size that the server gives is held to. size: bytes
    where known exactly.
    What arrived before an interruption is kept in `<target>.part`, and the next call resumes from it.
    Raises UserError where server, disk or checksum fail; what has a wrong checksum is removed.
    """
    assert address.startswith(("https://", "http://")), address
    part = part_of(target)
    with _open_part(part) as stream:
        _receive_all(address, stream, size=size, progress=progress, patience=patience)
        _flush(stream)
        if checksum is not None:
            _require(checksum, part, address)
    part.replace(target)


def _require(checksum: Checksum, part: Path, address: str) -> None:
    """UserError where what arrived has another checksum; it is removed then."""
    actual = digest(part, checksum.algorithm)
    if not actual.startswith(checksum.digits):
        part.unlink()
        raise UserError(
            f"{address} is not the file it should be: its {checksum.algorithm} begins {actual[:12]}, not "
            f"{checksum.digits[:12]}. It was removed; try again. If this repeats, a proxy on the way may be "
            "changing the file"
        )


@contextmanager
def _open_part(part: Path) -> Iterator[FileIO]:
    """The unfinished file, for this process alone. Unbuffered: what was written is there after a break."""
    try:
        part.touch()
        stream = part.open("r+b", buffering=0)
    except OSError as error:
        raise _disk_trouble(part, error) from error
    with stream:
        _lock(stream, part)
        try:
            yield stream
        except BaseException:
            if part.is_file() and stream.seek(0, os.SEEK_END) == 0:
                part.unlink()
            raise


def _lock(stream: FileIO, part: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: two at once spoil each other's file, and the checksum says so
        return
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"another process is downloading {part}; wait for it, or stop it") from error
    except OSError:
        return  # a network file system without locks


def _receive_all(
    address: str, stream: FileIO, *, size: int | None, progress: Progress, patience: Patience
) -> None:
    """Requests until everything is there, resuming where the last one was interrupted."""
    began = furthest = stream.seek(0, os.SEEK_END)
    failures = 0
    while True:
        try:
            return _receive(address, stream, size=size, progress=progress, timeout=patience.timeout)
        except BrokenError as trouble:
            if isinstance(trouble, RangeRefusedError):
                stream.truncate(0)
            reached = stream.seek(0, os.SEEK_END)
            # A server that begins anew each time and always breaks off early brings nothing new either.
            failures = 1 if reached > furthest else failures + 1
            furthest = max(furthest, reached)
            is_lost = isinstance(trouble, UnreachableError) and furthest == began
            if is_lost or failures >= patience.attempts:
                kept = f"; {megabytes(reached)} are kept; run the same command again to resume"
                raise UserError(f"{address}: {trouble}{kept if reached else ''}") from trouble
        time.sleep(patience.pause * 2 ** (failures - 1))


def _receive(address: str, stream: FileIO, *, size: int | None, progress: Progress, timeout: float) -> None:
    """One request for what is missing; BrokenError where it brings less."""
    offset = stream.seek(0, os.SEEK_END)
    if offset == size:
        return
    if size is not None and offset > size:  # of another file, then
        offset = stream.truncate(0)
    with open_response(address, offset=offset, timeout=timeout) as response:
        done, total = extent(response, offset=offset)
        if size is not None and total is not None and total != size:
            raise UserError(
                f"{address} offers {total} bytes instead of {size}: the server has another file, or a "
                f"proxy or login page answered in its place; check the network connection"
            )
        if done < offset:
            stream.truncate(done)
        stream.seek(done)
        total = size if total is None else total
        progress(done, total or done)
        while total is None or done < total:
            chunk = response.read1(CHUNK if total is None else min(CHUNK, total - done))
            if not chunk:
                break
            _write(stream, chunk)
            done += len(chunk)
            progress(done, total or done)
    if total is not None and done < total:
        raise BrokenError(f"the connection broke at {megabytes(done)} of {megabytes(total)}")


def _write(stream: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[stream.write(rest) :]
    except OSError as error:
        raise _disk_trouble(Path(str(stream.name)), error) from error


def _flush(stream: FileIO) -> None:
    try:
        os.fsync(stream.fileno())
    except OSError as error:
        raise _disk_trouble(Path(str(stream.name)), error) from error


def _disk_trouble(path: Path, error: OSError) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"the disk is full: {path} holds the part downloaded so far; free some space and run the same "
            "command again, "
            f"or choose another folder with --to"
        )
    return UserError(f"cannot write {path}: {error.strerror}; choose another folder with --to")
