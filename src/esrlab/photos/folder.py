"""A folder of photographs, any mix of sizes and formats, subfolders included."""

from collections.abc import Callable
from pathlib import Path

from esrlab.images import find_images
from esrlab.photos.collection import Photos, collect
from esrlab.photos.samples import SAMPLES, TRAINING, sample_paths


def open_photos(source: str, *, smallest: int, progress: Callable[[int, int], None] | None = None) -> Photos:
    """The training photographs at `source`: a folder, or "samples" for the bundled ones.

    Photographs that cannot be decoded or are under `smallest` pixels on a side are in `Photos.skipped`.
    Raises ImageError when the folder does not exist or nothing usable is in it.
    """
    if source == SAMPLES:
        return collect(sample_paths(TRAINING), source=SAMPLES, smallest=smallest, progress=progress)
    folder = Path(source)
    paths = [(path.relative_to(folder).as_posix(), path) for path in find_images(folder)]
    return collect(paths, source=str(folder), smallest=smallest, progress=progress)
