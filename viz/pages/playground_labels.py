"""The classes of a playground's samples: how they are written for the loss, and how the net's outputs are read."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.nn import functional
from tinygrad_edu.tensor import Tensor
from viz.pages.playground_programs import Loss

_CLASSES = 6  # for which the page has colours


@dataclass
class Labels:
    """The classes, what the loss sees of each, and the loss."""

    classes: Any
    targets: Any
    column: bool
    loss: Loss
    outputs: int

    def written(self, y: Any) -> Any:
        """Labels as the loss sees them.

        Raises
        ------
        ArgumentError : one is of none of the classes.
        """
        unknown = np.setdiff1d(y, self.classes)
        if len(unknown):
            raise ArgumentError(f"the labels are {', '.join(map(str, self.classes))}, but {unknown[0]} was given, too")
        return self.targets[np.searchsorted(self.classes, y)]

    def form(self) -> dict[str, Any]:
        """What the page has to know."""
        center, slope = self._reading() if self.outputs == 1 else (0.0, 1.0)
        return {
            "kind": "binary" if self.outputs == 1 else "classes",
            "column": self.column,
            "dtype": str(self.targets.dtype),
            "classes": [str(c) for c in self.classes],
            "targets": self.targets.tolist(),
            "center": center,
            "slope": slope,
            "logits": self._takes_logits(),
            "outputs": self._classes_of_outputs(),
        }

    def _classes_of_outputs(self) -> list[int]:
        """The class of each output, -1 where no sample has it. Labels that can number the outputs do so."""
        targets = self.targets.tolist()
        if self.outputs > 1 and set(targets) <= {*range(self.outputs)}:
            return [targets.index(k) if k in targets else -1 for k in range(self.outputs)]
        return [*range(self.outputs)]

    def _takes_logits(self) -> bool:
        """Whether the outputs are logits, which a cross-entropy turns into probabilities.

        A loss of the user's may be a function around a cross-entropy, so both are tried on the same outputs.
        """
        n = len(self.targets)
        outputs = np.cos(np.arange(n * self.outputs)).reshape(n, self.outputs)
        order = self._classes_of_outputs() if self.outputs > 1 else [*range(n)]
        numbers = np.array([order.index(k) for k in range(n)], self.targets.dtype)
        given = self._loss_of(outputs, self.targets, self.loss)
        expected = self._loss_of(outputs, numbers, _default_loss(self._shaped(numbers), self.outputs))
        return bool(abs(given - expected) <= 1e-9 * abs(expected))

    def _shaped(self, targets: Any) -> Any:
        return targets[:, None] if self.column else targets

    def _loss_of(self, outputs: Any, targets: Any, loss: Loss) -> float:
        found = loss(Tensor(outputs, requires_grad=False), self._shaped(targets))
        return float(np.asarray(getattr(found, "data", found)))

    def _reading(self) -> tuple[float, float]:
        """The output at which the class changes, and the slope there: tanh(slope · (output − center)) is shown.

        A loss that is 0 where the outputs are the targets compares the two. Others take logits: tanh(z / 2) = 2 p − 1.
        """
        low, high = self.targets.tolist()
        if abs(self._loss_of(self.targets[:, None], self.targets, self.loss)) > 1e-12:
            return 0.0, 0.5
        return (low + high) / 2, 3.0 / (high - low)


def labels_of(y: Any, outputs: int, loss: Loss | None) -> Labels:
    """The labels of a net with so many outputs. Without a loss of the user's, classes are numbered from 0.

    Raises
    ------
    ArgumentError : there are too few classes, too many for the page, or more than outputs.
    """
    classes = np.unique(y)
    if not 2 <= len(classes) <= _CLASSES:
        raise ArgumentError(
            f"playground() shows nets that tell 2 to {_CLASSES} classes apart, but y has {len(classes)} different "
            "values: pass class labels"
        )
    if len(classes) > max(2, outputs):
        raise ArgumentError(f"a net with {outputs} outputs tells {max(2, outputs)} classes apart, not {len(classes)}")
    dtype = np.float64 if outputs == 1 else np.int64
    targets = np.arange(len(classes), dtype=dtype) if loss is None else classes.astype(dtype)
    return Labels(classes, targets, y.ndim == 2, loss or _default_loss(y, outputs), outputs)


def _default_loss(y: Any, outputs: int) -> Loss:
    if outputs > 1:
        return functional.cross_entropy
    if y.ndim == 2:
        return functional.binary_cross_entropy_with_logits
    return lambda z, y: functional.binary_cross_entropy_with_logits(z[:, 0], y)
