"""`Pen`: writes lines of code. It knows the names and the arrays, and keeps the text so far."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import CHECK, Line, Program, Var
from tinygrad_edu.compiler.record.names import Names
from tinygrad_edu.compiler.run.buffers import Arrays
from tinygrad_edu.compiler.write.emit import Writer


class Pen:
    """Writes lines of Python into ``body``, each with the line of the program that it computes."""

    def __init__(
        self,
        program: Program,
        names: Names,
        given: dict[Var, Any],
        column_major: set[Var],
        kept: set[Var],
        writer: type[Writer],
    ) -> None:
        self.program = program
        self.names = names
        self.writer = writer(names)
        self.arrays = Arrays(program, self.writer, given, column_major, kept)
        self.body: list[tuple[str, Line | None]] = []
        self.made = {line.out: line for line in program.lines}
        self.checked = _checked_labels(program)

    def say(self, line: Line | None, text: str) -> None:
        """Write a line of Python."""
        self.body.append((text, line))

    def text(self, x: Any) -> str:
        """An operand."""
        return self.writer.operand(x).text

    def call(self, ufunc: Any, args: Sequence[str], out: str) -> str:
        """A ufunc that writes into an array."""
        named = "out=" if ufunc in (np.maximum, np.minimum) else ""  # whose third argument must be named
        return f"{self.arrays.bound(ufunc)}({', '.join([*args, named + out])})"


def _checked_labels(program: Program) -> dict[Var, int]:
    """Labels that are checked to be below a number of classes."""
    return {
        line.args[0]: line.args[1]
        for line in program.lines
        if line.kind == CHECK and len(line.args) > 1 and isinstance(line.args[0], Var) and isinstance(line.args[1], int)
    }
