"""A layer and its bias as one product.

In memory a weight is followed by its bias, and a layer's input by a column of ones: ``X @ W + b`` is
``[X 1] @ [W; b]``, and one product gives ``dW`` and ``db``.

Arrays with a row for each sample are stored column by column. A column of ones is then one more piece of memory at the
end, and sums over few classes are fast. The result of a wide layer is stored row by row, because BLAS writes it in
tiles. Its gradient ``dz @ W.T`` is stored as ``W @ dz.T``, which reads W in the order in which it is stored.
"""

import math
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tinygrad_edu.compiler.program import INDEX, UFUNC, Line, Var
from tinygrad_edu.compiler.rewrite.layout import Layout
from tinygrad_edu.compiler.rewrite.lines import adds_rows, is_transpose, is_ufunc
from tinygrad_edu.compiler.rewrite.optimize import renamed
from tinygrad_edu.compiler.rewrite.transposes import read_by_many_products

_WIDE = 64  # columns: four of the tiles in which BLAS computes a product
_COPIED = 1 << 14  # numbers: to copy fewer takes less time than to add a bias
_LONG = 16  # columns: an argument with more is copied row by row


class _Layer(NamedTuple):
    """The lines ``product = x @ W`` and ``sum = product + b``."""

    x: Var
    W: Var
    product: Line
    sum: Line


def fuse_affine(layout: Layout) -> None:
    """Rewrite the layers of a training step, and their gradients."""
    layers = _layers(layout)
    _orient(layout, {layer.x.shape[0] for layer in layers})
    instead: dict[Line, Line | None] = {}  # None: the line is removed
    for layer in layers:
        wide, stacked = _beside_ones(layout, layer.x), Var(layout.blocks[0].with_next(layer.W), "stacked")
        layout.given[stacked] = layout.blocks[0].with_next(layer.W)
        instead |= {layer.product: None, layer.sum: replace(layer.sum, function=np.matmul, args=(wide, stacked))}
        instead |= _gradient(layout, layer, wide)
    lines = [instead.get(line, line) for line in layout.program.lines]
    kept = [renamed(line, layout.copied) for line in lines if line is not None]
    layout.program = replace(layout.program, lines=kept)


def _layers(layout: Layout) -> list[_Layer]:
    """The layers that may be rewritten, one for each input."""
    if not layout.blocks:
        return []
    read = Counter(var for line in layout.program.lines for var in line.reads())
    made = {line.out: line for line in layout.program.lines}
    found: dict[Var, _Layer] = {}
    for line in layout.program.lines:
        product = made.get(line.args[0]) if is_ufunc(line, np.add) and isinstance(line.args[0], Var) else None
        if product is None or not is_ufunc(product, np.matmul) or read[product.out] > 1:
            continue
        (x, W), b = product.args, line.args[1]
        if not all(isinstance(part, Var) for part in (x, W, b)) or x in found:
            continue
        if _comes_just_before(layout, W, b) and _can_be_extended(layout, x, line, made):
            found[x] = _Layer(x, W, product, line)
    return list(found.values())


def _comes_just_before(layout: Layout, W: Var, b: Var) -> bool:
    home = layout.blocks[0]
    if W not in home.arrays or b not in home.arrays or len(W.shape) != 2 or b.shape != W.shape[1:]:
        return False
    return home.members.index(b) == home.members.index(W) + 1


def _can_be_extended(layout: Layout, x: Var, line: Line, made: dict[Var, Line]) -> bool:
    if len(x.shape) != 2 or x.dtype != line.out.dtype or x in layout.given:
        return False
    if x in made:
        return made[x].kind == UFUNC and isinstance(made[x].function, np.ufunc)
    # An argument must be copied to get a column of ones. This is worth it for a narrow one.
    size = math.prod(x.shape)
    return size <= 2 * math.prod(line.out.shape) or (x.shape[1] >= _LONG and size <= _COPIED)


def _orient(layout: Layout, rows: set[int]) -> None:
    """Decide which of the arrays with a row for each sample are stored column by column."""
    by_rows: set[Var] = set()
    transposed = read_by_many_products(layout.program.lines)
    for line in layout.program.lines:
        out = line.out
        if len(out.shape) != 2 or out.shape[0] not in rows or out in layout.given:
            continue
        if is_ufunc(line, np.matmul):
            left, right = line.args
            if isinstance(right, Var) and right in transposed:
                wide = isinstance(left, Var) and left in by_rows
            else:
                forward = isinstance(right, Var) and right in layout.blocks[0].arrays
                wide = out.shape[1] >= _WIDE and (forward or right.shape[0] < _WIDE)
        else:  # if its operands have both orders, which happens in the backward pass, that of the gradient
            read = [x for x in line.reads() if x.shape == out.shape or _takes_columns(line, x)]
            wide = bool(read) and all(x in by_rows for x in read)
        (by_rows if wide else layout.column_major).add(out)


def _takes_columns(line: Line, x: Var) -> bool:
    """Whether the line takes columns of the matrix, or puts them beside others."""
    takes = line.kind == INDEX or line.function is np.concatenate
    return takes and len(x.shape) == 2 and x.shape[0] == line.out.shape[0]


def _beside_ones(layout: Layout, x: Var) -> Var:
    """Memory for x followed by a column of ones."""
    n, k = x.shape
    argument = x in layout.program.inputs
    by_rows = k >= _LONG if argument else x not in layout.column_major
    memory = np.empty((n, k + 1), x.dtype, order="C" if by_rows else "F")
    memory[:, k] = 1
    wide = Var(memory, "wide")
    layout.given[wide] = memory
    inner = layout.copied.setdefault(x, Var(memory[:, :k])) if argument else x
    layout.given[inner] = memory[:, :k]
    return wide


def _gradient(layout: Layout, layer: _Layer, wide: Var) -> dict[Line, Line | None]:
    """``dW = x.T @ dz`` and ``db = dz.sum(axis=0)``, and the line that replaces them."""
    gradients = next((b for b in layout.blocks if b.name == "gradients"), None)
    if gradients is None:
        return {}
    i = layout.blocks[0].members.index(layer.W)
    dW, db = gradients.members[i], gradients.members[i + 1]
    made = {line.out: line for line in layout.program.lines}
    product, total = made[dW], made[db]
    if not is_ufunc(product, np.matmul) or not adds_rows(total) or product.args[1] is not total.args[0]:
        return {}
    turned = made.get(product.args[0]) if isinstance(product.args[0], Var) else None
    if turned is None or not is_transpose(turned) or turned.args[0] is not layer.x:
        return {}
    both, wide_T = gradients.with_next(dW), layout.given[wide].T
    stacked, across = Var(both, "dstacked"), Var(wide_T, "wideT")
    layout.given |= {stacked: both, across: wide_T}
    earlier, later = sorted((product, total), key=layout.program.lines.index)
    return {earlier: None, later: replace(product, out=stacked, args=(across, product.args[1]))}
