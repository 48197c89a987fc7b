"""What the hand-written training loops of the demos share: the progress bar, how to stop, what a model answers."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from tinygrad_edu import nn, no_grad
from tinygrad_edu.train import History, predict


@contextlib.contextmanager
def stoppable(history: History) -> Iterator[None]:
    """Within it, Ctrl-C ends the training; what was learned and recorded so far remains, as after `fit`."""
    try:
        yield
        history.stopped = "finished 1 epoch" if history.epochs == 1 else f"finished {history.epochs} epochs"
    except KeyboardInterrupt:
        history.stopped = f"interrupted in epoch {history.epochs + 1}"


def progress(epochs: int, what: str) -> "tqdm[int]":
    """``range(epochs)`` with a progress bar, which is silent without a terminal."""
    return tqdm(range(epochs), desc=what, unit="epoch", disable=None, leave=False)


def scores_of(model: Any) -> Callable[[Any], Any]:
    """The model as a function of points, shape (n, 2), to scores, shape (n, outputs), in plain numbers."""

    def scores(points: Any) -> Any:
        if not isinstance(model, nn.scalar.MLP):
            return predict(model, points)
        with no_grad():
            outputs = [model(point) for point in points.tolist()]
        return np.array([[float(z) for z in (out if isinstance(out, list) else [out])] for out in outputs])

    return scores
