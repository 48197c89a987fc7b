"""What the words of a row, such as ``exp`` or ``where``, mean on arrays: NumPy's functions, and the few it lacks."""

from collections.abc import Callable
from typing import Any

import numpy as np


def _special(name: str) -> Callable[[Any], Any]:
    """A function of `scipy.special`, which is imported when it is first needed."""

    def on_arrays(x: Any) -> Any:
        if hasattr(x, "_recorder"):
            return x._recorder.special(name, x)
        import scipy.special

        y = getattr(scipy.special, name)(x)
        return np.asarray(y, x.dtype) if x.dtype.kind == "f" else y

    return on_arrays


_NUMPYS_OWN = (
    "abs exp expm1 exp2 log log1p log2 log10 sqrt cbrt sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh "
    "arccosh arctanh hypot logaddexp maximum minimum sign"
)
VOCABULARY: dict[str, Any] = {name: getattr(np, name) for name in _NUMPYS_OWN.split()} | {
    "where": np.where,
    "is_zero": lambda x: x == 0,
    "erf": _special("erf"),
    "erfc": _special("erfc"),
}
