"""Lines that copy a variable, and lines that read the copy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from tinygrad_edu.compiler.program import UFUNC, Line, Var
from tinygrad_edu.compiler.rewrite.optimize import renamed


def copies_of(variables: Iterable[Var]) -> dict[Var, Var]:
    """A new variable for a copy of each."""
    return {var: Var(np.empty(var.shape, var.dtype), var.hint) for var in variables}


def with_copies(lines: Sequence[Line], copies: dict[Var, Var], reads_copy: Callable[[Line], bool]) -> list[Line]:
    """The lines, with a copy after each line that makes one of the variables; some lines read the copies instead."""
    result: list[Line] = []
    for line in lines:
        result.append(renamed(line, copies) if reads_copy(line) else line)
        if line.out in copies:
            copy = copies[line.out]
            result.append(replace(line, out=copy, kind=UFUNC, function=np.positive, args=(line.out,), keywords={}))
    return result
