"""A run from its first step to its end: begun, cut off, gone on with, gone back, finished.

A batch is a function of (photographs, seed, step), so going on from a checkpoint needs nothing else.
"""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from esrlab.core.devices import memory_in_use
from esrlab.core.files import remove_leftovers, to_json, write_text
from esrlab.core.signals import Interrupted, StopRequest, stop_requests
from esrlab.data.photos.collection import Photos
from esrlab.models.generator_files import save_generator
from esrlab.recipes.recipe import Recipe
from esrlab.training.callbacks import Validator, Watcher
from esrlab.training.collapse import best_lead, find_signs
from esrlab.training.non_finite import NonFinite
from esrlab.training.run_folder import (
    Outcome,
    RunFolder,
    changed_validation,
    describe_run,
    keep_validation,
    name_moves,
    refuse_other_run,
    sole_use,
    write_outcome,
)
from esrlab.training.session import (
    Saving,
    Session,
    disk_trouble_told,
    go_back,
    is_given_up,
    is_late,
    open_session,
    require_folder,
    save,
    say,
    tell,
)
from esrlab.training.state import Run, mix, start_run
from esrlab.training.step import train_step
from esrlab.training.step_report import StepReport, require_finite_weights

LOOK_EVERY = 10
"""Steps between looks for signs of collapse."""


def train(
    recipe: Recipe,
    photos: Photos,
    *,
    seed: int,
    device: torch.device,
    out: Path,
    saving: Saving | None = None,
    validator: Validator | None = None,
    watcher: Watcher | None = None,
) -> RunFolder:
    """Trains in `out`, from its checkpoint where it has one, to recipe.steps or until it has diverged.

    Raises UsageError when `out` holds something else, UserError when it cannot be written to or another
    process works there, and Interrupted after Ctrl-C or a request to stop, when everything so far is saved.
    """
    folder, told = RunFolder(out), watcher or Watcher()
    refuse_other_run(folder, describe_run(recipe, photos, seed=seed, device=device))
    with sole_use(out):
        about = describe_run(recipe, photos, seed=seed, device=device)
        other_judge: list[str] = []
        has_begun = refuse_other_run(folder, about)
        if folder.generator.exists():
            return folder
        remove_leftovers(out)
        run = start_run(recipe, seed=seed, device=device)
        about["origins"] = run.origins
        if validator is not None:
            about["validation"] = {
                "images": validator.title,
                "fingerprint": validator.fingerprint,
                "best_by": validator.best_by(recipe.validation.best_by, has_game=recipe.played is not None),
            }
        if has_begun:
            refuse_other_run(folder, about)
            for move in name_moves(folder, about):
                told.said(f"{move}: goes on, but not bit for bit as it would have where it began")
            other_judge = changed_validation(folder, about)
            for change in other_judge:
                told.said(f"{change}: the best is chosen anew, and curves of validation do not join")
        else:
            write_text(folder.recipe, to_json(about, indent=2) + "\n")
        ready = [run]  # the first to be asked for; a damaged checkpoint or a setback needs another

        def start() -> Run:
            return ready.pop() if ready else start_run(recipe, seed=seed, device=device)

        session = open_session(
            folder,
            photos,
            start,
            saving=saving or Saving(),
            validator=validator,
            watcher=told,
        )
        if has_begun and other_judge:
            session.story = replace(session.story, best=None)
            keep_validation(folder, about)
        try:
            with stop_requests() as stop:
                _take_steps(session, stop)
                _finish(session)
        finally:
            session.supply.close()
            with suppress(OSError):  # a full disk has been told of already
                session.log.close()
        if stop:
            raise Interrupted(f"stopped after the last step; {folder.generator} is written")
    return folder


def _take_steps(session: Session, stop: StopRequest) -> None:
    steps = session.recipe.steps
    while session.run.step < steps and not is_given_up(session):
        try:
            batches = [batch.to(session.run.device) for batch in session.supply.take(session.run.step)]
            began = time.perf_counter()
            torch.manual_seed(mix(session.run.draw_seed, session.run.step))  # a user's own loss may draw
            report = train_step(session.run, batches)
            if session.checkpoints.is_due(session.run.step) or session.run.step == steps:
                require_finite_weights(session.run)
        except NonFinite as event:
            go_back(session, event)
            continue
        row = log_row(report, session.run, seconds=time.perf_counter() - began)
        _look(session, row)
        step = session.run.step
        is_due = step == steps or session.checkpoints.is_due(step)
        if stop or is_due or is_late(session):
            save(session, is_due=is_due)
        tell(session, lambda watcher, step=step, row=row: watcher.stepped(step, row))
        if stop and step < steps:
            raise Interrupted(f"stopped after step {step} of {steps}; the same command goes on")


def _look(session: Session, row: dict[str, Any]) -> None:
    """Logs a step, with its validation where one is due, and looks for signs of collapse."""
    step, every = session.run.step, session.recipe.validation.every
    require_folder(session)
    if session.validator is not None and (step % every == 0 or step == session.recipe.steps):
        row |= _validate(session, session.validator)
    with disk_trouble_told(session):
        session.log.write(to_json(row) + "\n")
        session.log.flush()
    session.recent.append(row)
    if step % LOOK_EVERY == 0 or step == session.recipe.steps:
        _look_for_signs(session, step)


def _look_for_signs(session: Session, step: int) -> None:
    """Notes the first step of every sign, and says it then, once."""
    story = replace(session.story, best_lead=best_lead(session.recent, session.story.best_lead))
    session.story, session.signs = story, find_signs(session.recent, best=story.best_lead)
    for sign in session.signs:
        known = story.alarms if sign.is_collapse else story.warnings
        if sign.name not in known:
            known[sign.name] = step
            what = "sign of collapse" if sign.is_collapse else "warning"
            say(session, f"{what} at step {step}: {sign.words}")


def _validate(session: Session, validator: Validator) -> dict[str, float]:
    """Judges the generator as it is, keeps the best, and draws sample pictures."""
    run, story = session.run, session.story
    path = session.folder.samples / f"step-{run.step:08d}.png"
    tell(session, lambda watcher: watcher.busy("validating"))
    values = validator(run.result, sheet=path)
    better = validator.improves(
        values,
        story.best["value"] if story.best is not None else None,
        by=session.recipe.validation.best_by,
        has_game=session.recipe.played is not None,
    )
    if better is not None:
        session.story = replace(story, best={"step": run.step, "value": better})
        _write_generator(run, session.folder.best)
    tell(session, lambda watcher: watcher.pictured(run.step, path))
    return values


def _finish(session: Session) -> None:
    """Says how it ended; the generator comes last, since its being there means that the run is done."""
    run = session.run
    signs = {sign.name: sign.words for sign in session.signs if sign.is_collapse}
    outcome = Outcome(
        "diverged" if is_given_up(session) else "collapsed" if signs else "finished",
        run.step,
        session.recipe.steps,
        signs,
        session.story.alarms,
        run.setbacks,
        session.story.warnings,
    )
    write_outcome(session.folder, outcome)
    _write_generator(run, session.folder.generator)


def _write_generator(run: Run, path: Path) -> None:
    about = {"recipe": run.recipe.name, "seed": str(run.seed), "step": str(run.step)}
    save_generator(run.result, path, about=about)


def log_row(report: StepReport, run: Run, *, seconds: float) -> dict[str, Any]:
    """A step as one line: loss/<term>, pull/<term>, cosine/<term>/<other>, critic/<value>, …, its pace."""
    row: dict[str, Any] = {"step": run.step}
    for name, number in report.numbers.items():
        group, _, rest = name.partition("/")
        term, _, part = rest.partition("/")
        if part and group == "pull":
            row.setdefault(f"{group}/{term}", {})[part] = number
        else:
            row[name] = number
    patches = run.recipe.patches.batch * run.recipe.optimiser.accumulate
    return row | {
        "seconds": round(seconds, 6),
        "images_per_second": round(patches / seconds, 3),
        "memory_gib": round(memory_in_use(run.device) / 2**30, 3),
    }
