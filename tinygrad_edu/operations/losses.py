"""Losses fused into one operation, because the derivative of the whole is simpler and safer than that of the parts.

Softmax followed by the negative log-likelihood has the gradient ``softmax(x) − onehot``: nothing is divided by a
probability that may have rounded to zero.
"""

import functools
from typing import Any

import numpy as np

from tinygrad_edu.operations.matrices import ones
from tinygrad_edu.operations.operation import ArrayOperation
from tinygrad_edu.operations.reductions import SOFTMAX

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


@functools.lru_cache(32)
def _starts(n: int, classes: int) -> Array:
    return np.arange(0, n * classes, classes)


def _largest(x: Array, starts: Array) -> Array:
    """The largest entry of each row; the rows start there in the flattened array."""
    if len(x) > 8 * x.shape[1]:  # NumPy goes along short rows one by one, and along columns in one stride
        return np.maximum.reduce(x.T.copy(), 0)
    return np.maximum.reduceat(x.ravel(), starts)


def _cross_entropy(x: Array, *, labels: Array, memo: dict[str, Array]) -> Array:
    """Mean over the rows of ``log Σ exp(x) − x[label]``."""
    n, classes = x.shape
    starts = _starts(n, classes)
    entries = starts + labels  # each row's label in the flattened array
    # Numbers repeated along the rows, because NumPy takes twice as long to broadcast along short rows.
    flat = x.ravel() - _largest(x, starts).repeat(classes)
    picked = flat[entries]
    exp = np.exp(flat, flat).reshape(n, classes)
    total = exp.dot(ones(classes, exp.dtype))
    losses = np.log(total)
    losses -= picked
    memo["parts"] = x, exp, total, entries  # for the backward pass on the same array
    return np.asarray(losses.dot(ones(n, losses.dtype)) / n)


def _cross_entropy_gx(gy: Array, y: Array, x: Array, *, labels: Array, memo: dict[str, Array]) -> Array:
    if not isinstance(gy, np.ndarray):  # recorded: the graph must show how softmax depends on x
        onehot = (np.expand_dims(labels, 1) == np.arange(x.shape[1])).astype(x.dtype)
        return (SOFTMAX(x, axis=-1) - onehot) * (gy / len(labels))
    if "parts" not in memo or memo["parts"][0] is not x:
        _cross_entropy(x, labels=labels, memo=memo)
    _, gx, total, entries = memo.pop("parts")
    flat = gx.ravel()  # a view, since it is in C's order
    share = gy.item() / len(labels)
    shares = share / total
    flat *= shares.repeat(gx.shape[1])
    shares.fill(share)  # in the array's type: a Python number would double the time of this line
    flat[entries] -= shares
    return gx


CROSS_ENTROPY = ArrayOperation(
    "cross_entropy",
    _cross_entropy,
    _cross_entropy_gx,
    symbol="softmax + cross-entropy",
    formula="gy · (softmax(x) − onehot) / n",
)
