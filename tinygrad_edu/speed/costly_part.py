"""The costly part that both passes of a row contain, such as ``erfc`` in GELU: computed once on large arrays.

The forward pass keeps it for the backward pass, as long as its result exists. Both passes work piece by piece, so that
what one NumPy function writes is still in the processor's cache when the next one reads it. `Elementwise.on_arrays`
makes the plain form of the row's text, which gives the same numbers.
"""

from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_edu.graph.modes import MODES
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.row import Elementwise
from tinygrad_edu.support.kept import KeptWithResult

LARGE = 1 << 13  # with fewer numbers, keeping the part takes longer than computing it
_AT_ONCE = 1 << 15
_PART = "part"  # its name in the texts


class CostlyPart:
    """The two passes of a row with one input on arrays."""

    def __init__(self, row: Elementwise) -> None:
        self.row = row
        self.kept = KeptWithResult()

    @cached_property
    def _part(self) -> Any:
        return self.row.on_arrays(("x",), self.row.costly)

    @cached_property
    def _y(self) -> Any:
        return self.row.on_arrays(("x", _PART), self.row.y_text.replace(self.row.costly, _PART))

    @cached_property
    def _gx(self) -> Any:
        return self.row.on_arrays(("gy", "y", "x", _PART), self.row.gx_texts[0].replace(self.row.costly, _PART))

    def forward(self, x: Any) -> Any:
        """``y``, as the row's text says."""
        if not _is_large(x):
            return self._y(x, self._part(x))
        y, part = np.empty_like(x), np.empty_like(x)
        for xs, ys, parts in _pieces(x, y, part):
            parts[:] = self._part(xs)
            ys[:] = self._y(xs, parts)
        if not MODES.no_grad:
            self.kept.keep(y, part)
        return y

    def gx(self, gy: Any, y: Any, x: Any) -> Any:
        """The gradient for the input, as the row's text says."""
        part = self.kept.take(y)
        if part is None or not _is_large(gy) or (gy.shape, gy.dtype) != (y.shape, y.dtype):
            return self._gx(gy, y, x, self._part(x))
        gx = np.empty_like(gy)
        for gys, ys, xs, parts, gxs in _pieces(gy, y, x, part, gx):
            gxs[:] = self._gx(gys, ys, xs, parts)
        return gx


def _is_large(x: Any) -> bool:
    """Whether it is a large array of floats without gaps."""
    return x.__class__ is np.ndarray and x.size >= LARGE and x.dtype.char in "fd" and x.flags.c_contiguous


def _pieces(*arrays: Any) -> Any:
    """The same pieces of each array."""
    flat = [array.reshape(-1) for array in arrays]
    return ([array[i : i + _AT_ONCE] for array in flat] for i in range(0, flat[0].size, _AT_ONCE))


def share_costly_parts() -> None:
    """Let every row that names a costly part compute it once."""
    for row in TABLE.values():
        if row.costly:
            both = CostlyPart(row)
            vars(row).update(forward=both.forward, gx_arrays=(both.gx,))
