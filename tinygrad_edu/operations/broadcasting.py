"""Broadcasting, and its derivative: the sum over the axes along which numbers were copied."""

from typing import Any, cast

import numpy as np

from tinygrad_edu.errors import DTypeError, ShapeError
from tinygrad_edu.operations.matrices import as_rows, ones
from tinygrad_edu.support.types import Array

ndarray = np.ndarray


def added(a: Any, b: Any) -> Any:
    """Add two arrays. NumPy gives a scalar for arrays without axes; this gives an array."""
    total = a + b
    return np.asarray(total) if isinstance(total, np.generic) else total


def common_shape(given: tuple[int, ...], shape: tuple[int, ...], operation: str) -> tuple[int, ...]:
    """The shape to which a gradient of shape ``given`` and the input that it belongs to broadcast."""
    try:
        return np.broadcast_shapes(given, shape)
    except ValueError:
        raise ShapeError(
            f"the derivative of {operation} gave a gradient of shape {given} for an input of shape {shape}: "
            "they must be the same, or differ by broadcasting"
        ) from None


def copied_axes(shape: tuple[int, ...], full: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of the shape ``full`` along which an array of the first shape was copied."""
    lead = len(full) - len(shape)
    return (*range(lead), *(lead + a for a, n in enumerate(shape) if n == 1 and full[lead + a] != 1))


def _sum(gx: Array, axes: Any) -> Any:
    """The sum over axes. float16 counts by ones only up to 2048, so it is summed in float32, as in PyTorch."""
    return np.add.reduce(gx, axis=axes, dtype=np.float32 if gx.dtype.char == "e" else None)


def gradient_dtype(dtype: "np.dtype[Any]") -> "np.dtype[Any]":
    """The type of the gradient of an array of this type. Integers raise an error: they would cut off the fractions."""
    if dtype.kind != "f":
        raise DTypeError(
            f"a Tensor of type {dtype} cannot take a gradient, which has fractions: make it of floats, such as "
            "Tensor(x.astype(float))"
        )
    return dtype


def unbroadcast(gx: Any, x: Array, operation: str) -> Array:
    """The gradient brought to the shape and dtype of ``x``.

    Broadcasting copies numbers, and the gradients of the copies add up: the broadcast axes are summed.
    """
    gx = gx if gx.__class__ is ndarray else np.asarray(gx)
    shape = x.shape
    if gx.shape != shape:
        lead = gx.ndim - len(shape)
        if lead > 0 and gx.shape[lead:] == shape:
            if len(shape) == 1:  # BLAS adds up rows several times faster
                rows = as_rows(gx)
                gx = ones(len(rows), gx.dtype).dot(rows)
            else:
                gx = np.asarray(_sum(gx, tuple(range(lead))))
        else:
            full = common_shape(gx.shape, shape, operation)
            gx = np.asarray(_sum(np.broadcast_to(gx, full), copied_axes(shape, full))).reshape(shape)
    return gx if gx.dtype == x.dtype else cast("Array", gx.astype(gradient_dtype(x.dtype)))
