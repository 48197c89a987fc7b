"""Which lines of a program give a view: an array that shares the memory of another."""

import numpy as np

from tinygrad_edu.compiler.program import CALL, INDEX, METHOD, Line, Program, Var
from tinygrad_edu.compiler.write import runtime
from tinygrad_edu.operations.shapes import is_basic

_VIEWS = frozenset({"reshape", "ravel", "transpose", "swapaxes", "squeeze", "diagonal"})
_VIEW_FUNCTIONS = frozenset({np.reshape, np.ravel, np.transpose, np.swapaxes, np.squeeze, np.expand_dims, np.moveaxis})
_VIEW_FUNCTIONS |= {np.broadcast_to, np.flip, np.diagonal}
_OWN_MEMORY = frozenset({np.array, np.where, np.mean, np.max, np.concatenate, np.stack, *runtime.HELPERS})


def is_view(line: Line) -> bool:
    """Whether the line's result is a view of its first operand, if NumPy can make one."""
    if line.kind == METHOD:
        return line.function in _VIEWS
    if line.kind == INDEX:
        return is_basic(line.args[1])
    return line.kind == CALL and line.function in _VIEW_FUNCTIONS


def may_be_view(line: Line) -> Var | None:
    """The operand whose memory the line's result may share: NumPy does not list which functions return views."""
    if is_view(line):
        return line.args[0] if isinstance(line.args[0], Var) else None
    if line.kind != CALL or not line.out.shape or line.function in _OWN_MEMORY:
        return None
    read = {x for x in line.reads() if x.shape and x.dtype == line.out.dtype}
    return read.pop() if len(read) == 1 else None


def views(program: Program) -> dict[Var, Var]:
    """The variables that may be views, and the owners of their memory."""
    owners: dict[Var, Var] = {}
    for line in program.lines:
        note_view(line, owners)
    return owners


def note_view(line: Line, owners: dict[Var, Var]) -> None:
    """Add what the line gives, if that may be a view."""
    seen = may_be_view(line)
    if seen is not None:
        owners[line.out] = owners.get(seen, seen)
