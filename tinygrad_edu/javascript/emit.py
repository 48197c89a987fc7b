"""A compiled program as JavaScript: the counterpart of `Compiled.source`, for a page.

Each line of the `Program` becomes one line, with NumPy's names as functions of the object ``np`` (see ``ndarray.js``)::

    const z1 = np.add(np.matmul(X, W1), b1);

What the function reads outside of its arguments (parameters, an optimizer's state, random generators) is in an
object ``state``, where a run also stores its results.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.compiler.program import CHECK, Line, Program, Returned, Var
from tinygrad_edu.compiler.sources import Argument, ArgumentGradient, Data, Gradient, Setting
from tinygrad_edu.graph.node import data_of
from tinygrad_edu.javascript.expressions import RESERVED, Expressions
from tinygrad_edu.javascript.library import arrays
from tinygrad_edu.javascript.literals import literal, shape_text
from tinygrad_edu.javascript.rows import number


class Script(Expressions):
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
        super().__init__(program, names)
        self.arguments = arguments
        self.values = values
        self.state_names = self._name_state()
        self.lines = [*self._lines()]
        known = {source: self.name(var) for var, source in program.inputs.items() if isinstance(source, Argument)}
        self.parameters = [known.get(source) or self.unique(source.words()) for source in arguments]

    # --- names ---

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
                named[source] = self.unique(f"{leaves.get(id(source.leaf)) or source.leaf.label or 'p'}_grad")
            elif isinstance(source, ArgumentGradient):
                named[source] = self.unique(f"{self.arguments[source.position].words()}_grad")
            else:
                named[source] = self.unique(str(getattr(source, "name", "p")))
        return named

    # --- programs ----

    def _lines(self) -> Iterator[tuple[str, Line]]:
        for line in self.program.lines:
            if line.kind == CHECK:
                continue  # it only checks numbers, and computes none
            if line.out.dtype is not None:
                self.dtype(line.out.dtype, line)
            text = self.expression(line)
            yield f"const {self.name(line.out)} = {text};", line

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
            name: number(x) if isinstance(x, bool | int | float) else literal(x) for name, x in self.state().items()
        }
        for generator, name in self.generators:
            bits = generator.bit_generator.state["state"]
            entries[name] = f'new np.PCG64("{bits["state"]}", "{bits["inc"]}")'
        return "({{\n{}\n}})".format("\n".join(f"  {name}: {text}," for name, text in entries.items()))

    def body(self) -> list[str]:
        """The statements of the function."""
        rows = [
            f'{self.name(var)} = np.argument("{self.name(var)}", {self.name(var)}, {shape_text(var.shape)}, '
            f"{self.dtype(var.dtype)});"
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
            return "null" if constant is None else number(constant)
        if isinstance(constant, np.ndarray | np.generic):
            return f"np.result({literal(constant)})"
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
        constants = "".join(f"const {name} = {text};\n" for _, name, text in self.constants)
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
        if not self.constants:
            return function
        constants = "".join(f"const {name} = {text};\n" for _, name, text in self.constants)
        return f"(() => {{\n{constants}return {function};\n}})()"

    def _returned_plainly(self, result: Any) -> str:
        """The result without a copy, because a page never writes to it."""
        return self.name(result.var) if isinstance(result, Returned) else literal(result)

    @property
    def function_name(self) -> str:
        """The function's name."""
        name = self.program.name
        return f"{name}_" if name in RESERVED or name in self._names.values() else name

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
