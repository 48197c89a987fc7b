"""What `detect_anomaly` and `recording` look at: each new node, and each gradient."""

import math
from collections.abc import Sequence
from typing import Any

from tinygrad_edu.errors import AnomalyError
from tinygrad_edu.graph.modes import MODES
from tinygrad_edu.graph.node import Node, brief, place_of
from tinygrad_edu.operations.operation import Operation
from tinygrad_edu.support.users_code import users_place


def on_node(node: Node) -> None:
    """Tell the active modes of a node that was just made."""
    if MODES.recorder is not None and not isinstance(node._data, float):
        MODES.recorder.on_node(node)
        return  # it has no numbers yet
    if MODES.recording:
        node._origin = users_place()  # type: ignore[misc]
    if MODES.anomaly:
        check_result(node.op, node._data, node.inputs, place_of(node))


def on_constant(operation: Operation, y: Any, inputs: Sequence[Node]) -> None:
    """Under `detect_anomaly`, look at a result that is not recorded: of constants, or within `no_grad`."""
    if MODES.anomaly and MODES.recorder is None:
        check_result(operation.name, y, inputs, " ({}, line {})".format(*users_place()))


def check_result(name: str, y: Any, inputs: Sequence[Node], place: str) -> None:
    """Raise if the operation ``name`` produced a NaN or an infinity from ``inputs``."""
    bad = _produced(y, inputs)
    if bad is not None:
        operands = ", ".join(_operand(i, x) for i, x in enumerate(inputs))
        raise AnomalyError(f"{name} produced {bad} from {operands}{place}")


def check_gradient(node: Node, i: int, gx: Any) -> None:
    """Under `detect_anomaly`, raise if the gradient ``gx`` from ``node`` to its input ``i`` is not finite."""
    bad = _not_finite(getattr(gx, "_data", gx))
    if bad is not None:
        operand = _operand(i, node.inputs[i])
        raise AnomalyError(f"the backward pass of {node.op} produced {bad} for {operand}{place_of(node)}")


def _operand(i: int, x: Node) -> str:
    return f"{x.label or f'input {i}'}={brief(x._data)}"


def _produced(y: Any, inputs: Sequence[Node]) -> str | None:
    """The NaN or infinity that an operation produced as ``y``, as text.

    A NaN in a leaf is reported by the first operation that uses it. An infinity in a leaf is allowed.
    """
    bad = _not_finite(y)
    if bad is None:
        return None
    if _has_nan(y):
        return None if any(x.operation is not None and _has_nan(x._data) for x in inputs) else "nan"
    return bad if all(_not_finite(x._data) is None for x in inputs) else None


def _has_nan(data: Any) -> bool:
    return bool(data != data) if isinstance(data, float) else bool((data != data).any())


def _not_finite(data: Any) -> str | None:
    """The first number in ``data`` that is a NaN or an infinity, as text."""
    if isinstance(data, float):
        return None if data - data == 0 else str(data)
    if data.dtype.kind != "f":
        return None
    bad = data.ravel()
    bad = bad[(bad != bad) | (abs(bad) == math.inf)]
    return str(bad[0]) if bad.size else None
