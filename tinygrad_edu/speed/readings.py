"""`SharedInputs` that are used again, so that `dot` does not read the same list for each sample and each neuron.

The plain version reads each list again: `dot.shared_inputs`.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from tinygrad_edu.graph.clock import CLOCK
from tinygrad_edu.speed.shared_inputs import SharedInputs


class Readings:
    """The `SharedInputs` that present graphs have, so that the same nodes are not read again.

    ``read(nodes, bias)`` makes them. A reading is used again if it has the same nodes and no data was changed since.
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
