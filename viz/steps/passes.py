"""Both passes over a graph as a list of steps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.operations.row import Elementwise
from viz.steps.steps import Backward, Flow, Forward, Seed, Step
from viz.steps.trace_data import Lazy, TraceData


def summed(before: Any, contribution: Any) -> Any:
    """What the engine makes of a gradient and one more contribution to it."""
    if before is None:
        return 0.0 + contribution if isinstance(contribution, float) else contribution
    total = before + contribution
    return total if isinstance(before, float) else np.asarray(total)  # NumPy makes a scalar of a sum without axes


class Passes(TraceData):
    """What a trace knows, and the steps of the forward and the backward pass.

    ``contributions`` are what flows along the edges, in the order of the steps; None for floats, where they follow
    from values and gradients.
    """

    def __init__(
        self, order: Sequence[Node], values: list[Any], gradients: list[Any], contributions: list[Any] | None = None
    ) -> None:
        super().__init__(order, values, gradients)
        self._contributions = contributions

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
                    sums[j] = after = summed(before, contribution)
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
    def forward(self) -> Sequence["Step"]:
        """The forward steps."""
        return self.steps[: len(self.operations)]

    @property
    def backward(self) -> Sequence["Step"]:
        """The seed and the backward steps."""
        return self.steps[len(self.operations) :]


def _on_floats(operation: Operation, params: Mapping[str, Any], count: int) -> Sequence[Callable[..., float]]:
    """The derivatives ``gx(gy, y, *xs)`` of an operation on floats, one for each of ``count`` inputs."""
    if isinstance(operation, Elementwise):
        return [partial(gx, **params) for gx in operation.gx_floats] if params else operation.gx_floats
    return [partial(_as_float, operation.gx_arrays[i], params) for i in range(count)]


def _as_float(gx: Callable[..., Any], params: Mapping[str, Any], *given: Any) -> float:
    return float(gx(*given, **params))  # a user's derivative may give an int, or NumPy's own number
