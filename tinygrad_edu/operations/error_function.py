"""The error function and the normal distribution of float32 arrays by fits, in NumPy's fast loops.

`scipy.special` computes entry by entry in double precision, which takes ten times as long. Here the relative error is
below 2e-6 where the result is above 1e-6, and grows to 1e-5 where it is near to the smallest float32.

- erfc, for z ≥ 0: ``exp(−z²) · N(z) / D(z)``, a fit of ``exp(z²) · erfc(z)``. All coefficients are positive, so nothing
  cancels. For z < 0 it is 2 − erfc(−z).
- ndtr: ½ · erfc(−x / √2).
- erf: ``x · N(x²) / D(x²)``, a fit of ``erf(x) / x`` for |x| ≤ 4. Beyond 4 it is ±1 in float32.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_AT_ONCE = 1 << 16  # numbers, so that they stay in the cache from one line to the next
_ERFC = (5.964659648, 6.068936669, 2.820310686, 0.5641147821), (5.964659648, 12.79923216, 11.29943116, 4.99517612, 1.0)
_ERF = (
    (1.128379139, 0.1935490245, 0.05310221083, 0.003883498368, 0.0002845666669, 1.986716061e-06),
    (1.0, 0.504860912, 0.1153515845, 0.01520756161, 0.00118560358, 3.74195289e-05),
)
_LARGE = 1e9  # beyond it the polynomials overflow


def _polynomial(coefficients: Sequence[float], x: Any) -> Any:
    *others, second, first = map(np.float32, coefficients)
    if first == 1:
        y = x + second
    else:
        y = x * first
        y += second
    for c in reversed(others):
        y *= x
        y += c
    return y


def _erfc(x: Any, y: Any, whole: float = 2.0) -> None:
    """Write ``whole / 2`` times erfc of x into y."""
    z = np.abs(x)
    if not z.dot(z) < _LARGE**2:
        np.minimum(z, _LARGE, out=z)
    above, below = _ERFC
    tail = _polynomial([whole / 2 * c for c in above], z)
    tail /= _polynomial(below, z)
    z *= z
    tail /= np.exp(z, z)
    bits = y.view(np.int32)
    np.right_shift(x.view(np.int32), 31, bits)  # all ones where x is negative
    bits &= np.float32(whole).view(np.int32)
    y -= tail
    np.abs(y, y)  # whole − tail, or tail: NumPy selects several times more slowly


def _ndtr(x: Any, y: Any) -> None:
    _erfc(x * np.float32(-(0.5**0.5)), y, 1.0)


def _erf(x: Any, y: Any) -> None:
    np.clip(x, -4, 4, y)
    square = y * y
    above, below = _ERF
    y *= _polynomial(above, square)
    y /= _polynomial(below, square)
    np.clip(y, -1, 1, y)  # the fit may be above 1 by the last digit


def _in_parts(function: Callable[[Any, Any], None]) -> Callable[[Any], Any]:
    def of_all(x: Any) -> Any:
        y = np.empty(x.shape, np.float32)
        flat, parts = x.reshape(-1), y.reshape(-1)
        with np.errstate(over="ignore"):  # exp(z²) may be infinite, and then erfc is 0
            for i in range(0, x.size, _AT_ONCE):
                function(flat[i : i + _AT_ONCE], parts[i : i + _AT_ONCE])
        return y

    return of_all


SINGLE = {"erf": _in_parts(_erf), "erfc": _in_parts(_erfc), "ndtr": _in_parts(_ndtr)}
