"""Feeds esrlab damaged and hostile files, and ends its processes at random moments.

    python -m research.fuzz                                   everything: 5,000 images, 2,700 to upscale,
                                                              1,000 checkpoints, 1,000 text
                                                              files, 40 kills
    python -m research.fuzz --part images --count 200
    python -m research.fuzz --case images:1234                one case again; its folder is kept and named
    python -m research.fuzz --out docs/results/fuzz.txt       the table into a file, too

From the repository's folder, on Linux, with the package and its `all` extra installed. A case depends on its
seed and number alone. Exit code 1 where anything failed; README.md says what counts as a failure.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from .cases import GOOD, Judged
from .kills import prepare_kills, run_kill, run_undisturbed
from .report import as_table, group_failures, write_failures
from .worker import prepare, run_case

COUNTS = {"images": 5000, "upscale": 2700, "checkpoints": 1000, "texts": 1000, "kills": 40}


def main() -> int:
    """Runs what is asked for, shows the table, says how to repeat what failed."""
    options = _parse()
    began = time.monotonic()
    scratch = options.scratch
    if options.case is not None:
        return _one(options.case, seed=options.seed, scratch=scratch)
    judged: list[Judged] = []
    for part in [options.part] if options.part else list(COUNTS):
        count = COUNTS[part] if options.count is None else options.count
        numbers = range(options.first, options.first + count)
        judged += _show(part, len(numbers), _run(part, numbers, options))
    minutes = (time.monotonic() - began) / 60
    table = as_table(judged)
    print(f"\n{table}\n\n{group_failures(judged, seed=options.seed)}", end="")
    if options.failures is not None:
        write_failures(options.failures, judged, seed=options.seed)
    if options.out is not None:
        options.out.write_text(
            f"$ python -m research.fuzz {_command()}\n# {_surroundings()}, {minutes:.0f} min\n{table}\n\n"
            f"{group_failures(judged, seed=options.seed)}",
            encoding="utf-8",
        )
    return 0 if all(each.verdict in GOOD for each in judged) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m research.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--part", choices=tuple(COUNTS), help="one part (default: all)")
    parser.add_argument("--count", type=int, help="cases of each part")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="decides every case (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--case", metavar="PART:NUMBER", help="one case alone, its folder kept")
    parser.add_argument("--out", type=Path, help="a file for the table")
    parser.add_argument("--failures", type=Path, help="a file for the failures, a JSON object a line")
    parser.add_argument("--keep", type=Path, help="a folder that keeps what failed, folders and output")
    parser.add_argument("--scratch", type=Path, help="where the cases' folders are made (default: /tmp)")
    return parser.parse_args()


def _run(part: str, numbers: range, options: argparse.Namespace) -> Iterator[Judged]:
    """The cases as they end."""
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-", dir=options.scratch) as place,
        _pool(part, options.jobs, options.scratch) as pool,
    ):
        if part == "kills":
            pool.submit(run_undisturbed, Path(place)).result()
            run = partial(run_kill, seed=options.seed, place=Path(place), keep=options.keep)
        else:
            run = partial(run_case, part, seed=options.seed, keep=options.keep)
        futures = [pool.submit(run, number) for number in numbers]
        try:
            yield from (future.result() for future in as_completed(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _pool(part: str, jobs: int, scratch: Path | None) -> ProcessPoolExecutor:
    """Processes of their own start: what they fork is small and knows nothing of this one."""
    begin = prepare_kills if part == "kills" else partial(prepare, part, scratch)
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=begin)


def _show(part: str, total: int, cases: Iterator[Judged]) -> list[Judged]:
    """Counts along, with the time to go: on a terminal in place, elsewhere every half minute."""
    judged, began, shown = list[Judged](), time.monotonic(), 0.0
    is_terminal = sys.stderr.isatty()
    for case in cases:
        judged.append(case)
        now = time.monotonic()
        if now - shown < (0.2 if is_terminal else 30) and len(judged) < total:
            continue
        shown, failed = now, sum(each.verdict not in GOOD for each in judged)
        to_go = (now - began) / len(judged) * (total - len(judged))
        line = f"{part}: {len(judged)} of {total}, {failed} failed, {to_go / 60:.1f} min to go"
        print(f"\r{line}\x1b[K" if is_terminal else line, end="" if is_terminal else "\n", file=sys.stderr)
    if is_terminal:
        print(file=sys.stderr)
    return judged


def _one(text: str, *, seed: int, scratch: Path | None) -> int:
    """One case again, with what it printed."""
    part, _, number = text.partition(":")
    if part not in COUNTS or not number.isdigit():
        raise SystemExit(f"--case takes PART:NUMBER, PART one of {', '.join(COUNTS)}, not {text!r}")
    keep = Path(tempfile.mkdtemp(prefix=f"fuzz-{part}-{number}-", dir=scratch))
    with _pool(part, 1, scratch) as pool:
        if part == "kills":
            pool.submit(run_undisturbed, keep).result()
            judged = pool.submit(run_kill, int(number), seed=seed, place=keep).result()
        else:
            judged = pool.submit(run_case, part, int(number), seed=seed, keep=keep, is_kept=True).result()
    print(f"{part}:{number}, seed {seed}: {judged.about}")
    print(f"  esrlab {' '.join(judged.arguments)}")
    for path in sorted(keep.glob("*/output/*")):
        text = path.read_text(encoding="utf-8", errors="backslashreplace")
        print(f"--- {path.name}\n{text}" if text else f"--- {path.name}: empty")
    print(f"{judged.verdict}{f': {judged.why}' if judged.why else ''}")
    print(f"{judged.seconds:.2f} s, {judged.peak / 1e6:.0f} MB; kept in {keep}")
    return 0 if judged.verdict in GOOD else 1


def _command() -> str:
    """What was asked, but for the file that says so."""
    return " ".join(sys.argv[1:])


def _surroundings() -> str:
    return f"torch {version('torch')}, Python {platform.python_version()}, {os.cpu_count()} processors"


if __name__ == "__main__":
    sys.exit(main())
