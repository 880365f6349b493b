"""A run's folder: begun, gone on with, finished.

recipe.json (what is trained, on what), log.jsonl (a line a step), checkpoint.pt (full state) and, when
done, generator.safetensors. A batch is a function of (photographs, seed, step), so going on from a
checkpoint needs nothing else.
"""

import json
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from esrlab import __version__
from esrlab.batches import Batch, make_batch
from esrlab.checkpoint import load_checkpoint, save_checkpoint, save_generator
from esrlab.errors import UsageError, UserError
from esrlab.files import read_json_lines, to_json, write_json_lines, write_text
from esrlab.interruption import Interrupted, stop_requests
from esrlab.photos import Photos
from esrlab.recipe import Recipe
from esrlab.training import Run, StepReport, start_run, train_step

IDENTITY = ("recipe", "seed", "photos", "origins")
"""The parts of recipe.json that decide what a run computes; going on needs those that are known unchanged."""


class Diverged(UserError):
    """A value in training became infinite or not a number."""


@dataclass(frozen=True)
class RunFolder:
    """Where a run's files lie."""

    path: Path

    @property
    def recipe(self) -> Path:
        """What is trained, with which seed, on which photographs, by which versions."""
        return self.path / "recipe.json"

    @property
    def log(self) -> Path:
        """One JSON object a step."""
        return self.path / "log.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The full state."""
        return self.path / "checkpoint.pt"

    @property
    def generator(self) -> Path:
        """The trained generator; there once the run is done."""
        return self.path / "generator.safetensors"


StepWatcher = Callable[[int, dict[str, Any]], None]
"""Called after each step with its number and its line of the log."""


def train(
    recipe: Recipe,
    photos: Photos,
    *,
    seed: int,
    device: torch.device,
    out: Path,
    checkpoint_every: int = 500,
    watch: StepWatcher | None = None,
) -> RunFolder:
    """Trains in `out`, from its checkpoint where it has one, to recipe.steps.

    Raises UsageError when `out` holds something else, Diverged on a non-finite value, and Interrupted
    after Ctrl-C or SIGTERM, when everything so far is saved.
    """
    folder = RunFolder(out)
    about = describe_run(recipe, photos, seed=seed, device=device)
    has_begun = refuse_other_run(folder, about)
    if folder.generator.exists():
        return folder
    run = start_run(recipe, seed=seed, device=device)
    about["origins"] = {term.name: getattr(loss, "origin", "") for term, loss in run.terms}
    if not has_begun:
        write_text(folder.recipe, to_json(about, indent=2) + "\n")
    else:
        refuse_other_run(folder, about)
        if folder.checkpoint.exists():
            load_checkpoint(run, folder.checkpoint)
    _keep_log_until(folder.log, run.step)
    with stop_requests() as stop, folder.log.open("a", encoding="utf-8") as log:
        while run.step < recipe.steps:
            began = time.perf_counter()
            report = train_step(run, step_batches(run, photos))
            row = log_row(report, run, seconds=time.perf_counter() - began)
            log.write(to_json(row) + "\n")
            log.flush()
            _require_finite(row)
            if watch is not None:
                watch(run.step, row)
            if stop or run.step == recipe.steps or run.step % checkpoint_every == 0:
                save_checkpoint(run, folder.checkpoint)
            if stop and run.step < recipe.steps:
                raise Interrupted(
                    f"stopped after step {run.step} of {recipe.steps}; the same command goes on"
                )
        save_generator(run.generator, folder.generator, about={"recipe": recipe.name, "seed": str(seed)})
        if stop:
            raise Interrupted(f"stopped after the last step; {folder.generator} is written")
    return folder


def step_batches(run: Run, photos: Photos) -> list[Batch]:
    """The batches of the run's next step: one for each critic update, the last one for the generator too."""
    recipe = run.recipe
    count = recipe.adversarial.critic.updates if recipe.adversarial is not None else 1
    return [
        make_batch(
            photos,
            seed=run.seed,
            step=run.step * count + update,
            scale=recipe.scale,
            lr_size=recipe.patches.lr_size,
            size=recipe.patches.batch,
            convention=recipe.patches.convention,
        ).to(run.device)
        for update in range(count)
    ]


def describe_run(recipe: Recipe, photos: Photos, *, seed: int, device: torch.device) -> dict[str, Any]:
    """Everything needed to repeat a run, as recipe.json holds it."""
    return {
        "recipe": recipe.model_dump(mode="json"),
        "label": recipe.label,
        "seed": seed,
        "photos": {"count": len(photos.members), "fingerprint": photos.fingerprint},
        "source": photos.source,
        "skipped": [{"name": name, "reason": reason} for name, reason in photos.skipped],
        "versions": {"esrlab": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": str(device),
        "threads": torch.get_num_threads(),
    }


def log_row(report: StepReport, run: Run, *, seconds: float) -> dict[str, Any]:
    """A step as one line: loss/<term>, pull/<term>, critic/<value>, and how fast it went.

    The one place where tensors become numbers; on a GPU they travel together.
    """
    named: dict[str, Tensor] = {f"loss/{name}": value for name, value in report.losses.items()}
    for name, pull in report.pulls.items():
        named |= {f"pull/{name}/{part}": value for part, value in vars(pull).items()}
    named |= {f"critic/{name}": value for name, value in report.critic.items()}
    numbers = torch.stack([value.float() for value in named.values()]).tolist()
    row: dict[str, Any] = {"step": run.step}
    for name, number in zip(named, numbers, strict=True):
        group, term, *part = name.split("/")
        if part:
            row.setdefault(f"{group}/{term}", {})[part[0]] = number
        else:
            row[name] = number
    return row | {
        "seconds": round(seconds, 6),
        "images_per_second": round(run.recipe.patches.batch / seconds, 3),
    }


def _require_finite(row: dict[str, Any]) -> None:
    for name, value in row.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in parts:
            if not math.isfinite(number):
                place = f"{name}/{part}".rstrip("/")
                raise Diverged(
                    f"{place} became {number} at step {row['step']}; "
                    "lower optimiser.learning_rate or that term's weight"
                )


def refuse_other_run(folder: RunFolder, about: dict[str, Any]) -> bool:
    """Whether this run had begun before; UsageError for a folder that holds another run or anything else.

    Of `about` those parts are compared that are known yet.
    """
    if not folder.recipe.exists():
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            raise UsageError(f"{folder.path} is not empty and holds no run; choose a new folder with --out")
        return False
    try:
        before = json.loads(folder.recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder.recipe} cannot be read ({error}); choose a new folder with --out"
        ) from error
    if not isinstance(before, dict):
        raise UserError(f"{folder.recipe} describes no run; choose a new folder with --out")
    known = [key for key in IDENTITY if key in about]
    changed = differences({key: before.get(key) for key in known}, {key: about[key] for key in known})
    if changed:
        raise UsageError(
            f"{folder.path} holds another run; choose a new folder with --out, or ask for the same again:\n"
            + "\n".join(f"  {line}" for line in changed)
        )
    return True


def differences(before: Any, now: Any, *, place: str = "") -> list[str]:
    """Where two JSON values differ, one line each, by dotted place."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = list(dict.fromkeys([*before, *now]))
        return [
            line
            for key in keys
            for line in differences(before.get(key), now.get(key), place=f"{place}.{key}".lstrip("."))
        ]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [
            line
            for index, (old, new) in enumerate(zip(before, now, strict=True))
            for line in differences(old, new, place=f"{place}.{index}")
        ]
    return [] if before == now else [f"{place}: {before!r} there, {now!r} asked"]


def _keep_log_until(path: Path, step: int) -> None:
    """Drops the lines of steps that were taken but never saved."""
    if path.exists():
        rows = read_json_lines(path, growing=True)
        write_json_lines(path, [row for row in rows if row["step"] <= step])
