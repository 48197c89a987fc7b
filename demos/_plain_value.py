"""`PlainValue`: a scalar with gradients like that of the small published engines, to compare speeds with.

Each operation stores its operands and its local derivatives when it runs. The backward pass sorts the graph by a
recursive walk, and multiplies and adds.
"""

import math
import sys
from typing import Any

DEEPEST = 100_000  # nodes on one path of a graph: the walk goes one call deeper at each


class PlainValue:
    """A float that remembers its operands, and its derivative by each of them."""

    __slots__ = ("_children", "_local_grads", "data", "grad")

    def __init__(self, data: float, children: tuple[Any, ...] = (), local_grads: tuple[float, ...] = ()) -> None:
        self.data = data
        self.grad = 0.0
        self._children = children
        self._local_grads = local_grads

    def __add__(self, other: Any) -> "PlainValue":
        other = other if isinstance(other, PlainValue) else PlainValue(other)
        return PlainValue(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> "PlainValue":
        other = other if isinstance(other, PlainValue) else PlainValue(other)
        return PlainValue(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> "PlainValue":
        return PlainValue(self.data**power, (self,), (power * self.data ** (power - 1),))

    def exp(self) -> "PlainValue":
        y = math.exp(self.data)
        return PlainValue(y, (self,), (y,))

    def log(self) -> "PlainValue":
        return PlainValue(math.log(self.data), (self,), (1 / self.data,))

    def relu(self) -> "PlainValue":
        return PlainValue(max(0.0, self.data), (self,), (float(self.data > 0),))

    def __neg__(self) -> "PlainValue":
        return self * -1

    def __sub__(self, other: Any) -> "PlainValue":
        return self + (-other)

    def __truediv__(self, other: Any) -> "PlainValue":
        return self * other**-1

    def __rtruediv__(self, other: Any) -> "PlainValue":
        return self**-1 * other

    __radd__ = __add__
    __rmul__ = __mul__

    def backward(self) -> None:
        """Add ∂self/∂node to the gradient of every node that self depends on."""
        order: list[PlainValue] = []
        seen: set[PlainValue] = set()

        def visit(node: PlainValue) -> None:
            if node not in seen:
                seen.add(node)
                for child in node._children:
                    visit(child)
                order.append(node)

        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, DEEPEST))
        try:
            visit(self)
        finally:
            sys.setrecursionlimit(limit)  # of the whole process: others rely on it to stop before the stack ends
        self.grad = 1.0
        for node in reversed(order):
            for child, local in zip(node._children, node._local_grads, strict=True):
                child.grad += local * node.grad
