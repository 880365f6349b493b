"""The next step's data is made in the background while the device computes the present one.

Right for a GPU, whose host would idle; on a CPU the training's own threads want every core.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")


class Ahead(Generic[Item]):
    """What `make(step)` gives, begun a step early in one thread of its own.

    `make` must be a pure function of the step, so that what is made early, or in vain, changes nothing.
    """

    def __init__(self, make: Callable[[int], Item]) -> None:
        self._make = make
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead")
        self._begun: tuple[int, Future[Item]] | None = None

    def take(self, step: int) -> Item:
        """The step's item, and begins the next one's. Raises what `make(step)` raises.

        Any step may be asked for; one that was not begun early is made now.
        """
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] == step:
            item = begun[1].result()
        else:
            if begun is not None:
                begun[1].cancel()
            item = self._make(step)
        self._begun = step + 1, self._pool.submit(self._make, step + 1)
        return item

    def close(self) -> None:
        """Waits for what is being made, and drops it; closing again does nothing."""
        self._begun = None
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
