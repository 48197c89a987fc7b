"""The formulas of all steps as a page gets them: templates, each written once, and which of them a step fills."""

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from tinygrad_edu.operations.row import Elementwise
from viz.formulas.templates import template
from viz.formulas.tree import Formula
from viz.steps.steps import Backward, Forward, Seed, Step
from viz.steps.trace import Trace

_PLAIN = frozenset({"add", "sub", "mul", "div"})  # no formula of theirs depends on what a constant's number is
_LARGEST_KEY = 100  # constants up to here may change how a formula is simplified

Form = tuple[int, ...]


class StepForms:
    """The templates of a trace.

    Attributes
    ----------
    templates : each one once, with its place.
    forms : for a kind of step, five places of templates: its equation and its numbers in MathML, its sentence as text
        and in words, and the right side or the local derivative as text. -1 where there is none. Each is there once,
        with its place.
    steps : for each step, the places of its forms. A backward step has several if the formula depends on which inputs
        are 0. The place of one in the list is the sum of 2ⁱ over the inputs i that are not 0.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.templates: dict[tuple[str, ...], int] = {}
        self.forms: dict[Form, int] = {}
        self._known: dict[Hashable, list[int]] = {}
        self.steps = [self._of(step) for step in trace.steps]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {"templates": [*self.templates], "forms": [*self.forms], "steps": self.steps}

    def _of(self, step: Step) -> list[int]:
        key = self._key(step)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = [self._form(variant) for variant in _variants(step)]
            if len(set(found)) == 1:
                del found[1:]
        return found

    def _key(self, step: Step) -> Hashable:
        """What the formulas of a step depend on, apart from the names and the numbers that go into their holes."""
        trace, node = self.trace, self.trace.order[step.node]
        if isinstance(step, Seed) or trace.kind != "Value" or node.operation is None:
            return step.index
        ids = [trace.ids[x] for x in node.inputs]
        inputs = tuple((ids.index(k), self._constant(step, k)) for k in ids)
        settings = tuple((name, repr(x)) for name, x in node.params.items())
        rest: tuple[Hashable, ...] = ()
        if isinstance(step, Backward):
            rest = (step.position, step.before is None)
        return step.kind, id(node.operation), inputs, settings, step.node == trace.root, rest

    def _constant(self, step: Step, k: int) -> Hashable:
        """What the formulas of a step depend on of an input that is a number without a name."""
        figures = self.trace.figures(k)
        if figures is None:
            return None
        return "number" if self._fits_all(step, figures.value) else figures.value

    def _fits_all(self, step: Step, x: float) -> bool:
        """Whether the formulas of a step are the same for all such constants: then there is a hole for the number."""
        node = self.trace.order[step.node]
        is_plain = node.operation is not None and node.operation.name in _PLAIN and len(set(node.inputs)) == 2
        return self.trace.kind == "Value" and is_plain and not (abs(x) <= _LARGEST_KEY and x == int(x))

    def _place(self, step: Step) -> Callable[[int], str]:
        """How the step calls each node: ``y``, ``x0``, ``x1``, …, or ``root``; "" for a number that is written out."""
        inputs: Sequence[int] = self.trace.nodes[step.node].inputs
        places = {self.trace.root: "root", **{k: f"x{i}" for i, k in reversed([*enumerate(inputs)])}, step.node: "y"}
        for k in inputs:
            figures = self.trace.figures(k)
            if figures is not None and not self._fits_all(step, figures.value):
                places[k] = ""
        return lambda k: places.get(k, "")

    def _form(self, step: Step) -> int:
        place = self._place(step)
        last = self.trace.nodes[step.node].expression if isinstance(step, Forward) else None
        if isinstance(step, Backward):
            last = step.local_formula
        form = (
            self._template(step.equation, "mathml", place),
            self._template(step.numbers, "mathml", place),
            self._template(step.sentence, "text", place),
            self._template(step.sentence, "words", place),
            self._template(last, "text", place),
        )
        return self.forms.setdefault(form, len(self.forms))

    def _template(self, formula: Formula | None, form: str, place: Callable[[int], str]) -> int:
        if formula is None:
            return -1
        return self.templates.setdefault(tuple(template(formula, form, place)), len(self.templates))


def _variants(step: Step) -> Iterator[Step]:
    """The step once for each set of inputs that are not 0, where its derivative may depend on that."""
    operation = step.trace.order[step.node].operation
    if not isinstance(step, Backward) or not isinstance(operation, Elementwise):
        yield step
        return
    if "is_zero" not in operation.gx_texts[step.position]:
        yield step
        return
    names = operation.input_names
    for bits in itertools.product((False, True), repeat=len(names)):
        nonzero = [name for name, is_on in zip(names, reversed(bits), strict=True) if is_on]
        yield Backward(step.trace, step.index, step.flow, nonzero)
