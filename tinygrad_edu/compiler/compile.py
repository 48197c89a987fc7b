"""`compile`: a function that records itself once for each form of its arguments, and then replays.

The first call with arguments of a form (shapes, dtypes, nesting) runs the function and records it. Later calls run the
program. Eight programs are kept; the one that was not used for longest is dropped first.
"""

import contextlib
import functools
import gc
import inspect
import threading
import types
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, overload

import numpy as np

from tinygrad_edu.compiler.checks import Quantity, State, first_difference, quantities, rounding_moves
from tinygrad_edu.compiler.errors import CompileError, CompileWarning, DisturbedError, RecordingError
from tinygrad_edu.compiler.form import form_of
from tinygrad_edu.compiler.program import Line, Program, Var, mapped
from tinygrad_edu.compiler.record.outside import GRADIENT, Fixed
from tinygrad_edu.compiler.recording import record
from tinygrad_edu.compiler.run.frame import Outdated
from tinygrad_edu.compiler.run.in_jax import JaxFunction
from tinygrad_edu.compiler.run.interpreter import computed_for_view
from tinygrad_edu.compiler.run.machine import Machine
from tinygrad_edu.compiler.write.source import Readable, as_file
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import Node, is_differentiated
from tinygrad_edu.javascript.emit import Script
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.files import write
from tinygrad_edu.support.users_code import users_level
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value

KEPT = 8  # programs
PATIENCE = 5  # recordings one after another, without a replay between them
ATTEMPTS = 10  # to record a function, while other threads change what it reads


class Compiled:
    """A compiled function: call it like the function itself.

    Attributes
    ----------
    source : the latest program as NumPy that a person would write.
    javascript : the same program as a module of JavaScript, for a page.
    optimized_source : the same program as it is run.
    fixed : what the function read outside of its arguments, and the latest program has as constants.
    """

    def __init__(self, function: Callable[..., Any], verify: str = "first", keep: int = KEPT) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._signature = inspect.signature(function)
        self._verify = verify
        self._keep = keep
        self._machines: OrderedDict[Any, Machine] = OrderedDict()
        self._latest: Machine | None = None
        self._quick: Machine | None = None  # the latest, if it was verified and takes nothing but arrays
        self._quiet = False  # whether the latest was recorded within `no_grad`
        self._recorded_in_a_row = 0
        self._warned = False
        self._lock = threading.RLock()

    def __call__(self, /, *args: Any, **keywords: Any) -> Any:
        if WATCH.active:
            if MODES.recorder is not None or _EAGER.depth:
                return self._function(*args, **keywords)  # part of the function that is recorded or compared
            if MODES.anomaly:
                return _constants(self._function(*args, **keywords))  # node by node, to name the first that is wrong
        with self._lock:
            quick, quiet = self._quick, MODES.no_grad > 0
            if quick is not None and quiet is self._quiet and len(args) == len(quick.plain) and not keywords:
                try:  # `contextlib.suppress` would take as long as a guard
                    return quick.run(*args)
                except Outdated:  # another form, or another state of the world
                    pass
            return self._called(args, keywords, quiet)

    def _called(self, args: Any, keywords: Any, quiet: bool) -> Any:
        leaves: list[Any] = []
        key: Any = quiet, form_of(args, leaves)
        if keywords:
            key = (*key, form_of(keywords, leaves))
        if any(isinstance(x, Node) and is_differentiated(x) for x in leaves):
            raise RecordingError(
                f"{self._name} is compiled, and what it returns has no gradient to give to grad, jacobian or "
                "hessian: compile what these make of the plain function, as in compile(grad(f))"
            )
        machine = self._machines.get(key)
        if machine is None:
            return self._record(key, leaves, args, keywords)
        try:
            if self._is_trusted(machine) and not machine.eager:
                result = machine.run(*leaves)
            elif machine.is_outdated():
                raise Outdated
            elif machine.eager:
                result = _constants(self._function(*args, **keywords))
            else:
                result = self._compared(key, machine, leaves, args, keywords)
        except Outdated:
            return self._record(key, leaves, args, keywords, machine)
        self._recorded_in_a_row = 0
        if machine is not self._latest and key in self._machines:
            self._machines.move_to_end(key)
            self._latest, self._quiet = machine, quiet
        self._quick = machine if machine.plain and self._is_trusted(machine) else None
        return result

    def _is_trusted(self, machine: Machine) -> bool:
        """Whether the program runs without a comparison with the function."""
        return machine.verified or self._verify == "never"

    @property
    def _name(self) -> str:
        return self.__name__  # type: ignore[attr-defined]

    def _record(self, key: Any, leaves: list[Any], args: Any, keywords: Any, before: Machine | None = None) -> Any:
        self._warn_of_recording(before)
        for patience in reversed(range(ATTEMPTS)):
            try:
                with gc_paused():
                    machine, result = record(self._function, self._signature, leaves, args, keywords)
                break
            except DisturbedError:
                if not patience:
                    raise
        self._machines[key] = self._latest = machine
        self._quiet, self._quick = key[0], None
        self._machines.move_to_end(key)
        if len(self._machines) > self._keep:
            self._warn(
                f"was called with {len(self._machines)} kinds of arguments (shapes, types, constants), and keeps "
                f"{self._keep} programs: the oldest is dropped, and is recorded again when it is needed. Pass keep=… "
                "to compile, or call it with fewer kinds"
            )
            self._machines.popitem(last=False)
        return result

    def _warn_of_recording(self, before: Machine | None) -> None:
        """One warning, if nothing but recordings happens."""
        if before is None:
            return
        self._recorded_in_a_row += 1
        if self._recorded_in_a_row >= PATIENCE:
            what = next(
                (guard.called or str(guard.name) for guard in before.guards if guard.has_changed()), "its state"
            )
            self._warn(
                f"was recorded again at each of its last {PATIENCE} calls, because {what} changed, and a recording "
                "takes much longer than a run: pass it as an argument"
            )

    def _warn(self, what: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(f"{self._name} {what}", CompileWarning, stacklevel=users_level())

    def _compared(self, key: Any, machine: Machine, leaves: list[Any], args: Any, keywords: Any) -> Any:
        """Run the function and then the program, both from the same state; they must give the same."""
        before = State(machine.changeable, leaves, machine.generators)
        try:
            with _run_eagerly():
                given = _constants(self._function(*args, **keywords))
        except BaseException:
            before.restore()
            raise
        after = State(machine.changeable, leaves, machine.generators)
        before.restore()
        try:
            result = machine.run(*leaves)
        except Outdated:  # the function itself changes what the program is recorded for
            after.restore()
            del self._machines[key]
            self._latest = machine
            return given
        except BaseException:
            after.restore()
            raise
        program = machine.recorded_program
        found = State(machine.changeable, leaves, machine.generators)
        wrong = first_difference(
            [*quantities(program, given, after), *_generators(after)],
            [*quantities(program, result, found), *_generators(found)],
            lambda: rounding_moves(program, machine.signature.arguments, before),
        )
        if wrong is None:
            found.restore()  # after the runs that tell rounding from a fault
            machine.verified = self._verify != "always"
            return result
        after.restore()
        self._forget(machine)
        fixed = ", ".join(what.words() for what in machine.fixed) or "nothing that it names"
        raise CompileError(
            f"{self._name} gives other numbers when it is run again than its program does: {wrong.words()}. Something "
            "that it reads changes from call to call, and is fixed in the program: pass it as an argument. It read "
            f"{fixed}. The numbers of the function itself were kept"
        )

    def _forget(self, machine: Machine) -> None:
        self._machines = OrderedDict((k, m) for k, m in self._machines.items() if m is not machine)
        self._quick = None

    def _current(self) -> Machine:
        if self._latest is None:
            raise CompileError(f"{self._name} has no source before its first call: call it once with arguments")
        return self._latest

    def _exported(self, what: str) -> Machine:
        """The latest program, if it does the same again and again in another language."""
        machine = self._current()
        missing = ", ".join(fixed.name for fixed in machine.fixed if fixed.place == GRADIENT)
        if missing:
            raise CompileError(
                f"{what}: the function adds to {missing}, and there was no gradient yet when the latest program was "
                "recorded: call it once more, or clear the gradients in it, by optimizer.zero_grad()"
            )
        return machine

    @property
    def fixed(self) -> list[Fixed]:
        """What the function read outside of its arguments, and the latest program has as constants.

        Examples
        --------
        >>> import numpy as np
        >>> __name__ = "__main__"  # the user's program: the library's own settings are not listed
        >>> temperature = 2.0
        >>> scaled = compile(lambda x: x / temperature)
        >>> scaled(np.ones(2))
        array([0.5, 0.5])
        >>> [str(what) for what in scaled.fixed]
        ['temperature = 2.0 (global)']
        """
        return list(self._current().fixed)

    @property
    def source(self) -> str:
        """The latest program as a person would write it: paste it into a file, and it runs.

        On single numbers it is plain Python, which raises where the function gives inf or nan: 1 / 0. Arguments that
        the program does not read are left out.
        """
        return self._readable().text()

    def _readable(self) -> Readable:
        machine = self._current()
        if machine.misprinted or machine.eager:
            raise CompileError(
                f"{self._name} has no source that gives its numbers: {machine.misprinted or 'its program is wrong'}"
            )
        return machine.readable

    @property
    def javascript(self) -> str:
        """The latest program as a module of JavaScript, which a page can import.

        It exports the function, with a state in front of its arguments (``step(state, X, y)``), and ``initialState()``:
        the parameters and what the optimizers remember, as they are now. Arguments must have the recorded shapes.

        Raises
        ------
        CompileError : a line calls a function that has no JavaScript. The message names it and the user's line.
        """
        return self.script.module()

    @property
    def script(self) -> Script:
        """What `javascript` is written by: for a page that runs several programs, or for any number of samples."""
        machine = self._exported("javascript")
        readable = machine.readable
        return Script(readable.program, readable.names.of, machine.signature.arguments, machine.input_values())

    def to_jax(self) -> JaxFunction:
        """The latest program as a pure function of JAX: ``(params, state, *args) -> (params, state, result)``.

        ``params`` and ``state`` are dicts. It returns new ones; the first ones are its attributes. Its ``source`` is
        text that runs on its own. Use it with ``jax.jit``, ``jax.lax.scan``, ``jax.vmap`` and shardings: this is how to
        use a GPU or several machines. ``restore(params, state)`` writes the results back to the net and the optimizer.

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
        machine = self._exported("to_jax")
        readable = machine.readable
        return JaxFunction(readable.program, readable.names, machine.signature.arguments)

    @property
    def optimized_source(self) -> str:
        """The latest program as it is run: into arrays that were allocated beforehand."""
        return self._current().text

    @property
    def program(self) -> Program:
        """The latest program as data: its lines, and what they read and write."""
        return self._readable().program

    @property
    def listing(self) -> list[tuple[str, Line | None]]:
        """The body of `source`, line by line, each with the line of `program` that it prints: what a view shows."""
        return list(self._readable().rows)

    @property
    def numbers(self) -> dict[Var, Any]:
        """What each variable of `program` is when it runs on the arguments of the recorded call: what a view shows.

        Parameters and states are what they are now. Nothing is stored, and no random number is used up.

        Examples
        --------
        >>> double = compile(lambda x: x * 2.0)
        >>> double(np.array([1.0, 3.0])).tolist()
        [2.0, 6.0]
        >>> [x.tolist() for x in double.numbers.values()]
        [[1.0, 3.0], [2.0, 6.0]]
        """
        return computed_for_view(self._readable().program, self._current().input_values())

    def save_source(self, path: str | Path) -> None:
        """Write `source` with inputs and a main: a file that needs NumPy alone.

        The arguments are those of the call that was recorded; parameters and states are what they are now.
        """
        machine = self._current()
        write(path, as_file(self._readable(), machine.input_values()).encode())

    def __reduce__(self) -> Any:
        return Compiled, (self._function, self._verify, self._keep)  # a copy makes its own recordings

    def __repr__(self) -> str:
        count = len(self._machines)
        programs = "1 program" if count == 1 else f"{count} programs"
        return f"<compiled {self._name}, {programs}>"

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else types.MethodType(self, instance)


@overload
def compile(  # noqa: A001
    function: Callable[..., Any], *, verify: str = ..., keep: int = ...
) -> Compiled: ...
@overload
def compile(  # noqa: A001
    *, verify: str = ..., keep: int = ...
) -> Callable[[Callable[..., Any]], Compiled]: ...


def compile(  # noqa: A001 the contract's name
    function: Callable[..., Any] | None = None, *, verify: str = "first", keep: int = KEPT
) -> Any:
    """Make a function that runs as straight-line NumPy, recorded at its first call.

    Parameters
    ----------
    function : of arrays, Tensors, Values, floats, and tuples, lists and dicts of them. It may run backward passes and
        optimizer steps. Everything else among its arguments (integers, strings, flags) belongs to the form of the call:
        another value records another program.
    verify : when a program is compared with the function itself, which is then called, too: at its "first" replay,
        "always", or "never".
    keep : how many programs are kept; the one that was not used for longest is dropped first.

    Returns
    -------
    A function with the same results, and with `Compiled.source`, `Compiled.optimized_source`, `Compiled.fixed` and
    `Compiled.save_source`. Tensors and Values that it returns are constants. Within `detect_anomaly` the plain
    function runs, so that the operation at fault is named. Within another compiled function it is part of that one.

    Raises
    ------
    RecordingError : the function branches on a number, keeps or changes one outside of itself, draws random numbers
        of its own, advances an iterator, loads a state, or returns nothing computed.
    CompileError : the second call gave other numbers than the program, because something fixed had changed.
    ReplayError : a line of the program failed.

    Warns
    -----
    CompileWarning : a program was found to be wrong and is not used, or the function is recorded again and again.

    Notes
    -----
    What a program follows, and what it does not:

    ==================================================================  ==============================================
    the function reads                                                  a later call sees
    ==================================================================  ==============================================
    its arguments                                                       the new numbers; a new form is recorded
    data, gradients and ``requires_grad`` of Tensors and Values         what they are now
    attributes of optimizers and modules, buffers, the mode             what they are now
    schedules that it steps                                             what they are now
    generators from which layers draw (Dropout)                         new numbers
    numbers, texts, arrays, lists and dicts in closures, in globals     what they are now: after a change the function
    and in attributes that it names, and in functions that it calls     is recorded again
    the code and the defaults of these functions, methods of classes    what they are now, in the same way
    anything else: the time, a file, the environment, context           what it was when recorded: **fixed**
    variables, a method put on one object, another library's state
    ==================================================================  ==============================================

    Each program is checked twice. When it is recorded, the fast program and the printed source are run from the state
    before the call, and must give every returned value, parameter, gradient, state and buffer of the recorded call. A
    faulty fast program is replaced by the printed one, and a faulty printed one by the function itself, with a warning.
    At its first replay the function is called as well, from the same state, and both must agree: so something fixed
    that changes with every call raises an error. Something fixed that changes only after that call is not seen: pass it
    as an argument, or compile with ``verify="always"``. Numbers agree if they are equal, or differ by 256 units in the
    last place of the largest entry, or by 32 times what rounding errors in each line move them: sums may be added up
    in another order.

    What the function prints or counts elsewhere happens in these two calls alone (with ``verify="always"``, in every).

    Divisions by zero and overflows of arrays and Values give inf and nan, without a warning: NumPy's ``errstate`` is
    "ignore" while the function is recorded and run, whatever it is outside (`detect_anomaly` finds the first). Python's
    own numbers raise, as they do in Python: ``1.0 / k`` of an argument ``k`` that is 0.0.

    An array outside that the program reads is followed where it is read, but not what plain NumPy made of it besides:
    with ``x * W + x * (W * 2)`` a write into W reaches the first term alone. Pass such an array as an argument.

    While a call is recorded, other threads read true numbers: data and gradients, and attributes such as a learning
    rate, a running mean or what an optimizer remembers. What they change meanwhile makes the call be recorded again.

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
    if function is None:
        return functools.partial(compile, verify=verify, keep=keep)
    if not callable(function) or isinstance(function, type):
        raise CompileError(f"compile takes a function, but was given {shown(function)}")
    if verify not in ("first", "always", "never"):
        raise ArgumentError(f'compile: verify must be "first", "always" or "never", but is {verify!r}')
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise ArgumentError(f"compile: keep must be a whole number of programs, 1 or more, but is {keep!r}")
    if isinstance(function, Compiled):
        function = function.__wrapped__  # type: ignore[attr-defined]
    return Compiled(function, verify, keep)


class _Eager(threading.local):
    """How many comparisons run a function itself in this thread: compiled functions that it calls run plainly."""

    depth = 0


_EAGER = _Eager()


@contextlib.contextmanager
def _run_eagerly() -> Iterator[None]:
    """Within it, the function runs as it would by itself; no observer is told, as of a replay."""
    observers, MODES.observers = MODES.observers, ()
    WATCH.add(1)
    _EAGER.depth += 1
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _EAGER.depth -= 1
        WATCH.add(-1)
        MODES.observers = observers


def _generators(state: State) -> list[Quantity]:
    return [(f"the state of {type(g).__name__}", repr(known), None) for g, known in state.generators]


def _constants(tree: Any) -> Any:
    """The results as a replay would give them: without their graph."""
    return mapped(tree, _constant)


def _constant(x: Any) -> Any:
    if isinstance(x, Tensor):
        return Tensor(x.data, requires_grad=False)
    return Value(x.data) if isinstance(x, Value) else x


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
