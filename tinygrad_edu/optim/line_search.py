"""`BacktrackingLineSearch`: gradient descent that finds its own step length."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from tinygrad_edu.errors import ArgumentError, BackwardError, DTypeError
from tinygrad_edu.graph.modes import no_grad
from tinygrad_edu.optim.optimizer import Optimizer
from tinygrad_edu.support.arguments import as_number, fraction, positive, shown
from tinygrad_edu.value import Value


class BacktrackingLineSearch(Optimizer):
    """Gradient descent whose step is shortened until the loss has fallen enough (Armijo, 1966).

    With the gradient g at p, the step length s starts at ``lr`` and shrinks, ``s ← shrink · s``, until ::

        loss(p − s · g) ≤ loss(p) − c · s · ‖g‖²

    and then ``p ← p − s · g``. If s becomes smaller than ``floor`` first, s is ``fallback``, without a test.

    Parameters
    ----------
    params : Tensors or Values.
    lr : the first step length that is tried.
    shrink : factor from one to the next, below 1.
    c : the loss must fall by this share of what the gradient predicts; below 1.
    floor : the search ends when the step length is smaller.
    fallback : the step length that is used then.

    Attributes
    ----------
    step_size : the length of the latest step; None before the first.

    Raises
    ------
    ArgumentError : there are no parameters, or a setting is out of its range.

    Notes
    -----
    Nocedal & Wright, Numerical Optimization, algorithm 3.1. PyTorch has no such optimizer; its ``LBFGS`` also
    takes a function in ``step``.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.BacktrackingLineSearch([x])
    >>> loss = optimizer.step(lambda: 4 * x**2)
    >>> loss.data, optimizer.step_size, x.data
    (4.0, 0.125, 0.0)
    """

    hyperparameters: ClassVar[tuple[str, ...]] = ("lr", "shrink", "c", "floor", "fallback")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        shrink: float = 0.5,
        c: float = 1e-4,
        floor: float = 1e-10,
        fallback: float = 1e-6,
    ) -> None:
        super().__init__(params, positive("lr", lr))
        self.shrink = positive("shrink", fraction("shrink", shrink))
        self.c = fraction("c", c)
        self.floor = positive("floor", floor)
        self.fallback = positive("fallback", fallback)
        self.step_size: float | None = None

    def step(self, loss_of: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Search along the gradient, make the step, and return the loss before it.

        Parameters
        ----------
        loss_of : computes the loss, and returns it as a node. Called once for the gradient, then, under `no_grad`, for
            every step length that is tried; so it must compute the same each time. Afterwards the gradients are those
            of this step.

        Raises
        ------
        DTypeError : ``loss_of`` is not a function, or does not return a node.
        ArgumentError : it calls ``backward()`` itself.
        """
        if not callable(loss_of):
            raise DTypeError(
                f"{type(self).__name__}.step() takes a function that computes the loss and returns it, such as "
                f"lambda: mse_loss(net(X), y), but was given {shown(loss_of)}"
            )
        self.zero_grad()
        loss = loss_of()
        if not hasattr(loss, "backward"):
            raise DTypeError(f"the function given to step() must return the loss as a node, but returned {shown(loss)}")
        loss.backward()
        learning = [p for p in self.params if p.grad is not None]
        pairs = [(p, p.data if isinstance(p, Value) else p.numpy(), p.grad) for p in learning]
        slope = as_number(sum((g * g).sum() if hasattr(g, "sum") else g * g for _, _, g in pairs))
        try:
            self.step_size = self._search(loss_of, as_number(loss), slope, pairs)
        except BaseException:
            _move(pairs, 0.0)
            raise
        return loss

    def _search(self, loss_of: Callable[[], Any], loss: float, slope: float, pairs: list[Any]) -> float:
        s = self.lr
        while s >= self.floor:
            _move(pairs, s)
            if _value(loss_of) <= loss - self.c * s * slope:
                return s
            s *= self.shrink
        _move(pairs, self.fallback)
        return self.fallback


def _move(pairs: list[Any], s: float) -> None:
    """Put every parameter at distance ``s`` from where it was, against its gradient."""
    for p, start, g in pairs:
        if isinstance(p, Value):
            p.data = start - s * g
        else:
            p.update(start - s * g)


def _value(loss_of: Callable[[], Any]) -> float:
    try:
        with no_grad():
            return as_number(loss_of())
    except BackwardError:
        raise ArgumentError(
            "the function given to step() must only compute the loss and return it: step() itself calls backward()"
        ) from None
