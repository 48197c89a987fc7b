"""What the player's page knows of a graph, as plain data.

Of a graph of Values the page gets the numbers of the leaves and the rows of the operation table, and computes the rest
itself. Of Tensors, and of an operation that is no row, it gets the numbers that Python computed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_edu.dot import Dot
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.reductions import axes_of
from tinygrad_edu.operations.row import Elementwise
from viz.explain.quiz import NEAR, questions
from viz.explain.why import why
from viz.formulas.templates import name_in_mathml
from viz.pages.array_numbers import OWN, ArrayNumbers, kept_parameter
from viz.pages.network import network
from viz.pages.step_forms import StepForms
from viz.pictures.placement import Size, place
from viz.steps.as_json import FEW, json_number, to_json
from viz.steps.modules import Modules
from viz.steps.repeats import Groups, groups_of
from viz.steps.steps import Backward
from viz.steps.trace import Trace
from viz.steps.trace_data import TracedNode

SHOWN = 500  # at most so many nodes are shown side by side
_PLACED = 200  # up to so many are placed by Graphviz, whose lines are finer; the page is faster
_EXPLAINED = 500  # entries of gradients, and what they cost: each is a walk through all steps
_EXPLAINED_STEPS = 200_000
_ASKED = 1000  # steps
_NUMBERS = 60_000  # in the arrays of a page
_TERMS = 8  # of the sum that makes a gradient


def page_data(film: Trace, arrays: ArrayNumbers | None = None) -> dict[str, Any]:
    """Everything that the page needs to show both passes; ``arrays`` are those of a graph that the page computes."""
    nodes = [*film.nodes]
    modules = film.modules
    edges = [(x, node.id) for node in nodes for x in node.inputs]
    sizes = [_size(node, film.kind) for node in nodes]
    groups = film.groups if len(nodes) > LARGE_BOXES else groups_of(modules, repeats=False)
    return {
        "kind": film.kind,
        "root": film.root,
        "nodes": [_node(node, arrays) for node in nodes],
        "forms": StepForms(film).to_dict(),
        "recorded": _recorded(film) if arrays is None else arrays.recorded(),
        "sizes": [[round(x, 1) for x in size] for size in sizes],
        "place": _place(sizes, edges, modules, groups),
        "folding": groups.to_dict(),
        "network": network(film),
        "quiz": {"questions": _questions(film), "near": NEAR},
        "why": _explanations(film) if film.kind == "Tensor" and arrays is None else {},
    }


def check_size(film: Trace) -> None:
    """Refuse at once what no layout can show.

    Raises
    ------
    ArgumentError : too many nodes are side by side, so that folding cannot help.
    """
    if len(film.order) <= SHOWN:
        return
    outside = sum(None in around for around in film.groups.around)
    if outside > SHOWN:
        raise ArgumentError(
            f"the player shows up to {SHOWN} nodes side by side, but was given {outside} that are in no "
            "module and no loop: give it a smaller part of the graph, or build it of nn modules, which fold"
        )


def is_row(operation: Any) -> bool:
    """Whether the page computes the operation itself: it is a row of the table, or a weighted sum."""
    return isinstance(operation, Dot) or TABLE.get(operation.name) is operation


def rows_of(film: Trace) -> set[str]:
    """The names of the rows that the page needs; none for a graph of Tensors."""
    if film.kind == "Tensor":
        return set()
    operations = (node.operation for node in film.order)
    return {o.name for o in operations if o is not None and is_row(o) and not isinstance(o, Dot)}


def _node(node: TracedNode, arrays: ArrayNumbers | None) -> dict[str, Any]:
    """A node, without what is empty."""
    operation = node.node.operation
    written = name_in_mathml(node.name)
    record = {
        "name": node.name,
        "mathml": "" if written == f"<mi>{node.name}</mi>" else written,
        "label": node.node.label,
        "op": node.node.op,
        "symbol": node.symbol,
        "role": node.role,
        "parameter": node.trace.modules.is_parameter(node.id),
        "collects": node.node.requires_grad,
        "shape": None if node.shape is None else list(node.shape),
        "inputs": node.inputs,
        "source": _source(node),
        "module": node.module,
    }
    if operation is not None and node.trace.kind == "Tensor":
        record["settings"] = _settings(node)
    if operation is not None and node.trace.kind == "Value":
        if is_row(operation):
            record["params"] = [node.node.params[name] for name in getattr(operation, "defaults", ())]
        else:
            record["fixed"] = OWN
    if arrays is not None and node.id in arrays.fixed:
        record["fixed"] = arrays.fixed[node.id].reason
    return {key: x for key, x in record.items() if x not in ("", None, False, [])}


def _settings(node: TracedNode) -> dict[str, Any]:
    """What the page needs to explain an entry of an array operation, besides its derivatives."""
    operation, params = node.node.operation, node.node.params
    found: dict[str, Any] = {"kept": kept_parameter(node.node)}
    if isinstance(operation, Elementwise):
        found["elementwise"] = True
    elif node.node.op in ("max", "min"):
        ndim = node.node.inputs[0].ndim  # type: ignore[attr-defined]
        found |= {"axes": axes_of(params["axis"], ndim), "keepdims": params["keepdims"]}
    elif node.node.op == "max_pool":
        found["window"] = dict(params)
    return {key: x for key, x in found.items() if x != ""}


def _source(node: TracedNode) -> dict[str, Any] | None:
    source = node.source
    return source and source | {"file": Path(source["file"]).name}  # without its folder, which is private


def _recorded(film: Trace) -> dict[str, Any]:
    """The numbers that Python computed: of Values the values alone, and what no row says."""
    if film.kind == "Value":
        fixed = {node.id for node in film.nodes if node.node.operation and not is_row(node.node.operation)}
        locals_ = {
            f"{step.node} {step.position}": json_number(step.local)
            for step in (film.flows if fixed else ())
            if step.node in fixed
        }
        return {"values": list(map(json_number, film.values)), "locals": locals_}
    few = _entries_sent(film)
    return {
        "values": [to_json(x, few) for x in film.values],
        "seed": to_json(film.gradients[film.root], few),
        "flows": [_flow(step, few) for step in film.flows],
    }


def _entries_sent(film: Trace) -> int:
    """Up to how many entries an array is sent one by one, so that all of them together stay below `_NUMBERS`."""
    sizes: list[int] = sorted(x.size for x in film.values)
    total = 0
    for count, size in enumerate(sizes):
        total += 4 * size  # value, gradient, what flows, and its sum
        if total > _NUMBERS:
            return max(FEW, sizes[max(count - 1, 0)])
    return max(FEW, sizes[-1])


def _flow(step: Backward, few: int) -> dict[str, Any]:
    return {
        "local": to_json(step.local),
        "contribution": to_json(step.contribution),
        "after": to_json(step.after, few),
        "summed": step.summed_axes,
        "shapes": step.shapes,
    }


def _questions(film: Trace) -> list[dict[str, Any]]:
    """The quiz of a graph, if it is small enough for one."""
    if len(film.steps) > _ASKED:
        return []
    found = [question.to_dict() for question in questions(film)]
    return [question | {"prompt": question["prompt"]["text"]} for question in found]


def _explanations(film: Trace) -> dict[int, dict[str, Any]]:
    """`why` of each entry of the small Tensors: of as many as takes no time to notice."""
    room = min(_EXPLAINED, _EXPLAINED_STEPS // len(film.steps))
    found: dict[int, dict[str, Any]] = {}
    for k, (node, gradient) in enumerate(zip(film.order, film.gradients, strict=True)):
        if gradient is None or gradient.size > FEW:
            continue
        indices = [*np.ndindex(gradient.shape)]
        room -= len(indices)
        if room < 0:
            break
        found[k] = {",".join(map(str, index)): why(node, film, index=index, top=_TERMS).to_dict() for index in indices}
    return found


# --- positions ---------------------------------------------------------------------------------------------------

_MAP = 64.0  # height of the heat maps
LARGE_BOXES = 60  # up to so many nodes, the boxes have the words "value" and "grad"


def _size(node: TracedNode, kind: str) -> Size:
    """Width and height of a node's box, with room for its name, its value and its gradient."""
    shape, letters = node.shape, len(node.name) + len(node.symbol) + 2
    if node.role == "constant" and not node.node.label and not shape:
        return max(8.1 * len(node.name) + 16, 44.0), 32.0
    written = "×".join(map(str, shape or ()))
    numbers = max(18, len(written) + 16) if kind == "Tensor" and shape else 9  # a range has some 15 characters
    width = max(8.1 * letters, 7.4 * numbers)
    width += 32 if node.trace.modules.is_parameter(node.id) or node.id == node.trace.root else 20  # cut corners
    if len(node.trace.order) <= LARGE_BOXES:
        width = max(8.4 * letters + 24, 7.9 * numbers + 64, 144.0)
        height = 80.0 if node.node.requires_grad else 56.0
        return min(width, 250.0), height + (_MAP if getattr(node.value, "size", 1) > 1 else 0.0)
    return min(width, 216.0), 64.0 if node.node.requires_grad else 42.0


def _place(
    sizes: Sequence[Size], edges: Sequence[tuple[int, int]], modules: Modules, groups: Groups
) -> dict[str, Any] | None:
    """The positions if nothing is folded, from Graphviz; None if the page should find them."""
    if len(sizes) > _PLACED or any(group.turns for group in groups.groups):
        return None
    placement = place(sizes, edges, modules).to_dict()
    index = {str(group.call.index): str(group.index) for group in groups.groups if group.call}
    return placement | {"clusters": {index[call]: at for call, at in placement["clusters"].items()}}
