"""How fast a training goes: a moving average that forgets the first step, and with time the old ones."""

import math
from typing import Any

HALF_LIFE = 60.0
"""Seconds after which what was measured counts half."""


class Pace:
    """Seconds a step takes, from the clock between steps: waiting for data and validations count too.

    The first step warms up (memory is taken, kernels are chosen), so the clock starts when it ends; until
    there is a second, its own duration stands in.
    """

    def __init__(self, *, half_life: float = HALF_LIFE) -> None:
        self._half_life = half_life
        self._stand_in: float | None = None
        self._images: float | None = None
        self._warm: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None
        self._seconds = 0.0
        self._steps = 0.0

    def stepped(self, step: int, row: dict[str, Any], *, now: float) -> None:
        """Notes that `step` ended at `now`; a step not after the last one (the run went back) starts anew."""
        seconds, rate = row.get("seconds"), row.get("images_per_second")
        if isinstance(seconds, float | int) and isinstance(rate, float | int):
            self._images = seconds * rate
            self._stand_in = float(seconds)
        if self._warm is None or self._last is None:
            self._warm = (step, now)
        elif step > self._last[0]:
            passed = now - self._last[1]
            kept = math.exp2(-passed / self._half_life)
            self._seconds = self._seconds * kept + passed
            self._steps = self._steps * kept + step - self._last[0]
        self._last = (step, now)

    @property
    def step_seconds(self) -> float | None:
        """Seconds a step takes now; None before the first."""
        return self._seconds / self._steps if self._steps else self._stand_in

    @property
    def images_per_second(self) -> float | None:
        """Images a second now, waiting included; None where nothing is known."""
        return self._rate(self.step_seconds)

    @property
    def overall(self) -> float | None:
        """Images a second over all steps but the first (over it, where it was the only one)."""
        if self._warm is None or self._last is None or self._last[0] <= self._warm[0]:
            return self._rate(self._stand_in)
        return self._rate((self._last[1] - self._warm[1]) / (self._last[0] - self._warm[0]))

    def remaining(self, steps: int) -> float | None:
        """Seconds that `steps` more will take; None where nothing is known."""
        each = self.step_seconds
        return None if each is None else each * max(steps, 0)

    def _rate(self, seconds: float | None) -> float | None:
        return self._images / seconds if self._images is not None and seconds else None
