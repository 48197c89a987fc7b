"""Activations, layers without state, and losses, as functions. Names and conventions are PyTorch's.

>>> import numpy as np
>>> from tinygrad_edu import Tensor
>>> logits = Tensor([[2.0, 0.0], [0.0, 0.0]])
>>> loss = cross_entropy(logits, np.array([0, 1]))
>>> loss.backward()
>>> round(loss.item(), 6), logits.grad.round(6).tolist()
(0.410038, [[-0.059601, 0.059601], [0.25, -0.25]])
"""

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
from tinygrad_edu.nn.attention import scaled_dot_product_attention
from tinygrad_edu.nn.convolution import conv1d, conv2d, conv_transpose2d
from tinygrad_edu.nn.dropout import dropout
from tinygrad_edu.nn.losses import (
    at_least,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cross_entropy,
    gaussian_nll_loss,
    hinge_loss,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
    triplet_margin_loss,
)
from tinygrad_edu.nn.pooling import adaptive_avg_pool2d, avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.support.arguments import whole_number
from tinygrad_edu.support.calls import explains_calls
from tinygrad_edu.support.other_libraries import missing
from tinygrad_edu.tensor import Tensor, record

if not TYPE_CHECKING:  # a type checker would take it for every name
    __getattr__ = missing(__name__)

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "elu",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "hardtanh",
    "hinge_loss",
    "huber_loss",
    "identity",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "log_softmax",
    "max_pool1d",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "prelu",
    "relu",
    "relu6",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
    "triplet_margin_loss",
]


def one_hot(labels: Any, num_classes: int = -1) -> Tensor:
    """A row for each label: 1 in its column, 0 elsewhere.

    Parameters
    ----------
    labels : integers from 0 on, of any shape.
    num_classes : the length of a row; -1 takes the largest label plus one.

    Returns
    -------
    Tensor of integers, with one axis more than ``labels``: ``.astype(float)`` makes numbers to compute with.

    Raises
    ------
    DTypeError : labels are not integers.
    ArgumentError : a label is out of range.

    Examples
    --------
    >>> one_hot([0, 2]).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    indices = as_array(data_of(labels))
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"one_hot takes integers, but was given {indices.dtype}")
    num_classes = whole_number("one_hot: num_classes", num_classes, -1)
    if num_classes == -1:
        if not indices.size:
            raise ArgumentError("one_hot: without labels num_classes must be given")
        num_classes = int(indices.max()) + 1
    modes.check(_refuse_no_columns, indices, num_classes)
    given = labels if isinstance(labels, Tensor) else Tensor(indices, requires_grad=False)
    return record(_ONE_HOT, (given,), {"classes": num_classes})


class _OneHot(Operation):
    """A row for each label. Labels are integers, so it has no derivative."""

    name = symbol = "one_hot"
    gx_arrays = ()

    def forward(self, labels: Any, *, classes: int) -> Any:
        return (functions.expand_dims(labels, -1) == np.arange(classes)).astype(np.int64)


_ONE_HOT = _OneHot()


def _refuse_no_columns(indices: Any, num_classes: int) -> None:
    if indices.size and not 0 <= indices.min() <= indices.max() < num_classes:
        raise ArgumentError(
            f"one_hot: labels must lie between 0 and {num_classes - 1}, but were given from {indices.min()} to "
            f"{indices.max()}"
        )


@explains_calls
def normalize(x: Any, p: float = 2.0, axis: int = 1, eps: float = 1e-12) -> Any:
    """``x / max(‖x‖_p, eps)`` along the axis: vectors of length 1.

    Examples
    --------
    >>> normalize([[3.0, 4.0]]).tolist()
    [[0.6, 0.8]]
    """
    x = array_of(x)
    return x / np.maximum(functions.norm(x, p, axis=axis, keepdims=True), eps)


@explains_calls
def cosine_similarity(x1: Any, x2: Any, axis: int = 1, eps: float = 1e-8) -> Any:
    """``Σ x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps))`` along the axis: the cosine of the angle between vectors.

    Examples
    --------
    >>> cosine_similarity([[1.0, 0.0]], [[1.0, 1.0]]).data.round(6).tolist()
    [0.707107]
    """
    x1, x2 = array_of(x1), array_of(x2)
    try:
        shape = np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        raise ShapeError(
            f"cosine_similarity of {x1.shape}, {x2.shape}: these shapes do not broadcast together"
        ) from None
    x1, x2 = (x if x.shape == shape else functions.broadcast_to(x, shape) for x in (x1, x2))
    lengths = [at_least(functions.norm(x, axis=axis), eps) for x in (x1, x2)]
    return functions.sum(x1 * x2, axis) / (lengths[0] * lengths[1])
