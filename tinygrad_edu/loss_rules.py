"""Losses fused into one operation, because the sum of two simple derivatives is simpler and safer than either.

Softmax followed by the negative log-likelihood has the gradient ``softmax(x) − onehot``: nothing is divided by a
probability that may have rounded to zero.
"""

from typing import Any

import numpy as np

from tinygrad_edu.reduction_rules import SOFTMAX
from tinygrad_edu.rules import ArrayOperation

Array = Any  # an ndarray, or a Tensor while the backward pass is recorded


def _cross_entropy(x: Array, *, labels: Array, rows: Array) -> Array:
    shifted = x - np.maximum.reduce(x, axis=-1, keepdims=True)
    log_sum = np.log(np.add.reduce(np.exp(shifted), axis=-1))
    losses = log_sum - shifted[rows, labels]
    return np.add.reduce(losses) / len(labels)


def _cross_entropy_gx(gy: Array, y: Array, x: Array, *, labels: Array, rows: Array) -> Array:
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
