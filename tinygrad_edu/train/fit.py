"""`fit`: the training loop, with metrics, schedules and callbacks."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np

import tinygrad_edu
from tinygrad_edu.data import batches
from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.graph.modes import no_grad
from tinygrad_edu.graph.node import of_no_tensor
from tinygrad_edu.nn.init import generator
from tinygrad_edu.support.arguments import as_number, shown, whole_number
from tinygrad_edu.support.calls import explains_calls
from tinygrad_edu.support.interrupts import CtrlCWaits
from tinygrad_edu.support.progress import progress_bar
from tinygrad_edu.support.types import Array
from tinygrad_edu.train.callbacks import Callback, Run
from tinygrad_edu.train.checks import check_data, check_loss, check_parts
from tinygrad_edu.train.history import History
from tinygrad_edu.train.metrics import Metric, named_metrics

Loss = Callable[[Any, Any], Any]


@explains_calls
def fit(
    model: Any,
    X: Array,
    y: Array,
    *,
    loss: Loss,
    optimizer: Any,
    epochs: int = 10,
    batch_size: int | None = None,
    validation: tuple[Array, Array] | None = None,
    metrics: str | Metric | Iterable[str | Metric] | Mapping[str, Metric] = (),
    schedule: Any = None,
    callbacks: Sequence[Callback] = (),
    measure_training: bool = True,
    rng: np.random.Generator | int | None = None,
    compiled: bool = False,
    progress: bool | None = None,
) -> History:
    """Train ``model`` to make ``loss(model(X), y)`` small.

    Each step is ``loss → zero_grad → backward → step`` on a batch; an epoch is one pass over the data.

    Parameters
    ----------
    model : a Module; called with a batch of ``X``.
    X, y : arrays with one row per sample.
    loss : ``loss(outputs, targets)``, a function that gives one number, such as `nn.functional.cross_entropy`.
    optimizer : of the model's parameters.
    epochs : passes over the data, including those of an earlier run that a `Checkpoint` continues.
    batch_size : samples in a step; they are shuffled again in every epoch. None takes all at once, in their order.
    validation : arrays ``(X, y)`` to measure on after every epoch.
    metrics : names or functions ``metric(outputs, targets)``, measured after every epoch in evaluation mode, on the
        training data (``accuracy``) and on the validation data (``val_accuracy``).
    schedule : of the learning rate, from `optim.lr_scheduler`; it steps after every epoch, or after every step if it
        says so (``per_step``).
    callbacks : see `Callback`. If one is also a context manager, the run is inside its ``with`` block.
    measure_training : measure the metrics on the training data too, which takes a pass over all of it.
    rng : random numbers for the shuffling: the same generator or seed gives the same run.
    compiled : run the step as straight-line NumPy (`tinygrad_edu.compile`).
    progress : show a progress bar; by default only on a terminal and in a notebook.

    Returns
    -------
    History : ``history["loss"]`` is the mean loss of each epoch's steps, as they were taken. Ctrl-C ends the run and
        gives the history so far; so does a loss that is no longer a number. ``history.stopped`` says why a run ended.

    Raises
    ------
    ShapeError, ArgumentError, DTypeError : samples and targets differ in number, there are none, a part has a wrong
        type, or the optimizer has none of the model's parameters. Nothing has been trained then.

    Examples
    --------
    >>> from tinygrad_edu import nn, optim
    >>> from tinygrad_edu.data import xor
    >>> X, y = xor()
    >>> net = nn.MLP(2, [8, 2], activation="tanh", rng=np.random.default_rng(0))
    >>> history = fit(net, X, y, loss=nn.functional.cross_entropy, optimizer=optim.Adam(net.parameters(), lr=0.05),
    ...               epochs=100, metrics="accuracy")
    >>> history["accuracy"][-1]
    1.0
    """
    check_parts(model, loss, optimizer, schedule, callbacks)
    check_data(X, y, validation)
    whole_number("fit: epochs", epochs)
    if batch_size is not None:
        whole_number("fit: batch_size", batch_size)
    measured = named_metrics(metrics)
    sets = {"": (X, y)} if measured and measure_training else {}
    if validation is not None:
        sets["val_"] = validation
    seeded = rng is not None
    rng = np.random.default_rng(generator(rng))
    seed = f"{zlib.crc32(repr(rng.bit_generator.state).encode()):08x}" if seeded else "none"  # of the first state
    run = Run(model, optimizer, History(model, X, y), epochs, rng, schedule, tuple(callbacks))
    run.setup = {"loss": _name(loss), "batch size": batch_size, "number of samples": len(X), "seed": seed}
    step = _training_step(model, loss, optimizer, compiled=compiled)
    entered = ExitStack()
    try:
        for callback in run.callbacks:
            callback.on_start(run)
            if isinstance(callback, AbstractContextManager):
                entered.enter_context(callback)
        with progress_bar(progress, total=epochs, initial=run.epoch, unit="epoch") as bar:
            while run.epoch < epochs and not run.stop:
                _epoch(run, step, X, y, batch_size)
                _measure(run, loss, measured, sets)
                bar.set_postfix({k: f"{v:.4g}" for k, v in run.numbers.items() if "." not in k}, refresh=False)
                bar.update()
        run.history.stopped = run.stop or ("finished 1 epoch" if epochs == 1 else f"finished {epochs} epochs")
    except KeyboardInterrupt:
        run.history.stopped = f"interrupted in epoch {run.epoch + 1}"
    finally:
        entered.close()
        model.train()
    for callback in run.callbacks:
        callback.on_end(run)
    return run.history


def _name(function: Any) -> str:
    """The name of a function; "" for a lambda."""
    return str(getattr(function, "__name__", "")).replace("<lambda>", "")


def _training_step(model: Any, loss: Loss, optimizer: Any, *, compiled: bool) -> Callable[[Array, Array], Any]:
    def step(X: Array, y: Array) -> Any:
        batch_loss = loss(model(X), y)
        check_loss(batch_loss)
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        return batch_loss

    return tinygrad_edu.compile(step) if compiled else step


def _epoch(run: Run, step: Callable[[Array, Array], Any], X: Array, y: Array, batch_size: int | None) -> None:
    run.model.train()
    total = 0.0
    epoch = [(X, y)] if batch_size is None else batches(X, y, batch_size, run.rng)
    watchers = [c for c in run.callbacks if type(c).on_step is not Callback.on_step]
    per_step = run.schedule is not None and getattr(run.schedule, "per_step", False)
    for batch, targets in epoch:
        with CtrlCWaits():  # a compiled step changes parameters outside of `optimizer.step`
            run.loss = as_number(step(batch, targets))
        total += run.loss * len(batch)
        if per_step:
            run.schedule.step()
        for callback in watchers:
            callback.on_step(run)
    run.numbers = {"loss": total / len(X)}
    if not np.isfinite(total):
        run.stop = f"the loss became {run.loss} in epoch {run.epoch + 1}: lower the learning rate, or check the data"


def _measure(run: Run, loss: Loss, metrics: Mapping[str, Metric], sets: Mapping[str, tuple[Array, Array]]) -> None:
    """The epoch's end: metrics, schedule, history and callbacks."""
    run.epoch += 1
    run.numbers["lr"] = run.optimizer.lr
    for prefix, (X, y) in sets.items():
        outputs = predict(run.model, X)
        if prefix:
            with no_grad():
                run.numbers["val_loss"] = as_number(loss(tinygrad_edu.Tensor(outputs), y))
        run.numbers |= {prefix + name: metric(outputs, np.asarray(y)) for name, metric in metrics.items()}
    for callback in run.callbacks:
        callback.on_epoch(run)
    run.history.add(run.numbers, run.epoch)
    if run.schedule is not None and not getattr(run.schedule, "per_step", False):
        run.schedule.step()
    for callback in run.callbacks:
        callback.on_recorded(run)


def predict(model: Any, X: Array, batch_size: int = 4096) -> Array:
    """The model's outputs for the rows of ``X`` as an array, in evaluation mode and without a graph.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> predict(nn.Linear(3, 2), np.ones((5, 3))).shape
    (5, 2)
    """
    if not hasattr(model, "training"):
        raise ArgumentError(f"predict(model, X) takes the model first, but its first argument is {shown(model)}")
    training = model.training
    model.eval()
    try:
        with no_grad():
            parts = [_output(model, X[i : i + batch_size]) for i in range(0, max(len(X), 1), batch_size)]
    finally:
        model.train(training)
    return np.concatenate(parts)


def _output(model: Any, X: Array) -> Array:
    y = model(X)
    if not isinstance(y, tinygrad_edu.Tensor):
        raise DTypeError(f"predict() takes a model that returns one Tensor, but it {of_no_tensor(y)}")
    return y.numpy()
