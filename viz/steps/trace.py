"""`trace`: a graph's forward values and its backward pass as a list of steps, from which every view is made.

The steps of a trace are in one list. First comes a forward step for each operation, in the order of the graph. Then
comes the seed, which sets ∂L/∂L = 1. Last comes a backward step for each edge along which a gradient flows, in the
engine's own order, so that the sums are the same to the last bit::

    a ──┐                     0  forward    m = a · b
        ├── × (m) ── tanh (L) 1  forward    L = tanh(m)
    b ──┘                     2  seed       ∂L/∂L = 1
                              3  backward   ∂L/∂m += ∂L/∂L · (1 − L²)
                              4  backward   ∂L/∂a += ∂L/∂m · b
                              5  backward   ∂L/∂b += ∂L/∂m · a

Values and gradients are computed when the trace is made; what flows along an edge, sentences and formulas, when they
are asked for.

The data
--------
``Trace.to_dict()`` is plain data for ``json.dumps(..., allow_nan=False)``:

``format``
    1.
``kind``
    "Value" or "Tensor".
``root``
    Id of the root, which is the last node.
``nodes``
    The nodes in topological order; a node's id is its place in this list.
``steps``
    The steps in order; a step's number is its place in this list.
``forward``
    How many of them are forward steps. The seed follows, then the backward steps.

In it, a *number* is a JSON number, or one of the strings "nan", "inf", "-inf". *Data* is a number in a graph of Values.
In one of Tensors it is ``{"shape", "dtype", "values"}`` with nested lists of numbers, or, of more than `FEW` entries,
``{"shape", "dtype", "min", "mean", "max"}``. A *formula* is ``{"text", "words", "mathml"}``: Unicode text, words for a
screen reader, and a ``<math>`` element in which every label is escaped.

A node has

``id``, ``inputs``
    Its id, and those of its inputs in order; a node that is used twice appears twice.
``name``
    Short and unique: the label where only one node has it (otherwise the modules of parameters in front, as in
    ``layers.1.n0.w2``, or else ``label#id``), ``v3`` where there is none; an unlabelled
    root is ``L``. A constant number is called by its figures, which need not be unique.
``label``
    What the user wrote, untouched.
``op``, ``symbol``
    Name and symbol of the operation; "" on a leaf.
``role``
    "operation", "leaf" (it collects a gradient) or "constant" (it collects none).
``parameter``, ``root``, ``finite``
    Whether it belongs to a module and learns; is the root; holds no NaN and no infinity, in value and gradient.
``shape``, ``dtype``
    Of a Tensor; null of a Value.
``value``, ``gradient``
    Data; the gradient is the complete one, null on a constant.
``expression``
    Formula that computes it; null on a leaf.
``source``
    ``{"file", "line", "text"}`` of the line that made it, where that was recorded; otherwise null.
``module``
    Names of the modules that it is in, the outermost first.

A step has ``step``, ``kind`` ("forward", "seed" or "backward"), ``node`` (an id) and the formulas ``equation`` (in
names), ``numbers`` (in figures; null where there are too many) and ``sentence``. Besides,

- a forward step has ``value``, the data that the node gets;
- the seed has ``before`` (null) and ``after``, the root's gradient;
- a backward step has ``position`` and ``input``, the edge: the node's input there and its id; ``incoming``, the
  gradient at the node; ``local``, the formula of the local derivative with its ``value`` (null where it is a matrix
  that is not written out); ``product``, incoming times local; ``summed_axes``, the axes that un-broadcasting added up;
  ``contribution``, the product after that; ``before`` (null where nothing had arrived) and ``after``, the gradient of
  the input; and ``shapes``, as in ``(784,30) += (784,10) @ (10,30)``, or null.

To replay, begin with no gradients, and set ``after`` at each step; to walk back, set ``before``.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node, nothing_to_differentiate
from tinygrad_edu.operations.broadcasting import unbroadcast
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.notebook import table
from tinygrad_edu.tensor import Tensor
from viz.steps.passes import Passes, summed
from viz.steps.steps import own_params
from viz.steps.tables import for_stdout

_ROWS = 200  # that a notebook shows


class Trace(Passes):
    """Every step of a forward and a backward pass, as data; made by `trace`.

    Attributes
    ----------
    order : the nodes of the graph, in topological order; a node's place is its id.
    values, gradients : what each holds: numbers or arrays, None for no gradient.
    root : id of the root.
    """

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data: see the module's documentation."""
        return {
            "format": 1,
            "kind": self.kind,
            "root": self.root,
            "nodes": [node.to_dict() for node in self.nodes],
            "steps": [step.to_dict() for step in self.steps],
            "forward": len(self.operations),
        }

    @for_output
    def __str__(self) -> str:
        return for_stdout(self)

    def _repr_html_(self) -> str:
        rows = [(step.number, step.kind, step) for step in self.steps[:_ROWS]]
        more = len(self.steps) - len(rows)
        note = f"… and {more} more steps: to_dict() has all, and viz.player(root) replays them." if more else ""
        return table(["step", "pass", "what happens"], rows, caption=repr(self)[1:-1].partition(";")[0], note=note)

    @for_output
    def __repr__(self) -> str:
        forward, backward = len(self.operations), len(self._flows) + 1
        return f"<trace of {self.names[-1]}: {forward} forward and {backward} backward steps; print() shows them>"


# --- running the two passes ---------------------------------------------------------------------------------------


def trace(root: Node, gradient: Any = None) -> Trace:
    """Every step of the forward and of the backward pass from ``root``, as data.

    The gradients are those that ``root.backward()`` adds to the leaves, bit for bit. Nothing in the graph is changed.

    Parameters
    ----------
    root : a Value or a Tensor that an operation made.
    gradient : ∂L/∂root, as in `Tensor.backward`: required of a Tensor of several elements.

    Raises
    ------
    ArgumentError : ``root`` is no node, or a leaf, so that there is no graph.
    BackwardError : there is no gradient: see `Tensor.backward`.
    StaleGraphError : the data of a leaf was changed after an operation had used it.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> for step in trace(a * b + a).steps:
    ...     print(step)
    v2 = a · b = 2 · (−3) = −6
    L = v2 + a = −6 + 2 = −4
    the backward pass starts with ∂L/∂L = 1
    v2 receives 1 · 1 = 1
    a receives 1 · 1 = 1
    a receives 1 · (−3) = −3; with 1 from before, that makes −2
    b receives 1 · 2 = 2
    """
    order = graph_of(root)
    if isinstance(gradient, str):
        raise ArgumentError(f"trace() writes no file, but was given {gradient!r}: print(viz.trace(…)) shows the text")
    if isinstance(root, Tensor):
        return _trace_arrays(order, root._seed(gradient))
    if gradient is not None:
        raise ArgumentError(f"gradient= is for a Tensor: of a Value it is 1, but trace() was given {shown(gradient)}")
    return _trace_floats(order)


def graph_of(root: Any) -> Sequence[Node]:
    """The nodes of the graph of ``root`` in topological order; an error says why there are none, or no gradients."""
    if not isinstance(root, Node):
        raise ArgumentError(
            f"a view needs the Value or the Tensor that a computation gave, but was given {shown(root)}"
        )
    if root.operation is None and root.requires_grad:
        name = f"the leaf {root.label!r}" if root.label else "a leaf"
        raise ArgumentError(f"{name} has no graph: a view needs the result of an operation")
    if not root.requires_grad:
        raise nothing_to_differentiate(root)
    return root.fresh_order()


def _trace_floats(order: Sequence[Node]) -> Trace:
    """What `Value.backward` does, by the same code. Then every gradient gets its old value back."""
    kept = [node.grad for node in order]
    try:
        for node in order:
            node.grad = 0.0
        order[-1].grad = 1.0
        for node in reversed(order):
            if node.operation is not None:
                node.operation.backward_floats(node)
        gradients = [node.grad if node.requires_grad else None for node in order]
    finally:
        for node, grad in zip(order, kept, strict=True):
            node.grad = grad
    return Trace(order, [node.raw for node in order], gradients)


def _trace_arrays(order: Sequence[Node], seed: Any) -> Trace:
    """What `array_backward.array_gradients` does, each term noted."""
    ids = {node: k for k, node in enumerate(order)}
    # A leaf's array may be written to after the trace was made.
    values = [node.raw.copy() if node.operation is None else node.raw for node in order]
    gradients: list[Any] = [None] * len(order)
    gradients[-1] = np.array(seed.raw if isinstance(seed, Tensor) else seed)
    contributions: list[Any] = []
    with np.errstate(all="ignore"):
        for k in range(len(order) - 1, -1, -1):
            node = order[k]
            operation = node.operation
            if operation is None:
                continue
            xs, params = [values[ids[x]] for x in node.inputs], own_params(node)
            for i, x in enumerate(node.inputs):
                if x.requires_grad:
                    gx = operation.gx_arrays[i](gradients[k], values[k], *xs, **params)
                    contribution = unbroadcast(gx, xs[i], node.op)
                    gradients[ids[x]] = summed(gradients[ids[x]], contribution)
                    contributions.append(contribution)
    return Trace(order, values, gradients, contributions)
