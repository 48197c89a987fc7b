"""Penalties: numbers that are added to the loss."""

from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.optim.parameters import nodes_of
from tinygrad_edu.support.arguments import at_least_zero


def l1_penalty(params: Iterable[Any] | Node, strength: float) -> Any:
    """``strength · Σ |p|``, which pulls parameters to exactly 0 (lasso).

    Parameters
    ----------
    params : Tensors or Values, or a single one; usually the weights without the biases.
    strength : at least 0.

    Notes
    -----
    Keras: ``regularizers.L1``. PyTorch has none.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, optim
    >>> W = Tensor([3.0, -4.0])
    >>> penalty = optim.l1_penalty([W], 0.1)
    >>> penalty.backward()
    >>> round(penalty.item(), 6), W.grad
    (0.7, array([ 0.1, -0.1]))
    """
    return _total([abs(p) for p in nodes_of(params, "l1_penalty")]) * at_least_zero("strength", strength)


def l2_penalty(params: Iterable[Any] | Node, strength: float) -> Any:
    """``strength · Σ p²``, which keeps parameters small (ridge, Tikhonov).

    Parameters
    ----------
    params, strength : as for `l1_penalty`.

    Notes
    -----
    Keras: ``regularizers.L2``. Under `SGD` it is the same as ``weight_decay=2 * strength``; under `Adam` it is the
    same as Adam's weight_decay, but not as that of `AdamW`.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, optim
    >>> W = Tensor([3.0, -4.0])
    >>> penalty = optim.l2_penalty([W], 0.1)
    >>> penalty.backward()
    >>> penalty.item(), W.grad
    (2.5, array([ 0.6, -0.8]))
    """
    return _total([p * p for p in nodes_of(params, "l2_penalty")]) * at_least_zero("strength", strength)


def _total(terms: list[Any]) -> Any:
    if not terms:
        raise ArgumentError("a penalty was given no parameters: is the list empty, or an iterator used up?")
    first, *others = (term.sum() if hasattr(term, "sum") else term for term in terms)
    return sum(others, first)
