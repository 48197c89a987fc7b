"""What goes wrong between the gradients and the step: parameters that get none, or that no step changes."""

import weakref
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.nn import Module
from tinygrad_edu.train.doctor.course import Course, gradient, is_zero
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said, few
from tinygrad_edu.train.doctor.visit import Visit

STREAK = 3  # steps in a row whose gradients were gone
PASSES = 20  # backward passes after which a parameter should have had its turn
FOREIGN = 10  # passes with an optimizer of other parameters
UNUSED = 50  # passes in a row whose gradients no step used
ENDED = 10  # the same, when the watch has ended


class NeverAGradient(Rule):
    """A parameter that the loss does not depend on.

    Sure when, after twenty backward passes, it was in no graph that the doctor inspected, while other parameters were.
    Fine-tuning a head on the features of a trained net would make it wrong. So when the parameters are those of the
    first layers, they must also look as if they were never trained (`looks_untrained`).
    """

    name = "parameter that never receives a gradient"
    fix = (
        "use it in forward(), and look for .data, .detach(), .numpy() or no_grad() between it and the loss; if it "
        "should not be trained, set its requires_grad to False"
    )

    def __init__(self) -> None:
        self.reached: set[Any] = set()

    def look(self, visit: Visit) -> Said | None:
        self.reached.update(x for x in visit.order if x in visit.names)
        lost = [name for name, p in visit.parameters.items() if p.requires_grad and p not in self.reached]
        if visit.step < PASSES or not lost or _is_fine_tuning(visit, lost):
            return None
        return Said(
            "the loss does not depend on some parameters, so they never learn.",
            f"{few(lost)} had no gradient in {visit.step} backward passes",
        )


class OnlyThePenalty(Rule):
    """A loss that depends on a penalty of the net's weights, but on no output of the net.

    Sure when, at ten looks, the model was called, and its outputs need a gradient. But the graph of the loss had
    neither an output of the model nor a product with one of its weights. A loss that is made of the weights alone would
    make it wrong, but then the model is not called.
    """

    name = "outputs cut from the loss"
    fix = "look for .data, .detach(), .numpy() or float() between the net's outputs and the loss"
    code = "loss = nn.functional.mse_loss({net}(X), y)  # no .detach() or .data before it"

    def __init__(self) -> None:
        self.outputs: list[weakref.ref[Node]] = []

    def on_call(self, model: Any, y: Any) -> None:
        if isinstance(y, Node) and y.requires_grad:
            self.outputs.append(weakref.ref(y))

    def look(self, visit: Visit) -> Said | None:
        outputs, self.outputs = [reference() for reference in self.outputs], []
        inside = {*visit.order}
        uses_the_net = visit.layers or any(y in inside for y in outputs if y is not None)
        if self.in_a_row(outputs and not uses_the_net) < 10:
            return None
        return Said(
            "the loss depends on no output of the net, so only a penalty on the weights is trained.",
            f"in {self.seen} inspected passes in a row, the graph of the loss had {len(visit.parameters)} parameters, "
            "but no output of the net",
        )


class RecurrentWeightsUnused(Rule):
    """Recurrent weights that are only multiplied with the initial state, which is zero.

    Sure when a layer takes the zeros of an initial state, and at ten looks the gradient of all such weights was exactly
    zero while other weights had one. Then the answer is read after the first step, or a sequence has only one step. A
    net that should answer after one step would make it wrong, but it needs no recurrent layer.
    """

    name = "recurrent weights without effect"
    fix = "read the last step, outputs[:, -1], and check that the axes are (batch, steps, features)"
    code = "answers = head(outputs[:, -1])"
    confidence = 0.85

    def look(self, visit: Visit) -> Said | None:
        names = [name for node, name in visit.layers if node in visit.fed_with_zeros]
        rest = [g for name, p in visit.parameters.items() if name not in names and (g := gradient(p)) is not None]
        without_effect = names and all(is_zero(gradient(visit.parameters[name])) for name in names)
        if self.in_a_row(without_effect and not all(map(is_zero, rest))) < 10:
            return None
        return Said(
            "the recurrent weights are only multiplied with the initial state, which is zero, so they never learn.",
            f"in {self.seen} inspected passes in a row, the gradient of {few(names)} was exactly 0, that of other "
            "weights was not",
        )


class NotInTheOptimizer(Rule):
    """A parameter that gets gradients, and that no step ever changes.

    Sure when other parameters changed before each of twenty backward passes, and it never did. Fine-tuning a head would
    make it wrong. So when the unchanged parameters are those of the first layers, they must also look as if they were
    never trained (`looks_untrained`).
    """

    name = "parameter missing from the optimizer"
    fix = "make the optimizer with net.parameters(); if the parameter should not be trained, set requires_grad to False"
    code = "{optimizer} = optim.Adam({net}.parameters(), lr=0.001)"

    def __init__(self) -> None:
        self.changed: set[str] = set()
        self.steps = 0

    def before(self, visit: Visit) -> None:
        self.changed |= visit.changed
        self.steps += bool(visit.changed)

    def look(self, visit: Visit) -> Said | None:
        if self.steps < PASSES:
            return None
        still = [
            name
            for name, p in visit.parameters.items()
            if name not in self.changed and p.requires_grad and gradient(p) is not None and np.any(gradient(p))
        ]
        if not still or _is_fine_tuning(visit, still):
            return None
        return Said(
            "some parameters have gradients, but no step changes them: they are not among the optimizer's.",
            f"{few(still)} did not change in {self.steps} steps that changed {len(self.changed)} others",
        )


class FrozenUntrained(Rule):
    """Frozen layers that still have the weights of their initialization.

    Sure when parameters that need no gradient look as if they were never trained (`looks_untrained`). After a hundred
    steps, the loss must be above half of a constant answer's loss. Features that are random on purpose would make it
    wrong, but they are chosen wide enough to solve the task.
    """

    name = "frozen layers that were never trained"
    grade = Grade.MEASURED
    refutable = True
    fix = "set their requires_grad to True, or load the weights of a trained net before you freeze them"
    code = "for p in layer.parameters(): p.requires_grad = True"
    confidence = 0.8

    def judge(self, course: Course) -> Said | None:
        state = course.model._state() if isinstance(course.model, Module) else {}
        frozen = [n for n, x in state.items() if isinstance(x, Node) and not x.requires_grad]
        untrained = [name for name in frozen if looks_untrained(name, state)]
        if len(untrained) < 0.8 * max(len(frozen), 1) or not course.stays_above(0.5, 100):
            return None
        return Said(
            "some layers are frozen although they were never trained.",
            f"{few(untrained)} need no gradient and still look as they were initialized, and the loss is "
            f"{course.level}",
        )


def looks_untrained(name: str, state: dict[str, Any]) -> bool:
    """Whether a parameter still looks as it was initialized.

    With n inputs, the default draws weights and biases within ±1/√n. Other initializations change only the weights, so
    the biases are still in that range and were written earlier; or they set the biases to 0. Training moves some entry
    out of the range. An embedding begins with numbers of the mean 0 and the deviation 1. A Value begins in the same
    range.
    """
    parameter = state[name]
    if isinstance(parameter.raw, float):
        layer = name.partition(".w.")[0].removesuffix(".b")
        inputs = sum(other.startswith(f"{layer}.w.") for other in state)
        return abs(parameter.raw) <= 1 / np.sqrt(max(inputs, 1))
    owner, _, kind = name.rpartition(".")
    partner = state.get(f"{owner}.{'bias' if kind == 'weight' else 'weight'}".lstrip("."))
    weight, bias = (parameter, partner) if np.ndim(parameter.raw) == 2 or kind == "weight" else (partner, parameter)
    if not isinstance(weight, Node) or np.ndim(weight.raw) != 2:
        return bool(np.all(parameter.raw == 1) or not np.any(parameter.raw))  # of a layer that normalizes
    bound = 1 / np.sqrt(len(weight.raw))
    if not isinstance(bias, Node):
        return bool(np.all(np.abs(weight.raw) <= bound)) or _is_standard_normal(weight.raw)
    within = bool(np.all(np.abs(bias.raw) <= bound))
    return not np.any(bias.raw) or (within and (bool(np.all(np.abs(weight.raw) <= bound)) or bias.stamp < weight.stamp))


def _is_standard_normal(weights: Any) -> bool:
    """Whether a hundred numbers or more have the mean 0 and the deviation 1, as far as so many can tell."""
    n = np.size(weights)
    return n >= 100 and abs(np.mean(weights)) < 2.5 / np.sqrt(n) and abs(np.std(weights) - 1) < 2.5 / np.sqrt(2 * n)


def _is_fine_tuning(visit: Visit, still: list[str]) -> bool:
    """Whether the unchanged parameters are those of the first layers, and do not look untrained."""
    names = [*visit.parameters]
    if names[: len(still)] != still or len(still) == len(names):
        return False
    if still[-1].rpartition(".")[0] == names[len(still)].rpartition(".")[0]:
        return False  # one part of the layer learns
    untrained = [name for name in still if looks_untrained(name, dict(visit.parameters))]
    return len(untrained) < 0.5 * len(still)


class NoBackward(Rule):
    """A loop that computes losses and takes steps, but never calls backward().

    Sure when the watch ends without any backward pass, the model was called three times or more with a gradient
    recorded, an optimizer of its parameters took three steps or more, and no parameter changed. A loop that only looks
    at answers takes no steps. An optimizer with steps that need no gradient would make it wrong, but then the
    parameters change.
    """

    name = "no backward pass"
    fix = "call loss.backward() before optimizer.step(), within the with block"
    code = "loss.backward()  # before {optimizer}.step()"

    calls = 0
    other_passes = False  # whether a backward pass did not reach the net

    def on_call(self, model: Any, y: Any) -> None:
        self.calls += bool(getattr(y, "requires_grad", False))

    def elsewhere(self, root: Node) -> None:
        self.other_passes = True

    def finish(self, course: Course) -> Said | None:
        steps = len(course.rates)
        if course.losses or self.other_passes or min(steps, self.calls) < STREAK or not course.untouched():
            return None
        if not any(p in course.name_of for p in course.stepped.params):
            return None
        return Said(
            "no loss was backpropagated, so the steps have no gradient to follow.",
            f"the net was called {self.calls} times, and its optimizer took {steps} steps, without a backward pass",
        )


class NeverChanged(Rule):
    """A net that no step ever changes.

    Sure in three cases. No parameter changed in ten backward passes, and the optimizer has none of them. No parameter
    changed in fifty passes (ten, if the watch has ended), and the gradients of each pass were reset before the next
    one, so they are not accumulated. No parameter changed, and at three steps in a row the gradients of the last pass
    were gone when the optimizer's step began. A program that only looks at gradients, such as to plot them, would make
    it wrong.
    """

    name = "parameters that never change"
    fix = (
        "call optimizer.step() after loss.backward(), of an optimizer made with this net's parameters; by hand, write "
        "p.data -= rate * p.grad, because p = p - … only gives the name p to a new node"
    )
    code = "{optimizer}.step()  # after loss.backward(); made with {net}.parameters()"

    course: Course | None = None
    resets = 0
    left = False  # whether the last pass left gradients

    def before(self, visit: Visit) -> Said | None:
        self.course = visit.course
        if visit.course.has_gradient():
            self.resets = 0
        elif visit.step > 1:
            self.resets += 1
        params = getattr(visit.optimizer, "params", [])
        if len(params) > 0 and not any(p in visit.names for p in params):
            return self._foreign(visit, params)
        return self._if_thrown_away(UNUSED)

    def after(self, visit: Visit) -> None:
        self.left = visit.left_gradients

    def on_step(self, optimizer: Any) -> Said | None:
        if not self.left or self.course is None or not any(p in self.course.name_of for p in optimizer.params):
            return None
        self.left = False
        if self.in_a_row(not self.course.has_gradient()) < STREAK or not self.course.untouched():
            return None
        return Said(
            "zero_grad() is called between backward() and step(), so the steps have no gradient to follow.",
            f"at each of the last {STREAK} steps, the gradients that backward() had left were gone when step() began",
            "call optimizer.zero_grad() before loss.backward(), or after optimizer.step()",
            "{optimizer}.zero_grad()  # before loss.backward()",
        )

    def finish(self, course: Course) -> Said | None:
        return self._if_thrown_away(ENDED)

    def _if_thrown_away(self, resets: int) -> Said | None:
        if self.course is None or self.resets < resets or not self.course.untouched():
            return None
        return Said(
            "the gradients are computed and reset again, but no step changes the parameters.", _seen(self.course)
        )

    def _foreign(self, visit: Visit, params: Any) -> Said | None:
        if visit.step <= FOREIGN or not visit.course.untouched():
            return None
        of_another_net = not {*params}.isdisjoint(visit.order)
        return Said(
            "the optimizer has none of the net's parameters, so its steps do not change the net.",
            f"{_seen(visit.course)}, and none is among the optimizer's {len(params)}",
            "make the optimizer after the net, with net.parameters()",
            "{optimizer} = optim.Adam({net}.parameters(), lr=0.001)  # after {net} was made",
            "parameter missing from the optimizer" if of_another_net else "",
        )


def _seen(course: Course) -> str:
    passes = len(course.losses)
    return f"none of the net's {len(course.parameters)} parameters was written to in {passes} backward passes"
