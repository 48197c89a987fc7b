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
        }

    def _reading(self) -> tuple[float, float]:
        """The output at which the class changes, and the slope there: tanh(slope · (output − center)) is shown.

        A loss that is 0 where the outputs are the targets compares the two. Others take logits: tanh(z / 2) = 2 p − 1.
        """
        targets = self.targets[:, None] if self.column else self.targets
        low, high = self.targets.tolist()
        at_targets = self.loss(Tensor(self.targets[:, None], requires_grad=False), targets)
        if abs(float(np.asarray(getattr(at_targets, "data", at_targets)))) > 1e-12:
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
