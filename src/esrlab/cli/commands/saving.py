"""How often a run is saved, as flags."""

import argparse

from esrlab.errors import UsageError
from esrlab.training.session import Saving


def add_saving(parser: argparse.ArgumentParser) -> None:
    """--checkpoint-every, --checkpoint-minutes and --keep."""
    parser.add_argument(
        "--checkpoint-every",
        type=int,
        default=500,
        metavar="N",
        help="steps between checkpoints (default: 500)",
    )
    parser.add_argument(
        "--checkpoint-minutes",
        type=float,
        default=10.0,
        metavar="M",
        help="longest time between checkpoints, in minutes (default: 10)",
    )
    parser.add_argument(
        "--keep", type=int, default=3, metavar="N", help="number of latest checkpoints to keep (default: 3)"
    )


def chosen_saving(options: argparse.Namespace) -> Saving:
    """What the flags say; UsageError for a number that is too small."""
    if options.checkpoint_every < 1:
        raise UsageError(f"--checkpoint-every must be at least 1 step, not {options.checkpoint_every}")
    if options.keep < 1:
        raise UsageError(f"--keep must be at least 1 checkpoint, not {options.keep}")
    if not options.checkpoint_minutes > 0:
        raise UsageError(f"--checkpoint-minutes must be above 0, not {options.checkpoint_minutes}")
    return Saving(options.checkpoint_every, options.keep, options.checkpoint_minutes)
