"""The backward pass on arrays: each node hands its gradient on to its inputs.

An operation says what one gradient becomes on the way back through it. Here is what all operations share: which inputs
need a gradient, the sum where a node is used more than once, the sum over what was broadcast.
"""

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tinygrad_edu.graph.anomaly import check_gradient
from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.broadcasting import added, unbroadcast
from tinygrad_edu.support.types import Array

if TYPE_CHECKING:
    from tinygrad_edu.operations.operation import Operation

ndarray = np.ndarray


def array_gradients(root: Node, seed: Array, *, watched: bool = False) -> dict[Any, Any]:
    """For each node that ``root`` depends on and that requires one, its gradient; nothing is written anywhere.

    A gradient that is handed on unchanged (``y = x + b``, a reshape) is not copied. So the gradient of an interior node
    may be another node's array, or a view of it; a leaf's gradient never is. With ``watched``, one that is not finite
    raises `AnomalyError`.
    """
    grads: dict[Any, Any] = {root: seed}
    for node in reversed(root.fresh_order(leaves=False)):
        gy = grads.get(node)
        if gy is not None and node.operation is not None:
            backward_step(node, gy, grads, watched)
    return grads


def backward_step(node: Node, gy: Array, grads: dict[Any, Any], watched: bool = False) -> None:
    """Add to the gradients of the node's inputs what flows to them."""
    operation = cast("Operation", node.operation)
    xs = [x._data for x in node.inputs]
    for i, (x, derivative) in enumerate(zip(node.inputs, operation.gx_arrays, strict=False)):
        if not x.requires_grad:
            continue
        if operation.gradient_stays_finite and not watched:
            gx = derivative(gy, node._data, *xs, **node._params)
        else:
            with np.errstate(all="ignore"):  # infinite slopes are allowed
                gx = derivative(gy, node._data, *xs, **node._params)
        if gx.__class__ is not ndarray or gx.shape != xs[i].shape or gx.dtype is not xs[i].dtype:
            gx = unbroadcast(gx, xs[i], node.op)
        if watched:
            check_gradient(node, i, gx)
        if x in grads:
            gx = added(grads[x], gx)
        elif x.operation is None and (gx is gy or gx.base is not None or not operation.returns_fresh_arrays):
            gx = gx.copy()
        grads[x] = gx
