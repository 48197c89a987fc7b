"""The gradients of slices that make up a whole array, in one line.

A loop over the rows of ``x``, or a split of it, takes n slices. The gradient of each would be an array of zeros with
one slice filled, and n of them would be added up. Where the slices fill ``x`` exactly, their gradients are joined.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_edu.operations.shapes import GETITEM

if TYPE_CHECKING:
    from tinygrad_edu.graph.node import Node


class Slice(NamedTuple):
    """Which entries of one axis were taken; ``is_row``: by an integer, so that the axis is gone."""

    start: int
    stop: int
    axis: int
    is_row: bool


def slice_of(index: Any, shape: tuple[int, ...]) -> Slice | None:
    """The index as a slice of one axis, if it is one."""
    parts = _written_out(index if isinstance(index, tuple) else (index,), len(shape))
    axis = len(parts) - 1
    if not 0 <= axis < len(shape) or any(map(_is_array, parts)) or any(part != slice(None) for part in parts[:-1]):
        return None
    last = parts[-1]
    if type(last) is int:
        return Slice(last % shape[axis], last % shape[axis] + 1, axis, True)
    if isinstance(last, slice) and not any(map(_is_array, (last.start, last.stop, last.step))):
        start, stop, step = last.indices(shape[axis])
        return Slice(start, stop, axis, False) if step == 1 and start < stop else None
    return None


def _written_out(parts: tuple[Any, ...], axes: int) -> tuple[Any, ...]:
    """The index with ``:`` for each axis that ``...`` stands for, and without any ``:`` at its end."""
    for i, part in enumerate(parts):
        if part is ...:  # an index has at most one
            parts = (*parts[:i], *[slice(None)] * (axes - len(parts) + 1), *parts[i + 1 :])
            break
    while parts and isinstance(parts[-1], slice) and parts[-1] == slice(None):
        parts = parts[:-1]
    return parts


def _is_array(part: Any) -> bool:
    return hasattr(part, "dtype") or hasattr(part, "_recorder")


class SliceGradients:
    """For each array the gradients of its slices, until all of them are known."""

    def __init__(self) -> None:
        self.parts: dict[Node, dict[Slice, tuple[Any, Any]]] = {}  # the index and the gradient of each

    def keep(self, node: Any, gy: Any) -> bool:
        """Keep the gradient of a node that is a slice of its input; of a slice that is taken twice it keeps one."""
        (x, *_), shape = node.inputs, np.shape(node.inputs[0].raw)
        part = slice_of(node.params["index"], shape) if node.operation is GETITEM else None
        if part is None or part in self.parts.get(x, {}):
            return False
        self.parts.setdefault(x, {})[part] = node.params["index"], gy
        return True

    def joined(self, x: Any) -> list[Any]:
        """The gradient of ``x`` by its slices: one array if they fill it, or else one for each slice."""
        parts = self.parts.pop(x, {})
        ordered = sorted(parts)
        shape = np.shape(x.raw)
        if len(ordered) > 1 and len({(part.axis, part.is_row) for part in ordered}) == 1:
            axis, is_row = ordered[0].axis, ordered[0].is_row
            ends = [0, *[part.stop for part in ordered]]
            if ends[-1] == shape[axis] and all(part.start == end for part, end in zip(ordered, ends, strict=False)):
                gradients = [parts[part][1] for part in ordered]
                return [np.stack(gradients, axis) if is_row else np.concatenate(gradients, axis)]
        (derivative,) = GETITEM.gx_arrays
        return [derivative(gy, None, x.raw, index=index) for index, gy in parts.values()]
