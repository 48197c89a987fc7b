"""Operations along axes: sums and means, extremes, cumulative sums, softmax.

``axis`` is None (all axes), an integer or a tuple, as in NumPy. The backward pass of a reduction first puts the
removed axes back into the gradient (`restored`), then spreads it over the entries that were reduced.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.errors import ShapeError
from tinygrad_edu.operations.operation import ArrayOperation, array_operation

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded
Axis = int | tuple[int, ...] | None


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes as non-negative numbers. A single number has none, although NumPy lets it be reduced along 0 or -1."""
    if axis is None or ndim == 0:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not all(-ndim <= a < ndim for a in axes):
        raise ShapeError(f"axis {axis} is out of range for an array of {ndim} axes: use {-ndim} to {ndim - 1}")
    return tuple(a % ndim for a in axes)


def count_of(x: Array, axis: Axis) -> int:
    """The number of entries that are reduced to one."""
    return math.prod(x.shape[a] for a in axes_of(axis, x.ndim))


def restored(y: Array, x: Array, axis: Axis) -> Array:
    """The reduced ``y``, with the removed axes of ``x`` put back with length one."""
    axes = axes_of(axis, x.ndim)
    return y.reshape(tuple(1 if a in axes else n for a, n in enumerate(x.shape)))


def _spread(gy: Array, x: Array, axis: Axis) -> Array:
    return np.broadcast_to(restored(gy, x, axis), x.shape)


def untracked(x: Array) -> Array:
    """The numbers alone: for masks, which have no derivative."""
    return getattr(x, "_data", x)


def in_float32(function: Callable[[Array], Array], x: Array) -> Array:
    """``function(x)``, for float16 computed in float32 and rounded at the end, as in PyTorch.

    The largest float16 is 65504, and above 2048 it cannot count in ones. So its sums overflow or stop growing.
    """
    return function(x.astype(np.float32)).astype(x.dtype) if x.dtype.char == "e" else function(x)


def _sum_gx(gy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return _spread(gy, x, axis)


@array_operation(_sum_gx, symbol="Σ", formula="gy, spread over what was summed")
def SUM(x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return in_float32(lambda x: x.sum(axis=axis, keepdims=keepdims), x)


def _mean_gx(gy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return _spread(in_float32(lambda gy: gy / count_of(x, axis), gy), x, axis)


@array_operation(_mean_gx, formula="gy / n, spread over what was averaged")
def MEAN(x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return x.mean(axis=axis, keepdims=keepdims)


def _prod_gx(gy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    if untracked(x).all() is np.True_:  # False for a placeholder of `compile`, whose answer is not a bool
        return restored(gy * y, x, axis) / x
    return restored(gy, x, axis) * _product_of_the_others(x, axis)


def _product_of_the_others(x: Array, axis: Axis) -> Array:
    """For each entry, the product of the others. ``y / x`` would be 0 / 0 for an entry that is zero."""
    axes = axes_of(axis, x.ndim)
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    order = kept + axes
    moved = x.transpose(order)
    n = count_of(x, axis)
    lines = moved.reshape((*moved.shape[: len(kept)], 1, n))
    others = np.prod(np.where(np.eye(n, dtype=bool), 1.0, lines), axis=-1)
    return others.reshape(moved.shape).transpose(tuple(order.index(a) for a in range(x.ndim)))


@array_operation(_prod_gx, symbol="Π", formula="gy · the product of the others")
def PROD(x: Array, *, axis: Axis, keepdims: bool) -> Array:
    return np.prod(x, axis=axis, keepdims=keepdims)


def _degrees_of_freedom(x: Array, axis: Axis, ddof: int) -> float:
    n = count_of(x, axis) - ddof
    return n if n > 0 else math.nan  # the variance itself is nan, too


def _var_gx(gy: Array, y: Array, x: Array, *, axis: Axis, ddof: int, keepdims: bool) -> Array:
    spread = 2.0 / _degrees_of_freedom(x, axis, ddof) * (x - np.mean(x, axis=axis, keepdims=True))
    return restored(gy, x, axis) * spread


@array_operation(_var_gx, formula="gy · 2 (x − mean) / (n − ddof)")
def VAR(x: Array, *, axis: Axis, ddof: int, keepdims: bool) -> Array:
    return in_float32(lambda x: np.var(x, axis=axis, ddof=ddof, keepdims=keepdims), x)


def _std_gx(gy: Array, y: Array, x: Array, *, axis: Axis, ddof: int, keepdims: bool) -> Array:
    flat = untracked(y) == 0  # all entries are equal: a kink, and PyTorch gives 0
    share = np.where(flat, 0.0, gy / np.where(flat, 1.0, y))
    n = _degrees_of_freedom(x, axis, ddof)
    return in_float32(lambda share: restored(share, x, axis) * (x - np.mean(x, axis=axis, keepdims=True)) / n, share)


@array_operation(_std_gx, formula="gy · (x − mean) / (y (n − ddof))")
def STD(x: Array, *, axis: Axis, ddof: int, keepdims: bool) -> Array:
    return in_float32(lambda x: np.std(x, axis=axis, ddof=ddof, keepdims=keepdims), x)


def _extreme(name: str, function: Any) -> ArrayOperation:
    def forward(x: Array, *, axis: Axis, keepdims: bool) -> Array:
        return function(x, axis=axis, keepdims=keepdims)

    def gx(gy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
        ties = untracked(x) == restored(untracked(y), x, axis)
        count = np.sum(ties, axis=axis, keepdims=keepdims)
        share = in_float32(lambda gy: gy / count.astype(gy.dtype), gy)
        return np.where(ties, restored(share, x, axis), 0.0)

    return ArrayOperation(name, forward, gx, formula="gy to the winner; ties share it evenly")


MAX = _extreme("max", np.max)
MIN = _extreme("min", np.min)


def _shift(x: Array, axis: Axis) -> Array:
    """The largest entry, which is subtracted before exp; 0 if it is infinite."""
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, 0.0).astype(x.dtype)


def _logsumexp_gx(gy: Array, y: Array, x: Array, *, axis: Axis, keepdims: bool) -> Array:
    y = np.where(untracked(y) == -np.inf, 0.0, y)
    return restored(gy, x, axis) * np.exp(x - restored(y, x, axis))


def _of_floats(x: Array) -> Array:
    """Floats for integers: an exponential has fractions."""
    return x if x.dtype.kind == "f" else x.astype(float)


@array_operation(_logsumexp_gx, formula="gy · softmax(x)")
def LOGSUMEXP(x: Array, *, axis: Axis, keepdims: bool) -> Array:
    x = _of_floats(x)
    shift = _shift(x, axis)
    with np.errstate(divide="ignore"):  # log(0) if every entry is -inf
        y = in_float32(lambda x: np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift, x)
    return y if keepdims else np.squeeze(y, axis)


def _softmax_gx(gy: Array, y: Array, x: Array, *, axis: int) -> Array:
    return y * (gy - np.sum(gy * y, axis=axis, keepdims=True))


@array_operation(_softmax_gx, formula="y · (gy − Σ gy·y)")
def SOFTMAX(x: Array, *, axis: int) -> Array:
    return in_float32(lambda x: _softmax(x, axis), _of_floats(x))


def _top(x: Array, axis: int) -> Array:
    """The largest entry, or the least finite number: −inf, from a mask, is not subtracted from itself."""
    return np.max(x, axis=axis, keepdims=True, initial=np.finfo(x.dtype).min)


def _softmax(x: Array, axis: int) -> Array:
    y = np.exp(x - _top(x, axis))
    y /= y.sum(axis=axis, keepdims=True)
    return y


def _log_softmax_gx(gy: Array, y: Array, x: Array, *, axis: int) -> Array:
    return gy - np.exp(y) * np.sum(gy, axis=axis, keepdims=True)


@array_operation(_log_softmax_gx, formula="gy − exp(y) · Σ gy")
def LOG_SOFTMAX(x: Array, *, axis: int) -> Array:
    x = _of_floats(x)
    y = x - _top(x, axis)  # first the shift: x - logsumexp(x) loses the digits that both share
    with np.errstate(divide="ignore"):  # log(0) if there are no entries
        return in_float32(lambda y: y - np.log(np.sum(np.exp(y), axis=axis, keepdims=True)), y)


def _cumsum_gx(gy: Array, y: Array, x: Array, *, axis: int) -> Array:
    return np.flip(np.cumsum(np.flip(gy, axis), axis=axis), axis)


@array_operation(_cumsum_gx, formula="gy, summed from the end")
def CUMSUM(x: Array, *, axis: int) -> Array:
    return in_float32(lambda x: np.cumsum(x, axis=axis), x)


def _cumprod_gx(gy: Array, y: Array, x: Array, *, axis: int) -> Array:
    if untracked(x).all() is np.True_:  # False for a placeholder of `compile`, whose answer is not a bool
        return np.flip(np.cumsum(np.flip(gy * y, axis), axis=axis), axis) / x
    n = x.shape[axis]
    lines = np.expand_dims(np.moveaxis(x, axis, -1), -2)
    others = np.cumprod(np.where(np.eye(n, dtype=bool), 1.0, lines).astype(x.dtype), axis=-1)  # [i, j]: up to j, not i
    flows = np.expand_dims(np.moveaxis(gy, axis, -1), -2) * np.triu(others)
    return np.moveaxis(np.sum(flows, axis=-1), -1, axis)


@array_operation(_cumprod_gx, formula="Σ gy · the product of the others, from the end")
def CUMPROD(x: Array, *, axis: int) -> Array:
    return np.cumprod(x, axis=axis)
