"""What goes wrong between a net's outputs and its loss."""

import math
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.course import Course
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.task import DISTANCES, PROBABILITIES, is_constant, viewed
from tinygrad_edu.train.doctor.visit import Visit

ROWS = 1000  # inputs that are kept to find the order of the classes
ENTRIES = 100  # numbers from 0 to 1, after which they are taken for probabilities


class SoftmaxTwice(Rule):
    """Softmax before cross-entropy, which applies softmax itself.

    Sure when cross-entropy gets the result of `softmax`. Also when it gets, in three passes, rows of two numbers or
    more that are not negative and add up to 1: no net gives such logits by chance. Nothing else gives such rows three
    times.
    """

    name = "softmax before cross-entropy"
    fix = "give cross_entropy the logits, and apply softmax only to print probabilities"
    code = "loss = nn.functional.cross_entropy(logits, y)  # what {net} computes before the softmax"

    def look(self, visit: Visit) -> Said | None:
        for node in visit.order:
            if node.op not in ("cross_entropy", "log_softmax", "logsumexp"):
                continue
            given = node.inputs[0]
            if not _is_probabilities_by_row(given.raw):
                continue
            self.seen += 1
            if viewed(given).op == "softmax" or self.seen >= 3:
                return Said(
                    "cross-entropy takes logits and applies softmax itself, but was given probabilities, so the "
                    "gradients are squashed twice.",
                    f"{node.op} gets rows that are never negative and add up to 1 (largest {given.raw.max():.3g})",
                )
        return None


class ProbabilitiesAsLogits(Rule):
    """Probabilities where a loss takes logits.

    Sure when binary cross-entropy with logits, or cross-entropy, gets the result of `sigmoid`. Also when binary
    cross-entropy with logits gets the result of a division or a power, as in ``1 / (1 + exp(-x))``, with at least a
    hundred numbers in at least five passes. All of them must be between 0 and 1: logits have both signs. A sigmoid that
    limits the logits on purpose would make it wrong.
    """

    name = "probabilities given to a with-logits loss"
    fix = "leave out the sigmoid before the loss: the loss applies it"
    code = "loss = nn.functional.binary_cross_entropy_with_logits(logits, y)  # what {net} computes before the sigmoid"

    entries = 0  # in a row

    def look(self, visit: Visit) -> Said | None:
        for node in visit.order:
            if node.op not in ("bce_with_logits", "cross_entropy"):
                continue
            given = viewed(node.inputs[0])
            if given.op == "sigmoid" or self._by_hand(given, node.op):
                low, high = np.min(given.raw), np.max(given.raw)
                return Said(
                    f"{node.op} takes logits, but was given probabilities, so it can never be sure of an answer.",
                    f"its inputs are the result of {given.op} and are in [{low:.3g}, {high:.3g}]",
                )
        return None

    def _by_hand(self, given: Node, loss: str) -> bool:
        divides = loss == "bce_with_logits" and given.op in ("div", "pow")
        fits = divides and 0 <= np.min(given.raw) <= np.max(given.raw) <= 1
        self.entries = self.entries + np.size(given.raw) if fits else 0
        return self.in_a_row(fits) >= 5 and self.entries >= ENTRIES


class BroadcastLabels(Rule):
    """Labels of another shape than the predictions, which broadcast to a table of all pairs.

    Sure when an elementwise operation after the last layer makes an (n, n) array of predictions of shape (n, 1) and a
    constant of shape (n,), or the other way round. Here n is the number of rows in the batch. If n is also the number
    of outputs by chance, one of the two has another shape. A loss of all pairs of predictions and labels would make it
    wrong.
    """

    name = "labels of the wrong shape that broadcast"
    fix = "give both one shape: y.reshape(-1, 1), or predictions.reshape(-1)"
    code = "y = y.reshape(-1, 1)"

    def look(self, visit: Visit) -> Said | None:
        if not visit.layers:
            return None
        last = visit.layers[-1][0].raw
        n = len(last) if last.ndim else 0
        for node in visit.order:
            if n < 2 or np.shape(node.raw) != (n, n) or node in visit.hidden:
                continue
            predictions = [np.shape(x.raw) for x in node.inputs if x.requires_grad]
            labels = [np.shape(x.raw) for x in node.inputs if not x.requires_grad]
            if len(predictions) == 1 and sorted(predictions + labels) == [(n,), (n, 1)]:
                return Said(
                    "predictions and labels have different shapes and were broadcast, so every prediction is compared "
                    "with every label.",
                    f"{visit.describe(node)} made {(n, n)} of predictions {predictions[0]} and labels {labels[0]}",
                )
        return None


class RewardedErrors(Rule):
    """A loss in which some errors count negatively.

    Sure when distances between answers and targets (absolute or squared) are multiplied with a constant that has
    negative entries, and the loss was below zero at five looks. Log-likelihoods times advantages, as in reinforcement
    learning, are no distances. A loss that should be below zero for another reason would make it wrong.
    """

    name = "errors that the loss rewards"
    fix = "use weights that are not negative"
    code = "weights = np.abs(weights)"

    def look(self, visit: Visit) -> Said | None:
        task = visit.task
        if task is None or task.kind not in DISTANCES or not visit.loss < 0:
            return None
        products = [
            node for node in visit.order if node.op == "mul" and any(viewed(x) is task.node for x in node.inputs)
        ]
        weights = [x.raw for node in products for x in node.inputs if is_constant(viewed(x)) and np.min(x.raw) < 0]
        self.seen += bool(weights)
        if not weights or self.seen < 5:
            return None
        return Said(
            "errors with negative weights are rewarded, so the loss falls below any bound while the answers get worse.",
            f"{np.mean(weights[0] < 0):.0%} of the weights are negative, and the loss is {visit.loss:.3g}",
        )


class TargetsOutsideZeroToOne(Rule):
    """Targets such as −1 and 1, or 1 and 2, in a loss that takes probabilities.

    Sure when, at three looks, logarithms of probabilities are multiplied with targets below 0, or with targets above 1
    that are all whole numbers. Weights that are multiplied into the targets would make it wrong, so targets above 1 say
    nothing if they are not whole.
    """

    name = "targets that are no probabilities"
    fix = "code the two classes as 0 and 1"
    code = "y = (y == y.max()).astype(float)"

    def look(self, visit: Visit) -> Said | None:
        task = visit.task
        if task is None or task.kind not in PROBABILITIES:
            return None
        t = task.targets
        if not np.min(t) < 0 and not (np.max(t) > 1 and np.all(t == np.round(t))):
            return None
        self.seen += 1
        if self.seen < 3:
            return None
        return Said(
            "the loss needs targets that are probabilities, but these are not.",
            f"the targets go from {np.min(t):g} to {np.max(t):g}, and the loss is {visit.loss:.3g}",
        )


class HingeOfZeros(Rule):
    """A hinge loss, max(0, 1 − t · score), of labels 0 and 1.

    Sure when, at three looks, a ReLU or a maximum with 0 gets 1 minus a product of scores and constants. There must be
    at least eight constants, all of them 0 or 1, and both must occur. A row with the label 0 then has the loss 1 and no
    gradient, whatever the net answers. A mask that leaves out rows would make it wrong, but it is multiplied with the
    losses.
    """

    name = "hinge loss of labels 0 and 1"
    fix = "code the two classes as -1 and 1"
    code = "y = 2 * y - 1"

    def look(self, visit: Visit) -> Said | None:
        factors = [factor for node in visit.order if (factor := _hinged(node)) is not None]
        t = np.concatenate(factors) if factors else np.zeros(0)
        zeros, ones = int(np.sum(t == 0)), int(np.sum(t == 1))
        if self.in_a_row(len(t) >= 8 and zeros + ones == len(t) and zeros and ones) < 3:
            return None
        return Said(
            "the hinge loss takes labels -1 and 1, and gets 0 and 1, so the rows of one class have no gradient.",
            f"{zeros} of {len(t)} labels are 0, and the others 1",
        )


def _hinged(node: Node) -> Array | None:
    """The constants t of ``max(0, 1 − t · score)``; None if the node is something else."""
    learned = [x for x in node.inputs if x.requires_grad] if node.op in ("relu", "maximum") else []
    if len(learned) != 1 or any(np.any(x.raw) for x in node.inputs if x is not learned[0]):
        return None
    inner = learned[0]
    if inner.op != "sub" or not is_constant(inner.inputs[0]) or not np.all(inner.inputs[0].raw == 1):
        return None
    product = viewed(inner.inputs[1])
    constants = [x for x in product.inputs if is_constant(viewed(x))] if product.op == "mul" else []
    return np.ravel(constants[0].raw) if len(constants) == 1 else None


class AbsoluteErrorOfClasses(Rule):
    """The mean absolute error of classes 0 and 1, for which many constant answers are equally good.

    Sure when the targets are 0 and 1, and the answers are the results of a sigmoid or a softmax. After two hundred
    steps, the loss must still be about that of a constant answer. A learning rate that is too low looks the same, so
    that rule comes first. Labels that cannot be learned would make it wrong.
    """

    name = "absolute error of classes"
    grade = Grade.MEASURED
    fix = "use cross-entropy, or at least the squared error: the absolute error has almost no slope towards the classes"
    code = "loss = nn.functional.binary_cross_entropy_with_logits(logits, y)"
    confidence = 0.8

    def judge(self, course: Course) -> Said | None:
        record = course.record
        if record.kind != "absolute" or record.activation not in ("sigmoid", "softmax"):
            return None
        if not np.all((record.targets == 0) | (record.targets == 1)) or not course.stays_above(0.8, 200):
            return None
        return Said(
            "the absolute error does not pull a probability towards its class.",
            f"all targets are 0 or 1, and after {len(course.losses)} steps the loss is {course.level}",
        )


class SquaredErrorOfClassNumbers(Rule):
    """A squared or absolute error of class numbers, as if class 7 were between 6 and 8.

    Sure when one output is compared with three to twenty consecutive whole numbers, which are about equally frequent,
    and the inputs of the classes have no such order. That is: their means are far apart, but the distance between two
    means does not grow with the difference of the numbers. Also when the loss stays above 30 % of a constant answer's
    loss, unless the inputs are in that order. Grades and counts would make it wrong, but their inputs are mostly in
    order, and their numbers are not equally frequent.
    """

    name = "distance between class numbers"
    grade = Grade.MEASURED
    fix = "give the net one output per class, and use cross_entropy"
    code = "loss = nn.functional.cross_entropy({net}(X), y.astype(int))"
    confidence = 0.75

    def __init__(self) -> None:
        self.inputs: list[Array] = []
        self.numbers: list[Array] = []
        self.rows = 0

    def look(self, visit: Visit) -> None:
        task, x = visit.task, visit.first_inputs
        if task is None or x is None or task.kind not in DISTANCES or self.rows > ROWS:
            return
        if len(x) == np.size(task.targets):
            self.inputs.append(x.copy())
            self.numbers.append(task.targets.reshape(-1))
            self.rows += len(x)

    def judge(self, course: Course) -> Said | None:
        record = course.record
        if record.kind not in DISTANCES or record.width != 1 or record.rows < 100:
            return None
        t = record.targets[:, 0]
        values, counts = np.unique(t, return_counts=True)
        if not 3 <= len(values) <= 20 or not np.all(np.diff(values) == 1) or np.any(values != np.round(values)):
            return None
        if np.min(counts) * len(values) < 0.5 * len(t) or len(course.losses) < 100 or math.isnan(course.ratio()):
            return None
        order = self._order(values)
        if not (order < 0.5 or (course.stays_above(0.3) and not order > 0.8)):
            return None
        why = f"the loss is still {course.level}"
        if order < 0.5:
            why = f"the inputs are in no such order: distances of classes and of their numbers correlate by {order:.2f}"
        return Said(
            "the net has to predict the number of the class, as if classes with close numbers were similar.",
            f"the targets are the whole numbers from {values[0]:g} to {values[-1]:g}, about equally frequent, and "
            f"{why}",
        )

    def _order(self, values: Array) -> float:
        """How the distances of the classes' means correlate with those of their numbers; nan if they are close."""
        if len(values) < 4 or len({x.shape[1] for x in self.inputs}) != 1:
            return math.nan
        x, t = np.concatenate(self.inputs), np.concatenate(self.numbers)
        if len({*t}) < len(values):
            return math.nan
        groups = [x[t == value] for value in values]
        means = np.stack([group.mean(0) for group in groups])
        spread = math.sqrt(sum(float(np.sum(np.var(group, axis=0))) * len(group) for group in groups) / len(x))
        a, b = np.triu_indices(len(values), 1)
        distances = np.linalg.norm(means[a] - means[b], axis=1)
        if not np.median(distances) > 0.7 * spread or not np.ptp(distances) > 0:
            return math.nan
        return float(np.corrcoef(distances, b - a)[0, 1])


class BinaryLossOfClasses(Rule):
    """Binary cross-entropy of each output, although each row belongs to one of several classes.

    Sure when each row of targets has exactly one 1 among three columns or more. The answers must be the results of a
    softmax, or the loss must stay above half of a constant answer's loss. Independent labels would make it wrong, but
    then some rows have no 1, or two.
    """

    name = "binary loss of several classes"
    grade = Grade.MEASURED
    fix = "use cross_entropy with the class numbers"
    code = "loss = nn.functional.cross_entropy({net}(X), y.argmax(1))"
    confidence = 0.75

    def judge(self, course: Course) -> Said | None:
        record = course.record
        if record.kind not in ("binary", "bce_with_logits") or record.width < 3 or record.rows < 50:
            return None
        if record.labels is None or len(course.losses) < 50 or math.isnan(course.ratio()):
            return None
        if record.activation != "softmax" and not course.stays_above(0.5, 200):
            return None
        return Said(
            "each row belongs to one of several classes, but the loss treats every output as a separate question.",
            f"each of {len(record.targets)} rows has one 1 among {record.width} columns, and the loss is "
            f"{course.level}",
        )


def _is_probabilities_by_row(x: Any) -> bool:
    return bool(np.ndim(x) == 2 and x.shape[1] > 1 and x.min() >= 0 and np.allclose(x.sum(1), 1, rtol=0, atol=1e-6))
