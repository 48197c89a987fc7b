"""What an operation computes, and its derivative, as formulas, made from the engine's own texts.

An elementwise row is Python text (``gy * (1 - y * y)``), an array operation has the blackboard's form (``x0ᵀ @ gy``).
Both are read here into a `Formula`, with the names of the nodes instead of ``x0`` and ``y``.
"""

import ast
import math
import operator
import re
from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from tinygrad_edu.dot import Dot
from tinygrad_edu.operations.operation import ArrayOperation, Operation
from tinygrad_edu.operations.row import Elementwise
from viz.formulas import windows
from viz.formulas.tree import (
    Apply,
    Choice,
    Formula,
    Given,
    Infix,
    Name,
    Negative,
    Number,
    Partial,
    Prose,
    Raised,
    Row,
    Sign,
)

Names = Mapping[str, Formula]

_ZERO, _ONE, _TWO = Number(0), Number(1), Number(2)
_FUNCTIONS = {"sigmoid": "σ", "maximum": "max", "minimum": "min", "power": "pow"}
_CONSTANTS: Names = {
    "sqrt_half": Apply("sqrt", (Infix("/", _ONE, _TWO),)),
    "sqrt_2_over_pi": Apply("sqrt", (Infix("/", _TWO, Name("π")),)),
    "inv_sqrt_2pi": Infix("/", _ONE, Apply("sqrt", (Infix("*", _TWO, Name("π")),))),
    "two_over_sqrt_pi": Infix("/", _TWO, Apply("sqrt", (Name("π"),))),
    "ln2": Apply("log", (_TWO,)),
    "ln10": Apply("log", (Number(10),)),
    "selu_alpha": Name("α"),
    "selu_scale": Name("λ"),
}
_SYMBOLS: dict[type, str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_SYMBOLS |= {ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<=", ast.Eq: "==", ast.BitAnd: "&", ast.BitOr: "|"}


class _Reader(ast.NodeVisitor):
    """Python's tree to a formula, operator by operator."""

    def __init__(self, names: Names) -> None:
        self.names = names

    def join(self, symbol: str, left: Formula, right: Formula) -> Formula:
        return Infix(symbol, left, right)

    def is_zero(self, name: str, x: Formula) -> Formula:
        return Infix("==", x, _ZERO)

    def visit_Constant(self, node: ast.Constant) -> Formula:
        return Number(node.value, digits=12)  # type: ignore[arg-type]

    def visit_Name(self, node: ast.Name) -> Formula:
        return self.names.get(node.id) or _CONSTANTS.get(node.id) or Name(node.id)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Formula:
        inner = self.visit(node.operand)
        if isinstance(node.op, ast.UAdd):
            return inner
        return Number(-inner.value) if isinstance(inner, Number) else Negative(inner)

    def visit_BinOp(self, node: ast.BinOp) -> Formula:
        return self.join(_SYMBOLS[type(node.op)], self.visit(node.left), self.visit(node.right))

    def visit_Compare(self, node: ast.Compare) -> Formula:
        return self.join(_SYMBOLS[type(node.ops[0])], self.visit(node.left), self.visit(node.comparators[0]))

    def visit_Call(self, node: ast.Call) -> Formula:
        name = node.func.id  # type: ignore[attr-defined]
        arguments: tuple[Formula, ...] = tuple(map(self.visit, node.args))
        if name == "where":
            test, yes, no = arguments
            if isinstance(test, Number):
                return yes if test.value else no
            return yes if yes == no else Choice(*arguments)
        if name == "is_zero":
            return self.is_zero(ast.unparse(node.args[0]), arguments[0])
        return Apply(_FUNCTIONS.get(name, name), arguments)


class _Simplifier(_Reader):
    """Python's tree to a formula as a person would write it.

    ``times`` is the sign of a product of two nodes. A row guards what it does at zero; where none of the inputs in
    ``nonzero`` is there, the guards only hide the rule.
    """

    def __init__(self, names: Names, times: str, nonzero: Container[str]) -> None:
        super().__init__(names)
        self.times = times
        self.nonzero = nonzero

    def is_zero(self, name: str, x: Formula) -> Formula:
        if isinstance(x, Number):
            return Number(x.value == 0)
        return Number(False) if name in self.nonzero else super().is_zero(name, x)

    def join(self, symbol: str, left: Formula, right: Formula) -> Formula:
        return simplified(symbol, left, right, self.times)


def simplified(symbol: str, left: Formula, right: Formula, times: str = "*") -> Formula:
    """The two operands joined: ``y²`` for ``y * y``, ``x`` for ``x * 1``, and what two numbers come to."""
    if symbol in _LOGIC:
        return _decided(symbol, left, right)
    if isinstance(left, Number) and isinstance(right, Number) and symbol in "+-":
        return Number(left.value + right.value if symbol == "+" else left.value - right.value)
    if symbol in ("**", "/", "*") and right == _ONE:
        return left
    if symbol == "*":
        if left == _ONE:
            return right
        if _ZERO in (left, right):
            return _ZERO
        if isinstance(right, Name) and (power := _with_one_more(left, right)):
            return power
        if not isinstance(left, Number) and not isinstance(right, Number):
            symbol = times
    return Infix(symbol, left, right)


def _with_one_more(left: Formula, factor: Name) -> Formula | None:
    """``left · factor`` as a power, where ``left`` ends with that factor: ``3 · y²`` of ``3 · y`` and ``y``."""
    if left == factor:
        return Infix("**", left, _TWO)
    match left:
        case Infix("**", base, Number(exponent)) if base == factor:
            return Infix("**", base, Number(exponent + 1))
        case Negative(inner) if power := _with_one_more(inner, factor):
            return Negative(power)
        case Infix("*" | "⊙" as symbol, first, last) if power := _with_one_more(last, factor):
            return Infix(symbol, first, power)
    return None


_LOGIC: Mapping[str, Any] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "&": None,
    "|": None,
}


def _decided(symbol: str, left: Formula, right: Formula) -> Formula:
    """A comparison, or two joined by "and" or "or", as far as constants decide it."""
    for one, other in ((left, right), (right, left)):
        if symbol in "&|" and isinstance(one, Number):
            return one if bool(one.value) == (symbol == "|") else other
    if isinstance(right, Number) and abs(right.value) == math.inf and not isinstance(left, Number):
        return Number(_LOGIC[symbol](0, right.value))  # every number is between the infinities
    if isinstance(left, Number) and isinstance(right, Number):
        return Number(_LOGIC[symbol](left.value, right.value))
    return Infix(symbol, left, right)


def _read(text: str, reader: _Reader) -> Formula:
    return reader.visit(ast.parse(text, mode="eval").body)


_TOKEN = re.compile(r"(?P<name>[A-Za-z]+\d*)|(?P<raised>⁻?ᵀ|⁻¹)|(?P<sign>[-+−·/@Σ()≤≥<>⊙])|(?P<space>\s+)|(?P<other>.)")


def read_blackboard(text: str, names: Names) -> Formula:
    """A formula with words in it, such as ``gy, spread over what was summed``."""
    parts: list[Formula] = []
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in names:
            parts.append(names[word])
        elif token["raised"] and parts:
            parts.append(Raised(parts.pop(), word))
        elif token["sign"]:
            parts.append(Sign(word))
        elif parts and isinstance(parts[-1], Prose) and not (token["space"] and not parts[-1].says.strip()):
            parts.append(Prose(parts.pop().says + word))  # type: ignore[attr-defined]
        else:
            parts.append(Prose(word))
    return parts[0] if len(parts) == 1 else Row(tuple(parts))


def forward(operation: Operation, xs: Sequence[Formula], params: Mapping[str, Any]) -> Formula:
    """The formula that computes the node: ``a · b``, ``tanh(v3)``, ``X @ W + b``."""
    if isinstance(operation, Elementwise):
        names = dict(zip(operation.input_names, xs, strict=True))
        if operation.operator or "(" not in operation.y_text:
            return _read(operation.y_text, _Reader(names))
        if operation.name == "select":
            condition = params["condition"]
            return Choice(Prose(str(condition)) if isinstance(condition, bool) else Name("condition"), *xs)
    elif isinstance(operation, Dot):
        return _weighted_sum(xs)
    form = _FORMS.get(operation.name) if isinstance(operation, ArrayOperation) else None
    if form is not None:
        return form(*xs, **params)
    settings = tuple(Given(k, shown) for k, v in params.items() if (shown := _setting(v)))
    return Apply(_FUNCTIONS.get(operation.name, operation.name), (*xs, *settings))


def _setting(value: Any) -> Formula | None:
    """A parameter as it is written; None for a default, or for an array that would fill the line."""
    if value is None or value is False or getattr(value, "size", 0) > 1 or len(str(value)) > 24:
        return None
    if isinstance(value, float | int) and value is not True:
        return Number(value, digits=12) if math.isfinite(value) else None
    return Prose(str(value))


def _weighted_sum(xs: Sequence[Formula]) -> Formula:
    n = len(xs) // 2
    terms: list[Formula] = [Infix("*", w, x) for w, x in zip(xs[:n], xs[n:-1], strict=True)]
    if n > 3:
        terms = [terms[0], Prose("…"), terms[-1]]
    total = terms[0] if terms else xs[-1]
    for term in [*terms[1:], xs[-1]] if terms else []:
        total = Infix("+", total, term)
    return total


def _transposed(x: Formula, *, axes: tuple[int, ...]) -> Formula:
    if axes == (1, 0):
        return Raised(x, "ᵀ")
    return Apply("transpose", (x, Prose(str(axes))))


def _taken(x: Formula, *, index: Any) -> Formula:
    return Row((x, Prose(f"[{index_text(index)}]")))


def index_text(index: Any) -> str:
    """An index as it is written between brackets.

    >>> index_text((slice(None), 2, ..., slice(0, 4, 2)))
    ':, 2, ..., 0:4:2'
    """
    if isinstance(index, tuple):
        return ", ".join(map(index_text, index))
    if isinstance(index, slice):
        start, stop = ("" if x is None else str(x) for x in (index.start, index.stop))
        return f"{start}:{stop}" + ("" if index.step is None else f":{index.step}")
    if index is Ellipsis:
        return "..."
    text = " ".join(str(getattr(index, "tolist", lambda: index)()).split())
    return text if len(text) <= 24 else "…"


_FORMS: dict[str, Any] = {
    "matmul": lambda a, b: Infix("@", a, b),
    "linear": lambda x, W, b: Infix("+", Infix("@", x, W), b),
    "transpose": _transposed,
    "getitem": _taken,
    "cross_entropy": lambda x, labels, memo: Apply("cross_entropy", (x, Name("labels"))),
    "inv": lambda x: Raised(x, "⁻¹"),
    "conv": windows.convolution,
    "max_pool": windows.largest,
}


class Edge(NamedTuple):
    """An operation's input ``i`` in formulas: the terms of the node and of all inputs, and the parameters' figures.

    ``nonzero`` names the inputs that have no zero entry: ``x``, or ``x0``, ``x1``.
    """

    operation: Operation
    i: int
    y: Formula
    xs: Sequence[Formula]
    settings: Names
    nonzero: Container[str] = ()


def local_derivative(edge: Edge, times: str = "*") -> Formula:
    """∂y/∂xᵢ in the names of the nodes: ``1 − y²``; ``times`` is the sign of a product of two of them."""
    operation, i, y, xs, settings, nonzero = edge
    if isinstance(operation, Dot):
        n = len(xs) // 2
        return _ONE if i == 2 * n else xs[i + n if i < n else i - n]
    text = operation.local_derivative(i)
    if text == Operation.local_derivative(operation, i):  # an operation that gives no formula
        return Partial(_named(y), _named(xs[i]))
    names = {**_inputs(xs), **settings, "y": y}
    if isinstance(operation, ArrayOperation):
        return read_blackboard(text, {**names, "gy": _ONE})
    try:
        return _read(text.replace("²", "**2").replace("−", "-").replace("·", "*"), _Simplifier(names, times, nonzero))
    except (SyntaxError, KeyError, AttributeError):  # a user's formula may be anything
        return read_blackboard(text, names)


def _inputs(xs: Sequence[Formula]) -> dict[str, Formula]:
    return {f"x{k}": x for k, x in enumerate(xs)} | ({"x": xs[0]} if len(xs) == 1 else {})


def _named(x: Formula) -> Name:
    return x if isinstance(x, Name) else Name(x.text)


def pulled_back(edge: Edge, gy: Formula, gxs: Sequence[Formula]) -> Formula:
    """The gradient that flows from whole arrays to input i: ``Xᵀ @ ∂L/∂Z``, ``∂L/∂y ⊙ (1 − y²)``."""
    operation, i, y, xs, settings, _ = edge
    if isinstance(operation, ArrayOperation):
        gradients = {f"gx{k}": gx for k, gx in enumerate(gxs)} | {"gy": gy}
        return read_blackboard(operation.local_derivative(i), {**_inputs(xs), **settings, "y": y, **gradients})
    local = local_derivative(edge, "⊙")
    if local == Number(-1):
        return Negative(gy)
    return simplified("*", gy, local, "⊙")


# --- shapes -------------------------------------------------------------------------------------------------------


def shape_text(shape: Sequence[int]) -> str:
    """A shape as a formula has it.

    >>> shape_text((784, 30)), shape_text((30,)), shape_text(())
    ('(784,30)', '(30,)', '()')
    """
    return f"({shape[0]},)" if len(shape) == 1 else f"({','.join(map(str, shape))})"


def product_of_shapes(text: str, shapes: Mapping[str, Sequence[int]]) -> str:
    """The shapes in a product of matrices; "" if the blackboard's ``text`` is no such product.

    >>> product_of_shapes("x0ᵀ @ gy", {"x0": (10, 784), "gy": (10, 30)})
    '(784,10) @ (10,30)'
    """
    factors = [(factor.rstrip("ᵀ"), factor.endswith("ᵀ")) for factor in text.lstrip("−").split(" @ ")]
    if len(factors) < 2 or any(len(shapes.get(name, ())) != 2 for name, _ in factors):
        return ""
    return " @ ".join(shape_text(shapes[name][::-1] if raised else shapes[name]) for name, raised in factors)
