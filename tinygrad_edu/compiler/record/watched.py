"""How the recorder learns that the gradient of a Value is read or assigned: a plain slot calls no function.

While any thread records, the class has this property in the slot's place.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

from tinygrad_edu import value
from tinygrad_edu.graph.modes import MODES
from tinygrad_edu.value import Value

_SLOT: Any = Value.__dict__["grad"]
# The backward pass only adds to what there is, whatever that may be.
_ENGINE = frozenset((value.__file__, __file__.replace("watched.py", "recorder.py")))


class _Watched:
    """The slot ``grad``, which asks the recorder where the user's function, or an optimizer, reads or assigns it."""

    def __init__(self) -> None:
        self.recordings = 0
        self.lock = threading.Lock()

    def __get__(self, node: Any, owner: Any = None) -> Any:
        if node is None:
            return self
        if MODES.recorder is not None and sys._getframe(1).f_code.co_filename not in _ENGINE:
            MODES.recorder.on_grad_read(node)
        return _SLOT.__get__(node)

    def __set__(self, node: Any, grad: Any) -> None:
        if MODES.recorder is not None and sys._getframe(1).f_code.co_filename not in _ENGINE:
            MODES.recorder.on_grad_write(node)
        _SLOT.__set__(node, grad)


_WATCHED: Any = _Watched()


@contextlib.contextmanager
def watching_gradients() -> Iterator[None]:
    """Within it, the recorder is told of gradients of Values that are read or assigned."""
    with _WATCHED.lock:
        _WATCHED.recordings += 1
        Value.grad = _WATCHED  # type: ignore[misc]
    try:
        yield
    finally:
        with _WATCHED.lock:
            _WATCHED.recordings -= 1
            if not _WATCHED.recordings:
                Value.grad = _SLOT  # type: ignore[misc]


def gradient_of(leaf: Any) -> Any:
    """The gradient as it is, without a word to the recorder."""
    if isinstance(leaf, Value):
        return _SLOT.__get__(leaf) if leaf.requires_grad else 0.0
    if leaf._grad.__class__ is tuple:  # lent by the backward pass
        leaf._grad = leaf._grad[0].copy()
    return leaf._grad
