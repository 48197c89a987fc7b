"""The numbers of inputs and units of a net, checked."""

from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.arguments import shown, whole_number


def layer_widths(n_in: Any, sizes: Any, more: tuple[Any, ...] = ()) -> list[int]:
    """The number of inputs of a net, then each layer's number of units; ``more`` is what came after the settings."""
    if more or isinstance(n_in, Iterable):
        raise ArgumentError(
            "an MLP takes the number of inputs and then a list of the units of each layer: write MLP(2, [16, 16, 1])"
        )
    listed = [*sizes] if isinstance(sizes, Iterable) and not isinstance(sizes, str) else []
    if not listed:
        raise ArgumentError(
            f"sizes must list the units of each layer, such as [16, 16, 1], but was given {shown(sizes)}"
        )
    return [whole_number("n_in", n_in), *(whole_number("the size of a layer", n) for n in listed)]
