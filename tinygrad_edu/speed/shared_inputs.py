"""Inputs that many operations share, kept once.

All neurons of a layer see the same inputs, and a neuron has the same weights for every sample. Their data is then read
once, and a backward pass looks at each of them once.
"""

import operator
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_edu.graph.clock import CLOCK

_requires_grad = operator.attrgetter("requires_grad")


class SharedInputs:
    """Nodes that several operations have as inputs; for the weights of a neuron, with its ``bias``."""

    __slots__ = ("__weakref__", "_bias", "_mark", "data", "nodes", "requires_grad", "stamp")

    _left = _right = None  # to `scalar_order` it looks like a node without inputs, at first

    def __init__(self, nodes: Sequence[Any], bias: Any = None) -> None:
        self.stamp = CLOCK.now  # taken before the data is read: a later write makes the graph stale
        self.nodes = list(nodes)
        self.data = [x._data for x in self.nodes]
        self._bias = bias
        self._mark: Any = None
        self.requires_grad = any(map(_requires_grad, self.nodes))

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, i: int) -> Any:
        return self.nodes[i]

    def __reduce__(self) -> tuple[Any, ...]:
        return SharedInputs, (self.nodes, self._bias)  # a copy reads the data again: its stamp is a new one


class Readings:
    """The `SharedInputs` that graphs hold at present, so that the same nodes need not be read again.

    ``read(nodes, bias)`` makes them. A program that calls `dot` for each sample and each neuron hands over the same
    lists many times. A reading is used again if it is of the same nodes and no data was written anywhere since.
    """

    def __init__(self, read: Callable[[Sequence[Any], Any], SharedInputs], most: int = 5000) -> None:
        self._read = read
        self._most = most
        self._by_first_node: dict[int, weakref.ref[SharedInputs]] = {}  # weak: a graph lives no longer than its nodes

    def of(self, nodes: Sequence[Any], bias: Any = None) -> SharedInputs:
        """The reading of these nodes."""
        if nodes.__class__ is not list or not nodes:
            return self._read(nodes, bias)
        known, key = self._by_first_node, id(nodes[0])
        reference = known.get(key)
        found = None if reference is None else reference()
        if found is not None and found.stamp == CLOCK.now and found.nodes == nodes and _is_bias(found._bias, bias):
            return found
        if len(known) >= self._most:
            known.clear()
        made = self._read(nodes, bias)
        known[key] = weakref.ref(made)
        return made


def _is_bias(node: Any, bias: Any) -> bool:
    """Whether ``node`` is this bias, or the constant that was made of this number."""
    return node is bias or (node is not None and not node.requires_grad and node._data is bias)
