"""What goes wrong inside layers: units that are always 0, saturated, or all equal."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.visit import Visit

LOOKS = 10  # with units that are 0, before they are called dead
DEAD = 0.8  # share of a layer's units
FLAT: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda y: (y < 0.01) | (y > 0.99),
    "tanh": lambda y: np.abs(y) > 0.98,
}  # slope below 4 % of the best
SATURATED = 0.9  # share of a layer's answers
FEW = 6  # parameters
EARLY = 5  # steps in which nothing can have been learned yet


class DeadReLUs(Rule):
    """ReLUs that are zero for every sample, and so pass no gradient back.

    Sure when, in a layer of four units or more, over 80 % of them were zero for every row at ten looks. These are at
    least ten steps, with different batches if there are any. Most healthy nets have some dead units, 20 % or 40 %,
    because of the initialization and the training itself. If the units were not dead at the first step, a rate that is
    too high explains it. A layer that needs only 20 % of its units would make it wrong. So the finding is withdrawn if
    the loss is below half of a constant answer's loss in the end.
    """

    name = "dead ReLUs"
    grade = Grade.BEHAVIOR
    fix = "lower the learning rate, set the biases to 0, or use leaky_relu, whose slope is never 0"
    code = "{optimizer}.lr /= 10  # or nn.LeakyReLU() instead of nn.ReLU()"

    def __init__(self) -> None:
        self.silent: dict[int, tuple[Any, int]] = {}
        self.born: set[int] = set()  # the layers that were dead at the first step

    def look(self, visit: Visit) -> Said | None:
        for place, node in enumerate(_hidden(visit, "relu")):
            quiet = ~node.raw.reshape(-1, node.raw.shape[-1]).any(0)
            if visit.step == 1 and np.mean(quiet) > DEAD:
                self.born.add(place)
            before, looks = self.silent.get(place, (quiet, 0))
            if len(before) != len(quiet):
                before, looks = quiet, 0
            self.silent[place] = quiet & before, looks + 1
            dead = int(np.count_nonzero(quiet & before))
            if looks + 1 >= LOOKS and len(quiet) >= 4 and dead > DEAD * len(quiet):
                return Said(
                    "most units of a ReLU layer are zero for every sample: no gradient passes them, so they stay dead.",
                    f"{dead} of {len(quiet)} units after {visit.describe(node.inputs[0])} were always 0 in "
                    f"{looks + 1} inspected passes",
                    explained_by=() if place in self.born else ("learning rate too high",),
                )
        return None


class Saturated(Rule):
    """Sigmoids (or tanhs) of a hidden layer at their flat ends.

    Sure when 90 % of a hidden layer's answers are where the slope is below 4 % of the best, at each of the first five
    steps: a net must not begin there. Later, at ten looks in a row, while the loss is still above half of the first
    one: a net that has learned its task may be saturated. Nothing is said if large targets are the cause. The finding
    is withdrawn if the loss is below half of a constant answer's loss in the end. A net that should begin with answers
    of 0 and 1 would make it wrong.
    """

    name = "saturated sigmoids"
    grade = Grade.BEHAVIOR
    fix = "start from smaller weights (nn.init.xavier_uniform_), normalize the inputs, or use another activation"
    code = "nn.init.xavier_uniform_(layer.weight)  # for each layer of {net}"
    explained_by = ("learning rate too high",)

    def __init__(self) -> None:
        self.looks: dict[tuple[str, int], int] = {}

    def look(self, visit: Visit) -> Said | None:
        if visit.task is not None and visit.task.has_large_targets:
            return None
        for op, flat in FLAT.items():
            for place, node in enumerate(_hidden(visit, op)):
                share = float(np.mean(flat(node.raw)))
                looks = self.looks[op, place] = self.looks.get((op, place), 0) + 1 if share >= SATURATED else 0
                stuck = looks >= 2 * EARLY and visit.loss > visit.course.losses[0] / 2
                if stuck or looks == visit.step == EARLY:
                    return Said(
                        f"the {op}s of a hidden layer are saturated: where they are flat, no gradient passes.",
                        f"{share:.0%} of the outputs after {visit.describe(node.inputs[0])} are at the flat ends",
                    )
        return None


class EqualWeights(Rule):
    """Hidden units that are copies of each other, because their weights began equal.

    Sure when all columns of a hidden layer's weights are still the same, up to rounding, at the fifth step. Also when
    six Values or more have at most half as many different numbers. Equal units get equal gradients, so they stay equal.
    If another path, different biases or dropout break the symmetry, the columns differ by then. The columns of the last
    layer differ because of their targets. A net that is symmetric on purpose would make it wrong.
    """

    name = "all-equal initial weights"
    fix = "draw the weights at random (nn.init); only biases may begin equal"
    code = "nn.init.xavier_uniform_(layer.weight)  # for each layer of {net}"

    def look(self, visit: Visit) -> Said | None:
        if visit.step != EARLY:
            return None
        equal = []
        numbers = [p.raw for p in visit.parameters.values() if isinstance(p.raw, float)]
        if len(numbers) >= FEW and len({f"{x:.9g}" for x in numbers}) <= len(numbers) / 2:
            equal.append(f"{len(numbers)} parameters have {len({*numbers})} different numbers")
        for node, name in visit.layers:
            w = visit.parameters[name].raw
            if node in visit.hidden and w.ndim == 2 and w.shape[1] > 1 and _columns_equal(w):
                equal.append(f"the {w.shape[1]} columns of {name} are equal")
        if not equal:
            return None
        return Said(
            "all units of a hidden layer have the same weights, so they all learn the same.",
            f"{equal[0]} after {visit.step - 1} steps",
        )


def _columns_equal(w: Any) -> bool:
    return all(np.all(np.abs(rows - rows[:, :1]) <= 1e-9 * np.abs(rows)) for rows in (w[:8], w))  # mostly 8 are enough


def _hidden(visit: Visit, op: str) -> list[Node]:
    """The results of an activation that a later layer uses."""
    return [node for node in visit.order if node.op == op and node in visit.hidden and np.ndim(node.raw) > 1]
