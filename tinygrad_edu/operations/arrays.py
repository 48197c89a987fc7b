"""What the words of a row, such as ``exp`` or ``where``, mean on arrays: NumPy's functions, and the few it lacks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.operations.error_function import SINGLE


def _special(name: str) -> Callable[[Any], Any]:
    """A function of `scipy.special`, which is imported when it is first needed."""

    def on_arrays(x: Any) -> Any:
        if hasattr(x, "_recorder"):
            return x._recorder.special(name, x)
        x = x if hasattr(x, "dtype") else np.float64(x)
        if x.dtype == np.float32:
            return SINGLE[name](x)
        import scipy.special

        y = getattr(scipy.special, name)(x)
        return np.asarray(y, x.dtype) if x.dtype.kind == "f" else y

    return on_arrays


def _power(a: Any, b: Any) -> Any:
    """``a ** b``; small whole powers by products, for which NumPy's pow takes about a hundred times as long."""
    n = _one_exponent(a, b)
    if n == 1:
        return a * np.ones((), a.dtype)
    if n == 2:
        return a * a
    if n == 3:
        return a * a * a
    if n == 4:
        square = a * a
        return square * square
    return a**b


def _one_exponent(a: Any, b: Any) -> float | None:
    """The exponent, if it is the same for all numbers. This check takes much less time than a power."""
    if b.__class__ is not np.ndarray or a.dtype != b.dtype or not b.size or b.shape not in ((), a.shape):
        return None
    n: float = b.flat[0].item()
    return n if b.ndim == 0 or (n in (1, 2, 3, 4) and (b == n).all()) else None


_NUMPYS_OWN = (
    "abs exp expm1 exp2 log log1p log2 log10 sqrt cbrt sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh "
    "arccosh arctanh hypot logaddexp maximum minimum sign floor ceil trunc rint floor_divide remainder fmod"
)
VOCABULARY: dict[str, Any] = {name: getattr(np, name) for name in _NUMPYS_OWN.split()} | {
    "where": np.where,
    "is_zero": lambda x: x == 0,
    "power": _power,
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "ndtr": _special("ndtr"),
}
