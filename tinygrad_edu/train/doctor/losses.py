"""What goes wrong between a net's outputs and its loss."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.train.doctor.finding import Rule, Said
from tinygrad_edu.train.doctor.visit import Visit, viewed

ENTRIES = 100  # so many numbers are enough to tell probabilities by what they are


class SoftmaxTwice(Rule):
    """Softmax before cross-entropy, which has one of its own.

    Sure when the numbers that cross-entropy gets are the result of `softmax`, or rows of two or more that are not
    negative and add up to 1, in three passes: no net gives such logits by chance.
    """

    name = "softmax before cross-entropy"
    fix = "give cross_entropy the logits, and take softmax only of what a person is to read"

    def __init__(self) -> None:
        self.seen = 0

    def look(self, visit: Visit) -> Said | None:
        for node in visit.order:
            if node.op not in ("cross_entropy", "log_softmax", "logsumexp") or not _is_probabilities_by_row(
                node.inputs[0]._data
            ):
                continue
            self.seen += 1
            if viewed(node.inputs[0]).op == "softmax" or self.seen >= 3:
                largest = float(node.inputs[0]._data.max())
                return Said(
                    "cross-entropy takes logits and applies softmax itself, but was given probabilities, so the "
                    "gradients are squashed twice.",
                    f"what enters {node.op} are rows that are never negative and add up to 1 (largest {largest:.3g})",
                )
        return None


class ProbabilitiesAsLogits(Rule):
    """Probabilities where a loss takes logits.

    Sure when binary cross-entropy with logits gets the result of `sigmoid`; or of a division or a power, as in
    ``1 / (1 + exp(-x))``, of which a hundred numbers in at least five passes all lay between 0 and 1: logits have
    both signs. Also when cross-entropy gets the result of `sigmoid`.
    """

    name = "probabilities given to a with-logits loss"
    fix = "leave out the sigmoid before the loss: the loss applies it"

    def __init__(self) -> None:
        self.passes = 0
        self.entries = 0

    def look(self, visit: Visit) -> Said | None:
        for node in visit.order:
            if node.op not in ("bce_with_logits", "cross_entropy"):
                continue
            given = viewed(node.inputs[0])
            x = given._data
            if given.op != "sigmoid" and not self._by_hand(given, node.op):
                continue
            return Said(
                f"{node.op} takes logits, but was given probabilities, so it can never be sure of an answer.",
                f"its inputs are the result of {given.op} and lie in [{np.min(x):.3g}, {np.max(x):.3g}]",
            )
        return None

    def _by_hand(self, given: Node, loss: str) -> bool:
        x = given._data
        if loss != "bce_with_logits" or given.op not in ("div", "pow") or not 0 <= np.min(x) <= np.max(x) <= 1:
            self.passes = self.entries = 0
            return False
        self.passes += 1
        self.entries += np.size(x)
        return self.passes >= 5 and self.entries >= ENTRIES


class BroadcastLabels(Rule):
    """Labels of another shape than the predictions, which broadcast to a table of all pairs.

    Sure when an elementwise operation behind the last layer makes an (n, n) array of predictions of shape (n, 1) and
    a constant of shape (n,), or the other way round, n being the rows of the batch. Where n is also the number of
    outputs by chance, one of the two has another shape.
    """

    name = "labels of the wrong shape that broadcast"
    fix = "give both one shape: y.reshape(-1, 1), or predictions.reshape(-1)"

    def look(self, visit: Visit) -> Said | None:
        if not visit.layers:
            return None
        last = visit.layers[-1][0]._data
        for node, prediction, target in _pairs(visit):
            shapes = prediction._data.shape, target._data.shape
            n = len(last) if last.ndim else 0
            if n > 1 and node not in visit.hidden and node._data.shape == (n, n) and set(shapes) == {(n, 1), (n,)}:
                return Said(
                    "predictions and labels have different shapes and were broadcast, so every prediction is compared "
                    "with every label.",
                    f"{visit.describe(node)} made {node._data.shape} of predictions {shapes[0]} and labels {shapes[1]}",
                )
        return None


def _is_probabilities_by_row(x: Any) -> bool:
    return bool(np.ndim(x) == 2 and x.shape[1] > 1 and np.min(x) >= 0 and np.allclose(x.sum(1), 1, rtol=0, atol=1e-6))


def _pairs(visit: Visit) -> Iterator[tuple[Node, Node, Node]]:
    """Operations on something learned and a constant that is no parameter."""
    for node in visit.order:
        if len(node.inputs) == 2:
            a, b = node.inputs
            if a.requires_grad and not b.requires_grad:
                yield node, a, b
            elif b.requires_grad and not a.requires_grad:
                yield node, b, a
