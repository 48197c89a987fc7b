"""Operations on single numbers, line by line: what a row's text says, in the names of `math`."""

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


_STEPS = ("floor", "ceil", "trunc", "rint", "floor_divide", "remainder")


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """``yes if condition else no``."""
    return yes if condition else no


def careful(name: str) -> Callable[..., Any]:
    """The function that a line calls where `math` would raise: IEEE 754, as the engine computes."""
    return choose if name == "where" else FLOATS[name]


def _noted(name: str) -> Callable[..., Any]:
    function = choose if name == "where" else FLOATS[name]

    def note(*args: Any) -> Any:
        if not is_traced(args[:1] if name == "where" else args):
            return function(*args)
        assert MODES.recorder is not None  # there are placeholders only while it records
        return MODES.recorder.apply(MATH, name, args)

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


def _noted_operator(total: Callable[..., Any]) -> Callable[..., Any]:
    def note(*args: Any) -> Any:
        if not is_traced(args):
            return total(*args)
        assert MODES.recorder is not None
        return MODES.recorder.apply(PYTHON, total, args)

    return note


def _row(row: Elementwise) -> Callable[..., Any]:
    return lambda *xs: forward(row, xs, row.defaults)


_WORDS: dict[str, Any] = {
    **{name: _row(row) for name, row in TABLE.items()},
    **{name: _noted(name) for name in (*SPELLED, "maximum", "minimum", "logaddexp", "sign", "exp2", "where", *_STEPS)},
    "divide": _noted_operator(DIVIDE),
    "power": _noted_operator(POWER),
    "is_zero": lambda x: x == 0,
    **CONSTANTS,
}
_FORWARD: dict[Elementwise, Callable[..., Any]] = {}
_BACKWARD: dict[Elementwise, tuple[Callable[..., Any], ...]] = {}


def forward(operation: Operation, xs: Any, params: Mapping[str, Any]) -> Any:
    """The forward pass on numbers; some of them are traced."""
    if not isinstance(operation, Elementwise):
        return operation.forward(*xs, **params)
    if operation not in _FORWARD:
        arguments = (*operation.input_names, *operation.defaults)
        _FORWARD[operation] = function_of(arguments, source_with_calls(operation.y_text), _WORDS)
    return _FORWARD[operation](*xs, **params)


def derivative(operation: Operation, i: int) -> Callable[..., Any]:
    """The derivative by input ``i`` on numbers; some of them are traced."""
    if not isinstance(operation, Elementwise):
        return operation.gx_arrays[i]
    if operation not in _BACKWARD:
        arguments = ("gy", "y", *operation.input_names, *operation.defaults)
        _BACKWARD[operation] = tuple(
            function_of(arguments, source_with_calls(text), _WORDS) for text in operation.gx_texts
        )
    return _BACKWARD[operation][i]


def compute(line: Any, args: Any) -> Any:
    """What a line on numbers computes."""
    return (careful(line.function) if line.kind == MATH else line.function)(*args)
