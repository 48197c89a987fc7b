"""Arrays beside each other: the outputs of all steps of a sequence, or the gradients of the parts of an array.

A part that is a block of rows is computed in its place in the whole. Then nothing is left to do for the join.
"""

from collections.abc import Sequence, Set
from typing import Any

import numpy as np

from tinygrad_edu.compiler.program import UFUNC, Line, Program, Var


def joined(line: Line) -> tuple[Sequence[Any], int] | None:
    """The parts and the axis of a line that joins arrays of one type; None for other lines."""
    if line.function not in (np.concatenate, np.stack) or len(line.args) > 2 or line.keywords.keys() - {"axis"}:
        return None
    parts, axis = (*line.args, *line.keywords.values(), 0)[:2]
    if not isinstance(parts, list | tuple) or not isinstance(axis, int):
        return None
    same_type = all(isinstance(x, Var | np.ndarray) and x.dtype == line.out.dtype for x in parts)
    return (parts, axis) if same_type else None


def parts_in_place(program: Program, placed: Set[Var], kept: Set[Var]) -> dict[Var, Line]:
    """For each part that can be computed in its place, the line that joins it.

    The variables in ``placed`` have places of their own, or another order. The memory of those in ``kept`` is not used
    again.
    """
    joins = [(line, *join) for line in program.lines if (join := joined(line))]
    made = [line.out for line in program.lines if line.kind == UFUNC] + [line.out for line, _, _ in joins]
    free = {var for var in made if var.shape} - placed - kept
    found: dict[Var, Line] = {}
    for line, parts, axis in reversed(joins):  # the outer ones first: what is in its place in one is copied from others
        if axis != 0 or line.out in placed or line.out in found or not all(isinstance(x, Var) for x in parts):
            continue
        if len({*parts}) == len(parts) and free.issuperset(parts):
            found |= dict.fromkeys(parts, line)
            free.difference_update(parts)
    return found


def places(line: Line, whole: Any) -> list[tuple[Var, Any, str]]:
    """Each part of the array that the line makes: the variable, its place, and the index of the place."""
    if line.function is np.stack:
        return [(part, whole[i, ...], f"{i}, ...") for i, part in enumerate(line.args[0])]
    stops = np.cumsum([part.shape[0] for part in line.args[0]]).tolist()
    starts = [0, *stops[:-1]]
    return [(part, whole[i:j], f"{i}:{j}") for part, i, j in zip(line.args[0], starts, stops, strict=True)]
