"""`trace`: a graph's forward values and its backward pass as a list of steps, from which every view is made.

The steps of a trace are in one list: a forward step for each operation, in the order of the graph; the seed, which
sets ∂L/∂L = 1; and a backward step for each edge along which a gradient flows, in the engine's own order, so that the
sums come out the same to the last bit::

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
``{"shape", "dtype", "min", "mean", "max"}``. A *formula* is ``{"text", "latex", "words", "mathml"}``: Unicode text,
LaTeX's mathematical mode, words for a screen reader, and a ``<math>`` element in which every label is escaped.

A node has

``id``, ``inputs``
    Its id, and those of its inputs in order; a node used twice stands there twice.
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
    Names of the modules that it lies in, the outermost first.

A step has ``step``, ``kind`` ("forward", "seed" or "backward"), ``node`` (an id) and the formulas ``equation`` (in
names), ``numbers`` (in figures; null where there are too many) and ``sentence``. Besides,

- a forward step has ``value``, the data that the node gets;
- the seed has ``before`` (null) and ``after``, the root's gradient;
- a backward step has ``position`` and ``input``, the edge: the node's input there and its id; ``incoming``, the
  gradient at the node; ``local``, the formula of the local derivative with its ``value`` (null where it is a matrix
  that nobody writes out); ``product``, incoming times local; ``summed_axes``, the axes that un-broadcasting added up;
  ``contribution``, the product after that; ``before`` (null where nothing had arrived) and ``after``, the gradient of
  the input; and ``shapes``, as in ``(784,30) += (784,10) @ (10,30)``, or null.

To replay, begin with no gradients, and set ``after`` at each step; to walk back, set ``before``.
"""

import linecache
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar, overload

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node, nothing_to_differentiate
from tinygrad_edu.operations.broadcasting import unbroadcast
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value
from viz.formulas import blackboard
from viz.formulas.notation import printable, shorten
from viz.formulas.tree import Formula, Name, Number, Partial
from viz.steps.as_json import is_finite, plain, single
from viz.steps.modules import Modules, module_calls
from viz.steps.steps import Backward, Flow, Forward, Seed, Step, own_params

T = TypeVar("T")


def _sum(before: Any, contribution: Any) -> Any:
    """What the engine makes of a gradient and one more contribution to it."""
    if before is None:
        return 0.0 + contribution if isinstance(contribution, float) else contribution
    total = before + contribution
    return total if isinstance(before, float) else np.asarray(total)  # NumPy makes a scalar of a sum without axes


class Lazy(Sequence[T]):
    """A list whose items are made when they are looked at."""

    def __init__(self, size: int, make: Callable[[int], T]) -> None:
        self._range = range(size)
        self._make = make

    def __len__(self) -> int:
        return len(self._range)

    @overload
    def __getitem__(self, k: int) -> T: ...
    @overload
    def __getitem__(self, k: slice) -> list[T]: ...
    def __getitem__(self, k: int | slice) -> T | list[T]:
        return [self._make(i) for i in self._range[k]] if isinstance(k, slice) else self._make(self._range[k])


class Trace:
    """Every step of a forward and a backward pass, as data; made by `trace`.

    Attributes
    ----------
    order : the nodes of the graph, in topological order; a node's place is its id.
    values, gradients : what each holds: numbers or arrays, None for no gradient.
    root : id of the root.
    """

    def __init__(
        self, order: Sequence[Node], values: list[Any], gradients: list[Any], contributions: list[Any] | None = None
    ) -> None:
        self.order = order
        self.values = values
        self.gradients = gradients
        self.root = len(order) - 1
        self._contributions = contributions  # None for floats, where they follow from the others

    @property
    def nodes(self) -> Sequence["TracedNode"]:
        """The nodes in topological order."""
        return Lazy(len(self.order), lambda k: TracedNode(self, k))

    @property
    def steps(self) -> Sequence["Step"]:
        """Every step: the `Forward` steps, the `Seed`, the `Backward` steps."""
        return Lazy(len(self.operations) + 1 + len(self._flows), self._step)

    def _step(self, k: int) -> "Step":
        count = len(self.operations)
        if k < count:
            return Forward(self, k, self.operations[k])
        return Seed(self, k, self.root) if k == count else Backward(self, k, self._flows[k - count - 1])

    @cached_property
    def operations(self) -> list[int]:
        """The ids of the nodes that an operation made."""
        return [k for k, node in enumerate(self.order) if node.operation is not None]

    @cached_property
    def _flows(self) -> list[Flow]:
        """The contributions, each with its edge and what it was added to."""
        flows: list[Flow] = []
        sums: dict[int, Any] = {}
        contributions = self._of_floats() if self._contributions is None else iter(self._contributions)
        for k in reversed(self.operations):
            for i, x in enumerate(self.order[k].inputs):
                if x.requires_grad:
                    j, contribution = self.ids[x], next(contributions)
                    before = sums.get(j)
                    sums[j] = after = _sum(before, contribution)
                    flows.append(Flow(k, i, j, contribution, before, after))
        return flows

    def _of_floats(self) -> Iterator[float]:
        """What flows along each edge of a graph of Values."""
        for k in reversed(self.operations):
            operation, params, nodes = self.order[k].operation, self.order[k].params, self.order[k].inputs
            assert operation is not None
            xs = [self.values[self.ids[x]] for x in nodes]
            for x, gx in zip(nodes, _on_floats(operation, params, len(nodes)), strict=False):
                if x.requires_grad:
                    yield gx(self.gradients[k], self.values[k], *xs)

    @property
    def kind(self) -> str:
        """What the nodes are: "Value" or "Tensor"."""
        return "Value" if isinstance(self.order[-1], Value) else "Tensor"

    @property
    def forward(self) -> Sequence["Step"]:
        """The forward steps."""
        return self.steps[: len(self.operations)]

    @property
    def backward(self) -> Sequence["Step"]:
        """The seed and the backward steps."""
        return self.steps[len(self.operations) :]

    @cached_property
    def ids(self) -> Mapping[Node, int]:
        """Where each node stands in `nodes`."""
        return {node: k for k, node in enumerate(self.order)}

    @cached_property
    def names(self) -> list[str]:
        """A short name for each node, unique but for constant numbers."""
        labels = [shorten(printable(node.label)) for node in self.order]
        seen = Counter(labels)
        if any(label and seen[label] > 1 and self.modules.is_parameter(k) for k, label in enumerate(labels)):
            labels = [label and self._with_module(k, label) for k, label in enumerate(labels)]
            seen = Counter(labels)
        names: list[str] = []
        for k, label in enumerate(labels):
            constant = self.figures(k)
            if constant is not None:
                names.append(constant.text)
                continue
            name = label or ("L" if k == self.root and "L" not in seen else f"v{k}")
            while seen[name] > bool(label):  # several have it, or it is somebody's label
                name, label = f"{name}#{k}", ""
            seen[name] += not label
            names.append(name)
        return names

    def _with_module(self, k: int, label: str) -> str:
        """A parameter's label with the name of the module that uses it in front, if it has one and does not say it."""
        if not self.modules.is_parameter(k):
            return label
        module = next((call.scope.name for call in self.modules.users[k] if call.scope.name), "")
        return f"{module}.{label}" if module and not label.startswith(f"{module}.") else label

    def figures(self, k: int) -> Number | None:
        """The number that an unlabelled constant stands for."""
        node = self.order[k]
        if node.requires_grad or node.label:
            return None
        return single(self.values[k])

    def term(self, k: int) -> Formula:
        """Node ``k`` in a formula: its name, or its figures where it is a constant number."""
        return self.figures(k) or Name(self.names[k])

    def partial(self, k: int) -> Partial:
        """The gradient ∂root/∂node in a formula."""
        return Partial(Name(self.names[self.root]), Name(self.names[k]))

    @cached_property
    def modules(self) -> Modules:
        """Which module calls the nodes belong to."""
        return module_calls(self.order)

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

    def __str__(self) -> str:
        from viz.steps.tables import for_stdout  # which itself needs a Trace

        return for_stdout(self)

    def __repr__(self) -> str:
        forward, backward = len(self.operations), len(self._flows) + 1
        return f"<trace of {self.names[-1]}: {forward} forward and {backward} backward steps; print() shows them>"


class TracedNode:
    """A node as the trace saw it: its name, value, gradient, and where it comes from."""

    def __init__(self, trace: Trace, k: int) -> None:
        self.trace = trace
        self.id = k
        self.node = trace.order[k]
        self.value = trace.values[k]
        self.gradient = trace.gradients[k]

    @property
    def name(self) -> str:
        """A short name, unique but for constant numbers."""
        return self.trace.names[self.id]

    @property
    def role(self) -> str:
        """What it is: "operation", "leaf" or "constant"."""
        if self.node.operation is not None:
            return "operation"
        return "leaf" if self.node.requires_grad else "constant"

    @cached_property
    def inputs(self) -> list[int]:
        """The ids of the inputs, in order."""
        return [self.trace.ids[x] for x in self.node.inputs]

    @cached_property
    def expression(self) -> Formula | None:
        """What computes the node: ``a · b``."""
        operation = self.node.operation
        terms = [self.trace.term(k) for k in self.inputs]
        return None if operation is None else blackboard.forward(operation, terms, self.node.params)

    @property
    def source(self) -> dict[str, Any] | None:
        """The line of the user's code that made the node, where it was recorded."""
        if self.node.origin is None:
            return None
        file, line = self.node.origin
        return {"file": file, "line": line, "text": linecache.getline(file, line).strip()}

    @property
    def module(self) -> list[str]:
        """The names of the modules that the node lies in, the outermost first."""
        return [call.scope.name or call.scope.title for call in self.trace.modules.home[self.id].path()]

    def to_dict(self) -> dict[str, Any]:
        """The node as plain data."""
        data = getattr(self.value, "shape", None)
        return {
            "id": self.id,
            "inputs": self.inputs,
            "name": self.name,
            "label": self.node.label,
            "op": self.node.op,
            "symbol": "" if self.node.operation is None else self.node.operation.symbol,
            "role": self.role,
            "parameter": self.trace.modules.is_parameter(self.id),
            "root": self.id == self.trace.root,
            "finite": is_finite(self.value) and is_finite(self.gradient),
            "shape": None if data is None else list(data),
            "dtype": None if data is None else str(self.value.dtype),
            "value": plain(self.value),
            "gradient": plain(self.gradient),
            "expression": None if self.expression is None else self.expression.to_dict(),
            "source": self.source,
            "module": self.module,
        }


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
    BackwardError : there is no gradient to be had: see `Tensor.backward`.
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
    if isinstance(root, Tensor):
        return _trace_arrays(order, root._seed(gradient))
    if gradient is not None:
        raise ArgumentError(f"gradient= is for a Tensor: of a Value it is 1, but trace() was given {gradient!r}")
    return _trace_floats(order)


def graph_of(root: Any) -> Sequence[Node]:
    """The nodes behind ``root`` in topological order; an error says why there are none, or no gradients."""
    if not isinstance(root, Node):
        raise ArgumentError(f"a view needs the Value or the Tensor that a computation gave, but was given {root!r}")
    if root.operation is None and root.requires_grad:
        name = f"the leaf {root.label!r}" if root.label else "a leaf"
        raise ArgumentError(f"there is no graph behind {name}: a view needs the result of an operation")
    if not root.requires_grad:
        raise nothing_to_differentiate(root)
    return root._fresh_order()


def _trace_floats(order: Sequence[Node]) -> Trace:
    """What `Value.backward` does, by the same code; then every gradient is put back."""
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
    return Trace(order, [node._data for node in order], gradients)


def _on_floats(operation: Operation, params: Mapping[str, Any], count: int) -> Sequence[Callable[..., float]]:
    """The derivatives ``gx(gy, y, *xs)`` of an operation on floats, one for each of ``count`` inputs."""
    if isinstance(operation, Elementwise):
        return [partial(gx, **params) for gx in operation.gx_floats] if params else operation.gx_floats
    return [partial(_as_float, operation.gx_arrays[i], params) for i in range(count)]


def _as_float(gx: Callable[..., Any], params: Mapping[str, Any], *given: Any) -> float:
    return float(gx(*given, **params))  # a user's derivative may give an int, or NumPy's own number


def _trace_arrays(order: Sequence[Node], seed: Any) -> Trace:
    """What `array_backward.array_gradients` does, each term noted."""
    ids = {node: k for k, node in enumerate(order)}
    # A leaf's array may be written to after the trace was made.
    values = [node._data.copy() if node.operation is None else node._data for node in order]
    gradients: list[Any] = [None] * len(order)
    gradients[-1] = np.array(seed._data if isinstance(seed, Tensor) else seed)
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
                    gradients[ids[x]] = _sum(gradients[ids[x]], contribution)
                    contributions.append(contribution)
    return Trace(order, values, gradients, contributions)
