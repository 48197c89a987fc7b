"""Where a training step's arrays are in memory, so that fewer and longer calls do the same work.

All parameters that are updated are next to each other in one block, and so are their gradients and each kind of state.
An update that is the same for every parameter is then one call for all (`flat_updates`), and a weight followed by its
bias is one matrix (`affine`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import UFUNC, Line, Program, Var
from tinygrad_edu.compiler.rewrite.copies import copies_of, with_copies
from tinygrad_edu.compiler.rewrite.optimize import redirected
from tinygrad_edu.compiler.sources import Attribute, Data, Gradient, Source
from tinygrad_edu.speed.blas import aligned_empty

_COPIED = 1 << 16  # numbers: to copy a larger gradient would take longer than the calls that it saves


class Block:
    """One piece of memory, and the variables of one dtype that are in it, one after another."""

    def __init__(self, name: str, members: Sequence[Var]) -> None:
        self.name = name
        self.members = list(members)
        self.memory = aligned_empty((sum(math.prod(var.shape) for var in members),), np.dtype(members[0].dtype))
        self.whole = Var(self.memory, name)
        self.arrays: dict[Var, Any] = {}
        start = 0
        for var in members:
            size = math.prod(var.shape)
            self.arrays[var] = self.memory[start : start + size].reshape(var.shape)
            start += size

    def with_next(self, var: Var) -> Any:
        """A matrix and the vector that follows it in memory, as one matrix: the vector is the last row."""
        start = sum(math.prod(v.shape) for v in self.members[: self.members.index(var)])
        rows, columns = var.shape[0] + 1, var.shape[1]
        return self.memory[start : start + rows * columns].reshape(rows, columns)


class Layout:
    """The blocks of a program."""

    def __init__(self, program: Program, owners: dict[int, Any]) -> None:
        self.blocks: list[Block] = []
        self.given: dict[Var, Any] = {}
        self.placed: list[tuple[Source, Any]] = []
        self.column_major: set[Var] = set()  # arrays that are stored column by column
        self.moved: dict[Var, Var] = {}  # new blocks, and the old ones that they replace
        self.copied: dict[Var, Var] = {}  # arguments, and their copies beside a column of ones
        self.left: list[tuple[Var, Var]] = []  # new blocks that must be copied into the old ones, and the old ones
        self.owners = owners  # for the id of an optimizer's dict, the parameter that it is the state of
        self.program = program
        old = {source: var for var, source in program.inputs.items()}
        written = {source: var for source, var in program.writes if var is not None and source in old}
        placed = {old[source]: source for source in written if old[source].dtype is not None}
        self._place_parameters({var: source for var, source in placed.items() if isinstance(source, Data)})
        self._place_states({var: source for var, source in placed.items() if isinstance(source, Attribute)})
        self._place_gradients()

    def _add(self, name: str, members: Sequence[Var], sources: Iterable[Source] = ()) -> None:
        made = Block(name, members)
        self.blocks.append(made)
        self.given |= made.arrays
        self.given[made.whole] = made.memory
        self.placed += [(source, made.arrays[var]) for var, source in zip(members, sources, strict=False)]

    def _place_parameters(self, placed: dict[Var, Source]) -> None:
        self.leaves: dict[int, int] = {}
        for dtype in dict.fromkeys(var.dtype for var in placed):
            members = [var for var in placed if var.dtype == dtype]
            self._add(f"parameters_{dtype}" if self.blocks else "parameters", members, [placed[v] for v in members])
        if self.blocks:
            leaves = [id(placed[var].leaf) for var in self.blocks[0].members]  # type: ignore[attr-defined]
            self.leaves = {leaf: i for i, leaf in enumerate(leaves)}

    def _place_states(self, placed: dict[Var, Source]) -> None:
        kinds: dict[str, dict[int, tuple[Var, Source]]] = {}
        for var, source in placed.items():
            assert isinstance(source, Attribute)
            leaf = self.leaves.get(id(self.owners.get(id(source.owner))))
            same = leaf is not None and self.blocks and var.shape == self.blocks[0].members[leaf].shape
            if leaf is not None and same and var.dtype == self.blocks[0].whole.dtype:
                kinds.setdefault(source.name, {})[leaf] = var, source
            else:
                self._add(source.name, [var], [source])
        for name, members in kinds.items():
            ordered = [members[i] for i in sorted(members)]
            if len(members) == len(self.leaves):
                self._add(name, [var for var, _ in ordered], [source for _, source in ordered])
            else:
                for var, source in ordered:
                    self._add(name, [var], [source])

    def _place_gradients(self) -> None:
        found = {id(s.leaf): v for s, v in self.program.writes if isinstance(s, Gradient) and v is not None}
        made = {line.out: line for line in self.program.lines}
        members = [v for leaf in self.leaves if (v := found.get(leaf)) in made]
        if not members or not len(set(members)) == len(members) == len(self.leaves):
            return
        if any(v.dtype != self.blocks[0].whole.dtype for v in members):
            return
        others = [v for v in members if not _writes_into(made[v])]
        if others and (len(members) == 1 or any(not v.shape or math.prod(v.shape) > _COPIED for v in others)):
            return
        copies = copies_of(others)
        self._read_copies(copies)
        self._add("gradients", [copies.get(v, v) for v in members])

    def _read_copies(self, copies: dict[Var, Var]) -> None:
        """Copy each of these gradients when it is made. What is stored and what later lines read is the copy."""
        lines = with_copies(self.program.lines, copies, lambda _: True)
        self.program = redirected(replace(self.program, lines=lines), copies)


def _writes_into(line: Line) -> bool:
    return line.kind == UFUNC and bool(line.out.shape)
