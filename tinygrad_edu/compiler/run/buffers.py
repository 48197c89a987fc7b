"""The arrays that a program's lines write into. Each is allocated once, and used by one line after another.

An array is needed from the line that computes it to the last line that reads it (or a view of it). Then another line
can use its memory. An elementwise operation can use the memory of an operand, if it is the last line to read it.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import Line, Program, Var
from tinygrad_edu.compiler.run.joins import parts_in_place, places
from tinygrad_edu.compiler.views import views
from tinygrad_edu.compiler.write.emit import Writer
from tinygrad_edu.speed.blas import aligned_empty

MEDIUM = 1 << 16  # entries: up to so many, a maximum with an array full of a number is faster than with the number


class Memory:
    """Blocks of memory that are used again."""

    def __init__(self) -> None:
        self.unused: dict[int, list[Any]] = {}
        self.total = 0

    def allocate(self, size: int) -> Any:
        """A block of that many bytes."""
        stock = self.unused.get(size)
        if stock:
            return stock.pop()
        self.total += size
        return aligned_empty((size,), np.dtype(np.uint8))

    def free(self, block: Any) -> None:
        """Let the block be used again."""
        self.unused.setdefault(block.size, []).append(block)


class Store:
    """The array of a variable, and the variable that owns its memory."""

    __slots__ = ("array", "owner")

    def __init__(self, array: Any, owner: Var) -> None:
        self.array = array
        self.owner = owner


class Arrays:
    """Every array by its variable, its name, and the text that makes it."""

    def __init__(
        self, program: Program, writer: Writer, given: dict[Var, Any], column_major: set[Var], kept: set[Var]
    ) -> None:
        self.program = program
        self.writer = writer
        self.names = writer.names
        self.column_major = column_major
        self.stores = {var: Store(array, var) for var, array in given.items()}
        self.memory = Memory()
        self.blocks: dict[Var, Any] = {}
        self.namespace: dict[str, Any] = {"np": np, "math": math}
        self.allocations: list[str] = []
        self.kept = {*program.outputs(), *given, *kept}
        self.known: dict[Any, str] = {}  # the names of objects that were made once
        self.late: set[Var] = set()
        self._count_reads()
        self.homes = parts_in_place(program, {*self.stores, *column_major}, self.kept)
        for part, line in self.homes.items():  # the whole is needed from its first part to the last reader of any
            self.last[line.out] = max(self.last.get(line.out, -1), self.last[part])

    def _count_reads(self) -> None:
        """Find the last line that needs the memory of each variable."""
        self.last: dict[Var, int] = {}
        readers: dict[Var, list[int]] = {}
        for number, line in enumerate(self.program.lines):
            for var in line.reads():
                self.last[var] = number
                readers.setdefault(var, []).append(number)
        for line in self.program.lines:  # a mask that only a choice reads is made there, if at all
            at = readers.get(line.out, [])
            alone = len(at) == 1 and line.out not in self.kept and line.function is np.greater and line.out.shape
            if alone and (reader := self.program.lines[at[0]]).function is np.where and reader.args[0] is line.out:
                self.late.add(line.out)
                for var in line.reads():
                    self.last[var] = max(self.last[var], at[0])
        for view, owner in views(self.program).items():  # a view keeps what it looks into
            self.last[owner] = max(self.last.get(owner, -1), self.last.get(view, -1))
            if view in self.kept:
                self.kept.add(owner)

    # --- memory ---

    def free_after(self, number: int, var: Var) -> None:
        """Free the variable's memory if the line of that number is the last to need it."""
        store = self.stores.get(var)
        if store is None or store.owner in self.kept or store.owner not in self.blocks:
            return
        if self.last.get(store.owner, -1) <= number:
            self.free(store.owner)

    def free(self, var: Var) -> None:
        """Free the variable's memory."""
        self.memory.free(self.blocks.pop(var))

    def buffer(self, line: Line, *, like: Var | None = None) -> str:
        """Memory for what the line computes; ``like`` is an operand whose memory it uses."""
        var = line.out
        if var in self.homes and var not in self.stores:
            self._place_parts(self.homes[var])
        if var in self.stores:  # chosen before: a slice of the parameters or of their gradients, or a part of a join
            return self.names.of[var]
        if like is not None:
            array = self.stores[like].array
            self.blocks[var] = self.blocks.pop(like)
            self.stores[var] = Store(array, var)
            self.define(var, array, f"{self.names.of[like]}  # in place")
            return self.names.of[var]
        assert var.dtype is not None
        size = math.prod(var.shape) * var.dtype.itemsize
        block = self.memory.allocate(size)
        self.blocks[var] = block
        flat = block.view(var.dtype)
        turned = var in self.column_major
        array = flat.reshape(var.shape[::-1]).T if turned else flat.reshape(var.shape)
        self.stores[var] = Store(array, var)
        order = ', order="F"' if turned else ""
        self.define(var, array, f"np.empty({var.shape}, {self.writer.operand(var.dtype).text}{order})")
        return self.names.of[var]

    def _place_parts(self, line: Line) -> None:
        name = self.buffer(line)
        for part, array, index in places(line, self.stores[line.out].array):
            self.stores[part] = Store(array, line.out)
            self.define(part, array, f"{name}[{index}]")

    def reusable(self, number: int, line: Line, operands: Sequence[Any]) -> Var | None:
        """An operand that no later line reads and that has the right form."""
        if line.out in self.stores or line.out in self.homes:
            return None
        for x in operands:
            if not isinstance(x, Var) or x not in self.blocks or self.last.get(x, -1) > number or x in self.kept:
                continue
            if x.shape != line.out.shape or x.dtype != line.out.dtype:
                continue
            if (x in self.column_major) != (line.out in self.column_major):
                continue
            others = [y for y in line.reads() if y is not x]
            if any(y in self.stores and self.stores[y].owner is self.stores[x].owner for y in others):
                continue
            return x
        return None

    # --- constants ---

    def number(self, x: Any, like: Line, dtype: Any) -> Any:
        """A constant operand as an array, which NumPy need not convert: of no axes, or full for a maximum."""
        if dtype is None or isinstance(x, Var) or np.ndim(x):
            return self.writer.operand(x).text
        if isinstance(x, int) and np.dtype(dtype).kind in "iu" and not np.iinfo(dtype).min <= x <= np.iinfo(dtype).max:
            return self.writer.operand(x).text  # NumPy compares with any whole number
        is_full = like.function in (np.maximum, np.minimum, np.fmin) and math.prod(like.out.shape) <= MEDIUM
        kind, shape = np.dtype(dtype), like.out.shape if is_full else ()
        order, text = ("F", ', order="F"') if is_full and like.out in self.column_major else ("C", "")
        return self.once(
            ("number", kind, shape, order, type(x), repr(x)),
            f"{'full_' * is_full}{kind.name}_{_spelled(x)}",
            lambda: np.full(shape, x, kind, order=order),  # type: ignore[call-overload]
            f"np.full({shape}, {self.writer.operand(x).text}, {self.writer.operand(kind).text}{text})",
        )

    def once(self, key: Any, name: str, make: Callable[[], Any], text: str = "") -> str:
        """The name of an object that is made once for each key; ``text`` says how."""
        if key not in self.known:
            self.known[key] = self.names.reserve(name)
            self.namespace[self.known[key]] = make()
            if text:
                self.allocations.append(f"{self.known[key]} = {text}")
        return self.known[key]

    # --- views and their names ---

    def define(self, var: Var, array: Any, text: str) -> None:
        """Make the array known by the variable's name."""
        name = self.names.of[var]
        self.namespace[name] = array
        self.allocations.append(f"{name} = {text}")

    def column(self, x: Var, j: int) -> str:
        """One column."""
        name = self.names.of[x]
        return self.once(("column", x, j), f"{name}_{j}", lambda: self.stores[x].array[:, j], f"{name}[:, {j}]")

    def turned(self, x: Any) -> str:
        """The transpose of an operand."""
        text = self.writer.operand(x).text
        if not isinstance(x, Var) or x not in self.stores:
            return f"{text}.T"
        return self.once(("turned", x), f"{text}T_", lambda: self.stores[x].array.T, f"{text}.T")

    def bits(self, x: Var, integer: Any) -> str:
        """Its bits, as integers of the same size."""
        name = self.names.of[x]
        text = f"{name}.view(np.{integer.name})"
        if x not in self.stores:  # another array at every run
            return text
        view = self.stores[x].array.view(integer)
        return self.once(("bits", x), f"{name}_bits", lambda: view, text)

    # --- functions ---

    def bound(self, function: Any) -> str:
        """A function under a separate name, which Python finds faster than an attribute."""
        module = "linalg." if "linalg" in (getattr(function, "__module__", "") or "") else ""
        text = f"np.{module}{function.__name__}"
        return self.once(("bound", function), f"{function.__name__}_", lambda: function, text)

    def bound_reduce(self, ufunc: Any) -> str:
        """A ufunc's reduction under a separate name."""
        name = ufunc.__name__
        return self.once(("reduce", ufunc), f"{name}_reduce", lambda: ufunc.reduce, f"np.{name}.reduce")


def _spelled(x: Any) -> str:
    return re.sub(r"\W", "_", str(x).replace("-", "m"))
