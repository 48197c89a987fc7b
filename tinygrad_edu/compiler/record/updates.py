"""Recording an optimizer's step: its update rule runs on traced arrays, once for each parameter.

What the rule remembers of a parameter is an input of every run, already at the first step: an entry that does not exist
yet starts as what the rule takes in its place. So one program serves all steps. Settings such as β₁ keep their names
in the program that people read; what is run has their numbers in it.
"""

import contextlib
from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from tinygrad_edu.compiler.guards import ABSENT, Guard, SameAs
from tinygrad_edu.compiler.record.traced import Traced, is_variable, value_of
from tinygrad_edu.compiler.sources import Attribute, Setting
from tinygrad_edu.graph.node import Node

Recorder = Any  # `recorder.Recorder`, which imports this module


class Memory(MutableMapping[str, Any]):
    """What an optimizer remembers of one parameter, as its rule sees it while it is recorded."""

    def __init__(self, recorder: Recorder, optimizer: Any, state: dict[str, Any], like: Any) -> None:
        self.recorder = recorder
        self.optimizer = optimizer
        self.state = state
        self.shown = recorder.shadow(state)
        self.like = value_of(like)
        self.known = {name: self._fetched(name, value) for name, value in [*self.shown.items()]}

    def _fetched(self, name: str, value: Any) -> Any:
        """The entry as an input of every run; of equal numbers, such as step counts, one is enough."""
        recorder, here = self.recorder, (id(self.state), name)
        if here in recorder.attributes:
            return self.shown[name]
        everywhere = id(self.optimizer), name
        counts = value.__class__ is float and (name in self.optimizer.numbers or isinstance(self.like, np.ndarray))
        state, twin = recorder.shared_counters.get(everywhere, (None, None))
        if counts and state is not None and value_of(twin) == value:
            recorder.flags.append(Guard(self.state, name, SameAs(state, name)))
            recorder.attributes[here] = Attribute(self.state, name), value, twin
            self.shown[name] = twin
            return twin
        self.shown[name] = value
        traced = recorder.setting(self.state, name)
        if counts:
            recorder.shared_counters.setdefault(everywhere, (self.state, traced))
        return traced

    def get(self, name: str, default: Any = None) -> Any:
        """The entry; one that the rule has not made yet is made of ``default``."""
        if name in self.shown:
            return self.shown[name]
        if isinstance(default, Traced) and default.variable in self.recorder.constants | self.recorder.inputs.keys():
            default = default.value  # a setting, as it is when the entry is made
        if name not in self.optimizer.entries or default.__class__ is not float:
            self._miss(name)
            return default
        whole = isinstance(self.like, np.ndarray) and name not in self.optimizer.numbers
        start = np.full_like(self.like, default) if whole else default
        self.recorder.started.append((Attribute(self.state, name), start))
        self.known[name] = self._fetched(name, start)
        return self.known[name]

    def _ask(self) -> None:
        """The rule wants to know what is there: where there is more, it is another program."""
        for name in self.optimizer.entries:
            if name not in self.state:
                self._miss(name)
        if not self.known:
            self.recorder.flags.append(Guard(self.state, "", False))

    def _miss(self, name: str) -> None:
        """The rule asks for an entry that is not there: once it is, it is another program."""
        self.recorder.flags.append(Guard(self.state, name, ABSENT))

    def __getitem__(self, name: str) -> Any:
        if name not in self.shown:
            self._miss(name)
        return self.shown[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.shown[name] = value

    def __delitem__(self, name: str) -> None:
        del self.shown[name]

    def __iter__(self) -> Iterator[str]:
        self._ask()
        return iter(self.shown)

    def __len__(self) -> int:
        self._ask()
        return len(self.shown)


def record_step(recorder: Recorder, optimizer: Any) -> None:
    """What `Optimizer.step` does, line by line."""
    for group in optimizer.groups:
        record_step(recorder, group)
    states = vars(optimizer)["state"]
    recorder.show(optimizer, "state", [*map(recorder.shadow, states)])
    if optimizer.groups:
        return
    for name in ("lr", *optimizer.cycled):
        recorder.setting(optimizer, name)
    fixed = [name for name in optimizer.hyperparameters if name not in ("lr", *optimizer.cycled)]
    guarded = ["beta2" if name == "betas" and "beta1" in optimizer.cycled else name for name in fixed]
    for name in ("maximize", "cycled", "params", *guarded):
        recorder.flags.append(Guard(optimizer, name, getattr(optimizer, name)))
    with recorder.sharing_numbers(), _settings(recorder, optimizer, fixed):
        for p, state in zip(optimizer.params, states, strict=True):
            recorder.owners[id(state)] = p
            data = recorder.data(p)
            g = p.grad.raw if isinstance(p.grad, Node) else p.grad
            if g is not None:
                _update(recorder, optimizer, p, data, g, state)


def _update(recorder: Recorder, optimizer: Any, p: Any, data: Any, g: Any, state: dict[str, Any]) -> None:
    memory = Memory(recorder, optimizer, state, data)
    recorder.remembered[id(state)] = state
    with recorder.operation("update"), recorder.local_names.locals_of(*_methods(optimizer)) as local:
        p._data = optimizer.signed_update(data, g, memory)
    own: Any = recorder.leaves[id(p)][3].variable
    new = p.raw.variable if isinstance(p.raw, Traced) else None
    recorder.overwrites(p, data)
    for name, x in local.items():
        if isinstance(x, Traced) and x.variable not in (None, own, new) and x.variable not in recorder.inputs:
            recorder.words.setdefault(x.variable, (name, []))[1].append(own)
    if new is not None:
        recorder.words[new] = "new", [own]
    for name, old in memory.known.items():
        new = memory.shown.get(name)
        if is_variable(old) and is_variable(new):
            recorder.replacements[new.variable] = old.variable


def _methods(optimizer: Any) -> list[Any]:
    """The functions in which an update rule may be written."""
    kind = type(optimizer)
    return [x for base in kind.__mro__ if hasattr(base, "hyperparameters") for x in vars(base).values() if callable(x)]


@contextlib.contextmanager
def _settings(recorder: Recorder, optimizer: Any, names: list[str]) -> Iterator[None]:
    """While it lasts, the optimizer's settings are numbers with names."""
    kept = {name: getattr(optimizer, name) for name in names}
    for name, value in kept.items():
        if isinstance(value, tuple):
            one = name.removesuffix("s")
            named = [_named(recorder, optimizer, f"{one}{i}", x) for i, x in enumerate(value, 1)]
            recorder.show(optimizer, name, tuple(named))
        else:
            recorder.show(optimizer, name, _named(recorder, optimizer, name, value))
    yield
    for name, value in kept.items():
        recorder.show(optimizer, name, value)


def _named(recorder: Recorder, optimizer: Any, name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, float | int):
        return value
    source = Setting(optimizer, name, value)
    for var, known in recorder.inputs.items():
        if known == source:
            return Traced(recorder, var, value)
    traced = recorder.input(source, value, name)
    recorder.constants.add(traced.variable)
    return traced
