"""The text of a program: as a teacher would write it, as it is run, and as a file that runs on its own."""

import base64
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.errors import CompileError
from tinygrad_edu.compiler.guards import is_plain
from tinygrad_edu.compiler.program import Line, Program, Var, with_values
from tinygrad_edu.compiler.record.names import Names
from tinygrad_edu.compiler.sources import ORDER, Attribute, Data, Gradient, Setting
from tinygrad_edu.compiler.views import views
from tinygrad_edu.compiler.write.emit import Writer, foldable, helper_source, shape_comment, statements

_COLUMNS = 34, 46  # the shapes are written between these columns
_WIDEST = 64  # their last column in a section with longer lines
SECTIONS = ("forward", "backward", "update")
_KEPT = Data, Attribute, Gradient  # written in place, if the program also reads them
_IN_PLACE = {"add": "+", "subtract": "-", "multiply": "*"}


def parameters(program: Program) -> list[Var]:
    """The function's parameters: arguments first, then leaves, then attributes."""
    return sorted(program.inputs, key=lambda var: ORDER.index(type(program.inputs[var])))


class Readable:
    """The program as one function that updates parameters in place and returns what the user's function returns."""

    def __init__(self, program: Program, names: Names, fixed: Sequence[str]) -> None:
        self.program = program
        self.names = names
        self.fixed = fixed  # what the function read and the program has as a constant: shown above it
        self.writer = Writer(names)
        self.rows: list[tuple[str, Line | None]] = []  # text and the line it is of
        self._write()

    def _write(self) -> None:
        in_place = self._in_place()
        written = [
            (line, self._updated(line, in_place[line.out]) if line.out in in_place else text)
            for line, text in statements(self.program, self.writer)
        ]
        longest = max((len(text) for _, text in written), default=0)
        common = max(min(longest, _COLUMNS[1]), _COLUMNS[0])
        for section in SECTIONS:
            rows = [(line, text) for line, text in written if line.section == section]
            updates = [*self._updates(in_place)] if section == "update" else []
            if not rows and not updates:
                continue
            self.rows += [("", None)] * bool(self.rows) + [(f"# {section}", None)]
            if section == "update":
                self.rows += [(f"# {remark}", None) for remark in self._remarks()]
            lengths = [len(text) for line, text in rows if shape_comment(line.out)]
            column = max([common, *(length for length in lengths if length <= _WIDEST)])
            self.rows += [(commented(text, line, column), line) for line, text in rows]
            self.rows += updates
        self.rows += [("", None), (self._return(), None)]

    def _in_place(self) -> dict[Var, Var]:
        """New values that may overwrite the old ones, because no later line reads the old ones."""
        made, last = self._positions()
        old = {source: var for var, source in self.program.inputs.items()}
        found = {}
        for source, new in self.program.writes:
            before = old.get(source)
            if before is None or new not in made or new in found or not isinstance(source, _KEPT):
                continue
            if last.get(before, -1) <= made[new] and before.shape == new.shape:
                found[new] = before
                self.names.of[new] = self.names.of[before]
        return found

    def _positions(self) -> tuple[dict[Var, int], dict[Var, int]]:
        """The rows of the text in which each variable is made and last read, perhaps inside another line."""
        inside = foldable(self.program, self.names.chosen)
        lines = sorted(self.program.lines, key=lambda line: SECTIONS.index(line.section))
        made: dict[Var, int] = {}
        last: dict[Var, int] = {}
        for number, line in reversed([*enumerate(lines)]):
            made[line.out] = last.get(line.out, number) if line.out in inside else number
            for var in line.reads():
                last[var] = max(last.get(var, -1), made[line.out])
        for view, owner in views(self.program).items():
            last[owner] = max(last.get(owner, -1), last.get(view, -1))
        return made, last

    def _updated(self, line: Line, old: Var) -> str:
        """The line as a statement that overwrites the old value: ``W -= ...`` if it has that form."""
        name = self.names.of[old]
        sign = _IN_PLACE.get(getattr(line.function, "__name__", ""))
        if sign and line.args[0] is old and old.shape and len(line.args) == 2:
            return f"{name} {sign}= {self.writer.operand(line.args[1]).text}"
        return f"{name}{'[...]' if old.shape else ''} = {self.writer.expression(line).text}"

    def _updates(self, in_place: dict[Var, Var]) -> Any:
        """What could not be written where it was computed."""
        old = {source: var for var, source in self.program.inputs.items()}
        for source, var in self.program.writes:
            if var is not None and var not in in_place and source in old and var.shape and isinstance(source, _KEPT):
                yield f"{self.names.of[old[source]]}[...] = {self.names.of[var]}", None

    def _remarks(self) -> list[str]:
        """The optimizers' remarks about the form of their rules."""
        owners = [source.owner for source in self.program.inputs.values() if isinstance(source, Setting)]
        remarks = dict.fromkeys(getattr(owner, "remark", "") for owner in owners)
        return [line for remark in remarks for line in remark.splitlines()]

    def _return(self) -> str:
        more = self.extra()
        extra = dict.fromkeys(self.names.of[var] for _, var in more if var is not None)
        text = ", ".join([f"return {result_text(self.program, self.writer)}", *extra])
        if all(var is None or var.shape for _, var in more):
            return text
        return f"{text}  # a number cannot change in place: it is returned"

    def extra(self) -> list[tuple[Any, Var | None]]:
        """What cannot be written in place, so that it is returned after the result: numbers, and new gradients.

        New gradients are left out if parameters are updated: then they are not the purpose of the function.
        """
        updated = any(isinstance(source, Data) for source, _ in self.program.writes)
        given = set(self.program.inputs.values())
        return [
            (source, var)
            for source, var in self.program.writes
            if var is not None
            and (not var.shape or source not in given)
            and not (updated and isinstance(source, Gradient) and source not in given)
        ]

    def _parameter(self, var: Var) -> str:
        source = self.program.inputs[var]
        return self.names.of[var] + (f"={source.value!r}" if isinstance(source, Setting) else "")

    def text(self, *, with_locals: bool = False) -> str:
        """The text, which can be pasted into a file. For a check, the function can return all its variables, too."""
        names = [self._parameter(var) for var in parameters(self.program)]
        head = textwrap.wrap(f"def {self.program.name}({', '.join(names)}):", 110, subsequent_indent=" " * 8)
        rows = [text for text, _ in self.rows]
        if with_locals:
            rows[-1] = f"return locals(), {result_text(self.program, self.writer)}"
        body = textwrap.indent("\n".join(rows), "    ", lambda text: bool(text.strip()))
        constants = "".join(f"{name} = {literal(value)}\n" for name, value in self.writer.constants.items())
        helpers = helper_source(self.writer.helpers).replace(": Any", "").replace(" -> Any", "")
        parts = [imports(constants + body + helpers), constants, f"\n{helpers.rstrip()}\n" if helpers else ""]
        above = "\n".join(part for part in parts if part)
        fixed = "".join(f"# fixed when recorded: {what}\n" for what in self.fixed)
        return f"{above}\n\n{fixed}" + "\n".join(head) + "\n" + body + "\n"


def imports(code: str) -> str:
    """The import statements that the code needs."""
    plain = "".join(f"import {name}\n" for name in ("base64", "math", "operator") if re.search(rf"\b{name}\.", code))
    numpy = "import numpy as np\n" if re.search(r"\bnp\.", code) else ""
    return plain + "\n" * bool(plain and numpy) + numpy


def result_text(program: Program, writer: Writer) -> str:
    """What the function returns, in the names of the program."""
    return writer.operand(with_values(program.result, lambda part: part.var)).text


def commented(text: str, line: Line, column: int) -> str:
    """A line, with the shape of its result from the column on."""
    comment = shape_comment(line.out)
    return f"{text:<{column}}  # {comment}" if comment else text


def literal(value: Any) -> str:
    """An array or number as an expression that gives it back, bit for bit."""
    if isinstance(value, np.random.Generator):
        return "np.random.default_rng()"
    if not isinstance(value, np.ndarray | np.generic) and not is_plain(value):
        return f"...  # an object of the type {type(value).__name__} {getattr(value, '__name__', '')}".rstrip()
    if not isinstance(value, np.ndarray):
        return repr(value.item() if isinstance(value, np.generic) else value)
    dtype = "" if value.dtype in (np.float64, np.int64) and value.size else f", np.{value.dtype.name}"
    if value.size <= 1000 and np.isfinite(value).all():
        return f"np.array({value.tolist()!r}{dtype})" if value.size else f"np.empty({value.shape}{dtype})"
    packed = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
    return f'np.frombuffer(base64.b64decode("{packed}"), np.{value.dtype.name}).reshape({value.shape}).copy()'


def as_file(readable: Readable, values: dict[Var, Any]) -> str:
    """The program with its inputs and a main that runs it once."""
    for name, value in readable.writer.constants.items():
        if literal(value).startswith("..."):
            raise CompileError(
                f"the source cannot become a separate file: {name} is a {type(value).__name__}, which cannot be "
                f"written as text. Copy `source`, and replace {name} by your own function or object"
            )
    given = [var for var in parameters(readable.program) if var in values]
    names = [readable.names.of[var] for var in given]
    lines = [f"    {readable.names.of[var]} = {literal(values[var])}" for var in given]
    call = f"{readable.program.name}({', '.join(names)})"
    main = "\n".join(['if __name__ == "__main__":', *lines, f"    print({call})"])
    text = readable.text()
    body = text.removeprefix(imports(text))
    return f"{imports(text + main)}{body}\n\n{main}\n"
