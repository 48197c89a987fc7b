"""Faults that only show in the loss on rows that are not trained on."""

import math

import numpy as np

from tinygrad_edu.nn import BatchNorm1d, Dropout
from tinygrad_edu.train.doctor.course import Course, mean, same_scale
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.visit import Visit

SEVERAL = 5  # evaluations
ROWS = 100  # different ones
KEPT = 2000  # rows that are compared
FREQUENT = 0.8  # share of a class above which the others are rare


class _OfManyRows(Rule):
    """Notes how many training rows there are, and how long they are new: of a few, each loss depends on chance."""

    def __init__(self) -> None:
        self.rows: set[int] = set()
        self.fresh = 0  # the first steps, whose rows were not seen before
        self.again = False

    def look(self, visit: Visit) -> None:
        if len(self.rows) >= (ROWS if self.again else KEPT):
            return
        rows = {*visit.row_keys}
        self.again = self.again or not rows.isdisjoint(self.rows)
        self.fresh = visit.step if rows and not self.again else self.fresh
        self.rows |= rows

    def _tests_something_else(self, course: Course, guess: float) -> bool:
        """Whether the net learned about new rows of the training, but at no evaluation.

        The rows of the first epoch are new to the net. If the loss fell there, the labels belong to their rows.
        """
        last = course.losses[2 * self.fresh // 3 : self.fresh]
        learned = len(last) >= 3 and mean(last) < 0.9 * guess
        return learned and not min(e.loss for e in course.evaluations) < 0.95 * guess


class Overfitting(_OfManyRows):
    """A loss on other rows that rises while the training loss falls.

    Sure when the last two losses of at least five evaluations are above 1.5 times the best one, and at least a quarter
    of the evaluations came after the best one. The two losses must also be above three times the training loss, and
    above 90 % of a constant answer's loss, and the training loss below half of it. Nothing is said if one class has
    over 80 % of the rows, or if the net learned about the new rows of the first epoch, but at no evaluation. An
    evaluation on harder rows would make it wrong, but its loss would not rise.
    """

    name = "overfitting"
    grade = Grade.LEFT_OVER
    fix = "stop at the best evaluation (train.EarlyStopping), take more rows, or a smaller net, dropout or weight decay"
    code = "train.fit({net}, ..., callbacks=[train.EarlyStopping(restore_best_weights=True)])"
    confidence = 0.85
    explained_by = ("labels that do not belong to their rows", "training labels that are wrong")

    def finish(self, course: Course) -> Said | None:
        losses = [e.loss for e in course.evaluations]
        if len(losses) < SEVERAL:
            return None
        best = int(np.argmin(losses))
        now = min(losses[-2:])
        trained = mean(course.losses[-20:])
        if not now > 1.5 * losses[best] or best > 0.75 * len(losses) or not now > 3 * trained > 0:
            return None
        guess = course.record.guess() if same_scale(course) else math.nan
        if now < 0.9 * guess or trained > 0.5 * guess:
            return None  # it is better than a constant answer on other rows, or has not learned its own
        if _has_rare_classes(course) or self._tests_something_else(course, guess):
            return None
        return Said(
            "the net memorizes the training rows, and gets worse on others.",
            f"the loss on other rows was {losses[best]:.3g} at step {course.evaluations[best].step} and is "
            f"{losses[-1]:.3g} now, while the training loss is {trained:.3g}",
        )


def _has_rare_classes(course: Course) -> bool:
    """Whether one class is so frequent that a loss on other rows depends on the chance of a few rare ones."""
    labels = course.record.labels
    return labels is not None and np.unique(labels, return_counts=True)[1].max() > FREQUENT * len(labels)


class UnrelatedLabels(_OfManyRows):
    """Labels that have nothing to do with their rows: shuffled, misplaced, or random.

    Sure when the training loss fell below 60 % of a constant answer's loss, but none of five evaluations or more was
    below 95 % of it. If the loss fell to 90 % within the first epoch, nothing is said: its rows are new to the net, so
    the labels belong to them, and the evaluation is about something else. A net that memorizes a few rows before it
    generalizes would make it wrong, so at least a hundred different rows must have been seen.
    """

    name = "labels that do not belong to their rows"
    grade = Grade.LEFT_OVER
    fix = "see that X and y are shuffled, split and sorted together"
    code = "order = rng.permutation(len(X)); X, y = X[order], y[order]"
    confidence = 0.75

    def finish(self, course: Course) -> Said | None:
        losses = [e.loss for e in course.evaluations]
        if len(self.rows) < ROWS or len(losses) < SEVERAL or not same_scale(course):
            return None
        guess = course.record.guess()
        if not course.ratio() < 0.6 or min(losses) < 0.95 * guess or self._tests_something_else(course, guess):
            return None
        return Said(
            "the net memorizes the training rows, but learns nothing about other rows.",
            f"the training loss is {course.level}, the best of {len(losses)} evaluations is "
            f"{min(losses) / guess:.0%} of it",
        )


class LabelNoise(_OfManyRows):
    """Many training labels are wrong.

    Sure when, at three evaluations in a row, the loss on other rows is below 77 % of the training loss. The training
    loss must be between 60 % and 110 % of a constant answer's loss, and hardly fall: its mean over the thirty steps
    after the evaluation is over 80 % of the mean over the thirty steps before. The targets must be classes, none with
    over 80 % of the rows. There must be at least a hundred different rows, and the net must be without dropout and
    BatchNorm1d, which make the training loss larger. Training rows that are harder on purpose (augmented, weighted)
    would make it wrong.
    """

    name = "training labels that are wrong"
    grade = Grade.LEFT_OVER
    fix = "look at the training rows with the largest losses, and correct or drop their labels"
    code = "suspicious = np.argsort(losses_of_rows)[-50:]"
    confidence = 0.7
    explained_by = ("classes out of balance",)

    def finish(self, course: Course) -> Said | None:
        if len(course.evaluations) < SEVERAL or len(self.rows) < ROWS or not same_scale(course):
            return None
        if course.record.labels is None or _has_rare_classes(course) or course.modules(Dropout, BatchNorm1d):
            return None
        guess = course.record.guess()
        for e in course.evaluations:
            before, after = course.losses[max(0, e.step - 30) : e.step], course.losses[e.step : e.step + 30]
            if e.step < 0.05 * len(course.losses) or len(before) < 20 or len(after) < 20:
                continue
            trained = mean(after)
            stays = max(0.6 * guess, 0.8 * mean(before)) < trained < 1.1 * guess
            if self.in_a_row(stays and e.loss < 0.77 * trained) >= 3:
                return Said(
                    "the net is better on other rows than on those that it is trained on: many training labels "
                    "are wrong.",
                    f"at step {e.step} the loss on other rows is {e.loss:.3g}, the training loss is {trained:.3g}",
                )
        return None
