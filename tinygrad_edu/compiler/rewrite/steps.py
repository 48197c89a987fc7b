"""The arrays of many steps as one piece of memory, into which each step writes its part.

The gradient of a weight that all steps of a net use is a sum over the steps: ``h[0].T @ dz[0] + h[1].T @ dz[1] + …``.
It is one product of all rows, ``H.T @ dZ``; that of a bias is one sum over all rows of ``dZ``. And what `np.stack`
makes of the arrays of all steps is there already.
"""

import operator
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.compiler.program import CALL, INDEX, METHOD, UFUNC, Line, Var
from tinygrad_edu.compiler.rewrite.layout import Layout, block
from tinygrad_edu.compiler.rewrite.lines import adds_rows, is_transpose, is_ufunc

_MANY = 8  # steps
_READ = 4  # entries: to read so many takes as long as to add one to a sum in memory

Matrices = tuple[Var, ...]  # one for each step


class _Sum(NamedTuple):
    """A sum over steps: its last addition, all its other lines, and the matrices. On the left, a bias has none."""

    last: Line
    others: list[Line]
    left: Matrices
    right: Matrices

    def gains(self) -> bool:
        """Whether the matrices, all of which must stay in memory, are small beside the products."""
        sizes = [(x.shape[0], x.shape[1], y.shape[1]) for x, y in zip(self.left, self.right, strict=True)]
        return sum(n * (k + m) for n, k, m in sizes) <= _READ * sum(k * m for _, k, m in sizes)


def join_steps(layout: Layout) -> None:
    """Rewrite the sums over steps, and then the lines that stack the arrays of all steps."""
    steps, sums = _Steps(layout), [*_sums(layout)]
    instead: dict[Line, list[Line]] = {}  # no lines: the line is removed
    for found in sums:
        if found.left and found.gains():
            instead |= {**_removed(found), found.last: steps.product(found)}
    for found in sums:
        if not found.left and found.right in steps.joined:
            instead |= {**_removed(found), found.last: [steps.total(found)]}
    for line in layout.program.lines:
        if line.function is np.stack and len(line.args[0]) >= _MANY:
            steps.place(line)
    lines = [line for x in layout.program.inputs for line in steps.after.get(x, [])]
    for line in layout.program.lines:
        lines += [*instead.get(line, [line]), *steps.after.get(line.out, [])]
    layout.program = replace(layout.program, lines=lines)


def _removed(found: _Sum) -> dict[Line, list[Line]]:
    return {line: [] for line in found.others}


# --- sums over steps ------------------------------------------------------------------------------------------------


def _sums(layout: Layout) -> Iterator[_Sum]:
    """The sums of products ``x.T @ y``, and of sums over the rows of y, whose parts nothing else reads."""
    lines = layout.program.lines
    made, place = {line.out: line for line in lines}, {line.out: number for number, line in enumerate(lines)}
    read = Counter(var for line in lines for var in line.reads())
    read.update(layout.program.outputs())
    inside: set[Line] = set()
    for line in reversed(lines):
        if line in inside or not is_ufunc(line, np.add):
            continue
        additions, terms = _added(line, made, read)
        inside.update(additions)
        found = [_matrices(term, made) for term in terms] if len(terms) >= _MANY else []
        pairs = [pair for pair in found if pair is not None]
        pairs.sort(key=lambda pair: -place.get(pair[1], -1))  # a backward pass computes that of the first step last
        left, right = tuple(x for x, _ in pairs if x is not None), tuple(y for _, y in pairs)
        if len(pairs) < max(len(terms), _MANY) or len(left) not in (0, len(pairs)) or not _may_be_joined(left, right):
            continue
        turned = [made[term.args[0]] for term in terms if left]
        yield _Sum(line, [*additions[1:], *terms, *(x for x in turned if read[x.out] == 1)], left, right)


def _added(line: Line, made: dict[Var, Line], read: Counter[Var]) -> tuple[list[Line], list[Line]]:
    """The additions ``((a + b) + c) + d`` from the last to the first, and the lines that make d, c, b and a, if any."""
    additions, terms = [line], []
    while True:
        rest, term = (made.get(x) if isinstance(x, Var) and read[x] == 1 else None for x in additions[-1].args)
        if rest is None or term is None:
            return additions, []
        terms.append(term)
        if not is_ufunc(rest, np.add):
            return additions, [*terms, rest]
        additions.append(rest)


def _matrices(term: Line, made: dict[Var, Line]) -> tuple[Var | None, Var] | None:
    """The matrices x and y of ``x.T @ y``; None and y of a sum over the rows of y."""
    if adds_rows(term):
        return None, term.args[0]
    if not is_ufunc(term, np.matmul):
        return None
    turned = made.get(term.args[0]) if isinstance(term.args[0], Var) else None
    return (turned.args[0], term.args[1]) if turned is not None and is_transpose(turned) else None


def _may_be_joined(*sides: Matrices) -> bool:
    """Whether the arrays of each side are different matrices of one type and width."""
    for parts in sides:
        alike = all(isinstance(x, Var) and len(x.shape) == 2 for x in parts) and len(set(parts)) == len(parts)
        if not alike or len({(x.shape[1], x.dtype) for x in parts}) > 1:
            return False
    return True


# --- memory for all steps -------------------------------------------------------------------------------------------


class _Steps:
    """The matrices of all steps as one, which has the rows of all."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.made = {line.out: line for line in layout.program.lines}
        self.kept = set(layout.program.outputs())
        self.memory: dict[Matrices, Any] = {}
        self.joined: dict[Matrices, Var] = {}
        self.after: dict[Var, list[Line]] = {}  # lines that come as soon as a variable is known

    def product(self, found: _Sum) -> list[Line]:
        """The sum as one product."""
        left, right = self._join(found.left), self._join(found.right)
        across = replace(found.last, out=_like(left, left.shape[::-1]), kind=METHOD, function="transpose", args=(left,))
        return [across, replace(found.last, function=np.matmul, args=(across.out, right))]

    def total(self, found: _Sum) -> Line:
        """The sum over the rows of all steps."""
        return replace(found.others[-1], out=found.last.out, args=(self.joined[found.right],))

    def place(self, line: Line) -> None:
        """Let matrices that are stacked along a new first axis be written there, if none is needed elsewhere."""
        parts, (axis, *_) = tuple(line.args[0]), (*line.args[1:], *line.keywords.values(), 0)
        if axis != 0 or not _may_be_joined(parts) or parts[0].dtype != line.out.dtype or line.out in self.kept:
            return
        if parts in self.memory or all(map(self._is_free, parts)):
            self.layout.given[line.out] = self._memory(parts).reshape(line.out.shape)

    def _join(self, parts: Matrices) -> Var:
        """One matrix that has the rows of all these."""
        if parts not in self.joined:
            self.joined[parts] = self._rows_of_an_array(parts) or self._rows(parts)
        return self.joined[parts]

    def _rows(self, parts: Matrices) -> Var:
        memory = self._memory(parts)
        joined = Var(memory, "steps")
        self.layout.given[joined] = memory
        order = {var: number for number, var in enumerate(self.made)}
        last = max(parts, key=lambda x: order.get(x, -1))
        self.after[last] = [*self.after.get(last, []), Line(joined, CALL, np.concatenate, (parts,))]
        return joined

    def _memory(self, parts: Matrices) -> Any:
        """Memory for all rows, into which the matrices are written, except those that must be copied."""
        if parts not in self.memory:
            steps = block("steps", [x if self._is_free(x) else _like(x, x.shape) for x in parts])
            self.layout.given |= {x: steps.arrays[x] for x in parts if x in steps.arrays}
            self.memory[parts] = steps.memory.reshape(-1, parts[0].shape[1])
        return self.memory[parts]

    def _is_free(self, x: Var) -> bool:
        """Whether the line that makes the matrix can write it anywhere."""
        line = self.made.get(x)
        if line is None or x in self.kept or x in self.layout.given:
            return False
        return line.kind == UFUNC or line.function is np.concatenate

    def _rows_of_an_array(self, parts: Matrices) -> Var | None:
        """If the matrices are ``x[i]``, ``x[i + 1]``, …: these rows of x."""
        made = [self.made.get(part) for part in parts]
        rows = [line.args for line in made if line is not None and line.kind == INDEX and type(line.args[1]) is int]
        x, start = rows[0] if len(rows) == len(parts) else (None, -1)
        if not isinstance(x, Var) or start < 0 or any(row != (x, start + i) for i, row in enumerate(rows)):
            return None
        steps, (n, columns) = len(parts), parts[0].shape
        some, joined = _like(x, (steps, n, columns)), _like(x, (steps * n, columns))
        taken = Line(some, INDEX, operator.getitem, (x, slice(start, start + steps)))
        self.after[x] = [*self.after.get(x, []), taken, Line(joined, METHOD, "reshape", (some, joined.shape))]
        return joined


def _like(x: Var, shape: tuple[int, ...]) -> Var:
    return Var(np.empty(shape, x.dtype), x.hint)
