"""What a trace knows: the nodes of a graph with their values, gradients and names. The steps are made of it."""

import linecache
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar, overload

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.value import Value
from viz.formulas import blackboard
from viz.formulas.numbers import one_line
from viz.formulas.tree import Formula, Name, Number, Partial
from viz.formulas.windows import shown_params
from viz.steps.as_json import is_finite, single, to_json
from viz.steps.modules import Modules, module_calls
from viz.steps.repeats import Groups, groups_of

T = TypeVar("T")


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


def _same_array(x: Any, data: Any) -> bool:
    """Whether both are arrays of several entries, and equal."""
    both = isinstance(x, np.ndarray) and isinstance(data, np.ndarray) and x.size > 1 and x.shape == data.shape
    return both and bool(np.array_equal(x, data))


class TraceData:
    """The nodes of a graph, with what each holds after both passes; see `Trace`.

    ``contributions`` are what flows along the edges, in the order of the steps; None for floats, where they follow
    from values and gradients.
    """

    def __init__(
        self, order: Sequence[Node], values: list[Any], gradients: list[Any], contributions: list[Any] | None = None
    ) -> None:
        self.order = order
        self.values = values
        self.gradients = gradients
        self._contributions = contributions
        self.root = len(order) - 1
        self.variables: dict[int, str] = {}  # by id: what the user's program calls a node without a label

    def name_inputs(self, variables: Mapping[str, Any]) -> None:
        """Name the inputs without a label as the user's program does, where one variable alone holds the data.

        Parameters
        ----------
        variables : names and what they hold, such as ``locals()``. A graph has copies of arrays, so these are
            compared by their entries.
        """
        named = {name: x for name, x in variables.items() if name.isidentifier() and not name.startswith("_")}
        for k, node in enumerate(self.order):
            if node.operation is None and not node.label:
                names = [name for name, x in named.items() if x is node or _same_array(x, self.values[k])]
                if len(names) == 1:
                    self.variables[k] = names[0]

    @property
    def nodes(self) -> Sequence["TracedNode"]:
        """The nodes in topological order."""
        return Lazy(len(self.order), lambda k: TracedNode(self, k))

    @cached_property
    def operations(self) -> list[int]:
        """The ids of the nodes that an operation made."""
        return [k for k, node in enumerate(self.order) if node.operation is not None]

    @property
    def kind(self) -> str:
        """What the nodes are: "Value" or "Tensor"."""
        return "Value" if isinstance(self.order[-1], Value) else "Tensor"

    @cached_property
    def ids(self) -> Mapping[Node, int]:
        """The index of each node in `nodes`."""
        return {node: k for k, node in enumerate(self.order)}

    @cached_property
    def names(self) -> list[str]:
        """A short name for each node, unique but for constant numbers."""
        labels = [one_line(node.label or self.variables.get(k, "")) for k, node in enumerate(self.order)]
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
            while seen[name] > bool(label):  # several nodes have it, or it is a node's label
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
        """The number of an unlabelled constant."""
        node = self.order[k]
        if node.requires_grad or node.label or k in self.variables:
            return None
        return single(self.values[k], f"v{k}")

    def name_of(self, k: int) -> Name:
        """The name of node ``k`` in a formula."""
        return Name(self.names[k], k)

    def term(self, k: int) -> Formula:
        """Node ``k`` in a formula: its name, or its figures where it is a constant number."""
        return self.figures(k) or self.name_of(k)

    def partial(self, k: int) -> Partial:
        """The gradient ∂root/∂node in a formula."""
        return Partial(self.name_of(self.root), self.name_of(k))

    @cached_property
    def modules(self) -> Modules:
        """Which module calls the nodes belong to."""
        return module_calls(self.order)

    @cached_property
    def groups(self) -> Groups:
        """The module calls, and what loops repeat in them."""
        return groups_of(self.modules)


class TracedNode:
    """A node as the trace saw it: its name, value, gradient, and where it comes from."""

    def __init__(self, trace: "TraceData", k: int) -> None:
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
    def symbol(self) -> str:
        """The operation's symbol; "" on a leaf."""
        return "" if self.node.operation is None else self.node.operation.symbol

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of an array; None of a number."""
        return getattr(self.value, "shape", None)

    @property
    def role(self) -> str:
        """What it is: "operation", "leaf" or "constant"."""
        if self.node.operation is not None:
            return "operation"
        return "leaf" if self.node.requires_grad else "constant"

    @property
    def kind(self) -> str:
        """What a picture shows it as: its role, or "root" for an operation, or "parameter" for a leaf."""
        if self.role == "operation":
            return "root" if self.id == self.trace.root else "operation"
        return "parameter" if self.trace.modules.is_parameter(self.id) else self.role

    @cached_property
    def inputs(self) -> list[int]:
        """The ids of the inputs, in order."""
        return [self.trace.ids[x] for x in self.node.inputs]

    @cached_property
    def expression(self) -> Formula | None:
        """What computes the node: ``a · b``."""
        operation = self.node.operation
        terms = [self.trace.term(k) for k in self.inputs]
        return None if operation is None else blackboard.forward(operation, terms, shown_params(self.node))

    @property
    def source(self) -> dict[str, Any] | None:
        """The line of the user's code that made the node, where it was recorded."""
        if self.node.origin is None:
            return None
        file, line = self.node.origin
        return {"file": file, "line": line, "text": linecache.getline(file, line).strip()}

    @property
    def module(self) -> list[str]:
        """The names of the modules that the node is in, the outermost first."""
        return [call.scope.name or call.scope.title for call in self.trace.modules.home[self.id].path()]

    def to_dict(self) -> dict[str, Any]:
        """The node as plain data."""
        shape = self.shape
        return {
            "id": self.id,
            "inputs": self.inputs,
            "name": self.name,
            "label": self.node.label,
            "op": self.node.op,
            "symbol": self.symbol,
            "role": self.role,
            "parameter": self.trace.modules.is_parameter(self.id),
            "root": self.id == self.trace.root,
            "finite": is_finite(self.value) and is_finite(self.gradient),
            "shape": None if shape is None else list(shape),
            "dtype": None if shape is None else str(self.value.dtype),
            "value": to_json(self.value),
            "gradient": to_json(self.gradient),
            "expression": None if self.expression is None else self.expression.to_dict(),
            "source": self.source,
            "module": self.module,
        }
