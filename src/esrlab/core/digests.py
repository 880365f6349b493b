"""Checksums of files, and bytes in words."""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Checksum:
    """What a file's checksum must be: all its hex digits, or the leading ones that are known.

    md5 tells damage from a whole file; against somebody who wants to deceive it is no protection.
    """

    digits: str
    algorithm: Literal["sha256", "md5"] = "sha256"


def digest(path: Path, algorithm: Literal["sha256", "md5"] = "sha256") -> str:
    """A file's checksum in hex; computed once as long as its size and time stay as they are."""
    state = path.stat()
    return _digest(path.resolve(), algorithm, state.st_size, state.st_mtime_ns)


@functools.cache
def _digest(path: Path, algorithm: str, size: int, changed: int) -> str:
    del size, changed  # they tell one state of the file from another
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def megabytes(size: int) -> str:
    """Bytes as "3.53 GB", "574.7 MB" (10⁶ bytes), "6.0 kB"."""
    if size >= 1e9:
        return f"{size / 1e9:.2f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
