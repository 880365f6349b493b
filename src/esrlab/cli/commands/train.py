"""Give the recipe first, then options, which may set any of its fields. Run again, it resumes from its last
checkpoint. `esrlab train RECIPE --help` lists that recipe's fields.

examples:
  esrlab train wgan-vgg --scale 4 --photos DIV2K/train --out runs/first
  esrlab train esrgan-vgg --scale 2 --steps 200 --seed 1 --out runs/second \\
      --generator.blocks 2 --generator.features 32 --patches.batch 4
  esrlab train wgan-vgg --photos DIV2K/train Flickr2K --validation DIV2K/valid --track tensorboard \\
      --generator.init runs/psnr/generator.safetensors --adversarial.share 0.1 --out runs/third
  esrlab train my-recipe.toml --photos photographs --out runs/fourth
  esrlab train runs/fourth/recipe.json --out runs/fourth-again

Paths in a recipe file are relative to that file. A run keeps copies of these files in sources/.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from esrlab.cli.commands.options import (
    add_device,
    add_fields,
    add_weights,
    chosen_fields,
    first_positional,
    require_folders,
    say_skipped,
)
from esrlab.cli.commands.saving import add_saving, chosen_saving
from esrlab.cli.console import console, counter
from esrlab.cli.outcomes import say_outcome
from esrlab.cli.panel.live import TrainingPanel, training_panel
from esrlab.core.counting import count
from esrlab.core.devices import choose_device
from esrlab.core.named_files import STARTS, explain_missing
from esrlab.core.signals import Interrupted
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.errors import UsageError, UserError
from esrlab.evaluation.validation.validator import open_validation
from esrlab.models.generator_files import file_of
from esrlab.recipes.kept_files import read_run
from esrlab.recipes.presets import find_recipe, with_choices
from esrlab.recipes.recipe import SEEDS, Recipe
from esrlab.recipes.unused import idle_settings
from esrlab.training.callbacks import Callbacks, ValidatorLike
from esrlab.training.loop import Saving, train
from esrlab.training.run_folder import RunFolder, read_outcome, refuse_other_run
from esrlab.training.trackers.kinds import require_tracker
from esrlab.training.trackers.trackers import Trackers, open_trackers

NO_VALIDATION = "none"


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """The recipe, where its data comes from, where it goes, and a flag for each field."""
    parser.add_argument(
        "recipe",
        help="a recipe's name (esrlab recipes lists them), a .toml or .json file, or a run's recipe.json",
    )
    parser.add_argument(
        "--photos",
        nargs="+",
        help="folders of photographs, or 'samples' (the default; a run's recipe.json has its own)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="seed of initial weights and patches (default: 0; a run's recipe.json has its own)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the run's folder: new, or of an earlier start to resume"
    )
    parser.add_argument(
        "--validation",
        help="folder of held-out images, 'samples', or 'none' (default: samples for --photos samples)",
    )
    add_saving(parser)
    parser.add_argument(
        "--track",
        action="append",
        default=[],
        metavar="NAME",
        help="also log curves to tensorboard, wandb, …; may be repeated",
    )
    parser.add_argument("--quiet", action="store_true", help="print only warnings and the result")
    add_weights(parser, default="the recipe's own; real for the named recipes")
    add_device(parser)
    name = first_positional(arguments)
    add_fields(parser, find_recipe(name if name is not None else "wgan-vgg"), arguments)


def run(options: argparse.Namespace) -> int:
    """Trains, and prints where the generator is."""
    repeated = _take_over(options)
    saving = chosen_saving(options)
    if not 0 <= options.seed < SEEDS:
        raise UsageError(f"--seed must be at least 0 and below {SEEDS}, not {options.seed}")
    recipe = _settle_recipe(options)
    device = choose_device(options.device)
    _require_start(recipe)
    for name in options.track:
        require_tracker(name)
    folder = RunFolder(options.out)
    refuse_other_run(folder, {"recipe": recipe.model_dump(mode="json"), "seed": options.seed})
    photos = _open_photos(options, recipe, repeated)
    validator = _open_validator(options, recipe, device=device)
    if not options.quiet:
        console.print(
            f"{recipe.label}, ×{recipe.scale}, {count(len(photos.members), 'photograph')}, on {device}",
            markup=False,
        )
    _train(options, recipe, photos, device=device, saving=saving, validator=validator)
    print(folder.generator)
    return say_outcome(read_outcome(folder), recipe)


def _settle_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe with the fields and weights that are asked for; prints which settings have no effect in
    it.
    """
    recipe = with_choices(find_recipe(options.recipe), chosen_fields(options), options.weights)
    for field, why in idle_settings(recipe).items():
        console.print(f"{field} has no effect in {recipe.name}: {why}", markup=False)
    return recipe


def _open_photos(options: argparse.Namespace, recipe: Recipe, repeated: dict[str, Any] | None) -> Photos:
    """The photographs; says which are set aside, and where they are not those of the run to be repeated."""
    require_folders("--photos", options.photos)
    say = None if options.quiet else lambda text: console.print(text, markup=False)
    with counter("reading photographs") as counted:
        photos = open_photos(options.photos, smallest=recipe.hr_size, progress=counted, say=say)
    say_skipped(photos)
    if repeated is not None and repeated["photos"].get("fingerprint") != photos.fingerprint:
        console.print(
            f"these photographs differ from those of {options.recipe}; the result will differ too",
            markup=False,
        )
    return photos


def _train(
    options: argparse.Namespace,
    recipe: Recipe,
    photos: Photos,
    *,
    device: torch.device,
    saving: Saving,
    validator: ValidatorLike | None,
) -> None:
    """The training under its panel, with the trackers that are asked for."""
    title = f"{recipe.name}, ×{recipe.scale}, seed {options.seed}"
    style = "quiet" if options.quiet else "auto"
    about = {"recipe": recipe.model_dump(mode="json"), "seed": options.seed}
    with (
        training_panel(title, total=recipe.steps, style=style) as panel,
        open_trackers(
            options.track, folder=options.out, project="esrlab", run_name=title, config=about, say=panel.say
        ) as trackers,
    ):
        watcher = _watch(panel, trackers)
        seed, out = options.seed, options.out
        try:
            train(
                recipe,
                photos,
                seed=seed,
                device=device,
                out=out,
                saving=saving,
                validator=validator,
                watcher=watcher,
            )
        except Interrupted:
            if not RunFolder(out).generator.exists():  # else it was to stop in its last step, and is done
                raise


def _watch(panel: TrainingPanel, trackers: Trackers) -> Callbacks:
    """What the training tells: steps and pictures to both, words to the panel."""

    def stepped(step: int, row: dict[str, Any]) -> None:
        panel.update(step, row)
        trackers.log(step, row)

    return Callbacks(
        on_step=stepped,
        on_message=lambda text: panel.say(text, warning=True),
        on_phase=panel.status,
        on_resume=lambda step: panel.say(
            "this run is finished: nothing is left to train" if step is None else f"resuming from step {step}"
        ),
        on_image=lambda step, path: trackers.picture(step, "validation", path),
    )


def _take_over(options: argparse.Namespace) -> dict[str, Any] | None:
    """Sets what is not asked for otherwise: seed and photographs of the run whose recipe.json is given.

    Returns what that file says of the run. Raises UsageError where its photographs are not here.
    """
    about = read_run(options.recipe)
    if options.seed is None:
        options.seed = 0 if about is None else about["seed"]
    if options.photos is None:
        options.photos = ["samples"] if about is None else str(about.get("source", "samples")).split(" + ")
        missing = [each for each in options.photos if each != "samples" and not Path(each).is_dir()]
        if missing:
            raise UsageError(
                f"{options.recipe} was trained on {about['source'] if about else ''}, and there is no folder "
                f"{', '.join(missing)} here: give its photographs with --photos DIR"
            )
    return about


def _require_start(recipe: Recipe) -> None:
    start = recipe.generator.init
    if start not in STARTS and not file_of(start).is_file():
        raise UserError(
            f"there is no file {start} to start the generator from (generator.init){explain_missing(start)}"
        )


def _open_validator(
    options: argparse.Namespace, recipe: Recipe, *, device: torch.device
) -> ValidatorLike | None:
    source = options.validation or ("samples" if options.photos == ["samples"] else NO_VALIDATION)
    if source == NO_VALIDATION:
        return None
    require_folders("--validation", [source])
    return open_validation(
        source,
        scale=recipe.scale,
        device=device,
        degradation=recipe.patches.degradation,
        best_by=recipe.validation.best_by,
    )
