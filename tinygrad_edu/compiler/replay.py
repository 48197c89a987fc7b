"""`compile`: a function that records itself once for each form of its arguments, and then replays.

The first call with arguments of a form (shapes, dtypes, nesting) runs the function and records it. Later calls run the
program. Eight programs are kept, the least recently used goes first.
"""

import contextlib
import functools
import gc
import inspect
import threading
import time
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.compiler import optimize
from tinygrad_edu.compiler.errors import CompileError, RecordingError
from tinygrad_edu.compiler.frame import Outdated
from tinygrad_edu.compiler.guards import Guard
from tinygrad_edu.compiler.interpreter import commit
from tinygrad_edu.compiler.machine import Machine
from tinygrad_edu.compiler.names import Names, identifier, name_variables
from tinygrad_edu.compiler.outside import look_outside, outside_guards, put_back, refuse_side_effects
from tinygrad_edu.compiler.program import CALL, Line, Program, Returned, Var
from tinygrad_edu.compiler.randomness import Randomness
from tinygrad_edu.compiler.recorder import Recorder
from tinygrad_edu.compiler.source import as_file
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient
from tinygrad_edu.compiler.traced import Traced, users_line, value_of
from tinygrad_edu.graph import Node
from tinygrad_edu.modes import MODES, WATCH
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import is_differentiated
from tinygrad_edu.value import Value

CACHE = 8


class Compiled:
    """A compiled function: call it like the function itself.

    Attributes
    ----------
    source : the latest program as NumPy that a person would write.
    optimized_source : the same program as it is run.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._signature = inspect.signature(function)
        self._machines: OrderedDict[Any, Machine] = OrderedDict()
        self._latest: Machine | None = None
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if WATCH.active and MODES.anomaly and MODES.recorder is None:
            return _constants(self._function(*args, **keywords))  # node by node, so that the first culprit is named
        with self._lock:
            latest = self._latest
            if latest is not None and latest.plain and len(args) == len(latest.plain) and not keywords:
                try:
                    return latest.run(*args)
                except Outdated:
                    pass  # another form, or another state of the world
            if MODES.recorder is not None:
                raise RecordingError(
                    f"{self.__name__} is compiled, and was called while another function is being recorded "  # type: ignore[attr-defined]
                    f"({users_line()}): call the plain function there"
                )
            leaves: list[Any] = []
            key = _form(args, leaves)
            if keywords:
                key = (key, _form(keywords, leaves))
            if any(isinstance(x, Node) and is_differentiated(x) for x in leaves):
                raise RecordingError(
                    f"{self.__name__} is compiled, and what it returns has no gradient to give to grad, jacobian or "  # type: ignore[attr-defined]
                    "hessian: compile what these make of the plain function, as in compile(grad(f))"
                )
            machine = self._machines.get(key)
            if machine is not None:
                try:
                    result = machine.run(*leaves)
                except Outdated:
                    pass
                else:
                    if machine is not self._latest:
                        self._machines.move_to_end(key)
                        self._latest = machine
                    return result
            return self._record(key, leaves, args, keywords)

    def _record(self, key: Any, leaves: list[Any], args: Any, keywords: Any) -> Any:
        with _collector_at_rest():
            machine, result = record(self._function, self._signature, leaves, args, keywords)
        self._machines[key] = self._latest = machine
        self._machines.move_to_end(key)
        if len(self._machines) > CACHE:
            self._machines.popitem(last=False)
        return result

    def _current(self) -> Machine:
        if self._latest is None:
            raise CompileError(
                f"{self.__name__} has no source before its first call: call it once with arguments"  # type: ignore[attr-defined]
            )
        return self._latest

    @property
    def source(self) -> str:
        """The latest program as a person would write it: paste it into a file, and it runs."""
        return self._current().readable.text()

    @property
    def optimized_source(self) -> str:
        """The latest program as it is run: into arrays that were allocated beforehand."""
        return self._current().text

    @property
    def program(self) -> Program:
        """The latest program as data: its lines, and what they read and write."""
        return self._current().readable.program

    @property
    def listing(self) -> list[tuple[str, Line | None]]:
        """The body of `source`, line by line, each with the line of `program` that it prints: what a view shows."""
        return list(self._current().readable.rows)

    def save_source(self, path: str | Path) -> None:
        """Write `source` with inputs and a main: a file that needs NumPy alone.

        The arguments are those of the call that was recorded; parameters and states are what they are now.
        """
        machine = self._current()
        text = as_file(machine.readable, machine.input_values())
        Path(path).write_text(text, encoding="utf-8")

    def __repr__(self) -> str:
        return f"<compiled {self.__name__}, {len(self._machines)} programs>"  # type: ignore[attr-defined]

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else types.MethodType(self, instance)


def compile(function: Callable[..., Any]) -> Compiled:  # noqa: A001 the contract's name
    """Make a function that runs as straight-line NumPy, recorded at its first call.

    Parameters
    ----------
    function : of arrays, Tensors, Values, floats, and tuples, lists and dicts of them. It may run backward passes and
        optimizer steps. Everything else among its arguments (integers, strings, flags) belongs to the form of the call:
        another value records another program.

    Returns
    -------
    A function with the same results, and with `Compiled.source`, `Compiled.optimized_source` and
    `Compiled.save_source`. Tensors and Values that it returns are constants. Within `detect_anomaly` the plain
    function runs, so that the operation at fault is named.

    Raises
    ------
    RecordingError : the function branches on a number, keeps one outside of itself, or returns nothing computed.
    ReplayError : a line of the program failed.

    Examples
    --------
    >>> import numpy as np
    >>> @compile
    ... def slope(x):
    ...     return np.tanh(x) * 2
    >>> slope(np.zeros(3)), slope(np.ones(3)).round(3)
    (array([0., 0., 0.]), array([1.523, 1.523, 1.523]))
    >>> print(slope.source)  # doctest: +ELLIPSIS
    import numpy as np
    ...
    """
    if not callable(function) or isinstance(function, type):
        raise CompileError(f"compile takes a function, but was given {function!r}")
    return Compiled(function)


def _constants(tree: Any) -> Any:
    """The results as a replay would give them: without their graph."""
    if type(tree) in (tuple, list):
        return type(tree)([_constants(part) for part in tree])
    if type(tree) is dict:
        return {key: _constants(part) for key, part in tree.items()}
    if isinstance(tree, Tensor):
        return Tensor(tree.data, requires_grad=False)
    return Value(tree.data) if isinstance(tree, Value) else tree


# --- the form of a call -----------------------------------------------------------------------------------------


def _form(tree: Any, leaves: list[Any]) -> Any:
    """What a program is recorded for: the nesting, shapes and dtypes; the numbers themselves go to ``leaves``."""
    kind = tree.__class__
    if kind is np.ndarray:
        leaves.append(tree)
        return tree.shape, tree.dtype.str
    if kind is tuple or kind is list:
        return kind, *[_form(part, leaves) for part in tree]
    if kind is float:
        leaves.append(tree)
        return float
    if kind is dict:
        return dict, *[(key, _form(part, leaves)) for key, part in tree.items()]
    if isinstance(tree, Tensor):
        leaves.append(tree)
        return "Tensor", tree.shape, tree.dtype.char, tree.requires_grad
    if isinstance(tree, Value | np.ndarray | np.generic):
        leaves.append(tree)
        data: Any = tree._data if isinstance(tree, Value) else tree
        return kind.__name__, np.shape(data), getattr(data, "dtype", None)
    try:
        hash(tree)
    except TypeError:
        raise RecordingError(
            f"a compiled function takes arrays, Tensors, Values, numbers, and tuples, lists and dicts of them, but was "
            f"given {kind.__name__}: pass the arrays that it holds"
        ) from None
    return "constant", kind, tree


def _stand_in(recorder: Recorder, source: Argument, x: Any) -> Any:
    """What the function sees in place of an argument."""
    hint = "_".join(map(str, (source.name, *source.path)))
    if isinstance(x, Tensor):
        traced = recorder.input(source, x._data, hint)
        return Tensor(traced, requires_grad=x.requires_grad, label=x.label)
    if isinstance(x, Value):
        value = Value(0.0, x.label)
        value._data = recorder.input(source, x._data, hint)
        recorder.born[id(value)] = value
        return value
    return recorder.input(source, x, hint)


def _arguments(recorder: Recorder, tree: Any, source: Argument, order: list[tuple[Argument, Any, Any]]) -> Any:
    """The tree with stand-ins; ``order`` notes them as `_form` meets the leaves."""
    if type(tree) in (tuple, list):
        return type(tree)([_arguments(recorder, x, source.at(i), order) for i, x in enumerate(tree)])
    if type(tree) is dict:
        return {k: _arguments(recorder, x, source.at(k), order) for k, x in tree.items()}
    if isinstance(tree, np.ndarray | np.generic | Node) or tree.__class__ is float:
        stand_in = _stand_in(recorder, source, tree)
        order.append((source, tree, stand_in))
        return stand_in
    return tree


def _objects(tree: Any) -> Iterator[Any]:
    """Arguments that belong to the form of a call."""
    if type(tree) in (tuple, list):
        for part in tree:
            yield from _objects(part)
    elif type(tree) is dict:
        yield from _objects(tuple(tree.values()))
    elif not isinstance(tree, np.ndarray | np.generic | Node):
        yield tree


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """A recording only ever makes objects: to look through all of them again and again would take half of its time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


# --- recording ----------------------------------------------------------------------------------------------------


def record(
    function: Callable[..., Any], signature: inspect.Signature, leaves: list[Any], args: Any, keywords: Any
) -> tuple[Machine, Any]:
    """Run the function once; its program, ready to be run again, and its result."""
    found, words = look_outside(function, [*_objects((args, keywords))])
    recorder = Recorder(Randomness(found, words))
    order: list[tuple[Argument, Any, Any]] = []
    argument_names = _argument_names(signature, len(args))
    with recorder.active():
        try:
            call = [
                _arguments(recorder, x, Argument(name), order) for name, x in zip(argument_names, args, strict=False)
            ]
            more = {k: _arguments(recorder, x, Argument(k), order) for k, x in keywords.items()}
            with recorder.noting, recorder.noting.locals_of(function) as local:
                result = function(*call, **more)
            returned, first = _returned(recorder, result)
            gradients = [
                (ArgumentGradient(i), stand_in.grad)
                for i, (_, given, stand_in) in enumerate(order)
                if isinstance(given, Node) and stand_in.operation is None and _has_gradient(stand_in)
            ]
        finally:
            writes = recorder.restore()
    writes += gradients
    left = [(source, _variable(recorder, x), _value(x)) for source, x in writes]
    named = {recorder._operand(x): name for name, x in _traced_locals(local)}
    program = Program(
        identifier(getattr(function, "__name__", "").replace("<lambda>", "")) or "f",
        recorder.inputs,
        recorder.lines,
        [(source, var) for source, var, _ in left],
        returned,
    )
    recorder.randomness.refuse_missed(program.name)
    if not program.outputs():
        raise RecordingError(
            f"{program.name} returned nothing that is computed from its arguments or parameters, so there is nothing "
            "to compile: return the result"
        )
    guards = [*recorder.flags, *outside_guards(found, recorder.lines, {*recorder.attributes})]
    guards = [*{(id(guard.owner), guard.name): guard for guard in guards}.values()]  # each once
    program = optimize.without_dead_code(optimize.simplified(program))
    del result, writes, call, more, gradients, local
    order = [(source, given, None) for source, given, _ in order]
    nodes = {i for i, (_, given, _) in enumerate(order) if isinstance(given, Node)}
    all_plain = not keywords and all(x.__class__ is np.ndarray for x in args)
    plain = [(x.shape, x.dtype) for x in args] if all_plain else []

    def names() -> Names:
        return name_variables(recorder, program, named)

    refuse_side_effects(found, program.name)
    _refuse_what_is_kept(recorder, names, found)
    for source, value in recorder.started:
        source.set(value)
    machine = Machine(
        program,
        names,
        [source for source, _, _ in order],
        guards,
        recorder.owners,
        plain,
        nodes,
        [_value(given) for _, given, _ in order],
    )
    commit(left, leaves)
    return machine, first


def _has_gradient(x: Any) -> bool:
    return x.grad is not None and not (isinstance(x.grad, float) and x.grad == 0.0)


def _argument_names(signature: inspect.Signature, count: int) -> list[str]:
    names: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}_{i}" for i in range(count - len(names))]
        elif parameter.kind is not parameter.VAR_KEYWORD:
            names.append(parameter.name)
    return names + [f"argument_{i}" for i in range(len(names), count)]


def _variable(recorder: Recorder, x: Any) -> Var | None:
    """The variable behind what the function left somewhere."""
    data = x._data if isinstance(x, Node) else x
    if data is None:
        return None
    if isinstance(data, Traced) and data._var is not None:
        return recorder._operand(data)  # type: ignore[no-any-return]
    return recorder.emit(CALL, np.array, (value_of(data),), {}, np.array(value_of(data)))._var


def _value(x: Any) -> Any:
    value = value_of(x._data if isinstance(x, Node) else x)
    return value.copy() if isinstance(value, np.ndarray) else value


def _returned(recorder: Recorder, result: Any) -> tuple[Any, Any]:
    """The result as a tree of variables, and the result of this call."""
    if type(result) in (tuple, list):
        parts = [_returned(recorder, x) for x in result]
        return type(result)([p for p, _ in parts]), type(result)([v for _, v in parts])
    if type(result) is dict:
        pairs = {key: _returned(recorder, x) for key, x in result.items()}
        return {key: p for key, (p, _) in pairs.items()}, {key: v for key, (_, v) in pairs.items()}
    data = recorder.data(result) if isinstance(result, Node) else result
    if not isinstance(data, Traced):
        return result, result
    var, value = _variable(recorder, data), _value(data)
    if isinstance(result, Tensor):
        return Returned(var, "Tensor"), Tensor(value, requires_grad=False)
    if isinstance(result, Value):
        return Returned(var, "Value"), Value(value)
    return Returned(var, "plain"), value


def _refuse_what_is_kept(recorder: Recorder, names: Callable[[], Names], found: Sequence[Guard]) -> None:
    """Nothing of the recorded call may live on: it would be that call's number for ever."""
    recorder.forget()
    kept = recorder.kept()
    for patience in range(50):
        if not kept:
            break
        if patience:
            time.sleep(0.001)  # another thread may be at work with a leaf
        gc.collect()  # a graph of recorded gradients has cycles
        kept = recorder.kept()
        if threading.active_count() == 1:
            break
    if kept:
        put_back(found)
        known = names().of
        what = next((known[x._var] for x in reversed(kept) if x._var in known), "a value")
        raise RecordingError(
            f"the function keeps {what} outside of itself (in a list, an attribute or a global variable), which a "
            "replay would not do: return it, and store it where the function is called"
        )


def _traced_locals(local: dict[str, Any]) -> Iterator[tuple[str, Traced]]:
    for name, x in local.items():
        data = x._data if isinstance(x, Node) else x
        if isinstance(data, Traced) and data._var is not None:
            yield name, data
