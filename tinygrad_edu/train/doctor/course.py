"""`Course`: what is known of a run so far. The rules judge it."""

import math
from collections.abc import Mapping, Sequence
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
    record : what is known of the task; None if the kind of the loss is not known.
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
        self.record: Record | None = None
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
        self._before: Array | None = None
        self._gradient: Array | None = None

    def modules(self, *kinds: type) -> list[tuple[str, Any]]:
        """The model's modules of these kinds, with their names; none if the model is a list of parameters."""
        found = self.model.named_modules() if hasattr(self.model, "named_modules") else []
        return [(name, module) for name, module in found if isinstance(module, kinds)]

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
        if self.record is None or self.record.kind != task.kind:
            self.record = Record(task)
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
        matrices = [name for name, w in self.start.items() if w.ndim == 2] or [*self.start]
        start, now = ({name: arrays[name] for name in matrices} for arrays in (self.start, self._weights()))
        return float(np.linalg.norm(_joined(start))), float(np.linalg.norm(_joined(now)))

    def ratio(self) -> float | None:
        """The loss of the last steps divided by that of the best constant answer; None if they are not known.

        If the program's loss is not the usual mean, the usual mean at the last looks is taken. The losses are not known
        if several nets take turns.
        """
        if self.record is None or self.mixed:
            return None
        ratio = self.record.ratio()
        if ratio is None or not same_scale(self):
            return ratio
        recent = mean(self.losses[-min(RECENT, max(5, len(self.losses) // 4)) :])
        return math.inf if math.isnan(recent) else recent / self.record.guess()

    def left(self) -> float:
        """The share of the loss that is left: of a constant answer's loss, or of the first one if that is not known."""
        ratio = self.ratio()
        if ratio is not None or len(self.losses) < 2:
            return 1.0 if ratio is None else ratio
        first, last = self.losses[0], self.quarters()[-1]
        return last / first if first > 0 and last >= 0 else 1.0

    def stuck(self, share: float = 0.3, flat: float = 0.05) -> bool:
        """Whether the loss is still above a share of a constant answer's loss, and no longer falls.

        It no longer falls if the mean of the last quarter is within a few percent of that of the quarter before.
        """
        ratio = self.ratio()
        if ratio is None or not ratio > share:
            return False
        *_, third, last = self.quarters()
        return not last < (1 - flat) * third

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
    if record is None or not record.losses:
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


def _joined(arrays: Mapping[str, Array]) -> Array:
    return np.concatenate([a.ravel() for a in arrays.values()], dtype=float) if arrays else np.zeros(0)


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
