"""Inputs that many operations share, kept once.

All neurons of a layer see the same inputs, and a neuron has the same weights for every sample. Their data is then read
once, and a backward pass looks at each of them once.
"""

import operator
from collections.abc import Sequence
from typing import Any

from tinygrad_edu.graph.clock import CLOCK

_requires_grad = operator.attrgetter("requires_grad")


class SharedInputs:
    """Nodes that several operations have as inputs; if they are a neuron's weights, with its ``bias``."""

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
