"""The numbers of inputs and units of a net, checked."""

from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.arguments import shown, whole_number


def layer_widths(n_in: Any, sizes: Any) -> list[int]:
    """The number of inputs of a net, then each layer's number of units."""
    listed = [*sizes] if isinstance(sizes, Iterable) and not isinstance(sizes, str) else []
    if not listed:
        raise ArgumentError(
            f"sizes must list the units of each layer, such as [16, 16, 1], but was given {shown(sizes)}"
        )
    return [whole_number("n_in", n_in), *(whole_number("the size of a layer", n) for n in listed)]
