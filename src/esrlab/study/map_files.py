"""The maps of where terms pull, of a study's finished runs: which of them are kept, and in which files.

pulls/x<scale>/<recipe>/<benchmark>/<image>/ holds <term>.png, a grey map for each term, and about.json: what
white is, each term's share and cosine, the region, and whose state it was; or why there is no map.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from esrlab.core.files import to_json, write_text
from esrlab.core.text_files import OBJECT, read_json
from esrlab.data.degradations.bicubic import crop_to_multiple
from esrlab.data.image_files import write_grey
from esrlab.data.photos.benchmark import Benchmark
from esrlab.errors import UserError
from esrlab.recipes.overrides import with_fields
from esrlab.study.spec import PlannedRun
from esrlab.training.checkpoint import Checkpoints
from esrlab.training.pull_maps import PullMaps, map_pulls
from esrlab.training.run_folder import RunFolder, read_outcome, run_identity
from esrlab.training.state import TrainState, start_run

PULLS = "pulls"
ABOUT = "about.json"

MOST_IMAGES = 3
"""Images that are mapped: the first of each of so many benchmarks."""

WHITE = 0.995
"""The part of a map's pixels that are darker than white."""


def keep_maps(
    run: PlannedRun,
    folder: RunFolder,
    benchmarks: Sequence[Benchmark],
    *,
    out: Path,
    device: torch.device,
    anew: bool = False,
) -> None:
    """Maps a finished run's pulls on the first image of each benchmark, below `out`; `anew`: over older maps.

    What cannot be mapped (the last checkpoint has gone, a picture is smaller than a patch, a pull is not
    finite) gets an about.json with the reason, and is tried again the next time. Raises UserError where
    nothing can be written.
    """
    below = out / PULLS / f"x{run.recipe.scale}" / run.recipe.name
    pairs = [(each, below / each.name / each.members[0][0]) for each in benchmarks[:MOST_IMAGES]]
    wanted = [(benchmark, place) for benchmark, place in pairs if anew or not _is_mapped(place)]
    if not wanted:
        return
    try:
        state = load_final(run, folder, device=device)
    except Exception as error:
        for _, place in wanted:
            _write_absence(place, run, error)
        return
    for benchmark, place in wanted:
        try:
            name, image = next(benchmark.images())
            hr = crop_to_multiple(image, run.recipe.scale)
            reducer = run.recipe.patches.degradation.build(run.recipe.scale, benchmark.hr)
            maps = map_pulls(state, lr=reducer.reduce_image(hr, name=name), hr=hr)
        except Exception as error:  # a user's own loss may raise any
            _write_absence(place, run, error)
        else:
            write_maps(maps, place)


def load_final(run: PlannedRun, folder: RunFolder, *, device: torch.device) -> TrainState:
    """A finished run in its last state. Raises UserError where no checkpoint of that can be read."""
    recipe = with_fields(run.recipe, {"generator.init": "random", "engine.compile": False})
    checkpoints = Checkpoints(folder.checkpoints, every=1, keep=1, identity=run_identity(folder))
    found = checkpoints.load_latest(
        lambda: start_run(recipe, seed=run.seed, device=device), warn=lambda words: None
    )
    ended = read_outcome(folder)
    if found is None or ended is None or found[0].step != ended.step:
        raise UserError("the checkpoint of the run's last step is no longer in its folder")
    return found[0]


def write_maps(maps: PullMaps, place: Path) -> None:
    """Writes <term>.png, each with white of its own, and about.json, which comes last."""
    (place / ABOUT).unlink(missing_ok=True)
    terms: list[dict[str, Any]] = []
    for name, found in maps.terms.items():
        white = float(found.strength.quantile(WHITE)) or float(found.strength.max()) or 1.0
        write_grey((found.strength / white).sqrt(), place / f"{name}.png")
        numbers = {"share": found.share, "cosine": found.cosine, "weight": found.weight}
        terms.append({"name": name, **numbers, "white": white})
    region = maps.region
    box = {"top": region.top, "left": region.left, "height": region.height, "width": region.width}
    about = {
        "seed": maps.seed,
        "step": maps.step,
        "region": {**box, "patch": region.side},
        "grey": "the square root of strength / white",
        "terms": terms,
    }
    write_text(place / ABOUT, to_json(about, indent=2) + "\n")


def _is_mapped(place: Path) -> bool:
    try:
        return "terms" in read_json(place / ABOUT, OBJECT)
    except UserError:  # none yet, or a damaged one: the maps are made anew
        return False


def _write_absence(place: Path, run: PlannedRun, error: Exception) -> None:
    reason = (str(error) or type(error).__name__).splitlines()[0]
    write_text(place / ABOUT, to_json({"seed": run.seed, "absent": reason}, indent=2) + "\n")
