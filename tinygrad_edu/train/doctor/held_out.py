"""`HeldOut`: recognizes the losses that a program computes without training, such as after every epoch."""

import math
import weakref
from typing import Any

import numpy as np

from tinygrad_edu.graph.node import Node
from tinygrad_edu.train.doctor.course import Course, Evaluation
from tinygrad_edu.train.doctor.task import LAYERS

DEPTH = 3  # the last operations before the loss identify it
REMEMBERED = 64  # constants


class HeldOut:
    """Takes a constant for a loss if its last operations are those of the training loss."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self._chains: dict[int, tuple[weakref.ref[Node], tuple[str, ...]]] = {}
        self._loss: tuple[str, ...] = ()
        self._parameters = {*course.parameters.values()}

    def on_training_loss(self, root: Node) -> None:
        """Note the last operations of the training loss."""
        names: list[str] = []
        node = root
        while len(names) < DEPTH and node.operation is not None and node.op not in LAYERS:
            names.append(node.op)
            below = [x for x in node.inputs if x.requires_grad]
            if not below:
                break
            node = below[0]
        self._loss = tuple(names)

    def on_constant(self, operation: Any, inputs: tuple[Node, ...], y: Node) -> None:
        """A constant was computed: note how, and whether it is a loss."""
        if not self._loss:
            return
        self._note_rows(operation, inputs)
        below = next((chain for x in inputs if (chain := self._chain(x))), ())
        chain = (operation.name, *below)[:DEPTH]
        if len(self._chains) >= REMEMBERED:
            del self._chains[next(iter(self._chains))]
        self._chains[id(y)] = weakref.ref(y), chain
        if np.size(y.raw) == 1 and self._is_loss(chain):
            loss = float(np.reshape(y.raw, -1)[0])
            if math.isfinite(loss):
                self.course.evaluations.append(
                    Evaluation(len(self.course.losses), loss, bool(getattr(self.course.model, "training", False)))
                )

    def _chain(self, x: Node) -> tuple[str, ...]:
        """The operations that made a constant, the last one first; () if they were not seen."""
        reference, chain = self._chains.get(id(x), (None, ()))
        return chain if reference is not None and reference() is x else ()

    def _note_rows(self, operation: Any, inputs: tuple[Node, ...]) -> None:
        """Keep the rows that enter the first layer of the net."""
        if operation.name not in LAYERS or self._chain(inputs[0]) or np.ndim(inputs[0].raw) != 2:
            return
        if any(x in self._parameters for x in inputs[1:]):
            self.course.evaluated = inputs[0].raw

    def _is_loss(self, chain: tuple[str, ...]) -> bool:
        common = min(len(chain), len(self._loss))
        return chain[:common] == self._loss[:common] and (common > 1 or chain[0] == "cross_entropy")
