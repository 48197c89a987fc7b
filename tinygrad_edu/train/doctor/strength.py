"""Settings that are too strong or too weak: decay, clipping, schedules, and the number of steps."""

import math
from typing import Any

import numpy as np

from tinygrad_edu.optim import AdamW
from tinygrad_edu.train.doctor.course import Course, gradient, mean, same_scale
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.visit import Visit

LEAST_DECAY = 0.05
BOUND = 1.0  # a decay of AdamW that keeps all weights below about 1
WARM = 1.5  # times the loss of a constant answer: above it the rate is rather too high
NOTHING = 0.9  # of the loss of a constant answer: nothing is learned
TIMES = 10  # larger than the gradient


class TooMuchDecay(Rule):
    """Weight decay that pulls harder than the gradient.

    Sure when, after a hundred steps, the loss is above half of a constant answer's loss, and one of two things is true.
    Either the decay is at least 0.05, and its pull ``decay · ‖weights‖`` is over half of the gradient at ten looks in a
    row. (For AdamW, the decay is at least 0.5, and the weights have shrunk to half.) Or the weights of several layers
    have shrunk to 20 %, whatever the decay is: a penalty in the loss does the same. With a decay of 1 or more in AdamW,
    20 % of a constant answer's loss is enough; then its pull must be a third of Adam's longest step at ten looks in a
    row. Labels that cannot be learned would make it wrong. A linear map whose best weights are small would too, so the
    weights of one layer alone say nothing.
    """

    name = "weight decay too strong"
    grade = Grade.MEASURED
    fix = "lower the weight decay: 1e-4 to 1e-2 is usual"
    code = "{optimizer}.weight_decay = 1e-4"
    confidence = 0.85

    bounded = 0

    def look(self, visit: Visit) -> None:
        decay = _decay(visit.optimizer)
        adamw = isinstance(visit.optimizer, AdamW)
        if decay < (0.5 if adamw else LEAST_DECAY):
            return
        parameters = visit.parameters.values()
        pull = decay * _norm(p.raw for p in parameters)
        full_step = _root_of_count(visit)  # each number moves by the rate
        self.bounded = self.bounded + 1 if adamw and decay >= BOUND and pull > full_step / 3 else 0
        self.in_a_row(adamw or pull > _gradient_norm(parameters) / 2)

    def judge(self, course: Course) -> Said | None:
        if not course.stays_above(0.2 if self.bounded >= 10 else 0.5, 100):
            return None
        decay = _decay(course.optimizer)
        before, now = course.norms()
        collapsed = now < 0.2 * before and (decay > 0 or len(course.layers) > 1)
        pulled = self.seen >= 10 and now < (0.5 if isinstance(course.optimizer, AdamW) else 0.9) * before
        if not collapsed and not pulled and self.bounded < 10:
            return None
        return Said(
            "weight decay, or a penalty in the loss, pulls the weights to 0 harder than the errors pull them away.",
            f"with the optimizer's decay {decay:g} the norm of the weights went from {before:.3g} to "
            f"{now:.3g}, and the loss is still {course.level}",
        )


class TooMuchClipping(Rule):
    """Gradients that clipping makes so small that the steps are too short.

    Sure when, at ten looks in a row, the gradient lost at least 95 % of its norm between the backward pass and the
    step. The optimizer's step must be proportional to the gradient (SGD), and the loss after two hundred steps must be
    above two thirds of a constant answer's loss. The large gradients of a loss that is a sum would make it wrong, but
    then it falls.
    """

    name = "gradient clipping too strong"
    grade = Grade.MEASURED
    refutable = True
    fix = "clip at the size that the gradient usually has, so that only the rare large ones are cut"
    code = "optim.clip_grad_norm_({net}.parameters(), 1.0)"
    confidence = 0.85
    explained_by = ("learning rate too high", "NaN")

    def __init__(self) -> None:
        self.before_clipping = math.nan
        self.parameters: Any = ()
        self.shares: list[float] = []

    def look(self, visit: Visit) -> None:
        if type(visit.optimizer).__name__ == "SGD":
            self.before_clipping = _gradient_norm(visit.parameters.values())
            self.parameters = visit.parameters.values()

    def on_step(self, optimizer: Any) -> None:
        if 0 < self.before_clipping < math.inf:
            self.shares.append(_gradient_norm(self.parameters) / self.before_clipping)
            self.before_clipping = math.nan

    def judge(self, course: Course) -> Said | None:
        recent = self.shares[-10:]
        if len(recent) < 10 or max(recent) > 0.05 or not course.stays_above(2 / 3):
            return None
        return Said(
            "clipping leaves only a small part of the gradient, so the steps are too short.",
            f"in the last {len(recent)} inspected passes, {max(recent):.1%} of the gradient's norm or less was left "
            f"for the step, and after {len(course.losses)} steps the loss is {course.level}",
        )


class LargeEpsilon(Rule):
    """An epsilon of Adam that is larger than the number that it is added to.

    Sure when it is at least 1e-4, and at least ten times the root mean square of the gradient at ten looks in a row.
    Steps are then at most 10 % of their usual length. After a hundred steps, the loss must be above 30 % of a constant
    answer's loss. Labels that cannot be learned would make it wrong.
    """

    name = "epsilon of the optimizer too large"
    grade = Grade.MEASURED
    fix = "use the default epsilon, 1e-8: with a large one, steps are as small as the gradient times the rate over it"
    code = "{optimizer}.eps = 1e-8"
    confidence = 0.85

    size = 0.0  # root mean square of the gradient

    def look(self, visit: Visit) -> None:
        epsilon = _epsilon(visit.optimizer)
        if epsilon >= 1e-4:
            self.size = _gradient_norm(visit.parameters.values()) / _root_of_count(visit)
            self.in_a_row(epsilon > TIMES * self.size)

    def judge(self, course: Course) -> Said | None:
        if self.seen < 10 or not course.stays_above(0.3, 100):
            return None
        return Said(
            "the epsilon that the optimizer adds to the size of the gradient is larger than that size, so the steps "
            "are short.",
            f"the epsilon is {_epsilon(course.optimizer):g}, the root mean square of the gradient {self.size:.2g}, and "
            f"the loss is still {course.level}",
        )


def _epsilon(optimizer: Any) -> float:
    """What an optimizer of Adam's kind adds to the root of the second moment; 0 for others."""
    return float(optimizer.eps) if type(optimizer).__name__ in ("Adam", "AdamW", "RMSprop") else 0.0


class FadingRate(Rule):
    """A learning rate that a schedule lets fade before anything is learned.

    Sure when the rate was below 1 % of its largest value at 40 % of the steps or more, and the loss is still above 80 %
    of a constant answer's loss. A schedule that fades late is right. Labels that cannot be learned would make it wrong.
    """

    name = "learning rate that fades too early"
    grade = Grade.MEASURED
    refutable = True
    fix = "let the schedule fade over the whole run"
    code = "schedule = optim.lr_scheduler.CosineAnnealingLR({optimizer}, T_max=number_of_epochs)"
    confidence = 0.85

    def judge(self, course: Course) -> Said | None:
        if len(course.rates) < 50:
            return None
        largest = max(course.rates)
        faded = np.array(course.rates) < 0.01 * largest
        first = int(np.argmax(faded))
        if not faded[-1] or first == 0 or np.mean(faded) < 0.4 or not course.stays_above(0.8):
            return None
        return Said(
            "the learning rate fades before the net has learned anything.",
            f"the rate went from {largest:.3g} to below 1 % of it by step {first}, of {len(course.rates)}, and the "
            f"loss stays at {course.level}",
        )


class LongWarmUp(Rule):
    """A warm-up of the learning rate that does not end within the run.

    Sure when the rate rose until the last of at least fifty steps, to three times its first value or more. The loss
    must still be above half of a constant answer's loss. A search for a good rate would make it wrong, but it ends with
    a loss that grows.
    """

    name = "warm-up longer than the run"
    grade = Grade.MEASURED
    fix = "let the rate rise in the first tenth of the steps"
    code = "schedule = optim.lr_scheduler.LinearLR({optimizer}, start_factor=0.01, total_iters=50)"
    confidence = 0.85
    explained_by = ("learning rate too high", "NaN")

    def finish(self, course: Course) -> Said | None:
        rates = course.rates
        if len(rates) < 50 or not rates[-1] >= 3 * rates[0] > 0 or not 0.5 < course.ratio() < WARM:
            return None
        if course.broken or np.any(np.diff(rates) < 0) or not rates[-1] > 1.02 * rates[-len(rates) // 5]:
            return None
        return Said(
            "the learning rate still rises when the run ends.",
            f"it went from {rates[0]:.3g} to {rates[-1]:.3g} in {len(rates)} steps, and the loss is {course.level}",
        )


class TooFewSteps(Rule):
    """A run that ends while the loss falls steeply.

    Sure when a run of ten to sixty steps ended without an error, the loss is above 85 % of a constant answer's loss,
    and nothing else was found. It must have fallen by 1.5 % or more from the second third of the run to the last, and
    by more than the noise of the losses explains. Also when a run of three to nine steps has made the loss fall, but
    not below 90 % of a constant answer's loss. A run that is short on purpose would make it wrong, so the confidence is
    low.
    """

    name = "too few steps"
    grade = Grade.UNFINISHED
    fix = "train for more epochs, or with smaller batches, until the loss no longer falls"
    code = "for epoch in range(10 * epochs):"
    confidence = 0.6

    def finish(self, course: Course) -> Said | None:
        losses, guess = course.losses, course.record.guess()
        if course.broken or course.untouched() or not 3 <= len(losses) <= 60 or not same_scale(course):
            return None
        if len(losses) < 10:
            return self._of_a_handful(losses, guess)
        third = len(losses) // 3
        parts = losses[-2 * third : -third], losses[-third:]
        before, last = map(mean, parts)
        chance = math.sqrt(sum(np.var(part) / third for part in parts))
        ratio = last / guess if guess > 0 else 0.0
        if not ratio > 0.85 or not last < min(0.985 * before, before - 2 * chance):
            return None
        return Said(
            "the training ends while the loss still falls.",
            f"there were {len(losses)} steps in all; the loss fell from {before:.3g} to {last:.3g} in the last "
            f"third, and is still {ratio:.0%} of a constant answer's loss",
        )

    def _of_a_handful(self, losses: list[float], guess: float) -> Said | None:
        half = len(losses) // 2
        before, last = mean(losses[:half]), mean(losses[-half:])
        if not last < before or not last > NOTHING * guess > 0:
            return None
        return Said(
            "the training ends before anything is learned.",
            f"there were {len(losses)} steps in all; the loss began to fall, from {before:.3g} to {last:.3g}, and is "
            f"still {last / guess:.0%} of a constant answer's loss",
        )


def _gradient_norm(parameters: Any) -> float:
    """The norm of the whole gradient."""
    return _norm(g for g in map(gradient, parameters) if g is not None)


def _norm(arrays: Any) -> float:
    """The norm of all numbers of some arrays or floats."""
    return math.sqrt(sum(float(np.sum(np.square(x, dtype=float))) for x in arrays))


def _root_of_count(visit: Visit) -> float:
    """√n of all n numbers in the parameters."""
    return math.sqrt(sum(np.size(p.raw) for p in visit.parameters.values()))


def _decay(optimizer: Any) -> float:
    return float(getattr(optimizer, "weight_decay", 0.0) or 0.0)
