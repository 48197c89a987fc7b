"""The backward pass on arrays: what flows from each node to its inputs, added up.

An operation says what one gradient becomes on the way back through it. Here is what all operations share: which
inputs need a gradient, the sum where a node is used more than once, the sum over what was broadcast.
"""

import re
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from tinygrad_edu.errors import ShapeError
from tinygrad_edu.graph import modes
from tinygrad_edu.graph.modes import MODES, WATCH
from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.arrays import ZEROS
from tinygrad_edu.operations.elementwise import CONSTANTS, EachInput, Elementwise, Operation
from tinygrad_edu.operations.matrices import ones

if TYPE_CHECKING:
    from collections.abc import Callable

    from tinygrad_edu.tensor import Tensor

ndarray = np.ndarray
_Array = npt.NDArray[Any]
_LARGE = 1 << 13  # numbers in a gradient that is rather computed again, if somebody asks for it, than kept


def array_gradients(root: "Tensor", seed: _Array) -> "dict[Tensor, _Array]":
    """For each node that ``root`` depends on and that requires one, its gradient; nothing is written anywhere.

    A gradient that only passes through (``y = x + b``, a reshape) is handed on without a copy. So an interior
    node's may be another's array, or a view of it; a leaf's never is. A large one that has flowed on may be `Again`.
    """
    if WATCH.active and MODES.recorder is not None:
        return cast("dict[Tensor, _Array]", MODES.recorder.array_gradients(root, seed))
    grads: dict[Tensor, Any] = {root: seed}
    again: dict[Tensor, Again] = {}
    watched = bool(WATCH.active and MODES.anomaly)
    for node in reversed(root._fresh_order(leaves=False)):
        gy, operation = grads.get(node), node.operation
        if gy is None or operation is None:
            continue
        if watched:
            _flow_back(node, gy, grads, watched)
        elif gy.size < _LARGE:
            (operation.flow or _written_flow(operation))(node, gy, grads)
        else:
            _flow_on(node, gy, grads, again)
    return grads


class Again:
    """A gradient that has been handed on, and is computed again if somebody asks for it: ``copy()``."""

    __slots__ = ("gradient", "gy", "operation", "params", "x", "y")

    def __init__(self, node: "Tensor", gy: _Array, gradient: _Array) -> None:
        # The arrays and not the node, of which this will be part: in a cycle memory is freed late.
        self.operation, self.params = cast("Operation", node.operation), node._params
        self.y, self.x = node._data, node.inputs[0]._data
        self.gy, self.gradient = gy, cast("_Array | None", gradient)

    def copy(self) -> _Array:
        """The gradient as a new array, by the operation's derivative as in the backward pass."""
        with np.errstate(all="ignore"):
            return cast("_Array", self.operation.gx_arrays[0](self.gy, self.y, self.x, **self.params))


def _flow_on(node: "Tensor", gy: _Array, grads: "dict[Tensor, Any]", again: "dict[Tensor, Again]") -> None:
    """What an operation's flow does; then the gradient of ``node`` is freed, if `Again` can give it."""
    operation, x = cast("Operation", node.operation), node.inputs[0]
    elementwise = operation.fits and len(node.inputs) == 1
    first = elementwise and x not in grads and _has_own_memory(x)
    (operation.flow or _written_flow(operation))(node, gy, grads)
    known = again.pop(node, None)
    if known is not None and known.gradient is gy:  # else something was added to it
        known.gradient = None
        grads[node] = known
    elif first and x in grads and x._data.dtype is node._data.dtype is grads[x].dtype:
        again[x] = Again(node, gy, grads[x])


def _has_own_memory(x: "Tensor") -> bool:
    """Whether an operation made the array, and it is no view of a leaf's, which may be written to."""
    return x.operation is not None and x._data.base is None and all(x._data is not other._data for other in x.inputs)


def _flow_back(node: "Tensor", gy: _Array, grads: "dict[Tensor, _Array]", watched: bool = False) -> None:
    """Add to the gradients of the node's inputs what flows to them."""
    operation = cast("Operation", node.operation)
    xs = [x._data for x in node.inputs]
    for i, (x, derivative) in enumerate(zip(node.inputs, operation.gx_arrays, strict=False)):
        if not x.requires_grad:
            continue
        if operation.calm and not watched:
            gx = derivative(gy, node._data, *xs, **node._params)
        else:
            with np.errstate(all="ignore"):  # infinite slopes are an answer, not an accident
                gx = derivative(gy, node._data, *xs, **node._params)
        if gx.__class__ is not ndarray or gx.shape != xs[i].shape or gx.dtype is not xs[i].dtype:
            gx = unbroadcast(gx, xs[i], node)
        if watched:
            modes.check_gradient(node, i, gx)
        if x in grads:
            gx = added(grads[x], gx)
        elif x.operation is None and (gx is gy or gx.base is not None or not operation.owns_gradients):
            gx = gx.copy()
        grads[x] = gx


_FLOW = """
    if n{i}.requires_grad:
        gx = {gx}
        if gx.__class__ is not ndarray or gx.shape != {x}.shape or gx.dtype is not {x}.dtype:
            gx = unbroadcast(gx, {x}, node)
        if n{i} in grads:
            gx = added(grads[n{i}], gx)
        elif n{i}.operation is None and (gx is gy or gx.base is not None):
            gx = gx.copy()
        grads[n{i}] = gx
"""
_FITTING_FLOW = """
    if n{i}.requires_grad:
        gx = {gx}
        grads[n{i}] = added(grads[n{i}], gx) if n{i} in grads else gx
"""


def _written_flow(operation: Operation) -> "Callable[[Tensor, _Array, dict[Tensor, _Array]], None]":
    """`_flow_back` for one operation, written out: its loops and lists cost as much as work on small arrays."""
    if isinstance(operation.gx_arrays, EachInput) or not (operation.calm and operation.owns_gradients):
        operation.flow = _flow_back
        return _flow_back
    count = len(operation.gx_arrays)
    xs = ["x"] if count == 1 else [f"x{i}" for i in range(count)]
    lines = [f"{', '.join(f'n{i}' for i in range(count))}, = node.inputs", "y = node._data"]
    lines += [f"{x} = n{i}._data" for i, x in enumerate(xs)]
    if operation.fits:  # but of vectors, numbers and mixed types there may be something to mend
        mixed = " or ".join(f"{x}.dtype is not kind" for x in xs)
        lines += ["kind = gy.dtype", f"if gy.ndim < 2 or {mixed}:", "    return flow_back(node, gy, grads)"]
    if isinstance(operation, Elementwise):
        texts = operation.gx_texts
        if operation.fits:
            texts = tuple([re.sub(r"\b0\.0\b", "zero", text) for text in texts])
            lines += ["zero = ZEROS[kind]"] if "zero" in texts[0] else []
        lines += [f"{name} = node._params[{name!r}]" for name in operation.defaults]
    else:
        params = ", **node._params" if operation.forward.__code__.co_kwonlyargcount else ""
        texts = tuple(f"gx{i}(gy, y, {', '.join(xs)}{params})" for i in range(count))
    form = _FITTING_FLOW if operation.fits else _FLOW
    parts = [form.format(i=i, x=x, gx=gx) for i, (x, gx) in enumerate(zip(xs, texts, strict=True))]
    body = "\n    ".join(lines) + "".join(parts)
    scope: dict[str, Any] = Elementwise.arrays | CONSTANTS | {f"gx{i}": gx for i, gx in enumerate(operation.gx_arrays)}
    scope |= {"ZEROS": ZEROS, "ndarray": ndarray, "unbroadcast": unbroadcast, "added": added, "flow_back": _flow_back}
    exec(f"def flow(node, gy, grads):\n    {body}", scope)  # noqa: S102 a row of the table, never a user's text
    operation.flow = scope["flow"]
    return scope["flow"]  # type: ignore[no-any-return]


def added(a: Any, b: Any) -> Any:
    """``a + b``, an array even where they have no axes, of which NumPy makes a scalar."""
    total = a + b
    return np.asarray(total) if isinstance(total, np.generic) else total


def common_shape(given: tuple[int, ...], shape: tuple[int, ...], node: Node) -> tuple[int, ...]:
    """What a gradient of the shape ``given`` and the input of ``node`` that it flows to broadcast to."""
    try:
        return np.broadcast_shapes(given, shape)
    except ValueError:
        raise ShapeError(
            f"the derivative of {node.op} gave a gradient of shape {given} for an input of shape {shape}: "
            "they must be the same, or differ by broadcasting"
        ) from None


def unbroadcast(gx: Any, x: _Array, node: Node) -> _Array:
    """The gradient brought to the shape and dtype of ``x``: broadcast axes are summed, as their copies add up."""
    gx = gx if gx.__class__ is ndarray else np.asarray(gx)
    shape = x.shape
    if gx.shape != shape:
        lead = gx.ndim - len(shape)
        if lead == 1 and gx.shape[1:] == shape:
            # BLAS adds up rows several times faster.
            gx = ones(len(gx), gx.dtype).dot(gx) if gx.ndim == 2 else np.asarray(np.add.reduce(gx))
        else:
            full = common_shape(gx.shape, shape, node)
            lead = len(full) - len(shape)
            axes = (*range(lead), *(lead + a for a, n in enumerate(shape) if n == 1 and full[lead + a] != 1))
            gx = np.asarray(np.add.reduce(np.broadcast_to(gx, full), axis=axes)).reshape(shape)
    return gx if gx.dtype == x.dtype else cast("_Array", gx.astype(x.dtype))
