"""The processes that are timed against each other: each holds one way to take a training step.

A process a way, so that peak memory is the way's own; they wait while another is timed. `Ours` is the one
place that knows how esrlab's step is called.
"""

import resource
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from yardstick import Yardstick

from esrlab.core.backend import Precision, precision_context
from esrlab.core.files import to_json
from esrlab.data.photos.collection import Photos
from esrlab.data.photos.folder import open_photos
from esrlab.data.sampling import Batch
from esrlab.recipes.overrides import with_fields
from esrlab.recipes.presets import find_recipe, with_weights
from esrlab.recipes.recipe import Recipe
from esrlab.training import loop as runs
from esrlab.training import state as training
from esrlab.training import step
from esrlab.training.batches import step_batches

SIZES: dict[str, dict[str, object]] = {
    "paper": {"terms.content.loss.layers": "conv5_4"},
    "small": {
        "terms.content.loss.layers": "conv5_4",
        "generator.features": 32,
        "generator.blocks": 3,
        "adversarial.critic.features": 32,
        "patches.batch": 8,
    },
    "tiny": {
        "terms.content.loss.layers": "conv2_1",
        "generator.features": 16,
        "generator.growth": 8,
        "generator.blocks": 2,
        "adversarial.critic.features": 8,
        "patches.lr_size": 16,
        "patches.batch": 8,
    },
}
"""wgan-vgg as the paper has it, at a size for a small laboratory, and as the demo has it."""

SURROUNDED = 3
"""Steps whose surroundings are timed."""


@dataclass(frozen=True)
class Way:
    """One way to take a step."""

    kind: str
    precision: Precision = "float32"
    compile: bool = False

    @property
    def title(self) -> str:
        """What the table calls it."""
        extras = [self.precision] if self.precision != "float32" else []
        if self.kind == "yardstick":
            extras += ["channels-last"] if self.precision != "float32" else []
        return ", ".join([self.kind, *extras, *(["compiled"] if self.compile else [])])


@dataclass(frozen=True)
class Task:
    """What every way is to do."""

    size: str
    scale: int
    batch: int | None
    threads: int
    device: str

    def recipe(self, way: Way | None = None) -> Recipe:
        """The recipe that is trained, with our way's choices; the yardstick makes its own."""
        fields = {**SIZES[self.size], "scale": self.scale}
        if way is not None and way.kind == "ours":
            fields |= {"engine.precision": way.precision, "engine.compile": way.compile}
        if self.batch is not None:
            fields["patches.batch"] = self.batch
        return with_fields(with_weights(find_recipe("wgan-vgg"), "untrained"), fields)


class CountFlops(TorchDispatchMode):
    """Adds up convolutions and matrix products by torch's formulas.

    (torch's own FlopCounterMode hooks into modules, and its hooks refuse `autograd.grad`.)
    """

    total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        out = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


class Ours:
    """esrlab's own step, as `esrlab train` takes it."""

    def __init__(self, run: training.TrainState) -> None:
        self.run = run

    def step(self, batch: Batch) -> torch.Tensor:
        """One update of each; gives the content loss."""
        return step.train_step(self.run, [batch]).losses["content"]

    def time_surroundings(self, photos: Photos) -> dict[str, float]:
        """Seconds (on a CPU, CPU seconds) a step of what is no network's arithmetic, by name."""
        names = ("report_step", "add_pulls")
        found: dict[str, list[float]] = {name: [] for name in ("patches", *names, "log")}
        for _ in range(SURROUNDED):
            watched = {name: Watched(getattr(step, name)) for name in names}
            began = _now()
            batches = draw(self.run, photos)
            found["patches"].append(_now() - began)
            with ExitStack() as replaced:
                for name, one in watched.items():
                    replaced.enter_context(patch.object(step, name, one))
                report = step.train_step(self.run, batches)
            for name, one in watched.items():
                found[name].append(one.seconds)
            began = _now()
            to_json(runs.log_row(report, self.run, seconds=1.0))
            found["log"].append(_now() - began)
        return {name: statistics.median(seconds) for name, seconds in found.items()}


class Watched:
    """A function that adds up how long it takes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.seconds = 0.0

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        began = _now()
        result = self.function(*arguments, **named)
        self.seconds += _now() - began
        return result


def draw(run: training.TrainState, photos: Photos) -> list[Batch]:
    """The batches of a run's next step."""
    batches = step_batches(run.recipe, photos, seed=run.seed, step=run.step)
    return [batch.to(run.device) for batch in batches]


def _now() -> float:
    """Seconds of this process: on a CPU those it worked, whatever others did meanwhile."""
    _wait()
    return time.perf_counter() if torch.cuda.is_available() else time.process_time()


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def take_part(line: Connection, task: Task, way: Way) -> None:
    """A contestant's process: answers "step", "flops", "surroundings" and "memory" until "stop"."""
    torch.set_num_threads(task.threads)
    before, device = _resident(), torch.device(task.device)
    photos = open_photos("samples", smallest=task.recipe().hr_size)
    contestant = enter(task, way)
    (batch,) = draw(contestant.run, photos)
    for order in iter(line.recv, "stop"):
        if order == "step":
            _wait()
            began, worked = time.perf_counter(), time.process_time()
            content = contestant.step(batch)
            _wait()
            line.send((time.perf_counter() - began, time.process_time() - worked, float(content)))
        elif order == "flops":
            with CountFlops() as counter:
                contestant.step(batch)
            line.send(counter.total)
        elif order == "surroundings":
            line.send(contestant.time_surroundings(photos) if isinstance(contestant, Ours) else {})
        else:
            cuda = device.type == "cuda"
            line.send(torch.cuda.max_memory_allocated() if cuda else _resident(peak=True) - before)


def enter(task: Task, way: Way) -> "Ours | Yardstick | HalfYardstick":
    """A fresh run, to be trained this way."""
    device = torch.device(task.device)
    if way.kind == "ours":
        return Ours(training.start_run(task.recipe(way), seed=0, device=device))
    with patch.object(training, "prepare_backend"):  # the usual trainers leave the process as it is
        run = training.start_run(task.recipe(way), seed=0, device=device)
    return Yardstick(run) if way.precision == "float32" else HalfYardstick(run, way.precision)


class HalfYardstick:
    """The plain step, its networks channels-last and all of it under autocast."""

    def __init__(self, run: training.TrainState, precision: Precision) -> None:
        self.run = run
        self.plain = Yardstick(run, memory_format=torch.channels_last)
        self.context = precision_context(run.device, precision)

    def step(self, batch: Batch) -> torch.Tensor:
        """One update of each; gives the content loss."""
        with self.context:
            return self.plain.step(batch)


def _resident(*, peak: bool = False) -> int:
    """Bytes of this process in memory, now or at most; `ru_maxrss` would count the parent's too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    name = "VmHWM:" if peak else "VmRSS:"
    line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
