"""What a leaf shows while a call is recorded: a stand-in to the thread that records, and its own numbers to all others.

The data and the gradient of a node are plain slots, which call no function. While any thread records, the classes have
the descriptors below in the place of these slots. The slots keep the true numbers.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import Node
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value

RECORDING = threading.RLock()  # one recording at a time: stand-ins in attributes are seen by all threads


class _Shown:
    """A slot that shows stand-ins to the thread that records."""

    def __init__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name
        self.slot: Any = owner.__dict__[name]

    def __get__(self, node: Any, owner: Any = None) -> Any:
        if node is None:
            return self
        recorder: Any = MODES.recorder
        if recorder is None:
            return self.slot.__get__(node)
        shown = recorder.shown.get(id(node))
        return self.slot.__get__(node) if shown is None or self.name not in shown else shown[self.name]

    def __set__(self, node: Any, new: Any) -> None:
        recorder: Any = MODES.recorder
        if recorder is not None:
            shown = recorder.shown.get(id(node))
            if shown is not None:
                shown[self.name] = new
                return
        self.slot.__set__(node, new)

    def __delete__(self, node: Any) -> None:
        self.slot.__delete__(node)


_DATA, _GRADIENT, _NUMBER = _Shown(Node, "_data"), _Shown(Tensor, "_grad"), _Shown(Value, "_grad")
_ALL = (_DATA, _GRADIENT, _NUMBER)


@contextlib.contextmanager
def showing_stand_ins() -> Iterator[None]:
    """Within it, leaves show the recorder's stand-ins in this thread."""
    with RECORDING:
        try:
            for shown in _ALL:
                setattr(shown.owner, shown.name, shown)
            yield
        finally:
            _show_slots()


def _show_slots() -> None:
    for shown in _ALL:
        setattr(shown.owner, shown.name, shown.slot)


def true_data(leaf: Any) -> Any:
    """The data that the leaf has for all other threads."""
    return _DATA.slot.__get__(leaf)


def true_gradient(leaf: Any) -> Any:
    """The gradient that the leaf has for all other threads."""
    if isinstance(leaf, Value):
        return _NUMBER.slot.__get__(leaf) if leaf.requires_grad else 0.0
    return _GRADIENT.slot.__get__(leaf)


def gradient_of(leaf: Any) -> Any:
    """The gradient as this thread sees it, without a word to the recorder."""
    if leaf._grad.__class__ is tuple:  # lent by the backward pass
        leaf._grad = leaf._grad[0].copy()
    return leaf._grad


# --- a fork in the middle of a recording --------------------------------------------------------------------------

ACTIVE: list[Any] = []  # the recorder at work


def _forget_other_threads() -> None:
    """In a child process the thread that recorded is gone: leaves and attributes show their own numbers again."""
    global RECORDING
    if MODES.recorder is not None:
        return
    RECORDING = threading.RLock()
    if ACTIVE:
        _show_slots()
        WATCH.active = 0
        for source, before, _ in ACTIVE.pop().attributes.values():
            source.set(before)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)
