"""What goes wrong between training and evaluation."""

import weakref
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.graph.node import Node, topological_order
from tinygrad_edu.nn import BatchNorm1d, Dropout
from tinygrad_edu.train.doctor.course import Course
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.task import is_constant
from tinygrad_edu.train.doctor.visit import Visit

HIGH = 0.9  # a momentum with which only the last batch counts


class _Output(NamedTuple):
    """What a call of the model gave; it is not kept alive."""

    node: "weakref.ref[Node]"
    numbers: int  # equal for equal numbers, because `detach` copies them
    size: int
    requires_grad: bool


def _key(x: Node) -> int:
    return hash(np.asarray(x.raw).tobytes())


class TrainingModeInEvaluation(Rule):
    """A model that is evaluated while it behaves as in training.

    Sure when, after the first backward pass, a model with Dropout or BatchNorm1d in training mode was called under
    `no_grad`, or twice without, and the outputs were never used in a backward pass. As a constant, such as what a
    generator makes for a critic, they are used too. An output that still exists may be used later, so it counts only
    when the watch ends. An average over several random forward passes, which estimates uncertainty, would make it
    wrong. So would targets that the program computes from outputs in training mode.
    """

    name = "training mode during evaluation"
    stands_apart = True
    fix = "call net.eval() before evaluating and net.train() before going on"
    code = "{net}.eval()  # before evaluating; {net}.train() after it"

    def __init__(self) -> None:
        self.training = False
        self.switched: list[Any] | None = None  # the modules that training mode changes
        self.noisy = ""
        self.pending: list[_Output] = []
        self.unused: list[_Output] = []

    def on_call(self, model: Any, y: Any) -> None:
        if self.switched is None:
            self.switched = [m for _, m in model.named_modules() if isinstance(m, Dropout | BatchNorm1d)]
        noisy = [m for m in self.switched if m.training and getattr(m, "p", 1) > 0]
        if self.training and noisy and isinstance(y, Node):
            self.noisy = type(noisy[0]).__name__
            self.pending.append(_Output(weakref.ref(y), _key(y), np.size(y.raw), y.requires_grad))

    def before(self, visit: Visit) -> Said | None:
        self.training = True
        self._drop_used(visit.order)
        gone = [x for x in self.pending if x.node() is None]
        self.unused += gone
        self.pending = [x for x in self.pending if x not in gone]
        return self._if_several()

    def elsewhere(self, root: Node) -> None:
        if self.pending:  # otherwise the order is not needed
            self._drop_used(topological_order(root))

    def finish(self, course: Course) -> Said | None:
        self.unused += self.pending
        return self._if_several()

    def _drop_used(self, order: list[Node]) -> None:
        """Forget the outputs that a graph has, as nodes or as constants."""
        if not self.pending:
            return
        nodes, sizes = {*order}, {output.size for output in self.pending}
        numbers = {_key(x) for x in order if is_constant(x) and np.size(x.raw) in sizes}
        self.pending = [x for x in self.pending if x.node() not in nodes and x.numbers not in numbers]

    def _if_several(self) -> Said | None:
        """A finding for two unused outputs or more, because an interrupted step leaves one."""
        if any(not output.requires_grad for output in self.unused):
            calls = "a call of the model under no_grad()"
        elif len(self.unused) > 1:
            calls = f"{len(self.unused)} calls of the model whose outputs were not trained on"
        else:
            return None
        return Said(
            f"the model was evaluated in training mode, where {self.noisy} does what only training needs.",
            f"{calls}, while net.training was True",
        )


class EvaluationModeInTraining(Rule):
    """A model that is trained while it behaves as in evaluation.

    Sure when at ten backward passes in a row the whole model was in evaluation mode, although it has Dropout or
    BatchNorm1d, and its parameters changed. Parts that are kept in evaluation mode on purpose, such as BatchNorm1d in
    fine-tuning, would make it wrong, but then the model itself is in training mode.
    """

    name = "evaluation mode during training"
    fix = "call net.train() before the steps; after net.eval() it is needed again"
    code = "{net}.train()  # before the steps of each epoch"
    confidence = 0.9

    def before(self, visit: Visit) -> Said | None:
        modules = [] if getattr(visit.course.model, "training", True) else visit.course.parts
        switched = [m for m in modules if isinstance(m, BatchNorm1d | Dropout) and getattr(m, "p", 1) > 0]
        if self.in_a_row(switched and not any(m.training for m in switched)) < 10 or visit.course.untouched():
            return None
        return Said(
            f"the model is trained in evaluation mode, where {type(switched[0]).__name__} does not do what training "
            "needs.",
            f"net.training was False at the last {self.seen} backward passes",
        )


class BatchNormStatistics(Rule):
    """Running statistics of BatchNorm1d that are far from those of the batches.

    Sure when, after a hundred passes, the statistics of most features are wrong at three looks in a row: the running
    mean is over a deviation away from the batch's, or the running variance is over five times larger or smaller. Also
    when the momentum is 0.9 or more, which another library calls 0.1 or less, and the batches are different ones. A net
    that changes quickly would make it wrong, but the usual momentum follows within twenty steps.
    """

    name = "BatchNorm statistics that do not follow"
    grade = Grade.MEASURED
    stands_apart = True
    fix = "use the momentum 0.1, and batches that are drawn at random from the whole set"
    code = "norm.momentum = 0.1"
    confidence = 0.85

    batch: Any = None  # at the last look
    differ = False  # whether the batches differ

    def look(self, visit: Visit) -> Said | None:
        norms = [m for m in visit.course.parts if isinstance(m, BatchNorm1d)]
        x = visit.first_inputs if norms and not self.differ else None
        if x is not None:
            self.differ = self.batch is not None and not np.array_equal(x, self.batch)
            self.batch = x.copy()
        high = [m.momentum for m in norms if m.training and (m.momentum or 0) >= HIGH]
        if high and self.differ and visit.step >= 20:
            return Said(
                "the running statistics of BatchNorm1d are those of the last batch alone, so evaluation depends on it.",
                f"the momentum is {high[0]:g}, so each batch replaces {high[0]:.0%} of the mean and the variance",
            )
        if visit.step < 100:
            return None
        shares = [(norm, _off(norm, np.asarray(x.raw))) for norm, x in visit.calls(BatchNorm1d) if norm.training]
        off = [(norm, share) for norm, share in shares if share > 0.5]
        if self.in_a_row(off) < 3:
            return None
        norm, share = off[0]
        return Said(
            "the running statistics of BatchNorm1d are far from those of the batches, so the net computes something "
            "else in evaluation mode.",
            f"{share:.0%} of the features are off after {visit.step} steps, with the momentum {norm.momentum}",
        )


class BatchNormOfFewRows(Rule):
    """BatchNorm1d of batches that have too few rows for a mean and a variance.

    Sure when it got two rows or fewer at 90 % of its looks, twenty or more: of two rows, it keeps only the signs of
    their differences. Also when it got four rows or fewer, and the loss is above half of a constant answer's loss after
    a hundred steps. Pairs that are compared on purpose would make it wrong.
    """

    name = "BatchNorm of too few rows"
    grade = Grade.MEASURED
    fix = "use larger batches, such as 32 rows, or nn.LayerNorm, which needs no other rows"
    code = "for X, y in data.batches(X_train, y_train, 32, rng):"
    confidence = 0.85

    def __init__(self) -> None:
        self.rows: list[int] = []

    def look(self, visit: Visit) -> None:
        shapes = [np.shape(x.raw) for norm, x in visit.calls(BatchNorm1d) if norm.training]
        if shapes and all(len(shape) == 2 for shape in shapes):
            self.rows.append(max(shape[0] for shape in shapes))

    def judge(self, course: Course) -> Said | None:
        if len(self.rows) < 20:
            return None
        usual = int(np.quantile(self.rows, 0.9))
        if usual > 4 or (usual > 2 and not course.stays_above(0.5, 100)):
            return None
        return Said(
            "the batches are too small for BatchNorm1d: its mean and variance are those of a few rows, and jump from "
            "batch to batch.",
            f"it got {usual} rows or fewer in {np.mean(np.array(self.rows) <= usual):.0%} of {len(self.rows)} "
            "inspected passes",
        )


def _off(norm: Any, x: Any) -> float:
    """The share of the features whose running statistics are far from the batch's."""
    if len(x) < 8 or np.ndim(x) != 2:
        return 0.0
    mean, variance = x.mean(0), x.var(0) + norm.eps
    shifted = np.abs(norm.running_mean - mean) > np.sqrt(variance)
    ratio = (norm.running_var + norm.eps) / variance
    return float(np.mean(shifted | (ratio > 5) | (ratio < 0.2)))
