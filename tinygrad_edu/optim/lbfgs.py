"""L-BFGS: steps along an estimate of Newton's direction, made of the latest steps and changes of the gradient."""

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.optim.parameters import leaves_of, parameters_to_vector, vector_to_parameters
from tinygrad_edu.optim.strong_wolfe import Place, strong_wolfe
from tinygrad_edu.support.arguments import as_number, at_least_zero, one_of, positive, shown, whole_number


class LBFGS:
    """L-BFGS for small problems and full batches (Nocedal, 1980). It needs NumPy, for Values too.

    Parameters
    ----------
    params : Tensors or Values.
    lr : length of a step along the direction; the first one is shorter, ``min(1, 1 / Σ|g|) · lr``.
    max_iter : number of iterations in a step.
    max_eval : number of evaluations of the loss in a step, by default ``max_iter · 5 / 4``.
    tolerance_grad : a step ends when no number in the gradient is larger.
    tolerance_change : a step ends when no parameter and no loss changes by more.
    history_size : number of the latest changes that are remembered.
    line_search_fn : "strong_wolfe" looks for a good distance along each direction; None goes ``lr`` times as far.

    Raises
    ------
    ArgumentError : there are no parameters, or a setting is out of its range.

    Notes
    -----
    PyTorch: ``torch.optim.LBFGS``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, optim
    >>> x = Tensor([3.0, -2.0])
    >>> optimizer = optim.LBFGS([x])
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - 1.0) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> loss = optimizer.step(closure)
    >>> x.data.round(6).tolist()
    [1.0, 1.0]
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        self.params = leaves_of(params, "LBFGS")
        self.lr = positive("lr", lr)
        self.max_iter = whole_number("max_iter", max_iter)
        self.max_eval = self.max_iter * 5 // 4 if max_eval is None else whole_number("max_eval", max_eval)
        self.tolerance_grad = at_least_zero("tolerance_grad", tolerance_grad)
        self.tolerance_change = at_least_zero("tolerance_change", tolerance_change)
        self.history_size = whole_number("history_size", history_size)
        self.line_search_fn = one_of("LBFGS: line_search_fn", line_search_fn, "strong_wolfe", None)
        self._steps: list[Any] = []  # of the parameters, and how the gradient changed with each
        self._changes: list[Any] = []
        self._direction: Any = None
        self._gradient: Any = None  # where the latest direction started; None before the first
        self._length = 0.0  # of the latest step, as a multiple of the direction
        self._scale = 1.0  # of the first estimate of the inverse Hessian

    def zero_grad(self) -> None:
        """Clear the gradients. Without this, ``backward()`` adds to them."""
        for p in self.params:
            p.grad = None if hasattr(p, "shape") else 0.0

    def step(self, closure: Callable[[], Any]) -> Any:
        """Make up to ``max_iter`` iterations; return the loss before them.

        Parameters
        ----------
        closure : clears the gradients, computes the loss, calls its ``backward()`` and returns it.
        """
        if not callable(closure):
            raise ArgumentError(
                f"LBFGS.step takes a function that computes the loss and its gradients, but was given {shown(closure)}"
            )
        first = closure()
        loss, g = as_number(first), self._flat_gradient()
        evaluations = 1
        if abs(g).max(initial=0.0) <= self.tolerance_grad:
            return first
        for iteration in range(1, self.max_iter + 1):
            length = min(1.0, 1.0 / abs(g).sum()) * self.lr if self._gradient is None else self.lr
            self._direction = self._next_direction(g)
            self._gradient = g
            here = Place(0.0, loss, g, g @ self._direction)
            if here.slope > -self.tolerance_change:
                break
            is_last = iteration == self.max_iter
            new, tries = self._moved(closure, here, length, self.max_eval - evaluations, evaluate=not is_last)
            self._length, loss, g = new.t, new.loss, new.gradient
            evaluations += tries
            if is_last or evaluations >= self.max_eval or abs(g).max() <= self.tolerance_grad:
                break
            if abs(self._length * self._direction).max() <= self.tolerance_change:
                break
            if abs(loss - here.loss) < self.tolerance_change:
                break
        return first

    def _moved(
        self, closure: Callable[[], Any], here: Place, length: float, most: int, *, evaluate: bool
    ) -> tuple[Place, int]:
        """Go along the direction; return the place reached, and how often the loss was evaluated."""
        x, tries = parameters_to_vector(self.params), 0

        def at(t: float) -> Place:
            nonlocal tries
            tries += 1
            vector_to_parameters(x + t * self._direction, self.params)
            loss, g = as_number(closure()), self._flat_gradient()
            return Place(t, loss, g, g @ self._direction)

        if self.line_search_fn:
            new = strong_wolfe(at, here, length, most, abs(self._direction).max(), self.tolerance_change)
            vector_to_parameters(x + new.t * self._direction, self.params)
        elif evaluate:
            new = at(length)
        else:
            vector_to_parameters(x + length * self._direction, self.params)
            new = here._replace(t=length)
        return new, tries

    def _flat_gradient(self) -> Any:
        import numpy as np

        gradients = [np.zeros(getattr(p, "shape", ())) if p.grad is None else p.grad for p in self.params]
        return np.concatenate([np.ravel(g) for g in gradients])

    def _next_direction(self, g: Any) -> Any:
        """``−H @ g``, H the estimate of the inverse Hessian, by Nocedal's two loops."""
        if self._gradient is None:
            return -g
        change, step = g - self._gradient, self._direction * self._length
        if change @ step > 1e-10:
            self._steps = [*self._steps, step][-self.history_size :]
            self._changes = [*self._changes, change][-self.history_size :]
            self._scale = change @ step / (change @ change)
        pairs = list(zip(self._steps, self._changes, strict=True))
        q, shares = -g, []
        for s, y in reversed(pairs):
            share = (s @ q) / (y @ s)
            q = q - share * y
            shares.append(share)
        direction = q * self._scale
        for (s, y), share in zip(pairs, reversed(shares), strict=True):
            direction = direction + s * (share - (y @ direction) / (y @ s))
        return direction
