"""How far a measurement is, and how long the rest will take, from what each sort of work took so far."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

OnProgress = Callable[[int, int, str, float | None], None]
"""Called with the pieces of work done, how many there are, what is done now, and the seconds to go."""


@dataclass
class Pace:
    """Pieces of work by their sort (all of one sort take about as long), ticked off one by one."""

    on_progress: OnProgress
    left: Counter[str] = field(default_factory=Counter)
    done: int = 0
    _times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _note: str = ""
    _began: float = field(default_factory=time.monotonic)

    def plan(self, sort: str, count: int) -> None:
        """Adds work that is still to do."""
        self.left[sort] += count

    def begin(self, note: str) -> None:
        """Tells what is done now."""
        self._note = note
        self.on_progress(self.done, self.done + self.left.total(), note, self._seconds_left())
        self._began = time.monotonic()

    def finish(self, sort: str) -> None:
        """Ticks one piece off; its time is from the last `begin` or `finish` on."""
        now = time.monotonic()
        self._times[sort].append(now - self._began)
        self._began = now
        self.left[sort] -= 1
        self.done += 1
        self.on_progress(self.done, self.done + self.left.total(), self._note, self._seconds_left())

    def skip(self, sort: str) -> None:
        """Takes off a piece that was done before."""
        self.left[sort] -= 1

    def _seconds_left(self) -> float | None:
        """A sort that was not seen yet is taken to be as long as those that were, on average."""
        seen = {sort: sum(times) / len(times) for sort, times in self._times.items()}
        if not seen:
            return None
        usual = sum(seen.values()) / len(seen)
        return sum(count * seen.get(sort, usual) for sort, count in self.left.items())
