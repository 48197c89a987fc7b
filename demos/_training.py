"""What the hand-written training loops of the demos share: the progress bar, and how to stop."""

import contextlib
from collections.abc import Iterator

from tqdm import tqdm

from tinygrad_edu.train import History


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
