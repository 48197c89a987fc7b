"""`Optimizer`: the parameters, the state, and the step; a subclass adds its update rule.

A rule is written once, with Python's operators alone. It runs on the floats of Values, on the arrays of Tensors,
where ``p -= …`` writes in place, and on nodes, where it records.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.graph.modes import MODES, WATCH, not_while_compiling, notify
from tinygrad_edu.graph.node import Node
from tinygrad_edu.optim.parameters import leaves_of
from tinygrad_edu.support.arguments import as_number, at_least_zero, shown
from tinygrad_edu.support.state_dict import differences, problems_of, refuse, shape_of
from tinygrad_edu.value import Value


class Optimizer:
    """Base class of optimizers.

    Attributes
    ----------
    params : list of what it changes.
    lr : learning rate; may be assigned at any time, which is what schedulers do.
    state : for each parameter a dict of what the rule remembers of it, empty before its first step.

    Notes
    -----
    A subclass names its settings in ``hyperparameters`` and what it remembers in ``entries``, and defines `update`.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> class Shrinking(optim.Optimizer):
    ...     def update(self, p, g, state):
    ...         return (1 - self.lr) * p - self.lr * g
    >>> x = Value(1.0)
    >>> optimizer = Shrinking([x], lr=0.25)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x.data
    0.25
    """

    hyperparameters: ClassVar[tuple[str, ...]] = ("lr",)
    entries: ClassVar[tuple[str, ...]] = ()
    remark: ClassVar[str] = ""  # what the source of a compiled step says above the update

    def __init__(self, params: Iterable[Any], lr: float) -> None:
        self.params = leaves_of(params, type(self).__name__)
        self.lr = lr
        self.state: list[dict[str, Any]] = [{} for _ in self.params]
        pairs = list(zip(self.params, self.state, strict=True))
        self._values = [(p, state) for p, state in pairs if isinstance(p, Value)]
        self._tensors = [(p, state) for p, state in pairs if not isinstance(p, Value)]

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "lr" and not hasattr(value, "_recorder"):  # the stand-in of `compile`
            value = at_least_zero("lr", value)
        elif name == "learning_rate":
            raise ArgumentError(f"{type(self).__name__}: the learning rate is lr, write optimizer.lr = {shown(value)}")
        super().__setattr__(name, value)

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        """The new data of a parameter, from its data, its gradient, and what was remembered of it in ``state``.

        May write to ``p`` and to what ``state`` holds, never to ``g``.
        """
        raise NotImplementedError

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_optimizer_step(self)
            return
        if WATCH.active:
            notify("stepped", self)
        now, update = CLOCK.tick(), self.update
        for tensor, state in self._tensors:
            g = tensor._grad
            if g is None:
                continue
            if g.__class__ is tuple:  # lent by a compiled step
                g = tensor.grad
            data = tensor._data
            new = update(data, g._data if isinstance(g, Node) else g, state)
            if new is data and tensor._checksum is None:
                tensor.stamp = now
            else:
                tensor.update(new, now)
        for value, state in self._values:
            if value.grad is None:
                continue
            value._data = as_number(update(value._data, as_number(value.grad), state))
            value.stamp = CLOCK.tick()  # after the write: what was read before is out of date

    def zero_grad(self) -> None:
        """Forget the gradients, to which ``backward()`` would add."""
        if WATCH.active:
            for tensor, _ in self._tensors:
                tensor.grad = None
        else:
            for tensor, _ in self._tensors:
                tensor._grad = None
        for value, _ in self._values:
            value.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Settings and copies of what is remembered, as numbers and arrays: what `tinygrad_edu.save` writes.

        Examples
        --------
        >>> from tinygrad_edu import Tensor, optim
        >>> x = Tensor([3.0])
        >>> x.grad = [1.0]
        >>> optimizer = optim.Adagrad([x])
        >>> optimizer.step()
        >>> [name for name in optimizer.state_dict() if name.startswith("state")]
        ['state.0.step', 'state.0.sum']
        """
        not_while_compiling("state_dict()")
        settings = {name: getattr(self, name) for name in self.hyperparameters}
        remembered = {
            f"state.{i}.{name}": entry.copy() if hasattr(entry, "copy") else entry
            for i, state in enumerate(self.state)
            for name, entry in state.items()
        }
        return settings | remembered

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over settings and copies of what is remembered: training goes on as it would have there.

        Raises
        ------
        StateDictError
            Entries are missing, surplus or of another shape or kind. Each is named, and nothing has changed.
        """
        not_while_compiling("load_state_dict()")
        remembered: list[dict[str, Any]] = [{} for _ in self.params]
        known = {f"state.{i}.{name}": (i, name) for i in range(len(self.params)) for name in self.entries}
        used = {name for i, name in known.values() if f"state.{i}.{name}" in state}
        wanted = list(self.hyperparameters)
        for i in range(len(self.params)):  # what is remembered of one is remembered of all, but before the first step
            names = [f"state.{i}.{name}" for name in self.entries if name in used]
            wanted += names if any(name in state for name in names) else []
        problems = differences(wanted, state)
        settings = {name: _plain(state[name]) for name in self.hyperparameters if name in state}
        for name, given in settings.items():
            if not _alike(given, getattr(self, name)):
                problems.append(f"{name} must be a setting such as {getattr(self, name)!r}, but is {shown(given)}")
        for path in known.keys() & state.keys():
            i, name = known[path]
            shape = () if name == "step" else shape_of(self.params[i])
            problems += problems_of(path, state[path], shape)
            remembered[i][name] = state[path]
        refuse(repr(self), problems)
        for name, given in settings.items():
            setattr(self, name, given)
        for mine, entries in zip(self.state, remembered, strict=True):
            mine.clear()
            mine.update({name: entry.copy() if shape_of(entry) else _plain(entry) for name, entry in entries.items()})

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.hyperparameters)
        return f"{type(self).__name__}({settings}) of {len(self.params)} parameter{'s' * (len(self.params) != 1)}"


def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers, or of each pair in two arrays or nodes."""
    if isinstance(a, float):
        return a if a >= b or a != a else b
    import numpy as np

    return np.maximum(a, b)


def _alike(given: Any, mine: Any) -> bool:
    """Whether both are numbers, or as many of them."""
    if isinstance(mine, tuple):
        return isinstance(given, tuple) and len(given) == len(mine) and all(map(_alike, given, mine))
    return isinstance(given, int | float)


def _plain(entry: Any) -> Any:
    """A setting as it was: a number, a flag or a tuple of numbers, of the array that a file made of it."""
    plain = entry.tolist() if hasattr(entry, "tolist") else entry
    return tuple(plain) if isinstance(plain, list) else plain
