"""NumPy's protocols: what ``np.sum(t)`` and ``np.exp(t)`` call when one of their arguments is a Tensor."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu import functions
from tinygrad_edu.compositions import arrangements, linear_algebra, numbers
from tinygrad_edu.errors import CallError, TinygradEduError, UnsupportedError
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.operations.elementwise import NUMPY_NAMES, TABLE


def _on_data(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function without a derivative (an index, a boolean, a shape), called on the arrays alone."""

    def answer(*args: Any, **keywords: Any) -> Any:
        return function(*map(_data_of_all, args), **{k: _data_of_all(v) for k, v in keywords.items()})

    return answer


def _data_of_all(x: Any) -> Any:
    return type(x)(map(_data_of_all, x)) if type(x) in (list, tuple) else data_of(x)


NUMPY: dict[Any, Callable[..., Any]] = {
    np.reshape: lambda x, shape: functions.reshape(x, shape),
    np.ravel: functions.ravel,
    np.transpose: lambda x, axes=None: functions.transpose(x, axes),
    np.permute_dims: lambda x, axes=None: functions.transpose(x, axes),
    np.amax: functions.max,
    np.amin: functions.min,
    np.linalg.det: functions.det,
    np.linalg.inv: functions.inv,
    np.linalg.solve: functions.solve,
}
_SAME_NAME = (
    "swapaxes moveaxis squeeze expand_dims broadcast_to flip roll repeat tile diagonal trace tril triu "
    "full_like take_along_axis sort concatenate stack split where sum mean prod var std max min cumsum dot inner "
    "outer tensordot"
)
_WITHOUT_DERIVATIVE = (
    "shape ndim size argmax argmin argsort nonzero count_nonzero isclose allclose array_equal any all searchsorted "
    "may_share_memory shares_memory zeros_like ones_like empty_like result_type array2string array_repr "
    "array_str iscomplexobj isrealobj iscomplex isreal"
)
NUMPY |= {getattr(np, name): getattr(functions, name) for name in _SAME_NAME.split()}
NUMPY |= arrangements.NUMPY | linear_algebra.NUMPY | numbers.NUMPY
NUMPY |= {getattr(np, name): _on_data(getattr(np, name)) for name in _WITHOUT_DERIVATIVE.split()}
UFUNCS = {name: TABLE[row] for name, row in NUMPY_NAMES.items()} | {
    name: row for name, row in TABLE.items() if isinstance(getattr(np, name, None), np.ufunc)
}
_PREDICATES = (
    "equal not_equal less less_equal greater greater_equal isnan isinf isfinite signbit logical_and logical_or "
    "logical_not logical_xor"
)
PREDICATES = frozenset(_PREDICATES.split())


_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"}


def call_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """NumPy's ufunc with a Tensor among its inputs."""
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    if keywords:
        if list(keywords) == ["out"] and method == "__call__" and isinstance(keywords["out"][0], np.ndarray):
            if not any(getattr(x, "requires_grad", False) for x in inputs):
                return ufunc(*map(data_of, inputs), **keywords)
            sign = _SIGNS.get(name)
            if sign and inputs[0] is keywords["out"][0]:
                raise UnsupportedError(
                    f"an array cannot take a Tensor in place, as in a {sign}= t, which would lose its gradient: write "
                    f"a = a {sign} t, or, where the numbers alone are meant, a {sign}= t.numpy()"
                )
        given = ", ".join(f"{k}=" for k in keywords)
        raise UnsupportedError(f"np.{name} of a Tensor takes no {given}: the result is a new Tensor")
    if name in PREDICATES:
        return ufunc(*map(data_of, inputs))
    if name == "matmul":
        return functions.matmul(*inputs)
    row = UFUNCS.get(name) or numbers.UFUNCS.get(name)
    if row is None:
        raise UnsupportedError(_unsupported(name))
    return row(*inputs)


def call_function(function: Any, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """NumPy's function with a Tensor among its arguments."""
    name = f"{function.__module__.removeprefix('numpy').lstrip('.')}.{function.__name__}".lstrip(".")
    mine = NUMPY.get(function)
    if mine is None:
        raise UnsupportedError(_unsupported(name))
    try:
        return mine(*args, **keywords)
    except CallError as error:
        given = _unknown(mine, keywords) or f"{len(args)} arguments by position"
        raise UnsupportedError(f"np.{name} of a Tensor cannot be called with {given}: {error}") from None
    except TinygradEduError:
        raise
    except (TypeError, ValueError, IndexError, AttributeError, ArithmeticError) as error:
        if isinstance(error, TypeError) and "argument" in str(error):
            given = _unknown(mine, keywords) or f"{len(args)} arguments by position"
            raise UnsupportedError(f"np.{name} of a Tensor cannot be called with {given} ({error})") from None
        raise functions.restated(f"np.{name}", args, error) from None


def _unknown(function: Any, keywords: dict[str, Any]) -> str:
    """The keywords that the function does not take; all of them where that is not known."""
    code = getattr(getattr(function, "__wrapped__", function), "__code__", None)
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    return ", ".join([f"{k}=" for k in keywords if k not in known] or [f"{k}=" for k in keywords])


# What serves instead of a function that has no derivative here.
INSTEAD = {
    "copyto": "np.broadcast_to, np.where or np.full_like",
    "put_along_axis": "t.at[index].set(x)",
    "put": "t.at[index].set(x)",
    "place": "np.where",
    "putmask": "np.where",
    "fill_diagonal": "np.where with np.eye(n, dtype=bool)",
    "linalg.eig": "np.linalg.eigh, of a symmetric matrix",
    "linalg.eigvals": "np.linalg.eigvalsh, of a symmetric matrix",
    "linalg.lstsq": "np.linalg.solve(A.T @ A, A.T @ b), or np.linalg.pinv(A) @ b",
    "linalg.matrix_rank": "np.linalg.svd(t, compute_uv=False), whose entries you compare",
    "linalg.cond": "np.linalg.svd(t, compute_uv=False): the first entry over the last",
    "imag": "np.zeros_like(t), because a Tensor holds real numbers",
    "angle": "np.where(t < 0, np.pi, 0.0), whose slope is 0",
    "real_if_close": "t itself, because a Tensor holds real numbers",
    "average": "(t * weights).sum() / weights.sum()",
    "ptp": "t.max() - t.min()",
    "insert": "np.concatenate of the parts",
    "delete": "t[kept], with the indices or the mask of what stays",
    "resize": "np.tile and an index",
    "unique": "np.sort, or np.unique of t.detach()",
    "nanmax": "np.where(np.isnan(t), -np.inf, t).max()",
    "nanmin": "np.where(np.isnan(t), np.inf, t).min()",
    "nanstd": "np.nanmean of squares of what is left of the mean",
    "nanvar": "np.nanmean of squares of what is left of the mean",
    "nanmedian": "np.median of t[~np.isnan(t)]",
    "histogram2d": "t.numpy(), to count",
    "histogramdd": "t.numpy(), to count",
    "bincount": "t.numpy(), to count, or zeros.at[groups].add(x), to add up by group",
    "digitize": "t.numpy(), to find the bins",
    "apply_along_axis": "functions with axis=",
    "vectorize": "functions of whole arrays",
    "piecewise": "np.select",
    "choose": "np.select",
    "compress": "t[mask]",
    "extract": "t[mask]",
    "add.reduce": "np.sum",
    "multiply.reduce": "np.prod",
    "maximum.reduce": "np.max",
    "minimum.reduce": "np.min",
    "add.accumulate": "np.cumsum",
    "multiply.accumulate": "np.cumprod",
    "add.outer": "np.expand_dims(a, 1) + b",
    "multiply.outer": "np.outer",
    "subtract.outer": "np.expand_dims(a, 1) - b",
    "linalg.tensorsolve": "reshape and np.linalg.solve",
    "linalg.tensorinv": "reshape and np.linalg.inv",
    "polyval": "the sum of c[i] * x**i, written out",
    "fft.fft": "matrices of cosines and sines: np.cos(angles) @ t and np.sin(angles) @ t",
    "fft.rfft": "matrices of cosines and sines: np.cos(angles) @ t and np.sin(angles) @ t",
    "cumulative_sum": "np.cumsum",
    "cumulative_prod": "np.cumprod",
    "matvec": "A @ x",
    "vecdot": "(a * b).sum(axis=-1)",
    "linalg.vecdot": "(a * b).sum(axis=-1)",
    "linalg.matmul": "a @ b",
    "linalg.outer": "np.outer",
    "linalg.cross": "np.cross",
    "linalg.diagonal": "np.diagonal",
    "linalg.trace": "np.trace",
    "linalg.vector_norm": "np.linalg.norm(t, ord, axis)",
    "linalg.matrix_norm": "np.linalg.norm(t, ord, axis)",
    "linalg.svdvals": "np.linalg.svd(t, compute_uv=False)",
    "linalg.matrix_transpose": "np.swapaxes(t, -1, -2)",
    "matrix_transpose": "np.swapaxes(t, -1, -2)",
    "modf": "t - np.trunc(t), np.trunc(t)",
    "frexp": "np.log2(abs(t))",
    "ldexp": "t * 2.0**n",
    "nextafter": "the plain array, t.data",
    "spacing": "the plain array, t.data",
    "heaviside": "np.where(t > 0, 1.0, 0.0), whose slope is 0",
    "copysign": "abs(a) * np.sign(b)",
}


def _unsupported(name: str) -> str:
    instead = INSTEAD.get(name)
    if instead:
        return f"np.{name} has no derivative here, so it is not for Tensors: use {instead}"
    return (
        f"np.{name} has no derivative here, so it is not for Tensors: write it with operators and the functions of "
        "docs/names.md, or declare it with tinygrad_edu.operation; where only the numbers are meant, without a "
        "gradient, give it t.numpy()"
    )
