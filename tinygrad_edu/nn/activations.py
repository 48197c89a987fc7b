"""Activations, as functions and as modules, for Tensors, Values and arrays. Values need no NumPy.

Formulas and derivatives stand in `tinygrad_edu.operations.elementwise`, kinks follow PyTorch.
"""

import difflib
from collections.abc import Callable
from typing import Any, TypeVar

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.nn.module import Module
from tinygrad_edu.operations.elementwise import TABLE

A = TypeVar("A")  # a Tensor, a Value or an array


def _apply(name: str, x: Any, **params: float) -> Any:
    return getattr(x, name)(**params) if isinstance(x, Node) else TABLE[name](x, **params)


def relu(x: A) -> A:
    """Rectified linear unit, ``max(x, 0)``; its slope at 0 is 0.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, Value
    >>> relu(Value(-3.0)).data, relu(Tensor([-1.0, 2.0])).tolist()
    (0.0, [0.0, 2.0])
    """
    return x.relu() if isinstance(x, Node) else TABLE["relu"](x)


def leaky_relu(x: A, slope: float = 0.01) -> A:
    """``x`` where it is positive, ``slope · x`` elsewhere. PyTorch calls the slope ``negative_slope``.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> leaky_relu(Tensor([-1.0, 2.0]), slope=0.1).tolist()
    [-0.1, 2.0]
    """
    return _apply("leaky_relu", x, slope=slope)  # type: ignore[no-any-return]


def elu(x: A, alpha: float = 1.0) -> A:
    """Exponential linear unit: ``x`` where it is positive, ``alpha · (exp(x) − 1)`` elsewhere (Clevert et al., 2015).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(elu(Value(-1.0)).data, 6)
    -0.632121
    """
    return _apply("elu", x, alpha=alpha)  # type: ignore[no-any-return]


def selu(x: A) -> A:
    """Scaled `elu`, whose two constants keep mean 0 and variance 1 from layer to layer (Klambauer et al., 2017).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(selu(Value(1.0)).data, 6)
    1.050701
    """
    return _apply("selu", x)  # type: ignore[no-any-return]


def gelu(x: A, approximate: str = "none") -> A:
    """Gaussian error linear unit: ``x · Φ(x)``, Φ the normal distribution (Hendrycks & Gimpel, 2016).

    Parameters
    ----------
    x : Tensor, Value or array.
    approximate : "none", or "tanh" for the formula by tanh that GPT-2 uses.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(gelu(Value(1.0)).data, 6), round(gelu(Value(1.0), approximate="tanh").data, 6)
    (0.841345, 0.841192)
    """
    return _apply(_gelu_operation(approximate), x)  # type: ignore[no-any-return]


def _gelu_operation(approximate: str) -> str:
    if approximate not in ("none", "tanh"):
        raise ArgumentError(f"gelu: approximate must be 'none' or 'tanh', but was given {approximate!r}")
    return "gelu_tanh" if approximate == "tanh" else "gelu"


def silu(x: A) -> A:
    """``x · sigmoid(x)``, also called swish (Ramachandran et al., 2017).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(silu(Value(1.0)).data, 6)
    0.731059
    """
    return _apply("silu", x)  # type: ignore[no-any-return]


def sigmoid(x: A) -> A:
    """``1 / (1 + exp(−x))``, which overflows at neither end.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> sigmoid(Value(0.0)).data, sigmoid(Value(-1e4)).data
    (0.5, 0.0)
    """
    return _apply("sigmoid", x)  # type: ignore[no-any-return]


def tanh(x: A) -> A:
    """Hyperbolic tangent.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(tanh(Value(1.0)).data, 6)
    0.761594
    """
    return _apply("tanh", x)  # type: ignore[no-any-return]


def softplus(x: A) -> A:
    """``log(1 + exp(x))``, a smooth `relu`, which does not overflow.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(softplus(Value(0.0)).data, 6), softplus(Value(1e4)).data
    (0.693147, 10000.0)
    """
    return _apply("softplus", x)  # type: ignore[no-any-return]


def softmax(x: A, axis: int = -1) -> A:
    """``exp(x) / Σ exp(x)`` along the axis: positive numbers that add up to 1. Of Tensors and arrays.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> softmax(Tensor([0.0, 0.0, 1e4])).tolist()
    [0.0, 0.0, 1.0]
    """
    from tinygrad_edu import functions

    return functions.softmax(array_of(x), axis)  # type: ignore[no-any-return]


def log_softmax(x: A, axis: int = -1) -> A:
    """``x − log Σ exp(x)`` along the axis: the logarithm of `softmax`, finite where that is 0. Of Tensors and arrays.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> log_softmax(Tensor([0.0, 1e4])).tolist()
    [-10000.0, 0.0]
    """
    from tinygrad_edu import functions

    return functions.log_softmax(array_of(x), axis)  # type: ignore[no-any-return]


def array_of(x: Any) -> Any:
    """``x``, if it is a Tensor or an array; a list as a Tensor. A Value, which has no axis, is refused."""
    if hasattr(x, "shape"):
        return x
    from tinygrad_edu.tensor import Tensor

    return Tensor(x, requires_grad=False)


def identity(x: A) -> A:
    """``x`` itself.

    Examples
    --------
    >>> identity(3.0)
    3.0
    """
    return x


_FUNCTIONS: tuple[Callable[[Any], Any], ...] = (
    *(relu, leaky_relu, elu, selu, gelu, silu, sigmoid, tanh, softplus, identity),
)
ACTIVATIONS = {function.__name__: function for function in _FUNCTIONS} | {"swish": silu}


def activation_of(given: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function that a network was given as its activation, by name or itself.

    Examples
    --------
    >>> activation_of("rleu")
    Traceback (most recent call last):
        ...
    tinygrad_edu.errors.ArgumentError: there is no activation 'rleu': did you mean 'relu'?
    """
    if callable(given):
        refuse_class("the activation", given)
        return given
    if given in ACTIVATIONS:
        return ACTIVATIONS[given]
    close = difflib.get_close_matches(str(given).lower(), ACTIVATIONS, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(ACTIVATIONS)}, or pass a function"
    raise ArgumentError(f"there is no activation {given!r}: {advice}")


def refuse_class(what: str, given: Any) -> None:
    """Raise if ``given`` is a class of modules: calling it would make a module, not an output."""
    if isinstance(given, type) and issubclass(given, Module):
        raise ArgumentError(f"{what} is the class {given.__name__}, not a module: write {given.__name__}()")


class ReLU(Module):
    """`functional.relu` as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> nn.ReLU()(Tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    forward = staticmethod(relu)


class SELU(Module):
    """`functional.selu` as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.SELU()(Tensor(1.0)).item(), 6)
    1.050701
    """

    forward = staticmethod(selu)


class SiLU(Module):
    """`functional.silu` (swish) as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.SiLU()(Tensor(1.0)).item(), 6)
    0.731059
    """

    forward = staticmethod(silu)


class Sigmoid(Module):
    """`functional.sigmoid` as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.Sigmoid()(Tensor(0.0)).item(), 6)
    0.5
    """

    forward = staticmethod(sigmoid)


class Tanh(Module):
    """`functional.tanh` as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.Tanh()(Tensor(1.0)).item(), 6)
    0.761594
    """

    forward = staticmethod(tanh)


class Softplus(Module):
    """`functional.softplus` as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.Softplus()(Tensor(0.0)).item(), 6)
    0.693147
    """

    forward = staticmethod(softplus)


class Identity(Module):
    """Returns what it is given: a place holder.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.Identity()(Tensor(3.0)).item(), 6)
    3.0
    """

    forward = staticmethod(identity)


class LeakyReLU(Module):
    """`functional.leaky_relu` as a module.

    Examples
    --------
    >>> from tinygrad_edu import nn
    >>> nn.MLP(2, [8, 1], activation=nn.LeakyReLU(0.1)).activation
    LeakyReLU(0.1)
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Any) -> Any:
        return leaky_relu(x, self.slope)

    def extra_repr(self) -> str:
        return f"{self.slope:g}"


class ELU(Module):
    """`functional.elu` as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.ELU(0.5)(Tensor(-1.0)).item(), 6)
    -0.31606
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        return elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"{self.alpha:g}"


class GELU(Module):
    """`functional.gelu` as a module.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> round(nn.GELU("tanh")(Tensor(1.0)).item(), 6)
    0.841192
    """

    def __init__(self, approximate: str = "none") -> None:
        _gelu_operation(approximate)  # refuses what is none of its two ways
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        return gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return "" if self.approximate == "none" else self.approximate


class Softmax(Module):
    """`functional.softmax` as a module. Not in front of `functional.cross_entropy`, which does it itself.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> nn.Softmax()(Tensor([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Module):
    """`functional.log_softmax` as a module, for `functional.nll_loss`.

    Examples
    --------
    >>> from tinygrad_edu import Tensor, nn
    >>> nn.LogSoftmax()(Tensor([0.0, 1e4])).tolist()
    [-10000.0, 0.0]
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"
