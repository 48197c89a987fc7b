"""Callbacks: what happens beside the steps of a training run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.train.history import History


@dataclass
class Run:
    """A training run as its callbacks see it.

    Setting ``stop`` to a sentence ends the run after this epoch, with the sentence as the reason.
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


class Callback:
    """Base class: override what you need. `state_dict` is what a `Checkpoint` keeps of it."""

    def on_start(self, run: Run) -> None:
        """Before the first step."""

    def on_step(self, run: Run) -> None:
        """After each optimizer step; the gradients are still there."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch; ``run.numbers`` are its numbers, and may be added to."""

    def on_recorded(self, run: Run) -> None:
        """After each epoch, when its numbers are in the history and the schedule has stepped."""

    def on_end(self, run: Run) -> None:
        """After the last step, or after Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """Numbers, strings and arrays by name."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""


def monitored(run: Run, name: str | None) -> float:
    """The number to watch: the one named, else the validation loss, else the loss."""
    name = name or ("val_loss" if "val_loss" in run.numbers else "loss")
    if name not in run.numbers:
        raise ArgumentError(f"there is no {name!r} to watch: this run has {', '.join(run.numbers)}")
    return run.numbers[name]


class EarlyStopping(Callback):
    """Stop when the watched number has not improved for some epochs. Keras's names.

    Parameters
    ----------
    patience : epochs without improvement after which to stop.
    monitor : name of the number; the validation loss, or the loss, by default.
    min_delta : a smaller improvement does not count.
    mode : "min" or "max"; by default "max" for an accuracy, else "min".
    restore_best_weights : go back to the weights of the best epoch at the end.

    Examples
    --------
    >>> EarlyStopping(patience=5, restore_best_weights=True).best
    inf
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
        if patience < 1 or min_delta < 0:
            raise ArgumentError(
                f"EarlyStopping needs patience >= 1 and min_delta >= 0, but was given {patience} and {min_delta}"
            )
        self.patience = patience
        self.monitor = monitor
        self.min_delta = min_delta
        self.sign = -1.0 if (mode or ("max" if "accuracy" in (monitor or "") else "min")) == "max" else 1.0
        self.restore_best_weights = restore_best_weights
        self.best = math.inf
        self.best_epoch = 0
        self.weights: dict[str, Any] = {}

    def on_epoch(self, run: Run) -> None:
        number = self.sign * monitored(run, self.monitor)
        if number < self.best - self.min_delta:
            self.best, self.best_epoch = number, run.epoch
            if self.restore_best_weights:
                self.weights = run.model.state_dict()
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop = f"stopped early: no improvement for {self.patience} epochs, the best was epoch {self.best_epoch}"

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
    """Lower the learning rate when the watched number has not improved for some epochs.

    ``lr`` becomes ``max(lr · factor, min_lr)``. Names and rule are PyTorch's, with ``threshold=0``, and Keras's.
    """

    def __init__(
        self, *, factor: float = 0.1, patience: int = 10, monitor: str | None = None, min_lr: float = 0.0
    ) -> None:
        if not 0 < factor < 1:
            raise ArgumentError(f"ReduceLROnPlateau needs a factor between 0 and 1, but was given {factor}")
        self.factor = factor
        self.patience = patience
        self.monitor = monitor
        self.min_lr = min_lr
        self.best = math.inf
        self.waited = 0

    def on_epoch(self, run: Run) -> None:
        number = monitored(run, self.monitor)
        self.waited = 0 if number < self.best else self.waited + 1
        self.best = min(self.best, number)
        if self.waited > self.patience:
            run.optimizer.lr = max(run.optimizer.lr * self.factor, self.min_lr)
            self.waited = 0

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.waited = float(state["best"]), int(state["waited"])


class GradientConverged(Callback):
    """Stop when the norm of the whole gradient has fallen below a tolerance: the walk has come to flat ground."""

    def __init__(self, tolerance: float = 1e-4) -> None:
        self.tolerance = tolerance

    def on_epoch(self, run: Run) -> None:
        norm = math.sqrt(sum(float(np.sum(np.square(p.grad))) for p in run.model.parameters() if p.grad is not None))
        if norm < self.tolerance:
            run.stop = f"converged: the gradient's norm {norm:.3g} fell below {self.tolerance:g}"


class LossConverged(Callback):
    """Stop when the loss changes by less than a tolerance from one epoch to the next."""

    def __init__(self, tolerance: float = 1e-6) -> None:
        self.tolerance = tolerance
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

    Where the norms fall from layer to layer towards the input, the gradient vanishes; where they grow, it explodes.
    """

    def on_epoch(self, run: Run) -> None:
        for name, p in run.model.named_parameters():
            if p.grad is not None:
                run.numbers[f"grad_norm.{name}"] = float(np.linalg.norm(np.asarray(p.grad)))


class Snapshots(Callback):
    """Keep the model's weights every few epochs in ``history.snapshots``, for pictures that move."""

    def __init__(self, every: int = 1) -> None:
        self.every = every

    def on_start(self, run: Run) -> None:
        if not run.epoch:
            run.history.snapshots.append((0, run.model.state_dict()))

    def on_epoch(self, run: Run) -> None:
        if run.epoch % self.every == 0:
            run.history.snapshots.append((run.epoch, run.model.state_dict()))
