"""Signs of collapse, read from a run's own log lines.

The runs that the thresholds were drawn from, and what healthy curves look like: docs/collapse.md. Single
lines say little: with batches of one patch the lead over bicubic varies by 9 dB from line to line.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

WINDOW = 200
"""Log lines that the signs are read from."""

RECENT = 30
"""Of these, the last ones that say how it stands now."""

GROUPS = 5
"""The lead over bicubic is the median of so many groups of lines: a few spoilt steps do not count."""

NEAR = -6.0
"""Decibels over bicubic: a run that came this near to it has had pictures to lose."""

FALL = 8.0
"""Decibels by which fallen pictures are below the run's own best lead over bicubic: six times the error."""

FLAT = 0.3
"""Fallen pictures whose values spread less than this part of the targets' are flat."""

WILD = 5.0
"""Pictures whose values spread this many times as far as the targets' are wild."""

STUCK_AFTER = 1000
"""Steps from which pictures that never came near bicubic, and no longer rise, are stuck."""

RISE = 0.5
"""Decibels that pictures on their way up gain from a window's first third to its last."""

RUNAWAY = 300.0
"""A critic's gap beyond this, on either side, is out of hand: pictures of 128 px are at most 222 apart, and
so a critic of slope 1 cannot score them further apart either."""

WON = 5.0
"""A critic's gap from which a sigmoid lets hardly anything through: its slope there is 0.007."""

SLOPE = 1e-4
"""The adversary's unweighted pull for each unit of such a gap, below which the adversarial loss is
saturated.
"""

ABSENT_SHARE = 1e-3
"""An adversary whose median share of the pull is below this is as good as absent."""


HEAVY = 1e7
"""A weight beyond this lifts what is practically no gradient; a share's weight is bounded at ten times it."""


@dataclass(frozen=True)
class Sign:
    """A sign by its name, what was measured in words, and whether it means collapse or is only a warning."""

    name: str
    words: str
    is_collapse: bool


def best_lead(rows: Sequence[dict[str, Any]], before: float | None) -> float | None:
    """The best lead over bicubic that a run has had, in dB; None while it was never near.

    The lead is the PSNR of generated batches less that of their bicubic enlargement; one above 0 counts as
    0. A run's first line, which no update has touched, counts by itself where it looks like pictures: the
    first update may be the one that spoils them.

    rows: its last WINDOW lines; before: what this was when they were fewer.
    """
    pictured = _pictured(rows)
    found = [before]
    if len(pictured) >= RECENT:
        found.append(_lead(pictured[-RECENT:]))
    if pictured and pictured[0]["step"] == 1 and 0.5 < pictured[0]["image/spread"] < 2:
        found.append(_ratio(pictured[:1]))
    near = [min(lead, 0.0) for lead in found if lead is not None and lead >= NEAR]
    return max(near, default=None)


def find_signs(rows: Sequence[dict[str, Any]], *, best: float | None) -> tuple[Sign, ...]:
    """The signs in a run's last WINDOW lines; none where they are fewer than RECENT.

    best: `best_lead` of the run up to now.
    """
    pictured = _pictured(rows)
    active_adversarial = [row for row in rows if "critic/gap" in row and "pull/adversarial" in row][-RECENT:]
    signs: list[Sign] = []
    if len(pictured) >= RECENT:
        signs += _of_pictures(pictured, best)
    if len(active_adversarial) == RECENT:
        signs += _of_adversarial_loss(active_adversarial)
    return tuple(signs)


def _pictured(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if "image/psnr" in row]


def _lead(rows: list[dict[str, Any]]) -> float:
    """The lead over bicubic, as the median of that of GROUPS groups of lines."""
    size = len(rows) // GROUPS
    return median(_ratio(rows[first : first + size]) for first in range(0, size * GROUPS, size))


def _ratio(rows: list[dict[str, Any]]) -> float:
    """Bicubic's squared error over the generator's, summed over lines, in dB: easy patches weigh little."""
    ours, bicubic = (
        math.fsum(10 ** (-row[key] / 10) for row in rows) for key in ("image/psnr", "image/bicubic")
    )
    return 10 * math.log10(bicubic / ours)


def _of_pictures(rows: list[dict[str, Any]], best: float | None) -> list[Sign]:
    recent = rows[-RECENT:]
    lead = _lead(recent)
    spread = median(row["image/spread"] for row in recent)
    below = f"{-lead:.1f} dB below bicubic"
    varied = f"their values spread {spread:.2g} times as far as the targets'"
    if best is not None and lead < best - FALL:
        once = "level with it or above" if best == 0 else f"{-best:.1f} dB below"
        name = "flat pictures" if spread < FLAT else "wild pictures" if spread > WILD else "fallen pictures"
        return [Sign(name, f"{name}: {below}, and had been {once}; {varied}", is_collapse=True)]
    if spread > WILD and lead < -FALL:
        return [Sign("wild pictures", f"wild pictures: {varied}, {below}", is_collapse=True)]
    if best is None and len(rows) >= WINDOW and rows[-1]["step"] > STUCK_AFTER and not _is_rising(rows):
        words = (
            f"stuck pictures: never near bicubic, and rising no more: {below} after {rows[-1]['step']} steps"
        )
        return [Sign("stuck pictures", words, is_collapse=False)]
    return []


def _is_rising(rows: list[dict[str, Any]]) -> bool:
    """Whether pictures, or the learning rate in its first rise, are on their way up."""
    third = len(rows) // 3
    return (
        _lead(rows[-third:]) > _lead(rows[:third]) + RISE
        or rows[-1]["learning_rate"] > rows[0]["learning_rate"]
    )


def _of_adversarial_loss(rows: list[dict[str, Any]]) -> list[Sign]:
    gap = median(row["critic/gap"] for row in rows)
    share = median(row["pull/adversarial"]["share"] for row in rows)
    slope = median(_unweighted(row) for row in rows)
    if median(abs(row["critic/gap"]) for row in rows) > RUNAWAY:
        words = f"runaway critic: its gap is {gap:.2g}, the adversary's share of the pull {share:.0%}"
        return [Sign("runaway critic", words, is_collapse=True)]
    if gap > WON and slope < SLOPE * gap:
        words = (
            f"saturated game: the critic's gap is {gap:.1f}, and the adversary's pull before its weight "
            f"{slope:.0e} (share {share:.0e}); the critic has won, and nothing more comes back from it"
        )
        return [Sign("saturated game", words, is_collapse=True)]
    if share < ABSENT_SHARE:
        words = f"absent adversary: its share of the pull is {share:.0e}"
        return [Sign("absent adversary", words, is_collapse=False)]
    weight = median(row["pull/adversarial"].get("weight", 1.0) for row in rows)
    if weight > HEAVY:
        words = f"adversary without a gradient: its weight is {weight:.0e}, and its share cannot be held"
        return [Sign("adversary without a gradient", words, is_collapse=False)]
    return []


def _unweighted(row: dict[str, Any]) -> float:
    """The 2-norm of the adversary's gradient at the generated batch, before its weight."""
    pull = row["pull/adversarial"]
    return pull["norm"] / pull["weight"] if pull["weight"] else 0.0
