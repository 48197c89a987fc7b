"""`operation`: a user's own operation, which every part of the project treats like a built-in one."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.graph.modes import recording_derivative
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.operations.operation import EachInput, Operation
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.value import Value


class UserOperation(Operation):
    """An operation made by `operation`."""

    gradient_stays_finite = False
    returns_fresh_arrays = False  # a user's derivative may return gy, x, or one array twice

    def __init__(
        self, forward: Callable[..., Any], derivative: Callable[..., Any], name: str, symbol: str, formula: str
    ) -> None:
        self.function = forward
        self.derivative = derivative
        self.name = name
        self.symbol = symbol or name
        self.formula = formula
        self.__doc__ = forward.__doc__

        self.gx_arrays = EachInput(self._gx)

    def forward(self, *xs: Any, **params: Any) -> Any:
        return self.function(*map(_read_only, xs), **params)

    def __call__(self, *xs: Any, **params: Any) -> Any:
        for name, x in params.items():
            if getattr(x, "requires_grad", False):
                raise ArgumentError(
                    f"{self.name} has no derivative by its keyword {name}, but was given {shown(x)}, which needs a "
                    "gradient: pass it by position, as an input, or pass its number"
                )
        # Copies: what is written into an array or a list after the call must not change the graph.
        return super().__call__(*xs, **{name: copy.deepcopy(data_of(x)) for name, x in params.items()})

    @cached_property
    def gx_nodes(self) -> EachInput:
        return EachInput(self._gx_node)

    def _gx(self, i: int, gy: Any, y: Any, *xs: Any, **params: Any) -> Any:
        gx = self._gxs(gy, y, xs, params)[i]
        if gx is None or isinstance(gx, str):
            raise self._no_gradient(i, gx)
        return gx

    def _gx_node(self, i: int, gy: Any, y: Any, *xs: Any, **params: Any) -> Any:
        with recording_derivative():
            gx = self._gx(i, gy, y, *xs, **params)
        if isinstance(y, Value) and not isinstance(gx, Value):
            gx = self._number(i, gx)
        return gx

    def backward_floats(self, node: Any) -> None:
        xs = [x.raw for x in node.inputs]
        for i, gx in enumerate(self._gxs(node._grad, node.raw, xs, node.params)):
            if node.inputs[i].requires_grad:
                node.inputs[i]._grad += self._number(i, gx)

    def local_derivative(self, i: int) -> str:
        return self.formula or super().local_derivative(i)

    def _gxs(self, gy: Any, y: Any, xs: Sequence[Any], params: Mapping[str, Any]) -> Sequence[Any]:
        try:
            gxs = self.derivative(*map(_read_only, (gy, y, *xs)), **params)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # within the function
                raise
            names = ", ".join(["gy", "y", *([f"x{i}" for i in range(len(xs))] if len(xs) > 1 else ["x"]), *params])
            raise DTypeError(f"the derivative of {self.name} is called with ({names}): {error}") from None
        gxs = gxs if isinstance(gxs, tuple | list) else (gxs,)
        if len(gxs) != len(xs):
            raise ArgumentError(
                f"the derivative of {self.name} gave {len(gxs)} gradients for {len(xs)} inputs: return one for each, "
                "as a tuple"
            )
        return gxs

    def _number(self, i: int, gx: Any) -> float:
        try:
            return float(gx)
        except (TypeError, ValueError):
            raise self._no_gradient(i, gx) from None

    def _no_gradient(self, i: int, gx: Any) -> DTypeError:
        return DTypeError(
            f"the derivative of {self.name} gave {shown(gx)} for input {i}: return a number, or an array of its shape"
        )


def _read_only(x: Any) -> Any:
    """A read-only view of an array: what a user's function wrote into it would change the graph."""
    if not hasattr(x, "setflags"):
        return x
    view = x.view()
    view.setflags(write=False)
    return view


def operation(
    forward: Callable[..., Any],
    derivative: Callable[..., Any],
    *,
    name: str = "",
    symbol: str = "",
    formula: str = "",
) -> UserOperation:
    """Make a differentiable operation of a function and its derivative.

    Parameters
    ----------
    forward : ``forward(*xs, **params)`` computes ``y`` from floats (for Values) or arrays (for Tensors).
    derivative : ``derivative(gy, y, *xs, **params)`` gives the gradient that flows to each input: one, or a tuple.
        Write it with operators, methods and NumPy's functions: on nodes these record, and the operation can then be
        differentiated twice. Broadcasting is not its concern: the engine sums over broadcast axes.
    name : what messages call it; ``forward``'s name if not given.
    symbol : what a picture shows; the name if not given.
    formula : the local derivative as a learner reads it, for instance ``"1 - y²"``.

    Returns
    -------
    A function of Values, Tensors, or plain numbers and arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_edu import Tensor, Value, gradcheck
    >>> gaussian = operation(
    ...     lambda x: np.exp(-x * x),
    ...     lambda gy, y, x: gy * -2 * x * y,
    ...     name="gaussian",
    ...     formula="-2 * x * y",
    ... )
    >>> x = Value(0.0)
    >>> y = gaussian(x)
    >>> y.backward()
    >>> y.data, x.grad
    (1.0, 0.0)
    >>> gradcheck(gaussian, Tensor([-1.0, 0.5])).checked
    2
    """
    for what, function in (("forward", forward), ("derivative", derivative)):
        if not callable(function):
            raise ArgumentError(f"operation() needs {what} to be a function, but was given {shown(function)}")
    name = name or getattr(forward, "__name__", "").replace("<lambda>", "") or "operation"
    for what, text in (("name", name), ("symbol", symbol), ("formula", formula)):
        if not isinstance(text, str) or (text and not text.isprintable()):
            raise ArgumentError(f"operation() needs a {what} of signs that can be printed, but was given {shown(text)}")
    return UserOperation(forward, derivative, name, symbol, formula)
