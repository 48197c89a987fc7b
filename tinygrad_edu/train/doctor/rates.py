"""A learning rate that is too high or too low."""

import math
from collections.abc import Sequence

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.finding import Rule, Said
from tinygrad_edu.train.doctor.visit import Visit, gradient, viewed

WORSE = 3.0  # times the first loss
LEAP = 0.3  # of the weights' norm, in one step
FLING = 3.0  # of the same: nothing is left of what they were
EARLY = 10  # steps, all of which are measured
LATER = 100  # steps after which a net should know something
WINDOW = 5
PATIENCE = 200  # steps before a run is called too slow
CRAWL = 5e-3  # of the weights' norm, from the start


class RateTooHigh(Rule):
    """Steps so long that they make things worse.

    Sure when a step has changed the weights by over 30 % of their norm (one per mille is usual), and the mean loss of
    five steps is above three times the first one, or not finite. Also when a step has changed them by over 300 %, and
    one of the first losses was twice the first one, or the loss after a hundred steps is no better than at the start,
    or than that of a constant answer. A batch's loss may jump by chance, but not while the weights hardly move; and a
    step that leaves nothing of the weights is nobody's intention.
    """

    name = "learning rate too high"
    fix = "lower the learning rate tenfold, or look for a good one with train.lr_range_test"

    def before(self, visit: Visit) -> Said | None:
        losses, change = visit.course.losses, visit.course.largest_change
        first = losses[0]
        if change <= LEAP or first <= 0:
            return None
        now = _mean(losses[max(1, len(losses) - WINDOW) :])
        worse = (len(losses) > WINDOW or not math.isfinite(now)) and not now <= WORSE * first
        flung = change > FLING and (max(losses[1:EARLY]) > 2 * first or self._learned_nothing(visit, first))
        if not (worse or flung):
            return None
        return Said(
            "the learning rate is too high: the steps overshoot, and the loss grows or jumps instead of falling.",
            f"with {visit.rate or 'this rate'} steps changed the weights by up to {change:.0%} of their norm, "
            f"and the loss went from {first:.3g} to {now:.3g}",
        )

    def _learned_nothing(self, visit: Visit, first: float) -> bool:
        losses = visit.course.losses
        return len(losses) > LATER and (not _mean(losses[-50:]) < 0.95 * first or _knows_nothing(visit))


class RateTooLow(Rule):
    """Steps so short that nothing is learned.

    Sure when after two hundred steps no weights are further than 0.5 % of their norm from their start, the loss is
    still what one reaches by always giving the same answer, and the gradient is not to blame: it is large enough that
    a longer way along it would lower the loss. Only of the usual losses, where that is known: fine-tuning a net that
    knows its task already moves as little, and is right to do so.
    """

    name = "learning rate too low"
    fix = "raise the learning rate tenfold, or look for a good one with train.lr_range_test"

    def look(self, visit: Visit) -> Said | None:
        losses = visit.course.losses
        if visit.step < PATIENCE or not _knows_nothing(visit):
            return None
        first, now = _mean(losses[:20]), _mean(losses[-20:])
        distance = max(visit.course.distances())
        if distance > CRAWL or not now > 0.9 * first or visit.course.untouched() or not _could_fall(visit, now):
            return None
        return Said(
            "the learning rate is too low: the weights hardly move, and the loss stays where it was.",
            f"with {visit.rate or 'this rate'}, {visit.step} steps moved no weights by more than {distance:.2%} of "
            f"their norm, and the loss went from {first:.4g} to {now:.4g}",
        )


def _could_fall(visit: Visit, loss: float) -> bool:
    """Whether, by its slope, the loss would change by a hundredth if the weights moved by their norm."""
    slope = math.sqrt(
        sum(float(np.sum(np.square(g))) for p in visit.parameters.values() if (g := gradient(p)) is not None)
    )
    size = math.sqrt(sum(float(np.sum(np.square(p._data))) for p in visit.parameters.values()))
    return slope * size > 0.01 * abs(loss)


def _knows_nothing(visit: Visit) -> bool:
    """Whether the loss is no smaller than two thirds of what a constant answer gives."""
    for node in visit.order:
        found = _loss_and_guess(node)
        if found and found[1] > 0:
            return found[0] > 2 / 3 * found[1]
    return False


def _loss_and_guess(node: Node) -> tuple[float, float] | None:
    """Of a usual loss, its mean, and the mean that the best constant answer would have."""
    if node.op == "cross_entropy":
        return float(node._data), _entropy(np.bincount(node.params["labels"]) / len(node.params["labels"]))
    if node.op == "bce_with_logits":
        share = float(np.mean(node.inputs[1]._data))
        return float(np.mean(node._data)), _entropy(np.array([share, 1 - share]))
    if node.op == "mul" and node.inputs[0] is node.inputs[1] and node.inputs[0].op == "sub":
        target = viewed(node.inputs[0].inputs[1])
        if target.operation is None and not target.requires_grad:
            return float(np.mean(node._data)), float(np.var(target._data))
    return None


def _entropy(p: Array) -> float:
    p = p[p > 0]
    return float(-np.sum(p * np.log(p)))


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers) if all(map(math.isfinite, numbers)) else math.nan
