"""What a study needs before its first run, tried at once: nothing has run in vain when it is missing."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from esrlab.core.named_files import STARTS
from esrlab.data.photos.samples import SAMPLES
from esrlab.data.sets.catalogue import is_set
from esrlab.data.sets.finding import folder_of
from esrlab.errors import UserError
from esrlab.models.generator_files import start_from
from esrlab.study.spec import PlannedRun, Study
from esrlab.training.run_folder import RunFolder


def require_images(study: Study, *, named: str) -> None:
    """UserError where folders of photographs or benchmarks are not there, with all of them and the options.

    named: where the study comes from, in words.
    """
    photos = [study.photos] if isinstance(study.photos, str) else list(study.photos)
    _require_sets([*photos, *study.benchmarks.values()])
    missing = [f"photographs: {each}" for each in photos if _is_missing(each)]
    options = ["--photos DIR"] if missing else []
    lost = {name: folder for name, folder in study.benchmarks.items() if _is_missing(folder)}
    if lost:  # the option replaces all benchmarks, so those that are there are to be repeated
        missing += [f"benchmark {name}: {folder}" for name, folder in lost.items()]
        options += [
            f"--benchmark {name}={'DIR' if name in lost else shlex.quote(folder)}"
            for name, folder in study.benchmarks.items()
        ]
    if missing:
        lines = "\n".join(f"  there is no folder for {each}" for each in missing)
        raise UserError(f"{named} names images that are not there; give {' '.join(options)}:\n{lines}")


def _require_sets(sources: Sequence[str]) -> None:
    """UserError with every data set that is asked for by name and is not here."""
    missing: list[str] = []
    for name in filter(is_set, sources):
        try:
            folder_of(name)
        except UserError as error:
            missing.append(str(error))
    if missing:
        raise UserError("\n".join(dict.fromkeys(missing)))


def _is_missing(folder: str) -> bool:
    return folder != SAMPLES and not is_set(folder) and not Path(folder).exists()


def require_starts(runs: tuple[PlannedRun, ...], out: Path) -> None:
    """Tries every generator that a run is still to start from; UserError where one is missing or unlike."""
    tried: set[str] = set()
    for run in runs:
        shape = run.recipe.generator
        begun = RunFolder(out / "runs" / run.name).generator.exists()
        if shape.init in STARTS or begun or shape.model_dump_json() in tried:
            continue
        tried.add(shape.model_dump_json())
        network = shape.build(scale=run.recipe.scale)
        start_from(network, shape.init)
