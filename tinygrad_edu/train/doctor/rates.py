"""A learning rate that is too high or too low."""

import itertools
import math

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.course import Course, has_own_steps, mean, same_scale, squared_norm
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.task import LARGE_TARGETS, PROBABILITIES, Task, is_constant, path, root_mean_square
from tinygrad_edu.train.doctor.visit import Visit

WORSE = 3.0  # times the first loss
LONG = 0.3  # of the weights' norm, in one step
HUGE = 3.0  # of the same: the old weights are lost
WHOLE = 1.0  # of the same: the step is as long as the weights
FAR_WORSE = 10.0  # times the first loss
EARLY = 10  # the first steps: each is measured
LATER = 100  # steps after which a net should know something
WINDOW = 5
PATIENCE = 200  # steps before a run is called too slow
LEAST = 30  # steps of a run that has ended
NOTHING = 2 / 3  # of a constant answer's loss: a net above it knows nothing
STILL = 5e-3  # of the weights' norm, from the start
SLOW = 0.05  # of the same, if the loss falls steadily
LOGARITHMS = ("log_softmax", "log")
PER_RATE = 1000  # targets at least so many times the rate are the cause
USUAL = 0.1  # a rate of plain gradient descent that suits targets of size 1


class RateTooHigh(Rule):
    """Steps so long that they make things worse.

    Sure when a step has changed the weights by over 30 % of their norm (0.1 % is usual), and the mean loss of five
    steps is above three times the first one, or not finite. It must also be above a constant answer's loss; where that
    is not known, ten times the first one. After a change of over 300 %, it is enough that one of the first losses was
    twice the first one. After a change of over 100 %, it is enough that the loss after a hundred steps is no better
    than at the start, or than a constant answer's loss. A batch's loss may jump by chance, so the weights must have
    changed too. Some runs recover from such a jump. If the loss is below half of a constant answer's loss in the end,
    the finding is withdrawn. A net that should replace its weights in one step would make it wrong. If the loss is a
    sum over the batch, that is named instead. So are targets above 20, and above a thousand times the rate, with plain
    gradient descent at a rate of 0.1 or less.
    """

    name = "learning rate too high"
    grade = Grade.BEHAVIOR
    fix = "lower the learning rate tenfold, or look for a good one with train.lr_range_test"
    code = "{optimizer}.lr /= 10"
    explained_by = ("exploding gradients",)

    def before(self, visit: Visit) -> Said | None:
        losses, change = visit.course.losses, visit.course.largest_change
        first = losses[0]
        if change <= LONG or first <= 0:
            return None
        now = mean(losses[max(1, len(losses) - WINDOW) :])
        worse = (len(losses) > WINDOW or not math.isfinite(now)) and not now <= self._bound(visit.course, first)
        jumped = change > HUGE and max(losses[1:EARLY]) > 2 * first
        lost = jumped or (change > WHOLE and self._learned_nothing(visit, first))
        if not (worse or lost):
            return None
        steps = (
            f"steps changed the weights by up to {change:.0%} of their norm, and the loss went from {first:.3g} to "
            f"{now:.3g}"
        )
        task = visit.task
        if task is not None and _is_sum(task, visit):
            return Said(
                "the loss is the sum over the batch, so each step is longer by a factor of the number of rows.",
                f"with {visit.rate} and {len(task.targets)} rows, {steps}",
                "use the mean over the batch, or divide the rate by the number of rows",
                "loss = loss / len(X)",
                "loss summed over the batch",
                ("initial weights too large",),
                Grade.MEASURED,
            )
        size = root_mean_square(task.targets) if task is not None and task.kind == "squared" else 0.0
        is_usual = type(visit.optimizer).__name__ == "SGD" and visit.optimizer.lr <= min(USUAL, size / PER_RATE)
        if size > LARGE_TARGETS and is_usual:  # steps of SGD grow with the gradient, and so with the targets
            return Said(
                "the targets are so large that their gradients make the steps too long, although the rate is usual.",
                f"the root mean square of the targets is {size:.3g}; with {visit.rate} {steps}",
                "standardize the targets, and multiply the answers back",
                "y = (y - y_train.mean(0)) / y_train.std(0)",
                "targets not scaled",
                ("initial weights too large", "inputs not normalized"),
                Grade.MEASURED,
            )
        return Said(
            "the learning rate is too high: the steps overshoot, and the loss grows or jumps instead of falling.",
            f"with {visit.rate} {steps}",
        )

    def _bound(self, course: Course, first: float) -> float:
        """The loss that a net at a fit rate does not exceed after its first step."""
        if course.mixed or not same_scale(course):
            return FAR_WORSE * first
        return max(WORSE * first, course.record.guess())

    def _learned_nothing(self, visit: Visit, first: float) -> bool:
        losses = visit.course.losses
        return len(losses) > LATER and (not mean(losses[-50:]) < 0.95 * first or visit.course.stays_above(NOTHING))


class RateTooLow(Rule):
    """Steps so short that nothing is learned.

    Sure when, after two hundred steps, no weights have moved by more than 0.5 % of their norm, and the loss is still
    that of a constant answer. The gradient must be so large that a longer step along it would lower the loss. Also when
    no weights have moved by more than 5 %, and the loss falls steadily, at the end of the run as fast as at its start.
    A run of thirty to two hundred steps is judged when it ends, with limits that are smaller in proportion. Only losses
    of a known kind are judged: in fine-tuning, a net that already knows its task moves as little, and rightly so.
    Labels that cannot be learned would make it wrong, but then the weights move further. A warm-up would make it wrong,
    so nothing is said while the rate rises or is 0, before the run has ended.
    """

    name = "learning rate too low"
    grade = Grade.BEHAVIOR
    fix = "raise the learning rate tenfold, or look for a good one with train.lr_range_test"
    code = "{optimizer}.lr *= 10"
    confidence = 0.85
    explained_by = ("dead ReLUs", "vanishing gradients", "learning rate too high")

    slope = 0.0  # ‖gradient‖ at the last look
    loss = math.inf  # likewise
    rate = ""

    def look(self, visit: Visit) -> None:
        self.rate = visit.rate
        if visit.step >= LEAST:
            self.slope, self.loss = math.sqrt(sum(visit.gradient_squares)), visit.loss

    def judge(self, course: Course) -> Said | None:
        rises = course.rates and (course.rates[-1] > 1.5 * course.rates[0] or course.rates[-1] == 0)
        return self._say(course) if len(course.losses) >= PATIENCE and not rises else None

    def finish(self, course: Course) -> Said | None:
        return self._say(course) if len(course.losses) >= LEAST else None

    def _say(self, course: Course) -> Said | None:
        losses = course.losses
        if not course.stays_above(NOTHING) or course.untouched():
            return None
        first, now = mean(losses[: len(losses) // 10]), mean(losses[-(len(losses) // 10) :])
        if not now > 0.9 * first or not self._could_fall(course):
            return None
        share = min(1.0, len(losses) / PATIENCE)
        distance = course.distance(SLOW * share)
        if distance is None or not (distance <= STILL * share or _falls_steadily(course)):
            return None
        return Said(
            "the learning rate is too low: the weights hardly move, and the loss stays where it was.",
            f"with {self.rate}, {len(losses)} steps moved no weights by more than {distance:.2%} of "
            f"their norm, and the loss went from {first:.4g} to {now:.4g}",
            explained_by=("dead ReLUs", "learning rate too high") if has_own_steps(course.optimizer) else None,
        )

    def _could_fall(self, course: Course) -> bool:
        """Whether, by its slope, the loss would change by 1 % if the weights moved by their norm."""
        size = math.sqrt(sum(squared_norm(p.raw) for p in course.parameters.values()))
        return self.slope * size > 0.01 * abs(self.loss)


class RateOfZero(Rule):
    """Steps with a learning rate of 0, which change nothing.

    Sure when the watch ends, after ten steps or more, if the rate was 0 at all of them and no weights have moved. Also
    if the rate was 0 at the last thirty steps or more. These must be half of all steps or more, or the rate before them
    must have been the largest one. The gradient must not be 0. A warm-up that starts at 0, and a schedule that ends at
    0, have other rates at most steps. A watch of nothing but the first epoch of such a warm-up would make it wrong.
    """

    name = "learning rate of 0"
    fix = "set a rate above 0; if a schedule sets it, check its numbers, and that scheduler.step() is called"
    code = "{optimizer}.lr = 0.01"
    confidence = 0.99

    has_gradient = False

    def look(self, visit: Visit) -> None:
        self.has_gradient = visit.left_gradients

    def finish(self, course: Course) -> Said | None:
        rates = course.rates
        count = len(list(itertools.takewhile(lambda rate: rate == 0, reversed(rates))))
        optimizer = course.stepped or course.optimizer  # of compiled steps, only the doctor's own is known
        has_gradient = self.has_gradient or course.has_gradient()
        if not count or not has_gradient or any(group.lr for group in getattr(optimizer, "groups", ())):
            return None
        earlier = rates[: len(rates) - count]
        if earlier:
            fell_at_once = earlier[-1] == max(earlier)
            is_schedule = count < LEAST or (count < len(earlier) and not fell_at_once)
            found = not is_schedule and type(course.stepped).__name__ != "Rprop"  # which keeps steps of its own
        else:
            found = count >= EARLY and course.distance(0.0) is not None
        if not found:
            return None
        where = f"the last {count} of {len(rates)}" if earlier else f"all {count}"
        return Said(
            "the learning rate is 0, so the steps change nothing.",
            f"the rate was 0 at {where} steps, and the gradient was not 0",
            code=f"{{optimizer}}.lr = {earlier[-1]:g}" if earlier else "",
        )


def _falls_steadily(course: Course) -> bool:
    quarters = course.quarters()
    drops = [before - after for before, after in itertools.pairwise(quarters)]
    return drops[-1] > 1e-4 * abs(quarters[0]) and all(drop > 0.7 * abs(drops[0]) for drop in drops)


def _is_sum(task: Task, visit: Visit) -> bool:
    """Whether the loss adds up the rows of the batch, and divides by nothing."""
    if not task.targets.ndim or len(task.targets) < 2:
        return False
    if np.size(task.node.raw) < 2:
        return task.loss > 0 and bool(np.isclose(visit.loss / task.loss, len(task.targets), rtol=0.05))
    nodes = list(path(visit.root, task.node))
    divided = any(node.op in ("mean", "div") or (node.op == "mul" and _is_small_factor(node)) for node in nodes)
    return any(node.op == "sum" for node in nodes) and not divided


def _is_small_factor(node: Node) -> bool:
    """Whether the node multiplies with one number below 1, such as 1 / n."""
    factors = _factors(node)
    return factors.size == 1 and bool(np.abs(factors) < 1)


class Ascent(Rule):
    """Steps that climb the loss.

    Sure when all steps that were measured, five or more, went up along the gradient (a cosine above 0.3), while the
    loss grew. Also when a loss of a known kind has a minus before it, and has grown by half at ten looks. A likelihood,
    which should grow, has two minus signs; of Values, it is a sum of logarithms of probabilities, without weights.
    All parameters in the graph must be watched, because a net that is trained to deceive another net has that net in
    its graph. A program that searches for a maximum on purpose would make it wrong.
    """

    name = "gradient ascent"
    fix = "subtract the gradient, or leave out the minus before the loss"
    code = "p.data -= rate * p.grad"

    first = 0.0  # the loss of a likelihood of Values at its first look

    def look(self, visit: Visit) -> Said | None:
        climbs, losses = visit.course.climbs, visit.course.losses
        if len(climbs) >= 5 and all(c > 0.3 for c in climbs) and losses[-1] > losses[0]:
            return Said(
                "the steps go up the gradient, so the loss grows.",
                f"the cosine between each measured step and the gradient is {min(climbs):.2f} or more (descent "
                f"has a negative one), and the loss went from {losses[0]:.3g} to {losses[-1]:.3g}",
            )
        task, record = visit.task, visit.course.record
        if not visit.loss < 0 or not visit.only_watched:
            return None
        if _is_likelihood_of_values(visit.root):
            self.first = self.first or -visit.loss
            return self._grown(visit, self.first, -visit.loss)
        if task is None:
            return None
        nodes = list(path(visit.root, task.node))
        signs = sum(node.op == "neg" or _is_negative_factor(node) for node in nodes)
        plain = all(node.op in ("neg", "mean", "sum", "mul", "div", "add", "reshape") for node in nodes)
        if not plain or any(map(_has_both_signs, nodes)) or (signs % 2 == 0) is not _is_likelihood(task):
            return None
        return self._grown(visit, record.losses[0], task.loss)

    def _grown(self, visit: Visit, first: float, now: float) -> Said | None:
        """A finding at the tenth look or later, if the error has grown by half."""
        self.seen += 1
        if self.seen < 10 or not now > 1.5 * first:
            return None
        losses = visit.course.losses
        return Said(
            "the loss has the wrong sign: the steps make the error larger.",
            f"the loss went from {losses[0]:.3g} to {losses[-1]:.3g}, and with the other sign from {first:.3g} to "
            f"{now:.3g}",
            "leave out the minus before the loss, or put one before a sum of log-probabilities",
            "loss.backward()  # without a minus",
        )


def _is_likelihood(task: Task) -> bool:
    """Whether the node of the task is a logarithm of probabilities, which has to grow."""
    return task.kind in PROBABILITIES or (
        task.node.op in ("getitem", "mul") and any(x.op in LOGARITHMS for x in task.node.inputs)
    )


def _is_likelihood_of_values(root: Node) -> bool:
    """Whether Values are a sum or a mean of two logarithms or more, all of probabilities."""
    if not isinstance(root.raw, float):
        return False
    is_mean = root.op in ("mul", "div") and is_constant(root.inputs[1]) and root.inputs[1].raw > 0
    waiting, logarithms = [root.inputs[0] if is_mean else root], 0
    while waiting:
        node = waiting.pop()
        if node.op == "log" and _is_probability(node.inputs[0]):
            logarithms += 1
        elif node.op in ("add", "sum"):
            waiting += node.inputs
        elif not is_constant(node):
            return False
    return logarithms > 1


def _is_probability(node: Node) -> bool:
    """Whether it is the result of a sigmoid or a softmax, or 1 minus that, or a little more."""
    while node.op in ("add", "sub") and sum(map(is_constant, node.inputs)) == 1:
        node = next(x for x in node.inputs if not is_constant(x))
    return node.op == "sigmoid" or (node.op == "div" and node.inputs[0].op == "exp")


def _factors(node: Node) -> Array:
    """The constant that a node multiplies with, as an array; an empty one if there is none."""
    constants = [x for x in node.inputs if not x.requires_grad] if node.op in ("mul", "div") else []
    return np.asarray(constants[0].raw) if constants else np.zeros(0)


def _is_negative_factor(node: Node) -> bool:
    factors = _factors(node)
    return bool(np.all(factors <= 0) and np.any(factors))


def _has_both_signs(node: Node) -> bool:
    """Whether errors are multiplied with advantages, or weights, of both signs."""
    factors = _factors(node)
    return bool(np.min(factors, initial=0) < 0 < np.max(factors, initial=0))
