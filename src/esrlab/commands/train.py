"""The recipe comes first; what follows may set any of its fields. Started again, it goes on from its
checkpoint. `esrlab train RECIPE --help` lists that recipe's fields.

examples:
  esrlab train wgan-vgg --scale 4 --photos DIV2K/train --out runs/first
  esrlab train esrgan-vgg --scale 2 --steps 200 --seed 1 --out runs/second \\
      --generator.blocks 2 --generator.features 32 --patches.batch 4
  esrlab train my-recipe.toml --photos photographs --out runs/third
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esrlab.commands.options import (
    add_device,
    add_fields,
    add_weights,
    chosen_fields,
    first_positional,
    say_skipped,
)
from esrlab.devices import choose_device
from esrlab.errors import UsageError
from esrlab.fields import with_fields
from esrlab.photos import open_photos
from esrlab.progress import clock, console, counter, meter, step_note
from esrlab.recipe import SEEDS, Recipe
from esrlab.recipes import find_recipe, with_weights
from esrlab.runfolder import Outcome, RunFolder, read_outcome, refuse_other_run
from esrlab.runs import Saving, Watcher, train


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """The recipe, where its data comes from, where it goes, and a flag for each field."""
    parser.add_argument(
        "recipe", help="a recipe's name (esrlab recipes lists them), or a .toml or .json file"
    )
    parser.add_argument(
        "--photos", default="samples", help="folder of photographs, or 'samples' (the default)"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides first weights and patches (default: 0)")
    parser.add_argument("--out", type=Path, required=True, help="the run's folder: new, or to go on with")
    parser.add_argument("--checkpoint-every", type=int, default=500, metavar="N", help="steps (default: 500)")
    parser.add_argument("--keep", type=int, default=3, metavar="N", help="checkpoints kept (default: 3)")
    parser.add_argument("--quiet", action="store_true", help="say nothing but warnings and the result")
    add_weights(parser, default="the recipe's own; real for the named recipes")
    add_device(parser)
    name = first_positional(arguments)
    add_fields(parser, find_recipe(name if name is not None else "wgan-vgg"))


def run(options: argparse.Namespace) -> int:
    """Trains, and says where the generator lies."""
    if min(options.checkpoint_every, options.keep) < 1 or not 0 <= options.seed < SEEDS:
        raise UsageError(f"--checkpoint-every and --keep are at least 1, --seed at least 0 and below {SEEDS}")
    recipe = find_recipe(options.recipe)
    if options.weights is not None:
        recipe = with_weights(recipe, options.weights)
    recipe = with_fields(recipe, chosen_fields(options))
    device = choose_device(options.device)
    refuse_other_run(RunFolder(options.out), {"recipe": recipe.model_dump(mode="json"), "seed": options.seed})
    with counter("reading photographs") as count:
        photos = open_photos(options.photos, smallest=recipe.hr_size, progress=count)
    say_skipped(photos)
    console.print(
        f"{recipe.label}, ×{recipe.scale}, {len(photos.members)} photographs, on {device}", markup=False
    )
    with meter(recipe.name, total=recipe.steps, counts=True) as shown:
        watch = _Watch(recipe, shown)
        folder = train(
            recipe,
            photos,
            seed=options.seed,
            device=device,
            out=options.out,
            saving=Saving(every=options.checkpoint_every, keep=options.keep),
            watcher=Watcher(stepped=watch, said=lambda text: console.print(text, markup=False)),
        )
    outcome = read_outcome(folder)
    if watch.pace is not None:
        console.print(f"{watch.taken} steps in {clock(watch.spent)}, {watch.pace:.2f} images/s")
    print(folder.generator)
    return say_outcome(outcome)


def say_outcome(outcome: Outcome | None) -> int:
    """Names a collapse or a divergence; the exit code is 1 where the run was given up."""
    if outcome is None or outcome.outcome == "finished":
        return 0
    if outcome.outcome == "collapsed":
        console.print("this run collapsed: " + "; ".join(outcome.signs.values()), markup=False)
        return 0
    last = outcome.setbacks[-1]
    console.print(
        f"this run diverged after {len(outcome.setbacks)} setbacks, the last one: {last}. The generator is "
        f"step {outcome.step}'s of {outcome.asked}; evidence/ has the log lines that led there. Try a lower "
        "optimiser.learning_rate, or optimiser.max_norm 1",
        markup=False,
    )
    return 1


class _Watch:
    """Shows each step, and keeps the pace: the first step, which warms up, does not count."""

    def __init__(self, recipe: Recipe, shown: Any) -> None:
        self._recipe = recipe
        self._shown = shown
        self._began = time.perf_counter()
        self._warm: float | None = None
        self.taken = 0

    def __call__(self, step: int, row: dict[str, Any]) -> None:
        self.taken += 1
        if self._warm is None:
            self._warm = time.perf_counter()
        left = (self._recipe.steps - step) * self.spent / self.taken
        self._shown.update(step, total=self._recipe.steps, note=step_note(row), eta=left)

    @property
    def spent(self) -> float:
        """Seconds since the training began."""
        return time.perf_counter() - self._began

    @property
    def pace(self) -> float | None:
        """Images a second, loading of patches included; None where no step was taken."""
        if self._warm is None:
            return None
        steps, seconds = self.taken - 1, time.perf_counter() - self._warm
        if steps == 0:
            steps, seconds = 1, self.spent
        return steps * self._recipe.patches.batch / seconds
