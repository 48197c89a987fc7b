"""How a training step's arrays lie in memory, so that fewer and longer calls do the same work.

- All parameters that are updated lie side by side in one block, and so do their gradients and each kind of state. An
  update that treats every parameter alike is then one call for all (`flat_updates`).
- A weight lies in front of its bias, and a layer's input has a column of ones behind it. ``X @ W + b`` is then one
  product, ``[X 1] @ [W; b]``, and so are ``dW`` and ``db`` (`fuse_affine`).
- What has a row for each sample is stored column by column: a column of ones is then one more stretch of memory, and
  sums over few classes run along it. What a wide layer computes is stored row by row, which BLAS fills tile by tile;
  but the gradient ``dz @ W.T`` that comes back through it is stored as ``W @ dz.T``, which reads W as it lies.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import METHOD, UFUNC, Line, Program, Var
from tinygrad_edu.compiler.sources import Attribute, Data, Gradient, Source

_LINE = 64  # bytes
_WIDE = 64  # columns: four of the tiles in which BLAS computes a product
_COPIED = 1 << 14  # so many numbers are copied in less time than a bias is added


def aligned(size: int, dtype: Any) -> Any:
    """Memory for so many numbers that begins with a line of the cache: BLAS writes whole lines at a time."""
    memory = np.empty(size * dtype.itemsize + _LINE, np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size * dtype.itemsize].view(dtype)


@dataclass
class Block:
    """One stretch of memory, and the variables that lie in it one behind the other."""

    name: str
    members: list[Var]
    whole: Var
    memory: Any
    arrays: dict[Var, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start = 0
        for var in self.members:
            size = math.prod(var.shape)
            self.arrays[var] = self.memory[start : start + size].reshape(var.shape)
            start += size

    def offset(self, var: Var) -> int:
        """Where the variable begins."""
        return sum(math.prod(v.shape) for v in self.members[: self.members.index(var)])


def block(name: str, members: Sequence[Var]) -> Block:
    """A block for variables of one dtype."""
    size = sum(math.prod(var.shape) for var in members)
    memory = aligned(size, members[0].dtype)
    return Block(name, list(members), Var(memory, name), memory)


class Layout:
    """The blocks of a program."""

    def __init__(self, program: Program, owners: dict[int, Any]) -> None:
        self.blocks: list[Block] = []
        self.given: dict[Var, Any] = {}
        self.placed: list[tuple[Source, Any]] = []
        self.column_major: set[Var] = set()
        self.moved: dict[Var, Var] = {}  # new blocks, and the old ones that they replace
        self.copied: dict[Var, Var] = {}  # arguments, and their copies beside a column of ones
        self.left: list[tuple[Var, Var]] = []  # new blocks that lie elsewhere, and the old ones
        self.owners = owners  # of which parameter an optimizer's dict is the state
        self.program = program
        old = {source: var for var, source in program.inputs.items()}
        written = {source: var for source, var in program.writes if var is not None and source in old}
        placed = {old[source]: source for source in written if old[source].dtype is not None}
        self._place_parameters({var: source for var, source in placed.items() if isinstance(source, Data)})
        self._place_states({var: source for var, source in placed.items() if isinstance(source, Attribute)})
        self._place_gradients()

    def _add(self, name: str, members: Sequence[Var], sources: Iterable[Source] = ()) -> None:
        made = block(name, members)
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
        if not self.leaves:
            return
        made = {line.out: line for line in self.program.lines}
        found = {id(s.leaf): v for s, v in self.program.writes if isinstance(s, Gradient) and v is not None}
        members = [found.get(leaf) for leaf in self.leaves]
        distinct = len(set(members)) == len(members)
        if distinct and all(
            v is not None and v in made and _writes_into(made[v]) and v.dtype == self.blocks[0].whole.dtype
            for v in members
        ):
            self._add("gradients", [v for v in members if v is not None])

    # --- a layer and its bias as one product ---

    def fuse_affine(self) -> None:
        """``x @ W + b`` becomes ``[x 1] @ [W; b]``, and likewise the gradients of W and b."""
        if not self.blocks:
            return
        home = self.blocks[0]
        readers: dict[Var, list[Line]] = {}
        for line in self.program.lines:
            for var in line.reads():
                readers.setdefault(var, []).append(line)
        made = {line.out: line for line in self.program.lines}
        layers: dict[Var, tuple[Line, Line]] = {}
        for line in self.program.lines:
            product = made.get(line.args[0]) if _is(line, np.add) and isinstance(line.args[0], Var) else None
            if product is None or not _is(product, np.matmul) or len(readers[product.out]) > 1:
                continue
            (x, W), b = product.args, line.args[1]
            if not (isinstance(x, Var) and self._in_front(home, W, b) and self._extendable(x, line, made)):
                continue
            layers[x] = layers.get(x, (product, line))
        self._extend(layers, readers)

    def _in_front(self, home: Block, W: Any, b: Any) -> bool:
        if W not in home.arrays or b not in home.arrays or len(W.shape) != 2 or b.shape != W.shape[1:]:
            return False
        return home.members.index(b) == home.members.index(W) + 1

    def _extendable(self, x: Var, line: Line, made: dict[Var, Line]) -> bool:
        if len(x.shape) != 2 or x.dtype != line.out.dtype or x in self.given:
            return False
        if x in made:
            return made[x].kind == UFUNC and isinstance(made[x].function, np.ufunc)
        # An argument must be copied to stand beside a column of ones: worth it for a narrow one.
        size = math.prod(x.shape)
        return size <= 2 * math.prod(line.out.shape) or (x.shape[1] >= 16 and size <= _COPIED)

    def _extend(self, layers: dict[Var, tuple[Line, Line]], readers: dict[Var, list[Line]]) -> None:
        home = self.blocks[0]
        gradients = next((b for b in self.blocks if b.name == "gradients"), None)
        self._orient({x.shape[0] for x in layers})
        gone: set[int] = set()
        new: dict[int, Line] = {}
        for x, (product, added) in layers.items():
            n, k = x.shape
            W = product.args[1]
            # Rows of an argument that are long are copied as they are.
            by_rows = k >= 16 if x in self.program.inputs else x not in self.column_major
            memory = np.empty((n, k + 1) if by_rows else (k + 1, n), x.dtype)
            memory = memory if by_rows else memory.T
            memory[:, k] = 1
            wide = Var(memory, "wide")
            self.given[wide] = memory
            if x in self.program.inputs:
                inner = Var(memory[:, :k], "")
                self.copied[x] = inner
                self.given[inner] = memory[:, :k]
            else:
                self.given[x] = memory[:, :k]
            start, rows = home.offset(W), k + 1
            both = home.memory[start : start + rows * W.shape[1]].reshape(rows, W.shape[1])
            stacked = Var(both, "stacked")
            self.given[stacked] = both
            gone.add(id(product))
            new[id(added)] = replace(added, function=np.matmul, args=(wide, stacked))
            self._extend_gradient(x, wide, W, gradients, readers, gone, new)
        lines = [new.get(id(line), line) for line in self.program.lines if id(line) not in gone]
        self.program = replace(self.program, lines=[self._with_copies(line) for line in lines])

    def _orient(self, rows: set[int]) -> None:
        """Which of the arrays with a row for each sample are stored column by column."""
        by_rows: set[Var] = set()
        for line in self.program.lines:
            out = line.out
            if len(out.shape) != 2 or out.shape[0] not in rows or out in self.given:
                continue
            if _is(line, np.matmul):
                right = line.args[1]
                forward = isinstance(right, Var) and right in self.blocks[0].arrays
                wide = out.shape[1] >= _WIDE and (forward or right.shape[0] < _WIDE)
            else:  # where both orders meet, on the way back, that of the gradient
                read = [x for x in line.reads() if x.shape == out.shape]
                wide = bool(read) and all(x in by_rows for x in read)
            (by_rows if wide else self.column_major).add(out)

    def _with_copies(self, line: Line) -> Line:
        if not any(var in self.copied for var in line.reads()):
            return line
        return replace(line, args=tuple(self.copied.get(x, x) if isinstance(x, Var) else x for x in line.args))

    def _extend_gradient(
        self,
        x: Var,
        wide: Var,
        W: Var,
        gradients: Block | None,
        readers: dict[Var, list[Line]],
        gone: set[int],
        new: dict[int, Line],
    ) -> None:
        if gradients is None or W not in self.blocks[0].members:
            return
        i = self.blocks[0].members.index(W)
        dW, db = gradients.members[i], gradients.members[i + 1]
        lines = {line.out: line for line in self.program.lines}
        product, total = lines[dW], lines[db]
        if not _is(product, np.matmul) or not _adds_rows(total) or product.args[1] is not total.args[0]:
            return
        turned = lines.get(product.args[0])
        if turned is None or turned.kind != METHOD or turned.function != "transpose" or turned.args[0] is not x:
            return
        start = gradients.offset(dW)
        both = gradients.memory[start : start + (x.shape[1] + 1) * W.shape[1]].reshape(-1, W.shape[1])
        stacked, across = Var(both, "dstacked"), Var(self.given[wide].T, "wideT")
        self.given[stacked] = both
        self.given[across] = self.given[wide].T
        later = max(product, total, key=self.program.lines.index)
        gone |= {id(product), id(total)} - {id(later)}
        new[id(later)] = replace(product, out=stacked, args=(across, product.args[1]))


def _is(line: Line | None, ufunc: Any) -> bool:
    return line is not None and line.kind == UFUNC and line.function is ufunc


def _adds_rows(line: Line) -> bool:
    is_sum = line.kind == UFUNC and getattr(line.function, "__self__", None) is np.add
    return is_sum and line.keywords in ({"axis": 0}, {"axis": (0,)})


def _writes_into(line: Line) -> bool:
    return line.kind == UFUNC and bool(line.out.shape)
