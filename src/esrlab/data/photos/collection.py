"""Photographs as a training reads them: named, decoded, identified by a fingerprint."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from esrlab.data.image_files import ImageError, Pixels, decode_pixels
from esrlab.data.photos.hr_images import HrImages, stem_of

WillNeed = Callable[[int, int], None]
"""Called with the range of a photograph's bytes about to be read: the first one, and how many."""


@dataclass(frozen=True)
class Photo:
    """One photograph: `pixels` is (H, W, 3) bytes, in memory or mapped from a store, read-only there."""

    name: str
    path: Path
    height: int
    width: int
    digest: str
    pixels: Pixels
    will_need: WillNeed | None = None

    def crop(self, top: int, left: int, side: int) -> Pixels:
        """The (side, side, 3) square from row `top` and column `left` on: a view.

        Of a mapped photograph its rows are asked from the disk in one piece: page by page, as they are
        touched, they would take twenty times as long, and a read of all around them ten times.
        """
        if self.will_need is not None:
            row = self.pixels.strides[0]
            self.will_need(top * row + left * 3, (side - 1) * row + side * 3)
        return self.pixels[top : top + side, left : left + side]


@dataclass(frozen=True)
class Photos:
    """A set of photographs in a fixed order, and what was skipped, with the reason.

    folder: the one that they are in, where they are in one.
    """

    source: str
    members: tuple[Photo, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    folder: Path | None = None

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over names and file contents: equal data, equal fingerprint."""
        text = "\n".join(f"{photo.name} {photo.digest}" for photo in self.members)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def hr(self) -> HrImages:
        """What a degradation asks of them; their folder, where they are of one."""
        sizes = {stem_of(photo.name): (photo.height, photo.width) for photo in self.members}
        return HrImages(tuple(sizes), self.folder, sizes)


def collect(
    paths: Sequence[tuple[str, Path]],
    *,
    source: str,
    smallest: int,
    progress: Callable[[int, int], None] | None = None,
) -> Photos:
    """Decodes every (name, path) into memory, meant for a few; unusable ones are set aside.

    `progress(done, total)` is called after each file. Raises ImageError when nothing is left.
    """
    found: list[Photo | tuple[str, str]] = []
    for done, (name, path) in enumerate(paths, start=1):
        try:
            found.append(_load(name, path))
        except ImageError as error:
            found.append((name, str(error)))
        if progress is not None:
            progress(done, len(paths))
    return select(found, source=source, smallest=smallest)


def select(found: Sequence[Photo | tuple[str, str]], *, source: str, smallest: int) -> Photos:
    """Those of at least `smallest` pixels on a side; the others join the skipped, (name, reason) each.

    Raises ImageError when nothing is left.
    """
    members: list[Photo] = []
    skipped: list[tuple[str, str]] = []
    for photo in found:
        if not isinstance(photo, Photo):
            skipped.append(photo)
        elif min(photo.height, photo.width) < smallest:
            size = f"{photo.width}×{photo.height}"
            skipped.append((photo.name, f"{photo.name} is {size}, under the {smallest} px of one patch"))
        else:
            members.append(photo)
    if not members:
        reasons = [reason for _, reason in skipped]
        raise ImageError(nothing_usable(source, reasons, least=f" of at least {smallest}×{smallest} px"))
    return Photos(source=source, members=tuple(members), skipped=tuple(skipped))


def nothing_usable(source: str, reasons: Sequence[str], *, least: str = "") -> str:
    """The words for a folder of which nothing is left, with the first reasons."""
    if not reasons:
        return f"{source} holds no image (PNG, JPEG, WebP, TIFF or BMP, subfolders included)"
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"{source} holds no usable image{least}: {'; '.join(reasons[:3])}{more}"


def _load(name: str, path: Path) -> Photo:
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{name} cannot be read: {error.strerror}") from error
    pixels = decode_pixels(encoded, name=name)
    height, width, _ = pixels.shape
    return Photo(name, path, height, width, hashlib.sha256(encoded).hexdigest(), pixels)
