"""Takes the gradient of every loss at the same generated images, and the cosines between them: which losses
are one under two names, which oppose each other, which are directions of their own. No generator is trained.
Critics of adversarial games are, briefly, each against a model's fixed images (--games none leaves them out).

MODEL is a generator's file, a finished run's folder, the name of a model that comes with esrlab, bicubic, or
bilinear (what a generator with init 'interpolation' begins as); NAME=MODEL names it in the tables.

--losses takes all, kinds with commas, or kinds with settings (content:layers=conv3_4). Losses whose weights
are not at hand are left out, and named with the reason; --weights real student gives each once with either.

Stopped by Ctrl-C it keeps all finished batches and critics; the same command goes on.

In --out: kinship.html, kinship.md, kinship.csv (every pair), spectra.csv, pulls.csv, figures/, kinship.json,
and rows/, from which all of it is made again by the same command.

examples:
  esrlab kinship runs/psnr bicubic --scale 4 --photos photographs --out kinship
  esrlab kinship start=bilinear faithful=x4.safetensors --scale 4 --photos DIV2K/valid \\
      --losses all content:layers=conv3_4 --weights real student
  esrlab kinship x2.safetensors --losses l1,mse,ssim,tv --games none --patches 40 --json
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from esrlab.cli.commands.options import add_device, require_folders
from esrlab.cli.console import answers, console, meter
from esrlab.core.files import to_json
from esrlab.core.part_texts import parse_part
from esrlab.data.degradations.any_degradation import parse_degradation
from esrlab.data.photos.samples import SAMPLES
from esrlab.kinship.directions import ALL, GAMES, NONE
from esrlab.kinship.measure import measure_kinship
from esrlab.kinship.settings import SMALL_CRITIC, KinshipSettings
from esrlab.losses.inputs import FeatureWeights
from esrlab.models.critics.any_critic import AnyCritic
from esrlab.report.formats import to_terminal
from esrlab.report.kinship.build import KinshipReport, make_kinship_report

FLAGS = {
    "patches": "N",
    "lr_size": "PX",
    "batch": "N",
    "seed": "N",
    "bands": "N",
    "critic_steps": "N",
    "critic_seeds": "N",
    "critic_pool": "N",
    "mapped": "N",
}
"""Settings that have a flag of their name, and what stands for their value."""

OTHERS = ("critic", "degradation")
"""Settings whose flags take a kind and its fields."""


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Models, losses, games, photographs, and a flag for each setting."""
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="a file, a run's folder, a model, bicubic, bilinear"
    )
    parser.add_argument(
        "--losses", nargs="+", default=[ALL], metavar="LOSS", help=f"{ALL}, or kinds (default: {ALL})"
    )
    parser.add_argument(
        "--games",
        nargs="+",
        default=[ALL],
        metavar="GAME",
        help=f"{ALL}, {NONE}, or adversarial losses: {', '.join(GAMES)} (default: {ALL})",
    )
    parser.add_argument(
        "--weights",
        nargs="+",
        choices=get_args(FeatureWeights),
        default=["real"],
        help="weights of the networks that losses measure with; several give each such loss with "
        "each of them (default: real)",
    )
    parser.add_argument(
        "--scale", nargs="+", type=int, default=[], help="scales to compare at (default: the files' own)"
    )
    for flag, words in (
        ("--photos", f"folders of photographs, or '{SAMPLES}' (default: {SAMPLES})"),
        ("--critic-photos", "photographs that critics are trained on (default: other crops of --photos)"),
    ):
        default = [SAMPLES] if flag == "--photos" else None
        parser.add_argument(flag, nargs="+", default=default, metavar="DIR", help=words)
    _add_settings(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("kinship"), help="folder for results (default: kinship)"
    )
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings")
    for name, shown in FLAGS.items():
        info = KinshipSettings.model_fields[name]
        many = isinstance(info.default, tuple)
        default = " ".join(map(str, info.default)) if many else info.default
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            nargs="+" if many else None,
            metavar=shown,
            help=f"{info.description} (default: {default})",
        )
    group.add_argument(
        "--critic",
        metavar="KIND[:FIELD=VALUE…]",
        help=f"the games' critic (default: vgg:features={SMALL_CRITIC.features}:norm={SMALL_CRITIC.norm})",
    )
    group.add_argument(
        "--degradation",
        metavar="KIND[:FIELD=VALUE…]",
        help="how LR images are made, such as camera:jpeg_quality=40 (default: matlab)",
    )


def run(options: argparse.Namespace) -> int:
    """Measures what is not measured yet, reports and prints."""
    require_folders("--photos", options.photos)
    require_folders("--critic-photos", options.critic_photos or [])
    with meter("measuring", counts=True) as shown:
        kinships = measure_kinship(
            options.models,
            photos=options.photos,
            losses=options.losses,
            games=options.games,
            weights=options.weights,
            scales=options.scale,
            fields=_chosen_settings(options),
            critic_photos=options.critic_photos,
            out=options.out,
            device=options.device,
            on_progress=lambda done, total, note, eta: shown.update(done, total=total, note=note, eta=eta),
        )
    del kinships  # the report is on all models of the folder, those of earlier calls too
    report = make_kinship_report(options.out)
    if options.json:
        print(to_json(_as_record(report), indent=2))
    else:
        _print(report)
    return 0


def _chosen_settings(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in FLAGS}
    found = {name: value for name, value in given.items() if value is not None}
    if options.critic is not None:
        found["critic"] = parse_part(options.critic, AnyCritic, what="critic")
    if options.degradation is not None:
        found["degradation"] = parse_degradation(options.degradation)
    return found


def _as_record(report: KinshipReport) -> dict[str, Any]:
    return {
        "found": {heading: list(lines) for heading, lines in report.findings.sentences.items()},
        "tables": [
            {
                "key": table.key,
                "title": table.title,
                "columns": list(table.columns),
                "rows": [{"cells": list(row.cells), "below": list(row.intervals)} for row in table.rows],
            }
            for table in report.findings.tables
        ],
        "absent": list(report.absent),
        "files": [os.fspath(path) for path in report.files],
    }


def _print(report: KinshipReport) -> None:
    shown = answers()
    for table in report.findings.tables:
        shown.print(to_terminal(table, width=shown.width))
    for heading, lines in report.findings.sentences.items():
        shown.print(heading, style="bold")
        for line in lines:
            shown.print(f"  · {line}", markup=False)
    for line in report.absent:
        console.print(f"could not be had: {line}", markup=False)
    shown.print("\nWritten", style="bold")
    for path in report.files:
        shown.print(f"  {path}", markup=False, soft_wrap=True)
