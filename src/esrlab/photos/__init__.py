"""Where photographs come from: a folder, or the bundled samples."""

from esrlab.photos.benchmark import Benchmark, open_benchmark
from esrlab.photos.collection import Photos
from esrlab.photos.folder import open_photos

__all__ = ["Benchmark", "Photos", "open_benchmark", "open_photos"]
