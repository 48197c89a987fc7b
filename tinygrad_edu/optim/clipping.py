"""Gradient clipping, between ``backward()`` and ``step()``."""

import math
from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.modes import check
from tinygrad_edu.graph.node import Node, data_of
from tinygrad_edu.optim.optimizer import larger
from tinygrad_edu.optim.parameters import nodes_of
from tinygrad_edu.support.arguments import positive
from tinygrad_edu.value import Constant, Value


def _gradients(params: Any, name: str) -> list[tuple[Any, Any]]:
    """The parameters that have a gradient, each with its numbers."""
    pairs = [(p, p.grad) for p in nodes_of(params, name)]
    return [(p, g.raw if isinstance(g, Node) else g) for p, g in pairs if g is not None]


def clip_grad_norm_(
    params: Iterable[Any] | Node, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients by one factor, so that their common norm is at most ``max_norm``.

    ``g ← g · min(1, max_norm / (‖g‖ + 1e-6))``, where ‖g‖ is the norm of all gradients as one vector.

    Parameters
    ----------
    params : Tensors or Values, or a single one. Those without a gradient are skipped.
    max_norm : positive.
    norm_type : the order of the norm, ``math.inf`` for the largest number.
    error_if_nonfinite : raise if the norm is not finite, and do not change the gradients.

    Returns
    -------
    float : the norm before.

    Raises
    ------
    ArgumentError : a setting is out of its range, or the norm is not finite and ``error_if_nonfinite`` is set.

    Notes
    -----
    PyTorch: ``torch.nn.utils.clip_grad_norm_``. Keras: ``global_clipnorm``.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, optim
    >>> a, b = Tensor([0.0]), Tensor([0.0])
    >>> a.grad, b.grad = [30.0], [40.0]
    >>> optim.clip_grad_norm_([a, b], max_norm=5.0)
    50.0
    >>> a.grad.round(6), b.grad.round(6)
    (array([3.]), array([4.]))
    """
    max_norm = positive("max_norm", max_norm)
    pairs = _gradients(params, "clip_grad_norm_")
    if norm_type == 2:
        squares: float = sum([_power_sum(p, g, 2) for p, g in pairs], 0.0)
        norm = squares**0.5
    else:
        norm = _norm(pairs, norm_type if norm_type == math.inf else positive("norm_type", norm_type))
    if error_if_nonfinite:
        check(_refuse_nonfinite, norm)
    factor = max_norm / larger(norm + 1e-6, max_norm)
    for p, g in pairs:  # also if the factor is 1: a step that `compile` records cannot branch
        p.grad = g * factor
    return norm


def _norm(pairs: list[tuple[Any, Any]], order: float) -> Any:
    """The norm of all gradients as one vector."""
    if order == math.inf:
        largest: Any = 0.0
        for p, g in pairs:
            largest = larger(abs(g) if isinstance(p, Value) else abs(g).max(initial=0.0).item(), largest)
        return largest
    return sum([_power_sum(p, g, order) for p, g in pairs], 0.0) ** (1 / order)


def _power_sum(p: Any, g: Any, order: float) -> Any:
    """Σ |g| ** order, of one parameter."""
    if isinstance(p, Value):
        return g * g if order == 2 else data_of(abs(Constant(g)) ** order)  # infinite where Python's ** raises
    wide = g if g.dtype.char == "d" else g.astype("float64")  # in float32 the powers of large numbers overflow
    return (wide * wide if order == 2 else abs(wide) ** order).sum().item()


def _refuse_nonfinite(norm: float) -> None:
    if not math.isfinite(norm):
        raise ArgumentError(f"clip_grad_norm_: the norm of the gradients is {norm}: find out where it comes from")


def clip_grad_value_(params: Iterable[Any] | Node, clip_value: float) -> None:
    """Clip every number in the gradients to [−clip_value, clip_value].

    Parameters
    ----------
    params : Tensors or Values, or a single one. Those without a gradient are skipped.
    clip_value : positive.

    Notes
    -----
    PyTorch: ``torch.nn.utils.clip_grad_value_``. Keras: ``clipvalue``.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, optim
    >>> W = Tensor([0.0, 0.0])
    >>> W.grad = [0.5, -7.0]
    >>> optim.clip_grad_value_([W], 1.0)
    >>> W.grad
    array([ 0.5, -1. ])
    """
    clip_value = positive("clip_value", clip_value)
    for p, g in _gradients(params, "clip_grad_value_"):
        low = larger(g, -clip_value) if isinstance(p, Value) else None
        p.grad = g.clip(-clip_value, clip_value) if low is None else -larger(-low, -clip_value)
