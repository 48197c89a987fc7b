"""`explode`: an operation on small arrays as a graph of single numbers.

A matrix product becomes its multiplications and additions, a softmax its exponentials and quotients. What only moves
numbers (a reshape, an index) runs as it is, on an array of Values. The result is a graph of Values like
any other, for every view; its numbers are those of the array, up to rounding.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError, UnsupportedError
from tinygrad_edu.graph.node import describe
from tinygrad_edu.operations import shapes as shape_rules
from tinygrad_edu.operations.operation import ArrayOperation, Operation
from tinygrad_edu.operations.reductions import Axis, axes_of
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.types import Array
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Constant, Value
from viz.formulas.numbers import entry_name, one_line
from viz.pictures.draw import Drawing, draw

_Values = Array  # an array whose entries are Values

MOST = 500  # numbers in the inputs and the results together


@dataclass(eq=False)
class Explosion:
    """An operation in single numbers; made by `explode`. In a notebook it shows itself.

    Attributes
    ----------
    node : the Tensor that was exploded.
    inputs : for each input of its operation, an array of that shape, of Values.
    outputs : the results, an array of the Tensor's shape, of Values; ``explosion[i, j]`` is one of them.
    """

    node: Tensor
    inputs: tuple[_Values, ...]
    outputs: _Values

    def __getitem__(self, index: Any) -> Any:
        return self.outputs[index]

    @functools.cached_property
    def root(self) -> Value:
        """A Value whose graph is the whole graph: the result, or the sum of the results if there are several."""
        results = list(self.outputs.flat)
        if len(results) == 1:
            return results[0]
        total: Value = _sum(results)
        total.label = "sum of the results"
        return total

    def draw(self, **options: Any) -> Drawing:
        """Draw the graph: see `viz.draw`."""
        return draw(self.root, **options)

    def _repr_svg_(self) -> str:
        return self.draw()._repr_svg_()

    @for_output
    def __repr__(self) -> str:
        numbers = sum(x.size for x in self.inputs)
        return f"<{self.node.op} in single numbers: {self.outputs.size} from {numbers}; .root or [i, j] for every view>"


def explode(node: Tensor) -> Explosion:
    """Show an operation on small arrays in single numbers.

    Parameters
    ----------
    node : the result of an operation. Its inputs become the leaves, with labels such as ``W[0,1]``.

    Raises
    ------
    ArgumentError : ``node`` is no result of an operation on Tensors, or its arrays are too large to look at.
    UnsupportedError : the operation has no such graph here (a determinant, a decomposition, a
        convolution).

    Notes
    -----
    Where three entries or more tie for a maximum, the array's derivative shares evenly among them, and this graph,
    which compares two at a time, does not.

    Examples
    --------
    >>> X, W = Tensor([[1.0, 2.0]], label="X"), Tensor([[3.0, -1.0], [4.0, 1.0]], label="W")
    >>> exploded = explode(X @ W)
    >>> exploded
    <matmul in single numbers: 2 from 6; .root or [i, j] for every view>
    >>> from viz.steps.trace import trace
    >>> for step in trace(exploded[0, 0]).forward:
    ...     print(step)
    v2 = X[0,0] · W[0,0] = 1 · 3 = 3
    v5 = X[0,1] · W[1,0] = 2 · 4 = 8
    y[0,0] = v2 + v5 = 3 + 8 = 11
    """
    if not isinstance(node, Tensor) or node.operation is None:
        what = describe(node) if isinstance(node, Tensor) else f"{node!r}"
        raise ArgumentError(f"explode() takes the Tensor that an operation gave, but was given {what}")
    size = node.size + sum(x.size for x in node.inputs)
    if size > MOST:
        raise ArgumentError(
            f"explode() shows every number by itself: at most {MOST}, but {node.op} of these shapes has {size}; "
            "take smaller arrays, or a part of them"
        )
    names = [f"x{i}" for i in range(len(node.inputs))] if len(node.inputs) > 1 else ["x"]
    pairs = zip(reversed(node.inputs), reversed(names), strict=True)  # a Tensor used twice has its first name
    arrays = {x: _leaves(x, one_line(x.label) or name) for x, name in pairs}
    inputs = [arrays[x] for x in node.inputs]
    outputs = _wrapped(_scalars_of(node.operation, inputs, node), node.shape)
    for index, value in np.ndenumerate(outputs):
        if value.operation is not None and not value.label:
            value.label = entry_name(one_line(node.label) or "y", index)
    return Explosion(node, tuple(inputs), outputs)


def _leaves(x: Tensor, name: str) -> _Values:
    """The entries as separate Values."""
    kind = Value if x.requires_grad else Constant
    values = np.empty(x.shape, object)
    for index in np.ndindex(x.shape):
        values[index] = kind(float(x.raw[index]), entry_name(name, index))
    return values


def _wrapped(array: Any, shape: tuple[int, ...]) -> _Values:
    """An array of Values: plain numbers (the margin of a pad, an empty sum) become constants."""
    values = np.empty(shape, object)
    for index, entry in zip(np.ndindex(shape), np.asarray(array, object).flat, strict=True):
        values[index] = entry if isinstance(entry, Value) else Constant(entry)
    return values


def _scalars_of(operation: Operation, xs: Sequence[_Values], node: Tensor) -> Any:
    params = {k: v for k, v in node.params.items() if k != "memo"}
    if isinstance(operation, Elementwise):
        return _entry_by_entry(operation, xs, params)
    if operation.name in _SCALARS and isinstance(operation, ArrayOperation):
        return _SCALARS[operation.name](*xs, **params)
    if operation.name in _MOVES and isinstance(operation, ArrayOperation):
        return operation.forward(*xs, **params)
    if not isinstance(operation, ArrayOperation):
        return _of_the_user(operation, xs, params, node)
    raise UnsupportedError(f"explode() cannot show {operation.name} in single numbers: explode its parts instead")


def _entry_by_entry(operation: Operation, xs: Sequence[_Values], params: dict[str, Any]) -> _Values:
    """An operation on each number by itself, with broadcasting; so are the parameters that are arrays."""
    given = {k: np.asarray(v) for k, v in params.items() if getattr(v, "ndim", 0)}
    *arrays, shaped = np.broadcast_arrays(*xs, *given.values(), np.empty(np.broadcast_shapes(*(x.shape for x in xs))))
    values = np.empty(shaped.shape, object)
    for index in np.ndindex(shaped.shape):
        entries = [array[index] for array in arrays]
        own = dict(zip(given, (entry.item() for entry in entries[len(xs) :]), strict=True))
        values[index] = operation(*entries[: len(xs)], **params | own)
    return values


def _of_the_user(operation: Operation, xs: Sequence[_Values], params: dict[str, Any], node: Tensor) -> _Values:
    """A user's operation, if it is one on each number by itself: tried, and compared with the array's result."""
    try:
        values = _entry_by_entry(operation, xs, params)
        same = np.allclose([v.data for v in values.flat], node.raw.ravel(), rtol=1e-6, equal_nan=True)
    except Exception as error:
        raise UnsupportedError(f"explode() cannot apply {operation.name} to single numbers: {error}") from error
    if not same or values.shape != node.shape:
        raise UnsupportedError(
            f"explode() cannot show {operation.name}, which is no operation on each number by itself"
        )
    return values


# --- operations on whole arrays, in single numbers ------------------------------------------------------------------


def _sum(values: Sequence[Value]) -> Any:
    return functools.reduce(operator.add, values) if len(values) else 0.0


def _reduced(of: Callable[..., Any]) -> Callable[..., _Values]:
    """A reduction along axes, of what it makes of a list of Values."""

    def reduce(x: _Values, *, axis: Axis, keepdims: bool, **params: Any) -> _Values:
        axes = axes_of(axis, x.ndim) if x.ndim else ()
        kept = [a for a in range(x.ndim) if a not in axes]
        lines = x.transpose([*kept, *axes]).reshape(math.prod(x.shape[a] for a in kept), -1 if x.size else 0)
        values = np.empty(len(lines), object)
        for i, line in enumerate(lines):
            values[i] = of(list(line), **params)
        shape = [1 if a in axes else n for a, n in enumerate(x.shape)] if keepdims else [x.shape[a] for a in kept]
        return values.reshape(shape)

    return reduce


def _along(of: Callable[[list[Value]], list[Any]]) -> Callable[..., _Values]:
    """An operation that turns each line along an axis into another."""

    def along(x: _Values, *, axis: int) -> _Values:
        lines = np.moveaxis(x, axis, -1)
        values = np.empty(lines.shape, object)
        for index in np.ndindex(lines.shape[:-1]):
            values[index] = of(list(lines[index]))
        return np.moveaxis(values, -1, axis)

    return along


def _prod(values: list[Value]) -> Any:
    return functools.reduce(operator.mul, values) if values else 1.0


def _var(values: list[Value], *, ddof: int) -> Value:
    mean = _sum(values) / len(values)
    return _sum([(x - mean).square() for x in values]) / (len(values) - ddof)


def _logsumexp(values: list[Value]) -> Value:
    top = _top(values)
    return _sum([(x - top).exp() for x in values]).log() + top


def _top(values: list[Value]) -> float:
    """The largest number, which is taken away before exp: a constant, for which the result does not change."""
    top = max(x.data for x in values)
    return top if math.isfinite(top) else 0.0


def _softmax(values: list[Value]) -> list[Value]:
    top = _top(values) if values else 0.0
    exps = [(x - top).exp() for x in values]
    total = _sum(exps)
    return [x / total for x in exps]


def _log_softmax(values: list[Value]) -> list[Value]:
    total = _logsumexp(values) if values else 0.0
    return [x - total for x in values]


def _cross_entropy(x: _Values, *, labels: Any) -> Any:
    losses = [_logsumexp(list(row)) - row[label] for row, label in zip(x, labels, strict=True)]
    return _sum(losses) / len(losses)


def _normalize(x: _Values, *, axes: tuple[int, ...], eps: float) -> _Values:
    return _rms_normalize(x - _SCALARS["mean"](x, axis=axes, keepdims=True), axes=axes, eps=eps)


def _rms_normalize(x: _Values, *, axes: tuple[int, ...], eps: float) -> _Values:
    mean = _SCALARS["mean"](x * x, axis=axes, keepdims=True)
    return x / np.vectorize(lambda square: (square + eps).sqrt(), otypes=[object])(mean)


def _einsum(*xs: _Values, subscripts: str) -> _Values:
    """Each entry of the result: the sum of the products over the letters that it does not have."""
    left, right = subscripts.split("->")
    terms = left.split(",")
    sizes = {c: n for term, x in zip(terms, xs, strict=True) for c, n in zip(term, x.shape, strict=True) if n != 1}
    sizes |= {c: 1 for c in left if c not in sizes and c != ","}
    summed = [c for c in sizes if c not in right]
    values = np.empty([sizes[c] for c in right], object)
    for index in np.ndindex(values.shape):
        products = []
        for rest in itertools.product(*(range(sizes[c]) for c in summed)):
            at = dict(zip([*right, *summed], [*index, *rest], strict=True))
            entries = (
                x[tuple(at[c] % n for c, n in zip(t, x.shape, strict=True))] for t, x in zip(terms, xs, strict=True)
            )
            products.append(functools.reduce(operator.mul, entries))
        values[index] = _sum(products)
    return values


_SCALARS: dict[str, Callable[..., Any]] = {
    "sum": _reduced(_sum),
    "mean": _reduced(lambda values: _sum(values) / len(values)),
    "prod": _reduced(_prod),
    "max": _reduced(lambda values: functools.reduce(Value.maximum, values)),
    "min": _reduced(lambda values: functools.reduce(Value.minimum, values)),
    "var": _reduced(_var),
    "std": _reduced(lambda values, ddof: _var(values, ddof=ddof).sqrt()),
    "norm": _reduced(lambda values: _sum([x.square() for x in values]).sqrt()),
    "logsumexp": _reduced(_logsumexp),
    "softmax": _along(_softmax),
    "log_softmax": _along(_log_softmax),
    "cumsum": _along(lambda values: list(itertools.accumulate(values))),
    "cumprod": _along(lambda values: list(itertools.accumulate(values, operator.mul))),
    "matmul": operator.matmul,
    "linear": lambda x, W, b: (x @ W) + b,
    "einsum": _einsum,
    "cross_entropy": _cross_entropy,
    "normalize": _normalize,
    "rms_normalize": _rms_normalize,
    "astype": lambda x, dtype: x,
}
_MOVES = {row.name for row in vars(shape_rules).values() if isinstance(row, ArrayOperation)}
