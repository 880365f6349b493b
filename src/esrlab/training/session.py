"""One process's work on a run: its state opened, saved, and rolled back; its callbacks called."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TextIO

from esrlab.core.files import write_json_lines
from esrlab.core.run_log import open_log, truncate_log
from esrlab.data.photos.collection import Photos
from esrlab.errors import UserError
from esrlab.recipes.recipe import Recipe
from esrlab.training.batches import Supply, open_supply
from esrlab.training.callbacks import Callbacks, ValidatorLike
from esrlab.training.checkpoint import Checkpoints, RunHistory
from esrlab.training.collapse import WINDOW, Sign, find_signs
from esrlab.training.non_finite import NonFinite
from esrlab.training.run_folder import RunFolder, run_identity
from esrlab.training.state import TrainState


@dataclass(frozen=True)
class Saving:
    """When a run's state is saved: every `every` steps and every `minutes`; the last `keep` are kept."""

    every: int = 500
    keep: int = 3
    minutes: float = 10.0


@dataclass
class Session:
    """One process's work on a run."""

    folder: RunFolder
    recipe: Recipe
    photos: Photos
    start: Callable[[], TrainState]
    state: TrainState
    history: RunHistory
    checkpoints: Checkpoints
    minutes: float
    validator: ValidatorLike | None
    watcher: Callbacks
    log: TextIO
    recent: deque[dict[str, Any]]
    supply: Supply
    signs: tuple[Sign, ...]
    saved: float = field(default_factory=time.monotonic)


def open_session(
    folder: RunFolder,
    photos: Photos,
    start: Callable[[], TrainState],
    *,
    saving: Saving,
    validator: ValidatorLike | None,
    watcher: Callbacks,
) -> Session:
    """The run as its last readable checkpoint left it, or at its beginning; the log cut back to it."""
    checkpoints = Checkpoints(folder.checkpoints, saving.every, saving.keep, run_identity(folder))
    found = checkpoints.load_latest(start, warn=watcher.on_message)
    state, history = found or (start(), RunHistory(alarms={}, best=None))
    kept, count = truncate_log(folder.log, state.step, tail=WINDOW, warn=watcher.on_message)
    if count < state.step:
        watcher.on_message(
            f"{folder.log} lacks {state.step - count} of the {state.step} lines up to step {state.step}; "
            "its curves will have a gap"
        )
    log = open_log(folder.log)
    recent = deque(kept, maxlen=WINDOW)
    return Session(
        folder,
        state.recipe,
        photos,
        start,
        state,
        history,
        checkpoints,
        saving.minutes,
        validator,
        watcher,
        log,
        recent,
        supply=_supply(state, photos),
        signs=find_signs(recent, best=history.best_lead),
    )


def _supply(state: TrainState, photos: Photos) -> Supply:
    return open_supply(state.recipe, photos, seed=state.draw_seed, device=state.device)


def is_late(session: Session) -> bool:
    """Whether the last save is longer ago than a clock allows."""
    return time.monotonic() - session.saved > 60 * session.minutes


def tell(session: Session, words: Callable[[Callbacks], None]) -> None:
    """Calls the watcher; one that can no longer be written to is not called again, and training continues."""
    try:
        words(session.watcher)
    except (OSError, SystemExit):  # rich leaves the program where its output has gone
        session.watcher = Callbacks()


def say(session: Session, words: str) -> None:
    """Gives the watcher a sentence."""
    tell(session, lambda watcher: watcher.on_message(words))


def require_folder(session: Session) -> None:
    """Raises UserError where the run's folder has gone, which a write would make anew."""
    if not session.folder.recipe.exists():
        raise UserError(
            f"{session.folder.path} was removed or emptied while its run was training; "
            f"step {session.state.step} cannot be saved. Start again in a new folder with --out"
        )


def save(session: Session, *, is_due: bool) -> None:
    """A checkpoint, once the log it goes with is safely on the disk."""
    require_folder(session)
    with reraise_disk_errors(session):
        session.log.flush()
        os.fsync(session.log.fileno())
    session.checkpoints.save(session.state, session.history, is_due=is_due)
    session.saved = time.monotonic()


@contextmanager
def reraise_disk_errors(session: Session) -> Iterator[None]:
    """Turns the log's OSError into a UserError with the remedy."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write {session.folder.log}: {error.strerror}; free some space there and run the same "
            "command again "
            "to resume from the last checkpoint"
        ) from error


def go_back(session: Session, event: NonFinite) -> None:
    """Returns to the last checkpoint that was due, or to the start; after too many rollbacks, ends there.

    The best validation so far stays the best: it was finite, whichever patches led there. Evidence first,
    then the state, the log last: killed in between, a run resumes from either side of it.
    """
    rollbacks, best = [*session.state.rollbacks, event.rollback], session.history.best
    evidence = session.folder.evidence / f"rollback-{len(rollbacks)}.jsonl"
    failed = {"step": event.rollback.step, "not_applied": str(event.rollback), "numbers": event.numbers}
    require_folder(session)
    write_json_lines(evidence, [*session.recent, failed])
    start = session.start
    found = session.checkpoints.load_latest(start, warn=partial(say, session), due_only=True)
    session.state, history = found or (start(), RunHistory(alarms={}, best=None))
    session.history = replace(history, best=best)
    session.state.rollbacks = rollbacks
    session.supply.close()
    session.supply = _supply(session.state, session.photos)
    step = session.state.step
    save(session, is_due=session.checkpoints.is_due(step))
    session.checkpoints.forget_after(step)
    session.log.close()
    kept, _ = truncate_log(session.folder.log, step, tail=WINDOW, warn=partial(say, session))
    session.log = open_log(session.folder.log)
    session.recent = deque(kept, maxlen=WINDOW)
    session.signs = find_signs(session.recent, best=session.history.best_lead)
    then = "stops as diverged" if is_given_up(session) else "continues with other patches"
    say(session, f"{event.rollback}: not applied; went back to step {step} and {then}")


def is_given_up(session: Session) -> bool:
    """Whether the run went back more often than its recipe allows."""
    return len(session.state.rollbacks) > session.recipe.engine.max_rollbacks
