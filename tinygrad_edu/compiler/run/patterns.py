"""Lines that are quicker as other calls of NumPy: each function writes these, or says that the line is not its own."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compiler.program import UFUNC, Line, Var
from tinygrad_edu.compiler.run.buffers import SMALL

if TYPE_CHECKING:
    from tinygrad_edu.compiler.run.codegen import Codegen

FEW = 64  # so many numbers are summed up by a product with ones
COLUMNS = 3  # so many columns are worked on one by one
_BITS = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}  # of floats of that many bytes


def short_sum(code: "Codegen", line: Line) -> bool:
    """A sum of few numbers, which a product with ones gives at once."""
    if line.kind != UFUNC or getattr(line.function, "__self__", None) is not np.add or "keepdims" in line.keywords:
        return False
    (x,) = line.args
    if not isinstance(x, Var) or len(x.shape) != 1 or not 0 < x.shape[0] <= FEW or x.dtype != line.out.dtype:
        return False
    ones, dot = code.arrays.ones(x.shape[0], x.dtype), code.arrays.bound(np.dot)
    code.say(line, f"{code.names.of[line.out]} = {dot}({ones}, {code.text(x)})")
    return True


# --- by labels that are checked to be classes ---------------------------------------------------------------------


def rows_of_table(code: "Codegen", line: Line) -> bool:
    """The rows of a constant table: of one-hot vectors."""
    table, labels = line.args
    if not isinstance(table, np.ndarray) or table.ndim != 2 or not isinstance(labels, Var):
        return False
    if code.checked.get(labels) != table.shape[0] or line.out not in code.arrays.column_major:
        return False
    name = code.writer.constant(np.ascontiguousarray(table.T))
    code.arrays.buffer(line)
    code.say(line, f"{name}.take({code.text(labels)}, 1, {code.arrays.turned(line.out)}, 'clip')")
    return True


def entry_of_each_row(code: "Codegen", line: Line) -> bool:
    """``table[np.arange(n), labels]``, picked from the table's memory."""
    table, index = line.args
    if not isinstance(index, tuple) or len(index) != 2 or not isinstance(table, Var) or len(table.shape) != 2:
        return False
    (n, k), (rows, labels) = table.shape, index
    if not isinstance(labels, Var) or code.checked.get(labels) != k or labels.dtype != np.int64:
        return False
    if not isinstance(rows, np.ndarray) or not np.array_equal(rows, np.arange(n)):
        return False
    if table not in code.arrays.column_major or table not in code.arrays.stores:
        return False
    across = code.arrays.stores[table].array.T
    if not across.flags.c_contiguous:
        return False
    name, named = code.names.of[table], code.arrays.named
    places = named(f"{code.names.of[line.out]}_at", np.empty(n, np.int64), f"np.empty({n}, np.int64)")
    entries = named(f"{name}_flat", across.reshape(-1), f"{name}.T.reshape(-1)")
    code.say(line, code.call(np.multiply, [code.text(labels), code.writer.constant(np.full(n, n))], places))
    code.say(line, code.call(np.add, [places, code.writer.constant(np.arange(n))], places))
    code.say(line, f"{entries}.take({places}, None, {code.arrays.buffer(line)}, 'clip')")
    return True


# --- column by column ---------------------------------------------------------------------------------------------


def spread_by_columns(code: "Codegen", line: Line) -> bool:
    """An operation of few columns with one that is repeated beside them: column by column, without repeating."""
    arrays = code.arrays
    if line.out not in arrays.column_major or not 2 <= line.out.shape[1] <= COLUMNS or len(line.args) != 2:
        return False
    n, k = line.out.shape
    shapes = [x.shape if isinstance(x, Var) and x in arrays.stores else None for x in line.args]
    if n > SMALL or sorted(shapes, key=str) != sorted([(n, 1), (n, k)], key=str):
        return False
    single = shapes.index((n, 1))
    for j in range(k):
        columns = [arrays.column(x, 0 if i == single else j) for i, x in enumerate(line.args)]
        code.say(line, code.call(line.function, columns, arrays.column(line.out, j)))
    return True


def reduced_by_columns(code: "Codegen", line: Line) -> bool:
    """A reduction over two or three columns, column by column: NumPy's own starts anew in each row."""
    (x,), ufunc, arrays = line.args, line.function.__self__, code.arrays
    if ufunc not in (np.add, np.maximum, np.minimum) or not isinstance(x, Var) or x.dtype != line.out.dtype:
        return False
    if x not in arrays.column_major or x not in arrays.stores or not 2 <= x.shape[1] <= COLUMNS:
        return False
    if line.keywords.get("axis") not in (1, -1, (1,), (-1,)):
        return False
    name = arrays.buffer(line)
    out = arrays.named(f"{name}_0", arrays.stores[line.out].array.reshape(-1), f"{name}.reshape(-1)")
    first, second, *others = (arrays.column(x, j) for j in range(x.shape[1]))
    code.say(line, code.call(ufunc, [first, second], out))
    for column in others:
        code.say(line, code.call(ufunc, [out, column], out))
    return True


# --- ReLU ---------------------------------------------------------------------------------------------------------


def positive_part(code: "Codegen", number: int, line: Line) -> bool:
    """``np.where(z > 0, x, 0)`` without a choice: the bits of x, and a mask of bits."""
    mask, x, no = line.args
    made = code.made.get(mask) if isinstance(mask, Var) else None
    if made is None or made.function is not np.greater or not _is_zero(no) or not _is_zero(made.args[1]):
        return False
    z, arrays = made.args[0], code.arrays
    for v in (z, x):
        if not isinstance(v, Var) or v not in arrays.stores or not _is_dense(arrays.stores[v].array):
            return False
        if v.shape != line.out.shape or v.dtype != line.out.dtype:
            return False
    integer = _BITS.get(z.dtype.itemsize) if z.dtype.kind == "f" else None
    if integer is None:
        return False
    sign = _spread_sign(code, line, z, integer)
    given, mask_bits = arrays.bits(x, integer), arrays.bits(sign, integer)
    arrays.buffer(line, like=arrays.reusable(number, line, (x,)))
    code.say(line, code.call(np.bitwise_and, [given, mask_bits], arrays.bits(line.out, integer)))
    arrays.give_back(sign)
    return True


def _spread_sign(code: "Codegen", line: Line, z: Var, integer: Any) -> Var:
    """All bits where z > 0, and none elsewhere: the sign bit of ``min(0 - z, 0)``, shifted over the others.

    ``0 - z`` alone would not do: a NaN may have a sign bit, too.
    """
    arrays = code.arrays
    sign = Var(arrays.stores[z].array, "sign")
    code.names.give(sign, "sign", number=True)
    if line.out in arrays.column_major:
        arrays.column_major.add(sign)
    below = Line(sign, UFUNC, np.subtract, (0.0, z))
    least = replace(below, function=np.fmin)
    out = arrays.buffer(below)
    code.say(line, code.call(np.subtract, [arrays.full(0.0, below, z.dtype), code.text(z)], out))
    code.say(line, code.call(np.fmin, [out, arrays.full(0.0, least, z.dtype)], out))
    bits, width = arrays.bits(sign, integer), arrays.full(8 * integer.itemsize - 1, below, integer)
    code.say(line, code.call(np.right_shift, [bits, width], bits))
    return sign


def _is_zero(x: Any) -> bool:
    return not isinstance(x, Var) and np.ndim(x) == 0 and x == 0


def _is_dense(array: Any) -> bool:
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)
