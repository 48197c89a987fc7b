"""Columns of a matrix that several lines read entry by entry are copied.

Their rows are apart in memory, so NumPy starts its loop once for each row, which an assignment does faster than a
function. The rows of the copy are side by side: one loop runs through all of them.
"""

import math
from collections import Counter
from dataclasses import replace

import numpy as np

from tinygrad_edu.compiler.program import INDEX, UFUNC, Line, Var
from tinygrad_edu.compiler.record.slices import slice_of
from tinygrad_edu.compiler.rewrite.copies import copies_of, with_copies
from tinygrad_edu.compiler.rewrite.layout import Layout

_WIDE = 512  # columns: to start a loop over more costs little beside the loop


def copy_columns(layout: Layout) -> None:
    """Copy the columns that two or more lines read entry by entry."""
    lines = layout.program.lines
    readers = Counter(var for line in lines if _is_elementwise(line) for var in line.reads())
    copies = copies_of(line.out for line in lines if readers[line.out] > 1 and _takes_columns(line, layout))
    layout.program = replace(layout.program, lines=with_copies(lines, copies, _is_elementwise))


def _is_elementwise(line: Line) -> bool:
    return line.kind == UFUNC and isinstance(line.function, np.ufunc) and line.function is not np.matmul


def _takes_columns(line: Line, layout: Layout) -> bool:
    """Whether the line takes some, but not all, of the columns of several rows, which are stored one after another."""
    if line.kind != INDEX or not isinstance(line.args[0], Var) or line.args[0] in layout.column_major:
        return False
    shape = line.args[0].shape
    part = slice_of(line.args[1], shape)
    by_columns = part is not None and not part.is_row and part.axis == len(shape) - 1
    return by_columns and math.prod(shape[:-1]) > 1 and line.out.shape[-1] <= _WIDE
