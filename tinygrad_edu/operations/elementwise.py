"""What an operation is, and the table of the elementwise ones: one row each.

A row is text. ``tanh = Unary("tanh(x)", gx="gy * (1 - y * y)")`` says that the forward pass computes
``y = tanh(x)``, and that an incoming gradient ``gy`` flows on to the input as ``gx = gy * (1 - y * y)``.
The names are always the same: ``x`` (or ``x0``, ``x1``) for the data that went in, ``y`` for the data that
came out, ``gy`` for the gradient that arrives, ``gx`` for the one that leaves.

The one text is compiled with three vocabularies, in which ``tanh`` means something different:

- `FLOATS`: ``math.tanh``. Backprop through `Value`.
- the arrays' (`array_vocabulary`): ``numpy.tanh``. Backprop through `Tensor`.
- `NODES`: the rows themselves, which record. The backward pass becomes a graph that can be differentiated
  again, or compiled.

A learner's formula is read off the same text: `Elementwise.local_derivative`.
"""

import ast
import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

from tinygrad_edu.errors import ArgumentError, DTypeError
from tinygrad_edu.support.arguments import shown

N = TypeVar("N")


class Operation:
    """A differentiable operation: what it computes, and what a gradient becomes on the way back through it.

    ``forward(*xs, **params)`` computes ``y``; ``gx_arrays[i](gy, y, *xs, **params)`` is the gradient that flows to
    input ``i``, on plain data (floats or ndarrays), and ``gx_nodes[i]`` the same on nodes, so that it is recorded.
    Calling an operation with a node among its inputs records a node; with plain data it just computes.
    """

    name: str
    symbol: str
    gx_arrays: Sequence[Callable[..., Any]]
    owns_gradients = True  # gx never hands out the data or another gradient, only gy itself or fresh arrays
    calm = True  # gx of finite numbers is finite: NumPy has nothing to warn of
    fits = False  # of arrays of one type every gx is a fresh array of its input's shape: nothing is broadcast
    flow: Any = None  # the backward pass on arrays as one function, which `array_backward` writes when first needed

    def forward(self, *xs: Any, **params: Any) -> Any:
        """``y`` from the inputs' data."""
        raise NotImplementedError

    @property
    def gx_nodes(self) -> Sequence[Callable[..., Any]]:
        """What `gx_arrays` is, on nodes."""
        return self.gx_arrays

    def local_derivative(self, i: int) -> str:
        """Formula of ∂y/∂x_i in the names ``x`` or ``x0``, ``x1``, … and ``y``."""
        return f"∂{self.name}/∂x{i}"

    def backward_floats(self, node: Any) -> None:
        """Add to the gradients of a `Value`'s inputs what flows to them."""
        gy, y, inputs, params = node.grad, node._data, node.inputs, node.params
        xs = [x._data for x in inputs]
        for x, gx in zip(inputs, self.gx_arrays, strict=False):
            x.grad += gx(gy, y, *xs, **params)

    def __call__(self, *xs: Any, **params: Any) -> Any:
        for x in xs:
            record = getattr(x, "_record", None)
            if record is not None:
                return record(self, xs, params)
        try:
            return self.forward(*xs, **params)
        except TypeError:
            odd = [x for x in xs if x is None or isinstance(x, str | bytes)]
            if not odd:
                raise
            raise DTypeError(
                f"{self.name} takes numbers, arrays, Values or Tensors, but was given {shown(odd[0])}"
            ) from None

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


# --- the vocabulary of floats: IEEE 754 as NumPy has it, where Python would raise -----------------------------

_INF, _NAN = math.inf, math.nan


def _ieee(function: Callable[[float], float], domain: float | Callable[[float], float] = _NAN) -> Any:
    """A function of `math` that answers with inf or nan where Python raises."""

    def total(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return math.copysign(_INF, x) if function is math.sinh else _INF
        except ValueError:
            return domain(x) if callable(domain) else domain

    return total


def _divide(a: float, b: float) -> float:
    try:
        return a / b
    except ZeroDivisionError:
        return _NAN if a == 0 or a != a else math.copysign(_INF, a) * math.copysign(1.0, b)


def _power(a: float, b: float) -> float:
    try:
        y = a**b
    except OverflowError:
        if a < 0 and b % 1:  # Python computes a complex number before it finds this one too large
            return _NAN
        return -_INF if a < 0 and b % 2 == 1 else _INF
    except ZeroDivisionError:  # zero to a negative power
        return math.copysign(_INF, a) if b % 2 == 1 else _INF
    return _NAN if isinstance(y, complex) else y


def _log_at_the_edge(x: float) -> float:
    return -_INF if x == 0 else _NAN


def _exp2(x: float) -> float:
    return _power(2.0, x)


def _logaddexp(a: float, b: float) -> float:
    if a == b:  # two infinities of one sign have no difference
        return a + math.log(2)
    return max(a, b) + math.log1p(FLOATS["exp"](-abs(a - b)))


def _sign(x: float) -> float:
    return x if x != x else float((x > 0) - (x < 0))


def _maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def _is_zero(x: float) -> bool:
    return x == 0


FLOATS: dict[str, Any] = {
    "divide": _divide,
    "power": _power,
    "maximum": _maximum,
    "minimum": _minimum,
    "logaddexp": _logaddexp,
    "sign": _sign,
    "is_zero": _is_zero,
    "abs": abs,
    "exp": _ieee(math.exp),
    "expm1": _ieee(math.expm1),
    "exp2": _exp2,
    "log": _ieee(math.log, _log_at_the_edge),
    "log1p": _ieee(math.log1p, lambda x: -_INF if x == -1 else _NAN),
    "log2": _ieee(math.log2, _log_at_the_edge),
    "log10": _ieee(math.log10, _log_at_the_edge),
    "sqrt": _ieee(math.sqrt),
    "cbrt": math.cbrt,
    "sin": _ieee(math.sin),
    "cos": _ieee(math.cos),
    "tan": _ieee(math.tan),
    "arcsin": _ieee(math.asin),
    "arccos": _ieee(math.acos),
    "arctan": math.atan,
    "arctan2": math.atan2,
    "sinh": _ieee(math.sinh),
    "cosh": _ieee(math.cosh),
    "tanh": math.tanh,
    "arcsinh": math.asinh,
    "arccosh": _ieee(math.acosh),
    "arctanh": _ieee(math.atanh, lambda x: math.copysign(_INF, x) if abs(x) == 1 else _NAN),
    "erf": math.erf,
    "erfc": math.erfc,
    "hypot": math.hypot,
}
CONSTANTS = {
    "sqrt_half": math.sqrt(0.5),
    "sqrt_2_over_pi": math.sqrt(2 / math.pi),
    "inv_sqrt_2pi": 1 / math.sqrt(2 * math.pi),
    "two_over_sqrt_pi": 2 / math.sqrt(math.pi),
    "ln2": math.log(2),
    "ln10": math.log(10),
    "selu_alpha": 1.6732632423543772,
    "selu_scale": 1.0507009873554805,
}


# The file that code made of text says it is from: one of this package's, where nobody's own line is looked for. NumPy's
# warnings name it, too, so a formula has its own text there.
GENERATED = f"{__file__}: made of a row"


# --- text -> functions ------------------------------------------------------------------------------------------


class _ForFloats(ast.NodeTransformer):
    """Python's ``/`` and ``**`` raise where IEEE has inf and nan; a choice evaluates one side only.

    ``maximum(x, 0.0)`` of bare names and numbers is a choice, too: a call would cost more than all else that ReLU does.
    """

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        name = {ast.Div: "divide", ast.Pow: "power"}.get(type(node.op))
        return ast.Call(ast.Name(name, ast.Load()), [node.left, node.right], []) if name else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name("where"), [test, yes, no]):
                return ast.IfExp(test, yes, no)
            case ast.Call(ast.Name("maximum"), [ast.Name() as a, (ast.Name() | ast.Constant()) as b]):
                return _parse(f"{a.id} if {a.id} > {ast.unparse(b)} or {a.id} != {a.id} else {ast.unparse(b)}")
        return node


class _WithoutGy(ast.NodeTransformer):
    """The derivative for an incoming gradient of one, with the ones multiplied out."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(1) if node.id == "gy" else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult):
            if _is_one(node.left):
                return node.right
            if isinstance(node.left, ast.UnaryOp) and _is_one(node.left.operand):
                return ast.UnaryOp(ast.USub(), node.right)
        return node


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def float_source(text: str) -> str:
    """The text as Python that computes on floats with the names of `FLOATS`."""
    return ast.unparse(_ForFloats().visit(_parse(text)))


def _names(text: str) -> set[str]:
    return {node.id for node in ast.walk(_parse(text)) if isinstance(node, ast.Name)}


def function_of(arguments: Sequence[str], text: str, vocabulary: Mapping[str, Any]) -> Any:
    """The function of these arguments that a row's text writes down, its words taken from ``vocabulary``."""
    code = compile(f"lambda {', '.join(arguments)}: {text}", f"{__file__}: {text}", "eval")
    return eval(code, dict(vocabulary))  # noqa: S307 the rows below, never a user's text


class Elementwise(Operation):
    """An operation that works on each number by itself: a row of the table.

    ``y`` is the text of the forward pass, ``gx`` those of the gradients that flow to the inputs, ``symbol``
    what a picture shows, ``operator`` the Python operator that it is, ``params`` its parameters with their
    defaults.
    """

    arrays: ClassVar[dict[str, Any]] = {}  # the vocabulary of arrays: `tensor` fills it in when NumPy is there

    def __init__(self, y: str, *gx: str, symbol: str = "", operator: str = "", **params: float) -> None:
        self.y_text = y
        self.gx_texts = gx
        self.symbol = symbol
        self.operator = operator
        self.defaults = params
        self.calm = not any(word in text for text in gx for word in ("/", "**", "exp", "log", "sqrt", "cosh", "sinh"))
        self.fits = len(gx) == 1 and "gy" in gx[0] and gx[0] != "gy" and not params  # which may be arrays
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
        return ast.unparse(_WithoutGy().visit(_parse(self.gx_texts[i])))

    def _forward_in(self, vocabulary: Mapping[str, Any], text: str) -> Any:
        return function_of((*self.input_names, *self.defaults), text, vocabulary)

    def _gx_in(self, vocabulary: Mapping[str, Any], texts: Sequence[str]) -> tuple[Any, ...]:
        arguments = ("gy", "y", *self.input_names, *self.defaults)
        return tuple(function_of(arguments, text, vocabulary) for text in texts)

    @cached_property
    def on_floats(self) -> Callable[..., float]:
        """The forward pass on floats."""
        if self.operator in ("add", "sub", "mul", "neg"):  # the same text, as a builtin
            return getattr(operator, self.operator)  # type: ignore[no-any-return]
        return self._forward_in(FLOATS | CONSTANTS, float_source(self.y_text))  # type: ignore[no-any-return]

    @cached_property
    def forward(self) -> Callable[..., Any]:
        """The forward pass on arrays (or on floats, through NumPy)."""
        return self._forward_in(self.arrays | CONSTANTS, self.y_text)  # type: ignore[no-any-return]

    @cached_property
    def gx_arrays(self) -> tuple[Callable[..., Any], ...]:  # type: ignore[override]
        return self._gx_in(self.arrays | CONSTANTS, self.gx_texts)

    @cached_property
    def gx_nodes(self) -> tuple[Callable[..., Any], ...]:
        return self._gx_in(NODES, self.gx_texts)

    @cached_property
    def gx_floats(self) -> tuple[Callable[..., float], ...]:
        """The derivatives on floats, one for each input."""
        return self._gx_in(FLOATS | CONSTANTS, [float_source(text) for text in self.gx_texts])

    @cached_property
    def backward_floats(self) -> Callable[[Any], None]:
        """The derivatives, written out as one function; for ``mul`` that is this one.

        ::

            def backward(node):
                gy = node.grad
                n0 = node._left
                n1 = node._right
                x0 = n0._data
                x1 = n1._data
                n0.grad += gy * x1
                n1.grad += gy * x0

        Reading each datum once, and only if it is needed, is what makes a scalar backward pass fast.
        """
        used = set().union(*map(_names, self.gx_texts))
        nodes = [f"n{i}" for i in range(len(self.gx_texts))]
        lines = ["gy = node.grad", "n0 = node._left", "n1 = node._right"][: 1 + len(nodes)]
        lines += [f"{x} = {n}._data" for x, n in zip(self.input_names, nodes, strict=True) if x in used]
        lines += ["y = node._data"] if "y" in used else []
        lines += [f"{p} = node.params['{p}']" for p in self.defaults if p in used]
        lines += [f"{n}.grad += {float_source(gx)}" for n, gx in zip(nodes, self.gx_texts, strict=True)]
        scope: dict[str, Any] = FLOATS | CONSTANTS
        exec(compile("def backward(node):\n    " + "\n    ".join(lines), GENERATED, "exec"), scope)  # noqa: S102 the rows below, never a user's text
        return scope["backward"]  # type: ignore[no-any-return]

    def bind(self, args: Sequence[float], keywords: Mapping[str, float]) -> dict[str, float]:
        """The parameters of a call: the defaults, then what was given by position and by name; None is the default."""
        surplus = [name for name in keywords if name not in self.defaults]
        if surplus or len(args) > len(self.defaults):
            given = ", ".join([*map(repr, args), *(f"{k}={v!r}" for k, v in keywords.items())])
            takes = ", ".join(f"{k}={v!r}" for k, v in self.defaults.items()) or "no parameters"
            raise ArgumentError(f"{self.name}() takes {takes}, but was given ({given})")
        given_ones = {**dict(zip(self.defaults, args, strict=False)), **keywords}
        for name, x in given_ones.items():
            if getattr(x, "requires_grad", False):
                raise ArgumentError(
                    f"{self.name}() has no derivative by {name}, so it takes a plain number there, but was given {x!r}"
                )
            if hasattr(x, "copy"):
                given_ones[name] = x.copy()  # an array, as it is now
        return self.defaults | {name: x for name, x in given_ones.items() if x is not None}


class ArrayOperation(Operation):
    """An operation on whole arrays: `numpy` in, `numpy` out, and a derivative for each input.

    The derivatives ``gx(gy, y, *xs, **params)`` are written with NumPy's functions, which a `Tensor` answers as
    well as an array does: on Tensors the very same lines record. `formula` is the blackboard's form of each, in
    the names ``gy``, ``y``, ``x`` or ``x0``, ``x1``.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        *gx: Callable[..., Any],
        symbol: str = "",
        formula: str | tuple[str, ...] = "",
    ) -> None:
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


class Variadic(ArrayOperation):
    """An array operation with any number of inputs: one derivative ``gx(i, gy, y, *xs, **params)`` for all."""

    def __init__(
        self, name: str, forward: Callable[..., Any], gx: Callable[..., Any], *, symbol: str = "", formula: str
    ) -> None:
        super().__init__(name, forward, symbol=symbol, formula=formula)
        self.gx_arrays = EachInput(gx)


ARRAY_TABLE: dict[str, ArrayOperation] = {}


def _array_row(name: str) -> ArrayOperation:
    return ARRAY_TABLE[name]


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


class ElementwiseMethods:
    """The table. `Value` and `Tensor` have a method for every row, and an operator where a row names one.

    Kinks and ties follow PyTorch. A mask selects (``where``), it never multiplies: 0 times infinity is nan.
    """

    __slots__ = ()

    identity = Unary("+x", gx="gy", operator="pos")
    neg = Unary("-x", gx="-gy", symbol="−", operator="neg")
    add = Binary("x0 + x1", gx0="gy", gx1="gy", symbol="+", operator="add")
    sub = Binary("x0 - x1", gx0="gy", gx1="-gy", symbol="−", operator="sub")
    mul = Binary("x0 * x1", gx0="gy * x1", gx1="gy * x0", symbol="×", operator="mul")
    div = Binary("x0 / x1", gx0="gy / x1", gx1="-gy * y / x1", symbol="÷", operator="truediv")
    pow = Binary(
        "x0 ** x1",
        gx0="gy * x1 * x0 ** where(is_zero(x0) & is_zero(x1), 0.0, x1 - 1)",
        gx1="gy * y * log(where(is_zero(x0) & (x1 >= 0), 1.0, x0))",
        symbol="**",
        operator="pow",
    )
    maximum = Binary(
        "maximum(x0, x1)",
        gx0="where(x0 > x1, gy, where(x0 < x1, 0.0, gy / 2))",
        gx1="where(x1 > x0, gy, where(x1 < x0, 0.0, gy / 2))",
        symbol="max",
    )
    minimum = Binary(
        "minimum(x0, x1)",
        gx0="where(x0 < x1, gy, where(x0 > x1, 0.0, gy / 2))",
        gx1="where(x1 < x0, gy, where(x1 > x0, 0.0, gy / 2))",
        symbol="min",
    )
    select = Binary(
        "where(condition, x0, x1)",
        gx0="where(condition, gy, 0.0)",
        gx1="where(condition, 0.0, gy)",
        symbol="where",
        condition=True,
    )
    hypot = Binary("hypot(x0, x1)", gx0="gy * x0 / y", gx1="gy * x1 / y")
    arctan2 = Binary("arctan2(x0, x1)", gx0="gy * x1 / (x0 * x0 + x1 * x1)", gx1="-gy * x0 / (x0 * x0 + x1 * x1)")
    logaddexp = Binary("logaddexp(x0, x1)", gx0="gy * sigmoid(x0 - x1)", gx1="gy * sigmoid(x1 - x0)")

    abs = Unary("abs(x)", gx="gy * sign(x)", symbol="| |", operator="abs")
    sign = Unary("sign(x)", gx="0.0")
    square = Unary("x * x", gx="gy * 2 * x", symbol="x²")
    reciprocal = Unary("1 / x", gx="-gy * y * y", symbol="1/x")
    sqrt = Unary("sqrt(x)", gx="gy / (2 * y)", symbol="√")
    cbrt = Unary("cbrt(x)", gx="gy / (3 * y * y)", symbol="∛")
    exp = Unary("exp(x)", gx="gy * y")
    exp2 = Unary("exp2(x)", gx="gy * y * ln2")
    expm1 = Unary("expm1(x)", gx="gy * exp(x)")
    log = Unary("log(x)", gx="gy / x")
    log2 = Unary("log2(x)", gx="gy / (x * ln2)")
    log10 = Unary("log10(x)", gx="gy / (x * ln10)")
    log1p = Unary("log1p(x)", gx="gy / (1 + x)")
    sin = Unary("sin(x)", gx="gy * cos(x)")
    cos = Unary("cos(x)", gx="-gy * sin(x)")
    tan = Unary("tan(x)", gx="gy * (1 + y * y)")
    arcsin = Unary("arcsin(x)", gx="gy / sqrt(1 - x * x)")
    arccos = Unary("arccos(x)", gx="-gy / sqrt(1 - x * x)")
    arctan = Unary("arctan(x)", gx="gy / (1 + x * x)")
    sinh = Unary("sinh(x)", gx="gy * cosh(x)")
    cosh = Unary("cosh(x)", gx="gy * sinh(x)")
    tanh = Unary("tanh(x)", gx="gy * (1 - y * y)")
    arcsinh = Unary("arcsinh(x)", gx="gy / sqrt(x * x + 1)")
    arccosh = Unary("arccosh(x)", gx="gy / sqrt(x * x - 1)")
    arctanh = Unary("arctanh(x)", gx="gy / (1 - x * x)")
    erf = Unary("erf(x)", gx="gy * two_over_sqrt_pi * exp(-x * x)")
    bce_with_logits = Binary(
        "maximum(x0, 0.0) - x0 * x1 + log1p(exp(-abs(x0)))", gx0="gy * (sigmoid(x0) - x1)", gx1="-gy * x0"
    )
    erfc = Unary("erfc(x)", gx="-gy * two_over_sqrt_pi * exp(-x * x)")
    clip = Unary("minimum(maximum(x, min), max)", gx="where((x < min) | (x > max), 0.0, gy)", min=-_INF, max=_INF)

    # exp never sees a positive number here, so neither form overflows at either end.
    sigmoid = Unary("exp(minimum(x, 0.0)) / (1 + exp(-abs(x)))", gx="gy * y * (1 - y)", symbol="σ")
    softplus = Unary("maximum(x, 0.0) + log1p(exp(-abs(x)))", gx="gy * sigmoid(x)")
    relu = Unary("maximum(x, 0.0)", gx="where(x > 0.0, gy, 0.0)")
    leaky_relu = Unary("where(x > 0.0, x, slope * x)", gx="where(x > 0.0, gy, gy * slope)", slope=0.01)
    elu = Unary(
        "where(x > 0.0, x, alpha * expm1(minimum(x, 0.0)))",
        gx="where(x > 0.0, gy, gy * alpha * exp(minimum(x, 0.0)))",
        alpha=1.0,
    )
    selu = Unary(
        "selu_scale * where(x > 0.0, x, selu_alpha * expm1(minimum(x, 0.0)))",
        gx="gy * selu_scale * where(x > 0.0, 1.0, selu_alpha * exp(minimum(x, 0.0)))",
    )
    silu = Unary("x * sigmoid(x)", gx="gy * sigmoid(x) * (1 + x * sigmoid(-x))")
    mish = Unary(
        "x * tanh(softplus(x))",
        gx="gy * (tanh(softplus(x)) + x * sigmoid(x) * (1 - tanh(softplus(x)) * tanh(softplus(x))))",
    )
    softsign = Unary("x / (1 + abs(x))", gx="gy / ((1 + abs(x)) * (1 + abs(x)))")
    hardtanh = Unary(
        "minimum(maximum(x, min_val), max_val)",
        gx="where((x > min_val) & (x < max_val), gy, 0.0)",
        min_val=-1.0,
        max_val=1.0,
    )
    prelu = Binary(
        "where(x0 > 0.0, x0, x1 * x0)", gx0="where(x0 > 0.0, gy, gy * x1)", gx1="where(x0 > 0.0, 0.0, gy * x0)"
    )
    # erfc keeps its digits where 1 + erf(x) would cancel.
    gelu = Unary(
        "0.5 * x * erfc(-x * sqrt_half)",
        gx="gy * (0.5 * erfc(-x * sqrt_half) + x * inv_sqrt_2pi * exp(-0.5 * x * x))",
    )
    gelu_tanh = Unary(
        "x * sigmoid(2 * sqrt_2_over_pi * (x + 0.044715 * x * x * x))",
        gx="gy * sigmoid(2 * sqrt_2_over_pi * (x + 0.044715 * x * x * x))"
        " * (1 + x * sigmoid(-2 * sqrt_2_over_pi * (x + 0.044715 * x * x * x))"
        " * 2 * sqrt_2_over_pi * (1 + 3 * 0.044715 * x * x))",
    )

    if TYPE_CHECKING:
        # What `install` makes of the rows that name an operator.
        def __pos__(self) -> Self: ...
        def __neg__(self) -> Self: ...
        def __abs__(self) -> Self: ...
        def __add__(self, other: Any) -> Self: ...
        def __radd__(self, other: Any) -> Self: ...
        def __sub__(self, other: Any) -> Self: ...
        def __rsub__(self, other: Any) -> Self: ...
        def __mul__(self, other: Any) -> Self: ...
        def __rmul__(self, other: Any) -> Self: ...
        def __truediv__(self, other: Any) -> Self: ...
        def __rtruediv__(self, other: Any) -> Self: ...
        def __pow__(self, other: Any) -> Self: ...
        def __rpow__(self, other: Any) -> Self: ...


TABLE: dict[str, Elementwise] = {
    name: row for name, row in vars(ElementwiseMethods).items() if isinstance(row, Elementwise)
}


def install(
    cls: type,
    unary: Callable[[Elementwise], Any],
    binary: Callable[[Elementwise], tuple[Any, Any]],
) -> None:
    """Give ``cls`` a method for every row: ``unary`` makes it from a row, ``binary`` makes it and its reflection."""
    for name, row in TABLE.items():
        method, reflected = binary(row) if len(row.gx_texts) == 2 else (unary(row), None)
        for function in filter(None, (method, reflected)):
            function.__doc__ = row.__doc__
            function.__name__ = name
            function.__qualname__ = f"{cls.__name__}.{name}"
        setattr(cls, name, method)
        if row.operator:
            setattr(cls, f"__{row.operator}__", method)
            if reflected is not None:
                setattr(cls, f"__r{row.operator}__", reflected)


def _fill(vocabulary: dict[str, Any], forward: str) -> None:
    """Add to a vocabulary the rows that it lacks, by their own forward text, compiled when first used."""

    def late(row: Elementwise) -> Callable[..., Any]:
        return lambda *xs: getattr(row, forward)(*xs)

    for name, row in TABLE.items():
        vocabulary.setdefault(name, late(row))


def fill_arrays(functions: Mapping[str, Any]) -> None:
    """Give the rows their vocabulary of arrays."""
    Elementwise.arrays.update(functions)
    _fill(Elementwise.arrays, "forward")


_fill(FLOATS, "on_floats")


def _where_nodes(condition: Any, yes: Any, no: Any) -> Any:
    if isinstance(condition, bool):  # Values: one side is taken, as in Python
        return yes if condition else no
    return TABLE["select"](yes, no, condition=condition)


def _is_zero_node(x: Any) -> Any:
    return getattr(x, "data", x) == 0


# NumPy's name of a row, where it is another.
NUMPY_NAMES = {
    "positive": "identity",
    "negative": "neg",
    "absolute": "abs",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "power": "pow",
}

NODES: dict[str, Any] = {**TABLE, **CONSTANTS, "where": _where_nodes, "is_zero": _is_zero_node}
