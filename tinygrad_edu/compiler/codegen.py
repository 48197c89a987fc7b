"""What is run: every array that a program needs is allocated once, and each line writes into one of them.

An array lives from the line that computes it to the last that reads it (or a view of it). Then its memory is free for
the next; an entry-by-entry operation takes over the memory of an operand that it is the last to read.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.emit import Writer
from tinygrad_edu.compiler.names import Names
from tinygrad_edu.compiler.program import CALL, CHECK, DRAW, INDEX, METHOD, PYTHON, UFUNC, Line, Program, Returned, Var
from tinygrad_edu.compiler.program import mapped, variables

SMALL = 1 << 10  # up to this many entries, an array full of a constant is quicker than the bare number
_VIEWS = frozenset({"reshape", "ravel", "transpose", "swapaxes", "squeeze", "diagonal"})
_VIEW_FUNCTIONS = frozenset({np.reshape, np.ravel, np.transpose, np.swapaxes, np.squeeze, np.expand_dims, np.moveaxis})
_VIEW_FUNCTIONS |= {np.broadcast_to, np.flip, np.diagonal}


class Memory:
    """Blocks of memory, lent and taken back."""

    def __init__(self) -> None:
        self.free: dict[int, list[Any]] = {}
        self.total = 0

    def lend(self, size: int) -> Any:
        """A block of that many bytes."""
        stock = self.free.get(size)
        if stock:
            return stock.pop()
        self.total += size
        return np.empty(size, np.uint8)

    def take_back(self, block: Any) -> None:
        """The block is free again."""
        self.free.setdefault(block.size, []).append(block)


class Store:
    """Where a variable that has an array of its own is kept: the array, its block, and the variable that owns it."""

    __slots__ = ("array", "owner")

    def __init__(self, array: Any, owner: Var) -> None:
        self.array = array
        self.owner = owner


class Codegen:
    """Turns a program into lines of Python, and the namespace in which they run."""

    def __init__(self, program: Program, names: Names, given: dict[Var, Any], column_major: set[Var], kept: set[Var]) -> None:
        self.program = program
        self.names = names
        self.writer = Writer(names)
        self.column_major = column_major
        self.stores = {var: Store(array, var) for var, array in given.items()}
        self.given = set(given)
        self.memory = Memory()
        self.blocks: dict[Var, Any] = {}
        self.namespace: dict[str, Any] = {"np": np, "math": math}
        self.body: list[tuple[str, Line | None]] = []
        self.allocations: list[str] = []
        self.kept = {*program.outputs(), *given, *kept}
        self._count_reads()

    def _count_reads(self) -> None:
        """Until which line the memory behind each variable is needed."""
        self.last: dict[Var, int] = {}
        for number, line in enumerate(self.program.lines):
            for var in line.reads():
                self.last[var] = number
        root: dict[Var, Var] = {}
        for line in self.program.lines:  # a view keeps what it looks into
            if _may_be_view(line) and isinstance(line.args[0], Var):
                root[line.out] = root.get(line.args[0], line.args[0])
        for view, owner in root.items():
            self.last[owner] = max(self.last.get(owner, -1), self.last.get(view, -1))
            if view in self.kept:
                self.kept.add(owner)

    # --- the lines ---

    def run(self) -> None:
        """Write every line."""
        for number, line in enumerate(self.program.lines):
            self._line(number, line)
            for var in {*line.reads(), line.out}:
                self._release(var, number)

    def _release(self, var: Var, number: int) -> None:
        store = self.stores.get(var)
        if store is None or store.owner in self.kept or store.owner not in self.blocks:
            return
        if self.last.get(store.owner, -1) <= number:
            self.memory.take_back(self.blocks.pop(store.owner))

    def _line(self, number: int, line: Line) -> None:
        if line.kind == CHECK:
            name = line.function.__name__.lstrip("_")
            while self.namespace.setdefault(name, line.function) is not line.function:
                name += "_"
            self._say(line, self.writer.call(name, line.args, {}).text)
            return
        if self._is_fixed_view(line):
            return
        if line.kind == UFUNC and line.out.shape and line.out.dtype is not None:
            self._into_buffer(number, line)
            return
        if line.function is np.where and line.out.shape and len(line.args) == 3:
            self._choice(number, line)
            return
        self._say(line, f"{self.names.of[line.out]} = {self._expression(line)}")

    def _say(self, line: Line | None, text: str) -> None:
        self.body.append((text, line))

    def _expression(self, line: Line) -> str:
        text = self.writer.expression(line).text
        return text

    def _is_fixed_view(self, line: Line) -> bool:
        """A view of an array that stays where it is can be made once and for all."""
        if not _may_be_view(line) or not isinstance(line.args[0], Var) or line.args[0] not in self.stores:
            return False
        if any(var is not line.args[0] for var in line.reads()):
            return False
        store = self.stores[line.args[0]]
        view = call(line, [store.array, *line.args[1:]])
        if not isinstance(view, np.ndarray) or not np.may_share_memory(view, store.array):
            return False
        self.stores[line.out] = Store(view, store.owner)
        self._define(line.out, view, self._expression(line))
        return True

    def _define(self, var: Var, array: Any, text: str) -> None:
        name = self.names.of[var]
        self.namespace[name] = array
        self.allocations.append(f"{name} = {text}")

    # --- arrays that lines write into ---

    def _buffer(self, line: Line, *, like: Var | None = None) -> str:
        """Memory for what the line computes; ``like`` is the operand whose memory it takes over."""
        var = line.out
        if var in self.stores:  # chosen beforehand: a slice of the parameters or of their gradients
            return self.names.of[var]
        if like is not None:
            array = self.stores[like].array
            self.blocks[var] = self.blocks.pop(like)
            self.stores[var] = Store(array, var)
            self._define(var, array, f"{self.names.of[like]}  # in place")
            return self.names.of[var]
        assert var.dtype is not None
        size = math.prod(var.shape) * var.dtype.itemsize
        block = self.memory.lend(size)
        self.blocks[var] = block
        flat = block.view(var.dtype)
        turned = var in self.column_major
        array = flat.reshape(var.shape[::-1]).T if turned else flat.reshape(var.shape)
        self.stores[var] = Store(array, var)
        order = ', order="F"' if turned else ""
        self._define(var, array, f"np.empty({var.shape}, {self.writer.operand(var.dtype).text}{order})")
        return self.names.of[var]

    def _reusable(self, number: int, line: Line, operands: Sequence[Any]) -> Var | None:
        """An operand that nobody reads afterwards and that has the right form."""
        if line.out in self.stores:
            return None
        for x in operands:
            if not isinstance(x, Var) or x not in self.blocks or self.last.get(x, -1) > number or x in self.kept:
                continue
            if x.shape != line.out.shape or x.dtype != line.out.dtype:
                continue
            if (x in self.column_major) != (line.out in self.column_major):
                continue
            others = [y for y in variables(tuple(operands)) if y is not x]
            if any(y in self.stores and self.stores[y].owner is self.stores[x].owner for y in others):
                continue
            return x
        return None

    def _full(self, x: Any, like: Line, dtype: Any) -> Any:
        """A constant operand as a full array where that is quicker."""
        if isinstance(x, Var) or np.ndim(x) or math.prod(like.out.shape) > SMALL or isinstance(x, bool):
            return self.writer.operand(x).text
        turned = like.out in self.column_major
        kind = np.dtype(dtype)
        key = f"full_{kind.name}_{'x'.join(map(str, like.out.shape))}{'T' if turned else ''}_{_spelled(x)}"
        if key not in self.namespace:
            order = ', order="F"' if turned else ""
            self.namespace[key] = np.full(like.out.shape, x, kind, order="F" if turned else "C")
            shape, number = like.out.shape, self.writer.operand(x).text
            self.allocations.append(
                f"{key} = np.full({shape}, {number}, {self.writer.operand(kind).text}{order})"
            )
        return key

    def _into_buffer(self, number: int, line: Line) -> None:
        name = line.function.__name__
        if name == "reduce":
            self._reduction(line)
        elif name == "matmul":
            self._product(line)
        else:
            dtypes = [x.dtype for x in line.args if isinstance(x, Var) and x.dtype is not None]
            common = np.result_type(*dtypes) if dtypes else np.dtype(float)
            args = [self._full(x, line, common) for x in line.args]
            like = self._reusable(number, line, line.args)
            out = self._buffer(line, like=like)
            if name in ("maximum", "minimum"):  # their third argument must be named
                out = f"out={out}"
            self._say(line, f"{self._bound(line.function)}({', '.join([*args, out])})")

    def _bound(self, function: Any) -> str:
        """A function under a name of its own, which is found more quickly than an attribute."""
        name = f"{function.__name__}_"
        if name not in self.namespace:
            self.namespace[name] = function
            module = "linalg." if "linalg" in (getattr(function, "__module__", "") or "") else ""
            self.allocations.append(f"{name} = np.{module}{function.__name__}")
        return name

    def _reduction(self, line: Line) -> None:
        (x,) = line.args
        ufunc, axis = line.function.__self__, line.keywords.get("axis")
        rows_added = ufunc is np.add and axis in (0, (0,)) and "keepdims" not in line.keywords
        if rows_added and len(getattr(x, "shape", ())) == 2 and x.dtype.kind == "f" and x.dtype == line.out.dtype:
            self._sum_of_rows(line)
            return
        out = self._buffer(line)
        keepdims = ", True" if line.keywords.get("keepdims") else ""
        reduce_name = f"{ufunc.__name__}_reduce"
        if reduce_name not in self.namespace:
            self.namespace[reduce_name] = ufunc.reduce
            self.allocations.append(f"{reduce_name} = np.{ufunc.__name__}.reduce")
        operand = self.writer.operand(x).text
        self._say(line, f"{reduce_name}({operand}, {self.writer.operand(axis).text}, None, {out}{keepdims})")

    def _sum_of_rows(self, line: Line) -> None:
        """Rows are added up by BLAS: a row of ones times the matrix."""
        (x,) = line.args
        ones = f"ones_{x.shape[0]}_{x.dtype.name}"
        if ones not in self.namespace:
            self.namespace[ones] = np.ones(x.shape[0], x.dtype)
            self.allocations.append(f"{ones} = np.ones({x.shape[0]}, {self.writer.operand(x.dtype).text})")
        out = self._buffer(line)
        self._say(line, f"{self._bound(np.dot)}({ones}, {self.writer.operand(x).text}, {out})")

    def _product(self, line: Line) -> None:
        a, b = line.args
        shapes = [np.shape(x) if not isinstance(x, Var) else x.shape for x in (a, b)]
        dtypes = {x.dtype for x in (a, b)}
        plain = all(len(shape) == 2 for shape in shapes) and dtypes == {line.out.dtype}
        if not plain:
            out = self._buffer(line)
            self._say(line, f"{self._bound(np.matmul)}({self.writer.operand(a).text}, {self.writer.operand(b).text}, {out})")
            return
        out = self._buffer(line)
        if line.out in self.column_major or not self.stores[line.out].array.flags.c_contiguous:
            left, right, out = self._turned(b), self._turned(a), self._turned(line.out)
        else:
            left, right = self.writer.operand(a).text, self.writer.operand(b).text
        self._say(line, f"{self._bound(np.dot)}({left}, {right}, {out})")

    def _turned(self, x: Any) -> str:
        """The transpose of an operand."""
        text = self.writer.operand(x).text
        if not isinstance(x, Var) or x not in self.stores:
            return f"{text}.T"
        name = f"{text}T_"
        if name not in self.namespace:
            self.allocations.append(f"{name} = {text}.T")
        self.namespace[name] = self.stores[x].array.T
        return name

    def _choice(self, number: int, line: Line) -> None:
        """``np.where`` without a new array: one side is copied, the other put where the mask says."""
        mask, yes, no = line.args
        good = isinstance(mask, Var) and mask.dtype == bool and mask.shape == line.out.shape
        if not good or not isinstance(yes, Var) or yes.shape != line.out.shape or yes.dtype != line.out.dtype:
            if good and isinstance(no, Var) and no.shape == line.out.shape and no.dtype == line.out.dtype:
                self._patched(number, line, no, self.writer.operand(mask).text, yes)
                return
            self._say(line, f"{self.names.of[line.out]} = {self._expression(line)}")
            return
        turned = f"not_{self.names.of[mask]}"
        self._patched(number, line, yes, self._inverse(line, mask, turned), no)

    def _inverse(self, line: Line, mask: Var, name: str) -> str:
        if name not in self.namespace:
            order = "F" if line.out in self.column_major else "C"
            self.namespace[name] = np.empty(mask.shape, bool, order=order)
            self.allocations.append(f'{name} = np.empty({mask.shape}, bool, order="{order}")')
        self._say(line, f"{self._bound(np.logical_not)}({self.names.of[mask]}, {name})")
        return name

    def _patched(self, number: int, line: Line, base: Var, mask: str, patch: Any) -> None:
        like = self._reusable(number, line, (base,))
        out = self._buffer(line, like=like)
        if like is None:
            self._say(line, f"{self._bound(np.copyto)}({out}, {self.writer.operand(base).text})")
        value = self.writer.operand(patch).text
        self._say(line, f"{self._bound(np.copyto)}({out}, {value}, where={mask})")


def call(line: Line, args: Sequence[Any]) -> Any:
    """Run the line on values."""
    if line.kind == METHOD:
        return getattr(args[0], line.function)(*args[1:], **line.keywords)
    return line.function(*args, **line.keywords)


def _may_be_view(line: Line) -> bool:
    if line.kind == METHOD:
        return line.function in _VIEWS
    if line.kind == INDEX:
        index = line.args[1] if isinstance(line.args[1], tuple) else (line.args[1],)
        return all(part is None or part is Ellipsis or isinstance(part, slice | int | np.integer) for part in index)
    return line.kind == CALL and line.function in _VIEW_FUNCTIONS


__all__ = ["DRAW", "PYTHON", "Codegen", "Returned", "mapped"]


def _spelled(x: Any) -> str:
    return str(x).replace("-", "m").replace(".", "_").replace("+", "")
