"""What a study needs before its first run, tried at once: nothing has run in vain when it is missing."""

from pathlib import Path

from esrlab.core.named_files import STARTS
from esrlab.models.generator_files import start_from
from esrlab.study.spec import PlannedRun
from esrlab.training.run_folder import RunFolder


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
