"""A running study: what it has opened, where it writes, and what receives its progress."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from esrlab.core.scores import Score
from esrlab.data.degradations.base import Degradation
from esrlab.data.photos.benchmark import Benchmark
from esrlab.data.photos.collection import Photos
from esrlab.errors import UserError
from esrlab.evaluation.metrics.inputs import Metric
from esrlab.study.spec import PlannedRun, Study


class StudyWatcher(Protocol):
    """Receives a study's progress."""

    def run_began(self, run: PlannedRun) -> None: ...
    def on_step(self, run: PlannedRun, step: int, row: dict[str, Any]) -> None: ...
    def on_message(self, run: PlannedRun, words: str) -> None: ...
    def run_ended(self, run: PlannedRun, scores: list[Score], *, seconds: float) -> None: ...
    def run_failed(self, run: PlannedRun, reason: str) -> None: ...
    def evaluating(self, name: str, scale: int, image: int, images: int) -> None: ...
    def evaluated(self, *, scale: int, seconds: float) -> None: ...


@dataclass
class Laboratory:
    """A study at work: what it has opened, and where it writes."""

    study: Study
    out: Path
    device: torch.device
    photos: Photos
    benchmarks: tuple[Benchmark, ...]
    metrics: tuple[Metric, ...]
    watcher: StudyWatcher
    origins: dict[str, dict[str, str]]
    degradation: Degradation
    failed: list[PlannedRun] = field(default_factory=list)


def require_folder(lab: Laboratory) -> None:
    """UserError where the study's folder has been taken away: nothing of it is made anew."""
    if not (lab.out / "study.toml").is_file():
        raise UserError(
            f"{lab.out} was removed or moved while its study was running, which stops here; "
            "restore it and run the same command again to resume"
        )


def run_folder(lab: Laboratory, run: PlannedRun) -> Path:
    """Where a run of this study is."""
    return lab.out / "runs" / run.name
