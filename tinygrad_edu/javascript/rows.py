"""The operation table as JavaScript: each row's forward pass and its derivatives, from the row's own text.

A row becomes an entry of the object ``rows``::

    tanh: {
      y: (x) => Math.tanh(x),
      gx: [(gy, y, x) => gy * (1 - y * y)],
    },

``y`` takes the inputs and then the parameters, ``gx`` the incoming gradient, the result, the inputs and the parameters,
in the order of the row. All are plain numbers. JavaScript's own arithmetic is IEEE 754, as `FLOATS` makes Python's.
The words that JavaScript lacks are in ``vocabulary.js``.
"""

import ast
from collections.abc import Iterable

from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.floats import CONSTANTS
from tinygrad_edu.operations.row import Elementwise

# What JavaScript calls the words of the table. The others are functions of ``vocabulary.js``, by the table's name.
_MATH = {
    **{name: name for name in ("abs", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos")},
    **{name: name for name in ("tan", "sinh", "cosh", "tanh", "hypot", "floor", "ceil", "trunc")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "tan2", "sinh", "cosh", "tanh")},
}
VOCABULARY = frozenset({"power", "maximum", "minimum", "logaddexp", "sign", "erf", "erfc", "ndtr"})
# Functions of ``vocabulary.js`` that have another name than the table's word.
_RENAMED = {
    "rint": "nearestEven",
    "floor_divide": "flooredQuotient",
    "remainder": "flooredRemainder",
    "fmod": "truncatedRemainder",
}
_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_LOGIC: dict[type[ast.operator], str] = {ast.BitAnd: "&&", ast.BitOr: "||"}
_COMPARISONS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
# How strongly an operator binds. An operand that binds less strongly is put in parentheses.
_CHOICE, _LOGICAL, _COMPARISON, _SUM, _PRODUCT, _SIGN, _ATOM = range(7)


def number(x: float) -> str:
    """A number or a truth value of Python's, as JavaScript writes it.

    >>> [number(x) for x in (2, 0.5, True, float("inf"), float("nan"))]
    ['2', '0.5', 'true', 'Infinity', 'NaN']
    """
    if isinstance(x, bool):
        return "true" if x else "false"
    return str(x) if isinstance(x, int) else repr(float(x)).replace("inf", "Infinity").replace("nan", "NaN")


def word(name: str, given: str) -> str:
    """The call of one of the table's words with these arguments; "" if it has none in JavaScript.

    >>> word("arctan", "x"), word("exp2", "x"), word("erf", "x")
    ('Math.atan(x)', 'power(2, x)', 'erf(x)')
    """
    if name == "exp2":
        return f"power(2, {given})"
    if name in _MATH:
        return f"Math.{_MATH[name]}({given})"
    if name in _RENAMED:
        return f"{_RENAMED[name]}({given})"
    return f"{name}({given})" if name in VOCABULARY else ""


class _Writer:
    """A row's text as JavaScript, and the rows that it calls."""

    def __init__(self) -> None:
        self.called: set[str] = set()

    def text(self, node: ast.expr, least: int = _CHOICE) -> str:
        """The expression, in parentheses if it binds less strongly than ``least``."""
        text, strength = self._written(node)
        return text if strength >= least else f"({text})"

    def _written(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Constant(value=int() | float() as value):
                return number(value), _ATOM
            case ast.Name(id=name):
                return (number(CONSTANTS[name]) if name in CONSTANTS else name), _ATOM
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.text(operand, _SIGN + 1)}", _SIGN
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._written(operand)
            case ast.BinOp(op=ast.Pow(), left=left, right=right):
                return f"power({self.text(left)}, {self.text(right)})", _ATOM
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _ARITHMETIC:
                strength = _SUM if isinstance(op, ast.Add | ast.Sub) else _PRODUCT
                text = f"{self.text(left, strength)} {_ARITHMETIC[type(op)]} {self.text(right, strength + 1)}"
                return text, strength
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _LOGIC:
                return f" {_LOGIC[type(op)]} ".join(self.text(part, _COMPARISON) for part in (left, right)), _LOGICAL
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                return f"{self.text(left, _SUM)} {_COMPARISONS[type(op)]} {self.text(right, _SUM)}", _COMPARISON
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._call(name, args)
        raise ArgumentError(f"a row's text has no JavaScript for {ast.unparse(node)!r}")

    def _call(self, name: str, args: list[ast.expr]) -> tuple[str, int]:
        if name == "where":
            test, yes, no = args
            return f"{self.text(test, _LOGICAL)} ? {self.text(yes, _LOGICAL)} : {self.text(no)}", _CHOICE
        if name == "is_zero":
            return f"{self.text(args[0], _SUM)} === 0", _COMPARISON
        given = ", ".join(map(self.text, args))
        called = word(name, given)
        if called:
            return called, _ATOM
        if name not in TABLE:
            raise ArgumentError(f"a row's text has no JavaScript for the word {name!r}")
        self.called.add(name)
        return f"rows.{name}.y({given})", _ATOM


def _expression(text: str, writer: _Writer) -> str:
    return writer.text(ast.parse(text, mode="eval").body)


def row_source(name: str, row: Elementwise) -> tuple[str, set[str]]:
    """The entry of ``rows`` for a row, and the names of the rows that its text calls.

    >>> print(row_source("tanh", TABLE["tanh"])[0])
    tanh: {
      y: (x) => Math.tanh(x),
      gx: [(gy, y, x) => gy * (1 - y * y)],
    },
    """
    writer = _Writer()
    taken = ", ".join([*row.input_names, *row.defaults])
    y = f"({taken}) => {_expression(row.y_text, writer)}"
    gx = [f"(gy, y, {taken}) => {_expression(text, writer)}" for text in row.gx_texts]
    listed = f"[{gx[0]}]" if len(gx) == 1 else "[" + "".join(f"\n    {text}," for text in gx) + "\n  ]"
    return f"{name}: {{\n  y: {y},\n  gx: {listed},\n}},", writer.called


def rows_source(names: Iterable[str]) -> str:
    """The object ``rows`` with the named rows, and with those that they call. It needs ``vocabulary.js``.

    Parameters
    ----------
    names : names of rows of the elementwise table, such as those of the operations of one graph.

    Raises
    ------
    ArgumentError : there is no such row.

    Examples
    --------
    >>> print(rows_source(["mul"]))
    const rows = {
      mul: {
        y: (x0, x1) => x0 * x1,
        gx: [
          (gy, y, x0, x1) => gy * x1,
          (gy, y, x0, x1) => gy * x0,
        ],
      },
    };
    """
    texts: dict[str, str] = {}
    waiting = sorted(set(names))
    while waiting:
        name = waiting.pop()
        if name in texts:
            continue
        if name not in TABLE:
            raise ArgumentError(f"the operation table has no row {name!r}: name rows such as 'tanh' or 'mul'")
        texts[name], called = row_source(name, TABLE[name])
        waiting += sorted(called)
    entries = "\n".join("\n".join(f"  {line}" for line in texts[name].splitlines()) for name in TABLE if name in texts)
    return f"const rows = {{\n{entries}\n}};"
