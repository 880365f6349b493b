"""Where photographs come from: folders, or the bundled samples."""

from esrlab.photos.benchmark import Benchmark, open_benchmark
from esrlab.photos.collection import Photo, Photos
from esrlab.photos.folder import open_photos

__all__ = ["Benchmark", "Photo", "Photos", "open_benchmark", "open_photos"]
