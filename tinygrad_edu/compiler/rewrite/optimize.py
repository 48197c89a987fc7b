"""Passes over a program: remove dead code, compute each value once, remove operations that change nothing."""

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import CHECK, DRAW, INDEX, METHOD, PYTHON, UFUNC, Line, Program, Var, mapped
from tinygrad_edu.compiler.sources import Data
from tinygrad_edu.compiler.views import note_view, views
from tinygrad_edu.compiler.write import runtime


def without_dead_code(program: Program) -> Program:
    """Only lines that an output depends on. A draw from a generator stays, so that its later numbers are the same."""
    needed = set(program.outputs())
    lines = []
    for line in reversed(program.lines):
        if line.out in needed or line.kind in (DRAW, CHECK):
            needed.update(line.reads())
            lines.append(line)
    written = {source for source, _ in program.writes if isinstance(source, Data)}  # even if nothing reads them first
    inputs = {var: source for var, source in program.inputs.items() if var in needed or source in written}
    return replace(program, lines=lines[::-1], inputs=inputs)


def without_repetition(program: Program) -> Program:
    """Each value is computed once, by the first line that computes it."""
    known: dict[Any, Var] = {}
    instead: dict[Var, Var] = {}
    lines = []
    for line in program.lines:
        line = renamed(line, instead)
        key = None if line.kind in (DRAW, CHECK) else _key(line)
        if key is not None and key in known:
            instead[line.out] = known[key]
            continue
        if key is not None:
            known[key] = line.out
        lines.append(line)
    return redirected(replace(program, lines=lines), instead)


def _key(line: Line) -> Any:
    function = line.function
    if getattr(function, "__name__", "") == "reduce":  # a bound method is a new object each time
        function = ("reduce", function.__self__)
    parts = (line.args, tuple(sorted(line.keywords.items())))
    key = (line.kind, function, _hashable(parts))
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _hashable(x: Any) -> Any:
    if isinstance(x, tuple | list):
        return (type(x).__name__, *map(_hashable, x))
    if isinstance(x, slice):
        return ("slice", *map(_hashable, (x.start, x.stop, x.step)))
    if isinstance(x, np.ndarray):
        return ("array", str(x.dtype), repr(x.item())) if x.ndim == 0 else ("array", id(x))
    if isinstance(x, float | int | np.generic):
        return (type(x).__name__, repr(x))  # 0.0 and -0.0 are equal, but not the same
    return x


def renamed(line: Line, instead: dict[Var, Var]) -> Line:
    """The line, which reads other variables instead of some."""
    if not any(var in instead for var in line.reads()):
        return line
    return replace(line, args=_renamed_tree(line.args, instead), keywords=_renamed_tree(line.keywords, instead))


def _renamed_tree(tree: Any, instead: dict[Var, Var]) -> Any:
    return mapped(tree, lambda x: instead.get(x, x) if isinstance(x, Var) else x)


def redirected(program: Program, instead: dict[Var, Var]) -> Program:
    """The program, which stores and returns other variables instead of some."""
    writes = [(source, instead.get(var, var) if var is not None else None) for source, var in program.writes]
    return replace(program, writes=writes, result=_renamed_tree(program.result, instead))


def simplified(program: Program) -> Program:
    """Without multiplications by one, and without choices whose condition is a constant."""
    instead: dict[Var, Var] = {}
    lines = []
    outputs, overwritten, owners = set(program.outputs()), _overwritten(program), dict[Var, Var]()
    for line in program.lines:
        line = renamed(line, instead)
        same = _unchanged(line)
        if same is not None and same.shape == line.out.shape and same.dtype == line.out.dtype:
            before = owners.get(same, same) in overwritten and line.out in outputs
            if not before:  # else it keeps what is overwritten
                instead[line.out] = same
                continue
        note_view(line, owners)
        lines.append(line)
    return _with_own_outputs(redirected(replace(program, lines=lines), instead))


def _with_own_outputs(program: Program) -> Program:
    """Copy what is returned or stored, if it is a view of memory that is overwritten before."""
    overwritten, owners, copies = _overwritten(program), views(program), dict[Var, Var]()
    homes = {source: var for var, source in program.inputs.items()}

    def own(x: Any) -> Any:
        return copies.setdefault(x, Var(x)) if isinstance(x, Var) and owners.get(x, x) in overwritten else x

    writes = [(source, var if homes.get(source) is var else own(var)) for source, var in program.writes]
    result = mapped(program.result, own)
    lines = [Line(copies[var], METHOD, "copy", (var,)) for var in copies if var in program.inputs]
    for line in program.lines:
        lines.append(line)
        if line.out in copies:
            copy = Line(copies[line.out], METHOD, "copy", (line.out,), section=line.section, origin=line.origin)
            lines.append(copy)
    return replace(program, lines=lines, writes=writes, result=result)


def _overwritten(program: Program) -> set[Any]:
    """The arrays that a run reads and then overwrites with others."""
    homes = {source: var for var, source in program.inputs.items() if var.dtype is not None}
    return {homes[source] for source, var in program.writes if source in homes and var is not homes[source]}


def _unchanged(line: Line) -> Var | None:
    """The operand that the line gives back unchanged; None if there is none."""
    if (
        line.function is np.where
        and isinstance(line.args[0], np.ndarray | np.generic | bool)
        and np.ndim(line.args[0]) == 0
    ):
        chosen = line.args[1] if line.args[0] else line.args[2]
        return chosen if isinstance(chosen, Var) else None
    if line.kind == METHOD and line.function == "copy" and line.keywords.get("order") != "K":
        return None  # in another order, the terms of a sum are added in another order too
    if line.kind == METHOD and line.function in ("astype", "reshape", "copy"):  # the caller compares dtype and shape
        return line.args[0] if isinstance(line.args[0], Var) else None
    if line.kind == INDEX or line.function is runtime.scatter:
        return line.args[0] if isinstance(line.args[0], Var) and _takes_all(line.args[1]) else None
    if line.kind not in (UFUNC, PYTHON) or len(line.args) > 2:
        return None
    name = line.function.__name__
    if name in ("positive", "pos"):
        return line.args[0] if isinstance(line.args[0], Var) else None
    if line.kind == PYTHON and name == "add" and 0.0 in [x for x in line.args if isinstance(x, float)]:
        return next((x for x in line.args if isinstance(x, Var)), None)
    if name in ("multiply", "mul") or (name in ("divide", "truediv", "power", "pow") and _is_one(line.args[1])):
        for x, other in (line.args, line.args[::-1]):
            if _is_one(x) and isinstance(other, Var):
                return other
    return None


def _takes_all(index: Any) -> bool:
    """Whether an index that leaves the shape as it is takes every entry, in order: it is of slices that go forward."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(part, slice) and part.step in (None, 1) for part in parts)


def _is_one(x: Any) -> bool:
    return isinstance(x, float | int | np.ndarray | np.generic) and np.ndim(x) == 0 and x == 1
