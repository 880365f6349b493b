"""Trains every generator against every critic with every adversarial loss, and with every optimiser, 5 steps.

    python research/every_part.py > docs/results/every-part.txt

All parts are as narrow as they can be, from the unions that recipes choose from; critics with each of their
norms. The photographs are those that come with scikit-image. A pair that fits must end finished with finite
weights and a log of finite numbers; one that does not is refused, and the recipe's own words are printed.
"""

import itertools
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import torch
from annotated_types import Ge
from pydantic import BaseModel
from safetensors.torch import load_file

from esrlab.core.files import read_json_lines
from esrlab.core.parts import kinds_in
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.errors import UsageError
from esrlab.losses.adversarial import ADVERSARIAL_LOSSES
from esrlab.models.critics.any_critic import AnyCritic
from esrlab.models.generators.any_generator import AnyGenerator
from esrlab.recipes.optimisers.any_optimiser import AnyOptimiser
from esrlab.recipes.recipe import parse_recipe
from esrlab.training.loop import train
from esrlab.training.run_folder import read_outcome

STEPS = 5
NARROW = 2
"""What numbers of features, layers, … are brought down to where their range allows it."""


def narrow(kind: type[BaseModel]) -> dict[str, Any]:
    """A kind's fields at its smallest shape."""
    found: dict[str, Any] = {"kind": kind.model_fields["kind"].default}
    for name, info in kind.model_fields.items():
        if info.annotation is int:
            least = next((int(str(bound.ge)) for bound in info.metadata if isinstance(bound, Ge)), 1)
            found[name] = max(least, min(NARROW, info.default))
    return found


def choices(kind: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """A kind's smallest shape with each combination of its fields that have several names, such as norms."""
    named = {
        name: get_args(info.annotation)
        for name, info in kind.model_fields.items()
        if get_origin(info.annotation) is Literal and name != "kind"
    }
    for values in itertools.product(*named.values()):
        yield narrow(kind) | dict(zip(named, values, strict=True))


GENERATORS = {kind: narrow(part) for kind, part in kinds_in(AnyGenerator).items()}
CRITICS = {
    " ".join(str(value) for value in fields.values() if isinstance(value, str)): fields
    for part in kinds_in(AnyCritic).values()
    for fields in choices(part)
}
OPTIMISERS = kinds_in(AnyOptimiser)
LOSSES = [loss.name for loss in ADVERSARIAL_LOSSES]


def make_fields(
    generator: dict[str, Any], critic: dict[str, Any], loss: str, optimiser: str = "adam"
) -> dict[str, Any]:
    """A recipe's fields: pixels and an adversary at ×2, patches of 16 px."""
    return {
        "name": "every-part",
        "scale": 2,
        "steps": STEPS,
        "generator": generator,
        "terms": [{"name": "pixel", "weight": 1, "loss": {"kind": "l1"}}],
        "adversarial": {"loss": loss, "critic": critic},
        "optimiser": {"kind": optimiser},
        "patches": {"lr_size": 16, "batch": 2},
    }


def refusal(fields: dict[str, Any]) -> str | None:
    """Why a recipe is refused, in its own words; None where it is not."""
    try:
        parse_recipe(fields)
    except UsageError as error:
        return str(error).split("as a whole: ")[-1]
    return None


def try_out(fields: dict[str, Any], photos: Photos, out: Path) -> str:
    """Trains a recipe that fits, and tells how it ended: "finite", or what was not."""
    folder = train(parse_recipe(fields), photos, seed=0, device=torch.device("cpu"), out=out)
    outcome = read_outcome(folder)
    if outcome is None or outcome.outcome != "finished" or outcome.rollbacks:
        return "ended badly"
    if not all(bool(weight.isfinite().all()) for weight in load_file(folder.generator).values()):
        return "weights"
    rows = read_json_lines(folder.log)
    numbers = [value for row in rows for value in _numbers(row)]
    return "finite" if len(rows) == STEPS and all(map(math.isfinite, numbers)) else "log"


def _numbers(row: dict[str, Any]) -> Iterator[float]:
    for value in row.values():
        if isinstance(value, dict):
            yield from _numbers(value)
        else:
            yield math.nan if value is None else value


def main() -> None:
    """Prints a table for each generator, the reasons of refusals, and a table of optimisers."""
    torch.set_num_threads(1)
    photos = open_photos("samples", smallest=64)
    reasons: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        places = (Path(scratch) / str(number) for number in itertools.count())

        def tell(fields: dict[str, Any]) -> str:
            reason = refusal(fields)
            if reason is None:
                return try_out(fields, photos, next(places))
            if reason not in reasons:
                reasons.append(reason)
            return f"[{reasons.index(reason) + 1}]"

        for name, generator in GENERATORS.items():
            _print_row(f"generator {name}", LOSSES)
            for title, critic in CRITICS.items():
                _print_row(title, [tell(make_fields(generator, critic, loss)) for loss in LOSSES])
            print()
        for number, reason in enumerate(reasons, start=1):
            print(f"[{number}] {reason}")
        critic = next(iter(CRITICS.values()))
        print()
        _print_row("optimiser", [f"generator {name}" for name in GENERATORS])
        for name in OPTIMISERS:
            cells = [tell(make_fields(generator, critic, "hinge", name)) for generator in GENERATORS.values()]
            _print_row(name, cells)


def _print_row(title: str, cells: list[str]) -> None:
    print(" ".join([f"{title:22}", *(f"{cell:18}" for cell in cells)]).rstrip(), flush=True)


if __name__ == "__main__":
    main()
