"""`Traced`: an array that records every NumPy call that uses it.

It takes the place of an ndarray: as the data of a Tensor or a Value, or as an argument of the function that is being
recorded. The engine's forward and backward passes then run as they are, on NumPy's functions, and every call becomes a
line of a `Program`. So a mask such as ``x > 0`` is a line too, and not an array of the numbers of this call.
"""

import dis
import linecache
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from tinygrad_edu.compiler.errors import RecordingError
from tinygrad_edu.compiler.program import CALL, INDEX, MATH, METHOD, PYTHON, UFUNC, Var
from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.decompositions import det_sign, logabsdet
from tinygrad_edu.support.users_code import users_frame, users_place


def users_line() -> str:
    """The user's place, in words."""
    return "{}, line {}".format(*users_place())


def value_of(x: Any) -> Any:
    """The value that a traced array has in the call that is recorded."""
    return x.value if isinstance(x, Traced) else x


def is_variable(x: Any) -> bool:
    """Whether it is a traced array that inputs are part of, and not a constant."""
    return isinstance(x, Traced) and x.variable is not None


def is_traced(x: Any) -> bool:
    """Whether anything in nested tuples, lists and slices is traced."""
    if isinstance(x, tuple | list):
        return any(map(is_traced, x))
    if isinstance(x, slice):
        return is_traced((x.start, x.stop, x.step))
    return isinstance(x, Traced)


def _plain_number(x: Any) -> bool:
    return isinstance(value_of(x), float | int) and not isinstance(value_of(x), np.generic)


def _is_decided(python: Any, args: Any) -> bool:
    """Whether the result is known without the traced operand: ``… & False``."""
    return python is operator.and_ and any(x is False or x is np.False_ for x in args)


def _operator(python: Callable[..., Any], ufunc: Any, *, reflected: bool = False) -> Any:
    def method(self: "Traced", *others: Any) -> Any:
        args = (*others, self) if reflected else (self, *others)
        if any(not isinstance(x, Traced | np.ndarray | np.generic | float | int) for x in others):
            return NotImplemented
        if _is_decided(python, args):
            return False
        if all(map(_plain_number, args)):
            return self._recorder.apply(PYTHON, python, args)
        if python is operator.pow and isinstance(value_of(args[0]), np.ndarray):
            # As NumPy does with arrays, but not with single numbers; a square keeps small types small.
            if args[1].__class__ is int and args[1] == 2 and args[0].dtype.kind != "f":
                return self._recorder.apply(UFUNC, np.square, args[:1])
            if args[1].__class__ is float and args[1] == 0.5 and args[0].dtype.kind == "f":
                return self._recorder.apply(UFUNC, np.sqrt, args[:1])
        return self._recorder.apply(UFUNC, ufunc, args)

    return method


def _in_place(python: Callable[..., Any], combine: Callable[..., Any]) -> Any:
    """``h += …`` writes into the array. A number, and what an optimizer updates, gets a new name."""

    def method(self: "Traced", other: Any) -> Any:
        recorder = self._recorder
        if not isinstance(self.value, np.ndarray) or recorder.in_other_thread() or recorder.section == "update":
            return NotImplemented
        if isinstance(other, Node):
            return NotImplemented
        python(self.value.copy(), value_of(other))  # raises what NumPy raises
        new = combine(self, other)
        recorder.overwrite(self, new if new.dtype == self.dtype else new.astype(self.dtype))
        return self

    return method


def _method(name: str) -> Any:
    def method(self: "Traced", *args: Any, **keywords: Any) -> Any:
        return self._recorder.apply(METHOD, name, (self, *args), keywords)

    method.__name__ = name
    return method


def _refused(what: str, advice: str, convert: Callable[..., Any] | None = None) -> Any:
    def method(self: "Traced", *args: Any, **_: Any) -> Any:
        if convert is not None and (self.variable in self._recorder.constants or self._recorder.in_other_thread()):
            return convert(self.value, *args)
        if advice is _BRANCH and (name := _calling()):
            raise RecordingError(
                f"{name}() cannot be compiled, because it chooses by numbers, which differ from call to call: "
                + _here("write it with np.maximum, np.minimum or a.maximum(b), or take the line out of the function")
            )
        words = _METHODS if advice is _NUMBER and type(self.value) is float else advice
        raise RecordingError(f"{what} cannot be compiled, because numbers differ from call to call: {_here(words)}")

    return method


def _calling() -> str:
    """The built-in function in which the user's line asks whether a number is true; "" if a statement asks."""
    frame = users_frame()
    if not dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("CALL"):
        return ""
    text = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    found = re.search(r"\b(max|min|sorted|any|all|bool|filter|sort|index|count)\s*\(", text)
    return found.group(1) if found else ""


def _here(advice: str) -> str:
    return f"{advice} ({users_line()})"


_BRANCH = "write it with np.where, of Values with relu, maximum or minimum, or take this line out of the function"
_NUMBER = "compute with NumPy's functions, or return the array and take the number where the function is called"
_METHODS = "compute with a Value's own methods, x.exp() instead of math.exp(x), or take the number from the result"
_SHOWN = "return it, and print it where the function is called"
_PLAINLY = "call it without out= and where=, and not by .at, .outer or .accumulate"
_READ = "compute with NumPy's functions on arrays, and pass numbers as np.array([...]), not as a list"
_LENGTHS = frozenset(
    (np.unique, np.nonzero, np.flatnonzero, np.argwhere, np.compress, np.extract, np.bincount, np.trim_zeros)
)


class Listener(Protocol):
    """What a `Traced` asks of the recorder that made it."""

    constants: set[Var]
    section: str

    def apply(self, kind: str, function: Any, args: Any, keywords: Any = None) -> Any:
        """Compute, and write down the line."""

    def compute(self, operation: Any, xs: Any, params: Any) -> Any:
        """The forward pass of an operation."""

    def overwrite(self, x: "Traced", new: "Traced") -> None:
        """``x += …``."""

    def in_other_thread(self) -> bool:
        """Whether the caller is not the thread that records."""


class Traced:
    """A value of the call that is being recorded, and the variable of the program that stands for it."""

    __slots__ = ("__weakref__", "_recorder", "value", "variable")
    __array_priority__ = 500
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, recorder: Listener, var: Var | None, value: Any) -> None:
        self._recorder = recorder
        self.variable = var  # None: a constant, which no input is part of
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        """Number of entries."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the entries."""
        return np.asarray(self.value).dtype

    @property
    def T(self) -> Any:
        """The axes in reverse order."""
        return self._recorder.apply(METHOD, "transpose", (self,))

    def _record(self, operation: Any, xs: Any, params: Any) -> Any:
        """What an operation computes with this array: `Operation.__call__` asks."""
        for x in xs:
            if isinstance(x, Node):
                return x._record(operation, xs, params)
        return self._recorder.compute(operation, xs, params)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"an array in a compiled function has no attribute {name!r} ({users_line()})")

    def __getitem__(self, index: Any) -> Any:
        parts = index if isinstance(index, tuple) else (index,)
        if any(isinstance(x, Traced) and x.dtype == bool for x in parts):
            raise RecordingError(
                "the entries where a mask is True cannot be compiled, because their count differs from call to call: "
                + _here("write np.where(mask, x, 0)")
            )
        return self._recorder.apply(INDEX, operator.getitem, (self, index))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        if not all(isinstance(x, Traced | np.ndarray | np.generic | float | int) for x in inputs):
            return NotImplemented  # a Tensor knows what to do
        if self._recorder.in_other_thread():
            return getattr(ufunc, method)(*map(value_of, inputs), **keywords)
        if method == "reduce":
            return self._recorder.apply(UFUNC, ufunc.reduce, inputs, keywords)
        if method != "__call__" or ufunc.nout > 1 or "out" in keywords:
            raise RecordingError(f"np.{ufunc.__name__} cannot be compiled in this form: {_here(_PLAINLY)}")
        if ufunc in (np.maximum, np.minimum) and all(map(_plain_number, inputs)):
            return self._recorder.apply(MATH, ufunc.__name__, inputs)
        return self._recorder.apply(UFUNC, ufunc, inputs, keywords)

    def __array_function__(self, function: Any, kinds: Any, args: Any, keywords: Any) -> Any:
        if any(issubclass(t, Node) for t in kinds):
            return NotImplemented
        if function in (np.shape, np.ndim, np.size):
            return function(value_of(args[0]), *args[1:], **keywords)
        if function is np.may_share_memory:
            return False  # it cannot be written into
        if function in (np.zeros_like, np.ones_like, np.empty_like, np.result_type):
            return function(*map(value_of, args), **keywords)
        if function in _LENGTHS or (function is np.where and len(args) == 1):
            raise RecordingError(
                f"np.{function.__name__} cannot be compiled, because the length of its result differs from call to "
                f"call: {_here('take this line out of the function')}"
            )
        if function is np.linalg.slogdet:
            return tuple(self._recorder.apply(CALL, part, args) for part in (det_sign, logabsdet))
        ufunc = _REDUCTIONS.get(function)
        if ufunc is not None and keywords.keys() <= {"axis", "keepdims"} and len(args) <= 2:
            return _reduced(args[0], ufunc, *args[1:], **keywords)
        return self._recorder.apply(CALL, function, args, keywords)

    def copy(self, order: str = "C") -> "Traced":
        """A copy. It is left out if it keeps the order in memory, "K": in another order, sums are rounded otherwise."""
        keeps = order == "K" or (order == "C" and self.value.flags.c_contiguous)
        keywords = {"order": "K"} if keeps else {} if order == "C" else {"order": order}
        return self._recorder.apply(METHOD, "copy", (self,), keywords)

    def dot(self, other: Any) -> "Traced":
        """The product of matrices."""
        return self @ other if self.ndim == 2 == np.ndim(value_of(other)) else np.dot(self, other)

    __bool__ = _refused("a choice (if, while, and, or, not)", _BRANCH, bool)
    __float__, __int__, __index__ = (
        _refused("taking a Python number out", _NUMBER, convert) for convert in (float, int, operator.index)
    )
    __complex__ = _refused("taking a Python number out", _NUMBER)
    __format__ = _refused("printing an array", _SHOWN, format)
    __str__ = _refused("printing an array", _SHOWN, str)
    __array__ = _refused("reading an array's numbers", _READ, np.asarray)
    __setitem__ = _refused("writing into an array", "make a new one with np.where or np.concatenate")
    tolist = _refused("reading an array's numbers", _NUMBER)

    def __repr__(self) -> str:
        return f"Traced({self.value!r})"


def _reduced(x: Any, ufunc: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """A reduction, however it was called, as one call of the ufunc's method."""
    keywords = {"axis": axis} | ({"keepdims": True} if keepdims else {})
    return x._recorder.apply(UFUNC, ufunc.reduce, (x,), keywords)


def _reduction(ufunc: Any) -> Any:
    def method(self: Traced, axis: Any = None, *, keepdims: bool = False) -> Any:
        return _reduced(self, ufunc, axis, keepdims=keepdims)

    return method


_REDUCTIONS = {np.sum: np.add, np.max: np.maximum, np.min: np.minimum, np.prod: np.multiply}
for _function, _ufunc in _REDUCTIONS.items():
    setattr(Traced, _function.__name__, _reduction(_ufunc))
_BINARY: tuple[tuple[str, Any, Any], ...] = (
    ("add", operator.add, np.add),
    ("sub", operator.sub, np.subtract),
    ("mul", operator.mul, np.multiply),
    ("truediv", operator.truediv, np.divide),
    ("floordiv", operator.floordiv, np.floor_divide),
    ("mod", operator.mod, np.remainder),
    ("pow", operator.pow, np.power),
    ("matmul", operator.matmul, np.matmul),
    ("and", operator.and_, np.bitwise_and),
    ("or", operator.or_, np.bitwise_or),
    ("xor", operator.xor, np.bitwise_xor),
)
_OTHERS: tuple[tuple[str, Any, Any], ...] = (
    ("lt", operator.lt, np.less),
    ("le", operator.le, np.less_equal),
    ("gt", operator.gt, np.greater),
    ("ge", operator.ge, np.greater_equal),
    ("eq", operator.eq, np.equal),
    ("ne", operator.ne, np.not_equal),
    ("neg", operator.neg, np.negative),
    ("pos", operator.pos, np.positive),
    ("abs", operator.abs, np.absolute),
    ("invert", operator.invert, np.invert),
)
for _name, _python, _ufunc in _BINARY:
    setattr(Traced, f"__{_name}__", _operator(_python, _ufunc))
    setattr(Traced, f"__i{_name}__", _in_place(getattr(operator, f"i{_name}"), _python))
    setattr(Traced, f"__r{_name}__", _operator(_python, _ufunc, reflected=True))
for _name, _python, _ufunc in _OTHERS:
    setattr(Traced, f"__{_name}__", _operator(_python, _ufunc))
for _name in (
    *("reshape", "ravel", "flatten", "transpose", "swapaxes", "squeeze", "astype", "repeat", "take"),
    *("mean", "var", "std", "argmax", "argmin", "argsort", "cumsum", "any", "all"),
    *("item", "clip", "round", "diagonal", "trace"),
):
    setattr(Traced, _name, _method(_name))
