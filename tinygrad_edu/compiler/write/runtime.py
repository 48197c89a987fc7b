"""Functions that a program may call besides NumPy's. Each can be printed before a program that calls it."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.operations import decompositions, matrices, shapes, windows
from tinygrad_edu.operations.arrays import VOCABULARY


def erf(x: Any) -> Any:
    """The error function of each entry."""
    import scipy.special

    return np.asarray(scipy.special.erf(x), x.dtype)


def erfc(x: Any) -> Any:
    """1 - erf(x), with all its digits, of each entry."""
    import scipy.special

    return np.asarray(scipy.special.erfc(x), x.dtype)


def ndtr(x: Any) -> Any:
    """The probability that a normal number is below it, of each entry."""
    import scipy.special

    return np.asarray(scipy.special.ndtr(x), x.dtype)


def scatter(x: Any, index: Any, shape: Any) -> Any:
    """Zeros with x put at the index, which names no entry twice."""
    y = np.zeros(shape, x.dtype)
    y[index] = x
    return y


def scatter_add(x: Any, index: Any, shape: Any) -> Any:
    """Zeros with x added at the index, as often as it names an entry."""
    y = np.zeros(shape, x.dtype)
    np.add.at(y, index, x)
    return y


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """A row for each label: 1 in its column, 0 elsewhere."""
    return np.eye(classes, dtype=dtype)[labels]


def check_labels(labels: Any, classes: int) -> None:
    """Refuse a class that does not exist: NumPy would count a negative one from the end."""
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(
            f"labels must be classes from 0 to {classes - 1}, but were given from {labels.min()} to {labels.max()}"
        )


def sign(x: float) -> float:
    """-1, 0 or 1."""
    return x if x != x else float((x > 0) - (x < 0))


def logaddexp(a: float, b: float) -> float:
    """log(exp(a) + exp(b)), without overflow."""
    return a + math.log(2) if a == b else max(a, b) + math.log1p(math.exp(-abs(a - b)))


def floor(x: float) -> float:
    """The next whole number below; the sign of zero, infinities and nan stay."""
    return math.copysign(math.floor(x), x) if math.isfinite(x) else x


def ceil(x: float) -> float:
    """The next whole number above; the sign of zero, infinities and nan stay."""
    return math.copysign(math.ceil(x), x) if math.isfinite(x) else x


def trunc(x: float) -> float:
    """The number without its fraction; the sign of zero, infinities and nan stay."""
    return math.copysign(math.trunc(x), x) if math.isfinite(x) else x


def rint(x: float) -> float:
    """The nearest whole number, of two the even one; the sign of zero, infinities and nan stay."""
    return math.copysign(round(x), x) if math.isfinite(x) else x


_ON_WINDOWS = (
    *(windows.places_of, windows.slices_of, windows.inside_of, windows.padded, windows.take_windows),
    *(windows.add_windows, windows.columns_of, windows.convolve, windows.convolve_input, windows.convolve_weight),
    *(windows.largest, windows.winners_of, windows.pick, windows.put),
)
_ON_MATRICES = (
    *(matrices.cofactor, matrices.cofactor_change, decompositions.logabsdet, decompositions.det_sign),
    *(decompositions.eigh_packed, decompositions.svd_packed, decompositions.qr_packed),
)
HELPERS = (
    *(sign, logaddexp, floor, ceil, trunc, rint, erf, erfc, ndtr, scatter, scatter_add, one_hot, check_labels),
    *_ON_WINDOWS,
    *_ON_MATRICES,
)


def _scatter_add_quickly(x: Any, index: Any, shape: Any) -> Any:
    return shapes.SCATTER_ADD.forward(x, index=index, shape=shape)


# Faster functions for some of the printed helpers: the same numbers, for the error function up to float32's rounding.
FASTER = {f: VOCABULARY[f.__name__] for f in (erf, erfc, ndtr)} | {scatter_add: _scatter_add_quickly}


def needed_by(helpers: Iterable[Any]) -> set[Any]:
    """These functions and those that they call."""
    found: set[Any] = set()
    waiting = [*helpers]
    while waiting:
        helper = waiting.pop()
        if helper not in found:
            found.add(helper)
            waiting += [other for other in HELPERS if other.__name__ in helper.__code__.co_names]
    return found
