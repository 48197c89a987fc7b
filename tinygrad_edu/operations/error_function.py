"""The error function of float32 arrays by polynomials, in NumPy's fast loops.

`scipy.special` computes entry by entry in double precision, which takes ten times as long. Here the relative error is
below 2e-6 where erfc is above 1e-6, and grows to 1e-5 where erfc is near to the smallest float32.

- erfc, for z ≥ 0: ``t · exp(P(t) − z²)`` with ``t = 1 / (1 + z/2)``. P is a Chebyshev fit of ``log(erfcx(z) / t)``.
- erf, for |x| ≤ 1: ``x · Q(x²)``. Q is a Chebyshev fit of ``erf(x) / x``. Beyond 1 it is ``±(1 − erfc(|x|))``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_AT_ONCE = 1 << 16  # numbers, so that they stay in the cache from one line to the next
_P = (
    *(-1.26551318, 1.00006703, 0.3734244, 0.10172737, -0.20666215, 0.3289474, -1.21029085, 1.55582588, -0.85528686),
    0.17776104,
)
_Q = (1.1283791659, -0.376126269, 0.1128359746, -0.0268543288, 0.0051893119, -0.0008018855, 7.8825e-05)


def _polynomial(coefficients: Sequence[float], x: Any) -> Any:
    y = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        y *= x
        y += np.float32(c)
    return y


def _erfc_above_zero(z: Any) -> Any:
    t = 1 / (z * np.float32(0.5) + 1)
    exponent = _polynomial(_P, t)
    z *= z
    exponent -= z
    np.exp(exponent, exponent)
    exponent *= t
    return exponent


def _erfc(x: Any) -> Any:
    y, sign = _erfc_above_zero(abs(x)), np.copysign(np.float32(1), x)
    y *= sign
    sign -= 1
    y -= sign  # y, or 2 − y where x is negative: NumPy selects several times more slowly
    return y


def _erf(x: Any) -> Any:
    near = np.clip(x, -1, 1)
    return np.where(abs(x) <= 1, near * _polynomial(_Q, near * near), np.copysign(1 - _erfc_above_zero(abs(x)), x))


def _in_parts(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def of_all(x: Any) -> Any:
        flat, y = x.reshape(-1), np.empty(x.shape, np.float32)
        parts = y.reshape(-1)
        with np.errstate(over="ignore"):  # z² may be infinite, and then erfc is 0
            for i in range(0, x.size, _AT_ONCE):
                parts[i : i + _AT_ONCE] = function(flat[i : i + _AT_ONCE])
        return y

    return of_all


SINGLE = {"erf": _in_parts(_erf), "erfc": _in_parts(_erfc)}
