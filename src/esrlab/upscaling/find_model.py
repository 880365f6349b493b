"""Which generator is meant: a shipped model's name, a generator's file, a run's folder."""

import math
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
    """The file of a model: a generator's file as it is, a run's generator, or a shipped model's file.

    scale: picks among a shipped model's scales, where the name alone does not. Raises UserError for what is
    none of these, with what there is, and for a run that has not ended.
    """
    name = fspath(name_or_path)
    shipped = SHIPPED.get(name) or SHIPPED.get(f"{name}-x{scale}")
    if shipped is not None:
        return shipped
    file = generator_of(Path(name))
    if file.is_file():
        return file
    there = f"models that come with esrlab: {', '.join(sorted(SHIPPED))}"
    if file.is_dir():
        raise UserError(f"{name} is a folder without a run. {there}")
    raise UserError(f"there is no file, run's folder or model {name}. {there}")


def generator_of(path: Path) -> Path:
    """A run's generator where `path` is a run's folder, else `path`; UsageError for a run without one yet."""
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
    if Path(model).exists():
        return int(wanted) if wanted == int(wanted) else None
    return min(max(math.ceil(wanted), 2), 4)
