"""What is shown while a call is recorded: placeholders to the thread that records, and the true numbers to all others.

The data and the gradient of a node are plain slots, and a learning rate is a plain attribute: reading them calls no
function. While any thread records, the classes have the descriptors below in their place. The objects themselves keep
the true numbers.
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

RECORDING = threading.RLock()  # one recording at a time: the classes are changed for all threads


class _Slot:
    """A slot that shows placeholders to the thread that records."""

    def __init__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name
        self.before: Any = owner.__dict__[name]

    def __get__(self, node: Any, owner: Any = None) -> Any:
        if node is None:
            return self
        shown = _shown(node)
        return self.before.__get__(node) if shown is None or self.name not in shown else shown[self.name]

    def __set__(self, node: Any, new: Any) -> None:
        shown = _shown(node)
        if shown is not None:
            shown[self.name] = new
        else:
            self.before.__set__(node, new)

    def __delete__(self, node: Any) -> None:
        self.before.__delete__(node)


def _shown(x: Any) -> dict[str, Any] | None:
    """What an object shows to this thread instead of its own, by name."""
    recorder: Any = MODES.recorder
    return None if recorder is None else recorder.shown.get(id(x))


_NOTHING = object()


class _Attribute:
    """An attribute that shows placeholders to the thread that records. For others and other objects, it is normal."""

    def __init__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name
        self.before: Any = owner.__dict__.get(name, _NOTHING)

    def _of_classes(self, kind: type) -> Any:
        """What the classes of an object have under this name: a default, a property, a slot."""
        for base in kind.__mro__:
            found = vars(base).get(self.name, _NOTHING)
            found = found.before if isinstance(found, _Attribute) else found
            if found is not _NOTHING:
                return found
        return _NOTHING

    def __get__(self, x: Any, kind: Any = None) -> Any:
        shown = _shown(x)
        if shown is not None and self.name in shown:
            return shown[self.name]
        found = self._of_classes(kind)
        own = getattr(x, "__dict__", {})
        if self.name in own and not hasattr(type(found), "__set__"):
            return own[self.name]
        if found is _NOTHING:
            raise AttributeError(f"{kind.__name__!r} object has no attribute {self.name!r}", name=self.name, obj=x)
        return found.__get__(x, kind) if hasattr(type(found), "__get__") else found

    def __set__(self, x: Any, value: Any) -> None:
        shown = _shown(x)
        if shown is not None and self.name in shown:
            shown[self.name] = value
            return
        found = self._of_classes(type(x))
        if hasattr(type(found), "__set__"):
            found.__set__(x, value)
        else:
            vars(x)[self.name] = value

    def __delete__(self, x: Any) -> None:
        found = self._of_classes(type(x))
        if hasattr(type(found), "__delete__"):
            found.__delete__(x)
        else:
            del vars(x)[self.name]


_DATA, _GRADIENT, _NUMBER = _Slot(Node, "_data"), _Slot(Tensor, "_grad"), _Slot(Value, "_grad")
_INSTALLED: list[Any] = []  # descriptors that stand in classes now: there are some while a thread records


@contextlib.contextmanager
def showing_stand_ins() -> Iterator[None]:
    """Within it, leaves and attributes show the recorder's placeholders in this thread."""
    with RECORDING:
        try:
            for slot in (_DATA, _GRADIENT, _NUMBER):
                _install(slot)
            yield
        finally:
            _uninstall()


def _install(descriptor: Any) -> None:
    _INSTALLED.append(descriptor)
    setattr(descriptor.owner, descriptor.name, descriptor)


def _uninstall() -> None:
    while _INSTALLED:
        descriptor = _INSTALLED.pop()
        if descriptor.before is _NOTHING:
            delattr(descriptor.owner, descriptor.name)
        else:
            setattr(descriptor.owner, descriptor.name, descriptor.before)


def show_attribute(x: Any, name: str, value: Any) -> None:
    """Show ``value`` as the attribute of ``x`` to this thread, which records."""
    recorder: Any = MODES.recorder
    kind = type(x)
    if not isinstance(vars(kind).get(name), _Attribute):
        _install(_Attribute(kind, name))
    recorder.shown.setdefault(id(x), {})[name] = value


def true_data(leaf: Any) -> Any:
    """The data that the leaf has for all other threads."""
    return _DATA.before.__get__(leaf)


def true_gradient(leaf: Any) -> Any:
    """The gradient that the leaf has for all other threads."""
    if isinstance(leaf, Value):
        return _NUMBER.before.__get__(leaf) if leaf.requires_grad else 0.0
    return _GRADIENT.before.__get__(leaf)


def gradient_of(leaf: Any) -> Any:
    """The gradient as this thread sees it, without a word to the recorder."""
    if leaf._grad.__class__ is tuple:  # lent by the backward pass
        leaf._grad = leaf._grad[0].copy()
    return leaf._grad


# --- a fork in the middle of a recording --------------------------------------------------------------------------


def _forget_other_threads() -> None:
    """In a child process the thread that recorded is gone: the classes get their own attributes back."""
    global RECORDING
    if MODES.recorder is not None:
        return
    RECORDING = threading.RLock()
    if _INSTALLED:
        _uninstall()
        WATCH.active = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)
