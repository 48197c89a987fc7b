"""A counter of changes of data. It tells a graph that it has become stale."""


class Clock:
    """Counts the changes of data. With its times a graph notices that it has become stale.

    Each leaf stores the time at which its data was last written. Every other node stores the time at which it was made.
    An input that is newer than the node that uses it was written too late.
    """

    def __init__(self) -> None:
        self.now = 0

    def tick(self) -> int:
        """Return a new time, later than all before."""
        self.now += 1  # it never goes back: CPython lets no other thread run between reading and writing it here
        return self.now


CLOCK = Clock()
