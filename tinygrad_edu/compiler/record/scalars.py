"""Operations on single numbers, line by line: what a row's text says, in the names of `math`."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_edu.compiler.program import MATH
from tinygrad_edu.compiler.record.traced import is_traced
from tinygrad_edu.graph.modes import MODES
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.floats import CONSTANTS, FLOATS
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.operations.text import function_of

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
        assert MODES.recorder is not None  # there are stand-ins only while it records
        return MODES.recorder.apply(MATH, name, args)

    return note


def _row(row: Elementwise) -> Callable[..., Any]:
    return lambda *xs: forward(row, xs, row.defaults)


_WORDS: dict[str, Any] = {
    **{name: _row(row) for name, row in TABLE.items()},
    **{name: _noted(name) for name in (*SPELLED, "maximum", "minimum", "logaddexp", "sign", "exp2", "where", *_STEPS)},
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
        _FORWARD[operation] = function_of(arguments, operation.y_text, _WORDS)
    return _FORWARD[operation](*xs, **params)


def derivative(operation: Operation, i: int) -> Callable[..., Any]:
    """The derivative by input ``i`` on numbers; some of them are traced."""
    if not isinstance(operation, Elementwise):
        return operation.gx_arrays[i]
    if operation not in _BACKWARD:
        arguments = ("gy", "y", *operation.input_names, *operation.defaults)
        _BACKWARD[operation] = tuple(function_of(arguments, text, _WORDS) for text in operation.gx_texts)
    return _BACKWARD[operation][i]


def compute(line: Any, args: Any) -> Any:
    """What a line on numbers computes, by IEEE 754."""
    if line.kind == MATH:
        return careful(line.function)(*args)
    if line.function is operator.truediv:
        return FLOATS["divide"](*args)
    if line.function is operator.pow:
        return FLOATS["power"](*args)
    return line.function(*args)
