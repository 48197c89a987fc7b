"""Long vectors, piece by piece: all lines on one piece, then on the next. What they need stays in the cache."""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compiler.program import UFUNC, Line, Var

if TYPE_CHECKING:
    from tinygrad_edu.compiler.run.codegen import Codegen

PIECE = 1 << 17  # entries


def lines_on_long_vectors(code: "Codegen", number: int) -> list[Line]:
    """The lines from here on that work entry by entry on long vectors of one length."""
    lines: list[Line] = []
    shape = code.program.lines[number].out.shape
    if len(shape) != 1 or shape[0] <= PIECE:
        return lines
    for line in code.program.lines[number:]:
        good = line.kind == UFUNC and isinstance(line.function, np.ufunc) and line.out.shape == shape
        inner = {other.out for other in lines}
        for x in line.reads():
            good = good and (not x.shape or x in inner or (x in code.arrays.stores and x.shape == shape))
        if not good or any(isinstance(x, np.ndarray) and x.ndim for x in line.args):
            break
        lines.append(line)
    return lines


def piece_by_piece(code: "Codegen", lines: list[Line]) -> None:
    """A loop over the pieces, with the lines in it; what they alone read needs the memory of one piece."""
    arrays, name_of = code.arrays, code.names.of
    after = {x for line in code.program.lines[code.program.lines.index(lines[-1]) + 1 :] for x in line.reads()}
    wholes: dict[str, Any] = {}
    for line in lines:
        for x in [*line.reads(), line.out]:
            if x.shape and x not in arrays.stores and (x in after or x in arrays.kept):
                arrays.buffer(Line(x, UFUNC, None, ()))
            if x.shape:
                wholes[name_of[x]] = arrays.stores[x].array if x in arrays.stores else x
    n = lines[0].out.shape[0]
    short = {name: np.empty(PIECE, x.dtype) for name, x in wholes.items() if isinstance(x, Var)}
    pieces = [
        tuple(short[name][: min(PIECE, n - i)] if name in short else x[i : i + PIECE] for name, x in wholes.items())
        for i in range(0, n, PIECE)
    ]
    name = arrays.numbered("pieces", pieces)
    arrays.allocations.append(f"{name} = ...  # {', '.join(wholes)}, {PIECE} entries at a time")
    names = [f"{key}_piece" for key in wholes]
    code.say(None, f"for {', '.join(names)}{',' * (len(names) == 1)} in {name}:")
    for line in lines:
        args = [f"{name_of[x]}_piece" if isinstance(x, Var) and x.shape else code.text(x) for x in line.args]
        code.say(line, f"    {code.call(line.function, args, f'{name_of[line.out]}_piece')}")
