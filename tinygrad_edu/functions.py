"""NumPy's functions over arrays and Tensors alike: shapes, joining, reductions, products, linear algebra.

Each function has NumPy's name and meaning. It calls an operation, which records a node if one of its inputs is a
Tensor. They are the methods of `Tensor`, and ``np.sum(t)`` calls them too: see `numpy_protocol`.
"""

import copy
import functools
import math
import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError, TinygradEduError, UnsupportedError
from tinygrad_edu.graph.node import Node, data_of
from tinygrad_edu.operations import matrices as matrix_rules
from tinygrad_edu.operations import reductions as reduction_rules
from tinygrad_edu.operations import shapes as shape_rules
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.reductions import axes_of
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.call_errors import call_error
from tinygrad_edu.support.calls import is_about_the_call
from tinygrad_edu.support.users_code import users_level

A = TypeVar("A")  # a Tensor or an array
F = TypeVar("F", bound=Callable[..., Any])
Axis = int | Sequence[int] | None


def as_array(x: Any, dtype: Any = None) -> Any:
    """``np.asarray``. A placeholder for an array, with which `compile` records, is returned as it is."""
    if hasattr(x, "_recorder"):
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)
    try:
        return np.asarray(x, dtype)
    except ValueError as error:
        raise ShapeError(f"{shown(x)} is no array of numbers ({error}): make its rows equally long") from None


def snapshot(x: Any) -> Any:
    """A copy of an index, so that later writes into it do not change the graph."""
    return copy.deepcopy(x) if isinstance(x, np.ndarray | list) else x


def _axis(axis: Any) -> Any:
    """An axis, or several, as an operation keeps them: an integer, a tuple, or None."""
    if axis is None:
        return None
    try:
        return tuple(map(operator.index, axis)) if isinstance(axis, Sequence | np.ndarray) else operator.index(axis)
    except TypeError:
        raise DTypeError(f"an axis is an integer, a tuple of them or None, but was given {shown(axis)}") from None


def _one_axis(name: str, axis: Any, x: Any) -> int:
    """The axis as a non-negative number."""
    ndim, number = len(shape_of(x)), _axis(axis)
    if not isinstance(number, int):
        raise DTypeError(f"{name} takes one axis, an integer, but was given {shown(axis)}")
    if not -ndim <= number < ndim:
        raise ShapeError(f"{name} of {shape_of(x)}: axis {axis} is out of range for an array of {ndim} axes")
    return number % ndim


def _at_least(axes: int, name: str, x: Any) -> None:
    if len(shape_of(x)) < axes:
        raise ShapeError(f"{name} takes an array of at least {axes} axes, but was given one of shape {shape_of(x)}")


def _ints(numbers: Any) -> tuple[int, ...]:
    """``(2, 3)``, ``((2, 3),)`` and ``(6,)`` as a tuple of integers."""
    if len(numbers) == 1 and isinstance(numbers[0], Sequence | np.ndarray):
        numbers = numbers[0]
    try:
        return tuple(map(operator.index, numbers))
    except TypeError:
        raise DTypeError(f"a shape and an order of axes are integers, but were given as {shown(numbers)}") from None


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a Tensor, an array, a number or a nested list."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def explained(function: F) -> F:
    """The function, whose errors name it and the shapes that it was given."""

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except TinygradEduError:
            raise
        except (TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
            if isinstance(error, TypeError) and is_about_the_call(error):
                raise call_error(function.__name__, function, args, keywords) from None
            raise restated(function.__name__, args, error) from None

    return cast("F", call)


def restated(name: str, args: Sequence[Any], error: Exception) -> TinygradEduError:
    """An error of NumPy's or Python's as one of the library, with the shapes of the arrays that were given."""
    first = args[0] if args else None
    arrays = first if isinstance(first, list | tuple) else [first]
    shapes = ", ".join(str(shape_of(x)) for x in arrays) or "no arrays"
    kind = ShapeError if isinstance(error, ValueError | IndexError) else DTypeError
    return kind(f"{name} of {shapes}: {error}")


# --- shapes -----------------------------------------------------------------------------------------------------


def reshape(x: A, *shape: Any) -> A:
    """The same entries in another shape; one axis may be -1."""
    wanted = _ints(shape)
    x = x if hasattr(x, "shape") else as_array(x)
    size, known = math.prod(shape_of(x)), math.prod(n for n in wanted if n != -1)
    if wanted.count(-1) > 1 or (size % known if known and -1 in wanted else size != known):
        raise ShapeError(f"reshape: {size} entries of shape {shape_of(x)} do not fit the shape {wanted}")
    return shape_rules.RESHAPE(x, shape=wanted)


@explained
def ravel(x: A) -> A:
    """The entries along one axis."""
    return reshape(x, -1)


def transpose(x: A, *axes: Any) -> A:
    """The axes in the order given, or reversed."""
    ndim = len(shape_of(x))
    order = tuple(range(ndim))[::-1] if axes in ((), (None,)) else axes_of(_ints(axes), ndim)
    if sorted(order) != list(range(ndim)):
        swap = f": swapaxes{axes} swaps two" if len(axes) == 2 == len(set(order)) else ""
        raise ShapeError(
            f"transpose takes each of the {ndim} axes of shape {shape_of(x)} once, in their new order, such as "
            f"transpose{tuple(range(ndim))[::-1]}, but was given {_ints(axes)}{swap}"
        )
    if len(axes) == 2 and order == (0, 1):  # in PyTorch, these two numbers swap the axes
        warnings.warn(
            f"transpose{axes} of a matrix changes nothing: as in NumPy, it lists the axes in their new order. Write "
            "x.T to swap the two",
            stacklevel=users_level(),
        )
    return shape_rules.TRANSPOSE(x, axes=order)


@explained
def swapaxes(x: A, axis1: int, axis2: int) -> A:
    """Two axes exchanged."""
    order = list(range(len(shape_of(x))))
    a, b = _one_axis("swapaxes", axis1, x), _one_axis("swapaxes", axis2, x)
    order[a], order[b] = b, a
    return transpose(x, order)


@explained
def moveaxis(x: A, source: Any, destination: Any) -> A:
    """Axes moved to new places, the others in their old order."""
    x = x if hasattr(x, "shape") else as_array(x)
    ndim = len(shape_of(x))
    sources, places = axes_of(_axis(source), ndim), axes_of(_axis(destination), ndim)
    if len(sources) != len(places):
        raise ShapeError(f"moveaxis: {len(sources)} axes do not fit {len(places)} places")
    order = [a for a in range(ndim) if a not in sources]
    for place, a in sorted(zip(places, sources, strict=True)):
        order.insert(place, a)
    return transpose(x, order)


@explained
def squeeze(x: A, axis: Axis = None) -> A:
    """Without the axes of length one, or without those given."""
    return reshape(x, np.squeeze(data_of(x), _axis(axis)).shape)


@explained
def expand_dims(x: A, axis: int | Sequence[int]) -> A:
    """With new axes of length one."""
    return reshape(x, np.expand_dims(data_of(x), _axis(axis)).shape)


def broadcast_to(x: A, shape: Any) -> A:
    """Repeated along axes of length one, and along new ones in front, to the shape given."""
    return shape_rules.BROADCAST_TO(x, shape=_ints((shape,)))


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """An array of the shape and type of ``x`` that holds ``fill_value``, whose gradient is the sum of the entries'."""
    kind = np.dtype(dtype) if dtype is not None else data_of(x).dtype
    if not isinstance(fill_value, Node) or kind.kind != "f":
        return np.full_like(data_of(x), data_of(fill_value), kind)
    filled: Any = broadcast_to(fill_value, shape_of(x))
    return filled if filled.dtype == kind else filled.astype(kind)


@explained
def flip(x: A, axis: Axis = None) -> A:
    """The order along the axes reversed."""
    return shape_rules.FLIP(x, axis=_axis(axis))


@explained
def roll(x: A, shift: Any, axis: Axis = None) -> A:
    """Shifted round along the axes."""
    return shape_rules.ROLL(x, shift=_axis(shift), axis=_axis(axis))


@explained
def repeat(x: A, repeats: Any, axis: int | None = None) -> A:
    """Each entry repeated; over the flattened array if no axis is given."""
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return shape_rules.REPEAT(x, repeats=snapshot(data_of(repeats)), axis=axis)


@explained
def tile(x: A, reps: Any) -> A:
    """The whole array repeated."""
    return shape_rules.TILE(x, reps=_ints((reps,)))


@explained
def pad(x: A, pad_width: Any) -> A:
    """A margin of zeros around it; `compositions.arrangements.pad` has other margins."""
    widths = np.broadcast_to(np.asarray(pad_width), (len(shape_of(x)), 2)).tolist()
    return shape_rules.PAD(x, pad_width=tuple(map(tuple, widths)))


@explained
def diagonal(x: A, offset: int = 0, axis1: int = 0, axis2: int = 1) -> A:
    """The diagonals of the matrices in two axes."""
    return shape_rules.DIAGONAL(x, offset=offset, axis1=axis1, axis2=axis2)


@explained
def trace(x: A, offset: int = 0, axis1: int = 0, axis2: int = 1) -> A:
    """The sum of the diagonal."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


@explained
def tril(x: A, k: int = 0) -> A:
    """The lower triangle, zero above diagonal ``k``."""
    _at_least(1, "tril", x)
    return shape_rules.TRIL(x, k=k)


@explained
def triu(x: A, k: int = 0) -> A:
    """The upper triangle, zero below diagonal ``k``."""
    _at_least(1, "triu", x)
    return shape_rules.TRIU(x, k=k)


@explained
def take_along_axis(x: A, indices: Any, axis: int | None = -1) -> A:
    """In every line along the axis, the entries that ``indices`` names; of the flattened array if it is None."""
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return shape_rules.TAKE_ALONG_AXIS(x, indices=snapshot(data_of(indices)), axis=axis)


@explained
def sort(x: A, axis: int | None = -1) -> A:
    """In ascending order along the axis; of the flattened array if it is None. Equal entries keep their order."""
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return shape_rules.SORT(x, indices=np.argsort(data_of(x), axis=axis, kind="stable"), axis=axis)


def _refuse_array_as_axis(name: str, axis: Any) -> None:
    if getattr(axis, "shape", ()):
        raise DTypeError(f"{name} takes the arrays as one list, and then the axis: write np.{name}([a, b])")


@explained
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Joined along an axis that they have."""
    _refuse_array_as_axis("concatenate", axis)
    if axis is None:
        arrays, axis = [ravel(x) for x in arrays], 0
    return shape_rules.CONCATENATE(*arrays, axis=axis)


@explained
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Joined along a new axis."""
    _refuse_array_as_axis("stack", axis)
    return shape_rules.STACK(*arrays, axis=axis)


@explained
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts along an axis: a number of equal ones, or cut at the indices."""
    shape = shape_of(x)
    axis = _one_axis("split", axis, x)
    before = (slice(None),) * axis
    parts = np.split(np.arange(shape[axis]), data_of(indices_or_sections))
    ends = np.cumsum([len(part) for part in parts]).tolist()
    return [x[(*before, slice(end - len(part), end))] for part, end in zip(parts, ends, strict=True)]


def truth(condition: Any) -> Any:
    """An array of booleans."""
    return condition.astype(bool) if hasattr(condition, "astype") else np.asarray(condition, dtype=bool)


def where(condition: Any, x: Any, y: Any) -> Any:
    """``x`` where the condition holds, ``y`` elsewhere. What is not selected gets the gradient zero."""
    return TABLE["select"](x, y, condition=truth(data_of(condition)))


# --- reductions -------------------------------------------------------------------------------------------------


@explained
def sum(x: A, axis: Axis = None, *, keepdims: bool = False) -> A:
    """Σ x over the axes."""
    return reduction_rules.SUM(x, axis=_axis(axis), keepdims=keepdims)


@explained
def mean(x: A, axis: Axis = None, *, keepdims: bool = False) -> A:
    """Σ x / n over the axes."""
    return reduction_rules.MEAN(x, axis=_axis(axis), keepdims=keepdims)


@explained
def prod(x: A, axis: Axis = None, *, keepdims: bool = False) -> A:
    """Π x over the axes."""
    return reduction_rules.PROD(x, axis=_axis(axis), keepdims=keepdims)


@explained
def var(x: A, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> A:
    """Σ (x − mean)² / (n − ddof) over the axes."""
    return reduction_rules.VAR(x, axis=_axis(axis), ddof=ddof, keepdims=keepdims)


@explained
def std(x: A, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> A:
    """Square root of `var`; its gradient is 0 where all entries are equal, as in PyTorch."""
    return reduction_rules.STD(x, axis=_axis(axis), ddof=ddof, keepdims=keepdims)


@explained
def max(x: A, axis: Axis = None, *, keepdims: bool = False) -> A:
    """The largest entry; ties share the gradient evenly, as in PyTorch's amax."""
    return reduction_rules.MAX(x, axis=_axis(axis), keepdims=keepdims)


@explained
def min(x: A, axis: Axis = None, *, keepdims: bool = False) -> A:
    """The smallest entry; ties share the gradient evenly, as in PyTorch's amin."""
    return reduction_rules.MIN(x, axis=_axis(axis), keepdims=keepdims)


@explained
def logsumexp(x: A, axis: Axis = None, *, keepdims: bool = False) -> A:
    """Log Σ exp(x) over the axes, without overflow."""
    return reduction_rules.LOGSUMEXP(x, axis=_axis(axis), keepdims=keepdims)


@explained
def cumsum(x: A, axis: int | None = None) -> A:
    """Sums from the start along the axis; over the flattened array if none is given."""
    x, axis = (ravel(x), 0) if axis is None else (x, axis)
    return reduction_rules.CUMSUM(x, axis=axis)


@explained
def softmax(x: A, axis: int = -1) -> A:
    """exp(x) / Σ exp(x) along the axis, without overflow."""
    return reduction_rules.SOFTMAX(x, axis=axis)


@explained
def log_softmax(x: A, axis: int = -1) -> A:
    """Log of `softmax`, without underflow."""
    return reduction_rules.LOG_SOFTMAX(x, axis=axis)


@explained
def argmax(x: Any, axis: int | None = None) -> Any:
    """Index of the largest entry: plain integers."""
    return data_of(x).argmax(axis)


@explained
def argmin(x: Any, axis: int | None = None) -> Any:
    """Index of the smallest entry: plain integers."""
    return data_of(x).argmin(axis)


# --- products and linear algebra --------------------------------------------------------------------------------


def matmul(x0: Any, x1: Any) -> Any:
    """The product of matrices, or of stacks of them: ``x0 @ x1``."""
    a, b = shape_of(x0), shape_of(x1)
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ShapeError(
            f"matmul: the shapes {a} and {b} do not fit, because the last axis of the first must be as long as the "
            f"{'second-last' if len(b) > 1 else 'only'} axis of the second: transpose one, or check the layer's sizes"
        )
    return matrix_rules.MATMUL(x0, x1)


def dot(x0: Any, x1: Any) -> Any:
    """The inner product of vectors, the product of matrices; for more axes NumPy's ``dot``."""
    a, b = shape_of(x0), shape_of(x1)
    if not a or not b:
        return x0 * x1
    return matmul(x0, x1) if len(b) <= 2 else tensordot(x0, x1, axes=((-1,), (-2,)))


def inner(x0: Any, x1: Any) -> Any:
    """The sum of products over the last axis of both."""
    if not shape_of(x0) or not shape_of(x1):
        return x0 * x1
    return tensordot(x0, x1, axes=((-1,), (-1,)))


@explained
def outer(x0: Any, x1: Any) -> Any:
    """Every entry of the one times every entry of the other."""
    return einsum("i,j->ij", ravel(x0), ravel(x1))


def tensordot(x0: Any, x1: Any, axes: Any = 2) -> Any:
    """The sum of products over some axes of each."""
    a, b = len(shape_of(x0)), len(shape_of(x1))
    if isinstance(axes, int):
        axes = (range(a - axes, a), range(axes))
    left, right = (
        axes_of(tuple(np.atleast_1d(list(s)).tolist()) if np.ndim(s) else (int(s),), n)
        for s, n in zip(axes, (a, b), strict=True)
    )
    lengths = [tuple(shape_of(x)[i] for i in axes) for x, axes in ((x0, left), (x1, right))]
    if lengths[0] != lengths[1]:
        raise ShapeError(
            f"the axes {left} of shape {shape_of(x0)} and {right} of shape {shape_of(x1)} do not fit: what is summed "
            f"over must be as long in both, but the lengths are {lengths[0]} and {lengths[1]}"
        )
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    first, second = letters[:a], list(letters[a : a + b])
    for i, j in zip(left, right, strict=True):
        second[j] = first[i]
    kept = "".join(c for i, c in enumerate(first) if i not in left)
    kept += "".join(c for j, c in enumerate(second) if j not in right)
    return einsum(f"{first},{''.join(second)}->{kept}", x0, x1)


def einsum(subscripts: str, *operands: Any, optimize: Any = True) -> Any:
    """The sum of products that the subscripts say, for instance ``"ij,jk->ik"``, in the best order in any case."""
    if not isinstance(subscripts, str):
        raise UnsupportedError(
            f"np.einsum of Tensors takes its subscripts as a string such as 'ij,jk->ik', but was given "
            f"{shown(subscripts)}"
        )
    written_out = matrix_rules.explicit_subscripts(subscripts, [len(shape_of(x)) for x in operands])
    return matrix_rules.EINSUM(*operands, subscripts=written_out)


@explained
def norm(x: Any, ord: float | str | None = None, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Norm of vectors (ord 1, 2, inf or p) or of matrices (Frobenius)."""
    matrix = len(axes_of(_axis(axis), len(shape_of(x)))) > 1
    if ord is None or ord == "fro" or (ord == 2 and not matrix):
        return matrix_rules.NORM(x, axis=_axis(axis), keepdims=keepdims)
    if matrix or isinstance(ord, str) or ord == 0:
        raise UnsupportedError(
            "np.linalg.norm of a Tensor knows the Frobenius norm of matrices, and orders 1, 2, inf and p of vectors, "
            f"but was given ord={ord!r}"
        )
    if ord == 1:
        return sum(abs(x), axis, keepdims=keepdims)
    if abs(ord) == math.inf:
        return (max if ord > 0 else min)(abs(x), axis, keepdims=keepdims)
    size = abs(x)
    if ord < 1:  # at an entry that is zero the slope of the power is infinite; PyTorch has 0 there
        empty = data_of(x) == 0
        powers = where(empty, 0.0 if ord > 0 else math.inf, where(empty, 1.0, size) ** ord)
    else:
        powers = size**ord
    total = sum(powers, axis, keepdims=keepdims)
    zero = data_of(total) == 0  # a kink, where PyTorch has 0; the inner choice keeps the slope of the root finite there
    return where(zero, 0.0, where(zero, 1.0, total) ** (1 / ord))


def det(x: A) -> A:
    """The determinant of each matrix."""
    return matrix_rules.DET(x)


def inv(x: A) -> A:
    """The inverse of each matrix."""
    return matrix_rules.INV(x)


def solve(x0: Any, x1: Any) -> Any:
    """The ``y`` with ``x0 @ y = x1``."""
    return matrix_rules.SOLVE(x0, x1)
