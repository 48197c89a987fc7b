"""Lines that are faster as other NumPy calls. Each function writes these calls, or returns False for other lines."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import UFUNC, Line, Var
from tinygrad_edu.compiler.run.pen import Pen
from tinygrad_edu.operations.matrices import LONG, MANY, ones
from tinygrad_edu.speed.blas import rows_at_once

COLUMNS = 3  # at most so many columns are computed one by one
_WIDE = 1 << 13  # numbers of a product: `dot` fills its result with zeros first, and `matmul` does not
_FLOATS = (np.float32, np.float64)
_BITS = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}  # of floats of that many bytes


# --- by labels that are checked to be classes ---------------------------------------------------------------------


def rows_of_table(pen: Pen, line: Line) -> bool:
    """The rows of a constant table: of one-hot vectors."""
    table, labels = line.args
    if not isinstance(table, np.ndarray) or table.ndim != 2 or not isinstance(labels, Var):
        return False
    if pen.checked.get(labels) != table.shape[0] or line.out not in pen.arrays.column_major:
        return False
    name = pen.writer.constant(np.ascontiguousarray(table.T))
    pen.arrays.buffer(line)
    pen.say(line, f"{name}.take({pen.text(labels)}, 1, {pen.arrays.turned(line.out)}, 'clip')")
    return True


# --- column by column ---------------------------------------------------------------------------------------------


def reduced_by_columns(pen: Pen, line: Line) -> bool:
    """A reduction over two or three columns, column by column: NumPy's own has a loop for each row."""
    (x,), ufunc, arrays = line.args, line.function.__self__, pen.arrays
    if ufunc not in (np.add, np.maximum, np.minimum) or not isinstance(x, Var) or x.dtype != line.out.dtype:
        return False
    if x not in arrays.column_major or x not in arrays.stores or not 2 <= x.shape[1] <= COLUMNS:
        return False
    if line.keywords.get("axis") not in (1, -1, (1,), (-1,)):
        return False
    name = arrays.buffer(line)
    whole = arrays.stores[line.out].array
    out = arrays.once(("flat", line.out), f"{name}_flat", lambda: whole.reshape(-1), f"{name}.reshape(-1)")
    first, second, *others = (arrays.column(x, j) for j in range(x.shape[1]))
    pen.say(line, pen.call(ufunc, [first, second], out))
    for column in others:
        pen.say(line, pen.call(ufunc, [out, column], out))
    return True


# --- sums as products ---------------------------------------------------------------------------------------------


def summed_by_product(pen: Pen, line: Line) -> bool:
    """A sum over the last axis, or over all other axes, as a product with ones, which is BLAS's."""
    x, out, arrays = line.args[0], line.out, pen.arrays
    if not isinstance(x, Var) or x not in arrays.stores or x.dtype != out.dtype or out.dtype not in _FLOATS:
        return False
    array, axes, last = arrays.stores[x].array, _axes(line), len(x.shape) - 1
    along_rows = axes == {last}
    if not last or not (along_rows or axes == {*range(last)}) or (along_rows and x.shape[last] > LONG):
        return False
    if array.size < MANY or not array.flags.c_contiguous or out in arrays.column_major:
        return False
    rows = array.reshape(-1, x.shape[last])
    name = arrays.buffer(line)
    whole = arrays.stores[out].array
    flat = arrays.once(("flat", out), f"{name}_flat", lambda: whole.reshape(-1), f"{name}.reshape(-1)")
    table = arrays.once(("rows", x), f"{pen.text(x)}_rows", lambda: rows, f"{pen.text(x)}.reshape(-1, {rows.shape[1]})")
    factors = [table, pen.writer.constant(ones(rows.shape[1 if along_rows else 0], array.dtype))]
    pen.say(line, f"{arrays.bound(np.dot)}({', '.join(factors if along_rows else factors[::-1])}, {flat})")
    return True


def mean(pen: Pen, line: Line) -> bool:
    """A mean as a sum that is divided by the count, as NumPy's own function computes it, but into a known array."""
    if not _reduces_alone(line, {"axis", "keepdims"}) or line.out.dtype not in _FLOATS:
        return False
    if not summed_by_product(pen, line):
        reduced(pen, line, np.add)
    name, count = pen.names.of[line.out], math.prod(line.args[0].shape[i] for i in _axes(line))
    pen.say(line, pen.call(np.divide, [name, str(count)], name))
    return True


def maximum(pen: Pen, line: Line) -> bool:
    """A maximum that has an initial value, as the reduction that it is, into a known array."""
    if not _reduces_alone(line, {"axis", "keepdims", "initial"}):
        return False
    reduced(pen, line, np.maximum)
    return True


def reduced(pen: Pen, line: Line, ufunc: Any) -> None:
    """A reduction into a known array."""
    reduce, out, keywords = pen.arrays.bound_reduce(ufunc), pen.arrays.buffer(line), line.keywords
    options = [pen.text(keywords.get("axis")), "None", out, str(bool(keywords.get("keepdims")))]
    options += [pen.text(keywords["initial"])] if "initial" in keywords else []
    pen.say(line, f"{reduce}({', '.join([pen.text(line.args[0]), *options])})")


def _reduces_alone(line: Line, known: set[str]) -> bool:
    """Whether the line reduces one array to an array of its type, with no other settings than the known ones."""
    x = line.args[0]
    same_type = isinstance(x, Var) and x.dtype == line.out.dtype
    return same_type and len(line.args) == 1 and line.out.shape != () and line.keywords.keys() <= known


def _axes(line: Line) -> set[int]:
    axis, ndim = line.keywords.get("axis"), len(line.args[0].shape)
    return {*range(ndim)} if axis is None else {i % ndim for i in (axis if isinstance(axis, tuple) else (axis,))}


# --- ReLU ---------------------------------------------------------------------------------------------------------


def positive_part(pen: Pen, number: int, line: Line) -> bool:
    """``np.where(z > 0, x, 0)`` without a choice: the bits of x, and a mask of bits."""
    mask, x, no = line.args
    made = pen.made.get(mask) if isinstance(mask, Var) else None
    if made is None or mask not in pen.arrays.late or not _is_zero(no) or not _is_zero(made.args[1]):
        return False  # z is read here instead of the mask: only a late mask keeps the memory of z until here
    z, arrays = made.args[0], pen.arrays
    if not isinstance(z, Var) or z not in arrays.stores or not _is_dense(arrays.stores[z].array):
        return False
    if any(not isinstance(v, Var) or v.shape != line.out.shape or v.dtype != line.out.dtype for v in (z, x)):
        return False
    integer = _BITS.get(z.dtype.itemsize) if z.dtype is not None and z.dtype.kind == "f" else None
    if integer is None:
        return False
    sign = _spread_sign(pen, line, z, integer)
    given, mask_bits = arrays.bits(x, integer), arrays.bits(sign, integer)
    arrays.buffer(line, like=arrays.reusable(number, line, (x,)))
    pen.say(line, pen.call(np.bitwise_and, [given, mask_bits], arrays.bits(line.out, integer)))
    arrays.free(sign)
    return True


def _spread_sign(pen: Pen, line: Line, z: Var, integer: Any) -> Var:
    """All bits where z > 0, no bits where it is not: the sign bit of ``min(0 - z, 0)``, copied to the others.

    ``0 - z`` alone is not enough: a NaN may have a sign bit, too.
    """
    arrays = pen.arrays
    sign = Var(arrays.stores[z].array, "sign")
    pen.names.give(sign, "sign", number=True)
    if line.out in arrays.column_major:
        arrays.column_major.add(sign)
    below = Line(sign, UFUNC, np.subtract, (0.0, z))
    least = replace(below, function=np.fmin)
    out = arrays.buffer(below)
    pen.say(line, pen.call(np.subtract, [arrays.number(0.0, below, z.dtype), pen.text(z)], out))
    pen.say(line, pen.call(np.fmin, [out, arrays.number(0.0, least, z.dtype)], out))
    bits, width = arrays.bits(sign, integer), arrays.number(8 * integer.itemsize - 1, below, integer)
    pen.say(line, pen.call(np.right_shift, [bits, width], bits))
    return sign


def _is_zero(x: Any) -> bool:
    return not isinstance(x, Var) and np.ndim(x) == 0 and x == 0


def _is_dense(array: Any) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


# --- matrix products ------------------------------------------------------------------------------------------------


def product(pen: Pen, line: Line) -> None:
    """``a @ b``; if the result is stored column by column, its transpose is ``b.T @ a.T``."""
    a, b = line.args
    arrays, out = pen.arrays, pen.arrays.buffer(line)
    flags = arrays.stores[line.out].array.flags
    matrices = len(np.shape(a)) == len(np.shape(b)) == 2 and {a.dtype, b.dtype} == {line.out.dtype}
    if not matrices or not (flags.c_contiguous or flags.f_contiguous):  # rows beside a column of ones: not for np.dot
        pen.say(line, f"{arrays.bound(np.matmul)}({pen.text(a)}, {pen.text(b)}, {out})")
        return
    turned = flags.f_contiguous and (line.out in arrays.column_major or not flags.c_contiguous)
    if turned:
        left, right, out = arrays.turned(b), arrays.turned(a), arrays.turned(line.out)
        (k, n), m = np.shape(b), np.shape(a)[0]
    else:
        left, right = pen.text(a), pen.text(b)
        (n, k), m = np.shape(a), np.shape(b)[1]
    rows = n
    if _lies_by_rows(pen, a, turned) and _lies_by_rows(pen, b, turned):
        rows = rows_at_once(n, k, m, a.dtype.itemsize)
    dot = arrays.bound(np.dot)
    if rows >= n:
        whole = dot if n * m < _WIDE else arrays.bound(np.matmul)
        pen.say(line, f"{whole}({left}, {right}, {out})")
        return
    whole = arrays.stores[line.out].array.T if turned else arrays.stores[line.out].array
    stretches = [(slice(i, i + rows), whole[i : i + rows]) for i in range(0, n, rows)]
    name = arrays.once(("stretches", line.out), "stretches", lambda: stretches)
    arrays.allocations.append(f"{name} = ...  # slices of {rows} rows, and these rows of {out}")
    pen.say(None, f"for {out}_rows, {out}_part in {name}:")
    pen.say(line, f"    {dot}({left}[{out}_rows], {right}, {out}_part)")


def _lies_by_rows(pen: Pen, x: Any, turned: bool) -> bool:
    """Whether the operand, or its transpose, is stored row by row. An argument probably is."""
    if not isinstance(x, Var) or x not in pen.arrays.stores:
        return isinstance(x, Var) and x in pen.program.inputs and not turned
    array = pen.arrays.stores[x].array
    return bool((array.T if turned else array).flags.c_contiguous)
