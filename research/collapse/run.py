"""Trains the cases, one after the other; finished ones are skipped: `python research/collapse/run.py`."""

import argparse
import time
from pathlib import Path
from typing import cast, get_args

import torch
from cases import CASES, FAITHFUL, SMALL, SMALL_GAME, Case

from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.losses.inputs import FeatureWeights
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe, with_weights
from esrlab.recipes.recipe import Recipe
from esrlab.training.loop import Callbacks, Saving, train
from esrlab.training.run_folder import RunFolder, read_outcome


def build_recipe(case: Case, out: Path) -> Recipe:
    """The case's recipe; its start is a file of another case's where it says so."""
    assert case.weights in get_args(FeatureWeights)
    recipe = with_weights(find_recipe(case.base), cast("FeatureWeights", case.weights))
    start = RunFolder(out / FAITHFUL[case.scale]).generator if case.start == "faithful" else case.start
    fields = {**SMALL, "generator.init": str(start), "scale": case.scale, "steps": case.steps}
    if recipe.adversarial is not None:
        fields |= SMALL_GAME
    return with_fields(recipe, {**fields, **case.fields, "name": case.name})


def train_case(case: Case, photos: Photos, out: Path) -> None:
    """Trains one case and says how it ended."""
    recipe = build_recipe(case, out)
    began = time.perf_counter()
    folder = train(
        recipe,
        photos,
        seed=0,
        device=torch.device("cpu"),
        out=out / case.name,
        saving=Saving(every=100, keep=1),
        watcher=Callbacks(on_message=lambda text: print(f"  {text}")),
    )
    outcome = read_outcome(folder)
    ended = outcome.outcome if outcome is not None else "?"
    print(f"{case.name}: {ended}, {time.perf_counter() - began:.0f} s", flush=True)


def main() -> None:
    """Trains what is not trained yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", required=True, help="folder of photographs")
    parser.add_argument("--out", type=Path, default=Path("runs/collapse"))
    options = parser.parse_args()
    waiting = [case for case in CASES if not RunFolder(options.out / case.name).generator.exists()]
    if waiting:
        photos = open_photos(options.photos, smallest=64)
        for case in waiting:
            train_case(case, photos, options.out)


if __name__ == "__main__":
    main()
