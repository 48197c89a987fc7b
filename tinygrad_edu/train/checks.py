"""Checks of what `fit` is given, before the first step."""

from collections.abc import Iterable, Sized
from typing import Any

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.optim import BacktrackingLineSearch, lr_scheduler
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.train.callbacks import Callback


def check_data(X: Sized, y: Sized, validation: Any) -> None:
    """Raise unless there are samples, and one target for each."""
    if validation is not None and not (isinstance(validation, tuple | list) and len(validation) == 2):
        raise ArgumentError(f"fit needs validation=(X, y), but was given {_kind(validation)}")
    for what, samples, targets in (("", X, y), ("validation ", *(validation or (X, y)))):
        if len(samples) != len(targets):
            raise ShapeError(
                f"fit needs a target for each sample, but was given {len(samples)} {what}samples and "
                f"{len(targets)} targets"
            )
        if not len(samples):
            raise ArgumentError(f"fit needs at least one {what}sample, but was given none")


def _kind(things: Any) -> str:
    return f"{type(things).__name__} of {len(things)}" if isinstance(things, Sized) else repr(things)


def check_loss(y: Any) -> None:
    """Raise unless a backward pass can start at ``y``, the result of a loss function."""
    if not isinstance(y, Node):
        raise DTypeError(
            f"a loss function must return a Tensor or a Value, but it gave {shown(y)}: use "
            "nn.functional's losses, or operations on the outputs"
        )


def check_parts(model: Any, loss: Any, optimizer: Any, schedule: Any, callbacks: Any) -> None:
    """Raise unless each part is of the right kind, and they belong together."""
    if not hasattr(model, "parameters") or isinstance(model, type):
        raise DTypeError(f"fit trains a Module, such as nn.MLP(2, [8, 2]), but was given {shown(model)}")
    if not callable(loss):
        raise DTypeError(f"fit needs a loss such as nn.functional.cross_entropy, but was given loss={shown(loss)}")
    check_optimizer(model, optimizer)
    if schedule is not None:
        _check_schedule(optimizer, schedule)
    if not isinstance(callbacks, Iterable):
        raise DTypeError(f"fit takes a list, callbacks=[…], but was given {shown(callbacks)}")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            what = f"the class {callback.__name__}" if isinstance(callback, type) else f"{shown(callback)}"
            raise DTypeError(f"fit takes callbacks such as train.EarlyStopping(), but was given {what}")


def check_optimizer(model: Any, optimizer: Any, who: str = "fit") -> None:
    """Raise unless the optimizer can step after each loss, and changes parameters of the model."""
    if isinstance(optimizer, type) or not hasattr(optimizer, "step"):
        raise DTypeError(
            f"{who} takes an optimizer of the model's parameters, such as optim.SGD(net.parameters(), lr=0.1), but was "
            f"given {shown(optimizer)}"
        )
    if isinstance(optimizer, BacktrackingLineSearch):
        raise DTypeError(
            f"{who} steps once for each loss, but BacktrackingLineSearch tries several: write a loop, with "
            "optimizer.step(lambda: loss(net(X), y)) in it"
        )
    mine = model.parameters()
    if mine and {*mine}.isdisjoint(getattr(optimizer, "params", mine)):
        raise ArgumentError(
            f"{who}: the optimizer has none of the model's parameters, so nothing would be learned: make the "
            "optimizer after the model, such as optim.SGD(net.parameters(), lr=0.1)"
        )


def _check_schedule(optimizer: Any, schedule: Any) -> None:
    if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
        raise DTypeError(
            "fit: ReduceLROnPlateau needs a number to watch: give train.ReduceLROnPlateau() among the callbacks"
        )
    if isinstance(schedule, type) or not hasattr(schedule, "step"):
        raise DTypeError(
            "fit takes a schedule of its optimizer, such as optim.lr_scheduler.StepLR(optimizer, step_size=10), but "
            f"was given {shown(schedule)}"
        )
    if getattr(schedule, "optimizer", optimizer) is not optimizer:
        raise ArgumentError(
            "fit: the schedule belongs to another optimizer: make it with the optimizer that fit is given"
        )
