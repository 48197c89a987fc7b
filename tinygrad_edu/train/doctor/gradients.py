"""What goes wrong with gradients between the loss and the parameters."""

from typing import Any, ClassVar

import numpy as np

from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.finding import Rule, Said
from tinygrad_edu.train.doctor.visit import Course, Visit, gradient

STREAK = 3  # steps in a row with gradients that were not reset
PASSES = 20  # backward passes after which a parameter should have had its turn
FOREIGN = 10  # passes beside an optimizer of other parameters
UNUSED = 50  # passes in a row whose gradients nobody used
ENDED = 10  # the same, when the watch has ended
DEPTH = 4  # layers from which on gradients are compared between the first and the last
GROWTH = 1e3  # of the gradient's size from the last layer to the first
DECAY = 1e-3


class MissingZeroGrad(Rule):
    """Gradients that are kept from step to step.

    Sure when a parameter's gradient was still there, not zero, at the start of three backward passes although the
    parameter had been changed by a step before each of them, and was at no pass in between gone. Accumulation over
    micro-batches changes no parameter in between; with several losses and optimizers the gradient is gone whenever the
    parameter's own turn comes.
    """

    name = "missing zero_grad"
    fix = "call optimizer.zero_grad() (or net.zero_grad()) once a step, before loss.backward()"

    def __init__(self) -> None:
        self.streaks: dict[str, int] = {}
        self.stamps: dict[str, int] = {}

    def before(self, visit: Visit) -> Said | None:
        for name, p in visit.parameters.items():
            g = gradient(p)
            if g is None or not np.any(g):
                self.streaks[name] = 0
            elif self.stamps.get(name, p.stamp) != p.stamp:
                self.streaks[name] = self.streaks.get(name, 0) + 1
            self.stamps[name] = p.stamp
        kept = [name for name, streak in self.streaks.items() if streak >= STREAK]
        if not kept:
            return None
        return Said(
            "the gradients are not reset between the steps, so each step follows the sum of all gradients so far.",
            f"at each of the last {STREAK} steps, {len(kept)} of {len(visit.parameters)} parameters "
            f"({_few(kept)}) still held the gradient of the step before when backward() began",
        )


class NeverAGradient(Rule):
    """A parameter that the loss does not depend on.

    Sure when twenty backward passes have gone by and it was in the graph of none that was looked at, while others were.
    """

    name = "parameter that never receives a gradient"
    fix = (
        "use it in forward(), and look for .data, .detach(), .numpy() or no_grad() between it and the loss; if it is "
        "meant to rest, set its requires_grad to False"
    )

    def __init__(self) -> None:
        self.reached: set[Any] = set()

    def look(self, visit: Visit) -> Said | None:
        self.reached.update(x for x in visit.order if x in visit.names)
        lost = [name for name, p in visit.parameters.items() if p.requires_grad and p not in self.reached]
        if visit.step < PASSES or not lost:
            return None
        return Said(
            "the loss does not depend on some parameters, so they never learn.",
            f"{_few(lost)} had no gradient in {visit.step} backward passes",
        )


class NotInTheOptimizer(Rule):
    """A parameter that gets gradients, and that no step ever changes.

    Sure when others were changed before twenty backward passes, and it never was.
    """

    name = "parameter missing from the optimizer"
    fix = "make the optimizer with net.parameters(); if the parameter is meant to rest, set its requires_grad to False"

    def __init__(self) -> None:
        self.stamps: dict[str, int] = {}
        self.changed: set[str] = set()
        self.steps = 0

    def before(self, visit: Visit) -> Said | None:
        now = {name: p.stamp for name, p in visit.parameters.items()}
        changed = {name for name, stamp in now.items() if self.stamps.get(name, stamp) != stamp}
        self.stamps = now
        self.changed |= changed
        self.steps += bool(changed)
        return None

    def look(self, visit: Visit) -> Said | None:
        if self.steps < PASSES:
            return None
        still = [
            name
            for name, p in visit.parameters.items()
            if name not in self.changed and p.requires_grad and gradient(p) is not None and np.any(gradient(p))
        ]
        if not still:
            return None
        return Said(
            "some parameters have gradients, but no step changes them: they are not among the optimizer's.",
            f"{_few(still)} did not change in {self.steps} steps that changed {len(self.changed)} others",
        )


class NeverChanged(Rule):
    """A net that no step ever changes.

    Sure when no parameter was written to in ten backward passes, and the optimizer holds none of them. Also when none
    was in fifty, or in ten until the watch ended, and the gradients of each pass were reset before the next: they are
    thrown away. Gradients that are gathered over many passes are kept in between. And when at three steps in a row of
    an optimizer that holds them, the gradients that the pass before had left were gone.
    """

    name = "parameters that never change"
    fix = (
        "call optimizer.step() after loss.backward(), of an optimizer made with this net's parameters; by hand, write "
        "p.data -= rate * p.grad, for p = p - … only gives the name p to a new node"
    )

    def __init__(self) -> None:
        self.course: Course | None = None
        self.resets = 0
        self.left = False  # whether the pass before left gradients
        self.emptied = 0

    def before(self, visit: Visit) -> Said | None:
        self.course = visit.course
        if _any_gradient(visit.course):
            self.resets = 0
        elif visit.step > 1:
            self.resets += 1
        params = getattr(visit.optimizer, "params", [])
        if len(params) > 0 and {*params}.isdisjoint(visit.parameters.values()):
            return self._foreign(visit, len(params))
        return self._if_thrown_away(UNUSED)

    def after(self, visit: Visit) -> Said | None:
        self.left = _any_gradient(visit.course)
        return None

    def stepped(self, optimizer: Any) -> Said | None:
        if not self.left or self.course is None or {*optimizer.params}.isdisjoint(self.course.parameters.values()):
            return None
        self.left = False
        self.emptied = 0 if _any_gradient(self.course) else self.emptied + 1
        if self.emptied < STREAK or not self.course.untouched():
            return None
        return Said(
            "zero_grad() stands between backward() and step(), so the steps find no gradient to follow.",
            f"at each of the last {STREAK} steps, the gradients that backward() had left were gone when step() began",
            "call optimizer.zero_grad() before loss.backward(), or after optimizer.step()",
        )

    def finish(self) -> Said | None:
        return self._if_thrown_away(ENDED)

    def _if_thrown_away(self, resets: int) -> Said | None:
        if self.course is None or self.resets < resets or not self.course.untouched():
            return None
        return Said(
            "the gradients are computed and reset again, but no step changes the parameters.", _seen(self.course)
        )

    def _foreign(self, visit: Visit, count: int) -> Said | None:
        if visit.step <= FOREIGN or not visit.course.untouched():
            return None
        return Said(
            "the optimizer has none of the net's parameters, so its steps do not change the net.",
            f"{_seen(visit.course)}, and none is among the optimizer's {count}",
            "make the optimizer anew after the net, with net.parameters()",
        )


def _seen(course: Course) -> str:
    passes = len(course.losses)
    return f"none of the net's {len(course.parameters)} parameters was written to in {passes} backward passes"


def _any_gradient(course: Course) -> bool:
    return any(g is not None and np.any(g) for g in map(gradient, course.parameters.values()))


class _AlongTheLayers(Rule):
    """Compares the sizes of the gradients at the layers' outputs."""

    enough: ClassVar[int] = 5  # looks in a row

    def __init__(self) -> None:
        self.looks = 0

    def look(self, visit: Visit) -> Said | None:
        sizes = [(name, size) for node, name in visit.layers if (size := _rms(gradient(node))) > 0]
        if len(sizes) < max(DEPTH, len(visit.layers)) or not self.extreme(np.array([size for _, size in sizes])):
            self.looks = 0
            return None
        self.looks += 1
        return self.say(sizes[0], sizes[-1]) if self.looks >= self.enough else None

    def extreme(self, sizes: Array) -> bool:
        """Whether they change too much, and do so from layer to layer rather than at one place."""
        raise NotImplementedError

    def say(self, first: tuple[str, float], last: tuple[str, float]) -> Said:
        """What it means."""
        raise NotImplementedError


class Exploding(_AlongTheLayers):
    """Gradients that grow from layer to layer on their way back.

    Sure when the root mean square of the gradient at the first layer's output is over a thousand times that at the
    last one's, in a net of four layers or more, most of which add to it. With weights of a common initialization it
    stays within a factor of ten or so. One look is enough: what explodes seldom lives to see another.
    """

    enough = 1

    name = "exploding gradients"
    fix = (
        "initialize the weights for the activation (nn.init.kaiming_normal_, xavier_normal_), normalize between "
        "layers, or clip the gradient (optim.clip_grad_norm_)"
    )

    def extreme(self, sizes: Array) -> bool:
        return bool(sizes[0] > GROWTH * sizes[-1] and np.mean(sizes[:-1] > 1.5 * sizes[1:]) >= 2 / 3)

    def say(self, first: tuple[str, float], last: tuple[str, float]) -> Said:
        return Said(
            "the gradient grows from layer to layer on its way back, and is huge when it reaches the first ones.",
            f"its root mean square is {last[1]:.2g} at {last[0]} and {first[1]:.2g} at {first[0]}",
        )


class Vanishing(_AlongTheLayers):
    """Gradients that fade from layer to layer on their way back.

    Sure when the root mean square of the gradient at the first layer's output is below a thousandth of that at the
    last one's, in a net of four layers or more, most of which take from it, at five looks in a row. It is the mirror
    image of `Exploding`.
    """

    name = "vanishing gradients"
    fix = "use ReLU-like activations with nn.init.kaiming_normal_, normalize between layers, or make the net less deep"

    def extreme(self, sizes: Array) -> bool:
        return bool(sizes[0] < DECAY * sizes[-1] and np.mean(sizes[:-1] < sizes[1:] / 1.5) >= 2 / 3)

    def say(self, first: tuple[str, float], last: tuple[str, float]) -> Said:
        return Said(
            "the gradient fades from layer to layer on its way back, so the first layers hardly learn.",
            f"its root mean square is {last[1]:.2g} at {last[0]} and {first[1]:.2g} at {first[0]}",
        )


def _rms(g: object) -> float:
    if not isinstance(g, np.ndarray) or not g.size:
        return 0.0
    size = float(np.sqrt(np.mean(np.square(g))))
    return size if np.isfinite(size) else 0.0


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
