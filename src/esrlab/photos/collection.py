"""Photographs as a training reads them: named, decoded, identified by a fingerprint."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrlab.images import ImageError, Pixels, decode_pixels, read_pixels

MEMORY_BUDGET = 4 * 2**30
"""Bytes of decoded pixels kept in memory; photographs beyond it are decoded anew for each crop."""


@dataclass(frozen=True)
class Photo:
    """One photograph: `pixels` is (H, W, 3) bytes, or None where it did not fit the memory budget."""

    name: str
    path: Path
    height: int
    width: int
    digest: str
    pixels: Pixels | None

    def read(self) -> Pixels:
        """The decoded pixels, from memory or from the file."""
        return read_pixels(self.path) if self.pixels is None else self.pixels


@dataclass(frozen=True)
class Photos:
    """A set of photographs in a fixed order, and what was skipped, with the reason."""

    source: str
    members: tuple[Photo, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over names and file contents: equal data, equal fingerprint."""
        text = "\n".join(f"{photo.name} {photo.digest}" for photo in self.members)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def collect(
    paths: Sequence[tuple[str, Path]],
    *,
    source: str,
    smallest: int,
    progress: Callable[[int, int], None] | None = None,
    memory_budget: int = MEMORY_BUDGET,
) -> Photos:
    """Decodes every (name, path) once; unreadable ones and those under `smallest` pixels are set aside.

    `progress(done, total)` is called after each file. Raises ImageError when nothing is left.
    """
    members: list[Photo] = []
    skipped: list[tuple[str, str]] = []
    held = 0
    for done, (name, path) in enumerate(paths, start=1):
        try:
            photo = _load(name, path, smallest=smallest, room=memory_budget - held)
            held += 0 if photo.pixels is None else photo.pixels.nbytes
            members.append(photo)
        except ImageError as error:
            skipped.append((name, str(error)))
        if progress is not None:
            progress(done, len(paths))
    if not members:
        raise ImageError(_nothing_left(source, skipped, smallest=smallest))
    return Photos(source=source, members=tuple(members), skipped=tuple(skipped))


def _load(name: str, path: Path, *, smallest: int, room: int) -> Photo:
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise ImageError(f"cannot be read: {error.strerror}") from error
    pixels = decode_pixels(encoded, name=name)
    height, width, _ = pixels.shape
    if min(height, width) < smallest:
        raise ImageError(f"{name} is {width}×{height}, under the {smallest} px that a patch needs")
    digest = hashlib.sha256(encoded).hexdigest()
    return Photo(name, path, height, width, digest, pixels if pixels.nbytes <= room else None)


def _nothing_left(source: str, skipped: Sequence[tuple[str, str]], *, smallest: int) -> str:
    if not skipped:
        return f"{source} holds no image (PNG, JPEG, WebP, TIFF or BMP, subfolders included)"
    shown = "; ".join(reason for _, reason in skipped[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"{source} holds no usable image of at least {smallest}×{smallest} px: {shown}{more}"
