"""Python numbers and arrays as JavaScript expressions, bit for bit."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.javascript.rows import number

_DTYPES = {"float64": "float64", "float32": "float32", "bool": "bool"} | {
    f"{sign}int{bits}": "int64" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
_LONG = 1000  # numbers, from which on an array is written in base64


def type_name(dtype: Any) -> str:
    """The type's name in the JavaScript library, which has one type of integers; "" if it has none."""
    return _DTYPES.get(np.dtype(dtype).name, "")


def literal(array: Any) -> str:
    """The array as an expression that makes it.

    Raises
    ------
    CompileError : there is no such type of numbers in JavaScript.

    Examples
    --------
    >>> literal(np.array([[1.0, 2.0], [1.0, 2.0]]))
    'np.broadcast_to(np.array([1.0, 2.0], [2], "float64"), [2, 2])'
    """
    array = np.asarray(array)
    dtype = type_name(array.dtype)
    if not dtype:
        raise CompileError(
            f"numbers of type {array.dtype.name} have no JavaScript: use float64, float32, int64 or bool"
        )
    shape = shape_text(array.shape)
    if array.size > 1 and _repeats(array.ravel()):
        return f'np.full({shape}, {number(array.flat[0].item())}, "{dtype}")'
    if array.ndim == 1 and dtype == "int64" and np.array_equal(array, np.arange(array.size)):
        return f"np.arange({array.size})"
    if array.ndim > 1 and len(array) > 1 and 0 < array[0].size < _LONG and _repeats(array):
        return f"np.broadcast_to({literal(array[0])}, {shape})"
    if array.size < _LONG:
        return f'np.array([{", ".join(map(number, array.ravel().tolist()))}], {shape}, "{dtype}")'
    return f'np.decoded("{encoded(array)}", {shape}, "{dtype}")'


def encoded(array: Any) -> str:
    """The bytes of the entries in base64, as ``np.decoded`` reads them."""
    array = np.asarray(array)
    plain = np.ascontiguousarray(array, np.int64 if type_name(array.dtype) == "int64" else None)
    return base64.b64encode(plain.tobytes()).decode()


def shape_text(shape: Sequence[int]) -> str:
    """The shape as a list."""
    return f"[{', '.join(map(str, shape))}]"


def _repeats(array: Any) -> bool:
    """Whether all entries along the first axis have the same bits: 0.0 and -0.0 have not."""
    return np.ascontiguousarray(array).tobytes() == np.ascontiguousarray(array[0]).tobytes() * len(array)
