"""Curves and pictures in other people's trackers, through Accelerate: TensorBoard, wandb, MLflow and more.

Without names nothing is imported and nothing costs. With names, their packages are looked for at once, but
a tracker starts with the first step that it receives: by then it is known whether a run is resumed.
"""

import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from esrlab.core.files import to_json, write_text
from esrlab.core.text_files import read_json
from esrlab.data.image_files import Pixels, read_pixels
from esrlab.training.trackers.kinds import identify, require_tracker, show_picture, start_tracker
from esrlab.training.trackers.rows import flatten, flatten_config

_IDENTITIES = TypeAdapter(dict[str, str])


class Trackers:
    """Sends rows and pictures to its trackers; without any, does nothing. Made by `open_trackers`."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        folder: Path,
        project: str,
        run_name: str,
        config: dict[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self._names = tuple(names)
        self._folder = folder
        self._project = project
        self._run_name = run_name
        self._config = config
        self._say = say
        self._open: dict[str, Any] = {}
        self._next: int | None = None

    def begin(self, step: int) -> None:
        """Starts the trackers of a run whose next step is `step`; `log` does so where nobody did before.

        A resumed run keeps its curves: TensorBoard hides what it had from `step` on, the others are
        given the identity that the run's folder remembers. UserError: a tracker cannot start.
        """
        if self._next is not None or not self._names:
            return
        self._next = step
        known = self._remembered()
        for name in self._names:
            self._start(name, step=step, identity=known.get(name))
            found = identify(name, self._open[name], run_name=self._run_name) if name in self._open else None
            known |= {name: found} if found is not None else {}
        write_text(self._memory, to_json(known, indent=2) + "\n")

    def log(self, step: int, row: dict[str, Any]) -> None:
        """Sends a step's numbers, nested ones as `pull/content/share`; what is not finite is only counted.

        A step that was logged before is taken for a run that went back: TensorBoard hides the older points.
        """
        if not self._names:
            return
        self.begin(step)
        if self._next is not None and step < self._next and "tensorboard" in self._open:
            self._open.pop("tensorboard").finish()
            self._start("tensorboard", step=step, identity=self._run_name)
        self._next = step + 1
        numbers = flatten(row)
        for name, tracker in list(self._open.items()):
            with self._forgiving(name):
                tracker.log(numbers, step=step)

    def picture(self, step: int, title: str, picture: Path | Pixels) -> None:
        """Sends a picture, a file or (H, W, 3) bytes, to the trackers that can show one."""
        if not self._names:
            return
        self.begin(step)
        pixels = read_pixels(picture) if isinstance(picture, Path) else picture
        for name, tracker in list(self._open.items()):
            with self._forgiving(name):
                show_picture(name, tracker, step=step, title=title, pixels=pixels)

    def close(self) -> None:
        """Finishes every tracker, whatever happens to another."""
        for name, tracker in list(self._open.items()):
            with self._forgiving(name):
                tracker.finish()
        self._open.clear()

    @property
    def _memory(self) -> Path:
        return self._folder / "trackers.json"

    def _remembered(self) -> dict[str, str]:
        return read_json(self._memory, _IDENTITIES) if self._memory.exists() else {}

    def _start(self, name: str, *, step: int, identity: str | None) -> None:
        with _undisturbed():
            tracker = start_tracker(
                name,
                folder=self._folder,
                project=self._project,
                run_name=self._run_name,
                step=step,
                identity=identity,
            )
            self._open[name] = tracker
            if identity is None:
                self._describe(name, tracker, step=step)
        place = f"{self._run_name} in {self._project}"
        if name == "tensorboard":
            place = f"tensorboard --logdir {self._folder / name}"
        on = "" if identity is None else f", resuming at step {step}"
        hidden = " (older points from there are hidden)" if on and name == "tensorboard" else ""
        self._say(f"{name}: {place}{on}{hidden}")

    def _describe(self, name: str, tracker: Any, *, step: int) -> None:
        """Sends the configuration; to TensorBoard as a text, since its own way opens a second run."""
        with self._forgiving(name):
            if name == "tensorboard":
                words = "    " + to_json(self._config, indent=2).replace("\n", "\n    ")
                tracker.log({"configuration": words}, step=step)
            else:
                tracker.store_init_configuration(flatten_config(self._config))

    @contextmanager
    def _forgiving(self, name: str) -> Iterator[None]:
        """A tracker that fails on the way is put aside: a curve is not worth a training of days."""
        try:
            yield
        except Exception as error:  # it may be anything: a network, a full disk, a package's own
            self._open.pop(name, None)
            self._say(f"{name} failed and gets no more data: {error}")


@contextmanager
def open_trackers(
    names: Sequence[str],
    *,
    folder: Path,
    project: str,
    run_name: str,
    config: dict[str, Any],
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Trackers]:
    """Trackers for the block's run, finished however it ends; `say` hears where they are to be seen.

    `folder` is the run's: TensorBoard's files go to its `tensorboard`, identities to its `trackers.json`.
    UsageError: an unknown name. UserError, with the remedy: a package that is missing.
    """
    for name in names:
        require_tracker(name)
    unique = tuple(dict.fromkeys(names))
    trackers = Trackers(unique, folder=folder, project=project, run_name=run_name, config=config, say=say)
    try:
        yield trackers
    finally:
        trackers.close()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signal handlers and random states as they were, whatever a package does while it starts.

    A training must be the same, bit for bit, with trackers and without, and Ctrl-C must stop it.
    """
    handlers: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
