"""The texts of a node in a picture: the most important ones on its face, all of them in its tooltip."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.dot import Dot
from tinygrad_edu.graph.node import Node
from tinygrad_edu.operations.matrices import LINEAR
from tinygrad_edu.support.types import Array
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.value import Value
from viz.formulas.numbers import counted, number_text, one_line
from viz.formulas.windows import shown_params
from viz.pictures import dot
from viz.pictures.palette import Theme
from viz.steps.modules import Call

_FEW, _FEW_COLUMNS = 12, 4  # up to so many numbers are written out
_MORE = 100  # up to so many in a tooltip
_SMALL = 9  # points
_COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum", "hypot", "logaddexp"})
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def gradients(order: Sequence[Node]) -> dict[Node, Array]:
    """Collect the gradients that a backward pass has left on a graph, given in topological order.

    A `Value` has the gradient 0.0 before any backward pass, too. But a pass gives 1 to the node that it starts from,
    and reaches all inputs from there. So a 0 is only a gradient on the inputs of a node that has a gradient.

    Examples
    --------
    >>> a = Value(2.0)
    >>> L = a * 0.0
    >>> len(gradients([a, L]))
    0
    >>> L.backward()
    >>> gradients([a, L])[a].item()
    0.0
    """
    found: dict[Node, Array] = {}
    reached: set[Node] = set()
    for node in reversed(order):
        grad = _data_of(node.grad)
        if not node.requires_grad or grad is None or (isinstance(node, Value) and not grad and node not in reached):
            continue
        found[node] = np.asarray(grad)
        reached.update(node.inputs)
    return found


def changed(order: Sequence[Node]) -> set[Node]:
    """The leaves whose data was changed after an operation had used it: results that depend on it are out of date."""
    for node in order:
        if isinstance(node, Tensor):
            node.detect_writes()  # the array that ``.data`` handed out may have been written to
    return {x for node in order for x in node.inputs if x.stamp > node.stamp}


def _data_of(x: Any) -> Any:
    """The number or a copy of the array in ``x``: a leaf Tensor's ``.data`` is the array itself, not a copy."""
    if isinstance(x, Tensor):
        return x.numpy()
    return x.data if isinstance(x, Value) else x


# --- the face of a node -------------------------------------------------------------------------------------------


def face(node: Node, name: str, gradient: Array | None, theme: Theme, direction: str, *, is_changed: bool) -> str:
    """The HTML-like label of a node, with a port ``x0``, ``x1``, … for each operand if their order matters."""
    data = np.asarray(_data_of(node))
    parts = [_head(node, name, theme)]
    if is_changed:
        parts.append(dot.font("changed since", POINT_SIZE=_SMALL, COLOR=theme.kinds["wrong"].line))
    if not isinstance(node, Value):
        parts.append(dot.font(dot.markup(f"{data.shape} {data.dtype}"), POINT_SIZE=_SMALL, COLOR=theme.quiet))
    if data.size == 1 and node.operation is None and not node.requires_grad and not node.label:
        parts.append(number_text(float(data.item())))  # a constant needs no name for its number
    elif data.size:
        parts.append(_numbers({"data": data} if gradient is None else {"data": data, "grad": gradient}, theme))
    body = dot.table(*(dot.cell(part) for part in parts if part))
    if is_ordered(node):
        body = _with_ports(body, _operand_names(node), theme, direction)
    return body


def is_ordered(node: Node) -> bool:
    """Whether it matters which operand comes first."""
    return len(node.inputs) > 1 and node.op not in _COMMUTATIVE


def _operand_names(node: Node) -> list[str]:
    """What the operation's symbol calls its operands, else ``x0``, ``x1``, … as the formulas do."""
    count = len(node.inputs)
    if isinstance(node.operation, Dot):
        half = range(count // 2)
        return [*(f"w{i}" for i in half), *(f"x{i}" for i in half), "b"]
    if node.operation is LINEAR:
        return ["x", "W", "b"]
    return [f"x{i}" for i in range(count)]


def _head(node: Node, name: str, theme: Theme) -> str:
    words = []
    if node.operation is not None:
        words.append(dot.font(f"<B>{dot.markup(node.operation.symbol)}</B>", POINT_SIZE=14))
        words += [
            dot.font(dot.markup(text), POINT_SIZE=_SMALL, COLOR=theme.quiet) for text in _settings(shown_params(node))
        ]
    if node.label:
        words.append(f"<B>{dot.markup(node.label)}</B>")
    elif name:
        words.append(dot.font(dot.markup(name), COLOR=theme.quiet))
    return " ".join(words)


def _settings(params: Mapping[str, Any]) -> Iterable[str]:
    """The parameters of an operation, apart from those that are switched off, and from what it keeps for itself."""
    for name, setting in params.items():
        if isinstance(setting, np.ndarray) and setting.ndim:
            yield f"{name}: array of shape {setting.shape}"
        elif setting is not None and setting is not False and not isinstance(setting, Mapping):
            yield f"{name}={setting}"


def _numbers(given: Mapping[str, Array], theme: Theme) -> str:
    """Data and gradient: single numbers one above the other, summaries of arrays side by side."""
    colours = {"data": theme.ink, "grad": theme.gradient}
    keys = {"data": dot.font("data", COLOR=theme.quiet), "grad": dot.font("grad", COLOR=theme.gradient)}
    if given["data"].size == 1:
        texts = {key: dot.font(number_text(float(array.item())), COLOR=colours[key]) for key, array in given.items()}
        rows = [dot.cell(keys[key], ALIGN="LEFT") + dot.cell(text, ALIGN="RIGHT") for key, text in texts.items()]
        return dot.table(*rows, CELLPADDING=2)
    rows = [dot.cell("") + "".join(dot.cell(keys[key], ALIGN="RIGHT") for key in given)]
    columns = [[dot.font(text, COLOR=colours[key]) for text in _spread(array)] for key, array in given.items()]
    for i, head in enumerate(("min", "mean", "max")):
        first = dot.cell(dot.font(head, POINT_SIZE=_SMALL, COLOR=theme.quiet), ALIGN="LEFT")
        rows.append(first + "".join(dot.cell(column[i], ALIGN="RIGHT") for column in columns))
    if _are_few(given["data"]):
        matrices = (dot.font(_matrix(array), COLOR=colours[key]) for key, array in given.items())
        rows.append(dot.cell("") + "".join(dot.cell(matrix, ALIGN="RIGHT") for matrix in matrices))
    return dot.table(*rows, CELLPADDING=2)


def _are_few(array: Array) -> bool:
    return array.size <= _FEW and array.shape[-1] <= _FEW_COLUMNS


def _spread(array: Array) -> list[str]:
    """Minimum, mean and maximum."""
    with np.errstate(all="ignore"):  # nan and inf are what there is to see
        return [number_text(float(x)) for x in (array.min(), array.mean(dtype=np.float64), array.max())]


def _matrix(array: Array) -> str:
    """The numbers, a row for each along the last axis, between upright lines."""
    lines = array.reshape(-1, array.shape[-1]).tolist()
    rows = ("".join(dot.cell(number_text(float(x)), ALIGN="RIGHT") for x in line) for line in lines)
    return dot.table(*rows, BORDER=1, SIDES="LR", CELLPADDING=2)


def _with_ports(body: str, names: Sequence[str], theme: Theme, direction: str) -> str:
    ports = [
        dot.cell(dot.font(name.translate(_SUBSCRIPTS), POINT_SIZE=_SMALL, COLOR=theme.quiet), PORT=f"x{i}")
        for i, name in enumerate(names)
    ]
    rows, side = (ports, "R") if direction == "LR" else (["".join(ports)], "B")
    border = dot.cell(dot.table(*rows, CELLPADDING=2), BORDER=1, SIDES=side, COLOR=theme.quiet)
    body = dot.cell(body, CELLPADDING=4)
    return dot.table(*([border + body] if direction == "LR" else [border, body]), CELLPADDING=0)


# --- in words -----------------------------------------------------------------------------------------------------


def name(node: Node, names: Mapping[Node, str]) -> str:
    """The node's name in a sentence: its label or its name, or the figures of a constant number."""
    if node.label:
        return one_line(node.label, 40)
    return names[node] or number_text(np.asarray(_data_of(node)).item())


def words(node: Node, names: Mapping[Node, str], kind: str, gradient: Array | None, *, is_changed: bool) -> str:
    """The tooltip of a node: its label and its numbers in full, its settings, and where it was made."""
    heading = f"{kind} {node.label or name(node, names)}"
    if node.operation is not None:
        inputs = ", ".join(name(x, names) for x in node.inputs[:_FEW])
        heading += f" = {node.op}({inputs}{', …' * (len(node.inputs) > _FEW)})"
    lines = [heading, *_settings(shown_params(node))]
    data = np.asarray(_data_of(node))
    if not isinstance(node, Value):
        lines.append(f"shape {data.shape}, {data.dtype}")
    lines += [f"data {_in_full(data)}"] if data.size else []
    lines += ["changed since the forward pass"] if is_changed else []
    lines += [f"grad {_in_full(gradient)}"] if gradient is not None and gradient.size else []
    lines += ["made at {}, line {}".format(*node.origin)] if node.origin else []
    return "\n".join(lines)


def _in_full(array: Array) -> str:
    if array.size == 1:
        return repr(array.item())
    spread = "min {}, mean {}, max {}".format(*_spread(array))
    if array.size > _MORE:
        return spread
    return spread + "\n" + np.array2string(array, precision=6, separator=", ", threshold=_MORE)


# --- modules ------------------------------------------------------------------------------------------------------


def title(call: Call) -> str:
    """The name of a module in the one around it, and what it is."""
    return ": ".join(filter(None, (call.scope.name, call.scope.title))) or "module"


def module_face(title: str, call: Call, parameters: int, theme: Theme) -> str:
    """The HTML-like label of a folded module: what it is, how many numbers learn in it, and what it gives."""
    notes = [*_parameters(parameters), f"→ {gives(call)}"]
    lines = [f"<B>{dot.markup(title, longest=64)}</B>"]
    lines += [dot.font(dot.markup(note, longest=48), POINT_SIZE=_SMALL, COLOR=theme.quiet) for note in notes]
    return dot.table(*map(dot.cell, lines), CELLPADDING=2)


def turns_face(title: str, count: str, theme: Theme) -> str:
    """The HTML-like label of folded turns of a loop."""
    lines = [f"<B>{dot.markup(title, longest=48)}</B>", dot.font(count, POINT_SIZE=_SMALL, COLOR=theme.quiet)]
    return dot.table(*map(dot.cell, lines), CELLPADDING=2)


def module_words(title: str, call: Call, parameters: int) -> str:
    """The tooltip of a folded module."""
    return "\n".join([f"folded module {title}", *_parameters(parameters), f"gives {gives(call)}"])


def _parameters(count: int) -> list[str]:
    return [counted(count, "parameter")] if count else []


def gives(call: Call) -> str:
    """What a call returned: the shapes of its Tensors, or how many Values."""
    if isinstance(call.outputs[0], Value):
        return counted(len(call.outputs), "value")
    arrays = [_data_of(y) for y in call.outputs]
    return ", ".join(f"{array.shape} {array.dtype}" for array in arrays)
