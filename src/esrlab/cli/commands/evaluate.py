"""With --benchmark, METHODs are scored as a study scores its own: 'bicubic'; a run's folder; a generator's
file (.safetensors or .pth, ESRGAN's key names); two joined by + (a cascade: ×2∘×2 is ×4); a folder of
images that any tool made, named as the benchmark's (DIR/<benchmark>/…, or DIR for one benchmark). --out keeps
rows and pictures in a folder that esrlab report takes, alone or after a study's. Scored again, a method's
rows are replaced in place, and other rows are kept; to overwrite another method of the same name, scale and
seed, give --replace.

LR images are made from the HR images as they were for the training of the generators, where that is known;
--convention sets it for others. One call, and one folder, compares methods on LR images made in one way.
--degradation sets it for all, whatever they were trained on: matlab, matlab-8bit, camera (blur, noise, JPEG;
camera:jpeg_quality=40:blur=0), or pairs:folder=LR_matlab_x{scale} for LR images in a folder beside HR. Labels
say which.

With --against, each image of one folder is compared with the image of the same name in another (or in its
HR). File formats may differ, and common suffixes of names (baby_x4, baby_out) are ignored if that leaves
exactly one match.

An image that cannot be read, upscaled or measured is reported and left out of the means, and the exit
code is 1.

PSNR-Y/4 is on BT.601 luma with 4 pixels of border left out; means are over images. Images go through a
generator whole, without tiles.

examples:
  esrlab evaluate results/Set5 --against Set5 --scale 4 --metrics psnr,ssim,lpips
  esrlab evaluate results/Set5 --against Set5/HR --scale 4 --border 0 --json
  esrlab evaluate bicubic runs/first RRDB_x4.pth results/SwinIR \\
      --benchmark Set5=Set5 --benchmark Set14=Set14 --scale 4 --out studies/others
  esrlab evaluate x2.safetensors+x2.safetensors --name twice --benchmark Set5=Set5 --scale 4 --json
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from esrlab.cli.commands.comparison import compare_methods, read_metrics, tell_left_out
from esrlab.cli.commands.mean_tables import as_figure
from esrlab.cli.commands.options import add_device
from esrlab.cli.console import answers, counter
from esrlab.core.devices import choose_device
from esrlab.core.files import to_json
from esrlab.data.degradations.bicubic import CONVENTIONS
from esrlab.errors import UsageError
from esrlab.evaluation.benchmark import compare_folders
from esrlab.evaluation.metrics.any_metric import METRICS
from esrlab.evaluation.metrics.choice import PLAIN_KINDS, build_metrics, with_border
from esrlab.evaluation.metrics.inputs import Metric


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """What is scored, against what, and by which convention."""
    parser.add_argument(
        "methods",
        nargs="+",
        metavar="METHOD",
        help="bicubic, a model that comes with esrlab, a run's folder, a generator, A+B (a cascade), or a "
        "folder of images",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="HR_DIR",
        help="compare one folder of images with these HR images, without --benchmark",
    )
    parser.add_argument(
        "--benchmark",
        action="append",
        metavar="NAME=DIR",
        help="a folder of HR images to evaluate on; may be repeated",
    )
    parser.add_argument("--scale", type=int, required=True, help="magnification; also the default border")
    parser.add_argument(
        "--border", type=int, help="pixels cropped at each side before measuring (default: the scale)"
    )
    parser.add_argument(
        "--metrics",
        metavar="LIST",
        help=f"metrics separated by commas: {', '.join(METRICS)} (default: {','.join(PLAIN_KINDS)}; with "
        "--benchmark all that a study measures, as far as weights are at hand)",
    )
    parser.add_argument(
        "--weights",
        choices=("real", "student"),
        help="weights of metrics: their own (real), or an embedded student's estimate, LPIPS≈ for LPIPS "
        "(default: real)",
    )
    _add_kept(parser)
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_kept(parser: argparse.ArgumentParser) -> None:
    """What is kept of methods on benchmarks, and how their rows are headed."""
    kept = parser.add_argument_group("with --benchmark")
    kept.add_argument("--out", type=Path, help="folder for rows and images: new, or one to add to")
    kept.add_argument(
        "--replace", action="store_true", help="overwrite rows of another method with the same name"
    )
    kept.add_argument(
        "--convention",
        choices=CONVENTIONS,
        help="how LR images are made: as today's MATLAB does, or as its older one for 8-bit images did "
        "(default: as a generator was trained, else matlab)",
    )
    kept.add_argument(
        "--degradation",
        metavar="KIND[:FIELD=VALUE…]",
        help="how LR images are made for all methods, such as camera:jpeg_quality=40, or "
        "pairs:folder=LR_matlab_x{scale}",
    )
    for flag, kind, words in (
        ("--name", str, "the method's name in tables (default: a run's recipe, or the file's name)"),
        ("--label", str, "the method's description in tables (default: a run's, or the name)"),
        ("--seed", int, "the seed of the method's training (default: a run's, or none)"),
    ):
        kept.add_argument(flag, type=kind, action="append", help=f"{words}; repeat it once per METHOD")


def run(options: argparse.Namespace) -> int:
    """Compares and prints."""
    if options.scale < 1 or (options.border is not None and options.border < 0):
        raise UsageError("--scale must be at least 1, and --border at least 0")
    if (options.against is None) == (options.benchmark is None):
        raise UsageError("give either --benchmark NAME=DIR (once or more) or --against HR_DIR")
    if options.benchmark is not None:
        return compare_methods(options)
    kept = ("out", "name", "label", "seed", "convention", "degradation")
    asked = [one for one in kept if getattr(options, one) is not None]
    if len(options.methods) > 1 or options.replace or asked:
        raise UsageError(
            "--against compares one folder and writes nothing; several methods, --out, --name, --label, "
            "--seed, --convention, --degradation and --replace need --benchmark NAME=DIR"
        )
    metrics = _choose(options)
    left_out: list[str] = []
    with counter("comparing") as count:
        result = compare_folders(
            Path(options.methods[0]),
            options.against,
            metrics=metrics,
            progress=count,
            on_error=lambda image, error: left_out.append(str(error)),
        )
    if options.json:
        print(to_json({**result, "left_out": left_out}, indent=2))
    else:
        answers().print(_to_table(result, metrics))
    return tell_left_out(left_out)


def _choose(options: argparse.Namespace) -> tuple[Metric, ...]:
    asked = read_metrics(options.metrics or ",".join(PLAIN_KINDS), weights=options.weights, paper=False)
    built = build_metrics(with_border(asked, options.border), device=choose_device(options.device))
    lacking = [metric.info.name for metric in built if "lr" in metric.info.needs]
    if lacking:
        raise UsageError(
            f"{', '.join(lacking)} compares with LR images, and --against has none: give --benchmark NAME=DIR"
        )
    return tuple(metric.at(options.scale) for metric in built)


def _to_table(result: dict[str, Any], metrics: Sequence[Metric]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("image", overflow="fold")
    for metric in metrics:
        table.add_column(metric.name, justify="right", no_wrap=True)
    rows = [*result["images"], {"name": "mean", **result["mean"]}]
    for row in rows:
        values = [as_figure(metric.info, row[metric.name]) for metric in metrics]
        table.add_row(Text(row["name"]), *values, end_section=row is rows[-2])
    return table
