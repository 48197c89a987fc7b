"""Losses fused into one operation, because the derivative of the whole is simpler and safer than that of the parts.

Softmax followed by the negative log-likelihood has the gradient ``softmax(x) − onehot``: nothing is divided by a
probability that may have rounded to zero.
"""

import functools
from typing import Any

import numpy as np

from tinygrad_edu.matrix_rules import ones
from tinygrad_edu.reduction_rules import SOFTMAX
from tinygrad_edu.rules import ArrayOperation

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


@functools.lru_cache(32)
def _starts(n: int, classes: int) -> Array:
    return np.arange(0, n * classes, classes)


def _largest(x: Array) -> Array:
    """The largest entry of each row, as a column."""
    n, classes = x.shape
    if n > 8 * classes:  # NumPy goes along short rows one by one, and along columns in one stride
        return functools.reduce(np.maximum, x.T).reshape(n, 1)
    return np.maximum.reduce(x, axis=1, keepdims=True)


def _cross_entropy(x: Array, *, labels: Array, memo: dict[str, Array]) -> Array:
    """Mean over the rows of ``log Σ exp(x) − x[label]``."""
    n, classes = x.shape
    entries = _starts(n, classes) + labels  # each row's label in the flattened array
    exp = np.subtract(x, _largest(x), order="C")
    picked = exp.ravel()[entries]
    np.exp(exp, exp)
    total = exp.dot(ones(classes, exp.dtype))
    losses = np.log(total)
    losses -= picked
    memo["parts"] = x, exp, total, entries  # for the backward pass on the same array
    return np.asarray(losses.dot(ones(n, losses.dtype)) / n)


def _cross_entropy_gx(gy: Array, y: Array, x: Array, *, labels: Array, memo: dict[str, Array]) -> Array:
    if not isinstance(gy, np.ndarray):  # recorded: how softmax depends on x must be seen
        onehot = (np.expand_dims(labels, 1) == np.arange(x.shape[1])).astype(x.dtype)
        return (SOFTMAX(x, axis=-1) - onehot) * (gy / len(labels))
    if "parts" not in memo or memo["parts"][0] is not x:
        _cross_entropy(x, labels=labels, memo=memo)
    _, gx, total, entries = memo.pop("parts")
    share = gy.item() / len(labels)
    gx *= (share / total).reshape(-1, 1)
    gx.ravel()[entries] -= share  # a view, since it is in C's order
    return gx


CROSS_ENTROPY = ArrayOperation(
    "cross_entropy",
    _cross_entropy,
    _cross_entropy_gx,
    symbol="softmax + cross-entropy",
    formula="gy · (softmax(x) − onehot) / n",
)
