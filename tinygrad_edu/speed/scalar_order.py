"""The topological order of a graph of Values, in half the time of `graph.node.topological_order`.

It gives the same order. It is quicker because it knows how a Value keeps its inputs.
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
    entered: set[Any] = {None}  # None stands for the right input of a node that has one, and for a missing bias
    oldest = root.stamp  # of the nodes that operations made
    put, push, pop, enter = order.append, stack.append, stack.pop, entered.add
    while stack:
        node = pop()
        if node is None:  # all inputs of the node below it in the stack are in the order now
            put(pop())
            continue
        while node not in entered:
            enter(node)
            left = node._left
            if left is None:
                if node.__class__ is SharedInputs:
                    stack.extend(reversed(node.nodes))
                else:
                    leaves.append(node)
                    put(node)
                break
            if node.stamp < oldest:
                oldest = node.stamp
            right = node._right
            if right in entered:
                if left in entered and left._bias in entered:
                    put(node)
                    break
                below = left._left if right is None else None
                if below is not None and below in entered and below._bias in entered and left._right in entered:
                    # For instance a neuron's sum below its activation: it comes first, and neither needs the stack.
                    oldest = left.stamp if left.stamp < oldest else oldest
                    enter(left)
                    put(left)
                    put(node)
                    break
                right = None  # it is in the order already
            push(node)
            push(None)
            if left._bias not in entered:
                push(left._bias)
            if right is not None:
                push(right)
            node = left  # on to the left input
    return order, leaves, oldest
