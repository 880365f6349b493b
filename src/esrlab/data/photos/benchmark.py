"""Benchmarks: named sets of high-resolution images on which upscalers are evaluated."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from esrlab.core.files import printable
from esrlab.data.image_files import ImageError, find_images, read_image
from esrlab.data.photos.hr_images import HrImages
from esrlab.data.photos.samples import HELD_OUT, SAMPLES, sample_paths
from esrlab.data.sets.finding import folder_of
from esrlab.errors import UserError

OnError = Callable[[str, UserError], None]
"""Called with an image that could not be used, and why; the work continues without it."""


@dataclass(frozen=True)
class Benchmark:
    """A named set of image files; `folder` is where they are, None where in none of their own."""

    name: str
    members: tuple[tuple[str, Path], ...]
    folder: Path | None = None

    @property
    def hr(self) -> HrImages:
        """What a degradation asks of them; their sizes are not known before they are read."""
        return HrImages(tuple(name for name, _ in self.members), self.folder)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits over names and file contents: equal images, equal fingerprint."""
        digests = [f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for name, path in self.members]
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:16]

    def images(self, on_error: OnError | None = None) -> Iterator[tuple[str, Tensor]]:
        """Each image's name and its (1, 3, H, W) tensor in [0, 1]; ImageError names a damaged one.

        With `on_error`, it is called with a damaged one, which is left out.
        """
        for name, path in self.members:
            try:
                image = read_image(path)
            except ImageError as error:
                if on_error is None:
                    raise
                on_error(f"{self.name}/{name}", error)
                continue
            yield name, image


def hr_subfolder(folder: Path) -> Path:
    """Where a benchmark's folder has its true images: in `HR` where there is one, as in Set5/HR."""
    return folder / "HR" if (folder / "HR").is_dir() else folder


def open_benchmark(source: str, *, name: str) -> Benchmark:
    """The benchmark at `source`: a folder (its `HR` subfolder where there is one), a data set's name, or
    "samples".

    Raises ImageError when the folder does not exist, holds no image, or holds two of one name.
    """
    if source == SAMPLES:
        return Benchmark(name, tuple(sample_paths(HELD_OUT)))
    folder = hr_subfolder(folder_of(source))
    paths = find_images(folder)
    if not paths:
        raise ImageError(
            f"the benchmark folder {folder} holds no image (PNG, JPEG, WebP, TIFF or BMP); choose another "
            "folder"
        )
    members = [(printable(path.relative_to(folder).with_suffix("").as_posix()), path) for path in paths]
    if len({member for member, _ in members}) < len(members):
        raise ImageError(
            f"the benchmark folder {folder} holds two images with the same name in different formats; "
            "rename or remove one"
        )
    return Benchmark(name, tuple(members), folder)
