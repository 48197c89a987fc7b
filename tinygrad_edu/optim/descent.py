"""Gradient descent: plain, with momentum, with Nesterov's."""

from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.optim.optimizer import Optimizer, running
from tinygrad_edu.support.arguments import at_least_zero


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for.

    ::

        g ← g + weight_decay · p
        b ← momentum · b + (1 − dampening) · g        at the first step b ← g
        g ← b                                         nesterov: g ← g + momentum · b
        p ← p − lr · g

    Parameters
    ----------
    params : Tensors or Values.
    lr : learning rate.
    momentum : share of the earlier steps that is kept; 0 is plain gradient descent.
    dampening : share of the newest gradient that does not go into the momentum.
    weight_decay : pulls parameters to 0, as the penalty ``weight_decay / 2 · Σ p²`` would.
    nesterov : take the gradient as if the step by momentum had been made (Sutskever et al., 2013).
    maximize : step up the gradient, so that the loss grows.

    Raises
    ------
    ArgumentError : there are no parameters, a setting is negative, or ``nesterov`` is set without momentum.

    Notes
    -----
    PyTorch: ``torch.optim.SGD``, equal to rounding. Keras writes momentum as ``v ← momentum · v − lr · g``, which
    is the same while the rate stays the same.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, optim
    >>> W = Tensor([1.0, 2.0])
    >>> optimizer = optim.SGD([W], lr=0.1)
    >>> (W * W).sum().backward()
    >>> optimizer.step()
    >>> W.data
    array([0.8, 1.6])
    """

    hyperparameters = ("lr", "momentum", "dampening", "weight_decay", "nesterov")
    entries = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        self.momentum = at_least_zero("momentum", momentum)
        self.dampening = at_least_zero("dampening", dampening)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self.nesterov = nesterov
        if nesterov and (momentum == 0 or dampening != 0):
            raise ArgumentError(
                f"nesterov needs momentum above 0 and dampening 0, but was given momentum={momentum!r} and "
                f"dampening={dampening!r}"
            )

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if self.cycled or self.momentum:  # a momentum that a schedule changes may be 0 for a while
            share = 1 - self.dampening if self.dampening and state else 1.0
            velocity = running(state, "momentum_buffer", self.momentum, share * g)
            change = g + self.momentum * velocity if self.nesterov else velocity
        else:
            change = g
        p -= self.lr * change
        return p
