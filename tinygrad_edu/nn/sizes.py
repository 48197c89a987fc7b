"""Numbers of inputs and units, checked."""

import operator
from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError


def whole_number(what: str, number: Any) -> int:
    """``number``, if it can be how many there are of something."""
    try:
        whole = operator.index(number)
    except TypeError:
        whole = 0
    if whole < 1 or isinstance(number, bool):
        raise ArgumentError(f"{what} must be a whole number, at least 1, but was given {number!r}")
    return whole


def layer_widths(n_in: Any, sizes: Any) -> list[int]:
    """The number of inputs of a net, then each layer's number of units."""
    if not isinstance(sizes, Iterable) or isinstance(sizes, str) or not [*sizes]:
        raise ArgumentError(f"sizes must list the units of each layer, such as [16, 16, 1], but was given {sizes!r}")
    return [whole_number("n_in", n_in), *(whole_number("the size of a layer", n) for n in sizes)]
