"""The topological order of a graph of Values, in a third of the time of `graph.node.topological_order`.

It gives the same order. It is faster because it knows how a Value stores its inputs, and because the progress of the
walk is a mark on each node. A set of nodes would be slower.
"""

import operator
from typing import Any

from tinygrad_edu.graph.node import check_fresh
from tinygrad_edu.speed.shared_inputs import SharedInputs

_stamp = operator.attrgetter("stamp")


def scalar_order(root: Any) -> tuple[list[Any], list[Any]]:
    """The `topological_order` up to ``root``, and the leaves in it; raises `StaleGraphError` as that does."""
    order, leaves, oldest = _depth_first(root)
    if max(map(_stamp, leaves)) > oldest:  # written since the first operation: it may be an input
        check_fresh(order)
    return order, leaves


def _depth_first(root: Any) -> tuple[list[Any], list[Any], int]:
    """The order, the leaves in it, and the time at which the oldest node with inputs was made."""
    order: list[Any] = []
    leaves: list[Any] = []
    stack: list[Any] = [root]
    entered, done = object(), object()  # marks of this walk alone: those of earlier walks mean nothing to it
    oldest = root.stamp  # of the nodes that operations made
    put, push, pop = order.append, stack.append, stack.pop
    while stack:
        node = pop()
        if node._mark is entered:  # its inputs were above it in the stack, and are in the order now
            node._mark = done
            put(node)
            continue
        while node._mark is not done:
            left = node._left
            if left is None:
                node._mark = done
                if node.__class__ is SharedInputs:
                    stack.extend(reversed(node.nodes))
                else:
                    leaves.append(node)
                    put(node)
                break
            if node.stamp < oldest:
                oldest = node.stamp
            right = node._right
            if right is not None and right._mark is done:
                right = None  # it is in the order already
            bias = left._bias if left.__class__ is SharedInputs else None
            if right is None and left._mark is done and (bias is None or bias._mark is done):
                node._mark = done
                put(node)
                break
            node._mark = entered
            push(node)
            if bias is not None:
                push(bias)
            if right is not None:
                push(right)
            node = left  # on to the left input
    return order, leaves, oldest
