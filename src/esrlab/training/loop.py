"""A run from its first step to its end: started, interrupted, resumed, rolled back, finished.

A batch is a function of (photographs, seed, step), so resuming from a checkpoint needs nothing else.
"""

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from esrlab.core.files import remove_leftovers, to_json
from esrlab.core.signals import Interrupted, StopRequest, stop_requests
from esrlab.data.photos.collection import Photos
from esrlab.models.generator_files import DEGRADATION, save_generator
from esrlab.recipes.recipe import Recipe
from esrlab.training.callbacks import Callbacks, ValidatorLike
from esrlab.training.collapse import best_lead, find_signs
from esrlab.training.folder_lock import sole_use
from esrlab.training.more_steps import goes_beyond, reopen
from esrlab.training.non_finite import NonFinite
from esrlab.training.opening import RunOptions, open_run, refuse_changed_files
from esrlab.training.run_folder import (
    RunFolder,
    RunOutcome,
    describe_run,
    refuse_other_run,
    write_outcome,
)
from esrlab.training.session import (
    Saving,
    Session,
    go_back,
    is_given_up,
    is_late,
    require_folder,
    reraise_disk_errors,
    save,
    say,
    tell,
)
from esrlab.training.state import TrainState, mix
from esrlab.training.step import train_step
from esrlab.training.step_report import log_row, require_finite_weights

LOOK_EVERY = 10
"""Steps between looks for signs of collapse."""


def train(
    recipe: Recipe,
    photos: Photos,
    *,
    seed: int,
    device: torch.device,
    out: Path | str,
    saving: Saving | None = None,
    validator: ValidatorLike | None = None,
    watcher: Callbacks | None = None,
    sources: Path | None = None,
) -> RunFolder:
    """Trains in `out`, from its checkpoint where it has one, to recipe.steps or until it has diverged.

    The files that the recipe uses (initial weights, custom losses) are copied into `sources`,
    by default the run's own sources/; recipe.json names the copies, so that it repeats the run by itself.

    A run of a constant learning rate, finished or not, resumes if more steps are asked than before.
    Raises UsageError when `out` holds something else, UserError when it cannot be written to or another
    process works there, and Interrupted after Ctrl-C or a request to stop, when everything so far is saved.
    """
    folder = RunFolder(Path(out))
    about = describe_run(recipe, photos, seed=seed, device=device)
    options = RunOptions(saving, validator, watcher, sources)
    refuse_other_run(folder, about)
    with sole_use(folder.path):
        refuse_other_run(folder, about)
        remove_leftovers(folder.path)
        files = {"generator": folder.generator, "checkpoints": folder.checkpoints}
        more = goes_beyond(folder.recipe, about["recipe"], **files)
        if folder.generator.exists() and not more:
            refuse_changed_files(folder, about)
            (watcher or Callbacks()).on_resume(None)
            return folder
        session = open_run(folder, recipe, photos, about=about, device=device, options=options)
        if more:
            reopen(folder.recipe, folder.generator, folder.outcome, now=about["recipe"])
        _carry_out(session)
    return folder


def _carry_out(session: Session) -> None:
    """All steps that are left, and the end; what is open is closed however it goes."""
    try:
        if session.state.step:
            tell(session, lambda callbacks: callbacks.on_resume(session.state.step))
        with stop_requests() as stop:
            _take_steps(session, stop)
            _finish(session)
    finally:
        session.supply.close()
        with suppress(OSError):  # a full disk has been reported already
            session.log.close()
    if stop:
        raise Interrupted(
            f"stopped after the last step; the finished generator is in {session.folder.generator}"
        )


def _take_steps(session: Session, stop: StopRequest) -> None:
    steps = session.recipe.steps
    while session.state.step < steps and not is_given_up(session):
        try:
            batches = [batch.to(session.state.device) for batch in session.supply.take(session.state.step)]
            began = time.perf_counter()
            torch.manual_seed(mix(session.state.draw_seed, session.state.step))  # a user's own loss may draw
            report = train_step(session.state, batches)
            if session.checkpoints.is_due(session.state.step) or session.state.step == steps:
                require_finite_weights(session.state)
        except NonFinite as event:
            go_back(session, event)
            continue
        row = log_row(report, session.state, seconds=time.perf_counter() - began)
        _log_and_validate(session, row)
        step = session.state.step
        is_due = step == steps or session.checkpoints.is_due(step)
        is_saved = is_due or is_late(session)
        if is_saved:
            save(session, is_due=is_due)
        tell(session, lambda watcher, step=step, row=row: watcher.on_step(step, row))
        if stop and step < steps:
            if not is_saved:  # decided last: the request may have come while the watcher was told
                save(session, is_due=False)
            raise Interrupted(f"stopped after step {step} of {steps}; run the same command again to resume")


def _log_and_validate(session: Session, row: dict[str, Any]) -> None:
    """Logs a step, with its validation where one is due, and looks for signs of collapse."""
    step, every = session.state.step, session.recipe.validation.every
    require_folder(session)
    if session.validator is not None and (step % every == 0 or step == session.recipe.steps):
        row |= _validate(session, session.validator)
    with reraise_disk_errors(session):
        session.log.write(to_json(row) + "\n")
        session.log.flush()
    session.recent.append(row)
    if step % LOOK_EVERY == 0 or step == session.recipe.steps:
        _look_for_signs(session, step)


def _look_for_signs(session: Session, step: int) -> None:
    """Notes the first step of every sign, and reports it then, once."""
    history = replace(session.history, best_lead=best_lead(session.recent, session.history.best_lead))
    session.history, session.signs = history, find_signs(session.recent, best=history.best_lead)
    for sign in session.signs:
        known = history.alarms if sign.is_collapse else history.warnings
        if sign.name not in known:
            known[sign.name] = step
            what = "sign of collapse" if sign.is_collapse else "warning"
            say(session, f"{what} at step {step}: {sign.words}")


def _validate(session: Session, validator: ValidatorLike) -> dict[str, float]:
    """Judges the generator as it is, keeps the best, and draws sample pictures."""
    state, history = session.state, session.history
    path = session.folder.samples / f"step-{state.step:08d}.png"
    tell(session, lambda watcher: watcher.on_phase("validating"))
    values = validator(state.result, sheet=path)
    better = validator.improves(
        values,
        history.best["value"] if history.best is not None else None,
        by=session.recipe.validation.best_by,
        has_adversarial=session.recipe.active_adversarial is not None,
    )
    if better is not None:
        session.history = replace(history, best={"step": state.step, "value": better})
        _write_generator(state, session.folder.best)
    tell(session, lambda watcher: watcher.on_image(state.step, path))
    return values


def _finish(session: Session) -> None:
    """Says how it ended; the generator comes last, since its being there means that the run is done."""
    state = session.state
    signs = {sign.name: sign.words for sign in session.signs if sign.is_collapse}
    outcome = RunOutcome(
        "diverged" if is_given_up(session) else "collapsed" if signs else "finished",
        state.step,
        session.recipe.steps,
        signs,
        session.history.alarms,
        state.rollbacks,
        session.history.warnings,
    )
    write_outcome(session.folder, outcome)
    _write_generator(state, session.folder.generator)


def _write_generator(state: TrainState, path: Path) -> None:
    about = {"recipe": state.recipe.name, "seed": str(state.seed), "step": str(state.step)}
    save_generator(state.result, path, about={**about, DEGRADATION: state.recipe.patches.degradation.text})
