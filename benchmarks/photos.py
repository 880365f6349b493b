"""How fast photographs become training samples: decoded for each crop, beside the packed store.

    python benchmarks/photos.py [--source ../shared/photos/train] [--count 800] [--copies 1] [--rounds 5]

Makes a folder of 2040×1356 PNG files by tiling and flipping real photographs, packs it in a process of its
own whose own memory is limited, and measures in turn, round by round; printed are medians. A sample is a crop
of 128×128, turned and flipped, with its ×4 LR of 32×32. `--copies` gives each file several names, so that a
store larger than memory is had soon. Everything is removed afterwards.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
from PIL import Image

from esrlab.data.degradations.base import Synthetic
from esrlab.data.degradations.bicubic import Bicubic
from esrlab.data.degradations.camera import Camera
from esrlab.data.image_files import Pixels, find_images, read_pixels
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.data.photos.opening import open_store
from esrlab.data.photos.store import place_of, read_store, size_text
from esrlab.data.prefetch import Ahead
from esrlab.data.sampling import Batch, cut_crop, draw_crop, make_batch

HEIGHT, WIDTH = 1356, 2040
SIZE, SCALE, LR_SIDE = 16, 4, 32
STEP = 0.030
"""Seconds that a GPU takes for a step."""
LIMIT = 1_500_000_000
"""Bytes of its own memory that the packing process may take (RLIMIT_DATA; mapped files do not count)."""
DEGRADATIONS: tuple[Synthetic, ...] = (Bicubic(), Bicubic(convention="matlab-8bit"), Camera())


@dataclass(frozen=True)
class DecodedAnew:
    """A photograph that is decoded for each crop."""

    name: str
    path: Path
    height: int
    width: int

    def crop(self, top: int, left: int, side: int) -> Pixels:
        """(side, side, 3) bytes."""
        return read_pixels(self.path)[top : top + side, left : left + side]


def make_photographs(folder: Path, source: Path, *, count: int, copies: int) -> None:
    """Writes `count` PNG files tiled from the source's photographs, each under `copies` names."""
    tiles = [read_pixels(path) for path in find_images(source)[:200]]

    def write(number: int) -> None:
        rng = np.random.default_rng(number)
        canvas = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
        top = 0
        while top < HEIGHT:
            left, row = 0, HEIGHT
            while left < WIDTH:
                tile = tiles[rng.integers(len(tiles))][:, :: rng.choice([-1, 1])]
                part = canvas[top : top + tile.shape[0], left : left + tile.shape[1]]
                part[...] = tile[: part.shape[0], : part.shape[1]]
                left, row = left + tile.shape[1], min(row, tile.shape[0])
            top += row
        path = folder / f"{number:04}.png"
        Image.fromarray(canvas).save(path, compress_level=1)
        for copy in range(1, copies):
            os.link(path, folder / f"{number:04}-{copy}.png")

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, range(count)))


def pack_within_limit(folder: Path) -> tuple[float, int]:
    """Packs, in a process of limited memory; returns seconds and the peak of its own and its mapped pages."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    began = time.perf_counter()
    open_store(folder)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def samples_per_second(make: Callable[[int], object], *, batches: int, first: int) -> float:
    """Makes `batches` batches."""
    began = time.perf_counter()
    for step in range(first, first + batches):
        make(step)
    return SIZE * batches / (time.perf_counter() - began)


def batch_maker(photos: Photos, degradation: Synthetic) -> Callable[[int], Batch]:
    """A function from the step to its batch."""
    reducer = degradation.build(SCALE)
    return lambda step: make_batch(
        photos, seed=0, step=step, scale=SCALE, lr_size=LR_SIDE, size=SIZE, reducer=reducer
    )


def drop_from_memory(folder: Path) -> None:
    """Asks the kernel to forget the pixels file; nothing may have it mapped."""
    store = read_store(place_of(folder))
    path = store.place / store.index.pixels
    del store
    with path.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def compare(folder: Path, rounds: int, degradation: Synthetic) -> None:
    """Decoding for each crop, the store from memory, the store from disk, one after the other each round."""
    names = ("decoded for each crop", "packed, in memory", "packed, dropped from memory")
    found: dict[str, list[float]] = {name: [] for name in names}
    read = 0
    for turn in range(rounds + 1):
        photos = open_photos(str(folder), smallest=LR_SIDE * SCALE)
        files = [DecodedAnew(photo.name, photo.path, photo.height, photo.width) for photo in photos.members]
        anew = cast(Photos, SimpleNamespace(members=files))
        found[names[0]].append(samples_per_second(batch_maker(anew, degradation), batches=1, first=turn))
        make = batch_maker(photos, degradation)
        found[names[1]].append(samples_per_second(make, batches=50, first=0))  # the first turn warms these up
        del photos, make
        drop_from_memory(folder)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_inblock
        make = batch_maker(open_photos(str(folder), smallest=LR_SIDE * SCALE), degradation)
        found[names[2]].append(samples_per_second(make, batches=50, first=0))
        read = (resource.getrusage(resource.RUSAGE_SELF).ru_inblock - before) * 512
        del make
    print(f"\n{'LR by ' + degradation.label:<30}{'samples/s':>12}{'ratio':>9}")
    for name in names:
        ratios = [own / base for own, base in zip(found[name][1:], found[names[0]][1:], strict=True)]
        print(f"{name:<30}{statistics.median(found[name][1:]):>12.1f}{statistics.median(ratios):>9.1f}")
    print(f"(dropped from memory: {size_text(read)} came from disk for {50 * SIZE} samples)")


def milliseconds(work: Callable[[], object], *, times: int = 20) -> float:
    """The fastest of five tries."""
    tries: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            work()
        tries.append((time.perf_counter() - began) / times)
    return min(tries) * 1000


def show_parts(photos: Photos) -> None:
    """Where a sample's time goes."""
    rng = np.random.default_rng(0)
    chosen = photos.members[:SIZE]
    side = LR_SIDE * SCALE
    crops = [draw_crop(photo, side, rng) for photo in chosen]
    cut = [np.ascontiguousarray(cut_crop(photo, crop)) for photo, crop in zip(chosen, crops, strict=True)]
    hr = torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).contiguous()
    parts: dict[str, Callable[[], object]] = {
        "copy of a random crop, turned": lambda: [
            np.ascontiguousarray(cut_crop(photo, draw_crop(photo, side, rng))) for photo in chosen
        ],
        "stack, to NCHW floats": lambda: (
            torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).contiguous().float() / 255
        ),
    }
    for degradation in DEGRADATIONS:
        reducer = degradation.build(SCALE)
        parts[f"LR by {degradation.label}"] = lambda r=reducer: r.reduce_crops(hr, crops, seed=0, step=0)
    print(f"\n{'part (fastest of five tries)':<30}{'µs a sample':>12}")
    for name, work in parts.items():
        print(f"{name:<30}{milliseconds(work) * 1000 / SIZE:>12.1f}")


def show_supply(photos: Photos, rounds: int) -> None:
    """What reaches a GPU that takes 30 ms a step, with and without making batches ahead."""
    print(f"\n{'a step of 16 that takes 30 ms':<30}{'ms a step':>12}{'samples/s':>12}")
    print(f"{'wanted':<30}{STEP * 1000:>12.1f}{SIZE / STEP:>12.0f}")
    for degradation in DEGRADATIONS:
        make = batch_maker(photos, degradation)
        for title, ahead in (("made in turn", False), ("made ahead", True)):
            seconds = statistics.median(step_seconds(make, ahead=ahead) for _ in range(rounds))
            name = f"{title}, {degradation.label}"
            print(f"{name:<30}{seconds * 1000:>12.1f}{SIZE / seconds:>12.0f}")


def step_seconds(make: Callable[[int], Batch], *, ahead: bool, steps: int = 50) -> float:
    """The mean time of a step whose computation is elsewhere: the main thread sleeps meanwhile."""
    with Ahead(make) as source:
        take = source.take if ahead else make
        take(0)
        began = time.perf_counter()
        for step in range(1, steps + 1):
            take(step)
            time.sleep(STEP)
        return (time.perf_counter() - began) / steps


def main() -> None:
    """Makes the data, measures, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, default=Path("../shared/photos/train"))
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="esrlab-benchmark-") as root:
        folder = Path(root) / "photos"
        folder.mkdir()
        os.environ["ESRLAB_CACHE"] = str(Path(root) / "cache")
        make_photographs(folder, options.source, count=options.count, copies=options.copies)
        measure(folder, options.rounds)


def measure(folder: Path, rounds: int) -> None:
    """Packs the folder, and prints all measurements."""
    encoded = [path.stat().st_size for path in folder.iterdir()]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    print(
        f"{len(encoded)} PNG files of {WIDTH}×{HEIGHT}, {size_text(sum(encoded))}; torch {torch.__version__},"
    )
    print(f"{os.cpu_count()} cores, one thread for batches, {size_text(memory)} of memory")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        seconds, peak = pool.submit(pack_within_limit, folder).result()
    began = time.perf_counter()
    store = open_store(folder)
    opening = time.perf_counter() - began
    size = store.index.length
    del store
    print(f"packed: {size_text(size)} in {seconds:.1f} s, {1000 * seconds / len(encoded):.1f} ms each,")
    print(f"within {size_text(LIMIT)} of own memory (resident at most {size_text(peak)})")
    print(f"opened again in {opening * 1000:.1f} ms")
    for degradation in DEGRADATIONS:
        compare(folder, rounds, degradation)
    photos = open_photos(str(folder), smallest=LR_SIDE * SCALE)
    show_parts(photos)
    show_supply(photos, rounds)


if __name__ == "__main__":
    main()
