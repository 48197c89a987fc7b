"""The code that runs: each line of a program as a NumPy call that writes into a preallocated array."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import CHECK, INDEX, PYTHON, UFUNC, Line, Var
from tinygrad_edu.compiler.record.scalars import DIVIDE, POWER
from tinygrad_edu.compiler.run import patterns
from tinygrad_edu.compiler.run.buffers import Store
from tinygrad_edu.compiler.run.joins import joined
from tinygrad_edu.compiler.run.pen import Pen
from tinygrad_edu.compiler.views import is_view
from tinygrad_edu.compiler.write.emit import Text, Writer, loop_types


class Hoisting(Writer):
    """Writes lines; every constant array in them is made before."""

    def array(self, array: Any, original: Any) -> Text:
        """Its name."""
        if array.dtype.kind not in "fiub" or original.__class__ in (bool, int, float):
            return super().array(array, original)
        return Text(self.constant(original))


class Careful(Writer):
    """Writes lines on single numbers that follow IEEE 754 where Python would raise."""

    def number(self, name: str, args: Sequence[Text]) -> Text:
        """A call of the engine's own function."""
        if name == "where":
            return super().number(name, args)
        return Text(f"{name}({', '.join(x.text for x in args)})")

    def expression(self, line: Line) -> Text:
        """The right-hand side of a line."""
        name = {DIVIDE: "divide", POWER: "power"}.get(line.function) if line.kind == PYTHON else None
        return self.number(name, [self.operand(x) for x in line.args]) if name else super().expression(line)


class Codegen(Pen):
    """Turns a program into lines of Python."""

    def run(self) -> None:
        """Write every line."""
        for number, line in enumerate(self.program.lines):
            self._line(number, line)
            for var in {*line.reads(), line.out}:
                self.arrays.free_after(number, var)

    # --- a line ---

    def _line(self, number: int, line: Line) -> None:
        if line.kind == CHECK:
            self._check(line)
        elif self._is_fixed_view(line) or line.out in self.arrays.late:
            pass  # it exists already, or is made where it is needed
        elif line.kind == UFUNC and line.out.shape and line.out.dtype is not None:
            self._into_buffer(number, line)
        elif line.function is np.where and line.out.shape and len(line.args) == 3:
            self._choice(number, line)
        elif join := joined(line):
            self._join(line, *join)
        elif not self._by_pattern(line):
            self._assignment(line)

    def _by_pattern(self, line: Line) -> bool:
        if line.kind == INDEX:
            return patterns.rows_of_table(self, line)
        if line.function in (np.mean, "mean"):
            return patterns.mean(self, line)
        return line.function is np.max and patterns.maximum(self, line)

    def _assignment(self, line: Line) -> None:
        self.say(line, f"{self.names.of[line.out]} = {self.writer.expression(line).text}")

    def _check(self, line: Line) -> None:
        name = self.arrays.once(("check", line.function), line.function.__name__.lstrip("_"), lambda: line.function)
        self.say(line, self.writer.call(name, line.args, {}).text)

    def _is_fixed_view(self, line: Line) -> bool:
        """Whether the line is a view of an array that never moves. Such a view is made once."""
        if not is_view(line) or not isinstance(line.args[0], Var) or line.args[0] not in self.arrays.stores:
            return False
        if any(var is not line.args[0] for var in line.reads()):
            return False
        store = self.arrays.stores[line.args[0]]
        view = line.run([store.array, *line.args[1:]])
        if not isinstance(view, np.ndarray) or not np.may_share_memory(view, store.array):
            return False
        self.arrays.stores[line.out] = Store(view, store.owner)
        self.arrays.define(line.out, view, self.writer.expression(line).text)
        return True

    def _into_buffer(self, number: int, line: Line) -> None:
        name = line.function.__name__
        if name == "reduce":
            self._reduction(line)
        elif name == "matmul":
            patterns.product(self, line)
        elif line.function is np.positive:
            self.say(line, f"{self.arrays.buffer(line)}[...] = {self.text(line.args[0])}")  # a copy
        else:
            types = loop_types(line.function, line.args)
            args = [self.arrays.number(x, line, types[i] if types else None) for i, x in enumerate(line.args)]
            out = self.arrays.buffer(line, like=self.arrays.reusable(number, line, line.args))
            self.say(line, self.call(line.function, args, out))

    def _join(self, line: Line, parts: Sequence[Any], axis: int) -> None:
        """Arrays beside each other, if they were not computed in their places."""
        if not any(isinstance(x, Var) and self.arrays.homes.get(x) is line for x in parts):
            join, out = self.arrays.bound(line.function), self.arrays.buffer(line)
            self.say(line, f"{join}({self.text(parts)}, {axis}, {out})")

    def _reduction(self, line: Line) -> None:
        ufunc = line.function.__self__
        by_product = ufunc is np.add and patterns.summed_by_product(self, line)
        if not by_product and not patterns.reduced_by_columns(self, line):
            patterns.reduced(self, line, ufunc)

    # --- a choice ---

    def _choice(self, number: int, line: Line) -> None:
        """``np.where`` without a new array: one side is copied, then the other is written where the mask says."""
        mask, yes, no = line.args
        if patterns.positive_part(self, number, line):
            return
        if isinstance(mask, Var) and mask in self.arrays.late:
            self._into_buffer(number, self.made[mask])
        if not isinstance(mask, Var) or mask.dtype != bool or mask.shape != line.out.shape:
            self._assignment(line)
        elif _is_like(yes, line.out):
            self._patched(number, line, yes, self._inverse(line, mask), no)
        elif _is_like(no, line.out):
            self._patched(number, line, no, self.text(mask), yes)
        else:
            self._assignment(line)

    def _inverse(self, line: Line, mask: Var) -> str:
        order: Any = "F" if line.out in self.arrays.column_major else "C"
        name = self.arrays.once(
            ("not", mask, order),
            f"not_{self.names.of[mask]}",
            lambda: np.empty(mask.shape, np.bool_, order=order),
            f'np.empty({mask.shape}, bool, order="{order}")',
        )
        self.say(line, self.call(np.logical_not, [self.names.of[mask]], name))
        return name

    def _patched(self, number: int, line: Line, base: Var, mask: str, patch: Any) -> None:
        like = self.arrays.reusable(number, line, (base,))
        out = self.arrays.buffer(line, like=like)
        if like is None:
            self.say(line, f"{self.arrays.bound(np.copyto)}({out}, {self.text(base)})")
        self.say(line, f"{self.arrays.bound(np.copyto)}({out}, {self.text(patch)}, where={mask})")


def _is_like(x: Any, out: Var) -> bool:
    return isinstance(x, Var) and x.shape == out.shape and x.dtype == out.dtype
