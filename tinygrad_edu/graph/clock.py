"""A counter of changes of data, by which a graph notices that it has become stale."""

import itertools
import threading


class Clock:
    """Counts the changes of data, so that a graph notices when it has become stale.

    A leaf carries the time at which its data was last written, every other node the time at which it was made.
    Along an edge the time never falls, unless the input was written after the node had used it.
    """

    def __init__(self) -> None:
        self.now = 0
        self._ticks = itertools.count(1)
        self._lock = threading.Lock()

    def tick(self) -> int:
        """A new time, later than every earlier one."""
        with self._lock:  # `now` must never go back
            self.now = next(self._ticks)
            return self.now


CLOCK = Clock()
