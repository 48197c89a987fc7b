"""Activations, as functions and as modules, for Tensors, Values and arrays. Values need no NumPy.

Formulas and derivatives are in `tinygrad_edu.operations.elementwise`. Kinks follow PyTorch.
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from tinygrad_edu.errors import ArgumentError, ShapeError
from tinygrad_edu.graph.node import Node
from tinygrad_edu.nn.module import Module
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.support.arguments import one_of, shown
from tinygrad_edu.support.call_errors import call_error
from tinygrad_edu.support.calls import explains_calls

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


@explains_calls
def leaky_relu(x: A, slope: float = 0.01) -> A:
    """``x`` where it is positive, ``slope · x`` elsewhere. PyTorch calls the slope ``negative_slope``.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> leaky_relu(Tensor([-1.0, 2.0]), slope=0.1).tolist()
    [-0.1, 2.0]
    """
    return _apply("leaky_relu", x, slope=slope)


def elu(x: A, alpha: float = 1.0) -> A:
    """Exponential linear unit: ``x`` where it is positive, ``alpha · (exp(x) − 1)`` elsewhere (Clevert et al., 2015).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(elu(Value(-1.0)).data, 6)
    -0.632121
    """
    return _apply("elu", x, alpha=alpha)


def selu(x: A) -> A:
    """Scaled `elu`, whose two constants keep mean 0 and variance 1 from layer to layer (Klambauer et al., 2017).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(selu(Value(1.0)).data, 6)
    1.050701
    """
    return _apply("selu", x)


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
    return _apply(_gelu_operation(approximate), x)


def _gelu_operation(approximate: str) -> str:
    return {"none": "gelu", "tanh": "gelu_tanh"}[one_of("gelu: approximate", approximate, "none", "tanh")]


def silu(x: A) -> A:
    """``x · sigmoid(x)``, also called swish (Ramachandran et al., 2017).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(silu(Value(1.0)).data, 6)
    0.731059
    """
    return _apply("silu", x)


def sigmoid(x: A) -> A:
    """``1 / (1 + exp(−x))``, which overflows at neither end.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> sigmoid(Value(0.0)).data, sigmoid(Value(-1e4)).data
    (0.5, 0.0)
    """
    return _apply("sigmoid", x)


def tanh(x: A) -> A:
    """Hyperbolic tangent.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(tanh(Value(1.0)).data, 6)
    0.761594
    """
    return _apply("tanh", x)


def softplus(x: A) -> A:
    """``log(1 + exp(x))``, a smooth `relu`, which does not overflow.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(softplus(Value(0.0)).data, 6), softplus(Value(1e4)).data
    (0.693147, 10000.0)
    """
    return _apply("softplus", x)


def softsign(x: A) -> A:
    """``x / (1 + |x|)``: from −1 to 1, more slowly than `tanh`.

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> softsign(Value(1.0)).data, softsign(Value(-3.0)).data
    (0.5, -0.75)
    """
    return _apply("softsign", x)


def hardtanh(x: A, min_val: float = -1.0, max_val: float = 1.0) -> A:
    """``x``, but at least ``min_val`` and at most ``max_val``; the slope is 0 there and beyond, as in PyTorch.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> hardtanh(Tensor([-2.0, 0.5, 2.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    return _apply("hardtanh", x, min_val=min_val, max_val=max_val)


def relu6(x: A) -> A:
    """``min(max(x, 0), 6)``: `relu` with an upper end, used where few bits hold a number (Krizhevsky, 2010).

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> relu6(Tensor([-1.0, 2.0, 9.0])).tolist()
    [0.0, 2.0, 6.0]
    """
    return hardtanh(x, 0.0, 6.0)


def mish(x: A) -> A:
    """``x · tanh(softplus(x))``, smooth, close to `silu` (Misra, 2019).

    Examples
    --------
    >>> from tinygrad_edu import Value
    >>> round(mish(Value(1.0)).data, 6)
    0.865098
    """
    return _apply("mish", x)


def prelu(x: A, weight: Any) -> A:
    """``x`` where it is positive, ``weight · x`` elsewhere; ``weight`` broadcasts and may learn (He et al., 2015).

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> prelu(Tensor([-2.0, 3.0]), Tensor(0.25)).tolist()
    [-0.5, 3.0]
    """
    return TABLE["prelu"](x, weight)


@explains_calls
def glu(x: A, axis: int = -1) -> A:
    """``a · sigmoid(b)``, a and b the two halves of ``x`` along the axis (Dauphin et al., 2016). Of Tensors and arrays.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> glu(Tensor([2.0, 0.0])).tolist()
    [1.0]
    """
    from tinygrad_edu import functions
    from tinygrad_edu.operations.reductions import axes_of

    array = array_of(x)
    if not array.ndim or not isinstance(axis, int):
        raise ShapeError(f"glu halves an array along one axis, but was given shape {array.shape} and axis {axis}")
    (axis,) = axes_of(axis, array.ndim)
    if array.shape[axis] % 2:
        raise ShapeError(f"glu halves axis {axis}, which must have an even length, but the shape is {array.shape}")
    a, b = functions.split(array, 2, axis)
    return a * sigmoid(b)


@explains_calls
def softmax(x: A, axis: int = -1) -> A:
    """``exp(x) / Σ exp(x)`` along the axis: positive numbers that add up to 1. Of Tensors and arrays.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> softmax(Tensor([0.0, 0.0, 1e4])).tolist()
    [0.0, 0.0, 1.0]
    """
    from tinygrad_edu import functions

    return functions.softmax(array_of(x), axis)


@explains_calls
def log_softmax(x: A, axis: int = -1) -> A:
    """``x − log Σ exp(x)`` along the axis: the logarithm of `softmax`, finite where that is 0. Of Tensors and arrays.

    Examples
    --------
    >>> from tinygrad_edu import Tensor
    >>> log_softmax(Tensor([0.0, 1e4])).tolist()
    [-10000.0, 0.0]
    """
    from tinygrad_edu import functions

    return functions.log_softmax(array_of(x), axis)


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
    *(relu, leaky_relu, elu, selu, gelu, silu, sigmoid, tanh, softplus, softsign, hardtanh, relu6, mish, identity),
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
    if isinstance(given, str) and given in ACTIVATIONS:
        return ACTIVATIONS[given]
    close = difflib.get_close_matches(str(given).lower(), ACTIVATIONS, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(ACTIVATIONS)}, or pass a function"
    raise ArgumentError(f"there is no activation {shown(given)}: {advice}")


def refuse_class(what: str, given: Any) -> None:
    """Raise if ``given`` is a class of modules: calling it would make a module, not an output."""
    if isinstance(given, type) and issubclass(given, Module):
        raise ArgumentError(f"{what} is the class {given.__name__}, not a module: write {given.__name__}()")


class Activation(Module):
    """Base class of the activations as modules: it keeps the settings of its ``function`` and applies that.

    A subclass names the function, ``class ReLU(Activation, function=relu)``. Its settings are those of the function,
    with the same names and defaults, and become attributes. The function's docstring is part of the subclass' own.
    """

    function: ClassVar[Callable[..., Any]]
    _settings: ClassVar[inspect.Signature]

    def __init_subclass__(cls, function: Callable[..., Any]) -> None:
        super().__init_subclass__()
        _, *settings = inspect.signature(function).parameters.values()
        cls.function = staticmethod(function)
        cls._settings = inspect.Signature(settings)
        cls.__signature__ = cls._settings  # type: ignore[attr-defined]  # what `help` and a notebook's tooltip show
        doc = cls.__doc__ or f"`functional.{function.__name__}` as a module."
        cls.__doc__ = f"{doc}\n\n{inspect.getdoc(function)}"

    def __init__(self, *args: Any, **keywords: Any) -> None:
        kind = type(self)
        if any(getattr(x, "shape", ()) for x in args):
            raise ArgumentError(
                f"{kind.__name__} is a module, which is made without an array: write {kind.__name__}()(x), or "
                f"nn.functional.{kind.function.__name__}(x)"
            )
        try:
            given = self._settings.bind(*args, **keywords)
        except TypeError:
            raise call_error(kind.__name__, kind, args, keywords) from None
        given.apply_defaults()
        vars(self).update(given.arguments)

    def forward(self, x: Any) -> Any:
        return self.function(x, *[getattr(self, name) for name in self._settings.parameters])

    def extra_repr(self) -> str:
        shown = []
        for name, parameter in self._settings.parameters.items():
            setting = getattr(self, name)
            if name == "axis":
                shown.append(f"axis={setting}")
            elif not isinstance(setting, str):
                shown.append(f"{setting:g}")
            elif setting != parameter.default:
                shown.append(setting)
        return ", ".join(shown)


class Identity(Activation, function=identity): ...


class ReLU(Activation, function=relu): ...


class LeakyReLU(Activation, function=leaky_relu): ...


class ELU(Activation, function=elu): ...


class SELU(Activation, function=selu): ...


class GELU(Activation, function=gelu):
    """`functional.gelu` as a module."""

    approximate: str

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        _gelu_operation(self.approximate)  # refuses an unknown one before the first call


class SiLU(Activation, function=silu): ...


class Sigmoid(Activation, function=sigmoid): ...


class Tanh(Activation, function=tanh): ...


class Softplus(Activation, function=softplus): ...


class Softmax(Activation, function=softmax):
    """`functional.softmax` as a module. Leave it out before `functional.cross_entropy`, which computes it itself."""


class LogSoftmax(Activation, function=log_softmax):
    """`functional.log_softmax` as a module. `functional.nll_loss` takes what it gives."""


class Softsign(Activation, function=softsign): ...


class Hardtanh(Activation, function=hardtanh): ...


class ReLU6(Activation, function=relu6): ...


class Mish(Activation, function=mish): ...


class GLU(Activation, function=glu): ...
