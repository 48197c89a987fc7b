"""The backward pass on traced numbers and arrays, line by line."""

from typing import Any

import numpy as np

from tinygrad_edu.compiler.record import scalars
from tinygrad_edu.compiler.record.slices import SliceGradients
from tinygrad_edu.compiler.record.traced import is_variable, value_of
from tinygrad_edu.graph import node as graph
from tinygrad_edu.operations.broadcasting import copied_axes, gradient_dtype

Recorder = Any  # `recorder.Recorder`, which imports this module


def walk(recorder: Recorder, order: list[Any]) -> None:
    """The backward pass through Values, in the reverse of ``order``."""
    for node in reversed(order):
        gy, operation = node.grad, node.operation
        if operation is None:
            continue
        xs = [recorder.data(x) for x in node.inputs]
        for i, x in enumerate(node.inputs):
            recorder.group += 1
            gx = scalars.derivative(operation, i)(gy, node.raw, *xs, **node.params)
            x.grad = gx if x.grad.__class__ is float and x.grad == 0 else x.grad + gx
            _note(recorder, x.grad, x.raw)


def array_gradients(recorder: Recorder, root: Any, seed: Any) -> dict[Any, Any]:
    """The gradients of all Tensors that ``root`` depends on, from the gradient ``seed`` of ``root``."""
    grads: dict[Any, Any] = {root: seed}
    slices = SliceGradients()

    def add(node: Any, gx: Any) -> None:
        grads[node] = grads[node] + gx if node in grads else gx
        _note(recorder, grads[node], node.raw)

    for node in reversed(graph.topological_order(root, fresh=True)):
        for gx in slices.joined(node):
            recorder.group += 1
            add(node, gx)
        gy, operation = grads.get(node), node.operation
        if gy is None or operation is None or slices.keep(node, gy):
            continue
        xs = [recorder.data(x) for x in node.inputs]
        for i, x in enumerate(node.inputs):
            if x.requires_grad:
                recorder.group += 1
                gx = recorder.derivative(operation, i)(gy, node.raw, *xs, **node.params)
                add(x, _fitted(gx, x.raw))
    return grads


def _note(recorder: Recorder, gx: Any, x: Any) -> None:
    """Note that ``gx`` is the gradient of ``x``: its variable is named after it."""
    if is_variable(gx) and is_variable(x):
        recorder.gradients_of.setdefault(gx.variable, x.variable)


def _fitted(gx: Any, x: Any) -> Any:
    """The gradient brought to the input's shape and dtype."""
    shape, given = np.shape(value_of(x)), np.shape(value_of(gx))
    if given != shape:
        full = np.broadcast_shapes(given, shape)
        gx = gx if given == full else np.broadcast_to(gx, full)
        axes = copied_axes(shape, full)
        if axes:
            gx = np.add.reduce(gx, axis=axes[0] if len(axes) == 1 else axes)
        if np.shape(value_of(gx)) != shape:
            gx = gx.reshape(shape)
    gradient_dtype(x.dtype)
    if not hasattr(gx, "dtype"):  # a slope that is the same everywhere, of a single number
        return np.asarray(gx, x.dtype)
    return gx if gx.dtype == x.dtype else gx.astype(x.dtype)
