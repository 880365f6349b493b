"""How long a study still takes: from the pace of what has run, and a cost model for what has not."""

import time
from typing import Any

from esrlab.cli.console import Meter, clock, console
from esrlab.core.scores import CASCADE, Score
from esrlab.evaluation.metrics.choice import known_here
from esrlab.recipes.recipe import Recipe
from esrlab.study.spec import PlannedRun

Kind = tuple[str, int]
"""A recipe's name and its scale: what decides a step's cost within a study."""


class StudyProgress:
    """Watches a study and shows one bar for the whole, with the time to go.

    A kind of run that has been seen costs what it took; one not seen yet costs what the model says, times
    the ratio of measured to modelled over all kinds seen.
    """

    def __init__(self, runs: tuple[PlannedRun, ...], *, finished: set[str], meter: Meter) -> None:
        self._waiting = [run for run in runs if run.name not in finished]
        self._total = len(runs)
        scales = {run.recipe.scale for run in runs}
        # A ×2 run is evaluated twice if there is a ×4: the second time as a cascade.
        self._scales = len(scales) if {2, 4} <= scales else 0
        self._meter = meter
        self._began = time.monotonic()
        self._step_seconds: dict[Kind, tuple[float, int]] = {}
        self._evaluations: list[float] = []
        self._current: PlannedRun | None = None
        self._step = 0

    def run_began(self, run: PlannedRun) -> None:
        self._current, self._step = run, 0

    def on_step(self, run: PlannedRun, step: int, row: dict[str, Any]) -> None:
        kind = (run.recipe.name, run.recipe.scale)
        seconds, steps = self._step_seconds.get(kind, (0.0, 0))
        self._step_seconds[kind] = (seconds + float(row["seconds"]), steps + 1)
        self._step = step
        self._show(f"{run.name}, step {step} of {run.recipe.steps}")

    def on_message(self, run: PlannedRun, words: str) -> None:
        console.print(f"{run.name}: {words}", markup=False, style="yellow", soft_wrap=True)

    def evaluating(self, name: str, scale: int, image: int, images: int) -> None:
        self._show(f"evaluating {name} ×{scale}, image {image} of {images}")

    def evaluated(self, *, scale: int, seconds: float) -> None:
        self._evaluations.append(seconds)

    def run_ended(self, run: PlannedRun, scores: list[Score], *, seconds: float) -> None:
        self._close(run)
        measured = known_here().find(scores[0].metric)
        first = scores[0].metric
        own = [s.value for s in scores if s.metric == first and not s.recipe.endswith(CASCADE)]
        mean = sum(own) / len(own)
        done = self._total - len(self._waiting)
        ended = scores[0].outcome.upper()
        words = [
            f"[{done:>{len(str(self._total))}}/{self._total}] {run.name}",
            *([ended] if ended else []),
            f"{first} {mean:.4f}" if measured is None else f"{first} {measured.show(mean)}",
            f"{seconds:.0f} s",
            f"{clock(self.remaining())} to go" if self._waiting else "done",
        ]
        console.print("  ".join(words), markup=False, soft_wrap=True)

    def run_failed(self, run: PlannedRun, reason: str) -> None:
        self._close(run)
        console.print(f"{run.name} FAILED: {reason}", markup=False, style="red")

    def remaining(self) -> float:
        """Seconds to go, by what is known now."""
        left = sum(self._step_cost(run.recipe) * run.recipe.steps for run in self._waiting)
        if self._current is not None:
            left -= self._step_cost(self._current.recipe) * self._step
        evaluation = sum(self._evaluations) / len(self._evaluations) if self._evaluations else 0.0
        cascades = len(self._waiting) / self._scales if self._scales else 0.0
        return max(0.0, left + evaluation * (len(self._waiting) + cascades))

    def _close(self, run: PlannedRun) -> None:
        self._waiting.remove(run)
        self._current, self._step = None, 0
        self._show("")

    def _step_cost(self, recipe: Recipe) -> float:
        seen = self._step_seconds.get((recipe.name, recipe.scale))
        if seen is not None:
            return seen[0] / seen[1]
        measured = sum(seconds for seconds, _ in self._step_seconds.values())
        modelled = sum(steps * model_cost(scale) for (_, scale), (_, steps) in self._step_seconds.items())
        return model_cost(recipe.scale) * (measured / modelled if modelled else 0.0)

    def _show(self, note: str) -> None:
        spent, left = time.monotonic() - self._began, self.remaining()
        self._meter.update(spent, total=max(spent + left, 1e-9), note=note, eta=left)


def model_cost(scale: int) -> float:
    """A step's relative cost: the body works at LR size, the tail, critic and content network at HR size.

    Fitted to 12, 12.5 and 17 s for equal steps at ×2, ×3 and ×4.
    """
    return 8.0 + scale**2
