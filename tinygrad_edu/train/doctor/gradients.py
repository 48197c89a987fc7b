"""What goes wrong with gradients on their way through the layers, and from step to step."""

import math
from collections import Counter
from operator import itemgetter
from typing import ClassVar

import numpy as np

from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.course import Course, gradient, has_own_steps, is_zero
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said, few
from tinygrad_edu.train.doctor.visit import Visit

WASTED = 6  # passes whose gradients no step used
STREAK = 3  # steps in a row with gradients that were not reset
FIRST = 5  # steps whose gradients are those of the initialization
DEPTH = 3  # the fewest layers whose gradients are compared
DEEP = 4  # the fewest layers of a deep net
GROWTH = 1e3  # of the gradient's size from the last layer to the first, in a deep net
DECAY = 1e-3  # likewise
LAYER_DECAY = 0.05  # from one layer to the one before it, in nets that are not deep
LONG = 8  # steps of a sequence
STILL = 0.8  # of the loss of a constant answer: a net above it has learned nothing


class MissingZeroGrad(Rule):
    """Gradients that are kept from step to step.

    Sure when a parameter still had a gradient, not zero, at the start of three backward passes, although a step had
    changed the parameter before each of them. The gradient must not have been gone in between. Accumulation over
    micro-batches changes no parameter in between. With several losses and optimizers, the gradient is gone whenever the
    parameter is trained. Only passes that follow each other directly are compared. A program that accumulates gradients
    over steps on purpose would make it wrong.
    """

    name = "missing zero_grad"
    fix = "call optimizer.zero_grad() (or net.zero_grad()) once a step, before loss.backward()"
    code = "{optimizer}.zero_grad()  # before loss.backward()"

    def __init__(self) -> None:
        self.streaks: dict[str, int] = {}

    def before(self, visit: Visit) -> Said | None:
        for name, p in visit.parameters.items():
            g = gradient(p)
            if g is None or not p.requires_grad or is_zero(g):
                self.streaks[name] = 0
            elif visit.follows_a_visit and name in visit.changed:
                self.streaks[name] = self.streaks.get(name, 0) + 1
        kept = [name for name, streak in self.streaks.items() if streak >= STREAK]
        if not kept:
            return None
        return Said(
            "the gradients are not reset between the steps, so each step follows the sum of all gradients so far.",
            f"at each of the last {STREAK} steps, {len(kept)} of {len(visit.parameters)} parameters "
            f"({few(kept)}) still held the gradient of the step before when backward() began",
        )


class ResetBetweenParts(Rule):
    """Gradients that are reset between the backward passes of one step.

    Sure when, six times, the gradients of a pass were gone when the next one began, although no parameter had changed
    in between. Both passes must have graphs of the same operations, in which nothing else learns. At least two other
    passes must be followed by a step. Two nets that take turns have different graphs. A pass for the gradient of an
    input, as in adversarial training, has that input in its graph. A program that computes gradients only to look at
    them would make it wrong.
    """

    name = "gradients reset between the parts of a step"
    fix = "call optimizer.zero_grad() once a step, before the first part, and not before each part"
    code = "{optimizer}.zero_grad()  # once, before the loop over the parts"
    confidence = 0.9

    graph = 0
    left = False  # whether the pass before left gradients
    wasted = used = 0

    def before(self, visit: Visit) -> Said | None:
        before, self.graph = self.graph, hash(tuple([node.op for node in visit.order]))
        if visit.follows_a_visit and self.left:
            self.used += bool(visit.changed)
            like = not visit.changed and self.graph == before and visit.only_watched
            self.wasted += like and not visit.course.has_gradient()
        if self.wasted < WASTED or self.used < 2:
            return None
        return Said(
            "the gradients are reset between the backward passes of one step, so only the last part counts.",
            f"{self.wasted} times a pass left gradients that were gone at the next one, but no step had used them; "
            f"{self.used} passes were followed by a step",
        )

    def after(self, visit: Visit) -> None:
        self.left = visit.only_watched and visit.left_gradients


class _AlongTheLayers(Rule):
    """Compares the sizes of the gradients at the layers' outputs."""

    sentence: ClassVar[str]
    enough: ClassVar[int] = 5  # looks in a row

    def look(self, visit: Visit) -> Said | None:
        along = _along_the_sequence(visit)
        sizes = along or [(name, size) for name, size in visit.gradient_sizes if size > 0]
        all_known = bool(along) or len(sizes) >= max(DEPTH, len(visit.layers))
        if self.in_a_row(all_known and self.extreme(np.array([size for _, size in sizes]))) < self.enough:
            return None
        (first, first_size), (last, last_size) = sizes[0], sizes[-1]
        return Said(self.sentence, f"its root mean square is {last_size:.2g} at {last} and {first_size:.2g} at {first}")

    def extreme(self, sizes: Array) -> bool:
        """Whether they change too much, and do so from layer to layer rather than at one place."""
        raise NotImplementedError


def _along_the_sequence(visit: Visit) -> list[tuple[str, float]]:
    """The sizes at the steps of a recurrent layer, whose weights are used again and again; [] if there is none."""
    if len(visit.gradient_sizes) < LONG:
        return []
    uses = Counter(name for name, _ in visit.gradient_sizes)
    name, steps = max(uses.items(), key=itemgetter(1), default=("", 0))
    sizes = [(f"step {i + 1} of {name}", s) for i, (n, s) in enumerate(v for v in visit.gradient_sizes if v[0] == name)]
    return sizes if steps >= LONG and len({n for n, _ in visit.gradient_sizes}) > 1 and sizes[-1][1] > 0 else []


class Exploding(_AlongTheLayers):
    """Gradients that grow from layer to layer on their way back.

    Sure when the root mean square of the gradient at the first layer's output is over a thousand times that at the last
    layer's output. The net must have four layers or more, and the gradient must grow in most of them. With a common
    initialization the two are within a factor of about ten. One look is enough, because such a run often ends at once.
    If the gradient did not grow so much at the first steps, a rate that is too high explains it. A net whose first
    layers are scaled down later on purpose would make it wrong. So the finding is withdrawn if the loss is below half
    of a constant answer's loss in the end.
    """

    name = "exploding gradients"
    sentence = "the gradient grows from layer to layer on its way back, and is huge at the first layers."
    enough = 1
    grade = Grade.BEHAVIOR
    fix = (
        "initialize the weights for the activation (nn.init.kaiming_normal_, xavier_normal_), normalize between "
        "layers, or clip the gradient (optim.clip_grad_norm_)"
    )
    code = "optim.clip_grad_norm_({net}.parameters(), 1.0)  # between loss.backward() and {optimizer}.step()"

    def look(self, visit: Visit) -> Said | None:
        said = super().look(visit)
        return said if said is None or visit.step <= FIRST else said._replace(explained_by=("learning rate too high",))

    def extreme(self, sizes: Array) -> bool:
        grows = len(sizes) >= DEEP and sizes[0] > GROWTH * sizes[-1]
        return bool(grows and np.mean(sizes[:-1] > 1.5 * sizes[1:]) >= 2 / 3)


class Vanishing(_AlongTheLayers):
    """Gradients that fade from layer to layer on their way back, and a loss that does not fall.

    Sure when, at the last five looks, the root mean square of the gradient at the first layer's output is below a
    thousandth of that at the last layer's output. The net must have four layers or more, and the gradient must shrink
    at most of them. In a net of three layers, a factor of 0.05 per layer is enough, but not with Adam and the like:
    their steps do not depend on the size of the gradient. In a recurrent net, the steps of a sequence, eight or more,
    count as layers. Some nets learn in spite of this, so nothing is said if the loss falls, or is below 80 % of a
    constant answer's loss. A run that ends just before the net begins to learn would make it wrong.
    """

    name = "vanishing gradients"
    sentence = "the gradient fades from layer to layer on its way back, so the first layers hardly learn."
    grade = Grade.BEHAVIOR
    fix = "use ReLU-like activations with nn.init.kaiming_normal_, normalize between layers, or make the net less deep"
    code = "nn.init.kaiming_normal_(layer.weight)  # for each layer of {net}, with nn.ReLU() between them"
    confidence = 0.85
    explained_by = ("dead ReLUs", "learning rate too high", "BatchNorm statistics that do not follow")

    said: Said | None = None

    def look(self, visit: Visit) -> None:
        adapts = has_own_steps(visit.optimizer)
        self.said = super().look(visit) if not adapts or len(visit.gradient_sizes) >= DEEP else None
        if self.said is not None and adapts:
            self.said = self.said._replace(explained_by=(*self.explained_by, "learning rate too low"))

    def judge(self, course: Course) -> Said | None:
        first, *_, last = course.quarters()
        stays = last > 0.9 * first if math.isnan(course.ratio()) else course.stays_above(STILL) and last > 0.8 * first
        if self.said is None or not stays:
            return None
        return self.said._replace(evidence=f"{self.said.evidence}, and the loss does not fall")

    def extreme(self, sizes: Array) -> bool:
        limit = DECAY if len(sizes) >= DEEP else LAYER_DECAY ** (len(sizes) - 1)
        return bool(sizes[0] < limit * sizes[-1] and np.mean(sizes[:-1] < sizes[1:] / 1.5) >= 2 / 3)
