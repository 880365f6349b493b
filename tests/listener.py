"""A study's watcher that notes which runs began, and what a study without an adversarial loss sets."""

from typing import Any

from esrlab.core.scores import Score
from esrlab.study.spec import PlannedRun
from tiny import TINY

FIELDS = {key: value for key, value in TINY.items() if "adversarial" not in key}


class Listener:
    """Notes which runs began."""

    def __init__(self) -> None:
        self.began: list[str] = []

    def run_began(self, run: PlannedRun) -> None:
        self.began.append(run.name)

    def on_step(self, run: PlannedRun, step: int, row: dict[str, Any]) -> None: ...
    def on_message(self, run: PlannedRun, words: str) -> None: ...
    def run_ended(self, run: PlannedRun, scores: list[Score], *, seconds: float) -> None: ...
    def evaluating(self, name: str, scale: int, image: int, images: int) -> None: ...
    def evaluated(self, *, scale: int, seconds: float) -> None: ...

    def run_failed(self, run: PlannedRun, reason: str) -> None:
        raise AssertionError(f"{run.name}: {reason}")
