"""A run's full state: saved whole, kept in a folder, and found again though some of it is damaged.

A checkpoint holds its run's identity and its step; another run's, or a renamed one, is never resumed from.
Nothing is unpickled.
"""

import re
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

from esrlab.core.differences import differences
from esrlab.core.files import replacing
from esrlab.core.named_files import without_places
from esrlab.core.tensor_files import describe_error, load_torch
from esrlab.errors import UserError
from esrlab.recipes.earlier import as_dumped_now
from esrlab.training.non_finite import Rollback
from esrlab.training.state import TrainState

FORMAT = 3


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


def save_checkpoint(run: TrainState, history: RunHistory, path: Path, *, identity: dict[str, Any]) -> None:
    """Writes everything a run needs to resume as if never interrupted, atomically.

    identity: what decides the run (`run_folder.run_identity`), plain JSON values.
    """
    state: dict[str, Any] = {
        "format": FORMAT,
        "run": identity,
        "step": run.step,
        "generator": run.generator.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "balance": run.balance.log_weights,
        "rollbacks": [asdict(rollback) for rollback in run.rollbacks],
        "history": asdict(history),
    }
    if run.average is not None:
        state["average"] = run.average.state_dict()
    if run.adversarial is not None:
        state["critic"] = run.adversarial.critic.state_dict()
        state["critic_optimiser"] = run.adversarial.optimiser.state_dict()
    with replacing(path, failures=(RuntimeError,)) as temporary:
        torch.save(state, temporary)


def load_checkpoint(run: TrainState, path: Path, *, identity: dict[str, Any]) -> RunHistory:
    """Puts a saved state into a fresh run of the same recipe.

    Raises UserError when it cannot be read, is not of the run with this identity, or is not of the step that
    its file's name says.
    """
    try:
        state = _read_whole(path, device=run.device)
        _require_own(state, identity, named=_step_of(path), steps=run.recipe.steps)
        run.generator.load_state_dict(state["generator"])
        _load_moments(run.optimiser, state["optimiser"])
        if run.average is not None:
            run.average.load_state_dict(state["average"])
        if run.adversarial is not None:
            run.adversarial.critic.load_state_dict(state["critic"])
            _load_moments(run.adversarial.optimiser, state["critic_optimiser"])
        run.balance.log_weights = dict(state["balance"])
        run.rollbacks = [Rollback(**rollback) for rollback in state["rollbacks"]]
        run.step = state["step"]
        return RunHistory(**state["history"])
    except Exception as error:  # of damaged bytes zipfile, zlib, struct and torch raise what they like
        raise UserError(f"the checkpoint {path} cannot be used ({describe_error(error)})") from error


def _load_moments(optimiser: Optimizer, saved: dict[str, Any]) -> None:
    """An optimiser's moments alone: its settings are the recipe's. ValueError where they are others' moments.

    A moment has its parameter's shape, whatever the optimiser; `step` counts updates.
    """
    own = optimiser.state_dict()
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for index, moments in saved["state"].items():
        shape = parameters[index].shape
        if any(moment.shape != shape for name, moment in moments.items() if name != "step"):
            raise ValueError(f"the moments of parameter {index} have another shape than the parameter")
    optimiser.load_state_dict({"state": saved["state"], "param_groups": own["param_groups"]})


def _read_whole(path: Path, *, device: torch.device) -> dict[str, Any]:
    """The state, after every byte was held against its checksum, which torch's own reading leaves out."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("it has compressed parts, which checkpoints never have")
        damaged = archive.testzip()
    if damaged is not None:
        inner = damaged.partition("/")[2] or damaged  # torch puts all below the name it was first saved by
        raise ValueError(f"{inner} in it does not match its checksum")
    state = load_torch(path, device=device)
    if state["format"] != FORMAT:
        raise ValueError(f"its format is {state['format']}, but this version reads format {FORMAT}")
    return state


def _require_own(state: dict[str, Any], identity: dict[str, Any], *, named: int | None, steps: int) -> None:
    """Raises ValueError for another run's state, or one of another step than the file's name says."""
    own = state["run"]
    recipe = without_places(as_dumped_now(own["recipe"]))
    changed = differences({**own, "recipe": recipe}, identity)
    if changed:
        raise ValueError(f"it is another run's: {'; '.join(changed)}")
    step = state["step"]
    if type(step) is not int or not 0 <= step <= steps:
        raise ValueError(f"its step {step!r} is not one of the run's {steps} steps")
    if step != named:
        raise ValueError(f"it holds step {step}, but its name is of another step")


DUE, BETWEEN = "step", "stop"
"""How the names of checkpoints begin: those that were due, and those from a clock or a request to stop."""

_NAME = re.compile(rf"(?:{DUE}|{BETWEEN})-([0-9]{{8,18}})\.pt")
"""Names of checkpoints: the kind, and the step in eight digits or more."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of a run: the last `keep` that were due, and a later one that was not.

    One is due at every multiple of `every` steps; others come from a clock or a request to stop. Only due
    ones are gone back to after a rollback, so that what a run computes does not depend on the clock. The
    file's name shows which it was, whatever `every` is by now. identity: of the run they are to be of.
    """

    folder: Path
    every: int
    keep: int
    identity: dict[str, Any]

    def found(self) -> list[tuple[int, Path]]:
        """Every checkpoint with its step, the latest first; of two at one step, the one that was due."""
        steps = [(_step_of(path), path) for kind in (DUE, BETWEEN) for path in self.folder.glob(f"{kind}-*")]
        return sorted(((step, path) for step, path in steps if step is not None), key=lambda found: -found[0])

    def is_due(self, step: int) -> bool:
        """Whether a checkpoint is due after this step."""
        return step % self.every == 0

    def save(self, run: TrainState, history: RunHistory, *, is_due: bool) -> None:
        """Saves the run's state, and removes what is then no longer kept.

        Later ones are not: they were passed over, or gone back from, and would take the place of good ones.
        """
        path = self.folder / f"{DUE if is_due else BETWEEN}-{run.step:08d}.pt"
        save_checkpoint(run, history, path, identity=self.identity)
        found = [(step, other) for step, other in self.found() if other != path]
        others = [other for _, other in found]
        due = [other for step, other in found if _was_due(other) and step <= run.step]
        kept = due[: self.keep - is_due]
        for other in others:
            if other not in kept:
                other.unlink(missing_ok=True)

    def load_latest(
        self, start: Callable[[], TrainState], *, warn: Callable[[str], None], due_only: bool = False
    ) -> tuple[TrainState, RunHistory] | None:
        """The latest state that can be read, in a run that `start` makes; None where there is no checkpoint.

        `due_only`: of those that were due. One that is damaged or another run's is passed over for the one
        before, with a warning. Raises UserError where all are.
        """
        found = self.found()
        reasons: list[str] = []
        for step, path in found:
            if due_only and not _was_due(path):
                continue
            run = start()
            try:
                history = load_checkpoint(run, path, identity=self.identity)
            except UserError as error:
                reasons.append(str(error))
                continue
            for reason in reasons:
                warn(f"{reason}; resuming from step {step} instead")
            return run, history
        if reasons:
            raise UserError(
                f"no checkpoint in {self.folder} can be used; remove the run's folder to start the run "
                "again:\n" + "\n".join(f"  {reason}" for reason in reasons)
            )
        return None

    def forget_after(self, step: int) -> None:
        """Removes the checkpoints of later steps, which a run has gone back from."""
        for later, path in self.found():
            if later > step:
                path.unlink(missing_ok=True)


def _step_of(path: Path) -> int | None:
    """The step in a checkpoint's name; None for another file's."""
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else None


def _was_due(path: Path) -> bool:
    return path.name.startswith(f"{DUE}-")
