"""The backward pass on arrays with one written-out function for each operation.

`graph.array_backward` is the plain form and gives the same numbers. On small arrays Python's loops and lists take as
long as NumPy's work, and this form saves them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.graph import array_backward
from tinygrad_edu.graph.array_backward import backward_step
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.broadcasting import added, unbroadcast
from tinygrad_edu.operations.floats import CONSTANTS
from tinygrad_edu.operations.operation import EachInput, Operation
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.operations.shapes import GETITEM
from tinygrad_edu.speed.indexed_gradient import add_at_index
from tinygrad_edu.speed.recomputed_gradient import LARGE, step_without_keeping
from tinygrad_edu.support.numpy_warnings import warn_at_users_line
from tinygrad_edu.support.types import Array

ndarray = np.ndarray
Step = Callable[[Any, Any, dict[Any, Any]], None]


def array_gradients(root: Node, seed: Array) -> dict[Any, Any]:
    """What `graph.array_backward.array_gradients` gives; a large gradient of an interior node may be recomputed."""
    if WATCH.active and MODES.recorder is not None:
        return MODES.recorder.array_gradients(root, seed)
    if WATCH.active and MODES.anomaly:
        return array_backward.array_gradients(root, seed, watched=True)
    try:
        return _gradients(root, seed)
    except RuntimeWarning:
        return warn_at_users_line("backward()", _gradients, root, seed)


def _gradients(root: Node, seed: Array) -> dict[Any, Any]:
    grads: dict[Any, Any] = {root: seed}
    recomputed: dict[Any, Any] = {}
    for node in reversed(root.fresh_order(leaves=False)):
        gy, operation = grads.get(node), node.operation
        if gy is None or operation is None:
            continue
        step = operation.backward_step
        if step is None:
            step = operation.backward_step = written_step(operation)
        if gy.size < LARGE:
            step(node, gy, grads)
        else:
            step_without_keeping(step, node, gy, grads, recomputed)
    return grads


_STEP = """
    if n{i}.requires_grad:
        gx = {gx}
        if gx.__class__ is not ndarray or gx.shape != {x}.shape or gx.dtype is not {x}.dtype:
            gx = unbroadcast(gx, {x}, node.op)
        if n{i} in grads:
            gx = added(grads[n{i}], gx)
        elif n{i}.operation is None and (gx is gy or gx.base is not None):
            gx = gx.copy()
        grads[n{i}] = gx
"""
_STEP_OF_SAME_SHAPE = """
    if n{i}.requires_grad:
        gx = {gx}
        grads[n{i}] = added(grads[n{i}], gx) if n{i} in grads else gx
"""


def written_step(operation: Operation) -> Step:
    """`backward_step` for one operation, written out as a function without loops and lists."""
    if operation is GETITEM:
        return add_at_index
    is_simple = operation.gradient_stays_finite and operation.returns_fresh_arrays
    if isinstance(operation.gx_arrays, EachInput) or not is_simple:
        return backward_step
    count = len(operation.gx_arrays)
    xs = ["x"] if count == 1 else [f"x{i}" for i in range(count)]
    lines = [f"{', '.join(f'n{i}' for i in range(count))}, = node.inputs", "y = node._data"]
    lines += [f"{x} = n{i}._data" for i, x in enumerate(xs)]
    keep = operation.gradients_keep_shape or (False,) * count
    if any(keep):  # but NumPy makes scalars of arrays without axes, and types may be mixed
        mixed = " or ".join(f"{x}.dtype is not gy.dtype" for x in xs)
        lines.append(f"if gy.ndim < 2 or {mixed}: return backward_step(node, gy, grads)")
    if isinstance(operation, Elementwise):
        texts = operation.gx_texts
        lines += [f"{name} = node._params[{name!r}]" for name in operation.defaults]
    else:
        params = ", **node._params" if operation.forward.__code__.co_kwonlyargcount else ""
        texts = tuple(f"gx{i}(gy, y, {', '.join(xs)}{params})" for i in range(count))
    forms = [_STEP_OF_SAME_SHAPE if same else _STEP for same in keep]
    parts = [form.format(i=i, x=x, gx=gx) for i, (form, x, gx) in enumerate(zip(forms, xs, texts, strict=True))]
    body = "\n    ".join(lines) + "".join(parts)
    scope: dict[str, Any] = Elementwise.arrays | CONSTANTS | {f"gx{i}": gx for i, gx in enumerate(operation.gx_arrays)}
    scope |= {
        "__name__": __name__,
        "ndarray": ndarray,
        "unbroadcast": unbroadcast,
        "added": added,
        "backward_step": backward_step,
    }
    exec(f"def step(node, gy, grads):\n    {body}", scope)  # noqa: S102 a row of the table, never a user's text
    return scope["step"]
