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
from typing import Any, NamedTuple

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
    made = [[_neurons_of(film, call) for call in of_layer] for of_layer in layers]  # by layer, sample and unit
    inputs = zip(*([source for source, _ in of_sample[0].pairs] for of_sample in made[0]), strict=True)
    columns = [_column(film, "inputs", [{"nodes": [*sources]} for sources in inputs])]
    wires = []
    for c, of_layer in enumerate(made):
        places = {reference["nodes"][0]: i for i, reference in enumerate(columns[c]["neurons"])}
        for j, neuron in enumerate(of_layer[0][:_SHOWN]):
            wires += [
                [c, places[source], j, {"nodes": [weight] * samples}]
                for source, weight in neuron.pairs
                if source in places
            ]
        outputs = [
            {"nodes": [neuron.node for neuron in twins], "parts": [neuron.parts for neuron in twins]}
            for twins in zip(*of_layer, strict=True)
        ]
        columns.append(_column(film, "output" if c == len(layers) - 1 else f"hidden {c + 1}", outputs))
    return {"samples": samples, "columns": columns, "wires": wires}


class _Neuron(NamedTuple):
    """A neuron's last node, the pairs (input, weight) that it multiplies, and the nodes that it is made of."""

    node: int
    pairs: list[tuple[int, int]]
    parts: list[int]


def _neurons_of(film: Trace, call: Any) -> list[_Neuron]:
    """The neurons of a layer's call, by their ids."""
    return [_neuron(film, call, k) for k in sorted(film.ids[y] for y in call.outputs)]


def _neuron(film: Trace, call: Any, output: int) -> _Neuron:
    """The neuron of a layer's call that ends with the node ``output``."""
    pairs: list[tuple[int, int]] = []
    waiting, seen = [output], {output}
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
    return _Neuron(output, sorted(pairs, key=lambda pair: film.names[pair[1]]), sorted(seen))


# --- layers of Tensors --------------------------------------------------------------------------------------------


def _of_layers(film: Trace) -> dict[str, Any] | None:
    found = [k for k in film.operations if film.order[k].op == "linear" and _is_layer(film, k)]
    inputs = [film.nodes[k].inputs for k in found]  # of each layer: what comes in, the weights, the bias
    shapes = [film.values[weight].shape for _, weight, *_ in inputs]
    samples = {film.values[k].shape[0] for k in found}
    if len(samples) != 1 or any(before[1] != after[0] for before, after in itertools.pairwise(shapes)):
        return None
    columns = [_column(film, "inputs", _neurons(film, inputs[0][0]))]
    wires = []
    for c, (k, (_, weight, *bias), (rows, width)) in enumerate(zip(found, inputs, shapes, strict=True)):
        chain = _activation(film, k)
        title = "output" if k == found[-1] else f"hidden {c + 1}"
        columns.append(_column(film, title, _neurons(film, chain[-1])) | {"parts": [*chain, *bias]})
        wires += [
            [c, i, j, {"node": weight, "offset": i * width + j, "step": 0}]
            for i in range(min(rows, _SHOWN))
            for j in range(min(width, _SHOWN))
        ]
    return {"samples": samples.pop(), "columns": columns, "wires": wires}


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
