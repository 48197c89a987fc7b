"""A compiled program as JavaScript: the counterpart of `Compiled.source`, for a page.

Each line of the `Program` becomes one line, with NumPy's names as functions of the object ``np`` (see ``ndarray.js``)::

    const z1 = np.add(np.matmul(X, W1), b1);

What the function reads outside of its arguments (parameters, what an optimizer remembers, random generators) is in an
object ``state``; a run stores there what it leaves.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.compiler.program import CHECK, DRAW, INDEX, MATH, METHOD, PYTHON, UFUNC, Line, Program, Returned, Var
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Data, Gradient, Setting
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.javascript.calls import MASKS_ONLY, OPTIONS, POSITIONAL, REDUCED, RENAMED, WINDOWS, bound
from tinygrad_edu.javascript.library import arrays
from tinygrad_edu.javascript.literals import literal, number, shape_text, type_name
from tinygrad_edu.javascript.rows import word
from tinygrad_edu.javascript.ufuncs import UFUNCS

_INFIX = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_INFIX |= {"eq": "===", "ne": "!==", "and_": "&&", "or_": "||"}
_WINDOWS = "tinygrad_edu.operations.windows"
# Words that JavaScript keeps for itself, and the names that a program's text uses.
_WORDS = """
    arguments await break case catch class const continue debugger default delete do else enum eval export extends
    false finally for function if implements import in instanceof interface let new null package private protected
    public return static super switch this throw true try typeof undefined var void while with yield
    np n own state initialState returned Math Infinity NaN power maximum minimum sign logaddexp erf erfc
"""
_RESERVED = frozenset(_WORDS.split())


class Script:
    """A program as JavaScript.

    Parameters
    ----------
    program : what is written.
    names : what its variables are called.
    arguments : the function's arguments, in order, whether the program reads them or not.
    values : what its inputs are now.

    Raises
    ------
    CompileError : a line has no JavaScript. The message names the function and the user's line.
    """

    def __init__(
        self, program: Program, names: Mapping[Var, str], arguments: Sequence[Argument], values: Mapping[Var, Any]
    ) -> None:
        self.program = program
        self.arguments = arguments
        self.values = values
        self._python_names = names
        self._names: dict[Var, str] = {}
        self._used = set(_RESERVED)
        self._constants: list[tuple[Any, str, str]] = []
        self.generators: list[tuple[Any, str]] = []
        self.state_names = self._name_state()
        self.lines = [*self._lines()]
        known = {source: self.name(var) for var, source in program.inputs.items() if isinstance(source, Argument)}
        self.parameters = [known.get(source) or self._unique(source.words()) for source in arguments]

    # --- names ---

    def _unique(self, name: str) -> str:
        name = re.sub(r"\W", "_", name)
        while name in self._used:
            name += "_"
        self._used.add(name)
        return name

    def name(self, var: Var) -> str:
        """What the script calls a variable."""
        if var not in self._names:
            self._names[var] = self._unique(self._python_names.get(var) or var.hint or "t")
        return self._names[var]

    def _name_state(self) -> dict[Any, str]:
        """The place in the state of each source that is no argument."""
        named = {
            source: self.name(var) for var, source in self.program.inputs.items() if not isinstance(source, Argument)
        }
        inputs = self.program.inputs.items()
        leaves = {id(source.leaf): self.name(var) for var, source in inputs if isinstance(source, Data)}
        for source, _ in self.program.writes:
            if source in named:
                continue
            if isinstance(source, Gradient):
                named[source] = self._unique(f"{leaves.get(id(source.leaf)) or source.leaf.label or 'p'}_grad")
            elif isinstance(source, ArgumentGradient):
                named[source] = self._unique(f"{self.arguments[source.position].words()}_grad")
            else:
                named[source] = self._unique(str(getattr(source, "name", "p")))
        return named

    def _generator(self, generator: Any) -> str:
        for known, name in self.generators:
            if known is generator:
                return name
        self.generators.append((generator, self._unique("rng")))
        return self.generators[-1][1]

    # --- values ---

    def literal(self, array: Any, line: Line | None = None) -> str:
        """An array as an expression that makes it, bit for bit."""
        if line is not None:
            self._dtype(np.asarray(array).dtype, line)
        return literal(array)

    def number(self, x: Any) -> str:
        """A number or a truth value of Python's."""
        return number(x)

    def _dtype(self, dtype: Any, line: Line | None = None) -> str:
        name = type_name(dtype)
        if not name:
            raise self._refused(line, f"numbers of type {np.dtype(dtype).name}")
        return f'"{name}"'

    def _constant(self, array: Any, line: Line) -> str:
        for known, name, _ in self._constants:
            if known is array:
                return name
        text = self.literal(array, line)
        if array.size > 1 and text.startswith(("np.full(", "np.arange(", "np.broadcast_to(")):
            return text  # short, and made for each program: it may depend on the number of samples
        self._constants.append((array, self._unique("c"), text))
        return self._constants[-1][1]

    def operand(self, x: Any, line: Line) -> str:
        """A variable, a constant or a tree of them."""
        if isinstance(x, Var):
            return self.name(x)
        if x is None:
            return "null"
        if isinstance(x, bool | int | float):
            return self.number(x)
        if isinstance(x, np.ndarray | np.generic):
            array = np.asarray(x)
            plain = array.ndim == 0 and not _has_float32(line)
            return self.number(array.item()) if plain else self._constant(array, line)
        if isinstance(x, tuple | list):
            return f"[{', '.join(self.operand(part, line) for part in x)}]"
        if isinstance(x, slice):
            return f"{{ slice: {self.operand((x.start, x.stop, x.step), line)} }}"
        if x is Ellipsis:
            return '"..."'
        if isinstance(x, np.dtype | type):
            return self._dtype(x, line)
        if isinstance(x, str):
            return f'"{x}"' if x.replace("->", "").replace(",", "").isalpha() else self._no_text(x, line)
        raise self._refused(line, f"the constant {x!r}")

    def _no_text(self, x: str, line: Line) -> str:
        raise self._refused(line, f"the text {x!r}")

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

    def _refused(self, line: Line | None, what: str) -> CompileError:
        where = "" if line is None or not line.origin[0] else " ({}, line {})".format(*line.origin)
        return CompileError(
            f"{self.program.name} uses {what}{where}, which has no JavaScript: use another function there, or run the "
            "program in Python"
        )

    def _lines(self) -> Iterator[tuple[str, Line]]:
        for line in self.program.lines:
            if line.kind == CHECK:
                continue  # it looks at numbers alone, and computes none
            if line.out.dtype is not None:
                self._dtype(line.out.dtype, line)
            text = self._expression(line)
            yield f"const {self.name(line.out)} = {text};", line

    def _expression(self, line: Line) -> str:
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
            raise self._refused(line, f"the function {line.function}")
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
            raise self._refused(line, f"the operator {name}")
        return simple[name].format(args[0])

    def _ufunc(self, line: Line) -> str:
        name = line.function.__name__
        if name == "reduce":
            return self._reduced(line)
        if name == "matmul":
            return self._named("matmul", line.args, line)
        extra = {k for k, v in line.keywords.items() if v is not None}
        if name not in UFUNCS or extra:
            raise self._refused(line, f"numpy.{name}" + (f" with {', '.join(sorted(extra))}" if extra else ""))
        if name in MASKS_ONLY and any(_kind(x) not in "b" for x in line.args):
            raise self._refused(line, f"numpy.{name} of integers")
        if line.out.dtype is not None and not any(_is_array(x) for x in line.args):
            first, *others = line.args
            given = ", ".join([f"np.asarray({self.operand(first, line)})", *(self.operand(x, line) for x in others)])
            return f"np.{name}({given})"
        return self._named(name, line.args, line)

    def _reduced(self, line: Line) -> str:
        name = REDUCED.get(line.function.__self__.__name__)
        if name is None:
            raise self._refused(line, f"numpy.{line.function.__self__.__name__}.reduce")
        keywords = dict(line.keywords)
        if len(line.args) == 1 and "axis" not in keywords:
            keywords["axis"] = 0
        return self._call(name, line.args, line, keywords)

    def _draw(self, line: Line) -> str:
        generator = line.function.__self__
        bits = getattr(generator, "bit_generator", None)
        extra = {k for k, v in line.keywords.items() if k != "size" and v not in (np.float64, None)}
        if not isinstance(bits, np.random.PCG64) or line.function.__name__ != "random" or extra or len(line.args) > 1:
            raise self._refused(line, f"the draw {line.function.__name__}() of {type(bits).__name__}")
        shape = line.args[0] if line.args else line.keywords.get("size")
        return f"state.{self._generator(generator)}.random({self.operand(shape, line)})"

    def _named(self, name: str, args: Sequence[Any], line: Line) -> str:
        return f"np.{name}({', '.join(self.operand(x, line) for x in args)})"

    def _call(self, name: str, args: Sequence[Any], line: Line, keywords: dict[str, Any] | None = None) -> str:
        """A function or a method of NumPy's that is no ufunc."""
        keywords = line.keywords if keywords is None else keywords
        if self._function_name(line) == f"{_WINDOWS}.{name}" and name in WINDOWS:
            return self._windows(WINDOWS[name], args, line)
        if not self._is_known(name, line):
            raise self._refused(line, self._function_name(line))
        if name == "item":
            return f"np.result({self.operand(args[0], line)})"
        if name == "array":
            return f"np.asarray({self.operand(args[0], line)}, {self._dtype(line.out.dtype or np.float64, line)})"
        if name == "einsum":
            return self._named("einsum", args, line)
        first = self.operand(args[0], line)
        if name in ("scatter", "scatter_add"):
            _, index, shape = args
            return f"np.scatter_add({first}, {self._index(index, line)}, {self.operand(shape, line)})"
        given = bound(name, tuple(args[1:]), keywords)
        if isinstance(given, str):
            raise self._refused(line, f"{self._function_name(line)} with {given}")
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
        own = name in ("erf", "erfc", "one_hot", "scatter", "scatter_add")
        return isinstance(line.function, str) or own or self._function_name(line).startswith("numpy.")

    def _function_name(self, line: Line) -> str:
        if isinstance(line.function, str):
            return f"the array method {line.function}"
        module = getattr(line.function, "__module__", None) or "numpy"
        return f"{module}.{line.function.__name__}"

    # --- the whole ---

    def state(self) -> dict[str, Any]:
        """The numbers and arrays of the state, as they are now, by their names in it."""
        return {
            self.state_names[source]: source.value if isinstance(source, Setting) else self.values[var]
            for var, source in self.program.inputs.items()
            if not isinstance(source, Argument)
        }

    def initial_state(self) -> str:
        """The state as it is now, as the text of an object."""
        entries = {
            name: self.number(x) if isinstance(x, bool | int | float) else self.literal(x)
            for name, x in self.state().items()
        }
        for generator, name in self.generators:
            bits = generator.bit_generator.state["state"]
            entries[name] = f'new np.PCG64("{bits["state"]}", "{bits["inc"]}")'
        return "({{\n{}\n}})".format("\n".join(f"  {name}: {text}," for name, text in entries.items()))

    def body(self) -> list[str]:
        """The statements of the function."""
        rows = [
            f'{self.name(var)} = np.argument("{self.name(var)}", {self.name(var)}, {shape_text(var.shape)}, '
            f"{self._dtype(var.dtype)});"
            for var, source in self.program.inputs.items()
            if isinstance(source, Argument) and var.dtype is not None
        ]
        read = [self.state_names[source] for source in self.program.inputs.values() if not isinstance(source, Argument)]
        rows += [f"const {{ {', '.join(read)} }} = state;"] if read else []
        section = ""
        for text, line in self.lines:
            if line.section != section:
                section = line.section
                rows.append(f"// {section}")
            shape = f" // {line.out.shape}".replace(",)", ")") if line.out.shape else ""
            rows.append(f"{text}{shape}")
        rows.append(f"const returned = {self._returned(self.program.result)};")
        left = [
            f"{self.state_names[source]}: {'null' if var is None else self.name(var)}"
            for source, var in self.program.writes
        ]
        rows += [f"np.store(state, {{ {', '.join(left)} }});"] if left else []
        return [*rows, "return returned;"]

    def _returned(self, tree: Any) -> str:
        if isinstance(tree, Returned):
            return f"np.result({self.name(tree.var)})"
        if isinstance(tree, tuple | list):
            return f"[{', '.join(map(self._returned, tree))}]"
        if isinstance(tree, dict):
            return "({{ {} }})".format(", ".join(f"{str(k)!r}: {self._returned(v)}" for k, v in tree.items()))
        constant = data_of(tree)
        if constant is None or isinstance(constant, bool | int | float):
            return "null" if constant is None else self.number(constant)
        if isinstance(constant, np.ndarray | np.generic):
            return f"np.result({self.literal(constant)})"
        if isinstance(constant, str):
            return json.dumps(constant)
        raise CompileError(
            f"{self.program.name} returns a {type(constant).__name__}, which has no JavaScript: return arrays, "
            "numbers, texts, None, or lists and dicts of them"
        )

    def functions(self) -> str:
        """The function and ``initialState()``, which need the text of `arrays`."""
        return f"const initialState = () => {self.initial_state()};\n\n{self.function()}"

    def function(self, *more: str) -> str:
        """The constants and the function; ``more`` are parameters between the state and the arguments."""
        body = "\n".join(f"    {row}" for row in self.body())
        constants = "".join(f"const {name} = {text};\n" for _, name, text in self._constants)
        arguments = ", ".join(["state", *more, *self.parameters])
        head = f"{constants}function {self.function_name}({arguments}) {{"
        return f"{head}\n  return np.withMemory(() => {{\n{body}\n  }});\n}}\n"

    def arrow(self) -> str:
        """A program that reads its arguments alone, as the expression of a function of them."""
        parameters, rows = ", ".join(self.parameters), [text for text, _ in self.lines]
        given = self._returned_plainly(self.program.result)
        last = f"const {given} = "
        if len(rows) == 1 and rows[0].startswith(last):
            function = f"({parameters}) => {rows[0].removeprefix(last).removesuffix(';')}"
        else:
            body = "".join(f"  {row}\n" for row in rows)
            function = f"({parameters}) => {{\n{body}  return {given};\n}}" if rows else f"({parameters}) => {given}"
        if not self._constants:
            return function
        constants = "".join(f"const {name} = {text};\n" for _, name, text in self._constants)
        return f"(() => {{\n{constants}return {function};\n}})()"

    def _returned_plainly(self, result: Any) -> str:
        """The result where it is; that of a function of a page is never written to."""
        return self.name(result.var) if isinstance(result, Returned) else self.literal(result)

    @property
    def function_name(self) -> str:
        """The function's name."""
        name = self.program.name
        return f"{name}_" if name in _RESERVED or name in self._names.values() else name

    def module(self) -> str:
        """A module that a page can import: it exports the function, ``initialState`` and ``np``."""
        origin = next((line.origin for line in self.program.lines if line.origin[0]), None)
        where = f" from {Path(origin[0]).name}, line {origin[1]}" if origin else ""
        arguments = ", ".join(["state", *self.parameters])
        return (
            f"// {self.program.name}, recorded{where}.\n"
            f"//   const state = initialState();\n//   const result = {self.function_name}({arguments});\n"
            f"// A call leaves new parameters in the state. Arguments may be nested lists of numbers.\n\n{arrays()}\n"
            f"{self.functions()}\nexport {{ {self.function_name}, initialState, np }};\n"
        )


def _is_array(x: Any) -> bool:
    return isinstance(x, np.ndarray) or (isinstance(x, Var) and x.dtype is not None)


def _kind(x: Any) -> str:
    if isinstance(x, Var):
        return "b" if x.dtype is None else x.dtype.kind
    return np.asarray(x).dtype.kind


def _has_float32(line: Line) -> bool:
    return any(isinstance(x, Var) and x.dtype == np.float32 for x in (line.out, *line.reads()))
