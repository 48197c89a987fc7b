"""What is run: every array that a program needs is allocated once, and each line writes into one of them.

An array lives from the line that computes it to the last that reads it (or a view of it). Then its memory is free for
the next; an entry-by-entry operation takes over the memory of an operand that it is the last to read.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.blas import rows_at_once
from tinygrad_edu.compiler.emit import Text, Writer
from tinygrad_edu.compiler.names import Names
from tinygrad_edu.compiler.program import (
    CALL,
    CHECK,
    INDEX,
    METHOD,
    PYTHON,
    UFUNC,
    Line,
    Program,
    Var,
    variables,
)

PIECE = 1 << 17  # entries of a long vector that are worked on together: what they need stays in the cache
FEW = 64  # so many numbers are summed up by a product with ones
COLUMNS = 3  # so many columns are worked on one by one
SMALL = 1 << 10  # up to this many entries, an array full of a constant is quicker than the bare number
MEDIUM = 1 << 16  # and up to this many for a maximum: NumPy compares arrays alone several at a time
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


class Hoisting(Writer):
    """Writes lines of which every constant array is made beforehand."""

    def array(self, array: Any, original: Any) -> Text:
        """Its name."""
        if array.ndim == 0 or array.dtype.kind not in "fiub":
            return super().array(array, original)
        return Text(self.constant(original))


class Careful(Writer):
    """Writes lines on single numbers that compute by IEEE 754 where Python would raise."""

    def number(self, name: str, args: Sequence[Text]) -> Text:
        """A call of the engine's own function."""
        if name == "where":
            return super().number(name, args)
        return Text(f"{name}({', '.join(x.text for x in args)})")

    def expression(self, line: Line) -> Text:
        """The right-hand side of a line."""
        name = {operator.truediv: "divide", operator.pow: "power"}.get(line.function) if line.kind == PYTHON else None
        return self.number(name, [self.operand(x) for x in line.args]) if name else super().expression(line)


class Codegen:
    """Turns a program into lines of Python, and the namespace in which they run."""

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
        self.column_major = column_major
        self.stores = {var: Store(array, var) for var, array in given.items()}
        self.given = set(given)
        self.memory = Memory()
        self.blocks: dict[Var, Any] = {}
        self.namespace: dict[str, Any] = {"np": np, "math": math}
        self.body: list[tuple[str, Line | None]] = []
        self.allocations: list[str] = []
        self.kept = {*program.outputs(), *given, *kept}
        # Labels that are checked to be below a number of classes.
        self.checked = {
            line.args[0]: line.args[1]
            for line in program.lines
            if line.kind == CHECK
            and len(line.args) > 1
            and isinstance(line.args[0], Var)
            and isinstance(line.args[1], int)
        }
        self.late: set[Var] = set()
        self.made = {line.out: line for line in program.lines}
        self._count_reads()

    def _count_reads(self) -> None:
        """Until which line the memory behind each variable is needed."""
        self.last: dict[Var, int] = {}
        readers: dict[Var, list[int]] = {}
        for number, line in enumerate(self.program.lines):
            for var in line.reads():
                self.last[var] = number
                readers.setdefault(var, []).append(number)
        for line in self.program.lines:  # a mask that only a choice reads is made there, if at all
            at = readers.get(line.out, [])
            alone = len(at) == 1 and line.out not in self.kept and line.function is np.greater and line.out.shape
            if alone and self.program.lines[at[0]].function is np.where:
                self.late.add(line.out)
                for var in line.reads():
                    self.last[var] = max(self.last[var], at[0])
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
        number, lines = 0, self.program.lines
        while number < len(lines):
            stretch = self._stretch(number)
            if stretch:
                self._piece_by_piece(stretch)
            else:
                self._line(number, lines[number])
            for number in range(number, number + max(len(stretch), 1)):  # noqa: B020 goes on where it is
                for var in {*lines[number].reads(), lines[number].out}:
                    self._release(var, number)
            number += 1

    # --- long vectors, piece by piece ---

    def _stretch(self, number: int) -> list[Line]:
        """The lines from here on that work entry by entry on long vectors of one length."""
        lines: list[Line] = []
        shape = self.program.lines[number].out.shape
        if len(shape) != 1 or shape[0] <= PIECE:
            return lines
        for line in self.program.lines[number:]:
            good = line.kind == UFUNC and isinstance(line.function, np.ufunc) and line.out.shape == shape
            inner = {other.out for other in lines}
            for x in line.reads():
                good = good and (not x.shape or x in inner or (x in self.stores and x.shape == shape))
            if not good or any(isinstance(x, np.ndarray) and x.ndim for x in line.args):
                break
            lines.append(line)
        return lines

    def _piece_by_piece(self, lines: list[Line]) -> None:
        """All lines on one piece, then on the next: what is computed in between never leaves the cache."""
        after = {x for line in self.program.lines[self.program.lines.index(lines[-1]) + 1 :] for x in line.reads()}
        wholes: dict[str, Any] = {}
        for line in lines:
            for x in [*line.reads(), line.out]:
                if x.shape and x not in self.stores and (x in after or x in self.kept):
                    self._buffer(Line(x, UFUNC, None, ()))
                if x.shape:
                    wholes[self.names.of[x]] = self.stores[x].array if x in self.stores else x
        n = lines[0].out.shape[0]
        short = {name: np.empty(PIECE, x.dtype) for name, x in wholes.items() if isinstance(x, Var)}
        pieces = [
            tuple(short[name][: min(PIECE, n - i)] if name in short else x[i : i + PIECE] for name, x in wholes.items())
            for i in range(0, n, PIECE)
        ]
        name = self._numbered("pieces", pieces)
        self.allocations.append(f"{name} = ...  # {', '.join(wholes)}, {PIECE} entries at a time")
        names = [f"{key}_piece" for key in wholes]
        self._say(None, f"for {', '.join(names)}{',' * (len(names) == 1)} in {name}:")
        for line in lines:
            args = [
                f"{self.names.of[x]}_piece" if isinstance(x, Var) and x.shape else self.writer.operand(x).text
                for x in line.args
            ]
            self._say(line, f"    {self._call(line.function, args, f'{self.names.of[line.out]}_piece')}")

    def _numbered(self, name: str, x: Any) -> str:
        """A name of its own for an object that the text needs."""
        name += str(sum(key.startswith(name) for key in self.namespace) + 1)
        self.namespace[name] = x
        return name

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
        if self._is_fixed_view(line) or line.out in self.late:
            return
        if line.kind == UFUNC and line.out.shape and line.out.dtype is not None:
            self._into_buffer(number, line)
            return
        if line.function is np.where and line.out.shape and len(line.args) == 3:
            self._choice(number, line)
            return
        if line.kind == INDEX and self._picked(line):
            return
        if self._is_short_sum(line):
            (x,) = line.args
            ones = self._ones(x.shape[0], x.dtype)
            text = f"{self._bound(np.dot)}({ones}, {self.writer.operand(x).text})"
            self._say(line, f"{self.names.of[line.out]} = {text}")
            return
        self._say(line, f"{self.names.of[line.out]} = {self._expression(line)}")

    def _is_short_sum(self, line: Line) -> bool:
        """A sum of few numbers, which a product with ones gives at once."""
        if line.kind != UFUNC or getattr(line.function, "__self__", None) is not np.add or "keepdims" in line.keywords:
            return False
        x = line.args[0]
        return isinstance(x, Var) and len(x.shape) == 1 and 0 < x.shape[0] <= FEW and x.dtype == line.out.dtype

    def _picked(self, line: Line) -> bool:
        """Rows of a table by checked labels (a one-hot matrix), and each row's entry in the column of its label."""
        table, index = line.args
        if isinstance(table, np.ndarray) and isinstance(index, Var) and index in self.checked and table.ndim == 2:
            if line.out not in self.column_major or table.shape[0] != self.checked[index]:
                return False
            name, across = self._hoisted(np.ascontiguousarray(table.T)), self._turned_out(line)
            self._say(line, f"{name}.take({self.names.of[index]}, 1, {across}, 'clip')")
            return True
        rows = isinstance(index, tuple) and len(index) == 2 and isinstance(index[1], Var)
        rows = rows and isinstance(table, Var) and table in self.stores
        if not rows or index[1] not in self.checked or table not in self.column_major:
            return False
        n, k = table.shape
        flat = self.stores[table].array.T
        counted = isinstance(index[0], np.ndarray) and np.array_equal(index[0], np.arange(n))
        if not counted or not flat.flags.c_contiguous or self.checked[index[1]] != k or index[1].dtype != np.int64:
            return False
        places = self._named(f"{self.names.of[line.out]}_at", np.empty(n, np.int64), f"np.empty({n}, np.int64)")
        entries = self._named(f"{self.names.of[table]}_flat", flat.reshape(-1), f"{self.names.of[table]}.T.reshape(-1)")
        self._say(
            line, f"{self._bound(np.multiply)}({self.names.of[index[1]]}, {self._hoisted(np.full(n, n))}, {places})"
        )
        self._say(line, f"{self._bound(np.add)}({places}, {self._hoisted(np.arange(n))}, {places})")
        self._say(line, f"{entries}.take({places}, None, {self._buffer(line)}, 'clip')")
        return True

    def _turned_out(self, line: Line) -> str:
        self._buffer(line)
        return self._turned(line.out)

    def _hoisted(self, array: Any) -> str:
        return self.writer.constant(array)

    def _say(self, line: Line | None, text: str) -> None:
        self.body.append((text, line))

    def _expression(self, line: Line) -> str:
        return self.writer.expression(line).text

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
        most = MEDIUM if like.function in (np.maximum, np.minimum, np.fmin) else SMALL
        if isinstance(x, Var) or np.ndim(x) or math.prod(like.out.shape) > most or isinstance(x, bool):
            return self.writer.operand(x).text
        turned = like.out in self.column_major
        kind = np.dtype(dtype)
        key = f"full_{kind.name}_{'x'.join(map(str, like.out.shape))}{'T' if turned else ''}_{_spelled(x)}"
        if key not in self.namespace:
            order = ', order="F"' if turned else ""
            self.namespace[key] = np.full(like.out.shape, x, kind, order="F" if turned else "C")
            shape, number = like.out.shape, self.writer.operand(x).text
            self.allocations.append(f"{key} = np.full({shape}, {number}, {self.writer.operand(kind).text}{order})")
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
            if not self._spread_by_columns(line, args):
                self._say(line, self._call(line.function, args, out))

    def _spread_by_columns(self, line: Line, args: list[str]) -> bool:
        """An operation of few columns with one that is repeated beside them: column by column, without repeating."""
        if line.out not in self.column_major or not 2 <= line.out.shape[1] <= COLUMNS or len(line.args) != 2:
            return False
        n, k = line.out.shape
        shapes = [x.shape if isinstance(x, Var) and x in self.stores else None for x in line.args]
        if n > SMALL or sorted(shapes, key=str) != sorted([(n, 1), (n, k)], key=str):
            return False
        single = shapes.index((n, 1))
        for j in range(k):
            columns = [self._column(x, 0 if i == single else j) for i, x in enumerate(line.args)]
            self._say(line, self._call(line.function, columns, self._column(line.out, j)))
        return True

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
        if ufunc in (np.add, np.maximum, np.minimum) and self._by_columns(line, x, axis):
            return
        out = self._buffer(line)
        keepdims = ", True" if line.keywords.get("keepdims") else ""
        reduce_name = f"{ufunc.__name__}_reduce"
        if reduce_name not in self.namespace:
            self.namespace[reduce_name] = ufunc.reduce
            self.allocations.append(f"{reduce_name} = np.{ufunc.__name__}.reduce")
        operand = self.writer.operand(x).text
        self._say(line, f"{reduce_name}({operand}, {self.writer.operand(axis).text}, None, {out}{keepdims})")

    def _by_columns(self, line: Line, x: Any, axis: Any) -> bool:
        """A reduction over two or three columns, column by column: NumPy's own starts anew in each row."""
        if not isinstance(x, Var) or x not in self.column_major or x not in self.stores or x.dtype != line.out.dtype:
            return False
        if axis not in (1, -1, (1,), (-1,)) or not 2 <= x.shape[1] <= COLUMNS:
            return False
        ufunc = line.function.__self__
        self._buffer(line)
        store = self.stores[line.out]
        out = self._named(
            f"{self.names.of[line.out]}_0", store.array.reshape(-1), f"{self.names.of[line.out]}.reshape(-1)"
        )
        columns = [self._column(x, j) for j in range(x.shape[1])]
        self._say(line, self._call(ufunc, [columns[0], columns[1]], out))
        for column in columns[2:]:
            self._say(line, self._call(ufunc, [out, column], out))
        return True

    def _column(self, x: Var, j: int) -> str:
        name = self.names.of[x]
        return self._named(f"{name}_{j}", self.stores[x].array[:, j], f"{name}[:, {j}]")

    def _named(self, name: str, array: Any, text: str) -> str:
        if self.namespace.get(name) is None:
            self.allocations.append(f"{name} = {text}")
        elif not np.shares_memory(self.namespace[name], array):
            return self._named(f"{name}_", array, text)
        self.namespace[name] = array
        return name

    def _call(self, ufunc: Any, args: Sequence[str], out: str) -> str:
        named = "out=" if ufunc in (np.maximum, np.minimum) else ""  # whose third argument must be named
        return f"{self._bound(ufunc)}({', '.join([*args, named + out])})"

    def _ones(self, n: int, dtype: Any) -> str:
        ones = f"ones_{n}_{dtype.name}"
        if ones not in self.namespace:
            self.namespace[ones] = np.ones(n, dtype)
            self.allocations.append(f"{ones} = np.ones({n}, {self.writer.operand(dtype).text})")
        return ones

    def _sum_of_rows(self, line: Line) -> None:
        """Rows are added up by BLAS: a row of ones times the matrix."""
        (x,) = line.args
        ones = self._ones(x.shape[0], x.dtype)
        out = self._buffer(line)
        self._say(line, f"{self._bound(np.dot)}({ones}, {self.writer.operand(x).text}, {out})")

    def _product(self, line: Line) -> None:
        a, b = line.args
        shapes = [np.shape(x) if not isinstance(x, Var) else x.shape for x in (a, b)]
        dtypes = {x.dtype for x in (a, b)}
        plain = all(len(shape) == 2 for shape in shapes) and dtypes == {line.out.dtype}
        if not plain:
            out = self._buffer(line)
            self._say(
                line, f"{self._bound(np.matmul)}({self.writer.operand(a).text}, {self.writer.operand(b).text}, {out})"
            )
            return
        self._buffer(line)
        turned = line.out in self.column_major or not self.stores[line.out].array.flags.c_contiguous
        left, right, out = (self._turned(x) if turned else self.writer.operand(x).text for x in (a, b, line.out))
        if turned:
            left, right = right, left
        rows = self._rows_at_once(a, b, turned)
        if rows is None:
            self._say(line, f"{self._bound(np.dot)}({left}, {right}, {out})")
            return
        whole = self.stores[line.out].array.T if turned else self.stores[line.out].array
        stretches = [slice(i, i + rows) for i in range(0, len(whole), rows)]
        name = self._numbered("stretches", [(stretch, whole[stretch]) for stretch in stretches])
        self.allocations.append(f"{name} = ...  # slices of {rows} rows, and these rows of {out}")
        self._say(None, f"for {out}_rows, {out}_part in {name}:")
        self._say(line, f"    {self._bound(np.dot)}({left}[{out}_rows], {right}, {out}_part)")

    def _rows_at_once(self, a: Any, b: Any, turned: bool) -> int | None:
        """How many rows of the left factor are multiplied at a time; None: all."""
        if not self.column_major:  # arrays lie as they do in eager, and the same products give the same bits
            return None
        if not all(self._lies_by_rows(x, turned) for x in (a, b)):
            return None
        (n, k), m = (b.shape[::-1], a.shape[0]) if turned else (a.shape, b.shape[1])
        rows = rows_at_once(n, k, m, a.dtype.itemsize)
        return rows if rows < n else None

    def _lies_by_rows(self, x: Any, turned: bool) -> bool:
        """Whether the operand, or its transpose, is stored row by row; an argument most likely is."""
        if not isinstance(x, Var) or x not in self.stores:
            return isinstance(x, Var) and x in self.program.inputs and not turned
        array = self.stores[x].array
        return bool((array.T if turned else array).flags.c_contiguous)

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
        if self._positive_part(number, line):
            return
        if isinstance(mask, Var) and mask in self.late:
            self._into_buffer(number, self.made[mask])
        good = isinstance(mask, Var) and mask.dtype == bool and mask.shape == line.out.shape
        if not good or not isinstance(yes, Var) or yes.shape != line.out.shape or yes.dtype != line.out.dtype:
            if good and isinstance(no, Var) and no.shape == line.out.shape and no.dtype == line.out.dtype:
                self._patched(number, line, no, self.writer.operand(mask).text, yes)
                return
            self._say(line, f"{self.names.of[line.out]} = {self._expression(line)}")
            return
        turned = f"not_{self.names.of[mask]}"
        self._patched(number, line, yes, self._inverse(line, mask, turned), no)

    def _positive_part(self, number: int, line: Line) -> bool:
        """``np.where(z > 0, x, 0)`` without a choice: the sign bit of ``min(0 - z, 0)`` over all bits, and x."""
        mask, x, no = line.args
        made = self.made.get(mask) if isinstance(mask, Var) else None
        if made is None or made.function is not np.greater or not _is_zero(no) or not _is_zero(made.args[1]):
            return False
        z = made.args[0]
        arrays = [v for v in (z, x) if isinstance(v, Var) and v in self.stores]
        if len(arrays) < 2 or any(v.shape != line.out.shape or v.dtype != line.out.dtype for v in arrays):
            return False
        integer: Any = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}.get(
            z.dtype.itemsize if z.dtype.kind == "f" else 0
        )
        if integer is None or any(not _dense(self.stores[v].array) for v in arrays):
            return False
        sign = Var(self.stores[z].array, "sign")
        self.names.give(sign, "sign", number=True)
        shadow = Line(sign, UFUNC, np.subtract, (0.0, z))
        (self.column_major.add if line.out in self.column_major else self.column_major.discard)(sign)
        out_of = self._buffer(shadow)
        self._say(line, f"{self._bound(np.subtract)}({self._full(0.0, shadow, z.dtype)}, {self.names.of[z]}, {out_of})")
        zero = self._full(0.0, replace(shadow, function=np.fmin), z.dtype)
        self._say(line, f"{self._bound(np.fmin)}({out_of}, {zero}, {out_of})")  # NaN has a sign bit, too, and goes
        bits = self._bits(sign, integer)
        width = self._full(8 * integer.itemsize - 1, shadow, integer)
        self._say(line, f"{self._bound(np.right_shift)}({bits}, {width}, {bits})")
        like = self._reusable(number, line, (x,))
        given = self._bits(x, integer)
        self._buffer(line, like=like)
        self._say(line, f"{self._bound(np.bitwise_and)}({given}, {bits}, {self._bits(line.out, integer)})")
        self.memory.take_back(self.blocks.pop(sign))
        return True

    def _bits(self, x: Var, integer: Any) -> str:
        name = self.names.of[x]
        array = self.stores[x].array
        view = array.T.view(integer).T if array.flags.f_contiguous else array.view(integer)
        return self._named(f"{name}_bits", view, f"{name}.view(np.{integer.name})")

    def _inverse(self, line: Line, mask: Var, name: str) -> str:
        if name not in self.namespace:
            order: Any = "F" if line.out in self.column_major else "C"
            self.namespace[name] = np.empty(mask.shape, np.bool_, order=order)
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


def _is_zero(x: Any) -> bool:
    return not isinstance(x, Var) and np.ndim(x) == 0 and x == 0


def _dense(array: Any) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


def _spelled(x: Any) -> str:
    return str(x).replace("-", "m").replace(".", "_").replace("+", "")
