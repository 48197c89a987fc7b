"""`lr_range_test`: which learning rates are worth trying, found by raising the rate until training breaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_edu.arguments import positive
from tinygrad_edu.data import batches
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.train.preserved import preserved

Array = npt.NDArray[Any]

SMOOTHING = 0.9  # of the running mean of the loss
DIVERGED = 4.0  # times the smallest loss: higher is off the map


@dataclass(frozen=True, repr=False)
class LRRange:
    """What `lr_range_test` found.

    Attributes
    ----------
    lrs : (steps,) learning rates, rising.
    losses : (seeds, steps) smoothed losses; nan from where a run diverged.
    suggestion : the learning rate at which the mean loss fell fastest; nan if it never fell by a twentieth.
    """

    lrs: Array
    losses: Array
    suggestion: float

    def __repr__(self) -> str:
        return f"<LRRange: {self}>"

    def __str__(self) -> str:
        found = f"the loss falls fastest near {self.suggestion:.2g}"
        if np.isnan(self.suggestion):
            found = "the loss does not clearly fall at any of them"
        return f"learning rates {self.lrs[0]:.1g} to {self.lrs[-1]:.1g} over {len(self.losses)} seeds: {found}"


def lr_range_test(
    model: Any,
    X: Array,
    y: Array,
    *,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    lr_min: float = 1e-6,
    lr_max: float = 10.0,
    steps: int = 100,
    batch_size: int = 32,
    seeds: int = 3,
) -> LRRange:
    """Train for a few steps while the learning rate rises from ``lr_min`` to ``lr_max``, and watch the loss.

    Below the useful range the loss stands still, above it explodes; where it falls fastest is a good rate to start
    with (Smith, 2017, "Cyclical learning rates"). Every seed starts from the same weights and shuffles differently.
    The model, the optimizer and their random generators are left exactly as they were.

    Parameters
    ----------
    model, X, y, loss, optimizer : as for `fit`.
    lr_min, lr_max : the first and the last rate; between them they rise by the same factor at every step.
    steps : how many, at least 5.
    batch_size : samples a step.
    seeds : how many runs, each with another order of the samples.

    Returns
    -------
    LRRange : the rates, the losses of each run, and a suggestion; `viz.plot_lr_range` draws it.

    Raises
    ------
    ArgumentError : the rates are not positive and rising, or there are too few steps, seeds or samples.

    Examples
    --------
    >>> from tinygrad_edu import nn, optim
    >>> from tinygrad_edu.data import xor
    >>> X, y = xor(repeats=16)
    >>> net = nn.MLP(2, [8, 2], rng=np.random.default_rng(0))
    >>> sgd = optim.SGD(net.parameters(), lr=1.0)
    >>> found = lr_range_test(net, X, y, loss=nn.functional.cross_entropy, optimizer=sgd)
    >>> 1e-3 < found.suggestion < 10
    True
    """
    lr_min, lr_max = positive("lr_range_test: lr_min", lr_min), positive("lr_range_test: lr_max", lr_max)
    if lr_min >= lr_max or steps < 5 or seeds < 1:
        raise ArgumentError(
            f"lr_range_test needs 0 < lr_min < lr_max, at least 5 steps and a seed, but was given lr_min={lr_min}, "
            f"lr_max={lr_max}, steps={steps}, seeds={seeds}"
        )
    lrs = np.geomspace(lr_min, lr_max, steps)
    losses = np.full((seeds, steps), np.nan)
    for seed in range(seeds):
        with preserved(model, optimizer):
            _one_run(model, X, y, loss, optimizer, lrs, batch_size, seed, losses[seed])
    return LRRange(lrs, losses, _steepest(lrs, losses))


def _one_run(
    model: Any,
    X: Array,
    y: Array,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    lrs: Array,
    batch_size: int,
    seed: int,
    smoothed: Array,
) -> None:
    """Fill ``smoothed`` until the run diverges."""
    model.train()
    rng = np.random.default_rng(seed)
    feed: Iterator[tuple[Array, Array]] = iter(())
    mean, best = 0.0, np.inf
    for i, lr in enumerate(lrs):
        batch = next(feed, None)
        if batch is None:
            feed = iter(batches(X, y, batch_size, rng))
            batch = next(feed)
        optimizer.lr = float(lr)
        with np.errstate(all="ignore"):  # it is meant to explode
            step_loss = loss(model(batch[0]), batch[1])
            optimizer.zero_grad()
            step_loss.backward()
            optimizer.step()
        mean = SMOOTHING * mean + (1 - SMOOTHING) * float(step_loss)
        smoothed[i] = mean / (1 - SMOOTHING ** (i + 1))
        best = min(best, smoothed[i])
        if not smoothed[i] <= DIVERGED * best:
            smoothed[i] = np.nan
            return


def _steepest(lrs: Array, losses: Array) -> float:
    """The rate at which the mean over the seeds falls fastest, where all of them are still on the map.

    The first tenth is left out: the running mean is of few losses there, and its noise looks like a fall.
    """
    whole = np.isfinite(losses).all(axis=0)
    last = int(np.argmin(whole)) if not whole.all() else len(lrs)
    first = len(lrs) // 10
    mean = losses[:, first:last].mean(axis=0) if last - first > 2 else np.array([])
    if not mean.size or mean.min() > 0.95 * mean[0]:
        return float("nan")
    slopes = np.gradient(mean, np.log(lrs[first:last]))
    return float(lrs[first + np.argmin(slopes)])
