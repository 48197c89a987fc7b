"""What goes wrong with a net's inputs."""

import numpy as np

from tinygrad_edu.support.types import Array
from tinygrad_edu.train.doctor.finding import Rule, Said
from tinygrad_edu.train.doctor.visit import LAYERS, Visit, viewed

LARGE = 20.0  # root mean square of a feature
SMALL = 0.01
ROWS = 20


class NotNormalized(Rule):
    """Inputs far from the size that initializations are made for.

    Sure when a feature of what enters a first layer has a root mean square above 20, or when no entry is above 0.01,
    over at least twenty rows. Standardized features have 1, pixels in [0, 1] less, and 8x8 digits counted from 0 to 16
    at most 13. Layers that normalize their inputs first are left in peace.
    """

    name = "inputs not normalized"
    fix = "standardize them with the training set's mean and deviation (data.Standardizer), or divide pixels by 255"

    def __init__(self) -> None:
        self.rows = 0
        self.squares: dict[int, Array] = {}
        self.largest = 0.0

    def look(self, visit: Visit) -> Said | None:
        for node in visit.order:
            x = viewed(node.inputs[0]) if node.op in LAYERS else node
            if node.op in LAYERS and x.operation is None and not x.requires_grad and np.ndim(x._data) == 2:
                return self._measure(np.asarray(node.inputs[0]._data, dtype=float))
        return None

    def _measure(self, x: Array) -> Said | None:
        width = x.shape[-1]
        self.rows += x.size // width
        self.squares[width] = self.squares.get(width, 0) + np.square(x).reshape(-1, width).sum(0)
        self.largest = max(self.largest, float(np.max(np.abs(x), initial=0.0)))
        size = np.sqrt(self.squares[width] / self.rows)
        if self.rows < ROWS or not (np.max(size) > LARGE or 0 < self.largest < SMALL):
            return None
        kind = "large" if np.max(size) > LARGE else "small"
        return Said(
            f"the inputs are {kind}, far from the mean 0 and deviation 1 that weights are initialized for.",
            f"over {self.rows} rows, the root mean square of the features goes from {np.min(size):.3g} to "
            f"{np.max(size):.3g}, the largest entry is {self.largest:.3g}",
        )
