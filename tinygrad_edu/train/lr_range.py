"""`lr_range_test`: which learning rates are worth trying, found by raising the rate until training breaks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any

import numpy as np

from tinygrad_edu.data import batches
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.support.arguments import as_number, positive
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.checks import check_loss, check_optimizer
from tinygrad_edu.train.preserved import preserved

SMOOTHING = 0.9  # of the running mean of the loss
DIVERGED = 4.0  # times the smallest loss: a higher loss ends the run
RISEN = 1.1  # times the smallest loss so far: from here on the rate is too high
FALLEN = 0.95  # times the loss of the same batches without training


@dataclass(frozen=True, repr=False)
class LRRange:
    """What `lr_range_test` found.

    Attributes
    ----------
    lrs : (steps,) learning rates, rising.
    losses : (seeds, steps) smoothed losses; nan from the step at which a run diverged.
    suggestion : the learning rate at which the mean loss fell fastest, before it rose for the first time; nan if
        training never made it 5 % smaller.
    """

    lrs: Array
    losses: Array
    suggestion: float

    @for_output
    def __repr__(self) -> str:
        return f"<LRRange: {self}>"

    @for_output
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

    Below the useful range the loss does not change, above it the loss explodes. The rate at which it falls fastest is
    a good rate to start with (Smith, 2017, "Cyclical learning rates"). Every seed starts from the same weights and
    shuffles differently. Afterwards the model, the optimizer and their random generators are exactly as before.

    Parameters
    ----------
    model, X, y, loss, optimizer : as for `fit`.
    lr_min, lr_max : the first and the last rate; each step multiplies the rate by the same factor.
    steps : number of steps, at least 5.
    batch_size : samples per step.
    seeds : number of runs, each with another order of the samples.

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
    check_optimizer(model, optimizer, "lr_range_test")
    lrs = np.geomspace(lr_min, lr_max, steps)
    losses, untrained = np.full((2, seeds, steps), np.nan)
    for seed in range(seeds):
        for rates, found in ((np.zeros(steps), untrained), (lrs, losses)):
            with preserved(model, optimizer):
                shuffled = batches(X, y, batch_size, np.random.default_rng(seed))
                feed = islice(chain.from_iterable(repeat(shuffled)), steps)  # one pass after another
                _one_run(model, feed, loss, optimizer, rates, found[seed])
    return LRRange(lrs, losses, _steepest(lrs, losses, untrained))


def _one_run(
    model: Any,
    feed: Iterable[tuple[Array, Array]],
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    lrs: Array,
    smoothed: Array,
) -> None:
    """Fill ``smoothed`` until the run diverges; at a rate of 0 nothing is learned."""
    model.train()
    mean, best = 0.0, np.inf
    for i, (lr, (batch, targets)) in enumerate(zip(lrs, feed, strict=True)):
        optimizer.lr = float(lr)
        with np.errstate(all="ignore"):  # the loss is expected to explode
            step_loss = loss(model(batch), targets)
            check_loss(step_loss)
            if lr:
                optimizer.zero_grad()
                step_loss.backward()
                optimizer.step()
        mean = SMOOTHING * mean + (1 - SMOOTHING) * as_number(step_loss)
        smoothed[i] = mean / (1 - SMOOTHING ** (i + 1))
        best = min(best, smoothed[i])
        if lr and not smoothed[i] <= DIVERGED * best:
            smoothed[i] = np.nan
            return


def _steepest(lrs: Array, losses: Array, untrained: Array) -> float:
    """The rate at which the mean over the seeds falls fastest, before it rises for the first time.

    The loss of the same batches without training is subtracted, which removes the noise of the batches. The first tenth
    is left out, because the running mean has few losses there. After the first rise the loss may fall again from a
    spike, but such a rate is not good for training.
    """
    finite = np.isfinite(losses).all(axis=0)
    last = int(np.argmin(finite)) if not finite.all() else len(lrs)
    first = len(lrs) // 10
    if last - first <= 2:
        return float("nan")
    mean, before = (curves[:, first:last].mean(axis=0) for curves in (losses, untrained))
    share = 1 + (mean - before) / max(float(np.abs(before).mean()), np.finfo(float).tiny)
    window = np.ones(max(1, len(lrs) // 30))
    share = np.convolve(share, window, mode="same") / np.convolve(np.ones(len(share)), window, mode="same")
    risen = share > RISEN * np.minimum.accumulate(share)
    end = int(np.argmax(risen)) if risen.any() else len(share)
    if end <= 2 or not (share[:end] < FALLEN).any():
        return float("nan")
    slopes = np.gradient(share[:end], np.log(lrs[first : first + end]))
    return float(lrs[first + np.argmin(slopes)])
