"""A program as Python that a person would write: one line for each operation, followed by its shape."""

import inspect
import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.guards import is_plain
from tinygrad_edu.compiler.program import CHECK, DRAW, INDEX, MATH, METHOD, PYTHON, UFUNC, Line, Program, Var
from tinygrad_edu.compiler.record.names import Names
from tinygrad_edu.compiler.record.scalars import SPELLED
from tinygrad_edu.compiler.write import runtime
from tinygrad_edu.compiler.write.runtime import HELPERS, needed_by

_LONGEST = 64  # an expression that is written inside another
_ATOM, _POWER, _SIGN, _TIMES, _PLUS, _AND, _XOR, _OR, _COMPARE, _CHOICE = 10, 9, 8, 7, 6, 5, 4, 3, 2, 1
_OPERATORS: dict[str, tuple[str, int]] = {
    **dict.fromkeys(("add",), ("+", _PLUS)),
    **dict.fromkeys(("sub", "subtract"), ("-", _PLUS)),
    **dict.fromkeys(("mul", "multiply"), ("*", _TIMES)),
    **dict.fromkeys(("truediv", "divide"), ("/", _TIMES)),
    **dict.fromkeys(("floordiv", "floor_divide"), ("//", _TIMES)),
    **dict.fromkeys(("mod", "remainder"), ("%", _TIMES)),
    **dict.fromkeys(("matmul",), ("@", _TIMES)),
    **dict.fromkeys(("pow", "power"), ("**", _POWER)),
    **dict.fromkeys(("and_", "bitwise_and"), ("&", _AND)),
    **dict.fromkeys(("or_", "bitwise_or"), ("|", _OR)),
    **dict.fromkeys(("xor", "bitwise_xor"), ("^", _XOR)),
    **dict.fromkeys(("lt", "less"), ("<", _COMPARE)),
    **dict.fromkeys(("le", "less_equal"), ("<=", _COMPARE)),
    **dict.fromkeys(("gt", "greater"), (">", _COMPARE)),
    **dict.fromkeys(("ge", "greater_equal"), (">=", _COMPARE)),
    **dict.fromkeys(("eq", "equal"), ("==", _COMPARE)),
    **dict.fromkeys(("ne", "not_equal"), ("!=", _COMPARE)),
    **dict.fromkeys(("neg", "negative"), ("-", _SIGN)),
    **dict.fromkeys(("pos", "positive"), ("+", _SIGN)),
}
_EXACT = np.add, np.subtract, np.multiply, np.divide  # a number and an array of it give the same bits
_REDUCED = {"add": "sum", "maximum": "max", "minimum": "min", "multiply": "prod"}


class Text:
    """A part of an expression, and how tightly it binds."""

    __slots__ = ("binds", "text")

    def __init__(self, text: str, binds: int = _ATOM) -> None:
        self.text = text
        self.binds = binds

    def within(self, binds: int) -> str:
        """The text, in parentheses if it binds less tightly than that."""
        return self.text if self.binds >= binds else f"({self.text})"


class Writer:
    """Writes lines with given names; arrays that have no short form become named constants."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.constants: dict[str, Any] = {}
        self.helpers: set[Any] = set()
        self.inlined: dict[Var, Text] = {}

    def operand(self, x: Any) -> Text:
        """A variable, a constant, or a tree of them, as text."""
        if isinstance(x, Var):
            return self.inlined.get(x) or Text(self.names.of[x])
        if isinstance(x, slice) or (isinstance(x, tuple) and any(isinstance(part, slice) for part in x)):
            return Text(f"np.s_[{self._index(x)}]")
        if isinstance(x, tuple | list):
            inner = ", ".join(self.operand(part).text for part in x)
            if isinstance(x, list):
                return Text(f"[{inner}]")
            return Text(f"({inner},)" if len(x) == 1 else f"({inner})")
        if isinstance(x, dict):
            pairs = [f"{self.operand(key).text}: {self.operand(part).text}" for key, part in x.items()]
            return Text(f"{{{', '.join(pairs)}}}")
        if isinstance(x, np.ndarray | np.generic):
            return self.array(np.asarray(x), x)
        if isinstance(x, np.dtype):
            return Text(f"np.{x.name}" if x.kind != "b" else "bool")
        if isinstance(x, type) and issubclass(x, np.generic):
            return Text(f"np.{x.__name__}")
        if isinstance(x, type):
            return Text(x.__name__)
        if isinstance(x, float) and not math.isfinite(x):
            return Text("np.nan" if x != x else "np.inf" if x > 0 else "-np.inf", _SIGN)
        if x is not Ellipsis and not is_plain(x):
            return Text(self.constant(x))
        return Text("..." if x is Ellipsis else repr(x), _SIGN if isinstance(x, float | int) and x < 0 else _ATOM)

    def _index(self, x: Any) -> str:
        """The text in the brackets of an index."""
        if isinstance(x, tuple):  # a tuple inside it is a list of places: its parentheses stay
            parts = [self.operand(part).text if isinstance(part, tuple) else self._index(part) for part in x]
            return ", ".join(parts) + ("," if len(x) == 1 else "") or "()"
        if not isinstance(x, slice):
            return self.operand(x).text
        start, stop, step = ("" if part is None else self.operand(part).text for part in (x.start, x.stop, x.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")

    def array(self, array: Any, original: Any) -> Text:
        if array.ndim == 0 and array.dtype.kind in "fiub":
            if array.dtype in (np.float64, np.int64, np.bool_):
                return self.operand(array.item())
            return Text(f"np.{array.dtype.name}({self.operand(array.item()).text})")
        if (array.size and array.strides == (0,) * array.ndim) or _uniform(array):
            return self._filled(array)
        if array.ndim == 1 and array.dtype == np.int64 and np.array_equal(array, np.arange(array.size)):
            return Text(f"np.arange({array.size})")
        if array.ndim == 2 and len(set(array.shape)) == 1 and _is_eye(array):
            dtype = "" if array.dtype == np.float64 else f", dtype={self.operand(array.dtype).text}"
            return Text(f"np.eye({len(array)}{dtype})")
        return Text(self.constant(original))

    def _filled(self, array: Any) -> Text:
        number, dtype = array.flat[0].item(), array.dtype
        shape = self.operand(array.shape).text
        tail = "" if dtype == np.float64 or (dtype.kind == "b") else f", dtype={self.operand(dtype).text}"
        if dtype.kind == "f" and repr(number) in ("0.0", "1.0"):
            return Text(f"np.{'ones' if number else 'zeros'}({shape}{tail})")
        return Text(f"np.full({shape}, {self.operand(number).text}{tail})")

    def constant(self, array: Any) -> str:
        """The name of an array that is read where it is."""
        for name, known in self.constants.items():
            if known is array:
                return name
        name = (
            "rng" if isinstance(array, np.random.Generator) else getattr(array, "called", f"c{len(self.constants) + 1}")
        )
        name = self.names.reserve(name)
        self.constants[name] = array
        return name

    # --- expressions ---

    def expression(self, line: Line) -> Text:
        """The right-hand side of a line."""
        if line.kind == MATH:
            return self.number(line.function, [self.operand(x) for x in line.args])
        if line.kind in (UFUNC, PYTHON):
            return self._computed(line)
        if line.kind == INDEX:
            array, index = line.args
            return Text(f"{self.operand(array).within(_ATOM)}[{self._index(index)}]")
        if line.kind == METHOD:
            return self._method(line)
        return self.call(self.function(line), line.args, line.keywords)

    def number(self, name: str, args: Sequence[Text]) -> Text:
        """A function of single numbers."""
        texts = [x.text for x in args]
        if name == "where":
            condition, yes, no = (x.within(_OR) for x in args)
            return Text(f"{yes} if {condition} else {no}", _CHOICE)
        if name in ("maximum", "minimum"):
            a, b = texts
            if b.lstrip("-")[0].isdigit():
                return Text(f"{name[:3]}({a}, {b})")
            a, b = (x.within(_OR) for x in args)
            return Text(f"{a} if {a} {'>' if name == 'maximum' else '<'} {b} or {a} != {a} else {b}", _CHOICE)
        if name == "exp2":
            return Text(f"2.0 ** {args[0].within(_POWER)}", _POWER)
        if name in ("floor_divide", "remainder"):
            sign, binds = _OPERATORS[name]
            return Text(f"{args[0].within(binds)} {sign} {args[1].within(binds + 1)}", binds)
        if name not in SPELLED:
            self.helpers.add(getattr(runtime, name))
        return Text(f"{SPELLED.get(name, name)}({', '.join(texts)})")

    def _computed(self, line: Line) -> Text:
        name = line.function.__name__
        if name == "reduce":
            return self._reduced(line)
        if name not in _OPERATORS:
            return self.call(self.function(line), line.args, line.keywords)
        sign, binds = _OPERATORS[name]
        args = [self._operand_of(line, i) for i in range(len(line.args))]
        if name == "multiply" and _is_number(line.args[1]) and not _is_number(line.args[0]):
            args.reverse()  # a number is written first
        if len(args) == 1:
            return Text(f"{sign}{args[0].within(_SIGN)}", _SIGN)
        tighter = binds + 1  # what follows an operator must bind more tightly: a - (b - c)
        left, right = (tighter, binds) if binds == _POWER else (binds, tighter)
        if binds == _COMPARE:
            left = right = _OR
        a, b = args[0].within(left), args[1].within(right)
        close = binds == _POWER and (a + b).replace(".", "").isidentifier()
        return Text(f"{a}{sign}{b}" if close else f"{a} {sign} {b}", binds)

    def _operand_of(self, line: Line, i: int) -> Text:
        """An operand of a ufunc. A NumPy number is written as a plain number if that gives the same type."""
        x = line.args[i]
        if line.function in _EXACT and isinstance(x, np.ndarray) and _uniform(x) and _has_shape(line.args[1 - i], line):
            x = x.flat[0]  # the other operand alone gives the shape
        if line.kind != UFUNC or (not isinstance(x, np.generic) and not (isinstance(x, np.ndarray) and not x.ndim)):
            return self.operand(x)
        bare = list(loop_types(line.function, line.args))
        given = loop_types(line.function, [*line.args[:i], x.item(), *line.args[i + 1 :]])
        if bare and bare == list(given) and not _becomes_another_function(line, i):
            return self.operand(float(str(x)) if x.dtype == np.float32 == bare[i] else x.item())
        return Text(f"np.{x.dtype.name}({self.operand(x.item()).text})")

    def _reduced(self, line: Line) -> Text:
        name = _REDUCED.get(line.function.__self__.__name__)
        keywords = {k: v for k, v in line.keywords.items() if not (k == "axis" and v is None)}
        if name is None or isinstance(line.args[0], np.ndarray):
            return self.call(f"np.{line.function.__self__.__name__}.reduce", line.args, line.keywords)
        if self.operand(line.args[0]).binds < _ATOM:
            return self.call(f"np.{name}", line.args, keywords)
        return self.call(f"{self.operand(line.args[0]).within(_ATOM)}.{name}", line.args[1:], keywords)

    def _method(self, line: Line) -> Text:
        own = self.operand(line.args[0]).within(_ATOM)
        rest = line.args[1:]
        if line.function == "transpose" and (not rest or rest[0] == tuple(range(len(line.out.shape)))[::-1]):
            return Text(f"{own}.T")
        keywords = {k: v for k, v in line.keywords.items() if v is not None and v is not False}
        return self.call(f"{own}.{line.function}", rest, keywords)

    def call(self, function: str, args: Sequence[Any], keywords: dict[str, Any]) -> Text:
        """A call as text."""
        parts = [self.operand(x).text for x in args]
        parts += [f"{key}={self.operand(x).text}" for key, x in keywords.items()]
        return Text(f"{function}({', '.join(parts)})")

    def function(self, line: Line) -> str:
        """The function's name."""
        function = line.function
        if function in HELPERS:
            self.helpers.add(function)
            return str(function.__name__)
        if line.kind == DRAW:
            return f"{self.constant(function.__self__)}.{function.__name__}"
        if line.kind == PYTHON:
            return f"operator.{function.__name__}" if function is not operator.abs else "abs"
        module = getattr(function, "__module__", None) or "numpy"
        if not module.startswith("numpy") and not isinstance(function, np.ufunc):
            return self.constant(function)
        inner = module.removeprefix("numpy").lstrip(".") if "linalg" in module else ""
        return f"np.{inner + '.' if inner else ''}{function.__name__}"


def loop_types(ufunc: Any, args: Sequence[Any]) -> tuple[Any, ...]:
    """The types in which a ufunc computes, operand by operand and then the results; () if NumPy cannot tell."""
    kinds: list[Any] = []
    for x in args:
        if isinstance(x, Var | np.ndarray | np.generic):
            kinds.append(x.dtype or float)
        else:
            kinds.append(np.dtype(bool) if isinstance(x, bool) else type(x))
    try:
        return ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))
    except (TypeError, ValueError, AttributeError, OverflowError):
        return ()


def _becomes_another_function(line: Line, i: int) -> bool:
    """Whether NumPy takes a bare exponent for `square`, of integers and booleans, or for `sqrt`."""
    if line.function is not np.power or i != 1:
        return False
    base = line.args[0]
    is_float = np.dtype(base.dtype or float if isinstance(base, Var) else np.asarray(base).dtype).kind == "f"
    return bool(line.args[1] == (0.5 if is_float else 2))


def _is_number(x: Any) -> bool:
    """Whether it is a Python number that has a name."""
    return isinstance(x, Var) and x.dtype is None and not x.shape


def _has_shape(x: Any, line: Line) -> bool:
    return isinstance(x, Var) and x.shape == line.out.shape


def _is_eye(array: Any) -> bool:
    return array.tobytes() == np.eye(len(array), dtype=array.dtype).tobytes()


def _uniform(array: Any) -> bool:
    """Whether all entries have the same bits: 0.0 and -0.0 have not."""
    return array.size > 1 and array.dtype.kind in "fiub" and array.tobytes() == array.flat[0].tobytes() * array.size


# --- programs ----------------------------------------------------------------------------------------------------


def foldable(program: Program, chosen: set[Var]) -> dict[Var, Line]:
    """Lines that may be written inside the one line that reads them, because both belong to the same operation.

    Numbers that have a name keep their line. In an update, other numbers are written wherever they are read.
    """
    readers: dict[Var, list[Line]] = {}
    for line in program.lines:
        for var in line.reads():
            readers.setdefault(var, []).append(line)
    kept = set(program.outputs())
    return {
        line.out: line
        for line in program.lines
        if line.out not in kept
        and line.kind not in (DRAW, CHECK)
        and not (line.kind == PYTHON and line.out in chosen)
        and ((line.section == "update" and line.kind == PYTHON) or _has_one_reader(line, readers.get(line.out, [])))
    }


def _has_one_reader(line: Line, readers: Sequence[Line]) -> bool:
    return len(readers) == 1 and readers[0].group == line.group and readers[0].section == line.section


def shape_comment(var: Var) -> str:
    """The shape, and the dtype if it is not float64."""
    if var.dtype is None:
        return ""
    if not var.shape:
        return "a number" if var.dtype.kind == "f" else str(var.dtype)
    return str(var.shape) + ("" if var.dtype == np.float64 else f" {var.dtype}")


def statements(program: Program, writer: Writer) -> Iterable[tuple[Line, str]]:
    """Each line that is written, with its text."""
    inside = foldable(program, writer.names.chosen)
    for line in program.lines:
        if line.kind == CHECK:  # checks are not printed
            continue
        text = writer.expression(line)
        if line.out in inside and len(text.text) < _LONGEST:
            writer.inlined[line.out] = text
            continue
        yield line, f"{writer.names.of[line.out]} = {text.text}"


def helper_source(helpers: Iterable[Any]) -> str:
    """The text of functions that a program calls."""
    needed = needed_by(helpers)
    return "".join(f"{inspect.getsource(f)}\n\n" for f in HELPERS if f in needed)
