"""`Course`: what is known of a run so far. The rules judge it."""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.task import Record, Task

if TYPE_CHECKING:
    import weakref

TINY = 0.1  # root mean square: smaller weights count as this large
LEARNED = 0.5  # of a constant answer's loss: a run below it has learned much of its task
RECENT = 25  # steps whose mean loss is compared with that of a constant answer
SAMPLE = 4096  # about how many entries of a large array are compared to measure a step


class Evaluation(NamedTuple):
    """A loss that was computed without a gradient, as after an epoch."""

    step: int
    loss: float
    training: bool  # the model's mode


class Layer(NamedTuple):
    """A product with a matrix of weights, as the graph shows it."""

    name: str  # of the weights
    inputs: int
    outputs: int
    bias: bool
    before: tuple[str, ...]  # the layers whose outputs enter it
    linear: bool  # whether there are only linear maps between them and this one
    hidden: bool  # whether a later layer depends on it


class Course:
    """How the run has gone: the losses, and how far the weights went.

    Attributes
    ----------
    parameters : those that are watched, by name.
    name_of : their names, by parameter.
    losses : of every backward pass.
    largest_change : the largest ‖change of all weights in a step‖ / ‖weights‖, measured at the steps after close looks.
        Of a large array, only a sample of the entries is compared.
    climbs : the cosine between each of those steps and the gradient; descent has a negative one.
    rates : the learning rate at each step of an optimizer.
    stepped : the optimizer that took the last step.
    record : what is known of the task; without rows if the kind of the loss is not known.
    evaluations : the losses that were computed without a gradient.
    layers : of the first graph, in the order of the forward pass.
    names : how the program calls the net and the optimizer.
    scope : the program's arrays of rows when the watch began; they are not kept alive.
    batches : likewise the rows of lists of batches, by the names of the lists.
    by_size : the parameters, the smallest first, because a check of a small one is fast.
    mixed : whether backward passes went through different layers, as those of two nets that take turns.
    broken : whether the loop ended with an exception.
    evaluated : the rows that the model was last called with while no gradient was recorded.
    """

    def __init__(self, parameters: Mapping[str, Node], model: Any = None, optimizer: Any = None) -> None:
        self.parameters = parameters
        self.name_of = {p: name for name, p in parameters.items()}
        self.model = model
        self.optimizer = optimizer
        self.losses: list[float] = []
        self.largest_change = 0.0
        self.climbs: list[float] = []
        self.rates: list[float] = []
        self.stepped: Any = None
        self.record = Record()
        self.evaluations: list[Evaluation] = []
        self.layers: list[Layer] = []
        self.names: dict[str, str] = {"net": "net", "optimizer": "optimizer"}
        self.scope: list[weakref.ref[Array]] = []
        self.batches: dict[str, list[weakref.ref[Array]]] = {}
        self.broken = False
        self.mixed = False
        self._graph: tuple[str, ...] | None = None
        self.evaluated: Any = None
        self.start = {name: w.copy() for name, w in self._weights().items()}
        self.by_size = sorted(parameters.values(), key=lambda p: np.size(p.raw))
        self._stamps = {name: p.stamp for name, p in parameters.items()}
        self._visited: tuple[int, dict[str, int]] = (-1, {})  # the last visit: its step, and the parameters' stamps
        self._before: Array | None = None
        self._gradient: Array | None = None

    def modules(self, *kinds: type) -> list[tuple[str, Any]]:
        """The model's modules of these kinds, with their names; none if the model is a list of parameters."""
        found = self.model.named_modules() if hasattr(self.model, "named_modules") else []
        return [(name, module) for name, module in found if isinstance(module, kinds)]

    @cached_property
    def parts(self) -> list[Any]:
        """The model's modules when a visit first asked for them, because a walk through the model takes time."""
        return [module for _, module in self.modules(object)]

    def begin_visit(self, step: int) -> tuple[bool, set[str]]:
        """Whether the pass before this one was visited too, and the parameters that changed since the last visit."""
        stamps = {name: p.stamp for name, p in self.parameters.items()}
        (last, before), self._visited = self._visited, (step, stamps)
        return step == last + 1, {name for name, stamp in before.items() if stamp != stamps[name]}

    def begin_pass(self, loss: float) -> None:
        """Note the loss of a backward pass that begins, and measure the step before it."""
        self.losses.append(loss)
        if self._before is not None:
            now = self._sample(lambda p: p.raw)
            change = _distance(self._before, now)
            if math.isfinite(change):  # a NaN says nothing about the length of the step
                self.largest_change = max(self.largest_change, change)
            self.climbs.append(_cosine(now - self._before, self._gradient))
            self._before = None

    def measure_next_step(self) -> None:
        """Keep a sample of the weights and gradients, to measure the next step with."""
        self._before = self._sample(lambda p: p.raw)
        self._gradient = self._sample(gradient)

    def add_look(self, task: Task | None, step: int, layers: tuple[str, ...]) -> None:
        """Note what a close look at a graph with these layers shows of the task."""
        self._graph = self._graph or layers
        self.mixed = self.mixed or layers != self._graph
        if task is None:
            return
        if self.record.kind != task.kind:
            self.record = Record(task.kind, task.width)
        self.record.add(task, step)

    def is_a_variable(self, rows: Array) -> bool:
        """Whether an array of the program has just these rows."""
        return any(np.array_equal(x, rows) for reference in self.scope if (x := reference()) is not None)

    def untouched(self) -> bool:
        """Whether no parameter was written to since the watch began, not even with the same numbers."""
        return all(p.stamp == self._stamps[name] for name, p in self.parameters.items())

    def has_gradient(self) -> bool:
        """Whether a parameter has a gradient that is not all 0. The small ones are checked first."""
        return any(g is not None and not is_zero(g) for g in map(gradient, self.by_size))

    def distance(self, limit: float) -> float | None:
        """How far an array of weights is from its start at most, relative to its size there; None if above a limit."""
        now, largest = self._weights(), 0.0
        for name, w in sorted(self.start.items(), key=lambda item: item[1].size):  # mostly a small one tells
            largest = max(largest, _distance(w, now[name]))
            if not largest <= limit:
                return None
        return largest

    def norms(self) -> tuple[float, float]:
        """The norm of all matrices of weights, or of all parameters if there is none, at the start and now."""
        names = [name for name, w in self.start.items() if w.ndim == 2] or [*self.start]
        both = ([arrays[name].ravel() for name in names] for arrays in (self.start, self._weights()))
        start, now = (float(np.linalg.norm(np.concatenate(parts, dtype=float))) for parts in both)
        return start, now

    def ratio(self) -> float:
        """The loss of the last steps divided by that of the best constant answer; nan if they are not known.

        If the program's loss is not the usual mean, the usual mean at the last looks is taken. The losses are not known
        if several nets take turns.
        """
        ratio = math.nan if self.mixed else self.record.ratio()
        if math.isnan(ratio) or not same_scale(self):
            return ratio
        recent = mean(self.losses[-min(RECENT, max(5, len(self.losses) // 4)) :])
        return math.inf if math.isnan(recent) else recent / self.record.guess()

    def stays_above(self, share: float, steps: int = 0) -> bool:
        """Whether, after so many steps, the loss is known to be above a share of a constant answer's loss."""
        return len(self.losses) >= steps and self.ratio() > share

    @property
    def level(self) -> str:
        """The loss in words, such as "62% of a constant answer's loss"."""
        return f"{self.ratio():.0%} of a constant answer's loss"

    def left(self) -> float:
        """The share of the loss that is left: of a constant answer's loss, or of the first one if that is not known."""
        ratio = self.ratio()
        if not math.isnan(ratio):
            return ratio
        first, last = self.losses[0], self.quarters()[-1]
        return last / first if first > 0 and last >= 0 else 1.0

    def stuck(self, share: float = 0.3, flat: float = 0.05) -> bool:
        """Whether the loss is still above a share of a constant answer's loss, and no longer falls.

        It no longer falls if the mean of the last quarter is within a few percent of that of the quarter before.
        """
        *_, third, last = self.quarters()
        return self.stays_above(share) and not last < (1 - flat) * third

    def quarters(self) -> list[float]:
        """The mean losses of the four quarters of the run."""
        return [mean(part.tolist()) if len(part) else math.nan for part in np.array_split(np.array(self.losses), 4)]

    def _sample(self, of: Any) -> Array:
        """A sample of ``of(p)`` of all parameters, as one array whose norm is about that of all entries."""
        parts, floats = [], []
        for p in self.parameters.values():
            x = of(p)
            if isinstance(p.raw, float):
                floats.append(0.0 if x is None else float(x))
            else:
                parts.append(_sampled(np.zeros(p.raw.shape) if x is None else x))
        return np.concatenate([*parts, np.array(floats)])

    def _weights(self) -> dict[str, Array]:
        """The parameters' numbers, by name; those of Values together, as one array."""
        arrays = {name: p.raw for name, p in self.parameters.items() if not isinstance(p.raw, float)}
        floats = [p.raw for p in self.parameters.values() if isinstance(p.raw, float)]
        return arrays | ({"Values": np.array(floats)} if floats else {})


def same_scale(course: Course) -> bool:
    """Whether the program's loss is the usual mean, so that it can be compared with a constant answer's loss."""
    record = course.record
    if not record.losses:
        return False
    pairs = ((course.losses[record.steps[i] - 1], record.losses[i]) for i in (0, -1))
    return all(abs(loss - usual) <= 0.05 * abs(usual) for loss, usual in pairs)


def has_own_steps(optimizer: Any) -> bool:
    """Whether the length of its steps does not depend on the size of the gradient, as Adam's."""
    return getattr(optimizer, "eps", None) is not None


def gradient(node: Node) -> Any:
    """The node's gradient as a plain array or float; None where there is none."""
    g = getattr(node, "_grad", None)
    if g.__class__ is tuple:
        return g[0]  # of an inner node: to read .grad would copy it
    g = node.grad
    return g.raw if isinstance(g, Node) else g


def squared_norm(x: Any) -> float:
    """‖x‖² of an array or a float, computed with the type of x."""
    if isinstance(x, float):
        return x * x
    flat = x.ravel()
    return float(flat.dot(flat))


def _norm(x: Array) -> float:
    return math.sqrt(squared_norm(x))


def is_zero(g: Any) -> bool:
    """Whether a gradient is all 0. Mostly the first entries show that it is not."""
    if isinstance(g, float):
        return g == 0
    return not (np.count_nonzero(g.flat[:16]) or g.any())


def mean(numbers: Sequence[float]) -> float:
    """The mean; nan if one of the numbers is not finite."""
    return math.fsum(numbers) / len(numbers) if numbers and all(map(math.isfinite, numbers)) else math.nan


def _sampled(array: Array) -> Array:
    """About `SAMPLE` entries of a large array, spread over it, and scaled so that their norm is about the array's."""
    step = array.size // SAMPLE
    if step < 2:
        return array.ravel()
    while math.gcd(step, array.shape[-1]) > 1:  # otherwise the entries would be those of a few columns
        step += 1
    sample = array.reshape(-1)[::step]
    return sample * math.sqrt(array.size / sample.size)


def _distance(before: Array, now: Array) -> float:
    """‖now − before‖ / ‖before‖; weights smaller than `TINY` count as that large."""
    before = before.astype(float)  # in float16 the squares of large numbers overflow
    size = max(_norm(before), TINY * math.sqrt(before.size))
    before -= now
    return _norm(before) / size if size else 0.0


def _cosine(step: Array, slope: Array | None) -> float:
    if slope is None:
        return math.nan
    size = _norm(step) * _norm(slope)
    return float(step @ slope) / size if size and math.isfinite(size) else math.nan
