"""`quiz`: the next gradient is hidden, the learner works it out, and known mistakes are recognised.

A mistake is recognised by its number. These numbers are computed before, from the graph: for instance, the gradient
without the incoming gradient, which a learner may forget. So a question is plain data, and any view can ask it.
"""

import itertools
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.support.ascii import say
from viz.formulas.blackboard import index_text
from viz.formulas.expression import ExpressionError, parse
from viz.formulas.numbers import number_text
from viz.formulas.tree import Formula, Name, Number, Partial, Prose, Relation, Row
from viz.steps.as_json import is_finite, single
from viz.steps.steps import Backward
from viz.steps.tables import brief, wrapped
from viz.steps.trace import Trace, trace

NEAR = 2e-3  # relative: three figures of a number are enough
_FEW = 12  # entries of an array, so that a learner can work with them


@dataclass(frozen=True)
class Mistake:
    """A wrong way to the gradient: the number that it leads to, its name, and a hint."""

    value: float
    name: str
    hint: str

    def to_dict(self) -> dict[str, Any]:
        """The mistake as plain data."""
        return dict(vars(self))


@dataclass(frozen=True)
class Question:
    """What the gradient of a node becomes in one backward step.

    Attributes
    ----------
    step : number of the step in the trace.
    index : which entry of a Tensor's gradient is asked for; None for a Value.
    prompt : the question.
    answer : the gradient after the step.
    mistakes : numbers to which known mistakes lead, none of them near to the answer or to one another.
    """

    step: int
    index: tuple[int, ...] | None
    prompt: Formula
    answer: float
    mistakes: tuple[Mistake, ...]

    def judge(self, given: float, slack: float = 0.0) -> Mistake | bool:
        """True if ``given`` is right; the mistake that leads to it, if one is known; otherwise False.

        A number is right within `NEAR`, or within ``slack``, which is half a unit of the last digit given.
        """
        if same(given, self.answer, slack):
            return True
        return next((mistake for mistake in self.mistakes if same(given, mistake.value, slack)), False)

    def to_dict(self) -> dict[str, Any]:
        """The question as plain data: `step`, `index`, `prompt`, `answer` and `mistakes`."""
        return vars(self) | {
            "index": None if self.index is None else list(self.index),
            "prompt": self.prompt.to_dict(),
            "mistakes": [mistake.to_dict() for mistake in self.mistakes],
        }


def same(given: float, meant: float, slack: float = 0.0) -> bool:
    """Whether a learner's number is the one that is meant."""
    return abs(given - meant) <= max(NEAR * abs(meant), slack) + 1e-12


# --- questions ----------------------------------------------------------------------------------------------------


def questions(told: Trace) -> list[Question]:
    """A question for each backward step whose answer is a finite number.

    Of a Tensor's gradient it asks for one entry, the one to which the step contributes most. The question has all
    numbers that are needed: of small arrays every entry, of larger ones those with which an elementwise operation makes
    this entry. A step that needs more, such as a large matrix product, is left out.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> a, b = Value(2.0, "a"), Value(-3.0, "b")
    >>> first, *_ = questions(trace((a * b).exp() * 5))
    >>> first.prompt.text
    'L = v3 · 5, where v3 = 0.002478752, L = 0.01239376, and ∂L/∂L = 1. What does ∂L/∂v3 become?'
    >>> first.answer, [mistake.name for mistake in first.mistakes]
    (5.0, ['wrong sign', 'took the wrong input', 'forgot the local derivative'])
    """
    earlier: dict[int, list[Backward]] = {}
    uses = Counter(step.input for step in told.flows)
    found = []
    for step in told.flows:
        before = earlier.setdefault(step.input, [])
        asked = _Asked(step, before, uses[step.input])
        if math.isfinite(asked.answer) and asked.can_be_worked_out:
            found.append(Question(step.index, asked.index, asked.prompt, asked.answer, tuple(asked.mistakes())))
        before.append(step)
    return found


class _Asked:
    """A backward step with one number to find, and the numbers that mistakes would give."""

    def __init__(self, step: Backward, earlier: list[Backward], uses: int) -> None:
        self.step = step
        self.earlier = earlier
        self.uses = uses
        self.index = None if isinstance(step.contribution, float) else _largest(step.contribution)
        self.before = 0.0 if step.before is None else self.entry(step.before)
        self.share = self.entry(step.contribution)
        self.answer = self.entry(step.after)

    def entry(self, data: Any) -> float:
        """The number that is asked for, in data of the input's shape."""
        if self.index is None:
            return float(data)
        return float(data[self.index]) if data.size else math.nan

    @property
    def _known(self) -> list[int]:
        """The nodes whose data one must know."""
        told, node = self.step.trace, self.step.node
        return list(dict.fromkeys(k for k in (*told.nodes[node].inputs, node) if told.figures(k) is None))

    @property
    def _are_few(self) -> bool:
        return all(np.size(self.step.trace.values[k]) <= _FEW for k in self._known)

    @property
    def can_be_worked_out(self) -> bool:
        """Whether all numbers can be given in the question: those of whole arrays, or of one entry of each."""
        operation = self.step.trace.order[self.step.node].operation
        return self._are_few or (isinstance(operation, Elementwise) and not self.step.summed_axes)

    def _given(self, name: Name | Partial, data: Any) -> Relation:
        """Data with its name; of large arrays, only the entry that the question needs."""
        if self._are_few or not np.ndim(data):
            return Relation((name, _shown(data)), ("=",))
        assert self.index is not None
        at = tuple(i if n > 1 else 0 for i, n in zip(self.index[-data.ndim :], data.shape, strict=True))
        return Relation((_entry(name, at), Number(float(data[at]), digits=7)), ("=",))

    @property
    def prompt(self) -> Formula:
        """The question, with what is needed to answer it."""
        told, step = self.step.trace, self.step
        node = told.nodes[step.node]
        parts: list[Formula] = [Relation((Name(node.name), node.expression or Prose("")), ("=",))]
        for i, k in enumerate(self._known):
            parts += [Prose(", " if i else ", where "), self._given(Name(told.names[k]), told.values[k])]
        parts += [Prose(", and "), self._given(told.partial(step.node), step.incoming), Prose(". ")]
        if step.before is not None:
            parts += [Prose("So far "), Relation((self.partial, Number(self.before, digits=7)), ("=",)), Prose(". ")]
        return Row((*parts, Prose("What does "), self.partial, Prose(self._until)))

    @property
    def _until(self) -> str:
        """The end of the question: for a node with several uses, how many of them are counted."""
        count = len(self.earlier) + 1
        return " become?" if count == self.uses else f" become with {count} of its {self.uses} uses counted?"

    @property
    def partial(self) -> Name | Partial:
        """The gradient in question: of a Tensor, of one entry."""
        return _entry(self.step.trace.partial(self.step.input), self.index)

    def mistakes(self) -> Iterator[Mistake]:
        """The mistakes whose numbers differ from the answer and from one another."""
        known = [self.answer]
        for mistake in self._candidates():
            value = mistake.value
            if math.isfinite(value) and not any(same(value, x) or same(x, value) for x in known):
                known.append(value)
                yield mistake

    def _candidates(self) -> Iterator[Mistake]:
        step, before = self.step, self.before
        incoming, local = step.trace.partial(step.node).text, step.local_formula.text
        ones = 1.0 if self.index is None else np.ones_like(step.incoming)
        if step.before is not None:
            hint = "that is the share of this step alone: add what was there before"
            yield Mistake(self.share, "forgot to accumulate", hint)
            yield Mistake(before, "dropped a path", "that is what was there before: the share of this step is missing")
        count = len(self.earlier) + 1
        if count < self.uses:
            hint = "that is the whole gradient, as the last step leaves it; so far "
            hint += f"{count} of {self.uses} uses have given their share"
            yield Mistake(self.entry(step.trace.gradients[step.input]), "counted later uses too", hint)
        alone = self._flowing(ones)
        hint = f"that takes the local derivative {local} alone: multiply it by the incoming gradient {incoming}"
        yield Mistake(before + alone, "forgot the incoming gradient", hint)
        yield Mistake(alone, "forgot the incoming gradient", hint)
        yield Mistake(before - self.share, "wrong sign", f"look at the sign of the local derivative {local}")
        yield Mistake(-self.answer, "wrong sign", "the size is right, the sign is not")
        for use in self.earlier[-_FEW:]:
            hint = "a share that came earlier is missing: all paths add up"
            yield Mistake(self.answer - self.entry(use.contribution), "dropped a path", hint)
        yield from self._from_wrong_data(f"the local derivative is {local}: put the right numbers into it")
        if self.index is None:
            hint = f"multiply the incoming gradient by {local}"
            yield Mistake(before + step.incoming, "forgot the local derivative", hint)

    def _from_wrong_data(self, hint: str) -> Iterator[Mistake]:
        """What the derivative gives if an input is taken for the output, or for another input."""
        node, values = self.step.trace.order[self.step.node], self.step.trace.values
        if not isinstance(node.operation, Elementwise):
            return
        y, xs = values[self.step.node], [values[k] for k in self.step.trace.nodes[self.step.node].inputs]
        for x in xs:
            yield Mistake(self.before + self._flowing(y=x), "used the input instead of the output", hint)
        if len(xs) == 1:
            yield Mistake(self.before + self._flowing(xs=[y]), "used the output instead of the input", hint)
        else:
            yield Mistake(self.before + self._flowing(xs=xs[::-1]), "took the wrong input", hint)

    def _flowing(self, gy: Any = None, **wrong: Any) -> float:
        """The share that flows if other data is taken than the right one."""
        return self.entry(self.step.arriving(self.step.incoming if gy is None else gy, **wrong))


def _entry(name: Name | Partial, index: tuple[int, ...] | None) -> Name | Partial:
    """The name of one entry of what has the name."""
    if not index:
        return name
    if isinstance(name, Partial):
        return Partial(name.root, Name(f"{name.of.label}[{index_text(index)}]"))
    return Name(f"{name.label}[{index_text(index)}]")


def _largest(data: Any) -> tuple[int, ...]:
    """Where the largest entry of an array is."""
    if not data.size:
        return ()
    return tuple(int(i) for i in np.unravel_index(np.nan_to_num(np.abs(data)).argmax(), data.shape))


def _shown(data: Any) -> Formula:
    """Data in the prompt, with digits enough to work with: of 1 − 0.9993² only two would be right."""
    number = single(data)
    return Prose(brief(data, 1000)) if number is None else Number(number.value, digits=7)


# --- in the terminal ----------------------------------------------------------------------------------------------


def quiz(root: Node, gradient: Any = None) -> None:
    """Ask for each gradient of the backward pass in the terminal, and explain mistakes.

    Answer with a number or an expression such as ``-3 * 0.5``; an empty line shows the answer; ``q`` ends the quiz.

    Parameters
    ----------
    root, gradient : as in `trace`.
    """
    told = trace(root, gradient)
    asked = questions(told)
    if not asked:
        say(_nothing(told))
        return
    gradients = "1 gradient" if len(asked) == 1 else f"{len(asked)} gradients"
    say(f"{gradients} to find. Enter shows the answer, q ends the quiz.")
    right = 0
    for number, question in enumerate(asked, 1):
        say(f"\n{wrapped(f'{number}. {question.prompt.text}', _width(), 3)}")
        tries = _ask(question)
        if tries is None:
            break
        right += tries == 1
        say(f"   {told.steps[question.step].sentence.text}")
    say(f"\n{right} of {len(asked)} right at the first try")


def _nothing(told: Trace) -> str:
    """Why there is nothing to ask."""
    if any(is_finite(step.after) and np.size(step.after) for step in told.flows):
        return (
            f"There is nothing to ask: each step takes arrays of more than {_FEW} numbers, too many to work with by "
            "hand. Build the graph of a smaller net and of a few samples."
        )
    return "There is nothing to ask: no gradient of this graph is a finite number."


def _width() -> int:
    return shutil.get_terminal_size().columns


def _ask(question: Question) -> int | None:
    """How many tries it took; 0 if the answer was shown, None to end the quiz."""
    for tries in itertools.count(1):
        try:
            line = input("   > ").strip()
        except (EOFError, KeyboardInterrupt):
            return None
        if not line:
            say(f"   It is {number_text(question.answer)}.")
            return 0
        if line.lower() in ("q", "quit"):
            return None
        try:
            given = read_number(line)
        except ExpressionError:
            say("   Answer with a number such as -0.25, or with an expression such as 2 * -3.")
            continue
        verdict = question.judge(*given)
        if verdict is True:
            say("   Right.")
            return tries
        say(wrapped(f"   Not yet ({verdict.name}): {verdict.hint}." if verdict else "   Not yet.", _width(), 3))
    raise AssertionError("itertools.count ends")


def read_number(line: str) -> tuple[float, float]:
    """A number as a learner writes it, and half a unit of its last digit (0 of an expression, or of one digit).

    >>> read_number("−0.0013"), read_number("2 * -3"), read_number("0,5")
    ((-0.0013, 5e-05), (-6.0, 0.0), (0.5, 0.0))
    """
    line = line.replace("−", "-")
    line = line.replace(",", ".") if re.fullmatch(r"-?\d*,\d+", line) else line
    value = parse(line, {}).data
    digits = re.fullmatch(r"-?0*\.?0*([1-9][\d.]*)", line)
    if not digits or sum(c.isdigit() for c in digits[1]) < 2:
        return value, 0.0
    return value, 0.5 * 10.0 ** -len(line.partition(".")[2])
