"""`Task`: the loss, the answers and the targets of one graph. `Record`: those of all graphs so far."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array, IntArray

LAYERS = ("linear", "matmul")
VIEWS = ("reshape", "transpose", "getitem", "astype", "expand_dims", "squeeze")  # the same numbers in another shape
DISTANCES = ("squared", "absolute")  # kinds of losses
PROBABILITIES = ("categorical", "binary")  # likewise
KEPT = 2000  # rows of targets
LARGE_TARGETS = 20.0  # root mean square: a new net takes long to reach them


def viewed(node: Node) -> Node:
    """The node whose numbers ``node`` shows in another shape, order or type."""
    while node.op in VIEWS:
        node = node.inputs[0]
    return node


def is_constant(node: Node) -> bool:
    """Whether it is data: a leaf that needs no gradient."""
    return node.operation is None and not node.requires_grad


class Task(NamedTuple):
    """A loss of one of the usual kinds, as a graph shows it.

    Attributes
    ----------
    kind : "cross_entropy" (of logits and labels), "bce_with_logits", "squared", "absolute", "categorical" or "binary"
        (cross-entropies of probabilities).
    answers : the node that the loss compares with the targets; for a loss of probabilities, the node before they are
        normalized or clipped.
    targets : labels, or an array of the answers' shape.
    loss : the mean, as the kind is usually defined, whatever reduction or weights the program uses.
    node : the operation that makes the comparison.
    """

    kind: str
    answers: Node
    targets: Array
    loss: float
    node: Node

    @property
    def width(self) -> int:
        """The number of answers per row."""
        return int(np.shape(self.answers.raw)[-1]) if np.ndim(self.answers.raw) > 1 else 1

    @property
    def rows(self) -> Array:
        """The targets as a matrix, one row per sample."""
        return self.targets.reshape(len(self.targets), -1) if self.targets.ndim else self.targets.reshape(1, 1)

    @property
    def has_large_targets(self) -> bool:
        """Whether the targets of a regression are so large that a new net takes long to reach them."""
        return self.kind in DISTANCES and root_mean_square(self.targets) > LARGE_TARGETS


def task_of(order: list[Node]) -> Task | None:
    """The task, from a graph in topological order; None if the kind of the loss is not known."""
    if order and isinstance(order[-1].raw, float) and (task := _of_values(order)) is not None:
        return task
    numbers: set[Node] = set()  # the program takes their logarithm, so they are no logits
    for node in reversed(order):
        if node.op == "log":
            numbers.add(_unshifted(node.inputs[0]))
        task = _picked_probabilities(node) if node.op == "log" else _fused(node) or _difference(node)
        if task is not None and node not in numbers:
            return task
    return _of_probabilities(order)


def _fused(node: Node) -> Task | None:
    if node.op == "cross_entropy":
        return Task("cross_entropy", node.inputs[0], np.asarray(node.params["labels"]), float(node.raw), node)
    if node.op == "bce_with_logits" and node.inputs[0].requires_grad:
        target = np.asarray(node.inputs[1].raw, dtype=float)
        return Task("bce_with_logits", node.inputs[0], target, float(np.mean(node.raw)), node)
    labels = _picks(node)
    if labels is None:
        return _weighted(node)
    x = node.inputs[0]
    logits = x.inputs[0] if x.op == "log_softmax" else x
    z = logits.raw - np.max(logits.raw, 1, keepdims=True)
    losses = np.log(np.exp(z).sum(1)) - z[np.arange(len(labels)), labels]
    return Task("cross_entropy", logits, labels, float(losses.mean()), node)


def _weighted(node: Node) -> Task | None:
    """Of ``log_p * t``, where t holds the probabilities of the classes, row by row."""
    if node.op != "mul" or len(node.inputs) != 2:
        return None
    for log_p, constant in (node.inputs, node.inputs[::-1]):
        if log_p.op == "log_softmax" and is_constant(constant) and np.shape(constant.raw) == np.shape(log_p.raw):
            t = np.asarray(constant.raw, dtype=float)
            if t.ndim == 2 and np.min(t) >= 0 and np.allclose(t.sum(1), 1):
                return Task("cross_entropy", log_p.inputs[0], t, -float(np.mean((t * log_p.raw).sum(1))), node)
    return None


def _of_values(order: list[Node]) -> Task | None:
    """The squared or absolute errors of a graph of Values, one per row or output, as one task."""
    tasks = [task for node in order if (task := _difference(node)) is not None]
    if not tasks or len({task.kind for task in tasks}) > 1:
        return None
    targets = np.array([[float(task.targets)] for task in tasks])
    return tasks[0]._replace(targets=targets, loss=math.fsum(task.loss for task in tasks) / len(tasks))


def _picks(node: Node) -> Array | None:
    """The labels, if the node picks one number of each row, as in ``log_p[np.arange(n), y]``."""
    if node.op != "getitem" or not node.inputs[0].requires_grad or np.ndim(node.inputs[0].raw) != 2:
        return None
    index = node.params["index"]
    if not isinstance(index, tuple) or len(index) != 2 or not all(np.ndim(i) == 1 for i in index):
        return None
    labels = np.asarray(index[1])
    return labels if labels.dtype.kind in "iu" and len(labels) == len(node.inputs[0].raw) else None


def _picked_probabilities(log: Node) -> Task | None:
    """The task of ``log(p[np.arange(n), y])``, where p is the result of a softmax."""
    picked = _unshifted(log.inputs[0])
    labels = _picks(picked)
    p = picked.inputs[0] if labels is not None else picked
    if labels is None or not (p.op == "softmax" or normalized(p) is not None):
        return None
    return Task("categorical", p, np.eye(p.raw.shape[1])[labels], -float(np.mean(log.raw)), log)


def _difference(node: Node) -> Task | None:
    if (node.op == "mul" and node.inputs[0] is node.inputs[1]) or (
        node.op == "pow" and np.all(node.inputs[1].raw == 2)
    ):
        kind = "squared"
    elif node.op == "abs":
        kind = "absolute"
    else:
        return None
    difference = viewed(node.inputs[0])
    if difference.op != "sub":
        return None
    for answers, target in (difference.inputs, difference.inputs[::-1]):
        constant = viewed(target)
        if answers.requires_grad and is_constant(constant):
            return Task(kind, answers, np.asarray(target.raw, dtype=float), float(np.mean(node.raw)), node)
    return None


def _of_probabilities(order: list[Node]) -> Task | None:
    """The task of ``t · log p``, or of it and ``(1 − t) · log(1 − p)``."""
    found = None
    factors = [(node, _factor(order, node)) for node in order if node.op == "log"]
    pairs = [(log, target) for log, target in factors if target is not None]
    for log, target in pairs:
        inside = _unclipped(log.inputs[0])
        if inside.op == "sub" and is_constant(inside.inputs[0]):
            continue
        p = log.raw
        t = np.asarray(target, dtype=float)
        if len(pairs) > 1:
            q = np.exp(p)
            losses = -(t * p + (1 - t) * np.log(np.maximum(1 - q, 1e-300)))
            found = Task("binary", inside, t, float(np.mean(losses)), log)
        elif np.ndim(p) == 2:
            found = Task("categorical", inside, t, float(np.mean(-(t * p).sum(1))), log)
    return found


def _factor(order: list[Node], log: Node) -> Array | None:
    """The constant that a logarithm is multiplied with."""
    for node in order:
        if node.op == "mul" and any(x is log for x in node.inputs):
            other = node.inputs[1] if node.inputs[0] is log else node.inputs[0]
            if is_constant(other) and np.shape(other.raw) == np.shape(log.raw):
                factor = np.asarray(other.raw)
                return factor if np.max(factor, initial=0) > 0 else -factor  # −y · log p is written as often
    return None


def _unclipped(node: Node) -> Node:
    """The node before all views, clipping and small shifts."""
    while (inner := _unshifted(viewed(node))) is not node:
        node = inner
    return node


def _unshifted(node: Node) -> Node:
    """The node before clipping and small shifts."""
    while True:
        if node.op in ("clip", "maximum", "minimum"):
            node = node.inputs[0] if node.inputs[0].requires_grad else node.inputs[1]
        elif node.op == "add" and is_constant(node.inputs[1]) and np.max(np.abs(node.inputs[1].raw)) < 1e-3:
            node = node.inputs[0]
        else:
            return node


def normalized(node: Node) -> Node | None:
    """What the node divides by its own sum; None if it does not."""
    if node.op == "div" and node.inputs[1].op == "sum" and node.inputs[1].inputs[0] is node.inputs[0]:
        return viewed(node.inputs[0])
    return None


class Record:
    """What the close looks showed of a task.

    Attributes
    ----------
    kind : of the task; "" if nothing is known.
    width : the number of answers per row.
    rows : how many rows of targets were seen.
    losses : the mean losses, one per look.
    steps : the passes at which they were.
    sizes : the rows of each batch.
    means : of the targets of each batch, for numbers.
    variety : for labels, how many different ones each batch had; for numbers, the batch's variance.
    activation : the operation that gave the answers at the last look.
    """

    def __init__(self, kind: str = "", width: int = 1) -> None:
        self.kind = kind
        self.width = width
        self.activation = ""
        self.rows = 0
        self.losses: list[float] = []
        self.steps: list[int] = []
        self.sizes: list[int] = []
        self.variety: list[float] = []
        self.means: list[Array] = []
        self._targets: list[Array] = []
        self._kept = 0
        self._guess: float | None = None

    def add(self, task: Task, step: int) -> None:
        """Add what one graph shows."""
        targets = task.rows
        self.activation = viewed(task.answers).op
        self.losses.append(task.loss)
        self.steps.append(step)
        self.rows += len(targets)
        self.sizes.append(len(targets))
        labels = labels_of(targets)
        if labels is None and targets.shape[1] == (len(self.means[0]) if self.means else targets.shape[1]):
            self.means.append(targets.mean(0))
        self.variety.append(float(np.mean(np.var(targets, axis=0))) if labels is None else len(np.unique(labels)))
        if self._kept < KEPT or self._kept < 20 * len(targets):
            self._targets.append(targets)
            self._kept += len(targets)
            self._guess = None

    @property
    def targets(self) -> Array:
        """The rows of targets that were kept: the first two thousand, or those of twenty batches."""
        if len(self._targets) > 1:
            self._targets = [np.concatenate(self._targets)]
        return self._targets[0]

    @property
    def labels(self) -> IntArray | None:
        """The same as class numbers; None if they are none."""
        return labels_of(self.targets) if self._targets else None

    def guess(self) -> float:
        """The loss of the best constant answer; nan if nothing is known."""
        if self._guess is None:
            self._guess = self._loss_of_a_constant() if self._targets else math.nan
        return self._guess

    def _loss_of_a_constant(self) -> float:
        t = self.targets
        if self.kind == "cross_entropy":
            if t.dtype.kind == "f" and t.shape[1] > 1:
                return entropy(t.mean(0))
            labels = t[t >= 0].astype(int)  # a negative one is left out of the loss
            return entropy(np.bincount(labels) / len(labels)) if len(labels) else 0.0
        if self.kind == "categorical":
            return entropy(t.mean(0))
        if self.kind in ("bce_with_logits", "binary"):
            share = np.clip(t.mean(0), 0, 1)
            return float(np.mean([entropy(np.array([p, 1 - p])) for p in share]))
        if self.kind == "absolute":
            return float(np.mean(np.abs(t - np.median(t, axis=0))))
        return float(np.mean(np.var(t, axis=0)))

    def ratio(self) -> float:
        """The loss of the last looks divided by that of the best constant answer; nan if that is 0 or not known."""
        guess = self.guess()
        if not guess > 1e-12:
            return math.nan
        recent = self.losses[-5:]
        return math.fsum(recent) / len(recent) / guess if all(map(math.isfinite, recent)) else math.inf


def labels_of(targets: Array) -> IntArray | None:
    """Targets as class numbers, from class numbers, one-hot rows, or a column of 0 and 1; None for other targets."""
    if targets.shape[1] == 1:
        column = targets[:, 0]
        if targets.dtype.kind in "iu" or np.all((column == 0) | (column == 1)):
            return column.astype(np.int64)
        return None
    if np.all((targets == 0) | (targets == 1)) and np.all(targets.sum(1) == 1):
        return np.asarray(targets.argmax(1), dtype=np.int64)
    return None


def root_mean_square(x: Array) -> float:
    """√(mean of x²), computed with float64 because squares of small types overflow."""
    return math.sqrt(float(np.mean(np.square(x, dtype=np.float64))))


def entropy(p: Array) -> float:
    """−Σ p log p."""
    p = p[p > 0]
    return float(-np.sum(p * np.log(p)))


def path(root: Node, goal: Node) -> Iterator[Node]:
    """The nodes from the root down to the goal, along the first inputs that need a gradient."""
    node = root
    while node is not goal and node.operation is not None:
        yield node
        below = [x for x in node.inputs if x.requires_grad]
        if not below:
            return
        node = below[0]
