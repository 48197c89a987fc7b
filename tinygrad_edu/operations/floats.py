"""What the words of a row, such as ``exp`` or ``maximum``, mean on floats: IEEE 754, as NumPy computes it.

Python's own functions raise an error in some places where IEEE 754 has an infinity or a NaN. The functions here return
that infinity or NaN, so that a `Value` and a `Tensor` give the same result.
"""

import math
from collections.abc import Callable
from typing import Any

_INF, _NAN = math.inf, math.nan


def _ieee(function: Callable[[float], float], domain: float | Callable[[float], float] = _NAN) -> Any:
    """A function of `math` that returns inf or nan where Python raises."""

    def total(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.copysign(_INF, x) if function is math.sinh else _INF
        except ValueError:
            return domain(x) if callable(domain) else domain

    return total


def _divide(a: float, b: float) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        return _NAN if a == 0 or a != a else math.copysign(_INF, a) * math.copysign(1.0, b)


def _power(a: float, b: float) -> float:
    try:
        y = a**b
    except OverflowError:
        if a < 0 and b % 1:  # Python computes a complex number before it finds this one too large
            return _NAN
        return -_INF if a < 0 and b % 2 == 1 else _INF
    except ZeroDivisionError:  # zero to a negative power
        return math.copysign(_INF, a) if b % 2 == 1 else _INF
    return _NAN if isinstance(y, complex) else y


def _log_at_the_edge(x: float) -> float:
    return -_INF if x == 0 else _NAN


def _exp2(x: float) -> float:
    return _power(2.0, x)


def _logaddexp(a: float, b: float) -> float:
    if a == b:  # two infinities of one sign have no difference
        return a + math.log(2)
    return max(a, b) + math.log1p(FLOATS["exp"](-abs(a - b)))


def _sign(x: float) -> float:
    return x if x != x else float((x > 0) - (x < 0))


def _maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def _whole(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function that rounds: infinities, nan and the sign of zero stay."""
    return lambda x: math.copysign(function(x), x) if math.isfinite(x) else x


def _fmod(a: float, b: float) -> float:
    return _NAN if b == 0 or math.isinf(a) else math.fmod(a, b)


def _remainder(a: float, b: float) -> float:
    """``a % b``, with the sign of ``b``."""
    y = _fmod(a, b)
    if y == 0:
        return math.copysign(0.0, b)
    return y + b if (y < 0) != (b < 0) else y


def _floor_divide(a: float, b: float) -> float:
    """The largest whole number not above ``a / b``, in agreement with the remainder."""
    if b == 0 or math.isinf(a) or a != a or b != b:
        return _divide(a, b) if b == 0 else _NAN
    y = math.fmod(a, b)
    quotient = (a - y) / b - (y != 0 and (y < 0) != (b < 0))
    if math.isinf(quotient):
        return quotient
    if quotient == 0:
        return math.copysign(0.0, a / b)
    lower = math.floor(quotient)
    return float(lower + (quotient - lower > 0.5))


def _is_zero(x: float) -> bool:
    return x == 0


FLOATS: dict[str, Any] = {
    "divide": _divide,
    "power": _power,
    "maximum": _maximum,
    "minimum": _minimum,
    "logaddexp": _logaddexp,
    "sign": _sign,
    "is_zero": _is_zero,
    "abs": abs,
    "exp": _ieee(math.exp),
    "expm1": _ieee(math.expm1),
    "exp2": _exp2,
    "log": _ieee(math.log, _log_at_the_edge),
    "log1p": _ieee(math.log1p, lambda x: -_INF if x == -1 else _NAN),
    "log2": _ieee(math.log2, _log_at_the_edge),
    "log10": _ieee(math.log10, _log_at_the_edge),
    "sqrt": _ieee(math.sqrt),
    "cbrt": math.cbrt,
    "sin": _ieee(math.sin),
    "cos": _ieee(math.cos),
    "tan": _ieee(math.tan),
    "arcsin": _ieee(math.asin),
    "arccos": _ieee(math.acos),
    "arctan": math.atan,
    "arctan2": math.atan2,
    "sinh": _ieee(math.sinh),
    "cosh": _ieee(math.cosh),
    "tanh": math.tanh,
    "arcsinh": math.asinh,
    "arccosh": _ieee(math.acosh),
    "arctanh": _ieee(math.atanh, lambda x: math.copysign(_INF, x) if abs(x) == 1 else _NAN),
    "erf": math.erf,
    "erfc": math.erfc,
    "hypot": math.hypot,
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "trunc": _whole(math.trunc),
    "rint": _whole(round),
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "fmod": _fmod,
}
CONSTANTS = {
    "sqrt_half": math.sqrt(0.5),
    "sqrt_2_over_pi": math.sqrt(2 / math.pi),
    "inv_sqrt_2pi": 1 / math.sqrt(2 * math.pi),
    "two_over_sqrt_pi": 2 / math.sqrt(math.pi),
    "ln2": math.log(2),
    "ln10": math.log(10),
    "selu_alpha": 1.6732632423543772,
    "selu_scale": 1.0507009873554805,
}
