"""`Visit`: one backward pass as the rules see it, and `Course`: what came before it."""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array

LAYERS = ("linear", "matmul")
TINY = 0.1  # root mean square of weights that are hardly there
VIEWS = ("reshape", "transpose", "getitem", "astype", "expand_dims", "squeeze")  # the same numbers in another shape


def viewed(node: Node) -> Node:
    """The node whose numbers ``node`` shows in another shape, order or type."""
    while node.op in VIEWS:
        node = node.inputs[0]
    return node


def gradient(node: Node) -> Any:
    """The node's gradient as a plain array or float; None where there is none."""
    return node.grad._data if isinstance(node.grad, Node) else node.grad


class Course:
    """How the run has gone: the losses, and how far the weights went.

    Attributes
    ----------
    losses : of every backward pass.
    largest_change : the largest ‖change of all weights in a step‖ / ‖weights‖, of the steps after close looks.
    """

    def __init__(self, parameters: Mapping[str, Node]) -> None:
        self.parameters = parameters
        self.losses: list[float] = []
        self.largest_change = 0.0
        self.start = self._weights()
        self._stamps = {name: p.stamp for name, p in parameters.items()}
        self._before: dict[str, Array] | None = None

    def arrive(self, loss: float) -> None:
        """A backward pass begins: the step before it is over."""
        self.losses.append(loss)
        if self._before is not None:
            before, now = (np.concatenate([w.ravel() for w in ws.values()]) for ws in (self._before, self._weights()))
            change = _distance(before, now)
            if math.isfinite(change):  # a NaN, whatever made it, is no long step
                self.largest_change = max(self.largest_change, change)
            self._before = None

    def keep(self) -> None:
        """Measure the step that comes next."""
        self._before = self._weights()

    def untouched(self) -> bool:
        """Whether no parameter was written to since the watch began, not even the number that was there."""
        return all(p.stamp == self._stamps[name] for name, p in self.parameters.items())

    def distances(self) -> list[float]:
        """How far each array of weights is from its start, relative to its size there."""
        now = self._weights()
        return [_distance(w, now[name]) for name, w in self.start.items()]

    def _weights(self) -> dict[str, Array]:
        """Copies of the parameters; those of Values together, as one array."""
        arrays = {k: p._data.copy() for k, p in self.parameters.items() if isinstance(p._data, np.ndarray)}
        floats = [p._data for p in self.parameters.values() if isinstance(p._data, float)]
        return arrays | ({"Values": np.array(floats)} if floats else {})


def _distance(before: Array, now: Array) -> float:
    """‖now − before‖ / ‖before‖; weights that begin at zero count as small ones, not as none."""
    size = max(float(np.linalg.norm(before)), TINY * math.sqrt(before.size))
    return float(np.linalg.norm(now - before)) / size


class Visit:
    """One backward pass.

    Attributes
    ----------
    root : the node that it starts from, mostly the loss.
    loss : its number; nan if it is an array.
    parameters : those that are watched, by name.
    course : how the run has gone so far, this pass included.
    step : the number of the pass, from 1 on.
    optimizer : None if it is not known.
    rate : the learning rate, in words; "" if no optimizer is known.
    """

    def __init__(self, root: Node, order: list[Node], course: Course, step: int, optimizer: Any) -> None:
        self.root = root
        self.order = order
        self.course = course
        self.parameters = course.parameters
        self.step = step
        self.loss = number_of(root)
        self.optimizer = optimizer
        self.rate = "" if optimizer is None else f"the learning rate {optimizer.lr:g}"

    @cached_property
    def names(self) -> dict[Node, str]:
        """The parameters' names, by parameter."""
        return {p: name for name, p in self.parameters.items()}

    @cached_property
    def layers(self) -> list[tuple[Node, str]]:
        """The products with a matrix of weights in the order of the forward pass, with the names of their weights."""
        return list(self._products())

    def _products(self) -> Iterator[tuple[Node, str]]:
        for node in self.order:
            if node.op in LAYERS:
                name = self.names.get(viewed(node.inputs[1])) or self.names.get(viewed(node.inputs[0]))
                if name:
                    yield node, name

    @cached_property
    def hidden(self) -> set[Node]:
        """The nodes that a later layer depends on."""
        found: set[Node] = set()
        layers = {node for node, _ in self.layers}
        for node in reversed(self.order):
            if node in layers or node in found:
                found.update(node.inputs)
        return found

    def describe(self, node: Node) -> str:
        """Which node is meant: its operation, the parameter it works on, and its line."""
        name = next((self.names[x] for x in node.inputs if x in self.names), "")
        place = f" ({node.origin[0]}, line {node.origin[1]})" if node.origin else ""
        return f"{node.op}{f' with {name}' if name else ''}{place}"


def number_of(node: Node) -> float:
    """The node's one number; nan if it is an array of several."""
    if isinstance(node._data, float):
        return node._data
    return float(node._data.reshape(-1)[0]) if node._data.size == 1 else math.nan
