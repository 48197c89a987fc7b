"""NaN and infinity, and the operation and line that made them."""

import math
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.train.doctor.course import gradient, squared_norm
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.visit import Visit

HUGE = 1e12  # numbers that have grown step by step
OUTPUTS = (  # findings that say why an operation gets a number outside of its domain
    *("output activation that does not fit", "raw outputs in a loss of probabilities"),
    *("targets that are no probabilities", "inputs not normalized", "initial weights too large"),
)
GROWTH = ("learning rate too high", "exploding gradients")  # say why numbers grow beyond all bounds


class NotANumber(Rule):
    """A NaN or an infinity in the loss or in a gradient.

    The graph still has every intermediate result. In the forward pass, the cause is the first node that is not finite
    although its inputs are. In the backward pass, it is the first node that gives an input a gradient that is not
    finite, although its own gradient is. Nothing makes it wrong: the number is there. If the numbers only grew beyond
    all bounds, a finding that says why replaces it.
    """

    name = "NaN"
    grade = Grade.BEHAVIOR
    stands_apart = True
    fix = (
        "keep the operation within its domain (logits and log_softmax instead of log, an epsilon under sqrt and /); "
        "if the numbers grew step by step before, lower the learning rate"
    )

    def before(self, visit: Visit) -> Said | None:
        if math.isfinite(visit.loss) or _is_finite(visit.root.raw):
            return None
        first = next((node for node in visit.order if not _is_finite(node.raw)), None)
        if first is not None:
            return self._forward(visit, first)
        return Said("the loss is no longer finite.", f"it is {visit.loss} at step {visit.step}")

    def _forward(self, visit: Visit, node: Node) -> Said:
        if node in visit.names:
            return Said(
                f"the parameter {visit.names[node]} is no longer finite since the last step.",
                f"it holds {_first_bad(node.raw)} before the forward pass of step {visit.step}",
                "lower the learning rate, or clip the gradient (optim.clip_grad_norm_)",
                explained_by=GROWTH,
            )
        if node.operation is None:
            return Said(
                f"the data that the net is given is not finite{f': {node.label}' if node.label else ''}.",
                f"an input of shape {np.shape(node.raw)} holds {_first_bad(node.raw)}",
                "look for such rows with np.isfinite(X).all(1), and drop them or fill in numbers",
                grade=Grade.SHOWN,
            )
        grown = any(np.max(np.abs(x.raw), initial=0.0) > HUGE for x in node.inputs)
        operands = ", ".join(_range(x) for x in node.inputs)
        return Said(
            f"{visit.describe(node)} made the first {_first_bad(node.raw)} of the forward pass.",
            f"its inputs were finite: {operands}",
            explained_by=GROWTH if grown else OUTPUTS,
            grade=Grade.BEHAVIOR if grown else Grade.SHOWN,
        )

    def after(self, visit: Visit) -> Said | None:
        smallest = visit.course.by_size[:2]  # the next close look checks the others
        return None if all(_is_finite_fast(gradient(p)) for p in smallest) else self._backward(visit)

    def look(self, visit: Visit) -> Said | None:
        if all(map(math.isfinite, visit.gradient_squares)):
            return None
        return None if all(_is_finite(gradient(p)) for p in visit.parameters.values()) else self._backward(visit)

    def _backward(self, visit: Visit) -> Said | None:
        if not _is_finite(visit.root.raw):
            return None
        for node in reversed(visit.order):
            for x in node.inputs:
                if x.requires_grad and not _is_finite(gradient(x)) and _is_finite(gradient(node)):
                    return Said(
                        f"the backward pass of {visit.describe(node)} made the first {_first_bad(gradient(x))} of the "
                        "gradients.",
                        f"the loss was finite; the input was {_range(x)}, where the derivative is not",
                    )
        return None


def _is_finite(data: object) -> bool:
    if data is None:
        return True
    return math.isfinite(data) if isinstance(data, float) else bool(np.all(np.isfinite(data)))  # type: ignore[call-overload]


def _is_finite_fast(g: Any) -> bool:
    """Whether g is finite. If g · g is, g is: this is fast, for it runs at every step."""
    return g is None or math.isfinite(squared_norm(g)) or _is_finite(g)


def _first_bad(data: object) -> str:
    flat = np.asarray(data, dtype=float).ravel()
    return str(float(flat[~np.isfinite(flat)][0]))


def _range(x: Node) -> str:
    name = x.label or x.op or "a constant"
    if isinstance(x.raw, float) or x.raw.size == 1:
        return f"{name} = {float(np.ravel(x.raw)[0]):.4g}"
    return f"{name} of shape {x.raw.shape} in [{np.min(x.raw):.4g}, {np.max(x.raw):.4g}]"
