"""The backward pass as a graph: gradients that are nodes, and can be differentiated again."""

from tinygrad_edu.graph.anomaly import check_gradient
from tinygrad_edu.graph.modes import MODES
from tinygrad_edu.graph.node import Node


def recorded_gradients(root: Node, seed: Node) -> dict[Node, Node]:
    """The backward pass as a graph: for each node that ``root`` depends on, its gradient as a node.

    The derivatives are the same text as everywhere, read with nodes instead of numbers, so what they compute is
    recorded and can be differentiated again.
    """
    grads = {root: seed}
    watched, MODES.anomaly = MODES.anomaly, 0  # what is looked at is each gradient, not the steps of its derivative
    try:
        for node in reversed(root.fresh_order()):
            gy = grads.get(node)
            if gy is None or node.operation is None:
                continue
            inputs = node.inputs
            for i, x in enumerate(inputs):
                if x.requires_grad:
                    gx = node.operation.gx_nodes[i](gy, node, *inputs, **node.params)
                    gx = x.fit_gradient(gx if isinstance(gx, Node) else x.constant_like(gx), node)
                    if watched:
                        check_gradient(node, i, gx)
                    grads[x] = grads[x] + gx if x in grads else gx
    finally:
        MODES.anomaly = watched
    return grads
