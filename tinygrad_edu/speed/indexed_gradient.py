"""Gradients of indexing, added in place.

The gradient of ``y = x[index]`` is an array of zeros of the shape of ``x``, with the gradient of ``y`` at the index.
The plain form makes such an array for every use and adds them up: a loop over the n rows of ``x`` takes n² steps. Here
the array is made at the first use, and the later ones add to its entries.
"""

import sys
from typing import Any

from tinygrad_edu.operations.broadcasting import added
from tinygrad_edu.operations.shapes import SCATTER_ADD, add_at, is_basic

_HELD_ONCE = 3  # references to an array that only the dict of gradients holds: the dict, a variable, an argument


def add_at_index(node: Any, gy: Any, grads: dict[Any, Any]) -> None:
    """The backward step of indexing: add ``gy`` to the gradient of the input, at the index."""
    (x,), index = node.inputs, node._params["index"]
    if not x.requires_grad:
        return
    known = grads.get(x)
    if known is None:
        grads[x] = SCATTER_ADD(gy, index=index, shape=x._data.shape)
    elif known.base is None and known.dtype == gy.dtype and sys.getrefcount(known) <= _HELD_ONCE:
        if is_basic(index):
            known[index] += gy
        else:
            add_at(known, index, gy)
    else:  # another node may hold this very array
        grads[x] = added(known, SCATTER_ADD(gy, index=index, shape=x._data.shape))
