"""A counter of changes of data, by which a graph notices that it has become stale."""

import itertools
import threading


class Clock:
    """Counts the changes of data. With its times a graph notices that it has become stale.

    Each leaf stores the time at which its data was last written. Every other node stores the time at which it was made.
    An input that is newer than the node that uses it was written too late.
    """

    def __init__(self) -> None:
        self.now = 0
        self._ticks = itertools.count(1)
        self._lock = threading.Lock()

    def tick(self) -> int:
        """Return a new time, later than all before."""
        with self._lock:  # `now` must never go back
            self.now = next(self._ticks)
            return self.now


CLOCK = Clock()
