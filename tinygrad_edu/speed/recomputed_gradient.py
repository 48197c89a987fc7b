"""Large gradients of interior nodes are not kept, but computed again if they are read.

A backward pass then needs less memory. What is read is the same to the last bit: see `graph.array_backward`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array

if TYPE_CHECKING:
    from tinygrad_edu.operations.operation import Operation

LARGE = 1 << 13  # gradients with at least so many numbers are computed again instead of kept


class RecomputedGradient:
    """A gradient that may be freed after its use. ``copy()`` computes it again."""

    __slots__ = ("gradient", "gy", "operation", "params", "x", "y")

    def __init__(self, node: Any, gy: Array, gradient: Array) -> None:
        # The arrays and not the node, which will hold this object: memory in a cycle is freed late.
        self.operation, self.params = cast("Operation", node.operation), node._params
        self.y, self.x = node._data, node.inputs[0]._data
        self.gy, self.gradient = gy, cast("Array | None", gradient)

    def copy(self) -> Array:
        """The gradient as a new array, by the operation's derivative as in the backward pass."""
        with np.errstate(all="ignore"):
            return cast("Array", self.operation.gx_arrays[0](self.gy, self.y, self.x, **self.params))


def step_without_keeping(
    step: Callable[..., None], node: Node, gy: Array, grads: dict[Any, Any], recomputed: dict[Any, RecomputedGradient]
) -> None:
    """Do the operation's backward step; then free the gradient of ``node``, if it can be computed again."""
    operation, x = cast("Operation", node.operation), node.inputs[0]
    elementwise = operation.gradients_keep_shape == (True,)
    first = elementwise and x not in grads and _has_own_memory(x)
    step(node, gy, grads)
    known = recomputed.pop(node, None)
    if known is not None and known.gradient is gy:  # else something was added to it
        known.gradient = None
        grads[node] = known
    elif first and x in grads and x._data.dtype is node._data.dtype is grads[x].dtype:
        recomputed[x] = RecomputedGradient(node, gy, grads[x])


def _has_own_memory(x: Any) -> bool:
    """Whether an operation made the array. A view of a leaf's array does not count: the leaf may change."""
    return x.operation is not None and x._data.base is None and all(x._data is not other._data for other in x.inputs)
