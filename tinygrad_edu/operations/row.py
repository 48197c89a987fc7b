"""A row of the table: one elementwise operation, written as text.

``tanh = Unary("tanh(x)", gx="gy * (1 - y * y)")`` says that the forward pass computes ``y = tanh(x)``, and that an
incoming gradient ``gy`` becomes ``gx = gy * (1 - y * y)`` for the input. The names are always the same: ``x`` (or
``x0``, ``x1``) is the data of an input, ``y`` the data of the result, ``gy`` the gradient that arrives, ``gx`` the
gradient for the input.

The same text is compiled with three vocabularies, in which ``tanh`` has three meanings:

- `FLOATS`: ``math.tanh``. Backprop through `Value`.
- `Elementwise.arrays`: ``numpy.tanh``. Backprop through `Tensor`.
- `NODES`: the operation ``tanh`` itself, which records a node. The backward pass becomes a graph that can be
  differentiated again, or compiled.

A learner's formula is made of the same text: `Elementwise.local_derivative`.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property, partial
from typing import Any, ClassVar, Self, TypeVar, overload

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.operations.floats import CONSTANTS, FLOATS
from tinygrad_edu.operations.operation import GENERATED, Operation
from tinygrad_edu.support.attributes import give_own_dict

N = TypeVar("N")


@cache
def _text() -> Any:
    """The module that makes functions of texts; its import of `ast` takes a fortieth of the whole package's."""
    from tinygrad_edu.operations import text

    return text


TABLE: "dict[str, Elementwise]" = {}  # every row by its name: `elementwise` fills it


class Elementwise(Operation):
    """An operation that works on each number by itself: a row of the table.

    ``y`` is the text of the forward pass, and ``gx`` are the texts of the gradients that flow to the inputs. ``symbol``
    is what a picture shows, ``operator`` is the Python operator of the operation, and ``params`` are its parameters
    with their defaults.
    """

    arrays: ClassVar[dict[str, Any]] = {}  # the vocabulary of arrays: `tensor` fills it in when NumPy is there

    def __init__(self, y: str, *gx: str, symbol: str = "", operator: str = "", **params: float) -> None:
        give_own_dict(self)
        self.y_text = y
        self.gx_texts = gx
        self.symbol = symbol
        self.operator = operator
        self.defaults = params
        may_overflow = ("/", "**", "exp", "log", "sqrt", "cosh", "sinh")
        self.gradient_stays_finite = not any(word in text for text in gx for word in may_overflow)
        # A parameter may be an array, with which the gradient would broadcast.
        self.gradients_keep_shape = ("gy" in gx[0] and gx[0] != "gy" and not params,) if len(gx) == 1 else ()
        self.input_names = ("x",) if len(gx) == 1 else tuple(f"x{i}" for i in range(len(gx)))

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.symbol = self.symbol or name
        self.__doc__ = self._describe()

    def _describe(self) -> str:
        signature = ", ".join([*self.input_names, *(f"{k}={v!r}" for k, v in self.defaults.items())])
        flows = "; ".join(f"g{x} = {gx}" for x, gx in zip(self.input_names, self.gx_texts, strict=True))
        return f"{self.name}({signature}), elementwise: y = {self.y_text}.\n\nBackward: {flows}."

    @overload
    def __get__(self, node: None, owner: type) -> Self: ...
    @overload
    def __get__(self, node: N, owner: type) -> Callable[..., N]: ...
    def __get__(self, node: Any, owner: type) -> Any:
        return self if node is None else partial(self, node)

    def __reduce__(self) -> tuple[Any, ...]:
        return _row, (self.name,)

    def local_derivative(self, i: int) -> str:
        return _text().without_gy(self.gx_texts[i])

    @property
    def _names_in_gx(self) -> tuple[str, ...]:
        return ("gy", "y", *self.input_names, *self.defaults)

    def _gx_in(self, vocabulary: Mapping[str, Any], texts: Sequence[str]) -> tuple[Any, ...]:
        return tuple(_text().function_of(self._names_in_gx, text, vocabulary) for text in texts)

    @cached_property
    def on_floats(self) -> Callable[..., float]:
        """The forward pass on floats."""
        if self.operator in ("add", "sub", "mul", "neg"):  # the same text, as a builtin
            return getattr(operator, self.operator)
        arguments = (*self.input_names, *self.defaults)
        return _text().function_of(arguments, _text().float_source(self.y_text), FLOATS | CONSTANTS)

    def on_arrays(self, arguments: Sequence[str], text: str) -> Callable[..., Any]:
        """The function of these arguments that computes ``text`` on arrays (or on floats, through NumPy)."""
        return _text().function_of(arguments, _text().array_source(text), self.arrays | CONSTANTS)

    @cached_property
    def forward(self) -> Callable[..., Any]:
        """The forward pass on arrays."""
        return self.on_arrays((*self.input_names, *self.defaults), self.y_text)

    @cached_property
    def gx_arrays(self) -> tuple[Callable[..., Any], ...]:  # type: ignore[override]
        return tuple(self.on_arrays(self._names_in_gx, text) for text in self.gx_texts)

    @cached_property
    def gx_nodes(self) -> tuple[Callable[..., Any], ...]:
        return self._gx_in(NODES, self.gx_texts)

    @cached_property
    def gx_floats(self) -> tuple[Callable[..., float], ...]:
        """The derivatives on floats, one for each input."""
        return self._gx_in(FLOATS | CONSTANTS, [_text().float_source(text) for text in self.gx_texts])

    @cached_property
    def backward_floats(self) -> Callable[[Any], None]:
        """The derivatives as one function.

        For ``mul`` it is this::

            def backward(node):
                gy = node._grad
                n0 = node._left
                n1 = node._right
                x0 = n0._data
                x1 = n1._data
                n0._grad += gy * x1
                n1._grad += gy * x0

        It reads each number once, and only if it is needed. That makes the backward pass on Values fast.
        """
        scope: dict[str, Any] = FLOATS | CONSTANTS
        body = "\n    ".join(self.backward_lines())
        exec(compile(f"def backward(node):\n    {body}", GENERATED, "exec"), scope)  # noqa: S102 the rows below, never a user's text
        return scope["backward"]

    def backward_lines(self) -> list[str]:
        """The lines of `backward_floats`."""
        used = set().union(*map(_text().names_in, self.gx_texts))
        nodes = [f"n{i}" for i in range(len(self.gx_texts))]
        lines = ["gy = node._grad", "n0 = node._left", "n1 = node._right"][: 1 + len(nodes)]
        lines += [f"{x} = {n}._data" for x, n in zip(self.input_names, nodes, strict=True) if x in used]
        lines += ["y = node._data"] if "y" in used else []
        lines += [f"{p} = node.params['{p}']" for p in self.defaults if p in used]
        return lines + [f"{n}._grad += {_text().float_source(gx)}" for n, gx in zip(nodes, self.gx_texts, strict=True)]

    def bind(self, args: Sequence[float], keywords: Mapping[str, float]) -> dict[str, float]:
        """The parameters of a call: the given ones and the defaults of the others. None means the default."""
        surplus = [name for name in keywords if name not in self.defaults]
        if surplus or len(args) > len(self.defaults):
            given = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in keywords.items())])
            takes = ", ".join(f"{k}={v!r}" for k, v in self.defaults.items()) or "no parameters"
            raise ArgumentError(f"{self.name}() takes {takes}, but was given ({given})")
        given_ones = {**dict(zip(self.defaults, args, strict=False)), **keywords}
        for name, x in given_ones.items():
            if getattr(x, "requires_grad", False):
                advice = ": use x.maximum(low).minimum(high)" if self.name == "clip" else ""
                raise ArgumentError(
                    f"{self.name}() has no derivative by {name}, so it takes a plain number there, but was given "
                    f"{x!r}{advice}"
                )
            if isinstance(x, str | bytes | dict | set):
                raise ArgumentError(f"{self.name}() takes a number as its {name}, but was given {x!r:.60}")
            if hasattr(x, "copy"):
                given_ones[name] = x.copy()  # an array, as it is now
        return self.defaults | {name: x for name, x in given_ones.items() if x is not None}


def _row(name: str) -> Elementwise:
    return TABLE[name]


class Unary(Elementwise):
    """A row with one input."""

    def __init__(self, y: str, *, gx: str, symbol: str = "", operator: str = "", **params: float) -> None:
        super().__init__(y, gx, symbol=symbol, operator=operator, **params)


class Binary(Elementwise):
    """A row with two inputs."""

    def __init__(self, y: str, *, gx0: str, gx1: str, symbol: str = "", operator: str = "", **params: Any) -> None:
        super().__init__(y, gx0, gx1, symbol=symbol, operator=operator, **params)


def _where_nodes(condition: Any, yes: Any, no: Any) -> Any:
    if isinstance(condition, bool):  # Values: one side is taken, as in Python
        return yes if condition else no
    return TABLE["select"](yes, no, condition=condition)


def _is_zero_node(x: Any) -> Any:
    return getattr(x, "data", x) == 0


NODES: dict[str, Any] = {**CONSTANTS, "where": _where_nodes, "is_zero": _is_zero_node}


def fill_vocabulary(vocabulary: dict[str, Any], forward: str) -> None:
    """Add the rows that a vocabulary lacks. Each is compiled from its own forward text when it is first used."""

    def late(row: Elementwise) -> Callable[..., Any]:
        return lambda *xs: getattr(row, forward)(*xs)

    for name, row in TABLE.items():
        vocabulary.setdefault(name, late(row))


def fill_arrays(functions: Mapping[str, Any]) -> None:
    """Give the rows their vocabulary of arrays."""
    Elementwise.arrays.update(functions)
    fill_vocabulary(Elementwise.arrays, "forward")
