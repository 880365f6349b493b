"""Trains the paper's four recipes at ×2, ×3 and ×4 with two seeds: small generators, the embedded students
as content networks, the bundled photographs. Nothing is downloaded. Run again, it resumes.

examples:
  esrlab demo
  esrlab demo --out somewhere/else
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from esrlab.cli.commands.options import add_device, add_weights
from esrlab.cli.commands.study_run import carry_out
from esrlab.core.devices import choose_device
from esrlab.study.demo import demo_study


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Where it goes."""
    parser.add_argument("--out", type=Path, default=Path("demo"), help="the study's folder (default: demo)")
    add_weights(parser, default="student")
    add_device(parser)


def run(options: argparse.Namespace) -> int:
    """Carries the demo's study out and prints the paper's three tables."""
    return carry_out(
        demo_study(options.weights or "student"),
        out=options.out,
        device=choose_device(options.device),
        command=options.command,
        only_papers=True,
    )
