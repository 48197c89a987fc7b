"""`Optimizer`: the parameters, the state, and the step; a subclass adds its update rule.

A rule is written once, with Python's operators alone. It runs on the floats of Values, on the arrays of Tensors,
where ``p -= …`` writes in place, and on nodes, where it records.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.graph.modes import MODES, WATCH, not_while_compiling, notify
from tinygrad_edu.graph.node import Node, data_of
from tinygrad_edu.optim.parameters import groups_of, leaves_of
from tinygrad_edu.support.arguments import as_number, at_least_zero, shown
from tinygrad_edu.support.attributes import give_own_dict
from tinygrad_edu.support.calls import explain_init, explains_calls
from tinygrad_edu.support.interrupts import CtrlCWaits
from tinygrad_edu.support.state_dict import differences, problems_of, refuse, shape_of
from tinygrad_edu.value import Value


class Optimizer:
    """Base class of optimizers.

    Attributes
    ----------
    params : list of what it changes.
    lr : learning rate; may be assigned at any time, which is what schedulers do.
    maximize : whether steps go up the gradient, so that the loss grows.
    state : for each parameter, a dict of what the rule remembers; empty before the first step.

    Notes
    -----
    ``params`` may be a list of dicts, each with "params" and its own settings: see `param_groups`.

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
    numbers: ClassVar[tuple[str, ...]] = ("step",)  # entries that are one number for the whole parameter
    remark: ClassVar[str] = ""  # what the source of a compiled step says above the update
    betas: tuple[float, float]  # of `Adam` and its relatives
    cycled: tuple[str, ...]  # "beta1" or "momentum", which a schedule changes: inputs of a compiled step, as lr is

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        explain_init(cls)

    def __init__(self, params: Iterable[Any], lr: float, maximize: bool = False) -> None:
        params, self._given_groups = groups_of(params, type(self).__name__, self.hyperparameters)
        self.params = leaves_of(params, type(self).__name__)
        self._groups: list[Optimizer] = []
        self.cycled = ()
        self.lr = lr
        self.maximize = maximize
        self._take(self.params, [{} for _ in self.params])

    def _take(self, params: list[Any], state: list[dict[str, Any]]) -> None:
        """Take these parameters, with what is remembered of each."""
        vars(self).update(params=params, state=state)
        give_own_dict(self)
        pairs = list(zip(params, state, strict=True))
        self._values = [(p, state) for p, state in pairs if isinstance(p, Value)]
        self._tensors = [(p, state) for p, state in pairs if not isinstance(p, Value)]

    def _exchange(self, params: list[Any]) -> None:
        """Other parameters from now on; what is remembered of those that stay is kept."""
        if self._given_groups:
            raise ArgumentError(
                f"{type(self).__name__}: the parameters of groups cannot be exchanged: make a new optimizer"
            )
        known = {id(p): state for p, state in zip(self.params, self.state, strict=True)}
        self._take(params, [known.get(id(p), {}) for p in params])

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "lr" and not hasattr(value, "_recorder"):  # the placeholder of `compile`
            value = at_least_zero("lr", value)
            for group in self.__dict__.get("_groups", ()):
                group.lr = value * group._ratio
        elif name == "params" and "_tensors" in self.__dict__:
            self._exchange(leaves_of(value, type(self).__name__))
            return
        elif name == "learning_rate":
            raise ArgumentError(f"{type(self).__name__}: the learning rate is lr, write optimizer.lr = {shown(value)}")
        elif name in self.hyperparameters:
            for group in self.__dict__.get("_groups", ()):
                if name not in group._own:
                    setattr(group, name, value)
        super().__setattr__(name, value)

    @property
    def beta1(self) -> float:
        """The first of the ``betas``, of an optimizer that has them."""
        return self.betas[0]

    @beta1.setter
    def beta1(self, value: float) -> None:
        self.betas = (value, self.beta2)

    @property
    def beta2(self) -> float:
        """The second of the ``betas``."""
        return self.betas[1]

    # --- groups of parameters with settings of their own ---

    state: list[dict[str, Any]]  # what is remembered of each parameter
    _ratio = 1.0  # the group's rate over the optimizer's
    _own: Mapping[str, Any] = {}

    def _note_ratio(self, whole: "Optimizer") -> None:
        """Remember the rate of this group over the rate of the whole optimizer."""
        vars(self)["_ratio"] = self.lr / whole.lr if whole.lr else 1.0

    @property
    def groups(self) -> "list[Optimizer]":
        """One optimizer for each group of parameters; [] where all parameters have the same settings."""
        if self._given_groups and not self._groups:
            places = {id(p): i for i, p in enumerate(self.params)}
            for given in self._given_groups:
                group = copy.copy(self)
                own = {name: x for name, x in given.items() if name != "params"}
                at = [places[id(p)] for p in given["params"]]
                vars(group).update(_given_groups=[], _groups=[], _own=own)
                group._take([self.params[i] for i in at], [self.state[i] for i in at])
                for name, x in own.items():
                    setattr(group, name, x)
                group._note_ratio(self)
                self._groups.append(group)
        return self._groups

    @property
    def param_groups(self) -> "list[ParamGroup]":
        """The groups as PyTorch shows them: ``optimizer.param_groups[0]["lr"]`` reads a setting, and may be assigned.

        Examples
        --------
        >>> from tinygrad_edu import Value, optim
        >>> a, b = Value(1.0), Value(1.0)
        >>> optimizer = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.01}], lr=0.1)
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.01]
        >>> optimizer.lr = 0.2  # a group's own rate changes in proportion: schedules do this
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.2, 0.02]
        """
        return [ParamGroup(group, self) for group in self.groups or [self]]

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        """The new data of a parameter, from its data, its gradient, and what ``state`` remembers of it.

        It may write to ``p`` and to the arrays in ``state``, but never to ``g``.
        """
        raise NotImplementedError

    def step(self) -> None:
        """Change every parameter that has a gradient. Ctrl-C waits until all are changed."""
        if WATCH.active and MODES.recorder is not None:
            MODES.recorder.on_optimizer_step(self)
            return
        if WATCH.on_optimizer_step:
            notify("on_optimizer_step", self)
        with CtrlCWaits():
            if self._given_groups:
                for group in self.groups:
                    group._step()
            else:
                self._step()

    def signed_update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        """The result of `update`; with ``maximize``, the gradient has the other sign."""
        return self.update(p, -g if self.maximize else g, state)

    def _step(self) -> None:
        now, update = CLOCK.tick(), self.signed_update if self.maximize else self.update
        for tensor, state in self._tensors:
            g = tensor._grad
            if g is None:
                continue
            data = tensor._data
            if g.__class__ is not data.__class__:  # a Tensor, or an array that a compiled step lends
                g = data_of(tensor.grad)
            new = update(data, g, state)
            if new is data and tensor._checksum is None:
                tensor.stamp = now
            else:
                tensor.update(new, now)
        for value, state in self._values:
            if value.grad is None:
                continue
            value._data = as_number(update(value._data, as_number(value.grad), state))
            value.stamp = CLOCK.tick()  # after the write: nodes that read the old data are out of date

    @explains_calls
    def zero_grad(self) -> None:
        """Clear the gradients. Without this, ``backward()`` adds to them."""
        if WATCH.active:
            for tensor, _ in self._tensors:
                tensor.grad = None
        else:
            for tensor, _ in self._tensors:
                tensor._grad = None
        for value, _ in self._values:
            value.grad = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Settings and copies of what is remembered, as numbers and arrays that `tinygrad_edu.save` can write.

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
        settings = {path: getattr(owner, name) for path, (owner, name) in self._settings().items()}
        if self.maximize:
            settings["maximize"] = True
        remembered = {
            f"state.{i}.{name}": entry.copy() if hasattr(entry, "copy") else entry
            for i, state in enumerate(self.state)
            for name, entry in state.items()
        }
        return settings | remembered

    def _settings(self) -> "dict[str, tuple[Optimizer, str]]":
        """For each setting in the state, the group (or the optimizer) that has it, and its name there."""
        mine: dict[str, tuple[Optimizer, str]] = {name: (self, name) for name in self.hyperparameters}
        return mine | {
            f"group.{i}.{name}": (group, name) for i, group in enumerate(self.groups) for name in self.hyperparameters
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the settings and copies of what is remembered. Training then continues as it would have there.

        Raises
        ------
        StateDictError : entries are missing, surplus, or of another shape or kind. The error names each, and nothing
            has changed.
        """
        not_while_compiling("load_state_dict()")
        remembered: list[dict[str, Any]] = [{} for _ in self.params]
        known = {f"state.{i}.{name}": (i, name) for i in range(len(self.params)) for name in self.entries}
        used = {name for i, name in known.values() if f"state.{i}.{name}" in state}
        owners = self._settings()
        wanted = [*owners, *["maximize"] * ("maximize" in state)]
        for i in range(len(self.params)):  # after the first step, every parameter has the same entries
            names = [f"state.{i}.{name}" for name in self.entries if name in used]
            wanted += names if any(name in state for name in names) else []
        problems = differences(wanted, state)
        settings = {path: _plain(state[path]) for path in owners if path in state}
        for path, given in settings.items():
            now = getattr(*owners[path])
            if not _alike(given, now):
                problems.append(f"{path} must be a setting such as {now!r}, but is {shown(given)}")
        for path in known.keys() & state.keys():
            i, name = known[path]
            shape = () if name in self.numbers else shape_of(self.params[i])
            problems += problems_of(path, state[path], shape)
            remembered[i][name] = state[path]
        refuse(repr(self), problems)
        for path, given in settings.items():
            owner, name = owners[path]
            setattr(owner, name, given)
        self.maximize = bool(_plain(state.get("maximize", False)))
        for group in self.groups:
            group.maximize = self.maximize
            group._note_ratio(self)
        for mine, entries in zip(self.state, remembered, strict=True):
            mine.clear()
            mine.update({name: entry.copy() if shape_of(entry) else _plain(entry) for name, entry in entries.items()})

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.hyperparameters)
        settings += ", maximize=True" * self.maximize
        return f"{type(self).__name__}({settings}) of {len(self.params)} parameter{'s' * (len(self.params) != 1)}"


class ParamGroup(MutableMapping[str, Any]):
    """The parameters and the settings of one group, as a dict."""

    def __init__(self, group: Optimizer, whole: Optimizer) -> None:
        self.group = group
        self.whole = whole

    def __getitem__(self, name: str) -> Any:
        if name != "params" and name not in self.group.hyperparameters:
            raise KeyError(name)
        return getattr(self.group, name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.group.hyperparameters:
            raise ArgumentError(f"a group has no setting {name!r}: there are {', '.join(self.group.hyperparameters)}")
        setattr(self.group, name, value)
        if name == "lr" and self.group is not self.whole:
            self.group._note_ratio(self.whole)

    def __delitem__(self, name: str) -> None:
        raise ArgumentError(f"a group keeps its setting {name!r}: assign another value")

    def __iter__(self) -> Iterator[str]:
        return iter(("params", *self.group.hyperparameters))

    def __len__(self) -> int:
        return 1 + len(self.group.hyperparameters)


def running(state: dict[str, Any], name: str, share: float, new: Any) -> Any:
    """``average ← share · average + new``, where ``state`` keeps the average under a name.

    It starts as the number 0.0. The first ``new`` makes a new array of it, which later steps change in place, unless
    ``new`` has another precision, because the parameter got one: in place, a float32 average would stay one.
    """
    average = state.get(name, 0.0)
    if getattr(average, "dtype", None) != getattr(new, "dtype", None):
        average = average * share + new
    else:
        average *= share
        average += new
    state[name] = average
    return average


def sign(a: Any) -> Any:
    """-1, 0 or 1: of a number, or of each number in an array or a node."""
    if isinstance(a, float):
        return float(int(a > 0) - int(a < 0)) if a == a else a
    if isinstance(a, Node):
        return a.sign()
    import numpy as np

    return np.sign(a)


def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers, or of each pair in two arrays or nodes."""
    if isinstance(a, float) and isinstance(b, float):
        return a if a >= b or a != a else b
    import numpy as np

    return np.maximum(a, b)


def _alike(given: Any, mine: Any) -> bool:
    """Whether both are numbers, or tuples of equally many numbers."""
    if isinstance(mine, tuple):
        return isinstance(given, tuple) and len(given) == len(mine) and all(map(_alike, given, mine))
    return isinstance(given, int | float)


def _plain(entry: Any) -> Any:
    """A setting as it was before a file made an array of it: a number, a flag or a tuple of numbers."""
    plain = entry.tolist() if hasattr(entry, "tolist") else entry
    return tuple(plain) if isinstance(plain, list) else plain
