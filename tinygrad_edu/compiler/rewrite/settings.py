"""Settings of optimizers as numbers: the printed program has ``beta1`` where the program that runs has 0.9."""

import operator
from dataclasses import replace
from typing import Any

from tinygrad_edu.compiler.program import MATH, PYTHON, Line, Program, Var, mapped
from tinygrad_edu.compiler.record import scalars
from tinygrad_edu.compiler.sources import Setting


def with_numbers(program: Program) -> Program:
    """The program with settings, and what is computed from them alone, as numbers."""
    known = {var: source.value for var, source in program.inputs.items() if isinstance(source, Setting)}
    if not known:
        return program
    kept = set(program.outputs())
    lines = [Line(var, PYTHON, operator.pos, (known[var],)) for var in program.inputs if var in known and var in kept]

    def number_of(x: Any) -> Any:
        return known.get(x, x) if isinstance(x, Var) else x

    for line in program.lines:
        if any(var in known for var in line.reads()):
            line = replace(line, args=mapped(line.args, number_of), keywords=mapped(line.keywords, number_of))
            if line.kind in (PYTHON, MATH) and line.out not in kept and not any(True for _ in line.reads()):
                known[line.out] = scalars.compute(line, line.args)
                continue
        lines.append(line)
    return replace(program, lines=lines, inputs={var: x for var, x in program.inputs.items() if var not in known})
