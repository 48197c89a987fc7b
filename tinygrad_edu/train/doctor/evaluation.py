"""What goes wrong between training and evaluation."""

import weakref
from typing import Any

from tinygrad_edu.graph.node import Node
from tinygrad_edu.nn import BatchNorm1d, Dropout
from tinygrad_edu.train.doctor.finding import Rule, Said
from tinygrad_edu.train.doctor.visit import Visit


class TrainingModeInEvaluation(Rule):
    """A model that is evaluated while it behaves as in training.

    Sure when, after training has begun, a model with Dropout or BatchNorm1d in training mode was called under
    `no_grad`, or called twice for outputs that died without a backward pass. An output that is still held may have
    its pass yet to come; it counts when the watch ends.
    """

    name = "training mode during evaluation"
    fix = "call net.eval() before evaluating and net.train() before going on"

    def __init__(self) -> None:
        self.training = False
        self.switched: list[Any] | None = None  # the modules that training mode changes
        self.pending: list[weakref.ref[Node]] = []
        self.noisy = ""
        self.unused = 0

    def called(self, model: Any, y: Any) -> Said | None:
        if self.switched is None:
            self.switched = [m for _, m in model.named_modules() if isinstance(m, Dropout | BatchNorm1d)]
        noisy = [m for m in self.switched if m.training and getattr(m, "p", 1) > 0]
        if not self.training or not noisy or not isinstance(y, Node):
            return None
        self.noisy = type(noisy[0]).__name__
        if not y.requires_grad:
            return self._say("a call of the model under no_grad()")
        self.pending.append(weakref.ref(y))
        return None

    def before(self, visit: Visit) -> Said | None:
        self.training = True
        if not self.pending:
            return None
        inside = set(visit.order)
        alive = []
        for reference in self.pending:
            y = reference()
            if y is None:
                self.unused += 1
            elif y not in inside:
                alive.append(reference)
        self.pending = alive
        return self._if_several()

    def finish(self) -> Said | None:
        self.unused += len(self.pending)
        return self._if_several()

    def _if_several(self) -> Said | None:
        """One output may be left by a step that was broken off."""
        if self.unused < 2:
            return None
        return self._say(f"{self.unused} calls of the model whose outputs were not trained on")

    def _say(self, calls: str) -> Said:
        return Said(
            f"the model was evaluated in training mode, where {self.noisy} does what only training needs.",
            f"{calls}, while net.training was True",
        )
