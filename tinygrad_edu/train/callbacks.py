"""Callbacks: what else happens during a training run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.optim import lr_scheduler
from tinygrad_edu.support.arguments import at_least_zero, one_of, whole_number
from tinygrad_edu.train.history import History


@dataclass
class Run:
    """A training run as its callbacks see it.

    Set ``stop`` to a sentence to end the run after this epoch. The sentence is the reason.
    """

    model: Any
    optimizer: Any
    history: History
    epochs: int
    rng: Any
    schedule: Any = None
    callbacks: tuple["Callback", ...] = ()
    epoch: int = 0  # epochs finished
    loss: float = math.nan  # the last step's
    numbers: dict[str, float] = field(default_factory=dict)  # this epoch's
    stop: str = ""
    setup: dict[str, Any] = field(default_factory=dict)  # what a `Checkpoint` compares, in plain numbers and words


class Callback:
    """Base class: override the methods you need. A `Checkpoint` keeps what `state_dict` returns.

    A callback may be used in several runs, so it resets what it remembers in `on_start`. If ``run.epoch`` is not 0, do
    not reset it: a `Checkpoint` has already loaded it.

    Examples
    --------
    >>> from tinygrad_edu import nn, optim, train
    >>> from tinygrad_edu.data import xor
    >>> class Stop(train.Callback):
    ...     def on_epoch(self, run):
    ...         if run.numbers["loss"] < 0.5:
    ...             run.stop = "good enough"
    >>> X, y = xor()
    >>> net = nn.MLP(2, [8, 2], rng=0)
    >>> history = train.fit(net, X, y, loss=nn.functional.cross_entropy, optimizer=optim.SGD(net.parameters(), lr=0.5),
    ...                     epochs=99, callbacks=[Stop()])
    >>> history.stopped
    'good enough'
    """

    def on_start(self, run: Run) -> None:
        """Before the first step."""

    def on_step(self, run: Run) -> None:
        """After each optimizer step, before the gradients are cleared."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch; ``run.numbers`` holds its numbers, and you may add more."""

    def on_recorded(self, run: Run) -> None:
        """After each epoch, when its numbers are in the history and the schedule has stepped."""

    def on_end(self, run: Run) -> None:
        """After the last step, or after Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """Numbers, strings and arrays by name."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load what `state_dict` returned."""


def monitored(run: Run, name: str | None) -> float:
    """The number to watch: the named one, or else the validation loss, or else the loss."""
    name = name or ("val_loss" if "val_loss" in run.numbers else "loss")
    if name not in run.numbers:
        raise ArgumentError(f"there is no {name!r} to watch: this run has {', '.join(run.numbers)}")
    return run.numbers[name]


FALLING, RISING = ("loss", "error"), ("accuracy",)  # known numbers have names that end like this


def mode_of(mode: str | None, monitor: str | None, who: str) -> str:
    """Whether the watched number should fall, "min", or rise, "max"."""
    if mode is not None:
        return one_of(f"{who}: mode", mode, "min", "max")
    name = "loss" if monitor is None else monitor
    if name.endswith(RISING):
        return "max"
    if name.endswith(FALLING):
        return "min"
    raise ArgumentError(
        f"{who} does not know whether {monitor!r} should fall or rise: pass mode='min' if it should fall, or mode='max'"
    )


class EarlyStopping(Callback):
    """Stop when the watched number has not improved for some epochs.

    Parameters
    ----------
    patience : epochs without improvement after which to stop.
    monitor : name of the number; the validation loss, or the loss, by default.
    min_delta : a smaller improvement does not count.
    mode : "min" for a number that should fall, "max" for one that should rise. It may be left out for a loss, an error
        or an accuracy, and has to be given for any other number.
    restore_best_weights : go back to the weights of the best epoch at the end.

    Attributes
    ----------
    best : the best number so far.
    best_epoch : the epoch of the best number; 0 before the first.

    Notes
    -----
    Keras: ``EarlyStopping``. PyTorch has none.

    Examples
    --------
    >>> from tinygrad_edu import nn, optim, train
    >>> from tinygrad_edu.data import xor
    >>> X, y = xor()
    >>> net = nn.MLP(2, [8, 2], rng=0)
    >>> history = train.fit(net, X, y, loss=nn.functional.cross_entropy, optimizer=optim.SGD(net.parameters(), lr=50.0),
    ...                     epochs=99, callbacks=[train.EarlyStopping(patience=3)])
    >>> history.stopped
    'stopped early: no improvement for 3 epochs, the best was epoch 1'
    """

    def __init__(
        self,
        patience: int = 10,
        *,
        monitor: str | None = None,
        min_delta: float = 0.0,
        mode: str | None = None,
        restore_best_weights: bool = False,
    ) -> None:
        self.patience = whole_number("EarlyStopping: patience", patience)
        self.monitor = monitor
        self.min_delta = at_least_zero("EarlyStopping: min_delta", min_delta)
        self.sign = -1.0 if mode_of(mode, monitor, "EarlyStopping") == "max" else 1.0
        self.restore_best_weights = restore_best_weights
        self._forget()

    def _forget(self) -> None:
        self.best = self.sign * math.inf
        self.best_epoch = 0
        self.weights: dict[str, Any] = {}

    def on_start(self, run: Run) -> None:
        if not run.epoch:
            self._forget()

    def on_epoch(self, run: Run) -> None:
        number = monitored(run, self.monitor)
        if self.sign * number < self.sign * self.best - self.min_delta:
            self.best, self.best_epoch = number, run.epoch
            if self.restore_best_weights:
                self.weights = run.model.state_dict()
        elif run.epoch - self.best_epoch >= self.patience:
            epochs = "1 epoch" if self.patience == 1 else f"{self.patience} epochs"
            run.stop = f"stopped early: no improvement for {epochs}, the best was epoch {self.best_epoch}"

    def on_end(self, run: Run) -> None:
        if self.weights:
            run.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        weights = {f"weights.{name}": array for name, array in self.weights.items()}
        return {"best": self.best, "best_epoch": self.best_epoch, **weights}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.best_epoch = float(state["best"]), int(state["best_epoch"])
        self.weights = {k.removeprefix("weights."): v for k, v in state.items() if k.startswith("weights.")}


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by ``factor`` when the watched number has not improved for more than some epochs.

    Parameters
    ----------
    factor : below 1.
    patience : number of epochs without improvement that are allowed.
    monitor, mode : as for `EarlyStopping`.
    min_lr : the lowest rate.

    Notes
    -----
    The rule is that of `optim.lr_scheduler.ReduceLROnPlateau`, with ``threshold=0``. Keras: ``ReduceLROnPlateau``.

    Examples
    --------
    >>> from tinygrad_edu import nn, optim, train
    >>> from tinygrad_edu.data import xor
    >>> X, y = xor()
    >>> net = nn.MLP(2, [8, 2], rng=0)
    >>> history = train.fit(net, X, y, loss=nn.functional.cross_entropy, optimizer=optim.SGD(net.parameters(), lr=50.0),
    ...                     epochs=4, callbacks=[train.ReduceLROnPlateau(patience=1)])
    >>> history["lr"]
    [50.0, 50.0, 50.0, 5.0]
    """

    def __init__(
        self,
        *,
        factor: float = 0.1,
        patience: int = 10,
        monitor: str | None = None,
        mode: str | None = None,
        min_lr: float = 0.0,
    ) -> None:
        self.monitor = monitor
        mode = mode_of(mode, monitor, "ReduceLROnPlateau")
        self._scheduler_of = partial(
            lr_scheduler.ReduceLROnPlateau, mode=mode, factor=factor, patience=patience, threshold=0.0, min_lr=min_lr
        )
        self._state: dict[str, Any] = {}  # a `Checkpoint` that comes first in the list loads it without a scheduler

    def on_start(self, run: Run) -> None:
        fresh = self._scheduler_of(run.optimizer)  # raises before the first step if a setting is out of its range
        if not run.epoch:
            self._state = fresh.state_dict()

    def on_epoch(self, run: Run) -> None:
        scheduler = self._scheduler_of(run.optimizer)
        scheduler.load_state_dict(self._state)
        scheduler.step(monitored(run, self.monitor))
        self._state = scheduler.state_dict()

    def state_dict(self) -> dict[str, Any]:
        return dict(self._state)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._state = dict(state)


def _norm(p: Any) -> float:
    """The norm of a parameter's gradient, in float64: in float16 the squares of large gradients overflow."""
    return float(np.linalg.norm(np.asarray(p.grad, float)))


class GradientConverged(Callback):
    """Stop when the norm of the whole gradient is smaller than a tolerance: the loss is flat here.

    It is the gradient of an epoch's last step. It belongs to all samples only if each step takes all of them.

    Parameters
    ----------
    tolerance : at least 0.
    """

    def __init__(self, tolerance: float = 1e-4) -> None:
        self.tolerance = at_least_zero("GradientConverged: tolerance", tolerance)

    def on_epoch(self, run: Run) -> None:
        norm = math.hypot(*(_norm(p) for p in run.model.parameters() if p.grad is not None))
        if norm < self.tolerance:
            run.stop = f"converged: the gradient's norm {norm:.3g} fell below {self.tolerance:g}"


class LossConverged(Callback):
    """Stop when the loss changes by less than a tolerance from one epoch to the next.

    Parameters
    ----------
    tolerance : at least 0.
    """

    def __init__(self, tolerance: float = 1e-6) -> None:
        self.tolerance = at_least_zero("LossConverged: tolerance", tolerance)
        self.last = math.inf

    def on_start(self, run: Run) -> None:
        if not run.epoch:
            self.last = math.inf

    def on_epoch(self, run: Run) -> None:
        change = abs(run.numbers["loss"] - self.last)
        if change < self.tolerance:
            run.stop = f"converged: the loss changed by {change:.3g}, less than {self.tolerance:g}"
        self.last = run.numbers["loss"]

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.last = float(state["last"])


class GradientFlow(Callback):
    """Record the norm of each weight's gradient after every epoch, as ``grad_norm.NAME``.

    If the norms become smaller from layer to layer towards the input, the gradient vanishes; if they grow, it explodes.
    """

    def on_epoch(self, run: Run) -> None:
        for name, p in run.model.named_parameters():
            if p.grad is not None:
                run.numbers[f"grad_norm.{name}"] = _norm(p)


class Snapshots(Callback):
    """Keep the model's weights every few epochs in ``history.snapshots``, for animations.

    Parameters
    ----------
    every : number of epochs between two snapshots.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = whole_number("Snapshots: every", every)

    def on_start(self, run: Run) -> None:
        if not run.epoch:
            run.history.snapshots.append((0, run.model.state_dict()))

    def on_epoch(self, run: Run) -> None:
        if run.epoch % self.every == 0:
            run.history.snapshots.append((run.epoch, run.model.state_dict()))
