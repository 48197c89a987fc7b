"""Matrix products: by ``np.dot``, into memory as it lies, and some rows at a time where that is quicker."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compiler.program import Line, Var
from tinygrad_edu.speed.blas import rows_at_once

if TYPE_CHECKING:
    from tinygrad_edu.compiler.run.codegen import Codegen


def product(code: "Codegen", line: Line) -> None:
    """``a @ b``; if the result is stored column by column, its transpose is ``b.T @ a.T``."""
    a, b = line.args
    arrays, out = code.arrays, code.arrays.buffer(line)
    flags = arrays.stores[line.out].array.flags
    matrices = len(np.shape(a)) == len(np.shape(b)) == 2 and {a.dtype, b.dtype} == {line.out.dtype}
    if not matrices or not (flags.c_contiguous or flags.f_contiguous):  # rows beside a column of ones: not for np.dot
        code.say(line, f"{arrays.bound(np.matmul)}({code.text(a)}, {code.text(b)}, {out})")
        return
    turned = flags.f_contiguous and (line.out in arrays.column_major or not flags.c_contiguous)
    if turned:
        left, right, out = arrays.turned(b), arrays.turned(a), arrays.turned(line.out)
        (k, n), m = np.shape(b), np.shape(a)[0]
    else:
        left, right = code.text(a), code.text(b)
        (n, k), m = np.shape(a), np.shape(b)[1]
    rows = n
    if _lies_by_rows(code, a, turned) and _lies_by_rows(code, b, turned):
        rows = rows_at_once(n, k, m, a.dtype.itemsize)
    dot = arrays.bound(np.dot)
    if rows >= n:
        code.say(line, f"{dot}({left}, {right}, {out})")
        return
    whole = arrays.stores[line.out].array.T if turned else arrays.stores[line.out].array
    stretches = [slice(i, i + rows) for i in range(0, n, rows)]
    name = arrays.numbered("stretches", [(stretch, whole[stretch]) for stretch in stretches])
    arrays.allocations.append(f"{name} = ...  # slices of {rows} rows, and these rows of {out}")
    code.say(None, f"for {out}_rows, {out}_part in {name}:")
    code.say(line, f"    {dot}({left}[{out}_rows], {right}, {out}_part)")


def _lies_by_rows(code: "Codegen", x: Any, turned: bool) -> bool:
    """Whether the operand, or its transpose, is stored row by row; an argument most likely is."""
    if not isinstance(x, Var) or x not in code.arrays.stores:
        return isinstance(x, Var) and x in code.program.inputs and not turned
    array = code.arrays.stores[x].array
    return bool((array.T if turned else array).flags.c_contiguous)
