"""`Doctor`: watches a training run, and says what is wrong with it."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, Self

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.listeners import Observer
from tinygrad_edu.graph.modes import observing, recording
from tinygrad_edu.graph.node import Node, topological_order
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.optim.parameters import nodes_of
from tinygrad_edu.train.callbacks import Callback, Run
from tinygrad_edu.train.doctor.evaluation import TrainingModeInEvaluation
from tinygrad_edu.train.doctor.finding import Finding, Rule, Said
from tinygrad_edu.train.doctor.gradients import (
    Exploding,
    MissingZeroGrad,
    NeverAGradient,
    NeverChanged,
    NotInTheOptimizer,
    Vanishing,
)
from tinygrad_edu.train.doctor.inputs import NotNormalized
from tinygrad_edu.train.doctor.losses import BroadcastLabels, ProbabilitiesAsLogits, SoftmaxTwice
from tinygrad_edu.train.doctor.numbers import NotANumber
from tinygrad_edu.train.doctor.rates import RateTooHigh, RateTooLow
from tinygrad_edu.train.doctor.units import DeadReLUs, EqualWeights, Saturated
from tinygrad_edu.train.doctor.visit import Course, Visit

RULES: tuple[type[Rule], ...] = (
    *(NotANumber, RateTooHigh, RateTooLow, MissingZeroGrad, NeverAGradient, NeverChanged, NotInTheOptimizer),
    *(Exploding, Vanishing, DeadReLUs, Saturated, EqualWeights, NotNormalized),
    *(SoftmaxTwice, ProbabilitiesAsLogits, BroadcastLabels, TrainingModeInEvaluation),
)
FIRST, EVERY = 10, 10  # the first passes are looked at closely, and then every tenth


class Doctor(Observer, Callback):
    """Watches a run, and names what is wrong in a sentence, with the evidence and the fix; silent when unsure.

    Within ``with train.doctor(net, optimizer) as doctor:`` any loop may run, hand-written or `fit`; or a `Doctor` is
    given to `fit` among its callbacks. It looks at the graph of every backward pass, and changes nothing: not a number
    of the run is another than without it.

    Parameters
    ----------
    model : a Module, or a list of the parameters of a net that is none.
    optimizer : for its learning rate, in what is said; may be left out.
    tell : called with every `Finding` as soon as it is made, such as ``print``.

    Attributes
    ----------
    findings : list of what was found, in the order in which it was. ``print(doctor)`` shows them.
    steps : how many backward passes it has seen.

    Notes
    -----
    What it knows: a missing `zero_grad`, a learning rate that is too high or too low, exploding and vanishing
    gradients, dead ReLUs, saturated sigmoids, softmax before cross-entropy, probabilities given to a loss of logits,
    labels that broadcast, inputs that are not normalized, hidden units that begin equal, parameters without gradient,
    missing from the optimizer or never changed at all, training mode during evaluation, and the operation and line that
    made a NaN. Each rule's docstring says when it is sure, and why. Rules of layers and losses look at Tensors; of nets
    of Values it sees parameters, losses and NaN. The replay of a compiled step (``fit(compiled=True)``) has no graph,
    so it is not seen.

    Examples
    --------
    >>> from tinygrad_edu import nn, optim, train
    >>> from tinygrad_edu.data import xor
    >>> X, y = xor()
    >>> net = nn.MLP(2, [8, 2], rng=0)
    >>> optimizer = optim.SGD(net.parameters(), lr=0.1)
    >>> with train.doctor(net, optimizer) as doctor:
    ...     for _ in range(20):
    ...         loss = nn.functional.cross_entropy(net(X), y)
    ...         loss.backward()
    ...         optimizer.step()
    >>> [finding.name for finding in doctor.findings]
    ['missing zero_grad']
    >>> print(doctor)
    missing zero_grad (step 4): the gradients are not reset between the steps, so each step follows the sum of all
    gradients so far.
      evidence: at each of the last 3 steps, 4 of 4 parameters (layers.0.weight, layers.0.bias, layers.1.weight and
      1 more) still held the gradient of the step before when backward() began
      fix: call optimizer.zero_grad() (or net.zero_grad()) once a step, before loss.backward()
    """

    def __init__(
        self, model: Any = None, optimizer: Any = None, *, tell: Callable[[Finding], object] | None = None
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.tell = tell
        self.findings: list[Finding] = []
        self.steps = 0
        self._rules: list[Rule] = []
        self._stack = ExitStack()
        self._visit: Visit | None = None

    # --- its watch ---

    def on_start(self, run: Run) -> None:
        self.model, self.optimizer = run.model, run.optimizer

    def __enter__(self) -> Self:
        if self.model is None:
            raise ArgumentError("a doctor needs a model to watch: train.doctor(net, optimizer)")
        self.findings, self.steps = [], 0
        self._course = Course(_named_parameters(self.model))
        self._watched = set(self._course.parameters.values())
        self._rules = [rule() for rule in RULES if rule is not TrainingModeInEvaluation or not self._tries_losses()]
        self._stack.enter_context(recording())
        self._stack.enter_context(observing(self))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._ask("finish")

    def _tries_losses(self) -> bool:
        """Whether the optimizer calls the model by itself, as a line search does."""
        return isinstance(self.optimizer, Optimizer) and type(self.optimizer).step is not Optimizer.step

    # --- what the engine tells it ---

    def called(self, module: Any, y: Any) -> None:
        if module is self.model:
            self._ask("called", module, y)

    def stepped(self, optimizer: Any) -> None:
        self._ask("stepped", optimizer)

    def before_backward(self, root: Node) -> None:
        order = topological_order(root)
        self._visit = None
        if self._watched.isdisjoint(order):
            return  # another model's
        self.steps += 1
        self._visit = Visit(root, order, self._course, self.steps, self.optimizer)
        self._course.arrive(self._visit.loss)
        self._ask("before", self._visit)

    def after_backward(self, root: Node) -> None:
        visit, self._visit = self._visit, None
        if visit is None or visit.root is not root:
            return
        self._ask("after", visit)
        if self.steps <= FIRST or self.steps % EVERY == 0:
            self._ask("look", visit)
            self._course.keep()

    def _ask(self, moment: str, *what: Any) -> None:
        for rule in [*self._rules]:
            said: Said | None = getattr(rule, moment)(*what)
            if said is not None:
                self._rules.remove(rule)
                finding = Finding(rule.name, said.sentence, said.evidence, said.fix or rule.fix, self.steps)
                self.findings.append(finding)
                if self.tell is not None:
                    self.tell(finding)

    # --- what it says ---

    def __str__(self) -> str:
        if self.findings:
            return "\n".join(map(str, self.findings))
        if not self.steps:
            return "The doctor has seen no backward pass: it sees those of the watched model that are not compiled."
        return f"The doctor has watched {_count(self.steps, 'step')} and found nothing wrong."

    def __repr__(self) -> str:
        return f"<Doctor: {_count(self.steps, 'step')}, {_count(len(self.findings), 'finding')}>"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _named_parameters(model: Any) -> Mapping[str, Node]:
    if hasattr(model, "named_parameters"):
        return dict(model.named_parameters())
    return {p.label or f"parameter {i}": p for i, p in enumerate(nodes_of(model, "doctor"))}


doctor = Doctor
