"""`Doctor`: watches a training run, and says what is wrong with it."""

import math
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, NamedTuple, Self

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.graph.listeners import Observer
from tinygrad_edu.graph.modes import MODES, recording_lines, start_observing, stop_observing
from tinygrad_edu.graph.node import Node, topological_order
from tinygrad_edu.optim import Optimizer
from tinygrad_edu.optim.parameters import nodes_of
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.notebook import table
from tinygrad_edu.train.callbacks import Callback, Run
from tinygrad_edu.train.doctor.course import LEARNED, Course
from tinygrad_edu.train.doctor.cure import Cure, cure_of
from tinygrad_edu.train.doctor.evaluation import TrainingModeInEvaluation
from tinygrad_edu.train.doctor.examination import Examination, examine
from tinygrad_edu.train.doctor.finding import Finding, Grade, Rule, Said
from tinygrad_edu.train.doctor.frozen import NoBackward
from tinygrad_edu.train.doctor.held_out import HeldOut
from tinygrad_edu.train.doctor.numbers import NotANumber
from tinygrad_edu.train.doctor.rates import LEAST, RateTooHigh
from tinygrad_edu.train.doctor.rules import RULES
from tinygrad_edu.train.doctor.tape import KEPT, Tape
from tinygrad_edu.train.doctor.visit import Lines, Visit, number_of
from tinygrad_edu.value import Value

FIRST = 10  # passes that are all looked at closely
PACES = ((100, 10), (200, 20), (400, 50), (600, 100))  # up to this pass, one in so many is; after the last, one in 200
MEMBERS = 8  # of a tuple of arrays
SEVERAL = 4  # batches; a list of two or three pairs may be the rows to train on and those to test on
BEFORE = 2  # passes before each close look also get a visit; the others are only counted, which takes less time
LINES = 20  # passes with source lines; later, a few looks have them, and other passes those of the last graph like them
MEASURED = 100  # passes; later, only every fiftieth step is measured, because weights are copied for it
JUDGED = 200  # the first pass at which the course of the run is judged; then at twice as many, and so on

NOT_WATCHED = "this doctor has watched nothing: use it as: with train.doctor(net, optimizer) as doctor"


class _Place(NamedTuple):
    """Where a finding stands in the order of causes and consequences."""

    grade: Grade
    stands_apart: bool
    refutable: bool  # by a run that learns its task
    causes: tuple[str, ...]  # findings of the same or a later grade that explain it

    def is_explained_by(self, name: str, other: "_Place") -> bool:
        """Whether another finding, of this name and place, explains this one."""
        comes_before = other.grade < self.grade and (self.grade >= Grade.LEFT_OVER or not other.stands_apart)
        return name in self.causes or comes_before


def _place_of(rule: Rule) -> _Place:
    """The place of what the rule finds, unless it says otherwise."""
    refutable = rule.refutable or rule.grade is Grade.BEHAVIOR
    return _Place(rule.grade, rule.stands_apart, refutable, rule.explained_by)


class _Visiting(Observer):
    """Tells a doctor what it need not know of a pass that is only counted."""

    def __init__(self, doctor: "Doctor") -> None:
        self.doctor = doctor

    def on_module_call(self, module: Any, y: Any) -> None:
        self.doctor.after_call(module, y)

    def after_backward(self, root: Node) -> None:
        self.doctor.after_pass(root)


class Doctor(Observer, Callback):
    """Watches a run, and says what is wrong in a sentence, with the evidence and the fix. It is silent when unsure.

    Any loop may run within ``with train.doctor(net, optimizer) as doctor:``, by hand or `fit`. Or give a `Doctor` to
    `fit` as a callback. It looks at the graph of every backward pass and changes nothing: the run gives the same
    numbers without it.

    Parameters
    ----------
    model : a Module, or a list of parameters.
    optimizer : its learning rate is shown in findings; may be left out. Where several optimizers take turns, as with a
        generator and a critic, give the one to look at, and the net that it trains.
    tell : a function such as ``print``, called with every `Finding` as soon as it is made.
    examine : record the first steps (at most 64, and 64 MiB of batches), for `examine` and `cure`. When the watch ends,
        and something was found or the loss has not fallen, experiments are made. ``examination`` has their results.

    Attributes
    ----------
    findings : list of what was found, in this order. ``print(doctor)`` shows them. A cause that is found later
        replaces its consequences. What a run did at first is withdrawn if it learns its task in the end.
    notes : sentences about what it could not see, and about a run that was interrupted or changed.
    steps : how many backward passes it has seen.

    Raises
    ------
    ArgumentError : the optimizer is several ones, or has no learning rate ``lr``.
    DTypeError : the model is neither a Module nor a list of parameters, such as an optimizer in its place.

    Notes
    -----
    ``docs/doctor.md`` explains every finding, when the doctor is sure of it, and what would make it wrong. It also has
    the score on published faults. Rules about layers and losses look at Tensors; in nets of Values, the doctor sees
    parameters, inputs, squared and absolute errors, and NaN. The replay of a compiled step has no graph. As a callback
    of ``fit(compiled=True)``, the doctor sees the losses and the weights. Of other compiled steps, it sees nothing. Its
    ``notes`` say so.

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
      code: optimizer.zero_grad()  # before loss.backward()
      confidence: 95%, explained in docs/doctor.md#missing-zero_grad
    """

    def __init__(
        self,
        model: Any = None,
        optimizer: Any = None,
        *,
        tell: Callable[[Finding], object] | None = None,
        examine: bool = False,
    ) -> None:
        if model is not None and not _has_parameters(model):
            raise DTypeError(
                "a doctor takes the net and then its optimizer, as in train.doctor(net, optimizer), but was given "
                f"{shown(model)} in place of the net"
            )
        if isinstance(optimizer, list | tuple | dict):
            raise ArgumentError(
                f"a doctor takes one optimizer, and got a {type(optimizer).__name__} of {len(optimizer)}: give it the "
                "optimizer to look at and the net that it trains, as in train.doctor(generator, its_optimizer)"
            )
        if optimizer is not None and not hasattr(optimizer, "lr"):
            raise ArgumentError(
                f"a doctor needs an optimizer with a learning rate lr, and {type(optimizer).__name__} has none: leave "
                "it out, as in train.doctor(net)"
            )
        self.model = model
        self.optimizer = optimizer
        self.tell = tell
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.steps = 0
        self.examination: Examination | None = None
        self.tape: Tape | None = None
        self._wants_tape = examine
        self._rules: list[Rule] = []
        self._by_moment: dict[str, list[tuple[Rule, Callable[..., Said | None]]]] = {}
        self._visiting = _Visiting(self)
        self._recording = recording_lines()
        self._visit: Visit | None = None
        self._watching = False
        self._has_watched = False

    # --- the watch ---

    def on_start(self, run: Run) -> None:
        self.model, self.optimizer = run.model, run.optimizer

    def __enter__(self) -> Self:
        if self.model is None:
            raise ArgumentError("a doctor needs a model to watch: train.doctor(net, optimizer)")
        if self._watching:
            raise ArgumentError("this doctor is watching already: make a second one with train.doctor(net, optimizer)")
        self.findings, self.notes, self.steps, self.examination = [], [], 0, None
        self._places: dict[str, _Place] = {}  # of the findings in the order of causes
        self._failed: dict[str, _Place] = {}  # of the rules that failed: each might have found a cause
        self._course = Course(_named_parameters(self.model), self.model, self.optimizer)
        program = sys._getframe(1)
        self._course.names = _names_in(program, self.model, self.optimizer)
        self._course.scope, self._course.batches = _arrays_in(program), _batches_in(program)
        self._watched = set(self._course.parameters.values())
        self._held_out = HeldOut(self._course)
        self._rules = [rule() for rule in RULES if rule is not TrainingModeInEvaluation or not self._tries_losses()]
        self._by_moment.clear()
        self._calls = 0
        self._seen_at_step = 0
        self.tape = Tape(self._course, self.optimizer) if self._wants_tape else None
        if any(isinstance(other, Doctor) and other.model is self.model for other in MODES.observers):
            self.notes.append("Another doctor watches the same net: both say the same.")
        self._look_at = 1  # the pass that is looked at closely next
        self._looks = False  # whether this pass is looked at closely
        self._skips, self._skips_next = False, False  # whether this pass, and the next one, are only counted
        self._lines: Lines = []
        self._only_counts_before = 0  # passes before this one are only counted, and so is the one after them
        self._follows, self._records = False, False
        start_observing(self)
        self._follow(visits=True, records=True)
        self._watching = self._has_watched = True
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._follow(visits=False, records=False)
        stop_observing(self)
        self._watching = False
        self._course.broken = kind is not None
        if kind is not None:
            self.notes.append(
                f"The loop ended with {kind.__name__} at step {self.steps}: the findings are about the steps before."
            )
        if self.steps:
            self._withdraw()
            self._ask("judge", self._course)
            self._ask("finish", self._course)
        else:
            self._ask("finish", self._course, only=NoBackward)
        self._note_changes()
        if self.tape is not None and self.tape.passes and self.tape.optimizer is not None and self._is_worth_a_try():
            self.examination = self.examine()

    def _is_worth_a_try(self) -> bool:
        losses = self._course.losses
        return not self._course.broken and (bool(self.findings) or not losses[-1] < 0.8 * losses[0])

    def _withdraw(self) -> None:
        """Drop what a run refutes that has learned its task in the end."""
        if not self._course.left() < LEARNED:
            return
        refuted = [f for f in self.findings if self._places[f.name].refutable]
        self.findings[:] = [f for f in self.findings if f not in refuted]
        self.notes += [f"{f.name!r} was said at step {f.step}, but the run has learned its task." for f in refuted]

    def _note_changes(self) -> None:
        now = _named_parameters(self.model)
        changed = [n for n, p in now.items() if p not in self._watched]
        if changed:
            self.notes.append(
                f"The net has got new parameters since the watch began ({', '.join(changed[:3])}), which the "
                "doctor does not watch: build the net before the with block."
            )
        if not self.steps:
            if not self._course.untouched():
                self.notes.append(
                    "The parameters changed, but no backward pass was seen: the step is compiled. The doctor sees only "
                    "steps that are not compiled. As a callback of train.fit(compiled=True), it also sees the losses."
                )
            elif self._calls and not self.findings:
                self.notes.append(
                    f"The net was called {_count(self._calls, 'time')}, but no loss was backpropagated: call "
                    "loss.backward() within the with block."
                )

    def _tries_losses(self) -> bool:
        """Whether the optimizer calls the model by itself, as a line search does."""
        return isinstance(self.optimizer, Optimizer) and type(self.optimizer).step is not Optimizer.step

    # --- events of the engine ---

    def after_call(self, module: Any, y: Any) -> None:
        """A module was called. In a pass that is only counted, only results without a gradient are of interest."""
        if module is self.model:
            self._calls += 1
            if not (self._skips_next and getattr(y, "requires_grad", False)):
                self._ask("on_call", module, y)

    def on_constant(self, operation: Any, inputs: tuple[Node, ...], y: Node) -> None:
        if not self._follows:  # the model is perhaps being evaluated
            self._follow(visits=True, records=self._records)
        self._held_out.on_constant(operation, inputs, y)

    def on_optimizer_step(self, optimizer: Any) -> None:
        is_another = self.optimizer is not None and optimizer is not self.optimizer
        if is_another and not self._watched.isdisjoint(optimizer.params):
            note = "The net's parameters are changed by another optimizer than the one that the doctor was given."
            if note not in self.notes:
                self.notes.append(note)
        self._course.rates.append(optimizer.lr)
        self._course.stepped = optimizer
        if not self._skips:
            self._ask("on_step", optimizer)
        if self.tape is not None:
            self.tape.record_step(optimizer)

    def before_backward(self, root: Node) -> None:
        self._visit = None
        if not self._depends_on_the_net(root):
            self._ask("elsewhere", root)
            return
        self.steps += 1
        loss = number_of(root)
        self._course.begin_pass(loss)
        if self.steps < self._only_counts_before and math.isfinite(loss):
            return
        self._look_ahead()
        if self._skips and math.isfinite(loss):
            return
        self._follow(visits=True, records=self._records)
        order = topological_order(root)
        if any(node.origin for node in order):
            self._lines = [(node.op, node.origin) for node in order]
        self._visit = Visit(root, order, self._course, self.steps, self.optimizer, self._lines)
        if self.steps == 1:
            self._course.layers = self._visit.structure()
        if self.steps <= 2:
            self._held_out.on_training_loss(root)
        if self.tape is not None:
            self.tape.record_pass(root, order)
        self._ask("before", self._visit)

    def _look_ahead(self) -> None:
        """Note what is done in this pass, and prepare the next one."""
        self._looks = self.steps == self._look_at
        if self._looks:
            self._look_at = _next_look(self.steps)
        self._skips, self._skips_next = self._skips_next, self._is_skipped(self.steps + 1)
        records = self.steps < LINES or (self.steps + 1 == self._look_at and self._look_at % 100 == 0)
        self._follow(visits=not (self._skips and self._skips_next), records=records)

    def _follow(self, *, visits: bool, records: bool) -> None:
        """Be told of calls and of the end of passes, and record source lines, or do not: both take time."""
        if visits is not self._follows:
            (start_observing if visits else stop_observing)(self._visiting)
        if records and not self._records:
            self._recording.__enter__()
        elif self._records and not records:
            self._recording.__exit__()
        self._follows, self._records = visits, records
        self._only_counts_before = 0 if visits else self._look_at - BEFORE - 1

    def _depends_on_the_net(self, root: Node) -> bool:
        """Whether a backward pass from the root reaches a watched parameter, and is not another model's."""
        waiting, seen = [root], {root}
        while waiting:
            for x in waiting.pop().inputs:
                if x in self._watched:
                    return True
                if x.requires_grad and x not in seen:
                    seen.add(x)
                    waiting.append(x)
        return root in self._watched

    def after_pass(self, root: Node) -> None:
        """A backward pass has left its gradients."""
        visit, self._visit = self._visit, None
        if visit is None or visit.root is not root:
            return
        self._ask("after", visit)
        if self._looks:
            self._course.add_look(visit.task, self.steps, tuple([name for _, name in visit.layers]))
            self._ask("look", visit)
            if self.steps <= MEASURED or self.steps % 50 == 0:
                self._course.measure_next_step()
        if self.steps >= JUDGED and self.steps % JUDGED == 0 and (self.steps // JUDGED).bit_count() == 1:
            self._ask("judge", self._course)

    def _is_skipped(self, step: int) -> bool:
        """Whether a pass is only counted: not among the first, and not shortly before a close look."""
        return FIRST < step < self._look_at - BEFORE and (self.tape is None or step > KEPT)

    def on_step(self, run: Run) -> None:
        """After a step of `fit`: a compiled step has no graph, so the doctor sees only the loss and the weights."""
        seen, self._seen_at_step = self._seen_at_step, self.steps
        if self.steps > seen:
            return
        self.steps = self._seen_at_step = self.steps + 1
        visit = Visit(Value(run.loss), [], self._course, self.steps, self.optimizer)
        self._course.begin_pass(run.loss)
        self._course.rates.append(run.optimizer.lr)
        if self.steps == 1:
            self.notes.append(
                "The step is compiled, so it has no graph: the doctor sees only the losses and the weights. It finds a "
                "rate that is too high or 0, and losses that are not finite. It sees no layers, inputs, labels or "
                "gradients."
            )
        for rule in (RateTooHigh, NotANumber):
            self._ask("before", visit, only=rule)
        self._course.measure_next_step()

    def _ask(self, moment: str, *what: Any, only: type[Rule] | None = None) -> None:
        """Ask the rules. One that fails must not end the user's run: it is left out."""
        for rule, ask in self._asked(moment):
            if only is not None and type(rule) is not only:
                continue
            try:
                said = ask(*what)
            except Exception as error:
                self._leave_out(rule, error)
                continue
            if said is not None:
                self._add(rule, said)

    def _asked(self, moment: str) -> list[tuple[Rule, Callable[..., Said | None]]]:
        """The rules that override this method, with their methods: only these are called, to save time."""
        if moment not in self._by_moment:
            plain = getattr(Rule, moment)
            asked = [rule for rule in self._rules if getattr(type(rule), moment) is not plain]
            self._by_moment[moment] = [(rule, getattr(rule, moment)) for rule in asked]
        return self._by_moment[moment]

    def _add(self, rule: Rule, said: Said) -> None:
        """Make a finding of what a rule says, unless another finding explains it."""
        causes = rule.explained_by if said.explained_by is None else said.explained_by
        place = _place_of(rule)._replace(grade=said.grade or rule.grade, causes=causes)
        known = {f.name: self._places[f.name] for f in self.findings} | self._failed
        if any(place.is_explained_by(*cause) for cause in known.items()):
            return
        self._drop(rule)
        name = said.name or rule.name
        if name in self._places:
            return  # another rule has made this finding
        self._places[name] = place
        self._drop_explained(name, place)
        code = (said.code or rule.code).format(**self._course.names)
        finding = Finding(name, said.sentence, said.evidence, said.fix or rule.fix, self.steps, code, rule.confidence)
        self.findings.append(finding)
        if self.tell is not None:
            self.tell(finding)

    def _drop(self, rule: Rule) -> None:
        self._rules.remove(rule)
        self._by_moment.clear()

    def _leave_out(self, rule: Rule, error: Exception) -> None:
        """Drop a rule that failed, and say so.

        It might have found the cause of what other rules see. So the findings that it would explain are not made.
        """
        self._drop(rule)
        self.notes.append(f"The rule for {rule.name!r} failed, and was left out: {type(error).__name__}: {error}")
        self._failed[rule.name] = _place_of(rule)
        self._drop_explained(rule.name, self._failed[rule.name])

    def _drop_explained(self, name: str, place: _Place) -> None:
        """Drop the findings that a finding of this name and place explains, or would explain."""
        self.findings[:] = [f for f in self.findings if not self._places[f.name].is_explained_by(name, place)]

    # --- experiments and cures ---

    def examine(self) -> Examination:
        """Try changes on copies of the run: another rate, other inputs, fresh weights, one batch alone, and so on.

        It also scales inputs and targets, and tries another activation after the last layer. The copies begin where the
        watch began, and repeat the recorded steps on the recorded batches. Dropout drops the same units as before. The
        run itself is not changed. The result says what was tried, what helped and what it cost.

        Raises
        ------
        ArgumentError : the doctor was not made with ``examine=True``, has seen no step, or knows no optimizer.

        Examples
        --------
        >>> from tinygrad_edu import nn, optim, train
        >>> from tinygrad_edu.data import xor
        >>> X, y = xor()
        >>> net = nn.MLP(2, [8, 2], activation="tanh", rng=0)
        >>> optimizer = optim.SGD(net.parameters(), lr=1e-6)
        >>> with train.doctor(net, optimizer, examine=True) as doctor:
        ...     for _ in range(20):
        ...         loss = nn.functional.cross_entropy(net(X), y)
        ...         optimizer.zero_grad()
        ...         loss.backward()
        ...         optimizer.step()
        >>> best = doctor.examine().trials[0]
        >>> best.name, best.helped
        ('Adam with the rate 0.01', True)
        """
        self._check_watch()
        return examine(self.tape, self._course.names, self.steps)

    def cure(self, finding: Finding | str, **settings: Any) -> Cure:
        """Repeat the recorded steps with the fix of a finding, from the state before them.

        Where the fault can be undone, the cured run equals the healthy run bit for bit.

        Parameters
        ----------
        finding : one of ``findings``, or its name.
        settings : what to use instead of the usual fix: ``lr``, ``weights`` (a state dict to begin with),
            ``weight_decay``, ``inputs`` (a function of the rows).

        Returns
        -------
        Cure : the losses of both runs; `viz.plot_cure` draws them.

        Raises
        ------
        ArgumentError : the doctor was not made with ``examine=True``, has made no such finding, or the fault is outside
            of the recorded steps, such as in the data.

        Examples
        --------
        >>> from tinygrad_edu import nn, optim, train
        >>> from tinygrad_edu.data import xor
        >>> X, y = xor()
        >>> net = nn.MLP(2, [8, 2], rng=0)
        >>> optimizer = optim.SGD(net.parameters(), lr=0.1)
        >>> with train.doctor(net, optimizer, examine=True) as doctor:
        ...     for _ in range(20):
        ...         loss = nn.functional.cross_entropy(net(X), y)
        ...         loss.backward()
        ...         optimizer.step()
        >>> cure = doctor.cure("missing zero_grad")
        >>> cure.exact, cure.code
        (True, 'optimizer.zero_grad()')
        """
        self._check_watch()
        made = [f for f in self.findings if finding in (f, f.name)]
        if not made:
            raise ArgumentError(
                f"the doctor has not found {getattr(finding, 'name', finding)!r}; it has found "
                f"{', '.join(f.name for f in self.findings) or 'nothing'}"
            )
        sizes = self._course.record.sizes
        return cure_of(made[0], self.tape, self._course.names, settings, sizes[0] if sizes else 1)

    def _check_watch(self) -> None:
        if not self._has_watched:
            raise ArgumentError(NOT_WATCHED)

    # --- the report ---

    @for_output
    def __str__(self) -> str:
        lines = [str(finding) for finding in self.findings]
        if not self._has_watched:
            lines.append(NOT_WATCHED)
        elif not self.steps and not self.notes and not self.findings:
            lines.append(
                "The doctor has seen no backward pass: it sees those of the watched model that are not compiled."
            )
        elif not self.findings and self.steps:
            lines.append(f"The doctor has watched {_count(self.steps, 'step')} and found nothing wrong.")
            if self.steps < LEAST:
                lines.append(f"It judges whether the learning rate is too low after {LEAST} steps: these were too few.")
        if self.examination is not None:
            lines.append(str(self.examination))
        return "\n".join(lines + self.notes)

    def _repr_html_(self) -> str:
        if not self.findings:
            return f"<p>{escape(str(self))}</p>"
        rows = [(f.name, f.step, f.sentence, f.evidence, f.fix, f"{f.confidence:.0%}") for f in self.findings]
        head = ["finding", "step", "what", "evidence", "fix", "confidence"]
        return table(head, rows, caption=f"Doctor: {_count(self.steps, 'step')}", note=" ".join(self.notes))

    @for_output
    def __repr__(self) -> str:
        if not self._has_watched:
            return f"<Doctor: {NOT_WATCHED}>"
        return f"<Doctor: {_count(self.steps, 'step')}, {_count(len(self.findings), 'finding')}>"


def _next_look(step: int) -> int:
    """The first pass after this one that is looked at closely."""
    if step < FIRST:
        return step + 1
    pace = next((pace for last, pace in PACES if step < last), 200)
    return (step // pace + 1) * pace


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _has_parameters(model: Any) -> bool:
    """Whether it is a Module or alike, a parameter, or an iterable of parameters."""
    if hasattr(model, "named_parameters") or isinstance(model, Node):
        return True
    if isinstance(model, list | tuple):
        return all(isinstance(p, Node) for p in model)
    return isinstance(model, Iterable) and not isinstance(model, str | Mapping | np.ndarray)


def _named_parameters(model: Any) -> Mapping[str, Node]:
    if hasattr(model, "named_parameters"):
        return dict(model.named_parameters())
    parameters = nodes_of(model, "doctor")
    count = Counter(p.label for p in parameters)
    alone = [p.label and count[p.label] == 1 for p in parameters]  # layers name their parameters alike
    return {p.label if alone[i] else f"{p.label or 'parameter'} {i}": p for i, p in enumerate(parameters)}


def _names_in(frame: Any, model: Any, optimizer: Any) -> dict[str, str]:
    """The program's names of the net and the optimizer; the usual names if it has none."""
    variables = [*frame.f_locals.items(), *frame.f_globals.items()]
    net = model if hasattr(model, "parameters") else None  # the lines of code say {net}.parameters()
    found = {"net": net, "optimizer": optimizer}
    return {
        usual: next((name for name, value in variables if value is thing and thing is not None), usual)
        for usual, thing in found.items()
    }


def _arrays_in(frame: Any) -> list[weakref.ref[Any]]:
    """The arrays of rows that the program's variables hold, as arrays, Tensors or tuples such as ``(X, y)``."""
    found = []
    for value in (frame.f_globals | frame.f_locals).values():
        parts = value if isinstance(value, tuple) and len(value) <= MEMBERS else (value,)
        found += [weakref.ref(x) for x in map(_array_of, parts) if _has_rows(x)]
    return found


def _batches_in(frame: Any) -> dict[str, list[weakref.ref[Any]]]:
    """The rows of the program's lists of batches, such as ``[(X[:32], y[:32]), …]``, by the names of the lists."""
    lists = {name: _batches_of(value) for name, value in (frame.f_globals | frame.f_locals).items()}
    return {name: [weakref.ref(rows) for rows in batches] for name, batches in lists.items() if batches}


def _batches_of(value: Any) -> list[Any]:
    """The rows of a list of tuples that begin with as many rows each, the last perhaps with fewer; [] of others."""
    if not isinstance(value, list) or len(value) < SEVERAL or not all(isinstance(x, tuple) and x for x in value):
        return []
    rows = [_array_of(x[0]) for x in value]
    return rows if all(map(_has_rows, rows)) and len({x.shape for x in rows[:-1]}) == 1 else []


def _array_of(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x.raw if isinstance(x, Node) else x


def _has_rows(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.ndim > 1 and x.dtype.kind in "fiub"


doctor = Doctor
