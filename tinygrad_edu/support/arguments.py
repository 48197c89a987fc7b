"""Checks of settings. Each function returns what was given, or raises an error that says what is wrong."""

import math
import operator
from collections.abc import Callable
from typing import Any, TypeVar

from tinygrad_edu.errors import ArgumentError

C = TypeVar("C")


def shown(given: Any) -> str:
    """What was given, for a message: its whole repr on one line, or only its shape or its type.

    Examples
    --------
    >>> shown([1, 2]), shown("x" * 100)
    ('[1, 2]', 'an object of the type str')
    """
    shape = getattr(given, "shape", ())
    if not isinstance(shape, tuple):  # that of a class, say
        shape = ()
    if shape and math.prod(shape) > 20:  # `size` is a method of PyTorch's
        return f"an array of shape {tuple(shape)}"
    text = repr(given)
    if len(text) <= 80 and "\n" not in text:
        return text
    return f"an array of shape {tuple(shape)}" if shape else f"an object of the type {type(given).__name__}"


def shortened(x: Any) -> str:
    """The repr, or its first 57 signs."""
    text = repr(x)
    return text if len(text) <= 60 else f"{text[:57]}..."


def whole_number(what: str, number: Any, least: int = 1) -> int:
    """``number``, if it can be a count.

    Examples
    --------
    >>> whole_number("n_in", 2.5)
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ArgumentError: n_in must be a whole number, at least 1, but was given 2.5
    """
    try:
        whole = operator.index(number)
    except TypeError:
        whole = least - 1
    if whole < least or isinstance(number, bool):
        raise ArgumentError(f"{what} must be a whole number, at least {least}, but was given {shown(number)}")
    return whole


def one_of(what: str, given: C, *choices: object) -> C:
    """``given``, if it is one of the choices.

    Examples
    --------
    >>> one_of("mode", "mean", "min", "max")
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ArgumentError: mode must be 'min' or 'max', but was given 'mean'
    """
    if given not in choices:
        *others, last = map(repr, choices)
        raise ArgumentError(f"{what} must be {', '.join(others)} or {last}, but was given {shown(given)}")
    return given


def at_least_zero(what: str, number: Any) -> float:
    """``number``, if it can be a rate or a strength."""
    return _within(what, number, "at least 0", lambda x: 0 <= x < math.inf)


def positive(what: str, number: Any) -> float:
    """``number``, if it can keep a division finite."""
    return _within(what, number, "above 0", lambda x: 0 < x < math.inf)


def fraction(what: str, number: Any) -> float:
    """``number``, if it can be the share of the old in a running average."""
    return _within(what, number, "at least 0 and below 1", lambda x: 0 <= x < 1)


def proportion(what: str, number: Any) -> float:
    """``number``, if it can be a part of a whole, or all of it."""
    return _within(what, number, "at least 0 and at most 1", lambda x: 0 <= x <= 1)


def _within(what: str, number: Any, where: str, holds: Callable[[float], bool]) -> float:
    try:
        # A float of Python: a numpy.float64 times a float32 array gives a float64 array.
        plain = math.nan if isinstance(number, str) else as_number(number)
    except (TypeError, ValueError, OverflowError):
        plain = math.nan
    if not holds(plain):
        raise ArgumentError(f"{what} must be a number, {where}, but was given {shown(number)}")
    if getattr(number, "requires_grad", False):
        raise ArgumentError(
            f"{what} takes a plain number, and nothing is differentiated by it, but was given {shown(number)}, which "
            "needs a gradient: pass its number, x.item()"
        )
    return plain


def as_number(x: Any) -> float:
    """The number in ``x``. For a node it is the data, without the warning that a gradient is lost.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> as_number(Value(2.0) * 3), as_number(1)
    (6.0, 1.0)
    """
    return float(x.item() if hasattr(x, "item") else x)
