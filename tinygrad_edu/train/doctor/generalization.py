"""Faults that only show in the loss on rows that are not trained on."""

import numpy as np

from tinygrad_edu.nn import Dropout
from tinygrad_edu.train.doctor.architecture import LEARNING
from tinygrad_edu.train.doctor.course import Course, mean, same_scale
from tinygrad_edu.train.doctor.finding import Rule, Said
from tinygrad_edu.train.doctor.task import labels_of
from tinygrad_edu.train.doctor.visit import Visit

SEVERAL = 5  # evaluations
ROWS = 100  # different ones


class Overfitting(Rule):
    """A loss on other rows that rises while the training loss falls.

    Sure when the last two losses of at least five evaluations are above 1.5 times the best one, and at least a quarter
    of the evaluations came after the best one. The two losses must also be above three times the training loss, and
    above 25 % of a constant answer's loss. An evaluation on harder rows would make it wrong, but its loss would not
    rise.
    """

    name = "overfitting"
    fix = "stop at the best evaluation (train.EarlyStopping), take more rows, or a smaller net, dropout or weight decay"
    code = "train.fit({net}, ..., callbacks=[train.EarlyStopping(restore_best_weights=True)])"
    confidence = 0.85
    explained_by = (
        *("BatchNorm statistics that do not follow", "the same batch at every step", "rows sorted by their targets"),
        *("training mode during evaluation", "evaluation mode during training", "learning rate too high"),
        *("labels that do not belong to their rows", "training labels that are wrong"),
        "test inputs on another scale",
    )

    def finish(self, course: Course) -> Said | None:
        losses = [e.loss for e in course.evaluations]
        if len(losses) < SEVERAL:
            return None
        best = int(np.argmin(losses))
        now = min(losses[-2:])
        trained = mean(course.losses[-20:])
        if not now > 1.5 * losses[best] or best > 0.75 * len(losses) or not now > 3 * trained > 0:
            return None
        if course.record is not None and same_scale(course) and now < 0.25 * course.record.guess():
            return None  # still good
        return Said(
            "the net memorizes the training rows, and gets worse on others.",
            f"the loss on other rows was {losses[best]:.3g} at step {course.evaluations[best].step} and is "
            f"{losses[-1]:.3g} now, while the training loss is {trained:.3g}",
        )


class UnrelatedLabels(Rule):
    """Labels that have nothing to do with their rows: shuffled, misplaced, or random.

    Sure when the training loss fell below 60 % of a constant answer's loss, but none of five evaluations or more was
    below 95 % of it. A net that memorizes a few rows before it generalizes would make it wrong, so at least a hundred
    different rows must have been seen.
    """

    name = "labels that do not belong to their rows"
    fix = "see that X and y are shuffled, split and sorted together"
    code = "order = rng.permutation(len(X)); X, y = X[order], y[order]"
    confidence = 0.75
    explained_by = (
        *("initial weights too large", "labels that change from epoch to epoch"),
        *("BatchNorm statistics that do not follow", "training mode during evaluation", "test inputs on another scale"),
    )

    def __init__(self) -> None:
        self.rows: set[bytes] = set()

    def look(self, visit: Visit) -> Said | None:
        x = visit.first_inputs if len(self.rows) < ROWS else None
        if x is not None:
            self.rows.update(row.tobytes() for row in np.ascontiguousarray(x[:ROWS]))
        return None

    def finish(self, course: Course) -> Said | None:
        if len(self.rows) < ROWS:
            return None
        ratio, record = course.ratio(), course.record
        losses = [e.loss for e in course.evaluations]
        if record is None or ratio is None or len(losses) < SEVERAL or not same_scale(course):
            return None
        guess = record.guess()
        if not ratio < 0.6 or min(losses) < 0.95 * guess:
            return None
        return Said(
            "the net memorizes the training rows, but learns nothing about other rows.",
            f"the training loss is {ratio:.0%} of a constant answer's loss, the best of {len(losses)} evaluations is "
            f"{min(losses) / guess:.0%} of it",
        )


class LabelNoise(Rule):
    """Many training labels are wrong.

    Sure when, at three evaluations in a row, the loss on other rows is below 77 % of the training loss. The training
    loss must be above 60 % of a constant answer's loss, and hardly fall: its mean over the thirty steps after the
    evaluation is over 80 % of the mean over the thirty steps before. The targets must be classes, and the net without
    dropout. Training rows that are harder on purpose (augmented, weighted) would make it wrong.
    """

    name = "training labels that are wrong"
    fix = "look at the training rows with the largest losses, and correct or drop their labels"
    code = "suspicious = np.argsort(losses_of_rows)[-50:]"
    confidence = 0.7
    explained_by = LEARNING

    def finish(self, course: Course) -> Said | None:
        record = course.record
        if record is None or len(course.evaluations) < SEVERAL or course.modules(Dropout):
            return None
        if not same_scale(course) or labels_of(record.targets) is None:
            return None
        guess, streak = record.guess(), 0
        for e in course.evaluations:
            before, after = course.losses[max(0, e.step - 30) : e.step], course.losses[e.step : e.step + 30]
            if e.step < 0.05 * len(course.losses) or len(before) < 20 or len(after) < 20:
                continue
            trained = mean(after)
            noisy = e.loss < 0.77 * trained and trained > max(0.6 * guess, 0.8 * mean(before))
            streak = streak + 1 if noisy else 0
            if streak >= 3:
                return Said(
                    "the net is better on other rows than on those that it is trained on: many training labels "
                    "are wrong.",
                    f"at step {e.step} the loss on other rows is {e.loss:.3g}, the training loss is {trained:.3g}",
                )
        return None
