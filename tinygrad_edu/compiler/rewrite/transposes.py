"""A transposed matrix that many products read is copied: BLAS is faster if it need not transpose.

A net over a sequence has the gradient ``dz @ W.T`` at each of its steps.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygrad_edu.compiler.program import Line, Var
from tinygrad_edu.compiler.rewrite.copies import copies_of, with_copies
from tinygrad_edu.compiler.rewrite.layout import Layout
from tinygrad_edu.compiler.rewrite.lines import is_transpose, is_ufunc

_MANY = 8  # products: to copy a matrix takes as long as one or two of them gain


def copy_transposes(layout: Layout) -> None:
    """Copy what `read_by_many_products` finds, for the products that are stored row by row."""
    lines, by_columns = layout.program.lines, layout.column_major
    copies = copies_of(read_by_many_products([line for line in lines if line.out not in by_columns]))
    lines = with_copies(lines, copies, lambda line: _is_product(line) and line.out not in by_columns)
    layout.program = replace(layout.program, lines=lines)


def read_by_many_products(lines: Sequence[Line]) -> set[Var]:
    """The transposed matrices that so many of these lines multiply by that a copy of each is worth it."""
    products = Counter(line.args[1] for line in lines if _is_product(line))
    return {line.out for line in lines if is_transpose(line) and products[line.out] >= _MANY}


def _is_product(line: Line) -> bool:
    """Whether the line is a product of two matrices, the first of more than one row."""
    matrices = all(isinstance(x, Var) and len(x.shape) == 2 and x.dtype == line.out.dtype for x in line.args)
    return is_ufunc(line, np.matmul) and matrices and line.out.shape[0] > 1
