"""`Visit`: one backward pass as the rules see it."""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.course import Course, Layer, gradient, is_zero, squared_norm
from tinygrad_edu.train.doctor.task import LAYERS, VIEWS, Task, is_constant, task_of, viewed

LINEAR = {*VIEWS, "add", "sub", "neg", "sum", "mean", "concatenate", "stack", "select"}  # select: what Dropout makes

Lines = Sequence[tuple[str, tuple[str, int] | None]]  # the operation and the source line of each node of a graph


class Visit:
    """One backward pass.

    Attributes
    ----------
    root : the node that it starts from, mostly the loss.
    loss : its number; nan if it is an array.
    parameters : those that are watched, by name.
    names : their names, by parameter.
    course : how the run has gone so far, this pass included.
    step : the number of the pass, from 1 on.
    optimizer : None if it is not known.
    follows_a_visit : whether the pass directly before this one was visited too.
    changed : the names of the parameters that were written to since the last visit.
    """

    def __init__(
        self, root: Node, order: list[Node], course: Course, step: int, optimizer: Any, lines: Lines = ()
    ) -> None:
        self.root = root
        self.order = order
        self.course = course
        self.parameters = course.parameters
        self.names = course.name_of
        self.step = step
        self.loss = number_of(root)
        self.optimizer = optimizer
        self.follows_a_visit, self.changed = course.begin_visit(step)
        self._lines = lines  # of the last graph that has them

    @property
    def rate(self) -> str:
        """The learning rate, in words."""
        return "this rate" if self.optimizer is None else f"the learning rate {self.optimizer.lr:g}"

    def calls(self, *kinds: type[Any]) -> list[tuple[Any, Node]]:
        """The calls of the net's modules of these kinds in this graph: each module with what it took."""
        modules = {m._scope: m for m in self.course.parts if isinstance(m, kinds) and m._scope is not None}
        marks = (mark for node in self.order for mark in node.marks) if modules else ()
        return [(modules[mark.scope], mark.inputs[0]) for mark in marks if mark.scope in modules]

    @cached_property
    def layers(self) -> list[tuple[Node, str]]:
        """The products with a matrix of weights in the order of the forward pass, with the names of their weights."""
        found = []
        for node in self.order:
            if node.op in LAYERS:
                name = self.names.get(viewed(node.inputs[1])) or self.names.get(viewed(node.inputs[0]))
                if name:
                    found.append((node, name))
        return found

    @cached_property
    def hidden(self) -> set[Node]:
        """The nodes that a later layer depends on."""
        found: set[Node] = set()
        layers = {node for node, _ in self.layers}
        for node in reversed(self.order):
            if node in layers or node in found:
                found.update(node.inputs)
        return found

    @cached_property
    def task(self) -> Task | None:
        """The loss with its answers and targets; None if the kind of the loss is not known."""
        return task_of(self.order)

    @cached_property
    def first_inputs(self) -> Array | None:
        """The rows that enter the first layer with weights; None if those are computed. Copy them to keep them.

        A sequence has one row per step.
        The initial state of a recurrent layer, which is zero, enters a layer too. It is no input if another layer takes
        something that does not depend on it.
        """
        if isinstance(self.root.raw, float):
            return self._rows_of_values
        if self.first_product is None:
            return None
        x = np.asarray(self.first_product.inputs[0].raw)
        return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])

    @property
    def first_rows(self) -> Array | None:
        """The first inputs or, where they are computed, the first codes."""
        return self.first_codes if self.first_inputs is None else self.first_inputs

    @cached_property
    def row_keys(self) -> list[int]:
        """A number for each row of the first inputs, equal for equal rows; [] if the inputs are computed."""
        x = self.first_inputs
        return [] if x is None else [hash(row.tobytes()) for row in np.ascontiguousarray(x)]

    @property
    def _rows_of_values(self) -> Array | None:
        """Of a net of Values, the numbers that its parameters are multiplied with; those of the first one make rows."""
        columns: dict[Node, list[Any]] = {}
        for node in self.order:
            half = len(node.inputs) // 2
            for x, y in zip(node.inputs[:half], node.inputs[half:], strict=False) if node.op in ("dot", "mul") else ():
                for parameter, number in ((x, y), (y, x)):
                    if parameter in self.names and is_constant(number):
                        columns.setdefault(parameter, []).append(number)
        unlike = {tuple(map(id, numbers)): numbers for numbers in columns.values()}  # many units take the same inputs
        first = next(iter(unlike.values()), [])
        fitting = [[x.raw for x in numbers] for numbers in unlike.values() if len(numbers) == len(first)]
        return np.array(fitting).T if first else None

    @cached_property
    def first_codes(self) -> Array | None:
        """The whole numbers that choose rows of a first matrix of weights, as an embedding does; one row per sample."""
        for node in self.order:
            if node.op == "getitem" and node.inputs[0] in self.names and np.ndim(node.inputs[0].raw) == 2:
                index = np.asarray(node.params["index"]) if not isinstance(node.params["index"], tuple) else np.zeros(0)
                if index.dtype.kind in "iu" and index.ndim:
                    return index.reshape(len(index), -1)
        return None

    @cached_property
    def first_product(self) -> Node | None:
        """The product that takes the first inputs."""
        return next((node for node in self._given if node not in self.fed_with_zeros), None)

    @cached_property
    def _given(self) -> list[Node]:
        """The products that take data."""
        return [
            node
            for node in self.order
            if node.op in LAYERS and np.ndim(node.raw) > 1 and is_constant(viewed(node.inputs[0]))
        ]

    @cached_property
    def fed_with_zeros(self) -> set[Node]:
        """The products that take the zeros of an initial state."""
        zeros = {node for node in self._given if is_zero(node.inputs[0].raw)}
        below = set(zeros)
        for node in self.order if zeros else ():
            if any(x in below for x in node.inputs):
                below.add(node)
        has_other_inputs = any(node.op in LAYERS and node not in below for node in self.order)
        return zeros if has_other_inputs else set()

    @cached_property
    def gradient_sizes(self) -> list[tuple[str, float]]:
        """The root mean square of the gradient at each layer's output, with the name of the layer's weights."""
        return [(name, _rms(gradient(node))) for node, name in self.layers]

    @cached_property
    def gradient_squares(self) -> list[float]:
        """‖g‖² of the gradient of each parameter that has one, when the pass has left it."""
        return [squared_norm(g) for p in self.parameters.values() if (g := gradient(p)) is not None]

    @cached_property
    def left_gradients(self) -> bool:
        """Whether the pass has left a gradient that is not all 0."""
        return self.course.has_gradient()

    @cached_property
    def only_watched(self) -> bool:
        """Whether all parameters in this graph are watched: no other net follows the model."""
        return all(x in self.names for x in self.order if x.operation is None and x.requires_grad)

    def structure(self) -> list[Layer]:
        """The layers, and how each follows those before it."""
        found = []
        convolutions = {
            node: self.names[viewed(node.inputs[1])]
            for node in self.order
            if node.op == "conv" and viewed(node.inputs[1]) in self.names
        }
        names = dict(self.layers) | convolutions
        biased = {
            x
            for node in self.order
            if node.op == "add" and any(viewed(y) in self.names for y in node.inputs)
            for x in node.inputs
        }
        for node, name in names.items():
            before, linear = self._between(viewed(node.inputs[0]), names)
            w = self.parameters[name].raw
            n_in, n_out = w.shape if w.ndim == 2 else (w.size, 1)
            if node in convolutions:
                n_in, n_out = (x.raw[0].size for x in (node.inputs[0], node))
            bias = node.op == "linear" or node in biased
            found.append(Layer(name, n_in, n_out, bias, before, linear, node in self.hidden))
        return found

    def _between(self, start: Node, layers: dict[Node, str]) -> tuple[tuple[str, ...], bool]:
        """The layers that a node depends on directly, and whether it does so linearly."""
        before: list[str] = []
        linear = True
        waiting, seen = [start], set()
        while waiting:
            node = waiting.pop()
            if node in seen or not node.requires_grad:
                continue
            seen.add(node)
            if node in layers:
                before.append(layers[node])
                continue
            if node.operation is not None:
                linear = linear and _is_linear(node)
                waiting += node.inputs
        return tuple(before), linear

    def describe(self, node: Node) -> str:
        """A node in words: its operation, the parameter that it works on, and its line."""
        name = next((self.names[x] for x in node.inputs if x in self.names), "")
        line = node.origin or self._line_of(node)
        place = f" ({line[0]}, line {line[1]})" if line else ""
        return f"{node.op}{f' with {name}' if name else ''}{place}"

    def _line_of(self, node: Node) -> tuple[str, int] | None:
        """The line of the same node in the last graph that has lines, if that is a graph like this one."""
        like = [x.op for x in self.order] == [op for op, _ in self._lines]
        return next(line for x, (_, line) in zip(self.order, self._lines, strict=True) if x is node) if like else None


def _is_linear(node: Node) -> bool:
    if node.op in ("mul", "div"):
        return any(is_constant(viewed(x)) for x in node.inputs[node.op == "div" :])
    return node.op in LINEAR


def _rms(g: object) -> float:
    """The root mean square of a gradient; 0 if there is none, or none that is finite."""
    if not isinstance(g, np.ndarray) or not g.size:
        return 0.0
    size = math.sqrt(squared_norm(g) / g.size)
    return size if math.isfinite(size) else 0.0


def number_of(node: Node) -> float:
    """The node's one number; nan if it is an array of several."""
    if isinstance(node.raw, float):
        return node.raw
    return float(node.raw.item()) if node.raw.size == 1 else math.nan
