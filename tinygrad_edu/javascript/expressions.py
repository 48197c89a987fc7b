"""The lines of a program as expressions of JavaScript: calls of NumPy's functions, operators on numbers, constants."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.compiler.program import DRAW, INDEX, MATH, METHOD, PYTHON, UFUNC, Line, Program, Var
from tinygrad_edu.javascript.calls import MASKS_ONLY, OPTIONS, POSITIONAL, REDUCED, RENAMED, WINDOWS, bound
from tinygrad_edu.javascript.literals import literal, type_name
from tinygrad_edu.javascript.rows import number, word
from tinygrad_edu.javascript.ufuncs import UFUNCS

_INFIX = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_INFIX |= {"eq": "===", "ne": "!==", "and_": "&&", "or_": "||"}
_WINDOWS = "tinygrad_edu.operations.windows"
# Reserved words of JavaScript, and the names that a program's text uses.
_WORDS = """
    arguments await break case catch class const continue debugger default delete do else enum eval export extends
    false finally for function if implements import in instanceof interface let new null package private protected
    public return static super switch this throw true try typeof undefined var void while with yield
    np n own state initialState returned Math Infinity NaN power maximum minimum sign logaddexp erf erfc ndtr
"""
RESERVED = frozenset(_WORDS.split())


class Expressions:
    """What each line of a program computes, and the names that are used in it.

    Attributes
    ----------
    constants : arrays of the program, each with its name and the expression that makes it.
    generators : the random generators that the program draws from, with their names.
    """

    def __init__(self, program: Program, names: Mapping[Var, str]) -> None:
        self.program = program
        self._python_names = names
        self._names: dict[Var, str] = {}
        self._used = set(RESERVED)
        self.constants: list[tuple[Any, str, str]] = []
        self.generators: list[tuple[Any, str]] = []

    # --- names ---

    def unique(self, name: str) -> str:
        """The name, or one like it that is not used yet."""
        name = re.sub(r"\W", "_", name)
        while name in self._used:
            name += "_"
        self._used.add(name)
        return name

    def name(self, var: Var) -> str:
        """The variable's name in the script."""
        if var not in self._names:
            self._names[var] = self.unique(self._python_names.get(var) or var.hint or "t")
        return self._names[var]

    def _generator(self, generator: Any) -> str:
        for known, name in self.generators:
            if known is generator:
                return name
        self.generators.append((generator, self.unique("rng")))
        return self.generators[-1][1]

    # --- values ---

    def dtype(self, dtype: Any, line: Line | None = None) -> str:
        """The type's name in the JavaScript library."""
        name = type_name(dtype)
        if not name:
            raise self.refused(line, f"numbers of type {np.dtype(dtype).name}")
        return f'"{name}"'

    def _constant(self, array: Any, line: Line) -> str:
        for known, name, _ in self.constants:
            if known is array:
                return name
        self.dtype(array.dtype, line)
        text = literal(array)
        if array.size > 1 and text.startswith(("np.full(", "np.arange(", "np.broadcast_to(")):
            return text  # short, and made for each program: it may depend on the number of samples
        self.constants.append((array, self.unique("c"), text))
        return self.constants[-1][1]

    def operand(self, x: Any, line: Line) -> str:
        """A variable, a constant or a tree of them."""
        if isinstance(x, Var):
            return self.name(x)
        if x is None:
            return "null"
        if isinstance(x, bool | int | float):
            return number(x)
        if isinstance(x, np.ndarray | np.generic):
            array = np.asarray(x)
            plain = array.ndim == 0 and not _has_float32(line)
            return number(array.item()) if plain else self._constant(array, line)
        if isinstance(x, tuple | list):
            return f"[{', '.join(self.operand(part, line) for part in x)}]"
        if isinstance(x, slice):
            return f"{{ slice: {self.operand((x.start, x.stop, x.step), line)} }}"
        if x is Ellipsis:
            return '"..."'
        if isinstance(x, np.dtype | type):
            return self.dtype(x, line)
        if isinstance(x, str):
            if not x.replace("->", "").replace(",", "").isalpha():
                raise self.refused(line, f"the text {x!r}")
            return f'"{x}"'
        raise self.refused(line, f"the constant {x!r}")

    def _index(self, index: Any, line: Line) -> str:
        parts = index if isinstance(index, tuple) else (index,)
        return f"[{', '.join(self._index_part(part, line) for part in parts)}]"

    def _index_part(self, part: Any, line: Line) -> str:
        if isinstance(part, list):
            part = np.asarray(part, None if part else int)
        if isinstance(part, np.ndarray) and part.ndim:
            return self._constant(part, line)
        return self.operand(part, line)

    # --- lines ---

    def refused(self, line: Line | None, what: str) -> CompileError:
        """The error for what has no JavaScript."""
        where = "" if line is None or not line.origin[0] else " ({}, line {})".format(*line.origin)
        return CompileError(
            f"{self.program.name} uses {what}{where}, which has no JavaScript: use another function there, or run the "
            "program in Python"
        )

    def expression(self, line: Line) -> str:
        """What the line computes."""
        if line.kind == MATH:
            return self._math(line)
        if line.kind == PYTHON:
            return self._python(line)
        if line.kind == UFUNC:
            return self._ufunc(line)
        if line.kind == INDEX:
            array, index = line.args
            return f"np.getitem({self.operand(array, line)}, {self._index(index, line)})"
        if line.kind == DRAW:
            return self._draw(line)
        args = line.args
        name = line.function if line.kind == METHOD else line.function.__name__
        if line.kind == METHOD and name in ("reshape", "transpose") and args[1:] and isinstance(args[1], int):
            args = (args[0], tuple(args[1:]))
        return self._call(name, args, line)

    def _math(self, line: Line) -> str:
        args = [self.operand(x, line) for x in line.args]
        if line.function == "where":
            return "{} ? {} : {}".format(*args)
        text = word(line.function, ", ".join(args))
        if not text:
            raise self.refused(line, f"the function {line.function}")
        return text

    def _python(self, line: Line) -> str:
        name = line.function.__name__
        args = [self.operand(x, line) for x in line.args]
        args = [f"({x})" if x.startswith("-") else x for x in args]
        if name in _INFIX and len(args) == 2:
            return f"{args[0]} {_INFIX[name]} {args[1]}"
        if name == "pow":
            return f"power({', '.join(args)})"
        if name == "mod":
            return f"np.remainder({', '.join(args)})"
        if name == "floordiv":
            return f"Math.floor({args[0]} / {args[1]})"
        simple = {"neg": "-{}", "pos": "{}", "abs": "Math.abs({})", "not_": "!{}"}
        if name not in simple:
            raise self.refused(line, f"the operator {name}")
        return simple[name].format(args[0])

    def _ufunc(self, line: Line) -> str:
        name = line.function.__name__
        if name == "reduce":
            return self._reduced(line)
        if name == "matmul":
            return self._named("matmul", line.args, line)
        extra = {k for k, v in line.keywords.items() if v is not None}
        if name not in UFUNCS or extra:
            raise self.refused(line, f"numpy.{name}" + (f" with {', '.join(sorted(extra))}" if extra else ""))
        if name in MASKS_ONLY and any(_kind(x) not in "b" for x in line.args):
            raise self.refused(line, f"numpy.{name} of integers")
        if line.out.dtype is not None and not any(_is_array(x) for x in line.args):
            first, *others = line.args
            given = ", ".join([f"np.asarray({self.operand(first, line)})", *(self.operand(x, line) for x in others)])
            return f"np.{name}({given})"
        return self._named(name, line.args, line)

    def _reduced(self, line: Line) -> str:
        name = REDUCED.get(line.function.__self__.__name__)
        if name is None:
            raise self.refused(line, f"numpy.{line.function.__self__.__name__}.reduce")
        keywords = dict(line.keywords)
        if len(line.args) == 1 and "axis" not in keywords:
            keywords["axis"] = 0
        return self._call(name, line.args, line, keywords)

    def _draw(self, line: Line) -> str:
        generator = line.function.__self__
        bits = getattr(generator, "bit_generator", None)
        extra = {k for k, v in line.keywords.items() if k != "size" and v not in (np.float64, None)}
        if not isinstance(bits, np.random.PCG64) or line.function.__name__ != "random" or extra or len(line.args) > 1:
            raise self.refused(line, f"the draw {line.function.__name__}() of {type(bits).__name__}")
        shape = line.args[0] if line.args else line.keywords.get("size")
        return f"state.{self._generator(generator)}.random({self.operand(shape, line)})"

    def _named(self, name: str, args: Sequence[Any], line: Line) -> str:
        return f"np.{name}({', '.join(self.operand(x, line) for x in args)})"

    def _call(self, name: str, args: Sequence[Any], line: Line, keywords: dict[str, Any] | None = None) -> str:
        """A NumPy function or method that is not a ufunc."""
        keywords = line.keywords if keywords is None else keywords
        if self._function_name(line) == f"{_WINDOWS}.{name}" and name in WINDOWS:
            return self._windows(WINDOWS[name], args, line)
        if not self._is_known(name, line):
            raise self.refused(line, self._function_name(line))
        if name == "item":
            return f"np.result({self.operand(args[0], line)})"
        if name == "array":
            return f"np.asarray({self.operand(args[0], line)}, {self.dtype(line.out.dtype or np.float64, line)})"
        if name == "einsum":
            return self._named("einsum", args, line)
        first = self.operand(args[0], line)
        if name in ("scatter", "scatter_add"):
            _, index, shape = args
            return f"np.scatter_add({first}, {self._index(index, line)}, {self.operand(shape, line)})"
        given = bound(name, tuple(args[1:]), keywords)
        if isinstance(given, str):
            raise self.refused(line, f"{self._function_name(line)} with {given}")
        if name in OPTIONS:
            options = ", ".join(f"{k}: {self.operand(v, line)}" for k, v in given.items())
            return f"np.{RENAMED.get(name, name)}({first}" + (f", {{ {options} }})" if options else ")")
        parameters = POSITIONAL[name]
        count = max((parameters.index(k) + 1 for k in given), default=0)
        rest = [self.operand(given[k], line) if k in given else "undefined" for k in parameters[:count]]
        name = "ravel" if name == "flatten" else name
        if name == "copy":
            return first
        return f"np.{name}({', '.join([first, *rest])})"

    def _windows(self, name: str, args: Sequence[Any], line: Line) -> str:
        given = [self.operand(x, line) for x in args]
        settings = [f"{key}: {self.operand(x, line)}" for key, x in line.keywords.items()]
        given += [f"{{ {', '.join(settings)} }}"] if settings else []
        return f"np.{name}({', '.join(given)})"

    def _is_known(self, name: str, line: Line) -> bool:
        if name not in OPTIONS and name not in POSITIONAL and name not in ("item", "array", "einsum"):
            return False
        own = name in ("erf", "erfc", "ndtr", "one_hot", "scatter", "scatter_add")
        return isinstance(line.function, str) or own or self._function_name(line).startswith("numpy.")

    def _function_name(self, line: Line) -> str:
        if isinstance(line.function, str):
            return f"the array method {line.function}"
        module = getattr(line.function, "__module__", None) or "numpy"
        return f"{module}.{line.function.__name__}"


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray) or (isinstance(x, Var) and x.dtype is not None)


def _kind(x: Any) -> str:
    if isinstance(x, Var):
        return "b" if x.dtype is None else x.dtype.kind
    return np.asarray(x).dtype.kind


def _has_float32(line: Line) -> bool:
    return any(isinstance(x, Var) and x.dtype == np.float32 for x in (line.out, *line.reads()))
