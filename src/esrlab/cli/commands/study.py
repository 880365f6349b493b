"""STUDY is a .toml file, or 'paper': the paper's four recipes at its exact settings. Run again, it resumes;
finished runs are kept. Ask for more seeds, recipes or scales, and they are added to the folder. The folder
keeps copies of the files that its recipes use, so its study.toml repeats the study. Paths in a study file are
relative to that file. Any field of a recipe can be set for all recipes by its dotted name.

examples:
  esrlab study paper --photos DIV2K/train --benchmark Set5=Set5 --out studies/paper
  esrlab study paper --out studies/tiny --seed 0 --scales 2 --steps 20 --generator.blocks 1
  esrlab study sweep.toml --out studies/sweep

a study file:
  photos = "DIV2K/train"
  scales = [2, 4]
  seeds = [0, 1, 2]
  [benchmarks]
  Set5 = "Set5/HR"
  [fields]                            # set in every recipe
  steps = 2000
  "generator.blocks" = 4
  [recipes.wgan-vgg]                  # a named recipe as it is
  [recipes.tv]                        # a sweep: three recipes from one
  base = "wgan-vgg-tv"
  "terms.tv.weight" = [1e-5, 1e-4, 1e-3]
  [[claims]]                          # evaluated beside the paper's
  id = "wider"
  words = "the cascade is better in PSNR"
  better = "wgan-vgg-cascade"
  than = "wgan-vgg"
  scales = [4]
  metrics = ["PSNR"]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esrlab.cli.commands.options import (
    add_device,
    add_fields,
    add_weights,
    chosen_fields,
    named_folders,
    require_folders,
)
from esrlab.cli.commands.study_run import carry_out, say
from esrlab.core.devices import choose_device
from esrlab.core.nearest import did_you_mean
from esrlab.core.scores import BICUBIC, CASCADE
from esrlab.errors import UsageError
from esrlab.evaluation.metrics.any_metric import METRICS
from esrlab.recipes.presets import find_recipe
from esrlab.study.preflight import require_images
from esrlab.study.spec import Study, paper_study, parse_study, read_study

MOST_SEEDS = 10_000
"""More than any study can have asked for; one number beyond it is a slip."""


def configure(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """The study, where it goes, and what to change in it."""
    parser.add_argument("study", metavar="STUDY", help="a study file, or 'paper'")
    parser.add_argument(
        "--out", type=Path, required=True, help="the study's folder: new, or of an earlier start to resume"
    )
    parser.add_argument("--photos", nargs="+", help="folders of photographs to train on, or 'samples'")
    parser.add_argument(
        "--benchmark",
        action="append",
        metavar="NAME=DIR",
        help="a folder of HR images to evaluate on; may be repeated",
    )
    parser.add_argument(
        "--recipes", nargs="+", metavar="NAME", help="train these recipes instead of the study's"
    )
    parser.add_argument("--scales", nargs="+", type=int, metavar="N", help="magnifications, of 1, 2, 3 and 4")
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        metavar="N",
        help="one number N: the first N seeds; several numbers: these seeds",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="one seed")
    parser.add_argument(
        "--metrics",
        metavar="LIST",
        help="what is measured, separated by commas: "
        + ", ".join(METRICS)
        + " (default: the study's own; the "
        "standard ones if it sets none)",
    )
    add_weights(parser, default="the study's own; real if it sets none")
    add_device(parser)
    add_fields(parser, find_recipe("wgan-vgg"), arguments)


def run(options: argparse.Namespace) -> int:
    """Carries the study out and reports."""
    study = _find_study(options.study)
    named = "the study paper" if options.study == "paper" else options.study
    changed = _changed(study, options)
    require_images(changed, named=named)
    device = choose_device(options.device)
    return carry_out(changed, out=options.out, device=device, command=options.command, only_papers=False)


def _find_study(name: str) -> Study:
    """The paper's study, or that of a file; UsageError for neither."""
    if name == "paper":
        return paper_study()
    if not Path(name).suffix and not Path(name).exists():
        hint = did_you_mean(name, ["paper"])
        raise UsageError(f"there is no study {name!r}{hint}; give a study file (.toml), or paper")
    return read_study(Path(name))


def _changed(study: Study, options: argparse.Namespace) -> Study:
    """The study with what the command line sets."""
    asked: dict[str, Any] = study.model_dump(mode="json")
    fields = chosen_fields(options)
    if "scale" in fields:
        raise UsageError("a study takes several scales: give --scales 2 3 4, not --scale")
    if options.weights is not None:
        asked["weights"] = options.weights
    if options.photos is not None:
        require_folders("--photos", options.photos)
        asked["photos"] = options.photos[0] if len(options.photos) == 1 else options.photos
    if options.benchmark is not None:
        asked["benchmarks"] = named_folders(options.benchmark)
    if options.metrics is not None:
        asked["metrics"] = [name.strip().lower() for name in options.metrics.split(",") if name.strip()]
    if options.recipes is not None:
        asked["recipes"] = {name: {} for name in options.recipes}
    if options.scales is not None:
        asked["scales"] = options.scales
    if options.seeds is not None and options.seed is not None:
        raise UsageError("--seeds and --seed both choose seeds; give one of them")
    if options.seed is not None:
        asked["seeds"] = [options.seed]
    elif options.seeds is not None:
        asked["seeds"] = chosen_seeds(options.seeds, study.seeds)
    asked["fields"] = {**asked["fields"], **fields}
    if options.recipes is not None or options.scales is not None:
        asked["claims"] = _still_asked(asked)
    return parse_study(asked)


def chosen_seeds(given: Sequence[int], known: Sequence[int]) -> list[int]:
    """One number: so many of the study's seeds, the first ones, then the smallest others; several: these.

    A single 0 is the seed 0, since no study has no seeds.
    """
    if len(given) != 1 or given[0] < 1:
        return list(given)
    wanted = given[0]
    if wanted > MOST_SEEDS:
        raise UsageError(
            f"--seeds {wanted} asks for {wanted} seeds; to train one seed alone, give --seed {wanted}"
        )
    others = (seed for seed in range(wanted + len(known)) if seed not in known)
    return [*known, *others][:wanted]


def _still_asked(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The claims about what the command line left in the study; says which are left out."""
    recipes, scales = {*asked["recipes"], BICUBIC}, set(asked["scales"])

    def fits(claim: dict[str, Any]) -> bool:
        names = {claim[side].removesuffix(CASCADE).split("+", 1)[0] for side in ("better", "than")}
        needed = {2, 4} if any(claim[side].endswith(CASCADE) for side in ("better", "than")) else set[int]()
        return names <= recipes and {*claim["scales"], *needed} <= scales

    left_out = [claim["id"] for claim in asked["claims"] if not fits(claim)]
    if left_out:
        say(f"claims about recipes or scales that were not asked for are left out: {', '.join(left_out)}")
    return [claim for claim in asked["claims"] if fits(claim)]
