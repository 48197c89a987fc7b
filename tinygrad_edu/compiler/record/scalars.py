"""Operations on single numbers, line by line: what a row's text says, in the names of `math`."""

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_edu.compiler.program import MATH, PYTHON
from tinygrad_edu.compiler.record.traced import is_traced
from tinygrad_edu.graph.modes import MODES
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.floats import CONSTANTS, FLOATS
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.operations.text import function_of, source_with_calls

# How a program writes the functions of `FLOATS`.
SPELLED: dict[str, str] = {
    **{
        name: f"math.{name}" for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos")
    },
    **{name: f"math.{name}" for name in ("tan", "sinh", "cosh", "tanh", "erf", "erfc", "hypot")},
    **{f"arc{name}": f"math.a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
    "fmod": "math.fmod",
    "abs": "abs",
}


_OTHERS = "maximum minimum logaddexp sign exp2 floor ceil trunc rint floor_divide remainder".split()  # noqa: SIM905


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """``yes if condition else no``."""
    return yes if condition else no


def careful(name: str) -> Callable[..., Any]:
    """The function that a line calls where `math` would raise: IEEE 754, as the engine computes."""
    return choose if name == "where" else FLOATS[name]


def _noted(kind: str, named: Any, function: Callable[..., Any], decides: slice = slice(None)) -> Callable[..., Any]:
    """The function, which becomes a line of the program if one of the arguments that decide is traced."""

    def note(*args: Any) -> Any:
        if not is_traced(args[decides]):
            return function(*args)
        assert MODES.recorder is not None  # there are placeholders only while it records
        return MODES.recorder.apply(kind, named, args)

    return note


def _total(name: str, like: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `FLOATS` under the name of Python's operator, like which a program writes it."""
    function = FLOATS[name]

    def total(a: float, b: float) -> float:
        return function(a, b)

    total.__name__ = like.__name__
    return total


# What a row's ``/`` and ``**`` are: inf and nan where Python's own numbers, with which the user computes, raise.
DIVIDE, POWER = _total("divide", operator.truediv), _total("power", operator.pow)


def _row(row: Elementwise) -> Callable[..., Any]:
    return lambda *xs: forward(row, xs, row.defaults)


_WORDS: dict[str, Any] = {
    **{name: _row(row) for name, row in TABLE.items()},
    **{name: _noted(MATH, name, FLOATS[name]) for name in (*SPELLED, *_OTHERS)},
    "where": _noted(MATH, "where", choose, slice(1)),
    "divide": _noted(PYTHON, DIVIDE, DIVIDE),
    "power": _noted(PYTHON, POWER, POWER),
    "is_zero": lambda x: x == 0,
    **CONSTANTS,
}


@functools.cache
def _forward(row: Elementwise) -> Callable[..., Any]:
    return function_of((*row.input_names, *row.defaults), source_with_calls(row.y_text), _WORDS)


@functools.cache
def _derivatives(row: Elementwise) -> tuple[Callable[..., Any], ...]:
    arguments = ("gy", "y", *row.input_names, *row.defaults)
    return tuple(function_of(arguments, source_with_calls(text), _WORDS) for text in row.gx_texts)


def forward(operation: Operation, xs: Any, params: Mapping[str, Any]) -> Any:
    """The forward pass on numbers; some of them are traced."""
    function = _forward(operation) if isinstance(operation, Elementwise) else operation.forward
    return function(*xs, **params)


def derivative(operation: Operation, i: int) -> Callable[..., Any]:
    """The derivative by input ``i`` on numbers; some of them are traced."""
    return (_derivatives(operation) if isinstance(operation, Elementwise) else operation.gx_arrays)[i]


def compute(line: Any, args: Any) -> Any:
    """What a line on numbers computes."""
    return (careful(line.function) if line.kind == MATH else line.function)(*args)
