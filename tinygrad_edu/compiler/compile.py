"""`compile`: a function that records itself once for each form of its arguments, and then replays.

The first call with arguments of a form (shapes, dtypes, nesting) runs the function and records it. Later calls run the
program. Eight programs are kept, the least recently used goes first.
"""

import contextlib
import functools
import gc
import inspect
import threading
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError, DisturbedError, RecordingError
from tinygrad_edu.compiler.program import Line, Program
from tinygrad_edu.compiler.record.traced import users_line
from tinygrad_edu.compiler.recording import record
from tinygrad_edu.compiler.run.frame import Outdated
from tinygrad_edu.compiler.run.in_jax import JaxFunction
from tinygrad_edu.compiler.run.machine import Machine
from tinygrad_edu.compiler.write.source import as_file
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import Node, is_differentiated
from tinygrad_edu.javascript.emit import Script
from tinygrad_edu.support.files import write
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value

CACHE = 8
ATTEMPTS = 10  # to record a function, while other threads change what it reads


class Compiled:
    """A compiled function: call it like the function itself.

    Attributes
    ----------
    source : the latest program as NumPy that a person would write.
    javascript : the same program as a module of JavaScript, for a page.
    optimized_source : the same program as it is run.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._signature = inspect.signature(function)
        self._machines: OrderedDict[Any, Machine] = OrderedDict()
        self._latest: Machine | None = None
        self._quiet = False  # whether the latest was recorded within `no_grad`
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if WATCH.active and MODES.anomaly and MODES.recorder is None:
            return _constants(self._function(*args, **keywords))  # node by node, so that the first culprit is named
        with self._lock:
            latest, quiet = self._latest, MODES.no_grad > 0
            if (
                latest is not None
                and quiet is self._quiet
                and latest.plain
                and len(args) == len(latest.plain)
                and not keywords
            ):
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
            key: Any = quiet, _form(args, leaves)
            if keywords:
                key = (*key, _form(keywords, leaves))
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
                        self._latest, self._quiet = machine, quiet
                    return result
            return self._record(key, leaves, args, keywords)

    def _record(self, key: Any, leaves: list[Any], args: Any, keywords: Any) -> Any:
        for patience in reversed(range(ATTEMPTS)):
            try:
                with gc_paused():
                    machine, result = record(self._function, self._signature, leaves, args, keywords)
                break
            except DisturbedError:
                if not patience:
                    raise
        self._machines[key] = self._latest = machine
        self._quiet = key[0]
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
    def javascript(self) -> str:
        """The latest program as a module of JavaScript, which a page can import.

        It exports the function, with a state in front of its arguments (``step(state, X, y)``), and ``initialState()``:
        the parameters and what the optimizers remember, as they are now. Arguments must have the recorded shapes.

        Raises
        ------
        CompileError : a line calls a function that has no JavaScript. The message names it and the user's line.
        """
        return self._script().module()

    def _script(self) -> Script:
        machine = self._current()
        readable = machine.readable
        return Script(readable.program, readable.names.of, machine.signature.arguments, machine.input_values())

    def to_jax(self) -> JaxFunction:
        """The latest program as a pure function of JAX: ``(params, state, *args) -> (params, state, result)``.

        ``params`` and ``state`` are dicts, which it gives anew; at first they are its attributes. Its ``source`` is
        text that stands alone. Use it with ``jax.jit``, ``jax.lax.scan``, ``jax.vmap`` and shardings: this is the way
        to a GPU and to several machines. ``restore(params, state)`` writes what was learned back to the net and the
        optimizer.

        The program is the one that was recorded: for these shapes, in this mode. Arrays inside of tuples, lists and
        dicts are arguments one by one.

        Raises
        ------
        CompileError : the function was not called before, it draws random numbers, it computes in float64 while JAX
            does not, or it calls what `jax.numpy` does not have. The message names it and the user's line.

        Examples
        --------
        >>> import jax
        >>> from tinygrad_edu import Tensor, optim
        >>> w = Tensor(np.zeros(2, np.float32), label="w")
        >>> optimizer = optim.SGD([w], lr=0.5)
        >>> @compile
        ... def step(x):
        ...     loss = ((w - x) ** 2).sum()
        ...     optimizer.zero_grad()
        ...     loss.backward()
        ...     optimizer.step()
        ...     return loss
        >>> x = np.array([1.0, 2.0], np.float32)
        >>> loss = step(x)
        >>> step_in_jax = step.to_jax()
        >>> params, state, loss = jax.jit(step_in_jax)(step_in_jax.params, step_in_jax.state, x)
        >>> params["w"].tolist()
        [1.0, 2.0]
        """
        machine = self._current()
        readable = machine.readable
        return JaxFunction(readable.program, readable.names, machine.signature.arguments)

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
        write(path, as_file(machine.readable, machine.input_values()).encode())

    def __reduce__(self) -> Any:
        return Compiled, (self._function,)  # a copy makes its own recordings

    def __repr__(self) -> str:
        count = len(self._machines)
        programs = "1 program" if count == 1 else f"{count} programs"
        return f"<compiled {self.__name__}, {programs}>"  # type: ignore[attr-defined]

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
    RecordingError : the function branches on a number, keeps or changes one outside of itself, draws random numbers
        of its own, or returns nothing computed.
    ReplayError : a line of the program failed.

    Notes
    -----
    What the function reads outside of itself (global variables, closures, attributes, lists, modules, and what the
    functions that it calls read of these) is looked at at every call; where it has changed, the function is recorded
    anew. What else it asks for, such as the time or a file, it is told at the recorded call alone, and what it prints,
    it prints there. Dropout draws its numbers anew at every call.

    One gap is known: an array outside that the program reads is followed where it is read, but not what plain NumPy
    made of it besides. With ``x * W + x * (W * 2)`` a write into W reaches the first term alone: pass such an array as
    an argument.

    A Tensor or Value that is passed as an argument collects its gradient, and keeps its data: parameters that the
    function changes are reached by it from outside.

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


# --- the form of a call ----------------------------------------------------------------------------------------------


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
        return "Tensor", tree.shape, tree.dtype.char, tree.requires_grad, tree._grad is None
    if isinstance(tree, Value):
        leaves.append(tree)
        return kind, tree.grad.__class__ is float and tree.grad == 0
    if isinstance(tree, np.ndarray | np.generic):
        leaves.append(tree)
        return kind.__name__, tree.shape, tree.dtype
    try:
        hash(tree)
    except TypeError:
        raise RecordingError(
            f"a compiled function takes arrays, Tensors, Values, numbers, and tuples, lists and dicts of them, but was "
            f"given {kind.__name__}: pass the arrays that it holds"
        ) from None
    return "constant", kind, tree


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """A recording only ever makes objects: to look through all of them again and again would take half of its time."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
