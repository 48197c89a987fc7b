"""What a line of a program computes."""

from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import METHOD, UFUNC, Line


def is_ufunc(line: Line, ufunc: Any) -> bool:
    """Whether the line calls this function, entry by entry, or that of a matrix product."""
    return line.kind == UFUNC and line.function is ufunc


def is_transpose(line: Line) -> bool:
    """Whether the line transposes a matrix."""
    is_matrix = len(line.out.shape) == 2
    return line.kind == METHOD and line.function == "transpose" and is_matrix


def adds_rows(line: Line) -> bool:
    """Whether the line adds up the rows of an array."""
    is_sum = line.kind == UFUNC and getattr(line.function, "__self__", None) is np.add
    return is_sum and line.keywords in ({"axis": 0}, {"axis": (0,)})
