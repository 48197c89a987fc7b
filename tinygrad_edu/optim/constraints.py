"""Constraints on the weights, applied after a step: ``optimizer.step(); max_norm_(weights, 3.0)``."""

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_edu.graph.node import Node, data_of
from tinygrad_edu.optim.optimizer import larger
from tinygrad_edu.optim.parameters import nodes_of
from tinygrad_edu.support.arguments import positive
from tinygrad_edu.value import Value


def max_norm_(params: Iterable[Any] | Node, limit: float, axis: int | tuple[int, ...] | None = 0) -> None:
    """Make every weight vector that is longer than ``limit`` that long.

    Parameters
    ----------
    params : Tensors, whose vectors lie along ``axis``: 0 gives, in a weight of shape (in, out), the inputs of each
        unit. Or Values, which together are one vector, such as the weights of a neuron.
    limit : positive.
    axis : as in ``numpy.linalg.norm``; None takes the whole Tensor as one vector.

    Notes
    -----
    Keras: ``constraints.MaxNorm``. PyTorch: ``torch.renorm``. Srivastava et al., 2014, use it with dropout.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, optim
    >>> W = Tensor([[3.0, 0.1], [4.0, 0.0]])
    >>> optim.max_norm_([W], limit=1.0)
    >>> W.data.round(6)
    array([[0.6, 0.1],
           [0.8, 0. ]])
    """
    limit = positive("limit", limit)
    _rescale(nodes_of(params, "max_norm_"), axis, lambda length: limit / larger(length, limit))


def unit_norm_(params: Iterable[Any] | Node, axis: int | tuple[int, ...] | None = 0) -> None:
    """Scale every weight vector to length 1; vectors of zeros do not change.

    Parameters
    ----------
    params, axis : as for `max_norm_`.

    Notes
    -----
    Keras: ``constraints.UnitNorm``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> w = [Value(3.0), Value(4.0)]
    >>> optim.unit_norm_(w)
    >>> [round(p.data, 6) for p in w]
    [0.6, 0.8]
    """
    _rescale(nodes_of(params, "unit_norm_"), axis, lambda length: 1 / (length + (length == 0)))


def _length(numbers: list[Any]) -> Any:
    """√Σx² of floats, scaled by the largest: squares of large numbers overflow, and those of tiny ones vanish."""
    largest: Any = 0.0
    for x in numbers:
        largest = larger(abs(x), largest)
    unit = largest + (largest == 0)
    return unit * sum([(x / unit) * (x / unit) for x in numbers], 0.0) ** 0.5


def _rescale(nodes: list[Any], axis: Any, factor: Callable[[Any], Any]) -> None:
    """Scale each vector by a factor that depends on its length; ``factor`` takes a float or an array of lengths."""
    values = [p for p in nodes if isinstance(p, Value)]
    scale = factor(_length([p.data for p in values]))
    for p in values:
        p.data *= scale
    for p in nodes:
        if not isinstance(p, Value):
            from tinygrad_edu.operations.matrices import NORM  # here, because Values work without NumPy

            data = data_of(p)
            p.data = data * factor(NORM(data, axis=axis, keepdims=True))  # its squares do not overflow
