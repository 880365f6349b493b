"""Which generator is meant: a shipped model's name, a generator's file, a run's folder."""

import math
import re
from os import PathLike, fspath
from pathlib import Path

from esrlab.core.backend import prepare
from esrlab.core.devices import choose_device
from esrlab.errors import UsageError, UserError
from esrlab.models.generator_files import load_generator
from esrlab.models.generators.base import AmbiguousScaleError, GeneratorNetwork
from esrlab.models.shipped import shipped_models
from esrlab.training.run_folder import RunFolder

SHIPPED = shipped_models()
"""Models that come with the package, by name and scale ("faithful-x2")."""

DEFAULT_MODEL = "faithful"
"""What is taken where no model is named."""


def find_model(name_or_path: str | PathLike[str], *, scale: int | None = None) -> Path:
    """The file of a model: a shipped model's, a generator's file as it is, or a run's generator.

    scale: picks among a shipped model's scales, where the name alone does not: that scale, else the least one
    above it, else the largest; None is 4. A shipped model's name means it even where a file has the same one:
    ./NAME is the file. Raises UserError for what is none of these, with what there is, and for a run that has
    not ended.
    """
    name = fspath(name_or_path)
    if name in SHIPPED:
        return SHIPPED[name]
    scales = shipped_scales(name)
    if scales:
        wanted = scale or 4
        return SHIPPED[f"{name}-x{next((each for each in scales if each >= wanted), scales[-1])}"]
    file = generator_of(name)
    if file.is_file():
        return file
    if file.is_dir():
        raise UserError(f"{name} is a folder without a run. {models_that_come()}")
    raise UserError(f"there is no file, run's folder or model {name}. {models_that_come()}")


def shipped_scales(name: str) -> list[int]:
    """The magnifications of the shipped models of that name without one ("faithful"): rising, or none."""
    of_name = re.compile(re.escape(name) + r"-x(\d)")
    return sorted(int(found[1]) for each in SHIPPED if (found := of_name.fullmatch(each)))


def models_that_come() -> str:
    """The shipped models in words."""
    return f"models that come with esrlab: {', '.join(sorted(SHIPPED))}"


def generator_of(name_or_path: str | PathLike[str]) -> Path:
    """A shipped model's file where its full name is given, a run's generator where a run's folder is.

    Else the path itself, which may not be there; UsageError for a run without a generator yet.
    """
    if fspath(name_or_path) in SHIPPED:
        return SHIPPED[fspath(name_or_path)]
    path = Path(name_or_path)
    run = RunFolder(path)
    if not run.recipe.is_file():
        return path
    if not run.generator.is_file():
        best = f", or use the best generator so far, {run.best}" if run.best.is_file() else ""
        raise UsageError(
            f"{path} is a run that is not finished; finish it by running the same esrlab train command "
            f"again{best}"
        )
    return run.generator


def open_model(
    model: str | PathLike[str], *, scale: int | None = None, device: str = "auto"
) -> GeneratorNetwork:
    """A model's network, ready to compute on a device: "auto", "cpu", "cuda" or "mps".

    scale: as for `find_model`, and for files that do not tell ×2 from ×3. Raises UserError for a file that
    cannot be read.
    """
    place = choose_device(device)
    file = find_model(model, scale=scale)
    try:
        network = load_generator(file)
    except AmbiguousScaleError as error:
        if scale not in error.choices:
            raise
        network = load_generator(file, scale=scale)
    return prepare(network.to(place)).eval()


def scale_to_open(model: str | PathLike[str], wanted: float | None) -> int | None:
    """The scale to open a model at for a magnification.

    A file has its own, which only a whole number may settle; of a model with several, the least that does.
    """
    if wanted is None:
        return None
    if not shipped_scales(fspath(model)):
        return int(wanted) if wanted == int(wanted) else None
    return max(math.ceil(wanted), 1)
