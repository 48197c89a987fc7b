"""Optimizers that give every number a rate of its own: `Adam`, `AdamW`, `RMSprop`, `Adagrad`."""

from collections.abc import Iterable
from typing import Any, ClassVar

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.optim.optimizer import Optimizer, larger, running
from tinygrad_edu.support.arguments import at_least_zero, fraction, positive, shown


class AdamFamily(Optimizer):
    """What `Adam` and its relatives share: the settings, the weight decay, and the running averages."""

    decoupled_weight_decay: bool = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ArgumentError(f"betas must be two numbers, such as (0.9, 0.999), but was given {shown(betas)}")
        self.betas = fraction("betas[0]", betas[0]), fraction("betas[1]", betas[1])
        self.eps = positive("eps", eps)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)

    def _decayed(self, p: Any, g: Any) -> tuple[Any, Any]:
        """The parameter and its gradient, one of them with the weight decay."""
        if self.weight_decay and self.decoupled_weight_decay:
            p *= 1 - self.lr * self.weight_decay
        elif self.weight_decay:
            g = g + self.weight_decay * p
        return p, g

    def _averages(self, g: Any, state: dict[str, Any]) -> tuple[Any, Any, Any]:
        """The number of steps t, and the running averages of the gradients and of their squares."""
        beta1, beta2 = self.betas
        t = state["step"] = state.get("step", 0.0) + 1
        m = running(state, "exp_avg", beta1, (1 - beta1) * g)
        v = running(state, "exp_avg_sq", beta2, (1 - beta2) * g * g)
        return t, m, v


class Adam(AdamFamily):
    """Adam: steps of about ``lr``, in the direction of the mean gradient over its spread (Kingma & Ba, 2014).

    ::

        g ← g + weight_decay · p
        m ← β₁ · m + (1 − β₁) · g                   mean of the gradients
        v ← β₂ · v + (1 − β₂) · g²                  of their squares; amsgrad: the largest v so far is used
        p ← p − lr · m̂ / (√v̂ + eps)                 m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)

    Parameters
    ----------
    params : Tensors or Values.
    lr : learning rate.
    betas : β₁ and β₂, shares of the old in the running averages.
    eps : keeps the division finite.
    weight_decay : adds ``weight_decay · p`` to the gradient, which the division then scales; see `AdamW`.
    amsgrad : the divisor never becomes smaller (Reddi et al., 2018).
    maximize : step up the gradient, so that the loss grows.

    Raises
    ------
    ArgumentError : there are no parameters, or a setting is out of its range.

    Notes
    -----
    PyTorch: ``torch.optim.Adam``, equal to rounding. Keras: ``Adam``, whose eps is 1e-7.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.Adam([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.9
    """

    remark: ClassVar[str] = (
        "the step is lr * m_hat / (sqrt(v_hat) + eps), m_hat = m / (1 - beta1**t), v_hat = v / (1 - beta2**t);\n"
        "these divisors are numbers: put into rate and spread, they need no pass over an array"
    )
    hyperparameters = ("lr", "betas", "eps", "weight_decay", "amsgrad")
    entries = ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize)
        self.amsgrad = amsgrad

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        p, g = self._decayed(p, g)
        beta1, beta2 = self.betas
        t, m, v = self._averages(g, state)
        if self.amsgrad:
            v_max = state["max_exp_avg_sq"] = larger(v, state.get("max_exp_avg_sq", 0.0))
        # Both corrections, of m̂ and of v̂, are numbers. This saves two passes over the array.
        spread = (1 - beta2**t) ** 0.5
        rate = self.lr * spread / (1 - beta1**t)
        divisor = (v_max if self.amsgrad else v) ** 0.5
        divisor += self.eps * spread
        p -= rate * m / divisor
        return p


class AdamW(Adam):
    """`Adam`, with a weight decay that is not divided by the spread of the gradients (Loshchilov & Hutter, 2017).

    ``p ← p − lr · weight_decay · p``, then Adam's step without decay.

    Parameters
    ----------
    params : Tensors or Values.
    lr, betas, eps, amsgrad, maximize : as for `Adam`.
    weight_decay : every step shrinks each parameter by this share of ``lr``.

    Notes
    -----
    PyTorch: ``torch.optim.AdamW``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optim.AdamW([x], lr=0.1, weight_decay=0.5).step()  # the gradient is 0: only the decay is left
    >>> x.data
    0.95
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize)


class RMSprop(Optimizer):
    """RMSprop: each gradient over the root of the mean of its squares (Tieleman & Hinton, 2012).

    ::

        g ← g + weight_decay · p
        v ← alpha · v + (1 − alpha) · g²
        p ← p − lr · g / (√v + eps)                   centered: √(v − (mean of g)²)

    With momentum, ``b ← momentum · b + g / (√v + eps)`` and ``p ← p − lr · b``.

    Parameters
    ----------
    params, lr, eps, weight_decay, maximize : as for `Adam`.
    alpha : share of the old in the running averages.
    momentum : share of the earlier steps that is kept.
    centered : divide by the standard deviation of the gradients instead of the root of their mean square.

    Notes
    -----
    PyTorch: ``torch.optim.RMSprop``, equal to rounding. Keras: ``RMSprop(rho=0.9)``, where eps is inside the root.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.RMSprop([x], lr=0.01)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.9
    """

    hyperparameters = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered")
    entries = ("square_avg", "grad_avg", "momentum_buffer")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        self.alpha = fraction("alpha", alpha)
        self.eps = positive("eps", eps)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self.momentum = at_least_zero("momentum", momentum)
        self.centered = centered

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            g = g + self.weight_decay * p
        v = running(state, "square_avg", self.alpha, (1 - self.alpha) * g * g)
        if self.centered:
            mean = running(state, "grad_avg", self.alpha, (1 - self.alpha) * g)
            variance = larger(v - mean * mean, 0.0)  # rounding can make it negative
        divisor = (variance if self.centered else v) ** 0.5
        divisor += self.eps
        change = g / divisor
        if self.cycled or self.momentum:  # a momentum that a schedule changes may be 0 for a while
            velocity = running(state, "momentum_buffer", self.momentum, change)
            p -= self.lr * velocity
        else:
            p -= self.lr * change
        return p


class Adagrad(Optimizer):
    """Adagrad: each gradient over the root of the sum of all its squares so far (Duchi et al., 2011).

    ::

        g ← g + weight_decay · p
        s ← s + g²
        p ← p − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)

    Parameters
    ----------
    params, lr, eps, weight_decay, maximize : as for `Adam`.
    lr_decay : makes the rate fall with the number of steps t.
    initial_accumulator_value : s at the start.

    Notes
    -----
    PyTorch: ``torch.optim.Adagrad``, equal to rounding. Keras: ``Adagrad``, where s starts at 0.1.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.Adagrad([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.9
    """

    hyperparameters = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
    entries = ("step", "sum")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        self.lr_decay = at_least_zero("lr_decay", lr_decay)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self.initial_accumulator_value = at_least_zero("initial_accumulator_value", initial_accumulator_value)
        self.eps = positive("eps", eps)

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            g = g + self.weight_decay * p
        t = state.get("step", 0.0) + 1
        s = state.get("sum", self.initial_accumulator_value) + g * g
        state.update(step=t, sum=s)
        divisor = s**0.5
        divisor += self.eps
        rate = self.lr / (1 + (t - 1) * self.lr_decay)
        p -= rate * g / divisor
        return p
