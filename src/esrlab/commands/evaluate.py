"""Each image is compared with the one of its name in the other folder (endings may differ). PSNR-Y/4 is
on BT.601 luma with 4 pixels of border left out; the mean is over images.

examples:
  esrlab evaluate results/Set5 --against Set5/HR --scale 4
  esrlab evaluate results/Set5 --against Set5/HR --scale 4 --border 0 --json
  esrlab evaluate results/Set5 --against Set5/HR --scale 4 --metrics psnr,ssim,lpips
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from esrlab.commands.options import add_device
from esrlab.devices import choose_device
from esrlab.errors import UsageError
from esrlab.evaluation import compare_folders, perceptual_metric
from esrlab.files import to_json
from esrlab.metrics import Metric, standard_metrics
from esrlab.progress import answers, counter

KNOWN = ("psnr", "ssim", "lpips")


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Two folders and the convention."""
    parser.add_argument("sr", type=Path, metavar="SR_DIR", help="the upscaled images")
    parser.add_argument("--against", type=Path, required=True, metavar="HR_DIR", help="the true images")
    parser.add_argument(
        "--scale", type=int, required=True, help="magnification; the border left out by default"
    )
    parser.add_argument("--border", type=int, help="pixels left out at each side (default: the scale)")
    parser.add_argument(
        "--metrics",
        default="psnr,ssim",
        metavar="LIST",
        help="of psnr, ssim and lpips, separated by commas (default: psnr,ssim)",
    )
    parser.add_argument(
        "--weights",
        default="real",
        choices=("real", "student"),
        help="LPIPS with its own weights, or LPIPS≈ by the embedded student (default: real)",
    )
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Compares and prints."""
    if options.scale < 1 or (options.border is not None and options.border < 0):
        raise UsageError("--scale is at least 1 and --border at least 0")
    metrics = _choose(options)
    with counter("comparing") as count:
        result = compare_folders(options.sr, options.against, metrics=metrics, progress=count)
    if options.json:
        print(to_json(result, indent=2))
    else:
        answers().print(_to_table(result))
    return 0


def _choose(options: argparse.Namespace) -> list[Metric]:
    asked = [name.strip().lower() for name in options.metrics.split(",") if name.strip()]
    unknown = [name for name in asked if name not in KNOWN]
    if unknown or not asked:
        raise UsageError(f"--metrics takes {', '.join(KNOWN)}, not {', '.join(unknown) or 'nothing'}")
    standard = standard_metrics(options.scale, border=options.border)
    chosen = [metric for metric in standard if metric.name.split("-")[0].lower() in asked]
    if "lpips" in asked:
        chosen.append(perceptual_metric(options.weights, device=choose_device(options.device)))
    return chosen


def _to_table(result: dict[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("image", overflow="fold")
    for name in result["mean"]:
        table.add_column(name, justify="right", no_wrap=True)
    rows = [*result["images"], {"name": "mean", **result["mean"]}]
    for row in rows:
        values = [
            f"{row[name]:.2f}" if name.startswith("PSNR") else f"{row[name]:.4f}" for name in result["mean"]
        ]
        table.add_row(Text(row["name"]), *values, end_section=row is rows[-2])
    return table
