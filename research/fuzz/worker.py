"""A worker: it has the package loaded and the base made, and forks a process for each case."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import images
from .base import Base, build_base
from .cases import GOOD, Judged, dice_for, judge, snapshot
from .sandbox import run_command
from .upscale import MOST_PIXELS
from .upscale import make_case as make_upscaling


@dataclass(frozen=True)
class Worker:
    """What a worker process keeps between its cases."""

    base: Base
    place: Path
    call: Callable[[Sequence[str]], int]


_worker: Worker | None = None


def prepare(part: str, scratch: Path | None) -> None:
    """Loads the package and makes the part's base; called once in every worker process."""
    global _worker  # noqa: PLW0603 (a process pool's initialiser has no other place)
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    if part == "upscale":
        os.environ["ESRLAB_MAX_PIXELS"] = MOST_PIXELS
    from esrlab.cli.main import call

    place = Path(tempfile.mkdtemp(prefix="fuzz-", dir=scratch)).resolve()
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for name in ("base", "sentinel"):
        (place / name).mkdir()
    os.environ["ESRLAB_CACHE"] = str(place / "cache")
    (place / "sentinel" / "private.png").write_bytes(images.private_picture())
    (place / "sentinel" / "private.txt").write_text("private words\n", encoding="utf-8")
    ghostscript = place / "sentinel" / "bin" / "gs"  # what Pillow would open an EPS file with
    ghostscript.parent.mkdir()
    ghostscript.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    ghostscript.chmod(0o755)
    _worker = Worker(build_base(call, place / "base", part=part), place, call)


def _maker(part: str) -> images.Make:
    """How a part's cases are made. The process that hands them out needs neither this nor torch."""
    if part == "images":
        return images.make_case
    from . import checkpoints, texts

    makers = {
        "checkpoints": checkpoints.make_case,
        "texts": texts.make_case,
        "upscale": make_upscaling,
    }
    return makers[part]


def run_case(part: str, number: int, *, seed: int, keep: Path | None = None, is_kept: bool = False) -> Judged:
    """Makes, runs and judges one case; `keep` gets its folder and output where it failed, or is_kept."""
    assert _worker is not None
    folder, output = _worker.place / "case", _worker.place / "output"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    case = _maker(part)(_worker.base, folder, dice_for(seed, part, number), number)
    before = snapshot(folder, case.may_change)
    sys.stdout.flush()
    ended = run_command(
        _worker.call,
        case.arguments,
        folder=folder,
        output=output,
        sentinel=_worker.place / "sentinel",
        is_narrow=case.is_narrow,
    )
    verdict, why = judge(case, ended, folder, before)
    if keep is not None and (is_kept or verdict not in GOOD):
        kept = keep / f"{part}-{number}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(_worker.place / "case", kept / "case", symlinks=True)
        shutil.copytree(output, kept / "output")
    return Judged(part, number, case.about, case.arguments, verdict, why, ended.seconds, ended.peak)
