"""Lists of parameters, checked."""

from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.graph.node import Node, describe
from tinygrad_edu.support.arguments import shown


def nodes_of(params: Any, name: str) -> list[Any]:
    """The Tensors and Values in ``params``; one by itself counts as a list of it."""
    if isinstance(params, Node):
        return [params]
    if not isinstance(params, Iterable):
        raise _no_list(params, name)
    found = list(params)
    for i, p in enumerate(found):
        if not isinstance(p, Node):
            raise DTypeError(f"{name}: a parameter is a Tensor or a Value, but number {i} is {shown(p)}")
    return found


def _no_list(params: Any, name: str) -> DTypeError:
    return DTypeError(f"{name} takes a list of parameters, such as net.parameters(), but was given {shown(params)}")


def leaves_of(params: Any, name: str) -> list[Any]:
    """The parameters that an optimizer may change: at least one, each a leaf that holds floats, each once."""
    if isinstance(params, Node):
        raise _no_list(params, name)
    found = nodes_of(params, name)
    if not found:
        raise ArgumentError(f"{name} was given no parameters: is net.parameters() empty, or an iterator used up?")
    for i, p in enumerate(found):
        if p.operation is not None or getattr(getattr(p, "dtype", None), "kind", "f") != "f":
            raise ArgumentError(
                f"{name}: a parameter is a leaf that holds floats, but number {i} is {describe(p)}: {shown(p)}"
            )
    if len({*found}) < len(found):
        twice = next(p for i, p in enumerate(found) if p in {*found[:i]})
        raise ArgumentError(
            f"{name} was given the same parameter twice, and would change it twice a step: {shown(twice)}"
        )
    return found
