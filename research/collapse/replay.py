"""A log read again as its run would have read it: which signs, from which step on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from esrlab.training.collapse import WINDOW, Sign, best_lead, find_signs

LOOK_EVERY = 10
"""As `esrlab.training.loop` has it."""


@dataclass(frozen=True)
class Replay:
    """The first step of every sign of collapse and of every warning, and the signs at the end."""

    alarms: dict[str, int]
    warnings: dict[str, int]
    last: tuple[Sign, ...]

    @property
    def has_collapsed(self) -> bool:
        """Whether signs of collapse stand at the end."""
        return any(sign.is_collapse for sign in self.last)


def replay(rows: Sequence[dict[str, Any]]) -> Replay:
    """Looks for signs every LOOK_EVERY lines, and after the last."""
    best: float | None = None
    alarms: dict[str, int] = {}
    warnings: dict[str, int] = {}
    signs: tuple[Sign, ...] = ()
    for end in range(1, len(rows) + 1):
        if end % LOOK_EVERY and end < len(rows):
            continue
        window = rows[max(0, end - WINDOW) : end]
        best = best_lead(window, best)
        signs = find_signs(window, best=best)
        for sign in signs:
            (alarms if sign.is_collapse else warnings).setdefault(sign.name, rows[end - 1]["step"])
    return Replay(alarms, warnings, signs)
