"""Normalization: mean 0 and variance 1 over some axes, as one operation, since its derivative is short.

A number changes the output in three ways: by itself, through the mean, and through the standard deviation σ. The
gradient has one term for each: gy, minus its mean, minus its part along y.
"""

from typing import Any

import numpy as np

from tinygrad_edu.operations.operation import array_operation

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded
Axes = tuple[int, ...]


def moments(x: Array, axes: Axes) -> tuple[Array, Array, Array]:
    """The mean, ``x − mean``, and the variance; mean and variance keep the axes, with one entry."""
    mean = np.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    return mean, centred, np.mean(centred * centred, axis=axes, keepdims=True)


def _normalize_gx(gy: Array, y: Array, x: Array, *, axes: Axes, eps: float) -> Array:
    _, _, variance = moments(x, axes)
    mean, along = np.mean(gy, axis=axes, keepdims=True), np.mean(gy * y, axis=axes, keepdims=True)
    return (gy - mean - y * along) / np.sqrt(variance + eps)


@array_operation(_normalize_gx, symbol="(x − mean) / σ", formula="(gy − mean(gy) − y · mean(gy · y)) / σ")
def NORMALIZE(x: Array, *, axes: Axes, eps: float) -> Array:
    _, centred, variance = moments(x, axes)
    return centred / np.sqrt(variance + eps)
