"""An expression that a user typed, as a graph of Values: ``tanh(a*b + 10)``.

The text is parsed by `ast`, and each part of the tree is either on a short list or refused: numbers, names,
``+ - * / **`` and the functions of `Value`. Nothing is ever evaluated as Python.
"""

import ast
import difflib
import warnings
from collections.abc import Mapping

from tinygrad_edu.errors import ArgumentError, TinygradEduError
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.value import Constant, Value
from viz.formulas.numbers import printable, width_of

FUNCTIONS: Mapping[str, Elementwise] = {
    name: row for name, row in TABLE.items() if name not in ("identity", "select", "bce_with_logits")
}
_OPERATORS: dict[type, str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.USub: "neg",
}
_HINTS = {"ln": "log", "max": "maximum", "min": "minimum", "pow": "**"}


class ExpressionError(TinygradEduError, ValueError):
    """An expression that is refused; the message shows the place with a caret."""

    def __init__(self, text: str, place: int, says: str) -> None:
        start = max(place - 40, 0)  # of a long line, what is near the place
        caret = " " * width_of(printable(text[start:place])) + "^"
        super().__init__(f"{says}\n  {printable(text[start : start + 76])}\n  {caret}")


def parse(text: str, values: Mapping[str, float]) -> Value:
    """The root of the graph that ``text`` computes.

    Parameters
    ----------
    text : numbers, names, parentheses, ``+ - * / **`` and functions of `Value`.
    values : the number of each name; a name becomes one leaf with that label.

    Raises
    ------
    ExpressionError : anything else is in it; a name has no number, or a number has no name.

    Examples
    --------
    >>> L = parse("tanh(a*b + 10)", {"a": 2, "b": -3})
    >>> L.inputs[0].inputs[0].inputs
    (Value(data=2, grad=0, label='a'), Value(data=-3, grad=0, label='b'))
    >>> parse("a + open('x')", {"a": 1})
    Traceback (most recent call last):
        ...
    viz.formulas.expression.ExpressionError: there is no function open: take one of Value's, such as tanh, exp or relu
      a + open('x')
          ^
    """
    line = " ".join(text.split())
    builder = _Builder(line, values)
    try:
        root = builder.build(_tree(line))
    except (RecursionError, MemoryError):
        raise ExpressionError(line, 0, "the expression is nested too deeply: write it in smaller parts") from None
    surplus = [name for name in values if name not in builder.leaves]
    if surplus:
        raise ExpressionError(line, len(line), f"{surplus[0]} was given a number, but is not in the expression")
    return root


def _tree(line: str) -> ast.expr:
    if not line:
        raise ExpressionError(line, 0, "the expression is empty: write one such as tanh(a*b + 10)")
    try:
        with warnings.catch_warnings():  # Python warns of things that are refused below
            warnings.simplefilter("ignore")
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        place = min(max((error.offset or 1) - 1, 0), len(line))
        hint = ", write a product as 2*a" if "decimal literal" in error.msg else ""
        raise ExpressionError(line, place, f"this is not an expression: {error.msg}{hint}") from None
    except ValueError as error:  # an integer of thousands of digits, a null character
        raise ExpressionError(line, 0, f"this is not an expression: {error}") from None


class _Builder:
    """Builds the graph, part by part of the tree."""

    def __init__(self, line: str, values: Mapping[str, float]) -> None:
        self.line = line
        self.values = values
        self.leaves: dict[str, Value] = {}

    def build(self, part: ast.expr) -> Value:
        """The node that the part of the tree computes."""
        match part:
            case ast.Constant():
                return Constant(self.number(part))
            case ast.Name():
                return self.leaf(part)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.build(part.operand)
            case ast.UnaryOp(op=op) if type(op) in _OPERATORS:
                return self.apply(_OPERATORS[type(op)], part.operand)
            case ast.BinOp(op=op) if type(op) in _OPERATORS:
                return self.apply(_OPERATORS[type(op)], part.left, part.right)
            case ast.BinOp(op=ast.BitXor()):
                raise self.refusal(part.right, "^ is not a power: write a**2")
            case ast.Call():
                return self.call(part)
        raise self.refusal(part, "only numbers, names, + - * / ** and functions of Value are understood")

    def refusal(self, part: ast.AST, says: str) -> ExpressionError:
        """The error that points at the part."""
        start = len(self.line.encode()[: getattr(part, "col_offset", 0)].decode())  # ast counts bytes
        return ExpressionError(self.line, start, says)

    def apply(self, name: str, *operands: ast.expr) -> Value:
        """The row of the table, of operands that are built first."""
        result: Value = TABLE[name](*map(self.build, operands))
        return result

    def number(self, part: ast.expr) -> float:
        """A number, perhaps with a minus."""
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub):
            return -self.number(part.operand)
        if not isinstance(part, ast.Constant) or type(part.value) not in (int, float):
            raise self.refusal(part, "a number was expected here")
        try:
            return float(part.value)  # type: ignore[arg-type]
        except OverflowError:
            raise self.refusal(part, "this number is too large for a float") from None

    def leaf(self, part: ast.Name) -> Value:
        """The leaf of a name, made when the name is first met."""
        name = part.id
        if name not in self.leaves:
            if name not in self.values:
                if name in FUNCTIONS:
                    raise self.refusal(part, f"{name} is a function: write {name}(…)")
                raise self.refusal(part, f"{name} has no number: give it one, as in {name}=2")
            self.leaves[name] = Value(self.values[name], name)
        return self.leaves[name]

    def call(self, part: ast.Call) -> Value:
        """A function of as many nodes as it has inputs, and then its parameters as numbers."""
        row = self.function(part.func)
        n = len(row.gx_texts)
        if len(part.args) < n or any(isinstance(x, ast.Starred) for x in part.args):
            raise self.refusal(part, f"{row.name} takes {n} argument{'s' * (n > 1)}, but was given {len(part.args)}")
        inputs = [self.build(x) for x in part.args[:n]]
        try:
            named = {str(keyword.arg): self.number(keyword.value) for keyword in part.keywords}
            params = row.bind([self.number(x) for x in part.args[n:]], named)
        except ArgumentError as error:
            raise self.refusal(part, str(error)) from None
        result: Value = row(*inputs, **params)
        return result

    def function(self, part: ast.expr) -> Elementwise:
        """The row that a call names."""
        name = part.id if isinstance(part, ast.Name) else "of that form"
        if name not in FUNCTIONS:
            near = [_HINTS[name]] if name in _HINTS else difflib.get_close_matches(name, FUNCTIONS, 1)
            hint = f"did you mean {near[0]}?" if near else "take one of Value's, such as tanh, exp or relu"
            raise self.refusal(part, f"there is no function {name}: {hint}")
        return FUNCTIONS[name]
