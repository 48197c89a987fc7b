"""Joining, splitting, turning, padding and picking: numbers are moved, and none of them changes."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError, UnsupportedError
from tinygrad_edu.functions import as_array, concatenate, flip, moveaxis, ravel, reshape, shape_of, split, stack
from tinygrad_edu.functions import pad as pad_with_zeros
from tinygrad_edu.graph.node import Node, data_of
from tinygrad_edu.operations.shapes import SCATTER_ADD


def array(x: Any, dtype: Any = None, **_: Any) -> Any:
    """A Tensor of a nested list of Tensors and numbers: ``np.array([t, 2.0], like=t)``."""
    if isinstance(x, list | tuple):
        x = stack([array(part) for part in x])
    y: Any = x if isinstance(x, Node) else as_array(x)
    return y if dtype is None or y.dtype == dtype else y.astype(dtype)


def copy(x: Any) -> Any:
    """The same numbers as a new node."""
    return +x


# --- at least so many axes --------------------------------------------------------------------------------------


def _of_each(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function of any number of arrays: what it gives for the only one, or a tuple."""

    @functools.wraps(function)
    def of_all(*arys: Any) -> Any:
        return function(arys[0]) if len(arys) == 1 else tuple(map(function, arys))

    return of_all


@_of_each
def atleast_1d(x: Any) -> Any:
    """A single number as an array of one."""
    return x if shape_of(x) else reshape(x, 1)


@_of_each
def atleast_2d(x: Any) -> Any:
    """A vector as a matrix of one row."""
    return x if len(shape_of(x)) > 1 else reshape(x, 1, -1)


@_of_each
def atleast_3d(x: Any) -> Any:
    """A vector of n as (1, n, 1), a matrix as (m, n, 1)."""
    shape = shape_of(x)
    return x if len(shape) > 2 else reshape(x, *shape, 1) if len(shape) == 2 else reshape(x, 1, -1, 1)


# --- joining ----------------------------------------------------------------------------------------------------


def hstack(tup: Sequence[Any]) -> Any:
    """Joined along the second axis; vectors along their only one."""
    parts = [atleast_1d(x) for x in tup]
    return concatenate(parts, 0 if len(shape_of(parts[0])) == 1 else 1)


def vstack(tup: Sequence[Any]) -> Any:
    """Joined along the first axis; vectors become rows."""
    return concatenate([atleast_2d(x) for x in tup], 0)


def dstack(tup: Sequence[Any]) -> Any:
    """Joined along the third axis."""
    return concatenate([atleast_3d(x) for x in tup], 2)


def column_stack(tup: Sequence[Any]) -> Any:
    """Vectors as the columns of a matrix, matrices side by side."""
    return concatenate([x if len(shape_of(x)) > 1 else reshape(x, -1, 1) for x in tup], 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """``values`` after ``arr``; both are flattened if no axis is given."""
    return concatenate([arr, values], axis)


def broadcast_arrays(*args: Any) -> Any:
    """All of them in the shape to which they broadcast together."""
    shape = np.broadcast_shapes(*map(shape_of, args))
    return tuple(np.broadcast_to(x, shape) for x in args)


def meshgrid(*xi: Any, indexing: str = "xy", sparse: bool = False) -> Any:
    """The coordinates of a grid, one array for each axis."""
    n = len(xi)
    places = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    grids = [
        reshape(x, *(-1 if axis == place else 1 for axis in range(n))) for x, place in zip(xi, places, strict=True)
    ]
    return tuple(grids) if sparse else broadcast_arrays(*grids)


# --- splitting --------------------------------------------------------------------------------------------------


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts along an axis: a number of nearly equal ones, or cut at the indices."""
    if np.ndim(indices_or_sections):
        return split(ary, indices_or_sections, axis)
    length, sections = shape_of(ary)[axis], operator.index(indices_or_sections)
    ends = np.cumsum([length // sections + (i < length % sections) for i in range(sections)])
    return split(ary, ends[:-1].tolist(), axis)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the second axis; a vector along its only one."""
    return split(ary, indices_or_sections, 0 if len(shape_of(ary)) == 1 else 1)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the first axis."""
    return split(ary, indices_or_sections, 0)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """`split` along the third axis."""
    return split(ary, indices_or_sections, 2)


# --- turning ----------------------------------------------------------------------------------------------------


def fliplr(m: Any) -> Any:
    """The columns in reverse order."""
    return flip(m, 1)


def flipud(m: Any) -> Any:
    """The rows in reverse order."""
    return flip(m, 0)


def rot90(m: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """Turned by 90 degrees ``k`` times, from the first of the axes to the second."""
    for _ in range(k % 4):
        m = flip(np.swapaxes(m, axes[0], axes[1]), axes[0])
    return m


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """The axis moved in front of axis ``start``."""
    ndim = len(shape_of(a))
    axis, start = axis % ndim, start + ndim if start < 0 else start
    return moveaxis(a, axis, start - (axis < start))


# --- diagonals --------------------------------------------------------------------------------------------------


def diag(v: Any, k: int = 0) -> Any:
    """A matrix with ``v`` on diagonal ``k``; the diagonal of a matrix."""
    shape = shape_of(v)
    if len(shape) == 2:
        return np.diagonal(v, k)
    if len(shape) != 1:
        raise ShapeError(f"diag takes a vector or a matrix, but was given an array of shape {shape}")
    n, places = shape[0] + abs(k), np.arange(shape[0])
    return SCATTER_ADD(v, index=(places + max(-k, 0), places + max(k, 0)), shape=(n, n))


def diagflat(v: Any, k: int = 0) -> Any:
    """A matrix with all entries of ``v`` on diagonal ``k``."""
    return diag(ravel(v), k)


# --- picking ----------------------------------------------------------------------------------------------------


def take(a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Any:
    """The entries at ``indices`` along the axis; of the flattened array if none is given."""
    a, axis = (ravel(a), 0) if axis is None else (a, axis)
    length, places = shape_of(a)[axis], np.asarray(data_of(indices))
    if mode == "wrap":
        places = places % length
    elif mode == "clip":
        places = np.clip(places, 0, length - 1)
    return a[(slice(None),) * (axis % len(shape_of(a))) + (places,)]


def partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    """The ``kth`` smallest entries in their sorted places, smaller ones before them."""
    a, axis = (ravel(a), 0) if axis is None else (a, axis)
    return np.take_along_axis(a, np.argpartition(data_of(a), kth, axis), axis)


def _gathered(x: Any, places: Any) -> Any:
    """The entries of ``x`` that NumPy's function put into an array of their numbers."""
    return ravel(x)[places]


def _numbered(x: Any) -> Any:
    shape = shape_of(x)
    return np.arange(functools.reduce(operator.mul, shape, 1)).reshape(shape)


def sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Any:
    """Every window of the shape given, as an array (a copy, since each entry is part of several windows)."""
    return _gathered(x, np.lib.stride_tricks.sliding_window_view(_numbered(x), window_shape, axis))


_COPYING = ("edge", "reflect", "symmetric", "wrap")


def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    """A margin around it: of numbers, or of its own entries ("edge", "reflect", "symmetric", "wrap")."""
    shape = shape_of(x)
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (len(shape), 2))
    except ValueError:
        raise ShapeError(
            f"pad of {shape}: the widths {pad_width} do not fit: give one number, a pair, or a pair for each axis"
        ) from None
    if mode in _COPYING:
        return _gathered(x, np.pad(_numbered(x), widths, mode=mode))  # type: ignore[call-overload]
    if mode != "constant":
        raise UnsupportedError(
            f"pad of a Tensor knows the modes constant, {', '.join(_COPYING)}, but was given mode={mode!r}: "
            "concatenate the margin instead"
        )
    padded = pad_with_zeros(x, widths)
    if np.ndim(constant_values) == 0 and not isinstance(constant_values, Node):
        if constant_values == 0:
            return padded
        constant_values = data_of(constant_values)
    if isinstance(constant_values, Node) and constant_values.requires_grad:
        margin: Any = constant_values
    else:
        margin = np.pad(np.zeros(shape, padded.dtype), widths, constant_values=data_of(constant_values))
    return np.where(np.pad(np.ones(shape, bool), widths), padded, margin)


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """For each entry the choice whose condition is the first to hold."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ShapeError(
            f"select takes as many conditions as choices, but was given {len(condlist)}, {len(choicelist)}"
        )
    y = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        y = np.where(condition, choice, y)
    return y


_NAMES = (
    "copy atleast_1d atleast_2d atleast_3d hstack vstack dstack column_stack append broadcast_arrays meshgrid "
    "array_split hsplit vsplit dsplit fliplr flipud rot90 rollaxis diag diagflat take partition pad select array"
)
NUMPY: dict[Any, Any] = {getattr(np, name): globals()[name] for name in _NAMES.split()} | {
    np.lib.stride_tricks.sliding_window_view: sliding_window_view,
    np.asarray: array,
}
