"""`vectorize`: a function written for one sample, in scalars, run over whole columns.

The function is run once on Values, and its graph is read as blocks: see `Plan`. The result is a function of arrays,
which `compile` writes out and runs.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.compiler.compile import Compiled
from tinygrad_edu.compiler.errors import CompileError, RecordingError
from tinygrad_edu.compiler.guards import changed
from tinygrad_edu.compiler.program import Line, Program
from tinygrad_edu.compiler.record.blocks import Plan
from tinygrad_edu.compiler.record.names import identifier
from tinygrad_edu.compiler.record.outside import arrays_in, look_outside, outside_guards, refuse_side_effects
from tinygrad_edu.compiler.record.randomness import Randomness
from tinygrad_edu.compiler.record.recorder import Recorder
from tinygrad_edu.compiler.record.traced import users_line
from tinygrad_edu.compiler.sources import Argument
from tinygrad_edu.graph.modes import MODES, no_grad
from tinygrad_edu.graph.recorded_backward import recorded_gradients
from tinygrad_edu.operations.operation import EachInput, Operation
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.tensor import Tensor, record
from tinygrad_edu.value import Value


class Parameters(Tensor):
    """The numbers of many Values as one array; a gradient that arrives here goes on to each of them."""

    __slots__ = ("values",)

    def __init__(self, values: list[Value], shape: tuple[int, ...]) -> None:
        self.values: list[Value] = []
        super().__init__(np.array([v.raw for v in values]).reshape(shape).T)
        self.values = values

    @property
    def _grad(self) -> None:
        return None

    @_grad.setter
    def _grad(self, gx: Any) -> None:
        if gx is None or not self.values:
            return
        gx = gx[0] if isinstance(gx, tuple) else gx
        for value, g in zip(self.values, getattr(gx, "raw", gx).T.ravel().tolist(), strict=True):
            value._grad += g


class Samples(Operation):
    """The vectorized function as one operation on the parameters and the columns."""

    symbol = "Σ"
    returns_fresh_arrays = False

    def __init__(self, name: str, plan: Plan, needed: tuple[bool, ...]) -> None:
        self.name = name
        self.plan = plan
        self.needed = (True,) * len(plan.groups) + needed
        columns = [x.label for x in plan.arguments]
        self.run = Compiled(_signed(self._result, name, [*plan.names, *columns]))
        self.run_back = Compiled(_signed(self._gradients, name, [f"d{name}", *plan.names, *columns]))
        self.gx_arrays = EachInput(self._gx)

    @functools.cached_property
    def gx_nodes(self) -> EachInput:
        """What `gx_arrays` is, on nodes."""
        return EachInput(self._gx_node)

    def _result(self, *xs: Any) -> Any:
        k = len(self.plan.groups)
        tensors = [Tensor(x, requires_grad=needed) for x, needed in zip(xs, self.needed, strict=True)]
        return self.plan(tensors[:k], tensors[k:])

    def _gradients(self, gy: Any, *xs: Any) -> Any:
        k = len(self.plan.groups)
        tensors = [Tensor(x, requires_grad=needed) for x, needed in zip(xs, self.needed, strict=True)]
        self.plan(tensors[:k], tensors[k:]).backward(gy)
        return [x.grad for x in tensors if x.requires_grad]

    def forward(self, *xs: Any, memo: Any) -> Any:
        """The result for every sample."""
        return self.run(*xs).raw

    def _gx(self, i: int, gy: Any, y: Any, *xs: Any, memo: dict[str, Any]) -> Any:
        if memo.get("gy") is not gy:  # all gradients come at once, and are asked for one by one
            memo["gy"], memo["gx"] = gy, iter(self.run_back(gy, *xs))
            memo["gx"] = {j: next(memo["gx"]) for j, needed in enumerate(self.needed) if needed}
        return memo["gx"][i]

    def _gx_node(self, i: int, gy: Any, y: Any, *xs: Any, memo: Any) -> Any:
        k = len(self.plan.groups)
        return recorded_gradients(self.plan(xs[:k], xs[k:]), gy)[xs[i]]


def _signed(function: Any, name: str, names: list[str]) -> Any:
    """The function with these names for its arguments."""

    def named(*xs: Any) -> Any:
        return function(*xs)

    named.__name__ = name
    parameters = [inspect.Parameter(x, inspect.Parameter.POSITIONAL_ONLY) for x in names]
    named.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return named


class Vectorized:
    """A function of scalars that runs over columns.

    Attributes
    ----------
    source : the program for all samples, with its backward pass, as NumPy that a person would write.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._samples: dict[Any, Samples] = {}
        self._has_changed: Callable[[], bool] = bool  # of what the function reads outside
        self._latest: Samples | None = None

    def __call__(self, *columns: Any, **named: Any) -> Tensor:
        if MODES.recorder is not None:
            raise RecordingError(
                f"{self.__name__} is compiled already ({users_line()}): call it outside of a compiled function"  # type: ignore[attr-defined]
            )
        if named:
            columns = inspect.signature(self._function).bind(*columns, **named).args
        count, arrays = _columns_given(self._function, self.__name__, columns)  # type: ignore[attr-defined]
        needed = tuple(x.requires_grad for x in arrays)
        if self._has_changed():
            self._samples.clear()
        samples = self._samples.get(needed)
        if samples is None:
            samples = self._samples[needed] = self._planned(count, needed)
        self._latest = samples
        parameters = [Parameters(values, shape) for values, shape in samples.plan.groups]
        return record(samples, (*parameters, *arrays), {"memo": {}})

    def _planned(self, count: int, needed: tuple[bool, ...]) -> Samples:
        found, words = look_outside(self._function, ())
        name = identifier(self.__name__.replace("<lambda>", "")) or "sample"  # type: ignore[attr-defined]
        randomness, arrays = Randomness(found, words), arrays_in(found)
        samples = Samples(name, plan(self._function, count, randomness), needed)
        randomness.refuse_missed(name)
        refuse_side_effects(found, arrays, name)
        self._has_changed = changed([*outside_guards(found, (), set())])
        return samples

    def _shown(self) -> Compiled:
        """The gradient's program where a gradient was asked for, else the function's alone."""
        if self._latest is None:
            raise CompileError(f"{self.__name__} has no source before its first call: call it with columns")  # type: ignore[attr-defined]
        back = self._latest.run_back
        return back if back._latest is not None else self._latest.run

    @property
    def source(self) -> str:
        """The program for all samples: the gradient's where one was asked for, else the function's alone."""
        return self._shown().source

    @property
    def optimized_source(self) -> str:
        """The same program as it is run."""
        return self._shown().optimized_source

    @property
    def program(self) -> Program:
        """The same program as data."""
        return self._shown().program

    @property
    def listing(self) -> list[tuple[str, Line | None]]:
        """The body of `source`, line by line, each with the line of `program` that it prints: what a view shows."""
        return self._shown().listing

    def save_source(self, path: str | Path) -> None:
        """Write `source` with inputs and a main: see `Compiled.save_source`."""
        self._shown().save_source(path)

    def __repr__(self) -> str:
        return f"<vectorized {self.__name__}>"  # type: ignore[attr-defined]


def _columns_given(function: Callable[..., Any], name: str, columns: Sequence[Any]) -> tuple[int, list[Tensor]]:
    """The columns as Tensors of one length; a number becomes a column."""
    arrays = [x if isinstance(x, Tensor) else _numbers(function, name, i, x) for i, x in enumerate(columns)]
    lengths = {x.shape[0] for x in arrays if len(x.shape) == 1}
    if len(lengths) != 1 or any(len(x.shape) > 1 for x in arrays):
        shapes = ", ".join(str(x.shape) for x in arrays) or "nothing"
        raise CompileError(
            f"{name} runs over columns of one length, but was given {shapes}: pass an array of shape (n,) for each "
            "argument"
        )
    n = lengths.pop()
    full = [x if len(x.shape) else np.broadcast_to(getattr(x, "raw", x), (n,)) for x in arrays]
    return len(columns), [x if isinstance(x, Tensor) else Tensor(x, requires_grad=False) for x in full]


def _numbers(function: Callable[..., Any], name: str, place: int, x: Any) -> Any:
    with contextlib.suppress(TypeError, ValueError):
        if x is not None:  # NumPy would make a nan of None
            return np.asarray(x, float)
    names = [*inspect.signature(function).parameters]
    argument = names[place] if place < len(names) else f"argument {place + 1}"
    raise CompileError(
        f"{name} runs over columns of numbers, but {argument} is {x!r:.60}: pass an array of shape (n,) or a number"
    )


def plan(function: Callable[..., Any], count: int, randomness: Randomness) -> Plan:
    """Run the function on one sample, and read its graph."""
    recorder = Recorder(randomness)
    names = [*inspect.signature(function).parameters][:count]
    names += [f"x{i}" for i in range(len(names), count)]
    without, MODES.no_grad = MODES.no_grad, 0  # the plan serves calls that need gradients, too
    with recorder.active():
        try:
            arguments = []
            for name in names:
                value = Value(0.0, name)
                value._data = recorder.input(Argument(name), 0.5, name)
                arguments.append(value)
            result = function(*arguments)
            if not isinstance(result, Value):
                raise RecordingError(
                    f"vectorize takes a function that returns one Value, but {function.__name__} returned "
                    f"{type(result).__name__}: return the sample's loss or output"
                )
            made = Plan(result, arguments)
        finally:
            writes = recorder.restore()
            MODES.no_grad = without
    if writes:
        raise RecordingError(
            f"vectorize takes a function that computes, but {function.__name__} changes a Value: call backward() and "
            "update outside of it"
        )
    columns = [Tensor(np.full(2, 0.5), requires_grad=False) for _ in arguments]
    with no_grad(), np.errstate(all="ignore"):
        made((), columns)  # which arrays of parameters there are shows when they are asked for
    return made


def vectorize(function: Callable[..., Any]) -> Vectorized:
    """Make a function that is written for one sample, with Values, run over columns.

    Parameters
    ----------
    function : takes Values, one for each column, and returns one Value. The Values that it is made of (a
        ``nn.scalar.MLP``, say) are its parameters.

    Returns
    -------
    A function of columns: arrays or Tensors of shape (n,). It gives a Tensor of shape (n,), and ``backward()`` from
    there brings gradients to the Values.

    Raises
    ------
    RecordingError : the function branches on a Value, or returns something else than a Value.
    CompileError : the columns are not of one length.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> w, b = Value(2.0, "w"), Value(1.0, "b")
    >>> @vectorize
    ... def square_error(x, y):
    ...     return (w * x + b - y) ** 2
    >>> losses = square_error([0.0, 1.0], [1.0, 2.0])
    >>> losses.tolist()
    [0.0, 1.0]
    >>> losses.mean().backward()
    >>> w.grad, b.grad
    (1.0, 1.0)
    """
    if not callable(function):
        raise CompileError(f"vectorize takes a function, but was given {shown(function)}")
    return Vectorized(function)
