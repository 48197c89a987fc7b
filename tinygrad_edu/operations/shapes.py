"""Operations that move numbers without changing them: shapes, order, joining, indexing.

Their backward passes move the gradient back the same way; where a number was copied, its gradients add up.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.operations.operation import ArrayOperation, array_operation

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded
_MANY = 512  # numbers from which on an addition at an index goes number by number


def _reshape_gx(gy: Array, y: Array, x: Array, *, shape: Any) -> Array:
    return gy.reshape(x.shape)


@array_operation(_reshape_gx, formula="reshape(gy)")
def RESHAPE(x: Array, *, shape: Any) -> Array:
    return x.reshape(shape)


def _transpose_gx(gy: Array, y: Array, x: Array, *, axes: tuple[int, ...]) -> Array:
    return gy.transpose(tuple(axes.index(i) for i in range(len(axes))))


@array_operation(_transpose_gx, symbol="ᵀ", formula="gyᵀ")
def TRANSPOSE(x: Array, *, axes: tuple[int, ...]) -> Array:
    return x.transpose(axes)


def _broadcast_to_gx(gy: Array, y: Array, x: Array, *, shape: tuple[int, ...]) -> Array:
    return gy  # the engine sums what was broadcast


@array_operation(_broadcast_to_gx, symbol="broadcast", formula="gy")
def BROADCAST_TO(x: Array, *, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(x, shape)


def _flip_gx(gy: Array, y: Array, x: Array, *, axis: Any) -> Array:
    return np.flip(gy, axis)


@array_operation(_flip_gx, formula="flip(gy)")
def FLIP(x: Array, *, axis: Any) -> Array:
    return np.flip(x, axis)


def _roll_gx(gy: Array, y: Array, x: Array, *, shift: Any, axis: Any) -> Array:
    back = tuple(-s for s in shift) if isinstance(shift, tuple) else -shift
    return np.roll(gy, back, axis)


@array_operation(_roll_gx, formula="roll(gy, -shift)")
def ROLL(x: Array, *, shift: Any, axis: Any) -> Array:
    return np.roll(x, shift, axis)


def _repeat_gx(gy: Array, y: Array, x: Array, *, repeats: Any, axis: int) -> Array:
    if not x.ndim:  # NumPy repeats a single number as an array of one
        return gy.sum()
    source = np.repeat(np.arange(x.shape[axis]), repeats)
    index = (slice(None),) * (axis % x.ndim) + (source,)
    return SCATTER_ADD(gy, index=index, shape=x.shape)


@array_operation(_repeat_gx, formula="gy, added up over the copies")
def REPEAT(x: Array, *, repeats: Any, axis: int) -> Array:
    return np.repeat(x, repeats, axis)


def _tile_gx(gy: Array, y: Array, x: Array, *, reps: tuple[int, ...]) -> Array:
    ndim = max(len(reps), x.ndim)
    reps = (1,) * (ndim - len(reps)) + reps
    shape = (1,) * (ndim - x.ndim) + x.shape
    interleaved = tuple(n for pair in zip(reps, shape, strict=True) for n in pair)
    return gy.reshape(interleaved).sum(axis=tuple(range(0, 2 * ndim, 2))).reshape(x.shape)


@array_operation(_tile_gx, formula="gy, added up over the copies")
def TILE(x: Array, *, reps: tuple[int, ...]) -> Array:
    return np.tile(x, reps)


def _pad_gx(gy: Array, y: Array, x: Array, *, pad_width: tuple[tuple[int, int], ...]) -> Array:
    return gy[tuple(slice(before, before + n) for (before, _), n in zip(pad_width, x.shape, strict=True))]


@array_operation(_pad_gx, formula="gy without the margin")
def PAD(x: Array, *, pad_width: tuple[tuple[int, int], ...]) -> Array:
    return np.pad(x, pad_width)


def _concatenate_gx(i: int, gy: Array, y: Array, *xs: Array, axis: int) -> Array:
    start = sum(x.shape[axis] for x in xs[:i])
    return gy[(slice(None),) * (axis % y.ndim) + (slice(start, start + xs[i].shape[axis]),)]


@array_operation(_concatenate_gx, symbol="concat", formula="its part of gy", any_number=True)
def CONCATENATE(*xs: Array, axis: int) -> Array:
    return np.concatenate(xs, axis)


def _stack_gx(i: int, gy: Array, y: Array, *xs: Array, axis: int) -> Array:
    return gy[(slice(None),) * (axis % y.ndim) + (i,)]


@array_operation(_stack_gx, formula="its part of gy", any_number=True)
def STACK(*xs: Array, axis: int) -> Array:
    return np.stack(xs, axis)


def _triangle(name: str, function: Any) -> ArrayOperation:
    def forward(x: Array, *, k: int) -> Array:
        return function(x, k)

    def gx(gy: Array, y: Array, x: Array, *, k: int) -> Array:
        return function(gy, k)

    return ArrayOperation(name, forward, gx, formula=f"{name}(gy)")


TRIL = _triangle("tril", np.tril)
TRIU = _triangle("triu", np.triu)


def _diagonal_gx(gy: Array, y: Array, x: Array, *, offset: int, axis1: int, axis2: int) -> Array:
    moved = [n for a, n in enumerate(x.shape) if a not in (axis1 % x.ndim, axis2 % x.ndim)]
    k = np.arange(y.shape[-1])
    index = (k + max(-offset, 0), k + max(offset, 0))
    shape = (x.shape[axis1], x.shape[axis2], *moved)
    return np.moveaxis(SCATTER_ADD(np.moveaxis(gy, -1, 0), index=index, shape=shape), (0, 1), (axis1, axis2))


@array_operation(_diagonal_gx, formula="gy on the diagonal, 0 elsewhere")
def DIAGONAL(x: Array, *, offset: int, axis1: int, axis2: int) -> Array:
    return np.diagonal(x, offset, axis1, axis2)


# --- indexing ---------------------------------------------------------------------------------------------------


def is_basic(index: Any) -> bool:
    """Whether the index is of slices and integers alone: what it takes is a view, with no entry twice."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(p is None or p is Ellipsis or isinstance(p, slice | int | np.integer) for p in parts)


def _getitem_gx(gy: Array, y: Array, x: Array, *, index: Any) -> Array:
    return SCATTER_ADD(gy, index=index, shape=x.shape)


@array_operation(_getitem_gx, symbol="[ ]", formula="gy where it was taken from")
def GETITEM(x: Array, *, index: Any) -> Array:
    return x[index]


def _scatter_add_gx(gy: Array, y: Array, x: Array, *, index: Any, shape: Sequence[int]) -> Array:
    return gy[index]


@array_operation(_scatter_add_gx, formula="gy[index]")
def SCATTER_ADD(x: Array, *, index: Any, shape: Sequence[int]) -> Array:
    y = np.zeros(shape, x.dtype)
    if is_basic(index):
        y[index] = x
    else:
        add_at(y, index, x)
    return y


def add_at(y: Array, index: Any, x: Array) -> None:
    """``y[index] += x``, where a repeated index counts each time.

    Many rows are added as single numbers, in the same order: NumPy's loop over numbers takes a fifth of the time of its
    loop over rows.
    """
    is_of_rows = isinstance(index, np.ndarray) and index.dtype.kind in "iu" and y.ndim > 1 and y.flags.c_contiguous
    if not is_of_rows or x.size < _MANY:
        np.add.at(y, index, x)
        return
    length = y.size // len(y)
    entries = index.reshape(-1, 1).astype(np.intp) * length + np.arange(length)
    np.add.at(y.reshape(-1), entries.reshape(-1), x.reshape(-1))


def _along(shape: Sequence[int], indices: Array, axis: int) -> tuple[Array, ...]:
    """The index that takes the entries that ``indices`` names in every line along ``axis`` of an array."""
    grids = list(np.ogrid[tuple(slice(n) for n in shape)])
    grids[axis] = indices
    return tuple(grids)


def _take_along_axis(x: Array, *, indices: Array, axis: int) -> Array:
    return np.take_along_axis(x, indices, axis)


def _take_along_axis_gx(gy: Array, y: Array, x: Array, *, indices: Array, axis: int) -> Array:
    return SCATTER_ADD(gy, index=_along(x.shape, indices, axis % x.ndim), shape=x.shape)


TAKE_ALONG_AXIS = ArrayOperation(
    "take_along_axis",
    _take_along_axis,
    _take_along_axis_gx,
    symbol="take",
    formula="gy where it was taken from",
)
SORT = ArrayOperation("sort", _take_along_axis, _take_along_axis_gx, formula="gy, put back in the order before sorting")
