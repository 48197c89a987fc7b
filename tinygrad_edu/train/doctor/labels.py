"""What goes wrong with the targets: labels that are all equal, rare, sorted or not used, and numbers that are large."""

from typing import Any

import numpy as np

from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.course import Course, mean
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.task import DISTANCES, LARGE_TARGETS, Record, Task, labels_of, path, root_mean_square
from tinygrad_edu.train.doctor.visit import Visit

CLASSES = ("cross_entropy", "bce_with_logits", "categorical", "binary")
FIRST = 10  # steps: each is looked at
PARTS = 5  # passes without a step before them, after which gradients are added up on purpose
ROWS = 1000  # that are compared


class EqualLabels(Rule):
    """Targets that are all the same.

    Sure when all targets were equal when the watch ends: fifty rows or more, at ten looks or more. The graph must have
    no other net, because a generator is trained with the label "real" alone. Sorted rows would make it wrong if the run
    ended before the next class.
    """

    name = "labels that are all equal"
    fix = "look at what was done to the labels: a division, a cast or a wrong column makes them all the same"
    code = "print(np.unique(y, return_counts=True))"
    confidence = 0.9

    own = True

    def look(self, visit: Visit) -> None:
        self.own = self.own and visit.only_watched

    def finish(self, course: Course) -> Said | None:
        record = course.record
        if not self.own or len(record.losses) < 10 or record.rows < 50:
            return None
        t = record.targets
        if not np.all(t == t[0]):
            return None
        return Said(
            "all targets are the same, so there is nothing to tell apart.",
            f"{len(t)} rows of targets were all {np.ravel(t[0])[0]:g}{' …' if t.shape[1] > 1 else ''}",
        )


class UnusedOutputs(Rule):
    """Outputs for classes that never occur.

    Sure when the labels use at most half of the outputs. There must be at most a hundred outputs, at least twenty rows
    per output, and at least two hundred rows. A text that uses a part of a vocabulary would make it wrong, but a
    vocabulary is larger.
    """

    name = "outputs that no label uses"
    grade = Grade.MEASURED
    fix = "look at the labels: they may be encoded or cut wrongly; otherwise give the net one output per class"
    code = "print(np.unique(y, return_counts=True))"
    confidence = 0.7

    def finish(self, course: Course) -> Said | None:
        record = course.record
        if record.kind not in ("cross_entropy", "categorical") or not 4 <= record.width <= 100:
            return None
        labels = record.labels
        if labels is None or len(labels) < max(200, 20 * record.width):
            return None
        used = len(np.unique(labels))
        if not 1 < used <= record.width / 2:
            return None
        return Said(
            "the labels use at most half of the net's classes.",
            f"{len(labels)} rows have {used} different labels, from {labels.min()} to {labels.max()}, for "
            f"{record.width} outputs",
        )


class RareClass(Rule):
    """A frequent class that the net always answers, because the others are so rare.

    Sure when one class has over 85 % of the rows, and the net took 90 % of the others for it, of at least six rows
    after the sixtieth step. Also when it was wrong about 60 % of at least fifty such rows, and about less than 5 % of
    the frequent ones. Labels that cannot be learned would make it wrong.
    """

    name = "classes out of balance"
    grade = Grade.LEFT_OVER
    fix = "weight the loss of the rare class, or draw its rows more often; and look at its recall, not at the accuracy"
    code = "rows = np.concatenate([frequent_rows, rng.choice(rare_rows, len(frequent_rows))])"
    confidence = 0.8

    rare = missed = mistaken = 0
    common = unseen = 0

    def look(self, visit: Visit) -> None:
        task = visit.task
        if task is None or task.kind not in CLASSES or visit.step <= 60:
            return
        truth = labels_of(task.rows) if task.targets.ndim else None
        labels = visit.course.record.labels
        if truth is None:
            return
        frequent = np.bincount(labels).argmax() if labels is not None and len(labels) else 0
        said = _answered(task)
        rare = truth != frequent
        self.rare += int(rare.sum())
        self.missed += int((rare & (said == frequent)).sum())
        self.mistaken += int((rare & (said != truth)).sum())
        self.common += int((~rare).sum())
        self.unseen += int((~rare & (said != truth)).sum())

    def judge(self, course: Course) -> Said | None:
        never = self.rare >= 6 and self.missed >= 0.9 * self.rare
        badly = self.rare >= 50 and self.mistaken > 0.6 * self.rare and self.unseen < 0.05 * self.common
        if not (never or badly):
            return None
        labels = course.record.labels
        if labels is None or labels.max(initial=0) == 0:
            return None
        share = float(np.max(np.bincount(labels)) / len(labels))
        if not 0.85 < share < 1:
            return None
        return Said(
            "one class is so frequent that the net always answers it."
            if never
            else "one class is so frequent that the net learns it, and hardly the others.",
            f"{share:.0%} of the rows have one label; {self.missed} of {self.rare} rows of the others were taken "
            f"for it, and {self.mistaken} for a wrong class",
        )


class SortedRows(Rule):
    """Batches that each have only one class, or one part of the range.

    Sure when ten batches, of six rows or more, have fewer than 60 % of the different labels that rows drawn at random
    would have. Also when the variance of the targets within ten different batches is below 5 % of the variance over
    all; the loss must be above 30 % of a constant answer's loss, or the means of the first ten batches in order,
    because a net learns from a series that goes up and down. Also when the means of fifteen batches have over half of
    that variance, and the loss is above half of a constant answer's loss. Then the means must not drift in one
    direction, as moving targets do. Nothing is said if a step adds up several backward passes, such as one for each
    class. Episodes that are trained on one by one would make it wrong.
    """

    name = "rows sorted by their targets"
    grade = Grade.MEASURED
    fix = "shuffle the rows again in each epoch (data.batches does so with a generator)"
    code = "for X, y in data.batches(X_train, y_train, 32, np.random.default_rng(0)):"
    confidence = 0.9

    parts = 0  # passes that no step came before

    def before(self, visit: Visit) -> None:
        self.parts += visit.follows_a_visit and not visit.changed

    def judge(self, course: Course) -> Said | None:
        record = course.record
        if course.mixed or self.parts >= PARTS or len(record.sizes) < 10:
            return None
        if min(record.sizes) < 4 or np.median(record.sizes) < 6:
            return None
        labels = record.labels
        if labels is not None:
            shares = np.bincount(labels) / len(labels)
            expected = float(np.sum(1 - (1 - shares) ** np.median(record.sizes)))
            found = float(np.mean(record.variety))
            if expected < 1.8 or not found < 0.6 * expected:
                return None
            return Said(
                "each batch holds rows of few classes, so the net forgets the others.",
                f"a batch has {found:.1f} different labels on average, but rows drawn at random would have "
                f"{expected:.1f}",
            )
        within, whole = float(np.mean(record.variety)), float(np.mean(np.var(record.targets, axis=0)))
        alike = within < 0.05 * whole and (course.left() > 0.3 or _rises_or_falls(record))
        if not alike and not self._forgets(course, whole):
            return None
        return Said(
            "each batch holds rows with similar targets, so the net forgets the others.",
            f"the variance of the targets is {within:.3g} within a batch, and {whole:.3g} over all",
        )

    def _forgets(self, course: Course, whole: float) -> bool:
        """Whether the batches' means differ too much for rows drawn at random, and the net follows the last batch."""
        if not course.stays_above(0.5) or len(course.record.means) < 15:
            return False
        means = np.array(course.record.means)
        middles = means.mean(1)
        drift = np.corrcoef(middles, range(len(means)))[0, 1] if np.ptp(middles) > 0 else 0.0
        return float(np.mean(np.var(means, axis=0))) > 0.5 * whole > 0 and abs(drift) < 0.7


def _rises_or_falls(record: Record) -> bool:
    """Whether the means of the first batches are in order, as those of sorted targets; a series goes up and down."""
    first = np.array([mean for step, mean in zip(record.steps, record.means, strict=False) if step <= FIRST])
    changes = np.diff(first.mean(1)) if len(first) else np.zeros(0)
    return len(changes) >= 5 and abs(int(np.sum(np.sign(changes)))) == len(changes)


class ChangingLabels(Rule):
    """Rows that have another label each time they occur.

    Sure when thirty different rows or more occurred again, with labels that differ almost as often as those of two rows
    taken at random. Rows must hardly occur twice in one batch, and the loss must still be above 80 % of a constant
    answer's loss. Nothing is said of actions that are drawn and weighted by a reward, and of labels that are positions
    in the batch. Rows that say little, so that many different samples look the same, would make it wrong.
    """

    name = "labels that change from epoch to epoch"
    grade = Grade.MEASURED
    fix = "shuffle X and y by one and the same order"
    code = "order = rng.permutation(len(X)); X, y = X[order], y[order]"
    confidence = 0.85

    def __init__(self) -> None:
        self.targets: dict[int, Array] = {}
        self.repeated: set[int] = set()
        self.differences: list[float] = []
        self.rows = self.twice = 0
        self.usual = True  # whether the loss is a plain mean

    def look(self, visit: Visit) -> None:
        task, x = visit.task, visit.first_inputs
        if task is None or x is None or not task.targets.ndim or len(x) != len(task.targets):
            return
        targets = task.rows.astype(float)
        self.usual = self.usual and not _weighs_rows(visit, task) and not _are_positions(targets[:, 0])
        if not self.usual or self.rows > ROWS:
            return
        keys = visit.row_keys
        self.rows += len(keys)
        self.twice += len(keys) - len({*keys})
        known = [i for i, key in enumerate(keys) if key in self.targets]
        if known:
            self.repeated.update(keys[i] for i in known)
            before = np.stack([self.targets[keys[i]] for i in known])
            self.differences += _differences(targets[known], before, task.kind).tolist()
        self.targets |= {key: row for key, row in zip(keys, targets, strict=True) if key not in self.targets}

    def judge(self, course: Course) -> Said | None:
        if not self.usual or not course.stays_above(0.8):
            return None
        if len(self.repeated) < 30 or self.twice > 0.05 * self.rows:
            return None
        targets = course.record.targets.astype(float)
        expected = float(np.mean(_differences(targets[1:], targets[:-1], course.record.kind)))
        found = mean(self.differences)
        if not expected > 0 or not found > 0.7 * expected:
            return None
        return Said(
            "the same row has another label each time, so there is nothing to learn from it.",
            f"{len(self.repeated)} rows occurred again, and their labels differed {found / expected:.0%} as much as "
            "those of two rows taken at random",
        )


def _are_positions(column: Array) -> bool:
    """Whether the labels are 0, 1, 2, … in the order of the rows."""
    n = len(column)
    return not n or bool(column[-1] == n - 1 and np.array_equal(column, range(n)))


def _differences(a: Array, b: Array, kind: str) -> Array:
    """Row by row, 0 or 1 for classes, the squared distance for numbers."""
    return np.any(a != b, axis=1).astype(float) if kind in CLASSES else np.square(a - b).sum(1)


def _weighs_rows(visit: Visit, task: Task) -> bool:
    """Whether the errors of the rows are multiplied with numbers that differ."""
    products = [node for node in path(visit.root, task.node) if node.op == "mul"]
    factors = [x.raw for node in products for x in node.inputs if not x.requires_grad]
    return any(np.size(x) > 1 and np.ptp(x) > 0 for x in factors)


class TargetsNotScaled(Rule):
    """Targets so large that a new net takes long to reach them.

    Sure when the root mean square of the targets of a squared or absolute error is above 20. Nothing is said if the net
    learns them: after a hundred steps, the loss must be no smaller than that of a constant answer. Labels that cannot
    be learned have about that loss too, but not if the net has reached the size of the targets.
    """

    name = "targets not scaled"
    grade = Grade.MEASURED
    refutable = True
    fix = "standardize the targets, and scale the answers back"
    code = "y = (y - y_train.mean(0)) / y_train.std(0)"
    confidence = 0.8
    explained_by = (
        *("learning rate too high", "dead ReLUs", "NaN", "learning rate too low"),
        "loss summed over the batch",
    )

    def judge(self, course: Course) -> Said | None:
        if course.record.kind not in DISTANCES or not course.stays_above(1.1, 100):
            return None
        size = root_mean_square(course.record.targets)
        if size <= LARGE_TARGETS:
            return None
        return Said(
            "the targets are large, so it takes many steps before the answers are as large.",
            f"the root mean square of the targets is {size:.3g}, and after {len(course.losses)} steps the loss is "
            f"{course.ratio():.3g} times that of a constant answer",
        )


def _answered(task: Task) -> Any:
    """The classes that the net answers."""
    x = np.asarray(task.answers.raw)
    x = x.reshape(len(x), -1)
    if x.shape[1] > 1:
        return x.argmax(1)
    return (x[:, 0] > (0.0 if task.kind == "bce_with_logits" else 0.5)).astype(int)
