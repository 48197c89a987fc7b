"""`gradcheck`: compare the gradients of backprop with differences of function values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError, TinygradEduError
from tinygrad_edu.graph.modes import no_grad
from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.notebook import table
from tinygrad_edu.support.types import Array
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value


class GradientMismatch(TinygradEduError, AssertionError):  # noqa: N818 named after what was found
    """A derivative differs from the slope of the function.

    Attributes
    ----------
    input, index : which input, by position, and which of its entries.
    analytic, numeric : the gradient by backprop, and by central differences.
    error : their difference, relative to the larger.
    """

    def __init__(self, message: str, input: int, index: tuple[int, ...], analytic: float, numeric: float) -> None:  # noqa: A002 the field's name
        super().__init__(message)
        self.input = input
        self.index = index
        self.analytic = analytic
        self.numeric = numeric
        self.error = _relative(analytic, numeric)


@dataclass(frozen=True)
class GradcheckReport:
    """What `gradcheck` found: how many entries it checked, and the largest relative error among them."""

    checked: int
    max_error: float

    @for_output
    def __str__(self) -> str:
        return f"gradcheck passed: {self.checked} derivatives, largest relative error {self.max_error:.1e}"

    def _repr_html_(self) -> str:
        rows = [("derivatives checked", self.checked), ("largest relative error", f"{self.max_error:.1e}")]
        return table([], rows, caption="gradcheck passed")


def gradcheck(f: Callable[..., Any], *inputs: Any, rtol: float = 1e-5, atol: float = 1e-8) -> GradcheckReport:
    """Compare the gradient of ``f`` by backprop with its slope, entry by entry.

    The slope is the central difference ``(f(x + h) - f(x - h)) / 2h``, at two widths ``h``; their largest errors cancel
    (Richardson). An output of several entries is multiplied by fixed random weights and summed, so that errors do not
    cancel in the sum. Everything is computed in float64, whatever the inputs' dtype.

    Parameters
    ----------
    f : function of Values or Tensors.
    *inputs : where to check: numbers, arrays, Values or Tensors. Integer arrays are passed to ``f`` and not checked.
    rtol, atol : a derivative passes if ``|analytic - numeric| <= atol + rtol * max(|analytic|, |numeric|)``.

    Raises
    ------
    GradientMismatch : names the input, the index, both numbers and the error.
    ArgumentError : no input holds a floating-point number, so there is nothing to check.

    Examples
    --------
    >>> print(gradcheck(lambda a, b: (a * b).tanh(), 0.5, -1.5).checked)
    2
    >>> from tinygrad_edu import operation
    >>> wrong = operation(lambda x: x * x, lambda gy, y, x: gy * 2.002 * x, name="wrong")
    >>> gradcheck(wrong, 3.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    tinygrad_edu.gradient_check.GradientMismatch: input 0: backprop gives 6.006, but the slope is 6 (relative ...)
    """
    if not callable(f):
        raise DTypeError(f"gradcheck takes a function and where to check it, gradcheck(f, x), but f is {shown(f)}")
    if not inputs:
        raise ArgumentError("gradcheck needs at least one input to differentiate by: gradcheck(f, x)")
    points = [_point(x) for x in inputs]
    nodes = [_node(x, point) for x, point in zip(inputs, points, strict=True)]
    y = f(*nodes)
    if not isinstance(y, Node):
        raise DTypeError(f"gradcheck needs a function that gives a Value or a Tensor, but it gave {y!r}")
    shape = np.shape(y.raw)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, shape) if np.size(y.raw) > 1 else np.ones(shape)

    def total(arrays: Sequence[Array]) -> float:
        with no_grad():
            result = f(*[_node(x, array) for x, array in zip(inputs, arrays, strict=True)])
        return float(np.sum(weights * result.raw))

    if isinstance(y, Value):
        (y * float(weights)).backward()
    elif isinstance(y, Tensor) and y.requires_grad:
        (y * weights).sum().backward()
    checked, worst = 0, 0.0
    for i, (x, node) in enumerate(zip(points, nodes, strict=True)):
        if x.dtype.kind != "f":
            continue
        analytic = np.zeros_like(x) if node.grad is None else np.asarray(node.grad)
        for index in np.ndindex(x.shape):
            checked += 1
            worst = max(worst, _check(total, points, i, index, float(analytic[index]), rtol, atol, node))
    if not checked:
        raise ArgumentError(
            "gradcheck has nothing to check: no input holds a floating-point number, so pass floats, for instance "
            "x.astype(float)"
        )
    return GradcheckReport(checked, worst)


def _point(x: Any) -> Array:
    array = np.asarray(x.raw if isinstance(x, Node) else x)
    is_number = isinstance(x, float | int) and not isinstance(x, bool)
    return array.astype(float) if is_number or array.dtype.kind == "f" else array


def _node(x: Any, point: Array) -> Any:
    """A new leaf at the point, of the same kind as the input."""
    if isinstance(x, Value | float | int):
        return Value(float(point), x.label if isinstance(x, Value) else "")
    return Tensor(point, label=x.label if isinstance(x, Tensor) else "")


def _check(
    total: Callable[..., float],
    points: Sequence[Array],
    i: int,
    index: tuple[int, ...],
    analytic: float,
    rtol: float,
    atol: float,
    node: Node,
) -> float:
    center = float(points[i][index])
    h = 1e-4 * max(1.0, abs(center))

    def at(x: float) -> float:
        moved = [p.copy() if k == i else p for k, p in enumerate(points)]
        moved[i][index] = x
        return total(moved)

    slopes = [(at(center + w) - at(center - w)) / (2 * w) for w in (h, h / 2)]
    numeric = (4 * slopes[1] - slopes[0]) / 3
    error = abs(analytic - numeric)
    if error <= atol + rtol * max(abs(analytic), abs(numeric)):
        return _relative(analytic, numeric)
    where = f"{node.label or f'input {i}'}{list(index) if index else ''}"
    relative = f"relative error {_relative(analytic, numeric):.1e}"
    message = f"{where}: backprop gives {analytic:.8g}, but the slope is {numeric:.8g} ({relative})"
    middle = at(center)
    left, right = (middle - at(center - h)) / h, (at(center + h) - middle) / h
    if abs(left - right) > 1e-2 * max(abs(left), abs(right)):
        message += f": there may be a kink here, the slope is {left:.4g} on the left and {right:.4g} on the right"
    raise GradientMismatch(message, i, index, analytic, numeric)


def _relative(a: float, b: float) -> float:
    return abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0
