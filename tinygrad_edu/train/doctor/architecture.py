"""Faults of the net itself: its layers, their sizes, and their initial weights."""

import math
from collections.abc import Container

import numpy as np

from tinygrad_edu.graph.node import Node, topological_order
from tinygrad_edu.nn import BatchNorm1d, Dropout, LayerNorm
from tinygrad_edu.train.doctor.course import Course
from tinygrad_edu.train.doctor.finding import Grade, Rule, Said
from tinygrad_edu.train.doctor.task import viewed
from tinygrad_edu.train.doctor.visit import Visit

PATIENCE = 100  # passes before a net that does not learn is judged
EARLY = 50  # the same, where the graph shows what is wrong
LARGE = 4.0  # times the deviation of Kaiming's initialization
FAR = 3.0  # times the loss of a constant answer, at the start
KEPT_PATHS = 0.2  # share of the paths that dropout must keep
NARROW = 2  # units


class MissingNonlinearity(Rule):
    """Layers that follow each other with nothing but a linear map between them.

    Sure when the loss stays above 60 % of a constant answer's loss and no longer falls, and a layer follows another one
    directly. The first must have at least as many units as the smaller of its inputs and the second one's outputs, so
    it is no bottleneck on purpose. A net of Values must have only sums and products with weights, at least two products
    after each other. A task that linear maps solve, or a factorized matrix, would make it wrong, so the rule checks the
    loss and the width.
    """

    name = "no nonlinearity between layers"
    grade = Grade.MEASURED
    refutable = True
    fix = "put an activation such as nn.ReLU() between the layers: two linear maps in a row are one linear map"
    code = "{net} = nn.Sequential(first_layer, nn.ReLU(), second_layer)"
    confidence = 0.85

    products = 0  # with weights, one after the other, in a linear net of Values

    def look(self, visit: Visit) -> None:
        if visit.step == 1 and visit.task is not None and isinstance(visit.root.raw, float):
            self.products = _products_in_a_row(visit.task.answers, visit.names)

    def judge(self, course: Course) -> Said | None:
        by_name = {layer.name: layer for layer in course.layers}
        pairs = [
            (by_name[before], layer)
            for layer in course.layers
            if layer.linear
            for before in layer.before
            if by_name[before].outputs >= min(by_name[before].inputs, layer.outputs)
        ]
        if not (pairs or self.products > 1) or not course.stays_above(0.6, EARLY):
            return None
        everywhere = all(layer.linear for layer in course.layers)
        if not course.stuck() and not (everywhere and course.stays_above(1.5)):
            return None
        where = (
            f"{pairs[0][1].name} follows {pairs[0][0].name} directly" if pairs else "the net only multiplies and adds"
        )
        return Said(
            "there is no nonlinearity between two layers, so together they are one linear map.",
            f"{where}, and after {len(course.losses)} steps the loss is still {course.level}",
        )


def _products_in_a_row(answers: Node, parameters: Container[Node]) -> int:
    """How many products with weights follow each other in a linear net of Values; 0 if another operation is in it."""
    depths: dict[Node, int] = {}
    for node in topological_order(answers):
        depths[node] = max((depths[x] for x in node.inputs), default=0)
        if node.op in ("dot", "mul"):
            half = len(node.inputs) // 2  # a dot product may have a bias after its factors
            pairs = [*zip(node.inputs[:half], node.inputs[half : 2 * half], strict=True)]
            if any(all(x.requires_grad and x not in parameters for x in pair) for pair in pairs):
                return 0  # a product of two computed numbers
            depths[node] += any(x in parameters for pair in pairs for x in pair)
        elif node.operation is not None and node.op not in ("add", "sub", "neg", "sum"):
            return 0
    return depths[answers]


class SoftmaxInside(Rule):
    """A softmax whose results enter the next layer.

    Sure when a layer with weights takes the results of a softmax, and the loss is still above half of a constant
    answer's loss. In attention and in a mixture of experts, the results are multiplied with computed numbers and not
    with weights. A program that feeds one net's probabilities to another net would make it wrong.
    """

    name = "softmax in a hidden layer"
    grade = Grade.MEASURED
    refutable = True
    fix = "use ReLU or tanh in hidden layers: softmax makes the units of a row compete and shrinks them"
    code = "{net}.layers[1] = nn.ReLU()  # where the hidden softmax is"
    confidence = 0.9

    width = 0

    def look(self, visit: Visit) -> None:
        for node, _ in visit.layers:
            x = viewed(node.inputs[0])
            if x.op == "softmax" and x in visit.hidden:
                self.width = int(np.shape(x.raw)[-1])

    def judge(self, course: Course) -> Said | None:
        if not self.width or not course.stays_above(0.5, EARLY):
            return None
        return Said(
            "a hidden layer ends with a softmax, so the next layer gets only small numbers.",
            f"the outputs of {self.width} units add up to 1 before the next layer, and after {len(course.losses)} "
            f"steps the loss is still {course.level}",
        )


class NetTooSmall(Rule):
    """A hidden layer of only one or two units.

    Sure when the loss stays above half of a constant answer's loss, hardly falls any more, and nothing else explains
    it. A layer of two units that compresses inputs of more numbers to answers of as many, as in an autoencoder, says
    nothing. Labels that cannot be learned would make it wrong.
    """

    name = "net too small"
    grade = Grade.LEFT_OVER
    fix = "make the narrowest hidden layer wider"
    confidence = 0.7
    explained_by = ("training labels that are wrong", "no biases")

    def finish(self, course: Course) -> Said | None:
        hidden = [layer for layer in course.layers if layer.hidden]
        if not hidden or len(course.losses) < PATIENCE or not course.stuck(share=0.5, flat=0.1):
            return None
        narrow = min(hidden, key=lambda layer: layer.outputs)
        if narrow.outputs > NARROW or NARROW < course.layers[0].inputs == course.layers[-1].outputs:
            return None
        return Said(
            "the net has too few hidden units for this task.",
            f"{narrow.name} has only {'one unit' if narrow.outputs == 1 else f'{narrow.outputs} units'}, and the loss "
            f"stays at {course.level}",
            code=f"{{net}} = nn.MLP({course.layers[0].inputs}, [16, {course.layers[-1].outputs}])",
        )


class NoBiases(Rule):
    """A net without biases, so that the output for the input 0 is fixed.

    Sure when no layer has a bias, nothing normalizes, the loss stays above 80 % of a constant answer's loss and no
    longer falls, and nothing else explains it. Labels that cannot be learned would make it wrong.
    """

    name = "no biases"
    grade = Grade.LEFT_OVER
    fix = "give the layers biases (nn.Linear has them unless bias=False)"
    code = "nn.Linear(n_in, n_out, bias=True)"
    confidence = 0.7

    def finish(self, course: Course) -> Said | None:
        if not course.layers or any(layer.bias for layer in course.layers) or course.modules(LayerNorm, BatchNorm1d):
            return None
        if len(course.losses) < PATIENCE or not course.stuck(share=0.8):
            return None
        return Said(
            "no layer has a bias, so the net cannot shift its answers.",
            f"{len(course.layers)} layers have weights only, and the loss stays at {course.level}",
        )


class TooMuchDropout(Rule):
    """Dropout that drops almost every path from the input to the output.

    Sure when a step keeps less than 20 % of all paths (the product of 1 − p over the layers), and the loss is still
    above half of a constant answer's loss. Labels that cannot be learned would make it wrong.
    """

    name = "dropout too strong"
    grade = Grade.MEASURED
    refutable = True
    fix = "drop less: 0.1 to 0.5 a layer"
    confidence = 0.85

    def judge(self, course: Course) -> Said | None:
        dropouts = [(name, m.p) for name, m in course.modules(Dropout)]
        kept = math.prod(1 - p for _, p in dropouts)
        if kept >= KEPT_PATHS or not course.stays_above(0.5, PATIENCE):
            return None
        name = dropouts[0][0]
        return Said(
            "dropout is so strong that it drops almost every path from the input to the output.",
            f"{len(dropouts)} layers with p = {', '.join(f'{p:g}' for _, p in dropouts)} keep {kept:.1%} of the "
            f"paths, and the loss is still {course.level}",
            code=f"{{net}}.{_indexed(name)}.p = 0.2",
        )


class InitialWeightsTooLarge(Rule):
    """Initial weights so large that the first answers are far off.

    Sure when the weights of most layers have over four times the deviation of Kaiming's initialization, and the first
    loss is over three times that of a constant answer. A net with sines as activations has such weights on purpose, but
    not such a loss. The weights of a trained net would make it wrong, but its first loss is low.
    """

    name = "initial weights too large"
    grade = Grade.MEASURED
    fix = "initialize the weights by the number of inputs (nn.init.xavier_uniform_, kaiming_normal_)"
    code = "nn.init.xavier_uniform_(layer.weight)  # for each layer of {net}"

    def look(self, visit: Visit) -> Said | None:
        record = visit.course.record
        if visit.step != 1 or not visit.layers:
            return None
        weights = [(name, visit.parameters[name].raw) for _, name in visit.layers]
        sizes = [(name, float(np.std(w)), math.sqrt(2 / (len(w) if w.ndim == 2 else w.size))) for name, w in weights]
        large = [(name, size, usual) for name, size, usual in sizes if size > LARGE * usual]
        guess = record.guess()
        if len(large) < 2 * len(sizes) / 3 or not guess > 0 or not record.losses[0] > FAR * guess:
            return None
        name, size, usual = large[0]
        return Said(
            "the initial weights are far too large, so the first answers and gradients are huge or saturated.",
            f"{name} has a deviation of {size:.3g} ({usual:.2g} is usual), and the first loss is "
            f"{record.losses[0]:.3g} (a constant answer has {guess:.3g})",
        )


def _indexed(name: str) -> str:
    """A dotted name as Python writes it: layers.0 as layers[0]."""
    parts = name.split(".")
    return "".join(f"[{part}]" if part.isdecimal() else f"{'.' * (i > 0)}{part}" for i, part in enumerate(parts))
