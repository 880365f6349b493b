"""A run's full state: saved whole, kept in a folder, and found again though some of it is damaged.

Nothing is unpickled: torch reads with `weights_only=True`.
"""

import pickle
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from esrlab.core.files import replacing
from esrlab.errors import UserError
from esrlab.training.non_finite import Rollback
from esrlab.training.state import TrainState

FORMAT = 2
UNREADABLE = (OSError, RuntimeError, LookupError, TypeError, EOFError, ValueError, AttributeError)


@dataclass(frozen=True)
class RunHistory:
    """What a run has been through beside its networks: found again with them.

    alarms: the first step of every sign of collapse, by its name; best: step and value of the best
    validation so far, None before the first; warnings: as alarms, of signs that are not of collapse;
    best_lead: `collapse.best_lead` so far.
    """

    alarms: dict[str, int]
    best: dict[str, float] | None
    warnings: dict[str, int] = field(default_factory=dict)
    best_lead: float | None = None


def save_checkpoint(run: TrainState, history: RunHistory, path: Path) -> None:
    """Writes everything a run needs to go on as if never interrupted, atomically."""
    state: dict[str, Any] = {
        "format": FORMAT,
        "step": run.step,
        "generator": run.generator.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "balance": run.balance.log_weights,
        "rollbacks": [asdict(rollback) for rollback in run.rollbacks],
        "story": asdict(history),
    }
    if run.average is not None:
        state["average"] = run.average.state_dict()
    if run.adversarial is not None:
        state["critic"] = run.adversarial.critic.state_dict()
        state["critic_optimiser"] = run.adversarial.optimiser.state_dict()
    with replacing(path, failures=(RuntimeError,)) as temporary:
        torch.save(state, temporary)


def load_checkpoint(run: TrainState, path: Path) -> RunHistory:
    """Puts a saved state into a fresh run of the same recipe; raises UserError when it cannot be read."""
    try:
        state = _read_whole(path, device=run.device)
        run.generator.load_state_dict(state["generator"])
        run.optimiser.load_state_dict(state["optimiser"])
        if run.average is not None:
            run.average.load_state_dict(state["average"])
        if run.adversarial is not None:
            run.adversarial.critic.load_state_dict(state["critic"])
            run.adversarial.optimiser.load_state_dict(state["critic_optimiser"])
        run.balance.log_weights = dict(state["balance"])
        run.rollbacks = [Rollback(**rollback) for rollback in state["rollbacks"]]
        run.step = int(state["step"])
        return RunHistory(**state["story"])
    except (*UNREADABLE, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"the checkpoint {path} cannot be used ({reason})") from error


def _read_whole(path: Path, *, device: torch.device) -> dict[str, Any]:
    """The state, after every byte was held against its checksum, which torch's own reading leaves out."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged} in it does not match its checksum")
    state = torch.load(path, map_location=device, weights_only=True)
    if state["format"] != FORMAT:
        raise ValueError(f"its format is {state['format']}, this version reads {FORMAT}")
    return state


DUE, BETWEEN = "step", "stop"
"""How the names of checkpoints begin: those that were due, and those from a clock or a request to stop."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a run: the last `keep` that were due, and a later one that was not.

    One is due at every multiple of `every` steps; others come from a clock or a request to stop. Only due
    ones are gone back to after a rollback, so that what a run computes does not hang on the clock. The
    file's name tells which it was, whatever `every` is by now.
    """

    folder: Path
    every: int
    keep: int

    def found(self) -> list[tuple[int, Path]]:
        """Every checkpoint with its step, the latest first; of two at one step, the one that was due."""
        paths = [path for kind in (DUE, BETWEEN) for path in self.folder.glob(f"{kind}-*.pt")]
        steps = [(path.stem.partition("-")[2], path) for path in paths]
        return sorted(((int(step), path) for step, path in steps if step.isdigit()), key=lambda one: -one[0])

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is due after this step."""
        return step % self.every == 0

    def save(self, run: TrainState, history: RunHistory, *, is_due: bool) -> None:
        """Saves the run's state, and removes what is then no longer kept."""
        path = self.folder / f"{DUE if is_due else BETWEEN}-{run.step:08d}.pt"
        save_checkpoint(run, history, path)
        others = [other for _, other in self.found() if other != path]
        due = [other for other in others if _was_due(other)]
        kept = due[: self.keep - is_due]
        for other in others:
            if other not in kept:
                other.unlink(missing_ok=True)

    def load_latest(
        self, start: Callable[[], TrainState], *, warn: Callable[[str], None], due_only: bool = False
    ) -> tuple[TrainState, RunHistory] | None:
        """The latest state that can be read, in a run that `start` makes; None where there is no checkpoint.

        `due_only`: of those that were due, if there are any. A damaged one is passed over for the one
        before, with a warning. Raises UserError where all are.
        """
        found = self.found()
        due = [(step, path) for step, path in found if _was_due(path)]
        reasons: list[str] = []
        for step, path in due if due_only and due else found:
            run = start()
            try:
                history = load_checkpoint(run, path)
            except UserError as error:
                reasons.append(str(error))
                continue
            for reason in reasons:
                warn(f"{reason}; going on from step {step} instead")
            return run, history
        if reasons:
            raise UserError(
                f"no checkpoint in {self.folder} can be used; remove the run's folder to begin anew:\n"
                + "\n".join(f"  {reason}" for reason in reasons)
            )
        return None

    def forget_after(self, step: int) -> None:
        """Removes the checkpoints of later steps, which a run has gone back from."""
        for later, path in self.found():
            if later > step:
                path.unlink(missing_ok=True)


def _was_due(path: Path) -> bool:
    return path.name.startswith(f"{DUE}-")
