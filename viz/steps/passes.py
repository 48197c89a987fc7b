"""Both passes over a graph as a list of steps."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from viz.steps.steps import Backward, Flow, Forward, Seed, Step, derivative_on_floats
from viz.steps.trace_data import Lazy, TraceData


def summed(before: Any, contribution: Any) -> Any:
    """What the engine makes of a gradient and one more contribution to it."""
    if before is None:
        return 0.0 + contribution if isinstance(contribution, float) else contribution
    total = before + contribution
    return total if isinstance(before, float) else np.asarray(total)  # NumPy makes a scalar of a sum without axes


class Passes(TraceData):
    """What a trace knows, and the steps of the forward and the backward pass."""

    @property
    def steps(self) -> Sequence["Step"]:
        """Every step: the `Forward` steps, the `Seed`, the `Backward` steps."""
        return Lazy(len(self.operations) + 1 + len(self._flows), self._step)

    def _step(self, k: int) -> "Step":
        count = len(self.operations)
        if k < count:
            return Forward(self, k, self.operations[k])
        return Seed(self, k, self.root) if k == count else self.flows[k - count - 1]

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
            node = self.order[k]
            xs = [self.values[self.ids[x]] for x in node.inputs]
            for i, x in enumerate(node.inputs):
                if x.requires_grad:
                    yield float(derivative_on_floats(node, i)(self.gradients[k], self.values[k], *xs, **node.params))

    @property
    def forward(self) -> Sequence["Step"]:
        """The forward steps."""
        return self.steps[: len(self.operations)]

    @property
    def backward(self) -> Sequence["Step"]:
        """The seed and the backward steps."""
        return self.steps[len(self.operations) :]

    @property
    def flows(self) -> Sequence[Backward]:
        """The backward steps without the seed."""
        first = len(self.operations) + 1
        return Lazy(len(self._flows), lambda k: Backward(self, first + k, self._flows[k]))
