"""Losses fused into one operation, because the derivative of the whole is simpler and safer than that of the parts.

Softmax followed by the negative log-likelihood has the gradient ``softmax(x) − onehot``: nothing is divided by a
probability that may have rounded to zero.
"""

from typing import Any

import numpy as np

from tinygrad_edu.reduction_rules import SOFTMAX
from tinygrad_edu.rules import ArrayOperation

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


def _cross_entropy(x: Array, *, labels: Array, rows: Array, memo: dict[str, Array]) -> Array:
    """Mean of ``log Σ exp(x) − x[label]`` over the rows."""
    y = x - np.maximum.reduce(x, axis=-1, keepdims=True)
    picked = y[rows, labels]
    np.exp(y, out=y)
    total = np.add.reduce(y, axis=-1, keepdims=True)
    y /= total
    memo["softmax"] = y  # for the backward pass on arrays; a recorded one must see how it depends on x
    return (np.log(total[:, 0]) - picked).sum() / len(labels)


def _cross_entropy_gx(
    gy: Array, y: Array, x: Array, *, labels: Array, rows: Array, memo: dict[str, Array]
) -> Array:
    if isinstance(gy, np.ndarray):
        gx = memo["softmax"] * (gy / len(labels))
        gx[rows, labels] -= gy / len(labels)
        return gx
    onehot = np.zeros(x.shape, x.dtype)
    onehot[rows, labels] = 1
    return (SOFTMAX(x, axis=-1) - onehot) * (gy / len(labels))


CROSS_ENTROPY = ArrayOperation(
    "cross_entropy",
    _cross_entropy,
    _cross_entropy_gx,
    symbol="softmax + cross-entropy",
    formula="gy · (softmax(x) − onehot) / n",
)
