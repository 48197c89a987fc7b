"""Metrics: plain numbers from a model's outputs and the targets, as arrays."""

import functools
import itertools
import warnings
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.functions import as_array
from tinygrad_edu.graph.modes import check
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.support.arguments import shown, whole_number
from tinygrad_edu.support.types import Array


def predicted_classes(outputs: Array) -> Array:
    """The class with the highest score in each row of ``(n, k)``; for logits ``(n,)`` or ``(n, 1)``, 1 if positive.

    Integers or booleans of shape (n,) or (n, 1) are already classes.

    Examples
    --------
    >>> predicted_classes(np.array([[0.1, 2.0], [3.0, 0.2]])), predicted_classes(np.array([-1.0, 4.0]))
    (array([1, 0]), array([0, 1]))
    >>> predicted_classes(np.array([3, 1]))
    array([3, 1])
    """
    outputs = as_array(data_of(outputs))
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return np.asarray(np.argmax(outputs, axis=1))
    if outputs.dtype.kind in "iub":
        return outputs.reshape(-1).astype(np.int64)
    return (outputs.reshape(-1) > 0).astype(np.int64)


def accuracy(outputs: Array, targets: Array) -> float:
    """Share of rows whose predicted class is the target.

    Parameters
    ----------
    outputs : shape (n, classes), or (n,) or (n, 1) logits of two classes; integers of shape (n,) or (n, 1) are classes.
    targets : labels, integers of shape (n,) or (n, 1).

    Raises
    ------
    ShapeError : the number of labels is not the number of rows.
    ArgumentError : there are no rows, or a label is not a class: one logit per row tells 0 from 1.

    Examples
    --------
    >>> accuracy(np.array([[0.1, 2.0], [3.0, 0.2]]), np.array([1, 1]))
    0.5
    """
    predictions, labels = _predictions_and_labels("accuracy", outputs, targets)
    return float(np.mean(predictions == labels))


def _predictions_and_labels(name: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    predictions, given = predicted_classes(outputs), as_array(data_of(targets))
    labels = given.reshape(-1)
    if predictions.shape != labels.shape:
        raise ShapeError(
            f"{name} needs one label for each row, but was given outputs of shape {np.shape(outputs)} and targets of "
            f"shape {given.shape}: pass integer labels of shape ({len(predictions)},)"
        )
    if labels.dtype.kind not in "fiub":
        raise DTypeError(
            f"{name} needs labels that are numbers, but was given {labels.dtype}: np.unique(y, return_inverse=True)[1] "
            "turns names into numbers"
        )
    if not labels.size:
        raise ArgumentError(f"{name} needs at least one row, but was given none")
    check(_refuse_odd_labels, labels, name, _are_logits(outputs))
    return predictions, labels


def _are_logits(outputs: Any) -> bool:
    """Whether these are logits of two classes, one a row."""
    given = as_array(data_of(outputs))
    return given.dtype.kind not in "iub" and not (given.ndim == 2 and given.shape[1] > 1)


def _refuse_odd_labels(labels: Array, name: str, are_two: bool) -> None:
    """Raise if some labels can never be predicted, whatever the outputs are."""
    if are_two and not ((labels == 0) | (labels == 1)).all():
        raise ArgumentError(
            f"{name}: one number per row is a logit of the classes 0 and 1, but the labels are from {labels.min()} to "
            f"{labels.max()}: give labels 0 and 1, or classes as integers instead of logits"
        )
    if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
        raise ArgumentError(
            f"{name} needs labels that are whole numbers, but was given {labels.min()} to {labels.max()}"
        )


def mean_squared_error(outputs: Array, targets: Array) -> float:
    """Mean of the squared differences.

    Raises
    ------
    ShapeError : outputs and targets differ in shape.

    Examples
    --------
    >>> mean_squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    2.0
    """
    outputs, targets = as_array(data_of(outputs)), as_array(data_of(targets))
    if outputs.shape != targets.shape:
        raise ShapeError(
            f"mean_squared_error needs outputs and targets of one shape, but was given {outputs.shape} and "
            f"{targets.shape}: reshape one of them"
        )
    # In float64: the squares of a small type may not fit into it, and unsigned integers have no negative differences.
    return float(np.mean((outputs.astype(float) - targets.astype(float)) ** 2))


def confusion_matrix(targets: Array, outputs: Array, classes: int | None = None) -> Array:
    """Counts ``C[i, j]`` of rows of class ``i`` that were predicted as ``j``; arguments in scikit-learn's order.

    Parameters
    ----------
    targets, outputs : as for `accuracy`.
    classes : the number of classes; by default the largest class that occurs, plus 1.

    Returns
    -------
    ndarray of int, shape (classes, classes)

    Raises
    ------
    ShapeError, ArgumentError : as for `accuracy`, or a class is out of range.

    Warns
    -----
    DeprecationWarning : the outputs come first, as before version 0.2. They are still recognized as outputs.

    Examples
    --------
    >>> confusion_matrix(np.array([1, 1]), np.array([[0.1, 2.0], [3.0, 0.2]]))
    array([[0, 0],
           [1, 1]])
    """
    if _are_scores(targets) and not _are_scores(outputs):
        warnings.warn(
            "confusion_matrix takes the targets first, as scikit-learn does: write confusion_matrix(targets, outputs)",
            DeprecationWarning,
            stacklevel=2,
        )
        targets, outputs = outputs, targets
    predictions, labels = _predictions_and_labels("confusion_matrix", outputs, targets)
    n = int(max(predictions.max(), labels.max())) + 1 if classes is None else whole_number("classes", classes)
    if labels.dtype.kind not in "iu" or labels.min() < 0 or max(predictions.max(), labels.max()) >= n:
        raise ArgumentError(
            f"confusion_matrix needs labels that are integers from 0 to {n - 1}, but was given {labels.dtype} from "
            f"{labels.min()} to {labels.max()}, and outputs of class {predictions.max()}"
        )
    if predictions.min() < 0:
        raise ArgumentError(f"confusion_matrix needs classes from 0 on, but an output is of class {predictions.min()}")
    counts = np.zeros((n, n), dtype=np.int64)
    np.add.at(counts, (labels, predictions), 1)
    return counts


def _are_scores(given: Any) -> bool:
    """Whether these are a model's outputs: they cannot be labels."""
    array = as_array(data_of(given))
    return array.dtype.kind == "f" or (array.ndim == 2 and array.shape[1] > 1)


Metric = Callable[[Array, Array], float]
METRICS: dict[str, Metric] = {"accuracy": accuracy, "mean_squared_error": mean_squared_error}


RESERVED = ("loss", "lr")  # a history uses these names for its own numbers


def named_metrics(metrics: Any) -> dict[str, Metric]:
    """Metrics by name, from names, functions, or a mapping of them; all names differ."""
    if isinstance(metrics, Mapping):
        found = {str(name): metric for name, metric in metrics.items()}
    else:
        if not isinstance(metrics, Iterable) and not callable(metrics):
            raise DTypeError(
                f"metrics are names or functions, such as metrics='accuracy', but was given {shown(metrics)}"
            )
        found = {}
        for metric in (metrics,) if isinstance(metrics, str) or callable(metrics) else metrics:
            if isinstance(metric, str) and metric not in METRICS:
                raise ArgumentError(f"there is no metric {metric!r}: use one of {', '.join(METRICS)}, or a function")
            name = metric if isinstance(metric, str) else _name_of(metric)
            found[_unused(name, found)] = METRICS[metric] if isinstance(metric, str) else metric
    for name, metric in found.items():
        if name in RESERVED or name.startswith("val_"):
            raise ArgumentError(
                f"a metric cannot be called {name!r}, because a history uses that name for another number: name it, "
                "metrics={'name': function}"
            )
        if not callable(metric):
            raise DTypeError(f"the metric {name!r} must be a function of outputs and targets, but is {metric!r}")
    return found


def _name_of(metric: Any) -> str:
    """The name of a function, of the function in a `functools.partial`, or of the class of a callable object."""
    while isinstance(metric, functools.partial):
        metric = metric.func
    name = getattr(metric, "__name__", type(metric).__name__)
    return "metric" if name == "<lambda>" else str(name)


def _unused(name: str, names: Container[str]) -> str:
    """The name, followed by a number if the name is already used."""
    tries = itertools.chain([name], (f"{name}_{i}" for i in itertools.count(2)))
    return next(possible for possible in tries if possible not in names)
