"""What an operation is: a forward pass, and a derivative for each input."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tinygrad_edu.errors import DTypeError
from tinygrad_edu.support.arguments import shown
from tinygrad_edu.support.ascii import for_output
from tinygrad_edu.support.attributes import give_own_dict

# The file name of code that is made of text. It looks like a file of this package, so a search for the user's line
# passes over it.
GENERATED = f"{__file__}: made of a row"


class Operation:
    """A differentiable operation: what it computes, and its derivative for each input.

    ``forward(*xs, **params)`` computes ``y``. ``gx_arrays[i](gy, y, *xs, **params)`` is the gradient for input ``i``,
    on plain data (floats or ndarrays). ``gx_nodes[i]`` is the same on nodes, so that it is recorded. Calling an
    operation with a node among its inputs records a node; with plain data it only computes.
    """

    name: str
    symbol: str
    gx_arrays: Sequence[Callable[..., Any]]
    returns_fresh_arrays = True  # gx is gy itself or a new array, never the data or another gradient
    gradient_stays_finite = True  # gx of finite numbers is finite, so NumPy gives no warnings
    gradients_keep_shape: Sequence[bool] = ()  # for an input: gx of an array is always a new array of the same shape
    is_weighted_sum = False  # its inputs are n weights, n numbers, and a bias: `dot`
    is_one_call = False  # whether a compiled step calls `forward` as it is, not NumPy functions one by one
    backward_step: Any = None  # its backward step on arrays, when `speed.written_backward` has written it

    def forward(self, *xs: Any, **params: Any) -> Any:
        """``y`` from the inputs' data."""
        raise NotImplementedError

    @property
    def gx_nodes(self) -> Sequence[Callable[..., Any]]:
        """The same as `gx_arrays`, on nodes."""
        return self.gx_arrays

    def local_derivative(self, i: int) -> str:
        """Formula of ∂y/∂x_i in the names ``x`` or ``x0``, ``x1``, … and ``y``."""
        return f"∂{self.name}/∂x{i}"

    def backward_floats(self, node: Any) -> None:
        """Compute the gradients for the inputs of a `Value`, and add them to those that the inputs have."""
        gy, y, inputs, params = node._grad, node._data, node.inputs, node.params
        xs = [x._data for x in inputs]
        for x, gx in zip(inputs, self.gx_arrays, strict=False):
            x._grad += gx(gy, y, *xs, **params)

    def __call__(self, *xs: Any, **params: Any) -> Any:
        for x in xs:
            record = getattr(x, "_record", None)
            if record is not None:
                return record(self, xs, params)
        try:
            return self.forward(*xs, **params)
        except RuntimeWarning:
            if not self.returns_fresh_arrays:  # a user's own operation
                raise
            from tinygrad_edu.support.numpy_warnings import warn_at_users_line  # here: Values work without NumPy

            return warn_at_users_line(self.name, self.forward, *xs, **params)
        except (TypeError, ValueError):
            odd = [x for x in xs if not _is_number_or_array(x)]
            if not odd:
                raise
            raise DTypeError(
                f"{self.name} takes numbers, arrays, Values or Tensors, but was given {shown(odd[0])}"
            ) from None

    @for_output
    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def _is_number_or_array(x: Any) -> bool:
    """Whether NumPy computes with it; with an array of objects, such as Values, only some of its functions do."""
    kind = getattr(getattr(x, "dtype", None), "kind", "")
    return kind != "O" if kind else isinstance(x, int | float)


class ArrayOperation(Operation):
    """An operation on whole arrays: `numpy` in, `numpy` out, and a derivative for each input.

    The derivatives ``gx(gy, y, *xs, **params)`` are written with NumPy's functions. These take Tensors as well as
    arrays, and on Tensors the same lines record. `formula` is each derivative as written on a blackboard, in the names
    ``gy``, ``y``, ``x`` or ``x0``, ``x1``.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *gx: Callable[..., Any],
        symbol: str = "",
        formula: str | tuple[str, ...] = "",
    ) -> None:
        give_own_dict(self)
        self.name = name
        self.forward = forward  # type: ignore[method-assign]
        self.gx_arrays = gx
        self.symbol = symbol or name
        self.formula = (formula,) if isinstance(formula, str) else formula
        ARRAY_TABLE[name] = self

    def local_derivative(self, i: int) -> str:
        return self.formula[min(i, len(self.formula) - 1)]

    def __reduce__(self) -> tuple[Any, ...]:
        return _array_row, (self.name,)


class EachInput(Sequence[Callable[..., Any]]):
    """The derivatives of an operation with any number of inputs, made of one function ``gx(i, gy, y, *xs, …)``."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, i: Any) -> Any:
        return partial(self.function, i)


def array_operation(
    *gx: Callable[..., Any], symbol: str = "", formula: str | tuple[str, ...] = "", any_number: bool = False
) -> Callable[[Callable[..., Any]], ArrayOperation]:
    """Declare an operation on arrays: the decorated function is its forward pass, and ``gx`` are its derivatives.

    The operation has the function's name in lower case. With ``any_number`` of inputs there is one derivative for all
    of them: ``gx(i, gy, y, *xs, **params)``.

    Examples
    --------
    >>> @array_operation(lambda gy, y, x: gy * 2, formula="2 gy")
    ... def DOUBLED(x):
    ...     return x * 2
    >>> DOUBLED, DOUBLED(3.0)
    (<operation doubled>, 6.0)
    >>> del ARRAY_TABLE["doubled"]
    """

    def declared(forward: Callable[..., Any]) -> ArrayOperation:
        made = ArrayOperation(forward.__name__.lower(), forward, *gx, symbol=symbol, formula=formula)
        made.gx_arrays = EachInput(*gx) if any_number else gx
        return made

    return declared


ARRAY_TABLE: dict[str, ArrayOperation] = {}


def _array_row(name: str) -> ArrayOperation:
    return ARRAY_TABLE[name]
