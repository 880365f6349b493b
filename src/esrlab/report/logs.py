"""What a study's own files tell beside its rows: training logs, how runs ended, what is still to run."""

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from esrlab.core.scores import Score
from esrlab.report.study_files import find_runs, read_ending, read_log, read_manifest
from esrlab.training.collapse import ABSENT_SHARE

_RUN = re.compile(r"(.+)-x([0-9]+)-s([0-9]+)", re.DOTALL)


@dataclass(frozen=True)
class RunLog:
    """One run's log: its recipe, scale and seed, a row a step, and how it ended, as outcome.json has it."""

    recipe: str
    scale: int
    seed: int
    rows: list[dict[str, Any]]
    outcome: dict[str, Any] = field(default_factory=dict)

    @property
    def went_wrong(self) -> bool:
        """Whether it collapsed or diverged."""
        return self.outcome.get("outcome", "finished") != "finished"

    @property
    def first_alarm(self) -> int | None:
        """The step of the first sign of collapse in a run that did collapse or diverge."""
        steps = self.outcome.get("alarms", {}).values()
        return min(steps) if self.went_wrong and steps else None

    @property
    def adversary_share(self) -> float | None:
        """The adversary's median share of the pull over the second half; None without an adversary."""
        late = self.rows[len(self.rows) // 2 :]
        shares = [row["pull/adversarial"]["share"] for row in late if "pull/adversarial" in row]
        return statistics.median(shares) if shares else None


def read_logs(study: Path) -> list[RunLog]:
    """The logs under runs/, in the order of their folders' names; lines cut by a crash are left out."""
    logs: list[RunLog] = []
    for folder in find_runs(study, "log.jsonl"):
        found = _RUN.fullmatch(folder.name)
        if found is not None:
            recipe, scale, seed = found.groups()
            rows, outcome = read_log(study, folder.name), read_ending(study, folder.name)
            logs.append(RunLog(recipe, int(scale), int(seed), rows, outcome))
    return logs


def name_endings(logs: list[RunLog]) -> list[str]:
    """A sentence on every run that collapsed or diverged: what was measured, and since when."""
    return [_name_ending(log) for log in logs if log.went_wrong]


def _name_ending(log: RunLog) -> str:
    ended = log.outcome
    signs = "; ".join(ended["signs"].values())
    if signs and log.first_alarm is not None:
        signs += f", first seen at step {log.first_alarm}"
    if ended["outcome"] == "diverged":
        count, last = len(ended["rollbacks"]), ended["rollbacks"][-1]
        rollbacks = "1 rollback" if count == 1 else f"{count} rollbacks"
        given_up = (
            f"it was stopped after {rollbacks}, the last at step {last['step']}, where {last['place']} was "
            f"not finite; its generator is step {ended['step']}'s of {ended['asked']}"
        )
        signs = f"{given_up}; {signs}" if signs else given_up
    return f"{log.recipe} ×{log.scale}, seed {log.seed}, {ended['outcome']}: {signs}."


def name_absent_adversaries(logs: list[RunLog]) -> list[str]:
    """A sentence on every recipe and scale whose adversary hardly pulled in any seed, or none."""
    shares: dict[tuple[str, int], list[float]] = defaultdict(list)
    for log in logs:
        if log.adversary_share is not None:
            shares[log.recipe, log.scale].append(log.adversary_share)
    absent = [
        f"{recipe} ×{scale} ({max(found):.0e})"
        for (recipe, scale), found in shares.items()
        if max(found) < ABSENT_SHARE
    ]
    if not absent:
        return []
    return [
        "Adversaries with almost no pull, with their share over the second half of training: "
        f"{', '.join(absent)}. These rows show the other terms almost alone."
    ]


def name_unfinished(study: Path, scores: Iterable[Score]) -> list[str]:
    """Which of the study's runs have no scores yet, as a sentence, and each that failed."""
    failed = sorted(path.parent.name for path in (study / "runs").glob("*/failed.txt"))
    notes = [f"Run {name} failed; runs/{name}/failed.txt has the reason." for name in failed]
    planned = read_manifest(study).get("runs", [])
    if planned:
        scored = {f"{score.recipe}-x{score.scale}-s{score.seed}" for score in scores}
        missing = [name for name in planned if name not in scored]
        if missing:
            some = ", ".join(missing[:4]) + (", …" if len(missing) > 4 else "")
            done = len(planned) - len(missing)
            notes.insert(
                0, f"Unfinished: {done} of {len(planned)} runs have their scores; missing are {some}."
            )
    return notes
