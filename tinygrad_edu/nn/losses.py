"""Losses of predictions and targets.

Predictions and targets have exactly the same shape (`cross_entropy` and `nll_loss`: one label for each row), and are
never broadcast: targets of shape (n,) against predictions of shape (n, 1) would make n² differences. ``reduction`` is
"mean", "sum" or "none". Names and conventions are PyTorch's.
"""

import functools
import math
from typing import Any

import numpy as np

from tinygrad_edu import functions
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.functions import as_array
from tinygrad_edu.graph import modes
from tinygrad_edu.graph.modes import WATCH
from tinygrad_edu.graph.node import Node, data_of
from tinygrad_edu.operations.losses import CROSS_ENTROPY
from tinygrad_edu.support.arguments import at_least_zero, positive, proportion, shown
from tinygrad_edu.tensor import Tensor, record

# --- losses of predictions and targets of one shape --------------------------------------------------------------


def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Mean squared error, ``(prediction − target)²``.

    Parameters
    ----------
    prediction, target : of one shape.
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
    prediction, target : of one shape.
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
    prediction, target : of one shape.
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


def smooth_l1_loss(prediction: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """``d² / (2 · beta)`` where the difference d is less than ``beta``, ``|d| − beta/2`` beyond (Girshick, 2015).

    Parameters
    ----------
    prediction, target : of one shape.
    reduction : "mean", "sum" or "none".
    beta : where the parabola ends; 0 gives `l1_loss`.

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : the targets hold a NaN, ``beta`` is negative, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> smooth_l1_loss(Tensor([1.0, 4.0]), [0.0, 0.0], reduction="none", beta=2.0).tolist()
    [0.25, 3.0]
    """
    if at_least_zero("smooth_l1_loss: beta", beta) == 0:
        return l1_loss(prediction, target, reduction)
    prediction, target = _pair("smooth_l1_loss", prediction, target)
    distance = abs(prediction - target)
    losses = functions.where(distance < beta, distance * distance * (0.5 / beta), distance - 0.5 * beta)
    return _reduced("smooth_l1_loss", losses, reduction, target)


def binary_cross_entropy_with_logits(
    logits: Any, target: Any, reduction: str = "mean", *, weight: Any = None, pos_weight: Any = None
) -> Tensor:
    """``−target · log σ(logits) − (1 − target) · log(1 − σ(logits))``, of logits: before any sigmoid.

    Computed as ``max(x, 0) − x·t + log(1 + exp(−|x|))``, which overflows for no logit.

    Parameters
    ----------
    logits, target : of one shape; a target is a probability, mostly 0 or 1.
    reduction : "mean", "sum" or "none".
    weight : numbers that broadcast to the losses and multiply them.
    pos_weight : numbers that broadcast to the losses and multiply their first term: above 1, a positive that is missed
        costs more.

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
    modes.check(_refuse_no_probabilities, data_of(target), name)
    if pos_weight is None:
        losses = logits.bce_with_logits(target)
    else:
        factor = 1.0 + (_weights_of(name, pos_weight, logits) - 1.0) * target
        losses = (1.0 - target) * logits + factor * (-logits).softplus()
    return _reduced(name, _weighted(name, losses, weight), reduction, target)


def binary_cross_entropy(prediction: Any, target: Any, reduction: str = "mean", *, weight: Any = None) -> Tensor:
    """``−target · log p − (1 − target) · log(1 − p)`` of probabilities p; a logarithm is −100 at least, as in PyTorch.

    Parameters
    ----------
    prediction : probabilities, after a sigmoid. `binary_cross_entropy_with_logits` is safer: it takes what the
        sigmoid takes.
    target : probabilities of the same shape, mostly 0 or 1.
    reduction : "mean", "sum" or "none".
    weight : numbers that broadcast to the losses and multiply them.

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : a prediction or a target is a NaN or not between 0 and 1, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> binary_cross_entropy(Tensor([0.5, 0.0]), [1, 1], reduction="none").data.round(6).tolist()
    [0.693147, 100.0]
    """
    name = "binary_cross_entropy"
    prediction, target = _pair(name, prediction, target)
    modes.check(_refuse_no_probabilities, data_of(target), name)
    modes.check(_refuse_logits, data_of(prediction))
    with np.errstate(divide="ignore"):  # log(0), which is taken as −100
        losses = prediction.bce(target)
    return _reduced(name, _weighted(name, losses, weight), reduction, target)


def kl_div(prediction: Any, target: Any, reduction: str = "mean", *, log_target: bool = False) -> Tensor:
    """``target · (log target − prediction)``: how far probabilities ``target`` are from those with these logarithms.

    Parameters
    ----------
    prediction : logarithms of probabilities, after `log_softmax`.
    target : probabilities of the same shape, or with ``log_target`` their logarithms.
    reduction : "batchmean", the sum over the number of rows, which is the divergence of Kullback and Leibler; or
        "mean", over all entries, "sum" or "none".
    log_target : whether targets are logarithms.

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : the targets hold a NaN, or ``reduction`` is another.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import Tensor
    >>> round(kl_div(Tensor(np.log([[0.5, 0.5]])), [[1.0, 0.0]], reduction="batchmean").item(), 6)
    0.693147
    """
    prediction, target = _pair("kl_div", prediction, target)
    if log_target:
        losses = target.exp() * (target - prediction)
    else:
        some = data_of(target) > 0
        losses = functions.where(some, target * functions.where(some, target, 1.0).log(), 0.0) - target * prediction
    if reduction == "batchmean":
        return _reduced("kl_div", losses, "sum", target) / len(losses)
    return _reduced("kl_div", losses, reduction, target)


def gaussian_nll_loss(
    prediction: Any, target: Any, var: Any, reduction: str = "mean", *, full: bool = False, eps: float = 1e-6
) -> Tensor:
    """``(log var + (prediction − target)² / var) / 2``: −log of a normal density (Nix & Weigend, 1994).

    Parameters
    ----------
    prediction : predicted means.
    target : of the same shape.
    var : predicted variances, not negative, of the same shape or with a last axis of length 1.
    reduction : "mean", "sum" or "none".
    full : adds the constant ``log(2π) / 2``.
    eps : smaller variances are taken as this, with the gradient that they have there.

    Raises
    ------
    ShapeError : the shapes do not fit.
    ArgumentError : a variance is negative, the targets hold a NaN, or ``reduction`` is another.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> gaussian_nll_loss(Tensor([1.0]), [3.0], Tensor([1.0])).item()
    2.0
    """
    prediction, target = _pair("gaussian_nll_loss", prediction, target)
    var = _tensor(var)
    if var.shape not in (prediction.shape, (*prediction.shape[:-1], 1)):
        raise ShapeError(
            f"gaussian_nll_loss: predictions of shape {prediction.shape} were given variances of shape {var.shape}: "
            "they must have that shape, or a last axis of length 1"
        )
    modes.check(_refuse_negative_variances, data_of(var))
    var = at_least(var, eps)
    difference = prediction - target
    losses = (var.log() + difference * difference / var) * 0.5
    return _reduced("gaussian_nll_loss", losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction, target)


def hinge_loss(scores: Any, target: Any, reduction: str = "mean") -> Tensor:
    """``max(0, 1 − target · scores)``, the loss of support vector machines.

    Parameters
    ----------
    scores, target : of one shape; a target is -1 or 1.
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
    modes.check(_refuse_no_signs, data_of(target), "hinge_loss")
    return _reduced("hinge_loss", (1.0 - scores * target).relu(), reduction, target)


def cosine_embedding_loss(x1: Any, x2: Any, target: Any, reduction: str = "mean", *, margin: float = 0.0) -> Tensor:
    """``1 − cos(x1, x2)`` of pairs that belong together, ``max(0, cos(x1, x2) − margin)`` of those that do not.

    Parameters
    ----------
    x1, x2 : vectors, of one shape (n, features) or (features,).
    target : 1 for a pair that belongs together, -1 for one that does not; shape (n,) or ().
    reduction : "mean", "sum" or "none".
    margin : from −1 to 1: how much alike others may be.

    Raises
    ------
    ShapeError : the shapes do not fit.
    ArgumentError : a target is neither -1 nor 1, or ``reduction`` is another.

    Examples
    --------
    >>> cosine_embedding_loss([[1.0, 0.0]], [[0.0, 1.0]], [1]).item()
    1.0
    """
    x1, x2 = _pair("cosine_embedding_loss", x1, x2)
    target = _tensor(_numbers("cosine_embedding_loss", target, x1.dtype))
    if target.shape != x1.shape[:-1] or x1.ndim not in (1, 2):
        raise ShapeError(
            f"cosine_embedding_loss: vectors of shape {x1.shape} were given targets of shape {target.shape}: one for "
            "each vector is needed"
        )
    modes.check(_refuse_no_signs, data_of(target), "cosine_embedding_loss")
    tiny = 1e-12
    cosine = (x1 * x2).sum(-1) / (((x1 * x1).sum(-1) + tiny) * ((x2 * x2).sum(-1) + tiny)).sqrt()
    losses = functions.where(data_of(target) == 1, 1.0 - cosine, (cosine - margin).relu())
    return _reduced("cosine_embedding_loss", losses, reduction, target)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    reduction: str = "mean",
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
) -> Tensor:
    """``max(0, d(anchor, positive) − d(anchor, negative) + margin)``, with distances ``d(a, b) = ‖a − b + eps‖_p``.

    Parameters
    ----------
    anchor, positive, negative : vectors of one shape (…, features): the second is like the first, the third is not.
    reduction : "mean", "sum" or "none".
    margin : how much farther the third must be than the second.
    p : the order of the norm.
    eps : keeps the slope of the norm finite.
    swap : take the distance of the third from the second where that is smaller (Balntas et al., 2016).

    Raises
    ------
    ShapeError : the shapes differ.
    ArgumentError : ``reduction`` is another.

    Examples
    --------
    >>> round(triplet_margin_loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.0]]).item(), 5)
    1.0
    """
    given, positive = _pair("triplet_margin_loss", anchor, positive)
    given, negative = _pair("triplet_margin_loss", given, negative)

    def distance(a: Tensor, b: Tensor) -> Any:
        return functions.norm(a - b + eps, p, axis=-1)

    far = distance(given, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    losses = (distance(given, positive) - far + margin).relu()
    return _reduced("triplet_margin_loss", losses, reduction)


# --- losses of rows and labels ------------------------------------------------------------------------------------


def cross_entropy(
    logits: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """``−log softmax(logits)[label]`` of each row, of logits: before any softmax.

    Parameters
    ----------
    logits : shape (n, classes), or (n, classes, d, …) with a label for each of n · d · … places.
    target : labels, integers of shape (n,) or (n, d, …) from 0 to classes − 1; or probabilities, floats of the shape
        of the logits.
    reduction : "mean", "sum" or "none".
    weight : a factor of the losses of each class; the mean is then the weighted one.
    ignore_index : labels with this number do not count.
    label_smoothing : from 0 to 1: so much of each target is spread evenly over all classes (Szegedy et al., 2016).

    Notes
    -----
    With labels, the mean and nothing else this is one operation, whose gradient is ``(softmax(logits) − onehot) / n``.

    Raises
    ------
    ShapeError : logits have no axis of classes, or target or weight do not fit them.
    DTypeError : labels are not integers.
    ArgumentError : a label is out of range, all are ignored, one class is given other targets than the label 0, the
        targets hold a NaN, or a setting is out of its range.

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
    smoothing = proportion("cross_entropy: label_smoothing", label_smoothing) if label_smoothing else 0.0
    if target.__class__ is not np.ndarray or target.ndim == x._data.ndim:
        shares = as_array(data_of(target))
        if shares.ndim == x.ndim and shares.dtype.kind == "f":
            return _cross_entropy_of_shares(x, target, reduction, weight, smoothing)
    x, labels, shape, are_classes = _rows_and_labels("cross_entropy", target, x, ignore_index)
    ignoring = not (are_classes and ignore_index < 0) and _ignores(labels, ignore_index)
    if weight is None and not smoothing and not ignoring:
        if reduction == "mean":
            return record(CROSS_ENTROPY, (x,), {"labels": labels, "memo": {}})
        losses = x.logsumexp(-1) - x[_index(len(labels)), labels]
        return _reduced("cross_entropy", losses.reshape(shape), reduction)
    log_p = x.log_softmax()
    return _of_labels("cross_entropy", log_p, labels, shape, reduction, weight, ignore_index, smoothing)


def _cross_entropy_of_shares(x: Tensor, target: Any, reduction: str, weight: Any, smoothing: float) -> Tensor:
    """The cross entropy with probabilities as targets."""
    x, target = _pair("cross_entropy", x, target)
    if not x.ndim:
        raise ShapeError("cross_entropy: the first argument has an axis of classes, but was given one number")
    axis = 1 if x.ndim > 1 else 0
    classes = x.shape[axis]
    _refuse_one_class("cross_entropy", classes)
    log_p = x.log_softmax(axis)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    if weight is not None:
        target = target * _class_weights("cross_entropy", weight, x).reshape((1, -1, *(1,) * (x.ndim - 2)))
    return _reduced("cross_entropy", -(target * log_p).sum(axis), reduction, target)


def nll_loss(
    log_probabilities: Any, target: Any, reduction: str = "mean", *, weight: Any = None, ignore_index: int = -100
) -> Tensor:
    """``−log_probabilities[label]`` of each row, of logarithms of probabilities: after `log_softmax`.

    Parameters
    ----------
    log_probabilities : shape (n, classes), or (n, classes, d, …) with a label for each of n · d · … places.
    target : labels, integers of shape (n,) or (n, d, …) from 0 to classes − 1.
    reduction, weight, ignore_index : as for `cross_entropy`.

    Raises
    ------
    ShapeError : log_probabilities have no axis of classes, or target or weight do not fit them.
    DTypeError : labels are not integers.
    ArgumentError : a label is out of range or all are ignored, or ``reduction`` is another.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import Tensor
    >>> nll_loss(Tensor([[-0.5, -1.0]]), np.array([1])).item()
    1.0
    """
    x, labels, shape, _ = _rows_and_labels("nll_loss", target, _tensor(log_probabilities), ignore_index)
    return _of_labels("nll_loss", x, labels, shape, reduction, weight, ignore_index, 0.0)


def _of_labels(
    name: str,
    log_p: Tensor,
    labels: Any,
    shape: tuple[int, ...],
    reduction: str,
    weight: Any,
    ignore_index: int,
    smoothing: float,
) -> Tensor:
    """The losses of rows of log-probabilities, whose labels may be weighted, ignored and smoothed."""
    counts = labels != ignore_index
    known = np.where(counts, labels, 0)
    weights = None if weight is None else _class_weights(name, weight, log_p)
    shares = counts.astype(log_p.dtype)
    if weights is not None:
        shares = shares * data_of(Tensor(weights, requires_grad=False)[known])
    losses = -log_p[_index(len(labels)), known] * shares
    if smoothing:
        spread = -(log_p if weights is None else log_p * weights).sum(-1) * counts.astype(log_p.dtype)
        losses = losses * (1 - smoothing) + spread * (smoothing / log_p.shape[1])
    if reduction == "mean":
        modes.check(_refuse_all_ignored, shares, name, ignore_index)
        return losses.sum() / np.add.reduce(shares)
    return _reduced(name, losses.reshape(shape), reduction)


def _class_weights(name: str, weight: Any, x: Tensor) -> Any:
    if isinstance(weight, Node) and weight.requires_grad:
        raise ArgumentError(
            f"{name} has no derivative by the weights of the classes, but was given weights that need a gradient: pass "
            "weight.detach()"
        )
    weights = as_array(data_of(weight), x.dtype)
    if weights.shape != x.shape[1:2]:
        raise ShapeError(
            f"{name}: weight must have one number for each of the {x.shape[1]} classes, but has shape {weights.shape}"
        )
    return weights


def _ignores(labels: Any, ignore_index: int) -> bool:
    """Whether some label may be the ignored one; in a compiled step, where numbers differ, if the index was given."""
    if labels.__class__ is not np.ndarray or ignore_index >= 0:
        return ignore_index != -100
    return ignore_index in labels.tolist() if labels.size < 40 else bool((labels == ignore_index).any())


def _refuse_all_ignored(shares: Any, name: str, ignore_index: int) -> None:
    if not shares.any():
        raise ArgumentError(
            f"{name}: there is no mean of no losses: all {len(shares)} labels are {ignore_index} or weigh 0"
        )


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
        sizes = ", ".join(map(str, (-1, *x.shape[1:])))  # the rows of a batch are fewer than those of y
        advice = f"give the targets that shape with y.reshape({sizes})"
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


def _rows_and_labels(name: str, target: Any, x: Tensor, ignore_index: int) -> tuple[Tensor, Any, tuple[int, ...], bool]:
    """The rows of logits, a copy of the labels as indices, the shape of the losses, and whether all labels are classes.

    The last is False where a compiled function checks the labels at each call.
    """
    labels = target if target.__class__ is np.ndarray else as_array(data_of(target))
    shape = x._data.shape
    if len(shape) < 2 or 0 in shape:
        raise ShapeError(
            f"{name}: the first argument must have the shape (n, classes) or (n, classes, d, …) without a length of 0, "
            f"but has {shape}"
        )
    if labels.dtype.kind not in "iu":
        _refuse_one_class(name, shape[1])
        is_read = labels.dtype.kind == "f" and modes.MODES.recorder is None
        odd: list[float] = labels[labels % 1 != 0].tolist() if is_read else []
        if odd:
            raise DTypeError(f"{name}: labels must be integers, but {odd[0]} is among them: look where it is from")
        raise DTypeError(
            f"{name}: labels must be integers, but were given as {labels.dtype} of shape {labels.shape}: "
            "y.astype(int) converts numbers, np.unique(y, return_inverse=True)[1] names; probabilities have one column "
            "for each class"
        )
    wanted = (shape[0], *shape[2:])
    if labels.shape != wanted:
        _refuse_one_class(name, shape[1])
        raise ShapeError(
            f"{name}: logits of shape {shape} were given labels of shape {labels.shape}: {_fix(labels, shape)}"
        )
    if len(shape) > 2:
        x, labels = functions.moveaxis(x, 1, -1).reshape(-1, shape[1]), labels.reshape(-1)
    are_classes = not WATCH.active and _are_classes(labels, shape[1])
    if not are_classes:
        modes.check(_refuse_no_classes, labels, shape[1], name, ignore_index)
    return x, labels.astype(np.intp), wanted, are_classes


def _refuse_one_class(name: str, classes: int) -> None:
    """Say what one column of logits means, where the targets are none of its labels, which could only be 0."""
    if classes == 1:
        raise ArgumentError(
            f"{name}: one column of logits is one class, whose softmax is always 1, so there is nothing to learn: let "
            "the net have an output for each class, or take binary_cross_entropy_with_logits"
        )


def _fix(labels: Any, shape: tuple[int, ...]) -> str:
    """What to do about labels of the wrong shape."""
    if labels.shape == shape:
        return "turn one-hot rows into labels with y.argmax(1)"
    if len(shape) > 2:
        return f"they must have the shape {(shape[0], *shape[2:])}, without the second axis, of the classes"
    return "one label for each row" if labels.size != shape[0] else "make it one axis with y.ravel()"


def _are_classes(labels: Any, classes: int) -> bool:
    """Whether each label is from 0 to ``classes`` − 1."""
    if labels.size < 40:  # the least and the greatest of a few are found more quickly by Python
        seen = labels.tolist()
        return min(seen) >= 0 and max(seen) < classes
    return bool(np.maximum.reduce(labels.astype(np.uint64)) < classes)  # without a sign, what was negative is large


def _refuse_no_classes(labels: Any, classes: int, name: str, ignore_index: int) -> None:
    if _are_classes(labels, classes):
        return
    labels = labels[labels != ignore_index]
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        _refuse_one_class(name, classes)
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
        raise ArgumentError(f"{name}: reduction must be 'mean', 'sum' or 'none', but was given {shown(reduction)}")
    if target is not None:
        modes.check(_explain_nan, y._data, data_of(target), name)
    return y


def _explain_nan(y: Any, target: Any, name: str) -> None:
    if (y != y).any():
        _refuse_nan(name, target)


def at_least(x: Any, least: float) -> Any:
    """``max(x, least)``, with the gradient of ``x``, which is how PyTorch keeps a divisor from 0."""
    given = data_of(x)
    return x + (np.maximum(given, least) - given)


def _weights_of(name: str, weight: Any, x: Tensor) -> Any:
    """Weights that broadcast to the shape of ``x``, in its type; a Tensor keeps its gradient."""
    weights = weight.astype(x.dtype) if isinstance(weight, Tensor) else as_array(data_of(weight), x.dtype)
    short = x.ndim - weights.ndim
    if short < 0 or any(w not in (1, n) for w, n in zip(weights.shape, x.shape[short:], strict=True)):
        raise ShapeError(f"{name}: weights of shape {weights.shape} do not broadcast to losses of shape {x.shape}")
    return weights


def _weighted(name: str, losses: Tensor, weight: Any) -> Tensor:
    return losses if weight is None else losses * _weights_of(name, weight, losses)


def _refuse_negative_variances(var: Any) -> None:
    if var.size and not var.min() >= 0:
        raise ArgumentError(f"gaussian_nll_loss: variances must not be negative, but the least is {var.min()}")


def _refuse_logits(prediction: Any) -> None:
    if prediction.size and not (prediction.min() >= 0 and prediction.max() <= 1):
        raise ArgumentError(
            f"binary_cross_entropy: predictions must be probabilities, but were given from {prediction.min()} to "
            f"{prediction.max()}: binary_cross_entropy_with_logits takes what comes before the sigmoid"
        )


def _refuse_no_probabilities(target: Any, name: str) -> None:
    if target.size and not (np.minimum.reduce(target, None) >= 0 and np.maximum.reduce(target, None) <= 1):
        _refuse_nan(name, target)
        raise ArgumentError(
            f"{name}: targets must lie between 0 and 1, but were given from {target.min()} to {target.max()}: "
            "for targets of -1 and 1 there is hinge_loss, for numbers of classes cross_entropy"
        )


def _refuse_no_signs(target: Any, name: str) -> None:
    if not (abs(target) == 1).all():
        _refuse_nan(name, target)
        raise ArgumentError(
            f"{name}: targets must be -1 or 1, but were given {np.unique(target)[:5].tolist()}: "
            "2 * labels - 1 makes them of 0 and 1"
        )


def _refuse_nan(name: str, target: Any) -> None:
    bad = np.argwhere(target != target)
    if len(bad):
        raise ArgumentError(
            f"{name}: the target holds {len(bad)} NaN, the first at index {tuple(bad[0].tolist())}: "
            "drop these rows, or fill in numbers"
        )
