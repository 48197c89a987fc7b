"""Further optimizers: `Adadelta`, `Adamax`, `NAdam`, `RAdam`, `Rprop`, `ASGD`, `Muon`.

Each class has its rule in one method. What they share is in `Optimizer` and `AdamFamily`.
"""

from collections.abc import Iterable
from typing import Any

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.optim.adaptive import AdamFamily
from tinygrad_edu.optim.optimizer import Optimizer, larger, running, sign
from tinygrad_edu.support.arguments import at_least_zero, fraction, positive, whole_number


class Adadelta(Optimizer):
    """Adadelta: gradients over the root of their mean square, times the same root of the steps (Zeiler, 2012).

    ::

        g ← g + weight_decay · p
        v ← rho · v + (1 − rho) · g²
        d ← √(u + eps) / √(v + eps) · g
        u ← rho · u + (1 − rho) · d²
        p ← p − lr · d

    Parameters
    ----------
    params, lr, weight_decay, maximize : as for `Adam`.
    rho : share of the old in the running averages.
    eps : keeps the division finite, and the first steps above 0.

    Notes
    -----
    PyTorch: ``torch.optim.Adadelta``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.Adadelta([x])
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.996838
    """

    hyperparameters = ("lr", "rho", "eps", "weight_decay")
    entries = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        self.rho = fraction("rho", rho)
        self.eps = positive("eps", eps)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            g = g + self.weight_decay * p
        v = running(state, "square_avg", self.rho, (1 - self.rho) * g * g)
        u = state.get("acc_delta", 0.0)
        change = (u + self.eps) ** 0.5 / (v + self.eps) ** 0.5 * g
        u = state["acc_delta"] = self.rho * u + (1 - self.rho) * change * change
        return p - self.lr * change


class Adamax(AdamFamily):
    """Adamax: Adam that divides by the largest gradient so far, which fades with time (Kingma & Ba, 2014).

    ::

        g ← g + weight_decay · p
        m ← β₁ · m + (1 − β₁) · g
        u ← max(β₂ · u, |g| + eps)
        p ← p − lr / (1 − β₁ᵗ) · m / u

    Parameters
    ----------
    params, lr, betas, eps, weight_decay, maximize : as for `Adam`.

    Notes
    -----
    PyTorch: ``torch.optim.Adamax``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.Adamax([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.9
    """

    hyperparameters = ("lr", "betas", "eps", "weight_decay")
    entries = ("step", "exp_avg", "exp_inf")

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        beta1, beta2 = self.betas
        p, g = self._decayed(p, g)
        t = state["step"] = state.get("step", 0.0) + 1
        m = running(state, "exp_avg", beta1, (1 - beta1) * g)
        u = state["exp_inf"] = larger(abs(g) + self.eps, beta2 * state.get("exp_inf", 0.0))
        return p - self.lr / (1 - beta1**t) * m / u


class NAdam(AdamFamily):
    """NAdam: Adam with Nesterov's momentum, which grows from step to step (Dozat, 2016).

    ::

        μₜ = β₁ · (1 − 0.96^(t · momentum_decay) / 2)
        p ← p − lr · ((1 − μₜ) / (1 − Π μ) · g + μₜ₊₁ / (1 − Π μ · μₜ₊₁) · m) / (√v̂ + eps)

    with m, v and v̂ as in `Adam`.

    Parameters
    ----------
    params, lr, betas, eps, weight_decay, maximize : as for `Adam`.
    momentum_decay : how fast the momentum grows.
    decoupled_weight_decay : shrink the parameters by ``lr · weight_decay`` and leave the gradient alone: see `AdamW`.

    Notes
    -----
    PyTorch: ``torch.optim.NAdam``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.NAdam([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 4)
    0.8944
    """

    hyperparameters = ("lr", "betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay")
    entries = ("step", "mu_product", "exp_avg", "exp_avg_sq")
    numbers = ("step", "mu_product")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize)
        self.momentum_decay = at_least_zero("momentum_decay", momentum_decay)
        self.decoupled_weight_decay = decoupled_weight_decay

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        beta1, beta2 = self.betas
        p, g = self._decayed(p, g)
        t, m, v = self._averages(g, state)
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (n * self.momentum_decay)) for n in (t, t + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        divisor = (v / (1 - beta2**t)) ** 0.5 + self.eps
        ahead = mu_next / (1 - product * mu_next)
        return p - self.lr * ((1 - mu) / (1 - product) * g + ahead * m) / divisor


class RAdam(AdamFamily):
    """RAdam: Adam that divides by the spread of the gradients only after enough steps (Liu et al., 2019).

    ::

        ρ∞ = 2 / (1 − β₂) − 1,   ρₜ = ρ∞ − 2 · t · β₂ᵗ / (1 − β₂ᵗ)
        r = √((ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ))
        p ← p − lr · m̂ · r · √(1 − β₂ᵗ) / (√v + eps)           if ρₜ > 5, else p ← p − lr · m̂

    with m, m̂ and v as in `Adam`.

    Parameters
    ----------
    params, lr, betas, eps, weight_decay, maximize : as for `Adam`.
    decoupled_weight_decay : shrink the parameters by ``lr · weight_decay`` and leave the gradient alone: see `AdamW`.

    Notes
    -----
    PyTorch: ``torch.optim.RAdam``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.RAdam([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.8
    """

    hyperparameters = ("lr", "betas", "eps", "weight_decay", "decoupled_weight_decay")
    entries = ("step", "exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, maximize)
        self.decoupled_weight_decay = decoupled_weight_decay

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        beta1, beta2 = self.betas
        p, g = self._decayed(p, g)
        t, m, v = self._averages(g, state)
        rho_max = 2 / (1 - beta2) - 1
        rho = rho_max - 2 * t * beta2**t / (1 - beta2**t)
        known = rho > 5.0  # a number, 0 or 1: what `compile` records cannot branch
        square = (rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho)
        rectified = larger(square, 0.0) ** 0.5 * (1 - beta2**t) ** 0.5
        factor = known * rectified / (v**0.5 + self.eps) + (1.0 - known)
        return p - self.lr / (1 - beta1**t) * m * factor


class Rprop(Optimizer):
    """Rprop: steps whose size follows the signs of the gradients alone (Riedmiller & Braun, 1993). For full batches.

    The step of a number grows while its gradient keeps its sign. When the sign changes, the step becomes smaller,
    and the number does not move this time.

    Parameters
    ----------
    params, maximize : as for `Adam`.
    lr : the first size of a step.
    etas : factors by which it shrinks and grows.
    step_sizes : the least and the largest step.

    Notes
    -----
    PyTorch: ``torch.optim.Rprop``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.Rprop([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.9
    """

    hyperparameters = ("lr", "etas", "step_sizes")
    entries = ("prev", "step_size")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50.0),
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        self.etas = (fraction("etas[0]", etas[0]), positive("etas[1]", etas[1]))
        self.step_sizes = (positive("step_sizes[0]", step_sizes[0]), positive("step_sizes[1]", step_sizes[1]))
        if self.etas[1] <= 1 or self.step_sizes[0] > self.step_sizes[1]:
            raise ArgumentError(
                f"Rprop: etas must be below and above 1, and step_sizes rise, but was given {etas} and {step_sizes}"
            )

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        (shrink, grow), (least, most) = self.etas, self.step_sizes
        same = sign(g * state.get("prev", 0.0))  # 1 where the gradient keeps its sign, -1 where it changes it
        kept, changed = (same * same + same) / 2, (same * same - same) / 2
        size = state.get("step_size", self.lr) * (1 + kept * (grow - 1) + changed * (shrink - 1))
        size = larger(-larger(-size, -most), least)
        g = g * (1 - changed)
        state.update(prev=g, step_size=size)
        return p - sign(g) * size


class ASGD(Optimizer):
    """Averaged gradient descent: steps that become smaller, and the mean of the parameters (Polyak & Juditsky, 1992).

    ::

        g ← g + weight_decay · p
        p ← p · (1 − lambd · η) − η · g              η = lr / (1 + lambd · lr · (t − 1))^alpha
        a ← a + (p − a) · μ                          μ = 1 / max(1, t − 1 − t0)

    Parameters
    ----------
    params, lr, weight_decay, maximize : as for `Adam`.
    lambd : how fast the rate falls, and how much the parameters shrink.
    alpha : the power of the rate's fall.
    t0 : the step from which on the mean is taken.

    Notes
    -----
    The mean a is stored in ``state`` as "ax". Each step computes the rate η of the next one, so a schedule of lr acts
    one step later. PyTorch: ``torch.optim.ASGD``, equal to rounding.

    Examples
    --------
    >>> from tinygrad_edu import Value, optim
    >>> x = Value(1.0)
    >>> optimizer = optim.ASGD([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> round(x.data, 6)
    0.79999
    """

    hyperparameters = ("lr", "lambd", "alpha", "t0", "weight_decay")
    entries = ("step", "eta", "ax")
    numbers = ("step", "eta")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        self.lambd = at_least_zero("lambd", lambd)
        self.alpha = at_least_zero("alpha", alpha)
        self.t0 = at_least_zero("t0", t0)
        self.weight_decay = at_least_zero("weight_decay", weight_decay)

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        if self.weight_decay:
            g = g + self.weight_decay * p
        t, eta = state.get("step", 0.0) + 1, state.get("eta", self.lr)
        p = p * (1 - self.lambd * eta) - eta * g
        mean = state.get("ax", 0.0)
        next_eta = self.lr / (1 + self.lambd * self.lr * t) ** self.alpha
        state.update(step=t, eta=next_eta, ax=mean + (p - mean) / larger(1.0, t - 1 - self.t0))
        return p


class Muon(Optimizer):
    """Muon: momentum made into an orthogonal matrix, so that all directions move equally far (Jordan, 2024).

    ::

        b ← momentum · b + (1 − momentum) · g
        u ← (1 − momentum) · g + momentum · b                            nesterov; else b
        p ← p · (1 − lr · weight_decay) − lr · √max(1, columns / rows) · orthogonal(u)

    For matrices only. ``orthogonal(u)`` is close to the product of the singular vectors of u. ``ns_steps`` steps of
    Newton and Schulz, ``x ← a · x + (b · x xᵀ + c · (x xᵀ)²) @ x``, bring all singular values close to 1.

    Parameters
    ----------
    params : Tensors of two axes, such as the weights of hidden layers; give the rest to `AdamW`.
    lr : learning rate.
    weight_decay : every step shrinks each parameter by this share of ``lr``.
    momentum : share of the old in the running average.
    nesterov : look one step ahead.
    ns_coefficients : a, b and c.
    eps : keeps the division by the norm finite.
    ns_steps : number of steps of Newton and Schulz.
    maximize : step up the gradient, so that the loss grows.

    Raises
    ------
    ArgumentError : a parameter does not have two axes.

    Notes
    -----
    PyTorch: ``torch.optim.Muon`` with ``adjust_lr_fn="original"``. There the steps of Newton and Schulz are computed in
    bfloat16, with two or three digits; here in the type of the parameter. Weights are (in, out) here and (out, in)
    there, so rows and columns are exchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import Tensor, optim
    >>> W = Tensor(np.zeros((2, 2)))
    >>> W.grad = [[3.0, 0.0], [0.0, 0.1]]
    >>> optim.Muon([W], lr=1.0).step()
    >>> W.data.round(1).tolist()
    [[-0.7, 0.0], [0.0, -1.1]]
    """

    hyperparameters = ("lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps")
    entries = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, maximize)
        for p in self.params:
            if getattr(p, "ndim", 0) != 2:
                raise ArgumentError(
                    f"Muon is for matrices, but a parameter {p.label!r} has the shape {getattr(p, 'shape', ())}: give "
                    "it to AdamW"
                )
        self.weight_decay = at_least_zero("weight_decay", weight_decay)
        self.momentum = fraction("momentum", momentum)
        self.nesterov = nesterov
        self.ns_coefficients = tuple(float(c) for c in ns_coefficients)
        self.eps = positive("eps", eps)
        self.ns_steps = whole_number("ns_steps", ns_steps)

    def update(self, p: Any, g: Any, state: dict[str, Any]) -> Any:
        velocity = running(state, "momentum_buffer", self.momentum, (1 - self.momentum) * g)
        change = (1 - self.momentum) * g + self.momentum * velocity if self.nesterov else velocity
        rows, columns = p.shape
        rate = self.lr * max(1.0, columns / max(rows, 1)) ** 0.5
        return p * (1 - self.lr * self.weight_decay) - rate * self._orthogonal(change)

    def _orthogonal(self, x: Any) -> Any:
        a, b, c = self.ns_coefficients
        wide = x.shape[0] <= x.shape[1]
        x = x if wide else x.T
        x = x / larger((x * x).sum() ** 0.5, self.eps)
        for _ in range(self.ns_steps):
            square = x @ x.T
            x = a * x + (b * square + c * (square @ square)) @ x
        return x if wide else x.T
