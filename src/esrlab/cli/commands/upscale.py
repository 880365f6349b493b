"""A PHOTO is a file, a folder (with all below it, its structure kept), a pattern such as 'holiday/*.jpg', or
- for standard input. The result lies beside its photograph with the scale in its name (photo_x4.jpg), a
folder's in a folder beside it (holiday_x4/), or by the photographs' own names in --out. It has the
photograph's format (of BMP: PNG), 8 or 16 bits, colour profile, EXIF data and resolution; grey stays grey.

Files that are there already are skipped, so that the same command continues a batch; nothing is overwritten
without --overwrite. A photograph that cannot be upscaled does not stop the others; the exit code is then 1.

--scale takes any number, and --width, --height and --size any size: what the model makes is brought to it
by bicubic interpolation. Large photographs go through the model in tiles that fit in --memory.

A --model without a file is one that comes with esrlab: a name such as faithful, whose magnification is then
chosen by what is asked for, or with it, such as faithful-x2.

examples:
  esrlab upscale photo.jpg --scale 2
  esrlab upscale photo.jpg --model runs/first --scale 1.5 --out large.png
  esrlab upscale holiday 'scans/**/*.tif' --model x4.pth --out large --width 3840 --memory 2GB
  esrlab upscale photo.png --model x2.safetensors --cascade 2x2 --format webp --quality 90
  esrlab upscale - --model x4.pth < photo.jpg > large.jpg
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esrlab.cli.commands.options import add_device
from esrlab.cli.commands.upscale_files import STANDARD, Job, Naming, Plan, plan_files
from esrlab.cli.commands.upscale_one import Models, Sizing, upscale_one
from esrlab.cli.console import Meter, answers, console, meter
from esrlab.cli.parsing import cascade_scales, image_size, memory_size
from esrlab.core.counting import count
from esrlab.core.files import printable, to_json
from esrlab.core.signals import Interrupted
from esrlab.data.image_files import decoded_size
from esrlab.data.photograph_files.writing import DEFAULT_QUALITY, OUTPUT_FORMATS, format_of_suffix
from esrlab.errors import UsageError, UserError
from esrlab.upscaling.find_model import DEFAULT_MODEL


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Photographs, model, size, and where the results go."""
    parser.add_argument(
        "photos", nargs="+", metavar="PHOTO", help="a file, folder or pattern, or - (see below)"
    )
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME|FILE",
        help="a model that comes with esrlab (see below), a generator's file, or a run's folder "
        f"(default: {DEFAULT_MODEL})",
    )
    parser.add_argument(
        "--scale", type=float, help="magnification, any number such as 1.5 (default: the model's)"
    )
    parser.add_argument("--width", type=int, help="the result's width in pixels; its height follows")
    parser.add_argument("--height", type=int, help="the result's height in pixels; its width follows")
    parser.add_argument("--size", type=image_size, metavar="WxH", help="the result's exact width and height")
    parser.add_argument(
        "--cascade",
        type=cascade_scales,
        metavar="2x2",
        help="models one after another, by their scales: 2x2 is ×4 in two steps of ×2",
    )
    parser.add_argument(
        "--keep-colour",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep the photograph's colours where a model shifts them (default: keep)",
    )
    parser.add_argument(
        "--memory",
        type=memory_size,
        help="memory to use at most, such as 2GB (default: half of what is free)",
    )
    add_device(parser)
    _add_output(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    """Where results go, and as what."""
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out", metavar="DIR|FILE|-", help="folder or file for the result, or standard output"
    )
    output.add_argument("--format", choices=tuple(OUTPUT_FORMATS), help="format (default: the photograph's)")
    output.add_argument(
        "--quality",
        type=int,
        default=DEFAULT_QUALITY,
        help=f"quality of JPEG and WebP, 1 to 100 (default: {DEFAULT_QUALITY})",
    )
    output.add_argument("--overwrite", action="store_true", help="make what is there already again")
    output.add_argument("--json", action="store_true", help="print JSON: what became of each photograph")


def run(options: argparse.Namespace) -> int:
    """Upscales, names what failed."""
    sizing = _check(options)
    _check_ending(options)
    if STANDARD in options.photos or options.out == STANDARD:
        return _through_pipes(options, sizing)
    models = Models(options.model, sizing=sizing, cascade=options.cascade, device=options.device)
    naming = Naming(
        label=sizing.label(lambda: models.factor),
        out=Path(options.out) if options.out else None,
        wanted=OUTPUT_FORMATS.get(options.format),
        overwrite=options.overwrite,
    )
    plan = plan_files(options.photos, naming)
    rows = [_row(path, "skipped", reason=reason) for path, reason in plan.skipped]
    rows += [_row(path, "failed", reason=reason) for path, reason in plan.failed]
    if plan.jobs:
        networks = models.networks
        rows += _upscale_all(plan, networks, sizing, options)
    return _tell(rows, options)


def _through_pipes(options: argparse.Namespace, sizing: Sizing) -> int:
    """From standard input, or to standard output: one photograph."""
    if len(options.photos) > 1:
        raise UsageError("standard input and output take one photograph at a time")
    if options.json:
        raise UsageError("--json and a picture would both go to standard output: leave --json out")
    source = None if options.photos == [STANDARD] else Path(options.photos[0])
    target = None if options.out in (None, STANDARD) else Path(options.out)
    if target is None and sys.stdout.isatty():
        raise UsageError("a picture is not for a terminal: redirect standard output, or give --out FILE")
    if target is not None and target.is_dir():
        raise UsageError(
            f"--out {target} is a folder; a photograph from standard input has no name: give a file"
        )
    if target is not None and target.exists() and not options.overwrite:
        console.print(f"skipped: {target} is there already; --overwrite makes it again", markup=False)
        return 0
    models = Models(options.model, sizing=sizing, cascade=options.cascade, device=options.device)
    made = upscale_one(Job(source, target), models.networks, sizing=sizing, options=options)
    for notice in made.notices:
        console.print(f"{made.name}: {notice}", markup=False, soft_wrap=True)
    return 0


def _upscale_all(
    plan: Plan, networks: Any, sizing: Sizing, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """One after another; a failure is a row like the others."""
    rows: list[dict[str, Any]] = []
    weights = [max(decoded_size(job.source), 1) if job.source else 1 for job in plan.jobs]
    with meter("upscaling", total=sum(weights)) as shown:
        progress = _Progress(shown, time.monotonic(), sum(weights))
        for number, (job, weight) in enumerate(zip(plan.jobs, weights, strict=True)):
            progress.weight = weight
            progress.note = f"{number + 1}/{len(weights)} {printable(str(job.source))}"
            started = time.monotonic()
            try:
                made = upscale_one(job, networks, sizing=sizing, options=options, progress=progress)
            except UserError as error:
                assert job.source is not None
                rows.append(_row(job.source, "failed", reason=str(error)))
            except KeyboardInterrupt as stop:
                raise Interrupted(
                    f"stopped; {number} of {count(len(weights), 'photograph')} are dealt with; "
                    "run the same command again to go on"
                ) from stop
            else:
                rows.append(
                    _row(
                        job.source, "done", target=str(job.target), size=made.size, notices=list(made.notices)
                    )
                    | {"seconds": round(time.monotonic() - started, 3)}
                )
                for notice in made.notices:
                    console.print(f"{made.name}: {notice}", markup=False, soft_wrap=True)
                if not options.json:
                    answers().print(printable(str(job.target)), markup=False, soft_wrap=True)
            progress.before += weight
    return rows


class _Progress:
    """Tells the meter how far the whole batch is, in pixels of its photographs."""

    def __init__(self, shown: Meter, began: float, total: int) -> None:
        self._shown, self._began, self._total = shown, began, total
        self.before, self.weight, self.note = 0, 1, ""

    def __call__(self, done: int, whole: int) -> None:
        reached = self.before + self.weight * done / whole
        eta = (time.monotonic() - self._began) * (self._total / reached - 1) if reached else None
        self._shown.update(reached, total=self._total, note=self.note, eta=eta)


def _row(source: Path | None, state: str, **more: Any) -> dict[str, Any]:
    return {"photo": str(source), "state": state, **more}


def _tell(rows: list[dict[str, Any]], options: argparse.Namespace) -> int:
    """The counts, and the failures by name; the exit code."""
    states = {
        state: [row for row in rows if row["state"] == state] for state in ("done", "skipped", "failed")
    }
    if options.json:
        print(to_json({"photos": rows, **{state: len(found) for state, found in states.items()}}, indent=2))
    skipped, failed = states["skipped"], states["failed"]
    if skipped:
        one = f"skipped {count(len(skipped), 'photograph')}: {skipped[0]['reason']}"
        more = ", and so on" if len(skipped) > 1 else ""
        console.print(f"{one}{more}; --overwrite makes them again", markup=False, soft_wrap=True)
    if failed:
        console.print(
            f"{count(len(failed), 'photograph')} of {len(rows)} could not be upscaled:", markup=False
        )
        for row in failed:
            console.print(f"  {row['reason']}", markup=False, soft_wrap=True)
    return 1 if failed else 0


def _check(options: argparse.Namespace) -> Sizing:
    """The size that is asked for; UsageError for what cannot be."""
    asked = [name for name in ("scale", "size") if getattr(options, name) is not None]
    sides = [name for name in ("width", "height") if getattr(options, name) is not None]
    if len(asked) + bool(sides) > 1:
        raise UsageError("give one of --scale, --size, and --width with or without --height")
    if options.scale is not None and not 0 < options.scale <= 64:
        raise UsageError(f"--scale must be above 0 and at most 64, not {options.scale:g}")
    if any(getattr(options, name) < 1 for name in sides):
        raise UsageError("--width and --height must be at least 1 pixel")
    if not 1 <= options.quality <= 100:
        raise UsageError(f"--quality must be from 1 to 100, not {options.quality}")
    width, height = options.size or (options.width, options.height)
    return Sizing(scale=options.scale, width=width, height=height)


def _check_ending(options: argparse.Namespace) -> None:
    """UsageError where --out is the name of a file of another format than --format."""
    if options.out is None or options.format is None or Path(options.out).is_dir():
        return
    if format_of_suffix(Path(options.out).suffix) not in (None, OUTPUT_FORMATS[options.format]):
        raise UsageError(f"--out {options.out} is no name of a {options.format} file: leave --format out")
