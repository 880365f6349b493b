"""Whether spandrel loads what esrlab trains: each kind and scale trained for 2 steps, both outputs compared.

Needs, beside esrlab, `pip install spandrel torchvision`; where torchvision does not fit the installed torch
(a CPU build), the operators that its import asks for are declared empty: no network here uses them.

    python research/spandrel_check.py
"""

import importlib
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from esrlab.data.photos.folder import open_photos
from esrlab.models.generator_files import load_generator
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe
from esrlab.training.loop import train

CPU = torch.device("cpu")
SHAPES: dict[str, dict[str, object]] = {
    "rrdb": {"kind": "rrdb", "features": 16, "growth": 32, "blocks": 2},
    "rrdb, unshuffled": {"kind": "rrdb", "features": 16, "growth": 32, "blocks": 2, "unshuffle": True},
    "compact": {"kind": "compact", "features": 16, "convs": 4},
    "srresnet": {"kind": "srresnet", "features": 16, "blocks": 2},
}
OPERATORS = torch.library.Library("torchvision", "FRAGMENT")


def import_spandrel() -> Any:
    """The module; operators that torchvision lacks are declared until it can be imported."""
    while True:
        try:
            return importlib.import_module("spandrel")
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            OPERATORS.define(f"{missing[1]}(Tensor image) -> Tensor")
            for name in [name for name in sys.modules if name.startswith(("torchvision", "spandrel"))]:
                del sys.modules[name]


def check(spandrel: Any, shape: dict[str, object], scale: int, folder: Path) -> str:
    """Trains, lets both load the file, and tells the largest difference of the outputs for one image."""
    fields = {f"generator.{name}": value for name, value in shape.items()}
    few = {"scale": scale, "steps": 2, "patches.lr_size": 16, "patches.batch": 2}
    recipe = with_fields(find_recipe("psnr"), {**fields, **few})
    photos = open_photos("samples", smallest=recipe.hr_size)
    file = train(recipe, photos, seed=0, device=CPU, out=folder).generator
    lr = torch.rand(1, 3, 32, 24, generator=torch.Generator().manual_seed(0))
    try:
        theirs = spandrel.ModelLoader().load_from_file(str(file))
    except spandrel.UnsupportedModelError:
        return "is not known to it"
    with torch.inference_mode():
        ours, other = load_generator(file)(lr), theirs.model.eval()(lr)
    found = f"read as {theirs.architecture.name} ×{theirs.scale}"
    if ours.shape != other.shape:
        return f"{found}: another size"
    return f"{found}: largest difference {float((ours - other).abs().max()):.2g}"


def main() -> None:
    """Prints a line for each kind and scale."""
    spandrel = import_spandrel()
    print(f"spandrel {version('spandrel')}, torch {torch.__version__}, esrlab {version('esrlab')}")
    for name, shape in SHAPES.items():
        for scale in (1, 2) if "unshuffled" in name else (1, 2, 3, 4):
            with tempfile.TemporaryDirectory() as folder:
                print(f"{name} ×{scale}: {check(spandrel, shape, scale, Path(folder) / 'run')}", flush=True)


if __name__ == "__main__":
    main()
