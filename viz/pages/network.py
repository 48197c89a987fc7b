"""A net in a graph, as neurons in columns joined by weights: for the network view of the player.

Two forms of nets are found: neurons of `nn.scalar`, each a module call, and layers of Tensors, each one product
``x @ W + b``. A number in it is a *reference*, which the page looks up:

- ``{"nodes": [k0, k1, …]}``: the value of node k of the chosen sample, of a graph of Values,
- ``{"node": k, "offset": i, "step": n}``: entry ``i + n·sample`` of the array of node k.

A neuron of Values has ``parts``, the nodes that it is made of, for each sample; a column of Tensors those of all its
neurons. A step on one of them lights the neurons.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from tinygrad_edu.dot import Dot
from tinygrad_edu.operations.row import Elementwise
from viz.steps.trace import Trace

_SHOWN = 16  # neurons of a column
Reference = dict[str, Any]


def network(film: Trace) -> dict[str, Any] | None:
    """The net in a graph, None if there is none of a known form.

    Returns
    -------
    ``samples``, how many there are to choose from.
    ``columns``, each with a ``title``, ``neurons`` (references with a ``name``) and how many are left ``out``.
    ``wires``, each ``[column, from, to, weight]`` with a reference.
    """
    return _of_neurons(film) if film.kind == "Value" else _of_layers(film)


# --- neurons of Values --------------------------------------------------------------------------------------------


def _of_neurons(film: Trace) -> dict[str, Any] | None:
    by_module: dict[int, list[Any]] = {}  # the calls of each layer, one for each sample
    for call in film.modules.calls:
        if call.scope.title.startswith("Layer("):
            by_module.setdefault(id(call.scope), []).append(call)
    layers = [*by_module.values()]
    samples = min(map(len, layers), default=0)
    if not samples or any(len(calls) != samples for calls in layers):
        return None
    neurons = [[sorted(film.ids[y] for y in call.outputs) for call in calls] for calls in layers]
    made = [
        [[_made_of(film, call, k) for k in outputs] for call, outputs in zip(calls, per_call, strict=True)]
        for calls, per_call in zip(layers, neurons, strict=True)
    ]
    pairs = [[[of_neuron for of_neuron, _ in of_call] for of_call in of_layer] for of_layer in made]
    inputs = [{"nodes": [of_sample[0][i][0] for of_sample in pairs[0]]} for i in range(len(pairs[0][0][0]))]
    columns = [_column(film, "inputs", inputs)]
    wires = []
    for c, (per_call, of_layer) in enumerate(zip(neurons, pairs, strict=True)):
        places = {neuron["nodes"][0]: i for i, neuron in enumerate(columns[c]["neurons"])}
        for j, of_neuron in enumerate(of_layer[0][:_SHOWN]):
            wires += [
                [c, places[source], j, {"nodes": [weight] * samples}]
                for source, weight in of_neuron
                if source in places
            ]
        parts = zip(*([sorted(inside) for _, inside in of_call] for of_call in made[c]), strict=True)
        outputs = [
            {"nodes": [*of_samples], "parts": [*of_parts]}
            for of_samples, of_parts in zip(zip(*per_call, strict=True), parts, strict=True)
        ]
        columns.append(_column(film, "output" if c == len(layers) - 1 else f"hidden {c + 1}", outputs))
    return {"samples": samples, "columns": columns, "wires": wires}


def _made_of(film: Trace, call: Any, neuron: int) -> tuple[list[tuple[int, int]], set[int]]:
    """The pairs (input, weight) that a neuron of a layer multiplies, and the nodes that it is made of.

    The neuron is one of the outputs of the layer's call.
    """
    pairs: list[tuple[int, int]] = []
    waiting, seen = [neuron], {neuron}
    while waiting:
        k = waiting.pop()
        node = film.order[k]
        ids = [film.ids[x] for x in node.inputs]
        if isinstance(node.operation, Dot):
            n = len(ids) // 2
            pairs += zip(ids[n:-1], ids[:n], strict=True)
            seen.add(ids[-1])
        elif node.op == "mul" and sum(map(film.modules.is_parameter, ids)) == 1:
            weight, source = ids if film.modules.is_parameter(ids[0]) else ids[::-1]
            pairs.append((source, weight))
        else:
            waiting += [i for i in ids if film.modules.home[i] is call and i not in seen]
            seen.update(i for i in ids if film.modules.home[i] is call or film.modules.is_parameter(i))
    return sorted(pairs, key=lambda pair: film.names[pair[1]]), seen


# --- layers of Tensors --------------------------------------------------------------------------------------------


def _of_layers(film: Trace) -> dict[str, Any] | None:
    found = [k for k in film.operations if film.order[k].op == "linear" and _is_layer(film, k)]
    if not found:
        return None
    samples = film.values[found[0]].shape[0]
    if any(film.values[k].shape[0] != samples for k in found):
        return None
    first = film.ids[film.order[found[0]].inputs[0]]
    columns = [_column(film, "inputs", _neurons(film, first))]
    wires = []
    for c, k in enumerate(found):
        title = "output" if k == found[-1] else f"hidden {c + 1}"
        chain = _activation(film, k)
        bias = [film.ids[x] for x in film.order[k].inputs[2:]]
        columns.append(_column(film, title, _neurons(film, chain[-1])) | {"parts": [*chain, *bias]})
        weight = film.ids[film.order[k].inputs[1]]
        rows, width = film.values[weight].shape
        if rows != film.values[film.ids[film.order[k].inputs[0]]].shape[1]:
            return None
        wires += [
            [c, i, j, {"node": weight, "offset": i * width + j, "step": 0}]
            for i in range(min(rows, _SHOWN))
            for j in range(min(width, _SHOWN))
        ]
    widths = [film.values[film.ids[film.order[k].inputs[1]]].shape for k in found]
    chained = all(before[1] == after[0] for before, after in itertools.pairwise(widths))
    return {"samples": samples, "columns": columns, "wires": wires} if chained else None


def _is_layer(film: Trace, k: int) -> bool:
    """Whether the node is ``x @ W + b`` of two tables."""
    return all(film.values[film.ids[x]].ndim == 2 for x in film.order[k].inputs[:2])


def _activation(film: Trace, k: int) -> list[int]:
    """The layer's result and what functions of one input make of it; the last of them is what the next layer sees."""
    chain = [k]
    while True:
        node = film.order[chain[-1]]
        users = [j for j in film.operations if any(x is node for x in film.order[j].inputs)]
        if len(users) != 1:
            return chain
        operation = film.order[users[0]].operation
        if not isinstance(operation, Elementwise) or len(film.order[users[0]].inputs) != 1:
            return chain
        chain.append(users[0])


def _neurons(film: Trace, k: int) -> list[Reference]:
    width = film.values[k].shape[1]
    return [{"node": k, "offset": i, "step": width} for i in range(width)]


def _column(film: Trace, title: str, neurons: Sequence[Reference]) -> dict[str, Any]:
    named = [neuron | {"name": _name(film, neuron)} for neuron in neurons[:_SHOWN]]
    return {"title": title, "neurons": named, "out": max(0, len(neurons) - _SHOWN)}


def _name(film: Trace, neuron: Reference) -> str:
    if "nodes" in neuron:
        return str(film.names[neuron["nodes"][0]])
    return f"{film.names[neuron['node']]}[{neuron['offset']}]"
