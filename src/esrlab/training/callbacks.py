"""What observes a run: a validator that measures its generator, callbacks that receive its progress."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from esrlab.models.generators.base import GeneratorNetwork


class ValidatorLike(Protocol):
    """Measures a generator on images that it is not trained on."""

    @property
    def title(self) -> str:
        """The validation images, in words."""
        ...

    @property
    def fingerprint(self) -> str:
        """Tells one set of images from another."""
        ...

    def __call__(self, generator: GeneratorNetwork, *, sheet: Path | None = None) -> dict[str, float]:
        """The means, by keys that begin with "validation/"; sample pictures go to `sheet`."""
        ...

    def best_by(self, by: str = "auto", *, has_adversarial: bool) -> str:
        """The key of the value that decides."""
        ...

    def improves(
        self, values: dict[str, float], best: float | None, *, by: str, has_adversarial: bool
    ) -> float | None:
        """The deciding value where it is better than the best so far, else None."""
        ...


def _ignore(*_: object) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Callbacks:
    """Receives a run's progress.

    on_step: after each step, its number and its line of the log; on_message: what a user should know, in
    words; on_phase: what is being done between two steps, in a word; on_image: after each validation, the
    step and the file with its sample pictures; on_resume: before all else, the step from which
    an earlier start is resumed, None where its run is finished and nothing is left to do.
    """

    on_step: Callable[[int, dict[str, Any]], None] = _ignore
    on_message: Callable[[str], None] = _ignore
    on_phase: Callable[[str], None] = _ignore
    on_image: Callable[[int, Path], None] = _ignore
    on_resume: Callable[[int | None], None] = _ignore
