"""Normalization over some axes, as one operation, since its derivative is short.

`NORMALIZE` gives mean 0 and variance 1, `RMS_NORMALIZE` the mean square 1.

A number changes the output in three ways: by itself, through the mean, and through the standard deviation σ. The
gradient has one term for each: gy, minus its mean, minus its part along y. Without a mean there are two terms.
"""

from typing import Any

import numpy as np

from tinygrad_edu.operations.matrices import LONG, MANY, as_rows, ones
from tinygrad_edu.operations.operation import array_operation

ndarray = np.ndarray
Array = Any  # an ndarray, or a Tensor while the backward pass is recorded
Axes = tuple[int, ...]


def mean_over(x: Array, axes: Axes) -> Array:
    """The mean over the axes, which stay with one entry.

    Over the last axis, or over all others, it is a product with ones: BLAS adds up in a third of NumPy's time. So does
    a compiled step.
    """
    if x.__class__ is ndarray and x.size >= MANY and x.ndim > 1 and x.dtype.char in "fd" and x.flags.c_contiguous:
        over, last = {axis % x.ndim for axis in axes}, x.ndim - 1
        rows = as_rows(x)
        if over == {last} and x.shape[-1] <= LONG:
            return (rows.dot(ones(x.shape[-1], x.dtype)) / x.shape[-1]).reshape((*x.shape[:-1], 1))
        if over == {*range(last)}:
            return (ones(len(rows), x.dtype).dot(rows) / len(rows)).reshape((*[1] * last, x.shape[-1]))
    return np.mean(x, axis=axes, keepdims=True)


def moments(x: Array, axes: Axes) -> tuple[Array, Array, Array]:
    """The mean, ``x − mean``, and the variance; mean and variance keep the axes, with one entry."""
    x = _widened(x)
    mean = mean_over(x, axes)
    centred = x - mean
    return mean, centred, mean_over(centred * centred, axes)


def _widened(x: Array) -> Array:
    """float16 as float32: the square of 256 is above the largest float16. PyTorch does the same."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def _divided(x: Array, spread: Array, dtype: Any) -> Array:
    y = x / spread
    return y.astype(dtype) if dtype == np.float16 else y


def _deviation(x: Array, axes: Axes, eps: float) -> tuple[Array, Array]:
    """``x − mean``, and ``√(variance + eps)``."""
    _, centred, variance = moments(x, axes)
    return centred, np.sqrt(variance + eps)


def _normalize_gx(gy: Array, y: Array, x: Array, *, axes: Axes, eps: float) -> Array:
    _, spread = _deviation(x, axes, eps)
    gy, y = _widened(gy), _widened(y)
    return (gy - mean_over(gy, axes) - y * mean_over(gy * y, axes)) / spread


@array_operation(_normalize_gx, symbol="(x − mean) / σ", formula="(gy − mean(gy) − y · mean(gy · y)) / σ")
def NORMALIZE(x: Array, *, axes: Axes, eps: float) -> Array:
    return _divided(*_deviation(x, axes, eps), x.dtype)


def _root_mean_square(x: Array, axes: Axes, eps: float) -> Array:
    return np.sqrt(mean_over(x * x, axes) + eps)


def _rms_normalize_gx(gy: Array, y: Array, x: Array, *, axes: Axes, eps: float) -> Array:
    spread = _root_mean_square(_widened(x), axes, eps)
    gy, y = _widened(gy), _widened(y)
    return (gy - y * mean_over(gy * y, axes)) / spread


@array_operation(_rms_normalize_gx, symbol="x / rms", formula="(gy − y · mean(gy · y)) / rms")
def RMS_NORMALIZE(x: Array, *, axes: Axes, eps: float) -> Array:
    wide = _widened(x)
    return _divided(wide, _root_mean_square(wide, axes, eps), x.dtype)
