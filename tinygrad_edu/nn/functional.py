"""Activations, losses and dropout as functions.

The losses take predictions and targets of exactly the same shape (`cross_entropy` and `nll_loss`: one label for each
row), and never broadcast: targets of shape (n,) against predictions of shape (n, 1) would make n² differences.
``reduction`` is "mean", "sum" or "none". Names and conventions are PyTorch's.

>>> import numpy as np
>>> from tinygrad_edu import Tensor
>>> logits = Tensor([[2.0, 0.0], [0.0, 0.0]])
>>> loss = cross_entropy(logits, np.array([0, 1]))
>>> loss.backward()
>>> round(loss.item(), 6), logits.grad.round(6).tolist()
(0.410038, [[-0.059601, 0.059601], [0.25, -0.25]])
"""

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu import functions
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.functions import as_array
from tinygrad_edu.graph import modes
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.nn.activations import (
    array_of,
    elu,
    gelu,
    glu,
    hardtanh,
    identity,
    leaky_relu,
    log_softmax,
    mish,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)
from tinygrad_edu.nn.convolution import (
    conv1d,
    conv2d,
    conv_transpose2d,
)
from tinygrad_edu.nn.init import Rng, generator
from tinygrad_edu.nn.pooling import (
    adaptive_avg_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from tinygrad_edu.operations.losses import CROSS_ENTROPY
from tinygrad_edu.support.arguments import fraction, positive
from tinygrad_edu.support.elsewhere import missing
from tinygrad_edu.tensor import Tensor, record

if not TYPE_CHECKING:  # a type checker would take it for every name
    __getattr__ = missing(__name__)

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "glu",
    "hardtanh",
    "hinge_loss",
    "huber_loss",
    "identity",
    "l1_loss",
    "leaky_relu",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]


def dropout(
    x: Any, p: float = 0.5, training: bool = True, *, rng: Rng = None, shape: tuple[int, ...] | None = None
) -> Any:
    """In training, ``x / (1 − p)`` with each entry set to 0 with probability p; else ``x``. See `nn.Dropout`.

    With a ``shape`` that broadcasts to that of ``x``, whole parts are dropped together.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> dropout(Tensor([1.0, 1.0, 1.0, 1.0]), p=0.75, rng=0).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    p = fraction("dropout: p", p)
    if not training or p == 0:
        return x
    x = array_of(x)
    kept = modes.draw(generator(rng).random, x.shape if shape is None else shape) >= p
    return functions.where(kept, x * (1 / (1 - p)), 0.0)


# --- losses of predictions and targets of one shape --------------------------------------------------------------


def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Mean squared error, ``(prediction − target)²``.

    Parameters
    ----------
    prediction : predictions.
    target : of the same shape.
    reduction : "mean", "sum" or "none".

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : the targets hold a NaN, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> mse_loss(Tensor([1.0, 4.0]), [1.0, 2.0]).item()
    2.0
    """
    prediction, target = _pair("mse_loss", prediction, target)
    difference = prediction - target
    return _reduced("mse_loss", difference * difference, reduction, target)


def l1_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Mean absolute error, ``|prediction − target|``.

    Parameters
    ----------
    prediction : predictions.
    target : of the same shape.
    reduction : "mean", "sum" or "none".

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : the targets hold a NaN, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> l1_loss(Tensor([1.0, 4.0]), [1.0, 2.0], reduction="none").tolist()
    [0.0, 2.0]
    """
    prediction, target = _pair("l1_loss", prediction, target)
    return _reduced("l1_loss", abs(prediction - target), reduction, target)


def huber_loss(prediction: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """``d²/2`` where the difference d is at most ``delta``, ``delta · (|d| − delta/2)`` beyond (Huber, 1964).

    Parameters
    ----------
    prediction : predictions.
    target : of the same shape.
    reduction : "mean", "sum" or "none".
    delta : where the parabola ends, positive.

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : the targets hold a NaN, ``delta`` is no positive number, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> huber_loss(Tensor([1.0, 4.0]), [0.0, 0.0], reduction="none").tolist()
    [0.5, 3.5]
    """
    delta = positive("huber_loss: delta", delta)
    prediction, target = _pair("huber_loss", prediction, target)
    difference = prediction - target
    distance = abs(difference)
    parabola, line = difference * difference * 0.5, (distance - 0.5 * delta) * delta
    return _reduced("huber_loss", functions.where(distance <= delta, parabola, line), reduction, target)


def binary_cross_entropy_with_logits(logits: Any, target: Any, reduction: str = "mean") -> Tensor:
    """``−target · log σ(logits) − (1 − target) · log(1 − σ(logits))``, of logits: before any sigmoid.

    Computed as ``max(x, 0) − x·t + log(1 + exp(−|x|))``, which overflows for no logit.

    Parameters
    ----------
    logits : logits.
    target : probabilities of the same shape, mostly 0 or 1.
    reduction : "mean", "sum" or "none".

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : a target is a NaN or not between 0 and 1, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> round(binary_cross_entropy_with_logits(Tensor([0.0, 1e4]), [1, 1]).item(), 6)
    0.346574
    """
    name = "binary_cross_entropy_with_logits"
    logits, target = _pair(name, logits, target)
    modes.check(_refuse_no_probabilities, data_of(target))
    return _reduced(name, logits.bce_with_logits(target), reduction, target)


def hinge_loss(scores: Any, target: Any, reduction: str = "mean") -> Tensor:
    """``max(0, 1 − target · scores)``, the loss of support vector machines.

    Parameters
    ----------
    scores : scores.
    target : -1 or 1, of the same shape.
    reduction : "mean", "sum" or "none".

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : a target is neither -1 nor 1, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> hinge_loss(Tensor([0.5, -2.0]), [1, 1], reduction="none").tolist()
    [0.5, 3.0]
    """
    scores, target = _pair("hinge_loss", scores, target)
    modes.check(_refuse_no_signs, data_of(target))
    return _reduced("hinge_loss", (1.0 - scores * target).relu(), reduction, target)


# --- losses of rows and labels ------------------------------------------------------------------------------------


def cross_entropy(logits: Any, target: Any, reduction: str = "mean") -> Tensor:
    """``−log softmax(logits)[label]`` of each row, of logits: before any softmax.

    Parameters
    ----------
    logits : logits, shape (n, classes).
    target : labels, integers of shape (n,) from 0 to classes − 1; or probabilities, floats of shape (n, classes).
    reduction : "mean", "sum" or "none".

    Notes
    -----
    With labels and the mean this is one operation, whose gradient is ``(softmax(logits) − onehot) / n``.

    Raises
    ------
    ShapeError : logits are no matrix, or target does not fit it.
    DTypeError : labels are not integers.
    ArgumentError : a label is out of range, the targets hold a NaN, or ``reduction`` is another.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import Tensor
    >>> round(cross_entropy(Tensor([[0.0, 0.0]]), np.array([1])).item(), 6)
    0.693147
    >>> cross_entropy(Tensor([[0.0, 0.0]]), np.array([2]))
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ArgumentError: cross_entropy: labels must lie between 0 and 1, the last class, but were given
    from 2 to 2
    """
    x = _tensor(logits)
    if target.__class__ is not np.ndarray or target.ndim == 2:
        shares = as_array(data_of(target))
        if shares.ndim == 2 and shares.dtype.kind == "f":
            x, target = _pair("cross_entropy", x, target)
            return _reduced("cross_entropy", -(target * x.log_softmax()).sum(-1), reduction, target)
    labels = _labels("cross_entropy", target, x)
    if reduction == "mean":
        return record(CROSS_ENTROPY, (x,), {"labels": labels, "memo": {}})
    return _reduced("cross_entropy", x.logsumexp(-1) - x[_index(len(labels)), labels], reduction)


def nll_loss(log_probabilities: Any, target: Any, reduction: str = "mean") -> Tensor:
    """``−log_probabilities[label]`` of each row, of logarithms of probabilities: behind `log_softmax`.

    Parameters
    ----------
    log_probabilities : shape (n, classes).
    target : labels, integers of shape (n,) from 0 to classes − 1.
    reduction : "mean", "sum" or "none".

    Raises
    ------
    ShapeError : log_probabilities are no matrix, or target does not fit it.
    DTypeError : labels are not integers.
    ArgumentError : a label is out of range, or ``reduction`` is another.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import Tensor
    >>> nll_loss(Tensor([[-0.5, -1.0]]), np.array([1])).item()
    1.0
    """
    x = _tensor(log_probabilities)
    labels = _labels("nll_loss", target, x)
    return _reduced("nll_loss", -x[_index(len(labels)), labels], reduction)


# --- what goes in, checked ----------------------------------------------------------------------------------------


def _tensor(x: Any) -> Tensor:
    return x if x.__class__ is Tensor else Tensor(x, requires_grad=False)


def _pair(name: str, given: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Predictions and targets as Tensors of one shape."""
    x = _tensor(given)
    t = target if target.__class__ is Tensor else Tensor(_numbers(name, target, x._data.dtype), requires_grad=False)
    if x._data.shape == t._data.shape:
        return x, t
    advice = "targets must have the shape of the predictions"
    if x.size == t.size:
        advice = f"give the target that shape with target.reshape{x.shape}"
    raise ShapeError(f"{name}: predictions of shape {x.shape} were given targets of shape {t.shape}: {advice}")


def _numbers(name: str, target: Any, dtype: Any) -> Any:
    """The target as an array of the predictions' type."""
    if target.__class__ is np.ndarray and target.dtype is dtype:
        return target
    array = as_array(data_of(target))
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"{name}: targets must be numbers, but were given as {array.dtype} of shape {array.shape}: y.astype(float) "
            "converts text that shows numbers, np.unique(y, return_inverse=True)[1] makes numbers of names"
        )
    return as_array(array, dtype)


def _labels(name: str, target: Any, x: Tensor) -> Any:
    """A copy of the labels as indices, one for each row of ``x``."""
    labels = target if target.__class__ is np.ndarray else as_array(data_of(target))
    shape = x._data.shape
    if len(shape) != 2 or not shape[0]:
        raise ShapeError(f"{name}: the first argument must have the shape (n, classes) with n ≥ 1, but has {shape}")
    if labels.dtype.kind not in "iu":
        odd: list[float] = labels[labels % 1 != 0].tolist() if labels.dtype.kind == "f" else []
        if odd:
            raise DTypeError(f"{name}: labels must be integers, but {odd[0]} is among them: look where it is from")
        raise DTypeError(
            f"{name}: labels must be integers, but were given as {labels.dtype} of shape {labels.shape}: "
            "y.astype(int) converts numbers, np.unique(y, return_inverse=True)[1] names; probabilities have one column "
            "for each class"
        )
    if labels.shape != shape[:1]:
        advice = "one label for each row" if labels.size != shape[0] else "make it one axis with y.ravel()"
        if labels.shape == shape:
            advice = "turn one-hot rows into labels with y.argmax(1)"
        raise ShapeError(f"{name}: logits of shape {shape} were given labels of shape {labels.shape}: {advice}")
    modes.check(_refuse_no_classes, labels, shape[1], name)
    return labels.astype(np.intp)


def _refuse_no_classes(labels: Any, classes: int, name: str) -> None:
    if labels.size < 40:  # the least and the greatest of a few are found more quickly by Python
        seen = labels.tolist()
        fits = min(seen) >= 0 and max(seen) < classes
    else:
        fits = np.maximum.reduce(labels.astype(np.uint64)) < classes  # without a sign, what was negative is large
    if not fits:
        if classes == 1:
            raise ArgumentError(
                f"{name}: one column of logits is one class, but labels up to {labels.max()} were given: let the net "
                "have an output for each class, or take binary_cross_entropy_with_logits"
            )
        raise ArgumentError(
            f"{name}: labels must lie between 0 and {classes - 1}, the last class, but were given from "
            f"{labels.min()} to {labels.max()}"
        )


@functools.lru_cache(16)
def _index(n: int) -> Any:
    index = np.arange(n)
    index.flags.writeable = False
    return index


def _reduced(name: str, losses: Tensor, reduction: str, target: Tensor | None = None) -> Tensor:
    """The mean or the sum of the losses, or they themselves; a NaN in them is looked for in the targets."""
    if reduction == "mean":
        if not losses.size:
            raise ArgumentError(f"{name}: there is no mean of no losses: the predictions have the shape {losses.shape}")
        y = losses.mean()
    elif reduction == "sum":
        y = losses.sum()
    elif reduction == "none":
        y = losses
    else:
        raise ArgumentError(f"{name}: reduction must be 'mean', 'sum' or 'none', but was given {reduction!r}")
    if target is not None:
        modes.check(_explain_nan, y._data, data_of(target), name)
    return y


def _explain_nan(y: Any, target: Any, name: str) -> None:
    if (y != y).any():
        _refuse_nan(name, target)


def _refuse_no_probabilities(target: Any) -> None:
    if target.size and not (np.minimum.reduce(target, None) >= 0 and np.maximum.reduce(target, None) <= 1):
        name = "binary_cross_entropy_with_logits"
        _refuse_nan(name, target)
        raise ArgumentError(
            f"{name}: targets must lie between 0 and 1, but were given from {target.min()} to {target.max()}: "
            "for targets of -1 and 1 there is hinge_loss, for numbers of classes cross_entropy"
        )


def _refuse_no_signs(target: Any) -> None:
    if not (abs(target) == 1).all():
        _refuse_nan("hinge_loss", target)
        raise ArgumentError(
            f"hinge_loss: targets must be -1 or 1, but were given {np.unique(target)[:5].tolist()}: "
            "2 * labels - 1 makes them of 0 and 1"
        )


def _refuse_nan(name: str, target: Any) -> None:
    bad = np.argwhere(target != target)
    if len(bad):
        raise ArgumentError(
            f"{name}: the target holds {len(bad)} NaN, the first at index {tuple(bad[0].tolist())}: "
            "drop these rows, or fill in numbers"
        )
