"""The updates of all parameters: one call for all, after everything else, into the memory of the old values."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compiler.program import PYTHON, UFUNC, Line, Var, mapped, variables
from tinygrad_edu.compiler.record.names import Names
from tinygrad_edu.compiler.views import views

if TYPE_CHECKING:
    from tinygrad_edu.compiler.rewrite.layout import Layout


def fuse_updates(layout: "Layout") -> None:
    """Lines that do the same to every parameter become one line on whole blocks."""
    families = [b for b in layout.blocks if len(b.members) == len(layout.leaves) > 1]
    if not families:
        return
    place: dict[Var, tuple[Any, int]] = {var: (id(b), i) for b in families for i, var in enumerate(b.members)}
    whole: dict[Any, Var] = {id(b): b.whole for b in families}
    groups: dict[Any, dict[int, Line]] = {}
    for line in layout.program.lines:
        signature = _signature(line, place)
        if signature is not None:
            key, i = signature
            groups.setdefault(key, {})[i] = line
            place[line.out] = key, i
    groups = _complete(layout, groups, place)
    _replace(layout, groups, place, whole)


def _signature(line: Line, place: dict[Var, tuple[Any, int]]) -> tuple[Any, int] | None:
    """What the line does to which parameter, if it only works on one parameter's arrays and on numbers."""
    if line.kind != UFUNC or not isinstance(line.function, np.ufunc) or line.keywords or line.out in place:
        return None
    which = {place[x][1] for x in line.args if isinstance(x, Var) and x in place}
    if len(which) != 1:
        return None
    parts: list[Any] = []
    for x in line.args:
        if isinstance(x, Var) and x in place:
            if x.shape != line.out.shape or x.dtype != line.out.dtype:
                return None
            parts.append(("of", place[x][0]))
        elif isinstance(x, Var) and not x.shape:
            parts.append(("number", id(x)))
        elif not isinstance(x, Var) and np.ndim(x) == 0:
            parts.append(("constant", repr(x)))
        else:
            return None
    return (line.function, *parts), which.pop()


def _homes(layout: "Layout", place: dict[Var, tuple[Any, int]]) -> dict[Var, int]:
    """The block that an update overwrites, for updates that are stored once, and for the same parameter."""
    old = {source: var for var, source in layout.program.inputs.items()}
    stored = [var for _, var in layout.program.writes if var is not None]
    homes = {}
    for source, var in layout.program.writes:
        home, i = place.get(old.get(source), (None, None))  # type: ignore[arg-type]
        if var in place and place[var][1] == i and stored.count(var) == 1:
            homes[var] = home
    return homes


def _complete(
    layout: "Layout", groups: dict[Any, dict[int, Line]], place: dict[Var, tuple[Any, int]]
) -> dict[Any, dict[int, Line]]:
    """Groups that cover every parameter; no other line reads a part of them."""
    homes = _homes(layout, place)
    while True:
        fused = {id(line) for lines in groups.values() for line in lines.values()}
        read = {var for line in layout.program.lines if id(line) not in fused for var in line.reads()}
        shown = set(layout.program.outputs()) - homes.keys()
        good = {
            key: lines
            for key, lines in groups.items()
            if len(lines) == len(layout.leaves)
            and not any(line.out in read or line.out in shown for line in lines.values())
            and len({homes.get(line.out) for line in lines.values()}) == 1
            and all(part[0] != "of" or part[1] in groups or isinstance(part[1], int) for part in key[1:])
        }
        if len(good) == len(groups):
            return good
        groups = good


def _replace(
    layout: "Layout", groups: dict[Any, dict[int, Line]], place: dict[Var, Any], whole: dict[Any, Var]
) -> None:
    last = {id(max(lines.values(), key=layout.program.lines.index)): key for key, lines in groups.items()}
    inside = {id(line) for lines in groups.values() for line in lines.values()}
    lines: list[Line] = []
    for line in layout.program.lines:
        key = last.get(id(line))
        if key is not None:
            out = Var(np.empty(layout.blocks[0].memory.shape, line.out.dtype))
            whole[key] = out
            args = tuple(whole[place[x][0]] if isinstance(x, Var) and x in place else x for x in line.args)
            lines.append(replace(line, out=out, args=args))
        elif id(line) not in inside:
            lines.append(line)
    old = {source: var for var, source in layout.program.inputs.items()}
    writes: list[tuple[Any, Var | None]] = []
    homes: dict[Var, Var] = {}
    for source, var in layout.program.writes:
        if var is not None and place.get(var, (None,))[0] in groups:
            layout.moved[whole[place[var][0]]] = whole[place[old[source]][0]]
            homes[var] = old[source]
            var = old[source]
        writes.append((source, var))
    result = mapped(layout.program.result, lambda x: homes.get(x, x) if isinstance(x, Var) else x)
    layout.program = replace(layout.program, lines=lines, writes=writes, result=result)


def place_updates(layout: "Layout", names: Names) -> None:
    """Updates come after every line that may fail, and write over the old value unless a later line reads it."""
    program, given = layout.program, layout.given
    old = {source: var for var, source in program.inputs.items() if var in given}
    targets = {var: old[source] for source, var in program.writes if var is not None and source in old}
    targets = {var: home for var, home in targets.items() if var is not home} | layout.moved
    tail = _tail(program.lines, set(targets), given)
    safe = all(map(_cannot_fail, tail))
    lines = _with_updates_late(program.lines, tail)
    results = set(variables(program.result))
    owners = views(program)
    for number, line in enumerate(lines):
        if line.out not in targets:
            continue
        var, home = line.out, targets[line.out]
        needed = [x for other in lines[number + 1 :] for x in other.reads()]
        needed += [x for x in line.reads() if x is not home or line.function is np.matmul]  # not entry by entry
        read = [given[owners.get(x, x)] for x in needed if owners.get(x, x) in given]
        free = not any(np.may_share_memory(array, given[home]) for array in read)
        double = sum(other is var for _, other in program.writes) > 1
        if safe and free and var not in results and not double and _writes_into(line):
            given[var] = given[home]
            names.of[var] = names.of[home]
    layout.left = [(var, home) for var, home in layout.moved.items() if var not in given]
    layout.program = replace(program, lines=lines)


def _with_updates_late(lines: Sequence[Line], tail: Sequence[Line]) -> list[Line]:
    """The lines in their order, but those of the tail after the last line that may fail."""
    late = set(tail)
    start = max((i + 1 for i, line in enumerate(lines) if not _cannot_fail(line) and line not in late), default=0)
    before = [line for line in lines[:start] if line not in late]
    return [*before, *(line for line in lines[:start] if line in late), *lines[start:]]


def _cannot_fail(line: Line) -> bool:
    return line.kind in (UFUNC, PYTHON)


def _tail(lines: Sequence[Line], targets: set[Var], given: dict[Var, Any]) -> list[Line]:
    """The lines that compute new values of what is updated, and all that depend on these.

    A layer reads its input as a part of a wider array, which has a variable of its own.
    """
    reached = set(targets)
    arrays: list[Any] = []  # of what was reached and has its place
    tail = []
    for line in lines:
        read = [*line.reads()]
        inside = [given[x] for x in read if x in given] if arrays else []
        parts = any(np.may_share_memory(x, array) for x in inside for array in arrays)
        if parts or line.out in targets or any(var in reached for var in read):
            reached.add(line.out)
            tail.append(line)
            arrays += [given[line.out]] if line.out in given else []
    return tail


def _writes_into(line: Line) -> bool:
    return isinstance(line.function, np.ufunc) and bool(line.out.shape)
