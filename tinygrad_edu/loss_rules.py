"""Losses fused into one operation, because the derivative of the whole is simpler and safer than that of the parts.

Softmax followed by the negative log-likelihood has the gradient ``softmax(x) − onehot``: nothing is divided by a
probability that may have rounded to zero.
"""

from typing import Any

import numpy as np

from tinygrad_edu.reduction_rules import SOFTMAX
from tinygrad_edu.rules import ArrayOperation

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


def _cross_entropy(x: Array, *, labels: Array, memo: dict[str, Array]) -> Array:
    """Mean over the rows of ``log Σ exp(x) − x[label]``."""
    n, classes = x.shape
    entries = np.arange(0, n * classes, classes) + labels  # each row's label in the flattened array
    gx = np.subtract(x, np.maximum.reduce(x, axis=1, keepdims=True), order="C")
    flat = gx.reshape(-1)  # a view, which in an array of another order it would not be
    picked = flat[entries]
    np.exp(gx, out=gx)
    total = np.add.reduce(gx, axis=1, keepdims=True)
    losses = np.log(total).reshape(-1)
    losses -= picked
    total *= n
    gx /= total
    flat[entries] -= 1 / n
    memo["gx"] = gx  # for the backward pass on arrays; a recorded one must see how it depends on x
    return np.add.reduce(losses) / n


def _cross_entropy_gx(gy: Array, y: Array, x: Array, *, labels: Array, memo: dict[str, Array]) -> Array:
    if isinstance(gy, np.ndarray):
        return memo["gx"] * gy
    onehot = (np.expand_dims(labels, 1) == np.arange(x.shape[1])).astype(x.dtype)
    return (SOFTMAX(x, axis=-1) - onehot) * (gy / len(labels))


CROSS_ENTROPY = ArrayOperation(
    "cross_entropy",
    _cross_entropy,
    _cross_entropy_gx,
    symbol="softmax + cross-entropy",
    formula="gy · (softmax(x) − onehot) / n",
)
