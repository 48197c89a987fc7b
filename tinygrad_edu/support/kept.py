"""What a forward pass computed on its way, kept for the backward pass."""

import weakref
from typing import Any


class KeptWithResult:
    """Intermediate results, each kept as long as the array that was computed with it exists.

    The array is known by its identity. Nothing writes to the result of an operation, so both always fit together.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, result: Any, part: Any) -> None:
        """Keep ``part`` until it is taken, or until ``result`` is freed."""
        key = id(result)
        self._kept[key] = weakref.ref(result, lambda _: self._kept.pop(key, None)), part

    def take(self, result: Any) -> Any:
        """What was kept with this very array, which is then forgotten; None if there is nothing."""
        kept = self._kept.pop(id(result), None)
        return None if kept is None or kept[0]() is not result else kept[1]
