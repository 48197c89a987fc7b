"""The numbers of a graph of Tensors for its page, which computes both passes itself.

The page gets the arrays of the leaves, and of each operation its forward pass and its derivatives in JavaScript. What
has no JavaScript keeps the arrays that Python computed, with the reason: see `FixedNode`.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.custom_operation import UserOperation
from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.javascript.array_rows import array_row
from tinygrad_edu.javascript.literals import encoded, type_name
from tinygrad_edu.operations.shapes import is_basic
from viz.steps.as_json import to_json
from viz.steps.steps import Backward
from viz.steps.trace import Trace

MOST_IN_LEAVES = 200_000  # numbers in arrays that can be changed
MOST_IN_ALL = 2_000_000  # numbers in all nodes together: so many are computed without a wait
_JACOBIAN = 20_000  # entries of the largest matrix of local derivatives that is sent
OWN = "is an operation of your own, in Python, which this page cannot compute"
# Operations with a parameter that the user's program may have computed from numbers: other numbers may need another.
_KEPT = {"take_along_axis": "the order", "select": "the choice between the two sides", "getitem": "the index"}


@dataclass
class FixedNode:
    """A node that the page cannot compute.

    Its gradient flows on by its matrices of local derivatives. Where one of them is too large, ``jacobians`` is None,
    and no leaf on which the incoming gradient depends can be changed.
    """

    reason: str
    jacobians: list[Any] | None


@dataclass
class ArrayNumbers:
    """What a page needs to compute a graph of Tensors.

    Attributes
    ----------
    rows : the operations in JavaScript, each text once.
    row_of : for each node the place of its row, or -1.
    fixed : the nodes without a row that an operation made, by their ids.
    """

    film: Trace
    rows: list[str]
    row_of: list[int]
    fixed: dict[int, FixedNode]

    def source(self) -> str:
        """The script with the rows. It needs the object ``np``."""
        listed = "".join(f"  {text},\n" for text in self.rows)
        return f"const arrayRows = [\n{listed}];"

    def recorded(self) -> dict[str, Any]:
        """The arrays that the page cannot compute, as plain data."""
        film = self.film
        computed = {k for k in film.operations if k not in self.fixed}
        return {
            "values": [None if k in computed else _bytes(x) for k, x in enumerate(film.values)],
            "rows": self.row_of,
            "seed": _bytes(film.gradients[film.root]),
            "jacobians": {
                k: None if node.jacobians is None else [None if x is None else _bytes(x) for x in node.jacobians]
                for k, node in self.fixed.items()
            },
            "flows": [self._flow(step) for step in film.flows],
        }

    def _flow(self, step: Backward) -> dict[str, Any]:
        facts: dict[str, Any] = {"summed": step.summed_axes, "shapes": step.shapes}
        if step.node in self.fixed:
            facts |= {"local": to_json(step.local), "contribution": _bytes(step.contribution)}
        return facts


def array_numbers(film: Trace) -> ArrayNumbers | None:
    """The operations of a graph of Tensors in JavaScript; None if the graph has too many numbers to change them."""
    sizes = [x.size for x, node in zip(film.values, film.order, strict=True) if node.operation is None]
    leaves = sum(size for size in sizes if size > 1)
    if leaves > MOST_IN_LEAVES or sum(x.size for x in film.values) > MOST_IN_ALL:
        return None
    if not all(type_name(x.dtype) for x in film.values):
        return None
    places: dict[str, int] = {}
    known: dict[Hashable, int] = {}
    row_of, fixed = [], {}
    for k, node in enumerate(film.order):
        place = -1
        if node.operation is not None:
            key = _key(node)
            try:
                place = known[key] if key in known else places.setdefault(_row(node), len(places))
            except _NoRow as error:
                fixed[k] = FixedNode(str(error), _jacobians(film, k))
            else:
                if key is not None:
                    known[key] = place
        row_of.append(place)
    return ArrayNumbers(film, [*places], row_of, fixed)


def kept_parameter(node: Any) -> str:
    """What of an operation the user's program has chosen, perhaps by the numbers: "the order"; "" if nothing."""
    if node.op == "getitem" and is_basic(node.params["index"]):
        return ""
    return _KEPT.get(node.op, "")


class _NoRow(Exception):  # noqa: N818 it is caught where the row is asked for
    """Why a node has no JavaScript, as the page says it after the node's name."""


def _row(node: Any) -> str:
    if node.op == "sort":
        raise _NoRow("puts numbers in order, and this page does not find their new order")
    own = isinstance(node.operation, UserOperation)
    try:
        return array_row(node)
    except TinygradEduError:
        raise _NoRow(OWN if own else f"is an operation ({node.op}) that this page cannot compute") from None
    except Exception:  # a user's operation may raise anything when it meets a placeholder for its array
        if own:
            raise _NoRow(OWN) from None
        raise


def _key(node: Any) -> Hashable:
    """What the row of a node depends on; None where its parameters are arrays, or it is the user's own."""
    params = tuple(sorted(node.params.items()))
    plain = not isinstance(node.operation, UserOperation) and all(_is_plain(x) for _, x in params)
    inputs = tuple((x.shape, x.dtype, x.requires_grad) for x in node.inputs)
    return (node.op, inputs, repr(params)) if plain else None


def _is_plain(x: Any) -> bool:
    if isinstance(x, tuple):
        return all(map(_is_plain, x))
    return x is None or isinstance(x, bool | int | float | str | np.dtype)


def _jacobians(film: Trace, k: int) -> list[Any] | None:
    """For each input of node ``k`` the matrix of its local derivatives, a row for each entry of the result."""
    size = film.values[k].size
    steps = {step.position: step for step in film.flows if step.node == k}
    if any(size * step.contribution.size > _JACOBIAN for step in steps.values()):
        return None
    found: list[Any] = [None] * len(film.order[k].inputs)
    for position, step in steps.items():
        units = np.eye(size, dtype=film.values[k].dtype).reshape((size, *film.values[k].shape))
        found[position] = np.reshape([step.arriving(unit) for unit in units], (size, step.contribution.size))
    return found


def _bytes(x: Any) -> dict[str, Any]:
    """An array with its entries in base64."""
    return {"shape": list(x.shape), "dtype": type_name(x.dtype), "bytes": encoded(x)}
