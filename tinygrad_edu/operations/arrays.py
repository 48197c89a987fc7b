"""What the words of a row, such as ``exp`` or ``where``, mean on arrays: NumPy's functions, and the few it lacks."""

from collections.abc import Callable
from typing import Any

import numpy as np

ndarray = np.ndarray


def _special(name: str) -> Callable[[Any], Any]:
    """A function of `scipy.special`, which is imported when it is first needed."""

    def on_arrays(x: Any) -> Any:
        if hasattr(x, "_recorder"):
            return x._recorder.special(name, x)
        import scipy.special

        y = getattr(scipy.special, name)(x)
        return np.asarray(y, x.dtype) if x.dtype.kind == "f" else y

    return on_arrays


class _Zeros(dict[np.dtype[Any], Any]):
    """For each type a zero of that type: NumPy takes half as long over it as over Python's, which has none."""

    def __missing__(self, dtype: np.dtype[Any]) -> Any:
        zero = self[dtype] = np.zeros((), dtype)
        zero.flags.writeable = False
        return zero


ZEROS = _Zeros()
_numpy_where = np.where
_BITS = {2: np.int16, 4: np.int32, 8: np.int64}


def _where(condition: Any, yes: Any, no: Any) -> Any:
    """``np.where``, quicker where much is chosen or else 0: it goes entry by entry, but integers multiply in bulk.

    As integers 0 times infinity is 0, and 1 times any pattern of bits is that pattern.
    """
    if yes.__class__ is not ndarray or yes.size < 512 or (no is not ZEROS[yes.dtype] and no.__class__ is not float):
        return _numpy_where(condition, yes, no)
    if no != 0 or condition.__class__ is not ndarray or condition.shape != yes.shape or yes.itemsize not in _BITS:
        return _numpy_where(condition, yes, no)
    return (yes.view(_BITS[yes.itemsize]) * condition).view(yes.dtype)


_NUMPYS_OWN = (
    "abs exp expm1 exp2 log log1p log2 log10 sqrt cbrt sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh "
    "arccosh arctanh hypot logaddexp maximum minimum sign"
)
VOCABULARY: dict[str, Any] = {name: getattr(np, name) for name in _NUMPYS_OWN.split()} | {
    "where": _where,
    "is_zero": lambda x: x == 0,
    "erf": _special("erf"),
    "erfc": _special("erfc"),
}
