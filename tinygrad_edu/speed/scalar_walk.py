"""The backward pass on Values with the derivatives of sums and products written into the loop.

`value.walk_each` is the plain form and gives the same numbers. Most nodes of a network of Values are sums and products.
What they do is so little that a call takes as long as the rest.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.operation import GENERATED

_LOOP = """
def walk(order):
    for node in reversed(order):
        operation = node.operation
        if operation is mul:
            {mul}
        elif operation is add:
            {add}
        elif operation is not None:
            operation.backward_floats(node)
"""


@cache
def written_walk() -> Callable[[list[Any]], None]:
    """The function that passes the gradient of each node on to its inputs, from the last node to the first."""
    rows = {name: TABLE[name] for name in ("mul", "add")}
    bodies = {name: ("\n" + 12 * " ").join(row.backward_lines()) for name, row in rows.items()}
    scope: dict[str, Any] = {**rows}
    exec(compile(_LOOP.format(**bodies), GENERATED, "exec"), scope)  # noqa: S102 two rows of the table
    return scope["walk"]
