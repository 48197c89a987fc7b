"""What goes wrong with a net's inputs."""

from typing import Any

import numpy as np

from tinygrad_edu import nn
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.course import LEARNED, Course, mean
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.task import viewed
from tinygrad_edu.train.doctor.visit import Visit

LARGE = 20.0  # root mean square of a feature
SMALL = 0.01
HUGE = 100.0  # root mean square of a feature that half as many rows prove
ROWS = 20
ROUNDING = 1e-6  # also where the program computes with float32
ENOUGH = 2000  # rows: no more are measured
FAR = 5.0  # deviations from the training's mean
SHIFTED = 1.5  # likewise; the mean of twenty rows that are drawn like the training's is within one
LITTLE = 0.8  # of a constant answer's loss: the net has learned little so far
TIMES = 20  # smaller than the training's deviation


class NotNormalized(Rule):
    """Inputs far from the size that initializations are made for.

    Sure when a feature of what enters a first layer has a root mean square above 20, or when no entry is above 0.01,
    over at least twenty rows. Standardized features have 1, pixels in [0, 1] less, and 8x8 digits counted from 0 to 16
    at most 13. Many nets learn from such inputs in spite of it. So the loss must be above 80 % of a constant answer's
    loss after two hundred steps, or above half of it when the watch ends. Nothing is said if a layer normalizes the
    inputs first, or if BatchNorm1d normalizes the results of the first layer. A net whose first weights are made for
    such inputs would make it wrong, but it learns.
    """

    name = "inputs not normalized"
    grade = Grade.MEASURED
    refutable = True
    fix = "standardize them with the training set's mean and deviation (data.Standardizer), or divide pixels by 255"
    code = "X = (X - X_train.mean(0)) / X_train.std(0)"

    def __init__(self) -> None:
        self.rows = 0
        self.squares: dict[int, Array] = {}
        self.largest = 0.0
        self.said: Said | None = None

    def look(self, visit: Visit) -> None:
        x = visit.first_inputs if self.rows < ENOUGH else None
        said = self._measure(x) if x is not None else None
        is_normalized_next = any(viewed(y) is visit.first_product for _, y in visit.calls(nn.BatchNorm1d))
        if said is not None and not is_normalized_next:
            self.said = said

    def judge(self, course: Course) -> Said | None:
        return self.said if course.left() > LITTLE else None

    def finish(self, course: Course) -> Said | None:
        return self.said if course.left() > LEARNED else None

    def _measure(self, x: Array) -> Said | None:
        width = x.shape[-1]
        self.rows += x.size // width
        rows = x.reshape(-1, width)
        rows = rows if rows.dtype in (np.float32, np.float64) else rows.astype(float)  # squares of small types overflow
        self.squares[width] = self.squares.get(width, 0.0) + np.einsum("ij,ij->j", rows, rows)
        self.largest = max(self.largest, float(x.max(initial=0.0)), -float(x.min(initial=0.0)))
        size = float(np.sqrt(self.squares[width].max() / self.rows))
        enough = ROWS if size < HUGE else ROWS / 2
        if self.rows < enough or not (size > LARGE or 0 < self.largest < SMALL):
            return None
        kind = "large" if size > LARGE else "small"
        smallest = float(np.sqrt(self.squares[width].min() / self.rows))
        return Said(
            f"the inputs are {kind}, far from the mean 0 and deviation 1 that weights are initialized for.",
            f"over {self.rows} rows, the root mean square of the features goes from {smallest:.3g} to "
            f"{size:.3g}, the largest entry is {self.largest:.3g}",
        )


class EqualInputs(Rule):
    """Input rows that are all the same, so that the net cannot distinguish them.

    Sure when all rows that entered the first layer at ten looks are equal, or at least fifty codes that an embedding
    got. The targets must not be equal. A net that should learn one constant would make it wrong, but then the targets
    are equal too.
    """

    name = "inputs that are all equal"
    fix = "look at what was done to the inputs: an integer division or a wrong scale makes them all 0"
    code = "print(X.dtype, X.min(0), X.max(0))"

    rows = 0
    row: Any = None
    differ = False

    def look(self, visit: Visit) -> Said | None:
        x = None if self.differ else visit.first_rows
        if x is None:
            return None
        row = x[0].copy() if self.row is None else self.row
        if row.shape != x[0].shape or not np.array_equal(x, np.broadcast_to(row, x.shape)):
            self.differ = True
            return None
        self.row, self.rows, self.seen = row, self.rows + len(x), self.seen + 1
        if self.seen < 10 or self.rows < 50 or not visit.course.record.guess() > 0:
            return None
        return Said(
            "all rows of the inputs are equal, so the net can only give one answer.",
            f"{self.rows} rows of {len(row)} features were all the same; the first feature is {row[0]:g}",
        )


class SameBatch(Rule):
    """One batch of a larger set, at every step.

    Sure when the rows were the same at fifteen looks, and one of two things shows that there are more for the same
    purpose. Either the model was evaluated on at least four times as many rows, which include them, and the last loss
    of an evaluation is over twice the training's. Or they are one batch of a list of four or more, of one size, and no
    variable is just this batch. Some programs take one batch on purpose, to see that the net can learn it. A larger
    array says nothing, because its other rows are mostly for a test. A program that trains on a few rows, and tests on
    these and others together, would make it wrong.
    """

    name = "the same batch at every step"
    fix = "take the next batch at every step: for X, y in data.batches(X_train, y_train, 32, rng)"
    code = "for X, y in data.batches(X_train, y_train, 32, rng):"

    batch: Any = None
    differ = False

    def look(self, visit: Visit) -> None:
        x = None if self.differ else visit.first_rows
        if x is None:
            return
        if self.batch is None:
            self.batch = x.copy()
        self.differ = not np.array_equal(x, self.batch)
        self.seen += 1

    def judge(self, course: Course) -> Said | None:
        if self.differ or self.seen < 15:
            return None
        tested = course.evaluated
        is_part = tested is not None and len(tested) >= 4 * len(self.batch) and _holds(tested, self.batch)
        if is_part and _is_worse_elsewhere(course):
            return self._say(f"the net was evaluated on {len(tested)} rows that include them")
        if course.is_a_variable(self.batch):
            return None
        for name, batches in course.batches.items():
            rows = [x for reference in batches if (x := reference()) is not None]
            if any(len(x) == len(self.batch) and _holds(x, self.batch) for x in rows):
                return self._say(f"they are one of the {len(batches)} batches of {name}")
        return None

    def _say(self, evidence: str) -> Said:
        return Said(
            "every step takes the same rows, and the others are never trained on.",
            f"the same {len(self.batch)} rows were used in {self.seen} inspected passes, while {evidence}",
        )


def _is_worse_elsewhere(course: Course) -> bool:
    """Whether the last loss of an evaluation is over twice that of the training."""
    return bool(course.evaluations) and course.evaluations[-1].loss > 2 * mean(course.losses[-5:]) > 0


def _holds(whole: Array, batch: Array) -> bool:
    """Whether all rows of the batch are rows of the larger array, or such rows multiplied with one number."""
    whole = np.asarray(whole)
    if whole.ndim != 2 or whole.shape[1:] != batch.shape[1:] or not batch.size:
        return False
    place = int(np.argmax(np.abs(batch[0])))
    rows = np.flatnonzero(whole[:, place])
    factors = batch[0, place] / whole[rows, place]
    fits = np.abs(whole[rows] * factors[:, None] - batch[0]).max(1) <= ROUNDING * abs(batch[0, place])
    return any(_are_rows(whole * factor, batch) for factor in np.unique(factors[fits])[:3])


def _are_rows(whole: Array, batch: Array) -> bool:
    """Whether each row of the batch is a row of the larger array, up to rounding."""
    size = ROUNDING * float(np.max(np.abs(batch)))
    return all(bool((np.abs(whole - row).max(1) <= size).any()) for row in batch)


class TestInputsOnAnotherScale(Rule):
    """Rows of an evaluation that were not scaled like those of the training.

    Sure when the last evaluation had twenty rows or more, and their distance from the training's mean is at least five
    deviations (as a root mean square) in at least half of the features. Also when the two means differ by 1.5
    deviations in half of the features, and by five in one of them. Also when the deviation of the evaluation is below 5
    % of the training's. Only features that vary in the training count. Nothing is said of a grid, whose features are
    evenly spaced, as that of a plot, and of nets that take turns. Another evaluation on other data on purpose would
    make it wrong.
    """

    name = "test inputs on another scale"
    stands_apart = True
    fix = "scale the test rows with the mean and the deviation of the training rows"
    code = "X_test = (X_test - X_train.mean(0)) / X_train.std(0)"
    confidence = 0.9

    def __init__(self) -> None:
        self.rows: list[Array] = []
        self.kept = 0

    def look(self, visit: Visit) -> None:
        x = visit.first_inputs if self.kept < ENOUGH else None
        if x is not None and x.shape[1] == (self.rows[0].shape[1] if self.rows else x.shape[1]):
            self.rows.append(x.copy())
            self.kept += len(x)

    def finish(self, course: Course) -> Said | None:
        other = course.evaluated
        if self.kept < ROWS or other is None or len(other) < ROWS or other.shape[1:] != self.rows[0].shape[1:]:
            return None
        if course.mixed or _is_grid(other):
            return None
        x = np.concatenate(self.rows).astype(float)
        varies = x.std(0) > 0
        if not varies.any():
            return None
        mean, deviation = x.mean(0)[varies], x.std(0)[varies]
        other = np.asarray(other, dtype=float)[:, varies]
        far = float(np.median(np.sqrt(np.mean(np.square((other - mean) / deviation), 0))))
        shifts = np.abs(other.mean(0) - mean) / deviation
        shifted = np.median(shifts) > SHIFTED and np.max(shifts) > FAR
        narrow = float(np.median(other.std(0) / deviation))
        if not (far > FAR or shifted or 0 < narrow < 1 / TIMES):
            return None
        return Said(
            "the rows of the evaluation are on another scale than those of the training.",
            f"in half of the features, {len(other)} rows of the evaluation are {far:.3g} deviations or more from the "
            f"mean of the training, and their own deviation is {narrow:.3g} times the training's",
        )


def _is_grid(rows: Array) -> bool:
    """Whether each feature has several values that are evenly spaced."""
    for column in np.asarray(rows, dtype=float).T:
        steps = np.diff(np.unique(column))
        if len(steps) < 2 or np.ptp(steps) > 1e-3 * steps.max():
            return False
    return True


class SequenceAxis(Rule):
    """A recurrent layer that takes the samples of a batch for the steps of a sequence.

    Sure when, at three looks, a recurrent layer got as many steps as there are targets. The axis that it took for the
    samples must have a length that the targets have along no axis. A net with one target per step of one sequence would
    make it wrong, but then it has one sample.
    """

    name = "sequence on the wrong axis"
    fix = "check that the axes are (batch, steps, features) with batch_first=True, or (steps, batch, features) without"
    code = "nn.LSTM(n_in, n_hidden, batch_first=True)"

    def look(self, visit: Visit) -> Said | None:
        targets = () if visit.task is None else np.shape(visit.task.targets)
        for layer, x in visit.calls(nn.RNN, nn.LSTM, nn.GRU) if targets else ():
            shape = np.shape(x.raw)
            if len(shape) != 3:
                continue
            samples, steps = shape[:2] if layer.batch_first else shape[1::-1]
            if not steps == targets[0] != samples > 1 or samples in targets:
                continue
            self.seen += 1
            if self.seen < 3:
                return None
            return Said(
                "the recurrent layer runs over the samples of the batch, and takes the steps for samples.",
                f"it got an array of shape {shape} with batch_first={layer.batch_first}, and there are {steps} targets",
                code=f"nn.LSTM(n_in, n_hidden, batch_first={not layer.batch_first})",
            )
        return None
