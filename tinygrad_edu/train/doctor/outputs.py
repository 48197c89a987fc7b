"""What goes wrong between the last layer and the loss: outputs that cannot be what the loss or the targets need."""

from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.train.doctor.finding import Rule, Said
from tinygrad_edu.train.doctor.task import DISTANCES, LAYERS, PROBABILITIES, Task, normalized, viewed
from tinygrad_edu.train.doctor.visit import Visit

ROWS = 20  # of targets, before the range is judged
OUTSIDE = 0.05  # share of the targets
MARGIN = 0.05  # noise around the ends of the range
LOST = 0.02  # share of the targets' variance: more than noise around the ends has
RANGES: dict[str, tuple[float, float]] = {
    "relu": (0.0, np.inf),
    "softplus": (0.0, np.inf),
    "exp": (0.0, np.inf),
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
}


class OutputsOutOfRange(Rule):
    """An activation after the last layer that cannot give what the targets or the loss need.

    Sure when 5 % of the targets, of twenty rows or more, are outside of the activation's range by more than noise. The
    part of the targets that is outside must have at least 2 % of their variance, which the net can never explain. Also
    when a loss of probabilities gets the results of ReLU or tanh, or sigmoids that are divided by their sum instead of
    one softmax. Targets that are clipped on purpose, such as censored ones, would make it wrong.
    """

    name = "output activation that does not fit"
    fix = "remove the activation after the last layer, or use one whose range includes the targets"
    code = "{net}.layers[-1] = nn.Identity()  # where the last activation is"

    rows = 0
    outside = 0.0
    lost = 0.0  # the sum of the squares of what is outside

    def look(self, visit: Visit) -> Said | None:
        task = visit.task
        if task is None:
            return None
        output = viewed(task.answers)
        if task.kind in PROBABILITIES:
            return self._of_probabilities(visit, task)
        if task.kind not in DISTANCES or output.op not in RANGES or not visit.only_watched:
            return None
        low, high = RANGES[output.op]
        t = task.targets
        rows = len(t) if t.ndim else 1
        self.rows += rows
        self.outside += float(np.mean((t < low - MARGIN) | (t > high + MARGIN))) * rows
        self.lost += float(np.mean(np.square(t - np.clip(t, low, high)))) * rows
        variance = float(np.mean(np.var(visit.course.record.targets, axis=0)))
        if self.rows < ROWS or self.outside < OUTSIDE * self.rows or self.lost < LOST * variance * self.rows:
            return None
        return Said(
            f"{output.op} after the last layer cannot give all of the targets.",
            f"{output.op} gives numbers from {low:g} to {high:g}, but {self.outside / self.rows:.0%} of the targets "
            f"are outside (they go from {np.min(t):.3g} to {np.max(t):.3g})",
        )

    def _of_probabilities(self, visit: Visit, task: Task) -> Said | None:
        whole = normalized(task.answers)
        source = whole if whole is not None else viewed(task.answers)
        belongs = "softmax" if task.kind == "categorical" else "sigmoid"
        if source.op in ("relu", "tanh", "leaky_relu", "gelu", "silu", "elu"):
            evidence = _out_of_unit(source, f"{source.op} gave")
        elif whole is not None and source.op == "sigmoid":
            evidence = f"{np.shape(source.raw)[-1]} sigmoids are divided by their sum before the logarithm"
        else:
            return None
        return Said(
            f"the loss takes probabilities, and gets the results of {source.op}.",
            evidence,
            f"put a {belongs} after the last layer",
            f"{{net}}.layers[-1] = nn.{belongs.capitalize()}()",
        )


class RawOutputs(Rule):
    """Raw outputs of a layer in a loss that takes probabilities.

    Sure when a loss of probabilities gets the results of the last layer without an activation, and over 1 % of them are
    below 0 or above 1. A layer whose weights are limited so that it gives probabilities would make it wrong, but then
    no result is outside.
    """

    name = "raw outputs in a loss of probabilities"
    fix = "put a softmax (several classes) or a sigmoid (one output) after the last layer, or use a loss of logits"
    code = "loss = nn.functional.cross_entropy({net}(X), y)  # takes raw outputs"

    def look(self, visit: Visit) -> Said | None:
        task = visit.task
        if task is None or task.kind not in PROBABILITIES:
            return None
        whole = normalized(task.answers)
        source = viewed(whole if whole is not None else task.answers)
        if source.op == "add" and any(x.op in LAYERS for x in source.inputs):
            source = next(x for x in source.inputs if x.op in LAYERS)
        x = source.raw
        if source.op not in LAYERS or not np.mean((x < 0) | (x > 1)) > 0.01:
            return None
        return Said(
            "the loss takes the logarithm of probabilities, but gets the raw outputs of the last layer.",
            _out_of_unit(source, "the last layer gave"),
        )


class OneUnitSoftmax(Rule):
    """A softmax, or a division by the sum, over one unit: always 1.

    Sure when it is between the net and the loss. Nothing makes it wrong: the result does not depend on the net.
    """

    name = "softmax of one unit"
    fix = "use a sigmoid for one output, or one output per class"
    code = "loss = nn.functional.binary_cross_entropy_with_logits({net}(X), y.reshape(-1, 1))"
    confidence = 0.99

    def look(self, visit: Visit) -> Said | None:
        for node in visit.order:
            if node.op in ("cross_entropy", "logsumexp", "log_softmax"):
                shape = np.shape(node.inputs[0].raw)
            elif node.op == "softmax" or (node.op == "div" and normalized(node) is not None):
                shape = np.shape(node.raw)
            else:
                continue
            if len(shape) == 2 and shape[1] == 1:
                return Said(
                    "softmax over one unit is 1 whatever the net computes, so nothing is learned.",
                    f"{visit.describe(node)} works on rows of one number",
                )
        return None


class SoftmaxOverTheBatch(Rule):
    """A softmax along the rows of the batch instead of the classes of a row.

    Sure when, at three looks, the answers go through a softmax or its logarithm along the first axis before the loss,
    or are divided by their sum along it. The answers must have one row per sample, and not as many columns as rows.
    Attention over the rows of a batch would make it wrong, but then a product follows it.
    """

    name = "softmax over the batch"
    fix = "take the softmax along the classes, which is the last axis"
    code = "log_p = nn.functional.log_softmax({net}(X), axis=1)"

    def look(self, visit: Visit) -> Said | None:
        multiplied = {x for node in visit.order if node.op in ("matmul", "einsum") for x in node.inputs}
        after_the_net = [node for node in visit.order if _is_over_rows(node) and node not in visit.hidden | multiplied]
        wrong = [node for node in after_the_net if viewed(node.inputs[0]).requires_grad]
        if self.in_a_row(wrong) < 3:
            return None
        rows, columns = np.shape(wrong[0].raw)
        return Said(
            "the softmax is taken over the rows of the batch, so the samples compete with each other and not the "
            "classes.",
            f"{visit.describe(wrong[0])} adds up to 1 over the {rows} rows of each of {columns} columns",
        )


def _is_over_rows(node: Node) -> bool:
    if node.op not in ("softmax", "log_softmax", "div"):
        return False
    shape = np.shape(node.raw)
    if len(shape) != 2 or shape[0] == shape[1] or min(shape) < 2:
        return False
    if node.op != "div":
        return node.params.get("axis", -1) in (0, -2)
    of_a_softmax = normalized(node) is not None and viewed(node.inputs[0]).op in ("exp", "softmax")
    return of_a_softmax and np.size(node.inputs[1].raw) == shape[1]


class ReluBeforeLogitsLoss(Rule):
    """ReLU before a loss that takes logits, so that no logit is ever negative.

    Sure when the answers of cross-entropy or of binary cross-entropy with logits are the result of `relu`. A program
    that needs non-negative logits would make it wrong.
    """

    name = "ReLU before a loss of logits"
    fix = "give the loss what the last layer computes, without the ReLU"
    code = "{net}.layers[-1] = nn.Identity()  # instead of the last ReLU"
    confidence = 0.9

    def look(self, visit: Visit) -> Said | None:
        task = visit.task
        if task is None or task.kind not in ("cross_entropy", "bce_with_logits"):
            return None
        output = viewed(task.answers)
        if output.op != "relu" or output in visit.hidden:
            return None
        return Said(
            "the loss takes logits of both signs, but a ReLU cuts off the negative ones, and their gradients.",
            f"{np.mean(output.raw == 0):.0%} of the logits are exactly 0",
        )


def _out_of_unit(source: Node, who: str) -> str:
    x: Any = source.raw
    return (
        f"{who} numbers from {np.min(x):.3g} to {np.max(x):.3g}; {np.mean((x < 0) | (x > 1)):.0%} are outside of [0, 1]"
    )
