"""`viz.draw`: a graph as a picture."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import hypothesis.strategies as st
import numpy as np
import pygraphviz
import pytest
from hypothesis import given, settings

import viz
from tests.browser.graphs import recurrent, recurrent_layer, samples
from tests.viz.steps.test_scopes import programs
from tinygrad_edu import Tensor, TinygradEduError, Value, dot, nn, no_grad, operation
from tinygrad_edu.errors import ArgumentError, DTypeError, FileError
from tinygrad_edu.graph.node import Node, topological_order
from tinygrad_edu.graph.scope import Mark, Scope
from viz.formulas.numbers import number_text, printable
from viz.pictures import render
from viz.pictures.palette import THEMES
from viz.steps.modules import module_calls
from viz.steps.repeats import groups_of

SVG = "{http://www.w3.org/2000/svg}"


class Picture:
    """What a reader of the SVG sees."""

    def __init__(self, drawing):
        self.svg = ElementTree.fromstring(drawing.svg)
        self.groups = {g.get("id"): g for g in self.svg.iter(f"{SVG}g")}

    def of_class(self, name):
        return [key for key, g in self.groups.items() if name in g.get("class", "").split()]

    def texts(self, key):
        return [plain(text) for text in self.groups[key].iter(f"{SVG}text")]

    def tooltip(self, key):
        return plain(self.groups[key].find(f"{SVG}title"))

    def node_with(self, text):
        (found,) = (key for key in self.of_class("node") if text in self.texts(key))
        return found


def texts(drawing):
    """All texts in the picture."""
    return [plain(text) for text in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def plain(text):
    """The text of an element; of several spaces Graphviz makes hard ones."""
    return text.text.replace("\N{NO-BREAK SPACE}", " ")


def dot_graph(drawing):
    return pygraphviz.AGraph(string=drawing.source, strict=False)


def looks(drawing):
    """The node's name → the attributes that make its shape, and its colour."""
    graph = dot_graph(drawing)
    shapes = {node: tuple(node.attr[name] for name in ("shape", "style", "peripheries")) for node in graph.nodes()}
    return shapes, {node: node.attr["fillcolor"] for node in graph.nodes()}


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def expression():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    L = (a * b + 10).tanh()
    L.label = "L"
    return L


class Module:
    """Notes on what ``body`` returns what `nn.Module` notes."""

    def __init__(self, name, title, body):
        self.scope = Scope(name, title)
        self.body = body

    def __call__(self, *inputs):
        outputs = self.body(*inputs)
        for y in outputs if isinstance(outputs, list) else [outputs]:
            y._marks = (*y.marks, Mark(self.scope, inputs))
        return outputs


def tensor_net():
    """An MLP(2 → 3 → 1) of three modules in a fourth."""
    weights = [Tensor(np.full(shape, 0.5), label=f"W{i}") for i, shape in enumerate([(2, 3), (3, 1)])]
    layers = [Module(f"layers.{i}", f"Linear {i}", lambda x, W=W: x @ W) for i, W in enumerate(weights)]
    relu = Module("relu", "ReLU", lambda x: x.relu())
    return Module("net", "MLP(2 → 3 → 1)", lambda x: layers[1](relu(layers[0](x))))


def scalar_net(sizes):
    """A scalar MLP: neurons in layers in a net."""
    rng = np.random.default_rng(0)

    def neuron(n):
        ws = [Value(w) for w in rng.normal(size=n)]
        return Module(
            "neuron", f"Neuron({n})", lambda xs: sum((w * x for w, x in zip(ws, xs, strict=True)), Value(0.1))
        )

    def layer(i, n, m):
        neurons = [neuron(n) for _ in range(m)]
        return Module(f"layers.{i}", f"Layer({n} → {m})", lambda xs: [unit(xs).tanh() for unit in neurons])

    layers = [layer(i, n, m) for i, (n, m) in enumerate(pairwise(sizes))]

    def run(xs):
        for each in layers:
            xs = each(xs)
        return xs

    return Module("", "MLP", run)


# --- nodes and edges ----------------------------------------------------------------------------------------------


@st.composite
def value_graphs(draw):
    nodes = [Value(draw(st.floats(-3, 3)), draw(st.sampled_from(["", "a", "b"]))) for _ in range(2)]
    for _ in range(draw(st.integers(0, 12))):
        x, y = (draw(st.sampled_from(nodes)) for _ in range(2))
        nodes.append(draw(st.sampled_from([lambda x, y: x * y, lambda x, y: x - y, lambda x, y: x.tanh() / 2]))(x, y))
    return nodes[-1]


@st.composite
def tensor_graphs(draw):
    nodes = [Tensor(np.ones(draw(st.sampled_from([(2, 2), (1, 2), (2, 1), ()])))) for _ in range(2)]
    for _ in range(draw(st.integers(0, 8))):
        x, y = (draw(st.sampled_from(nodes)) for _ in range(2))
        nodes.append(draw(st.sampled_from([lambda x, y: x * y, lambda x, y: x - y, lambda x, y: x.relu() + 1]))(x, y))
    return nodes[-1]


@given(st.one_of(value_graphs(), tensor_graphs()), st.sampled_from(["LR", "TB"]), st.booleans())
def test_there_is_one_node_for_each_node_and_one_arrow_for_each_operand(root, direction, backward):
    if backward:
        root.backward(*([np.ones(root.shape)] if isinstance(root, Tensor) else []))
    order = topological_order(root)
    drawing = viz.draw(root, direction=direction)
    graph = dot_graph(drawing)
    assert {*graph.nodes()} == {f"node-{i}" for i in range(len(order))}
    wanted = sorted(
        (f"node-{order.index(x) if isinstance(x, Value) else [*map(id, order)].index(id(x))}", f"node-{i}")
        for i, node in enumerate(order)
        for x in node.inputs
    )
    assert sorted(graph.edges()) == wanted
    picture = Picture(drawing)
    assert {*picture.of_class("node")} == {*graph.nodes()}
    assert {*picture.of_class("edge")} == {f"edge-{i}-{j}" for i, x in enumerate(order) for j in range(len(x.inputs))}


def test_a_node_used_twice_is_drawn_once_with_two_arrows():
    x = Value(3.0, "x")
    assert dot_graph(viz.draw(x * x)).edges() == [("node-0", "node-1")] * 2


def test_a_leaf_alone_is_one_node():
    assert viz.draw(Value(3.0, "x")).title == "x: 1 node, 0 edges"


def test_kinds_differ_by_shape_and_by_colour():
    net = tensor_net()
    root = net(Tensor(np.ones((1, 2)), label="x")).exp() * 2
    picture = Picture(viz.draw(root))
    keys = {kind: picture.of_class(kind)[0] for kind in ("leaf", "parameter", "constant", "operation", "root")}
    shapes, colours = looks(viz.draw(root))
    assert len({shapes[key] for key in keys.values()}) == 5
    assert len({colours[key] for key in keys.values()}) == 5
    assert "W0" in picture.texts(picture.of_class("parameter")[0])
    assert "x" in picture.texts(keys["leaf"])
    assert looks(viz.draw(root, depth=0))[0]["module-3"] not in {shapes[key] for key in keys.values()}


def test_a_node_shows_its_label_symbol_data_and_gradient():
    L = expression()
    L.backward()
    picture = Picture(viz.draw(L))
    assert picture.texts(picture.node_with("a")) == [
        "a",
        "data",
        "2",
        "grad",
        number_text(L.inputs[0].inputs[0].inputs[0].grad),
    ]
    assert picture.texts(picture.node_with("×")) == ["×", " ", "v2", "data", "−6", "grad", "0.001341"]
    assert picture.texts(picture.node_with("L")) == ["tanh", " ", "L", "data", "0.9993", "grad", "1"]
    assert picture.texts(picture.of_class("constant")[0]) == ["10"]


def test_the_order_of_operands_shows_where_it_matters():
    a, b = Value(5.0, "a"), Value(2.0, "b")
    for root, ports in ((a - b, ["x0:w", "x1:w"]), (b / a, ["x0:w", "x1:w"]), (a * b, [None, None])):
        graph = dot_graph(viz.draw(root))
        assert [edge.attr["headport"] for edge in graph.edges()] == ports
        assert [edge[0] for edge in graph.edges()] == ["node-0", "node-1"]
    assert [text for text in texts(viz.draw(a - b)) if text in ("x₀", "x₁")] == ["x₀", "x₁"]
    assert "x₀" not in texts(viz.draw(a * b))


def test_operands_have_the_names_of_the_operations_symbol():
    found = texts(viz.draw(dot([Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)], Value(5.0))))
    assert [text for text in found if text in ("w₀", "w₁", "x₀", "x₁", "b")] == ["w₀", "w₁", "x₀", "x₁", "b"]
    layer = nn.Linear(2, 1)
    assert [text for text in texts(viz.draw(layer(np.ones((1, 2))))) if text in ("x", "W", "b")] == ["x", "W", "b"]


def test_parameters_of_an_operation_show():
    found = texts(viz.draw(Tensor(np.ones((2, 3))).sum(axis=0)))
    assert "axis=0" in found
    assert "keepdims=False" not in found


def test_a_users_operation_is_drawn_like_a_built_in_one():
    cube = operation(lambda x: x**3, lambda gy, y, x: gy * 3 * x**2, symbol="x³ <&>")
    assert "x³ <&>" in texts(viz.draw(cube(Value(2.0))))


# --- gradients ----------------------------------------------------------------------------------------------------


def test_before_a_backward_no_gradient_is_shown():
    assert "grad" not in texts(viz.draw(expression()))
    assert "grad" not in texts(viz.draw(Tensor([1.0, 2.0]).sum()))


def test_after_a_backward_a_gradient_of_zero_is_shown():
    a, b = Value(0.0, "a"), Value(7.0, "b")
    L = (a * b).relu()
    L.backward()
    picture = Picture(viz.draw(L))
    for key in picture.of_class("node"):
        assert picture.texts(key)[-2:] == ["grad", "1" if key in picture.of_class("root") else "0"]


def test_a_constant_has_no_gradient():
    L = expression()
    L.backward()
    picture = Picture(viz.draw(L))
    assert "grad" not in picture.texts(picture.of_class("constant")[0])


def test_a_new_graph_over_trained_leaves_has_no_gradients_of_its_own():
    w = Value(2.0, "w")
    (w * 3).backward()
    L = w * w
    picture = Picture(viz.draw(L))
    assert picture.texts(picture.node_with("w"))[-2:] == ["grad", "3"]
    assert "grad" not in picture.texts(picture.of_class("root")[0])
    w.grad = 0.0
    assert "grad" not in texts(viz.draw(L))


def test_gradients_that_are_nodes_are_shown_as_numbers():
    x = Value(3.0, "x")
    (x**2).backward(create_graph=True)
    assert texts(viz.draw(x))[-1] == "6"
    t = Tensor([1.0, 2.0], label="t")
    (t * t).sum().backward(create_graph=True)
    assert [*texts(viz.draw(t))][-2:] == ["2", "4"]


# --- Tensors ------------------------------------------------------------------------------------------------------


def test_a_tensor_shows_shape_dtype_extent_and_few_values():
    t = Tensor(np.array([[1, 2], [3, 6]], np.float32), label="t")
    (t * 2).sum().backward()
    assert texts(viz.draw(t)) == [
        *("t", "(2, 2) float32", "data", "grad"),
        *("min", "1", "2", "mean", "3", "2", "max", "6", "2"),
        *("1", "2", "3", "6", "2", "2", "2", "2"),
    ]


def test_many_values_are_summed_up():
    assert texts(viz.draw(Tensor(np.arange(100.0), label="t"))) == [
        *("t", "(100,) float64", "data", "min", "0", "mean", "49.5", "max", "99")
    ]


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (np.array(0.5), ["L", "() float64", "data", "0.5"]),
        (np.ones((0, 3)), ["L", "(0, 3) float64"]),
        (np.array([[[2.0]]]), ["L", "(1, 1, 1) float64", "data", "2"]),
    ],
)
def test_scalars_and_empty_arrays(array, shown):
    assert texts(viz.draw(Tensor(array))) == shown


@pytest.mark.parametrize("array", [np.array([1, -2]), np.array([True, False])])
def test_integers_and_booleans(array):
    assert texts(viz.draw(Tensor(array)))[-2:] == [number_text(float(x)) for x in array]


def test_what_is_not_finite_is_shown_as_it_is():
    assert texts(viz.draw(Tensor([np.inf, -np.inf])))[3:] == ["min", "−inf", "mean", "nan", "max", "inf", "inf", "−inf"]
    assert texts(viz.draw(Value(float("nan"))))[-1] == "nan"


def test_drawing_leaves_the_graph_as_it_was():
    W = Tensor(np.ones((2, 2)), label="W")
    loss = (W @ W).sum()

    def state():
        slots = [*Tensor.__slots__, *Node.__slots__]
        return [
            getattr(node, name, None) for node in topological_order(loss) for name in slots if name != "__weakref__"
        ]

    before = state()
    viz.draw(loss)
    assert all(now is then for now, then in zip(state(), before, strict=True))


def test_a_result_under_no_grad_is_a_constant():
    with no_grad():
        y = tensor_net()(Tensor(np.ones((1, 2))))
    assert Picture(viz.draw(y)).of_class("constant") == ["node-0"]


# --- labels are text ----------------------------------------------------------------------------------------------

HOSTILE = [
    "<b>bold</b>",
    "\"quoted\" and 'quoted'",
    "{|}",
    r"\N \G \L \n \l \r \\ \{",
    "&lt; &amp; &#65;",
    "two\nlines",
    "\x00\x01\x1b[2J",
    "😀👍🏽",
    "\ud800",
    'charset="utf-16"',
    "]]> --> </svg>",
    "a" * 32,
    " spaces  inside ",
]


@given(st.text(max_size=30))
def test_any_label_is_shown_as_text(label):
    check_label(label)


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_are_shown_as_text(label, capfd):
    check_label(label)
    assert capfd.readouterr().err == ""


def check_label(label):
    node = Value(1.0, label)
    picture = Picture(viz.draw(node * 2))
    label = "?" if label == "\ud800" else label  # a node keeps no half of a surrogate pair
    assert node.label == label
    (leaf,) = picture.of_class("leaf")
    shown = printable(label)
    shown = shown if len(shown) <= 32 else shown[:31] + "…"
    assert picture.texts(leaf) == [shown.replace("\N{NO-BREAK SPACE}", " ") or "node", "data", "1"]
    told = "\n".join(map(printable, (label or "node").split("\n")))
    assert picture.tooltip(leaf) == f"leaf {told}\ndata 1.0"
    assert {element.tag.removeprefix(SVG) for element in picture.svg.iter()} <= {
        *("svg", "title", "desc", "g", "polygon", "polyline", "path", "text")
    }


def test_a_long_label_is_cut_in_the_picture_and_whole_in_the_tooltip():
    label = "long " * 30
    picture = Picture(viz.draw(Value(1.0, label)))
    assert picture.texts("node-0")[0] == label[:31] + "…"
    assert label in picture.tooltip("node-0")


def test_labels_of_modules_and_symbols_are_text_too(capfd):
    double = operation(lambda x: x * 2, lambda gy, y, x: gy * 2, symbol=HOSTILE[0] + HOSTILE[3])
    for hostile in HOSTILE:
        y = Module(hostile, hostile, double)(Value(1.0))
        assert any(printable(hostile)[:20] in text for text in texts(viz.draw(y)))
        assert any(printable(hostile)[:20] in text for text in texts(viz.draw(y, depth=0)))
    assert capfd.readouterr().err == ""


# --- modules ------------------------------------------------------------------------------------------------------


def test_modules_are_nested_clusters_with_their_names():
    x = Tensor(np.ones((1, 2)), label="x")
    graph = dot_graph(viz.draw(tensor_net()(x)))
    (net,) = graph.subgraphs()
    assert "net: MLP(2 → 3 → 1)" in net.graph_attr["label"]
    inner = {name: sub for sub in net.subgraphs() for name in re.findall(r"<B>(.*)</B>", sub.graph_attr["label"])}
    assert {*inner} == {"layers.0: Linear 0", "relu: ReLU", "layers.1: Linear 1"}
    assert len(inner["layers.0: Linear 0"]) == 2  # W0 and the product
    assert len(net) == len(graph) - 1  # x lies outside


def test_titles_of_clusters_lie_above_the_arrows_on_a_ground_of_their_own():
    net = tensor_net()(Tensor(np.ones((1, 2)), label="x"))
    whole = ElementTree.fromstring(viz.draw(net).svg).findall(f"{SVG}g")[-1]
    titles = [*whole][-1]
    assert plain(titles[0]) == "net: MLP(2 → 3 → 1)"
    assert all(text.get("paint-order") == "stroke" for text in titles)
    assert len(titles) == 4
    folded = ElementTree.fromstring(viz.draw(net, depth=0).svg)
    assert not [g for g in folded.iter(f"{SVG}g") if g.get("class") == "titles"]


def test_a_module_called_twice_is_two_clusters():
    W = Tensor(np.ones((2, 2)), label="W")
    layer = Module("layer", "Linear", lambda x: x @ W)
    drawing = viz.draw(layer(layer(Tensor(np.ones((1, 2)), label="x"))))
    assert [text for text in texts(drawing) if text.startswith("layer:")] == [
        "layer: Linear, call 1 of 2",
        "layer: Linear, call 2 of 2",
    ]


def test_two_calls_on_plain_numbers_are_two_clusters_and_several_outputs_are_one():
    net, layer = nn.scalar.MLP(2, [1], rng=0), nn.scalar.Layer(2, 3, rng=0)
    drawing = viz.draw(net([1.0, 2.0]) * net([3.0, 4.0]), depth=0)
    assert [text.rpartition(", ")[2] for text in texts(drawing) if "MLP" in text] == ["call 1 of 2", "call 2 of 2"]
    drawing = viz.draw(sum(layer([1.0, 2.0])), depth=0)
    assert [text for text in texts(drawing) if text.startswith("→")] == ["→ 3 values"]


def test_folded_modules_show_title_parameters_and_output():
    y = tensor_net()(Tensor(np.ones((1, 2)), label="x"))
    picture = Picture(viz.draw(y, depth=0))
    assert picture.texts(picture.of_class("module")[0]) == [
        "net: MLP(2 → 3 → 1)",
        "9 parameters",
        "→ (1, 1) float64",
    ]
    assert len(picture.of_class("node")) == 2
    picture = Picture(viz.draw(y, depth=1))
    assert picture.texts("module-0") == ["layers.0: Linear 0", "6 parameters", "→ (1, 3) float64"]
    assert picture.texts("module-1") == ["relu: ReLU", "→ (1, 3) float64"]


def test_an_element_keeps_its_id_when_modules_are_folded_and_the_picture_is_turned():
    loss = tensor_net()(Tensor(np.ones((1, 2)), label="x")).sum()
    whole = Picture(viz.draw(loss))
    for depth, direction in ((0, "LR"), (1, "TB")):
        picture = Picture(viz.draw(loss, depth=depth, direction=direction))
        for key in picture.of_class("node"):
            assert (
                picture.tooltip(key).removeprefix("folded module ").split("\n")[0] == whole.tooltip(key).split("\n")[0]
            )


def test_arrows_between_folded_modules_are_bundled():
    net = scalar_net([2, 3, 1])
    (y,) = net([Value(1.0, "x0"), Value(2.0, "x1")])
    drawing = viz.draw(y, depth=1)
    graph = dot_graph(drawing)
    assert len(graph.edges()) == 3
    assert "3" in texts(drawing)
    assert "→ 3 values" in texts(drawing)


@given(programs(), st.integers(0, 3), st.sampled_from(["LR", "TB"]))
def test_any_graph_of_modules_is_drawn_at_any_depth(program, depth, direction):
    root, _ = program
    modules = module_calls(topological_order(root))
    groups = groups_of(modules, repeats=False)
    shown = {id(item) for item in groups.shown(modules.order, groups.boxes(depth, None)) if item is not None}
    assert len(Picture(viz.draw(root, depth=depth, direction=direction)).of_class("node")) == len(shown)


@given(st.integers(0, 3), st.lists(st.integers(1, 3), min_size=2, max_size=4))
def test_folded_scalar_nets_are_whole(depth, sizes):
    ys = scalar_net(sizes)([Value(1.0, f"x{i}") for i in range(sizes[0])])
    root = sum(ys, Value(0.0))
    picture = Picture(viz.draw(root, depth=depth))
    boxes = [1, len(sizes) - 1, sum(sizes[1:]), 0][depth]
    assert len([key for key in picture.of_class("node") if key.startswith("module")]) == boxes


@pytest.mark.parametrize(
    ("collapse", "boxes"),
    [
        (True, ["step ×20"]),
        (0, ["steps 2–20"]),
        (5, ["steps 1–5", "steps 7–20"]),
        (18, ["step 20", "steps 1–18"]),
        (99, ["steps 1–19"]),
    ],
)
def test_what_a_loop_repeats_is_drawn_once(collapse, boxes):
    drawing = viz.draw(recurrent(), collapse=collapse)
    picture = Picture(drawing)
    folded = [key for key in picture.of_class("node") if key.startswith("loop")]
    assert sorted(picture.texts(key)[0] for key in folded) == boxes
    frames = [] if collapse is True else [f"step {min(collapse, 19) + 1} of 20"]
    assert [text for text in texts(drawing) if " of 20" in text] == frames
    assert f"in {len(boxes)} folded box" in drawing.title


def test_the_parameters_of_the_turn_that_is_drawn_stand_in_its_module():
    drawing = viz.draw(samples(), collapse=1)
    lines = drawing.source.splitlines()
    depth = {}
    level = 0
    for line in lines:
        level += line.startswith("subgraph") - (line == "}")
        if "parameter" in line and line.startswith('"node'):
            depth[line] = level
    assert len(depth) == 37
    assert {*depth.values()} == {3}  # the sample, the MLP, the layer


@given(st.sampled_from([recurrent, samples, recurrent_layer]), st.integers(0, 2), st.integers(0, 25))
@settings(max_examples=15)
def test_a_collapsed_picture_has_no_arrow_back(make, depth, turn):
    drawing = viz.draw(make(), depth=depth, collapse=turn)
    arrows = re.findall(r'^"(.+?)" -> "(.+?)"', drawing.source, flags=re.MULTILINE)
    heads = {}
    for tail, head in arrows:
        heads.setdefault(tail, []).append(head)
    done, waiting = set(), {end for arrow in arrows for end in arrow}
    while waiting:
        ready = {end for end in waiting if {*heads.get(end, [])} <= done}
        assert ready
        done |= ready
        waiting -= ready


def test_bare_arrays_are_called_as_the_variables_of_the_program():
    X = np.arange(6.0).reshape(2, 3)
    W = Tensor(np.ones((3, 2)))
    assert {"X", "W"} <= {*texts(viz.draw((X @ W).sum()))}


def test_a_large_graph_is_folded_as_far_as_it_must():
    (y,) = scalar_net([2, 50, 50, 1])([Value(1.0, "x0"), Value(2.0, "x1")])
    assert len(topological_order(y)) > 8_000
    drawing = viz.draw(y)
    titles = [text for text in texts(drawing) if text.startswith("layers")]
    assert titles == ["layers.0: Layer(2 → 50)", "layers.1: Layer(50 → 50)", "layers.2: Layer(50 → 1)"]
    assert drawing.title.endswith("8,154 nodes (8,152 of them in 3 folded modules), 4 edges")


def test_a_depth_that_shows_too_much_is_folded_further():
    (y,) = scalar_net([2, 4, 1])([Value(1.0, "x0"), Value(2.0, "x1")])
    assert viz.draw(y, depth=2, max_nodes=6).source == viz.draw(y, depth=1).source
    assert viz.draw(y, max_nodes=4).source == viz.draw(y, depth=1).source


def test_what_cannot_be_folded_enough_is_an_error_that_says_how():
    x = Value(1.0)
    for _ in range(500):
        x = x.tanh()
    with pytest.raises(ArgumentError, match=r"500 nodes, but this graph has 501: build it of nn modules, which fold"):
        viz.draw(x)
    assert viz.draw(x, max_nodes=501).title == "L: 501 nodes, 500 edges"
    y = Module("m", "M", lambda x: x.tanh())(x)
    with pytest.raises(
        ArgumentError, match=r"has 502, and 502 are left when every module in it is folded: draw a part"
    ):
        viz.draw(y)


def test_a_deep_chain_gives_the_error_and_no_overflow():
    x = Value(1.0)
    for _ in range(100_000):
        x = -x
    with pytest.raises(ArgumentError, match="has 100,001"):
        viz.draw(x)


# --- the look -----------------------------------------------------------------------------------------------------


def position(picture, key):
    text = next(picture.groups[key].iter(f"{SVG}text"))
    return float(text.get("x")), float(text.get("y"))


def test_left_to_right_or_top_down():
    for direction, axis in (("LR", 0), ("TB", 1)):
        picture = Picture(viz.draw(expression(), direction=direction))
        root, leaf = (position(picture, picture.of_class(kind)[0]) for kind in ("root", "leaf"))
        assert root[axis] > leaf[axis] + 50


def test_dark_pictures_are_dark():
    for theme in ("light", "dark"):
        picture = Picture(viz.draw(expression(), theme=theme))
        assert picture.groups[picture.of_class("graph")[0]].find(f"{SVG}polygon").get("fill") == THEMES[theme].paper


def luminance(colour):
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_and_lines_stand_out_from_what_is_behind_them(theme):
    behind = [theme.paper, *theme.modules, *(style.fill for style in theme.kinds.values())]
    for text in (theme.ink, theme.quiet, theme.gradient):
        assert min(contrast(text, colour) for colour in behind) >= 4.5
    for style in theme.kinds.values():
        assert min(contrast(style.line, colour) for colour in (theme.paper, *theme.modules, style.fill)) >= 3
    assert min(contrast(theme.quiet, colour) for colour in (theme.paper, *theme.modules)) >= 3


def test_a_screen_reader_is_told_what_the_picture_shows():
    svg = ElementTree.fromstring(viz.draw(expression()).svg)
    assert svg.get("role") == "img"
    title, desc = [*svg][:2]
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text == "Computation graph of L: 6 nodes, 5 edges"
    assert "leaf a data 2.0." in desc.text
    assert "root L = tanh(v4) data 0.999" in desc.text


# --- files and notebooks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "start"), [("L.svg", b"<svg "), ("L.PNG", b"\x89PNG"), ("L.pdf", b"%PDF")])
def test_save(tmp_path, name, start, monkeypatch):
    monkeypatch.setenv("PATH", "")  # no `dot`
    viz.draw(expression()).save(tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert files_in(tmp_path) == [name]


def test_a_file_has_the_rights_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    viz.draw(expression()).save(str(tmp_path / "L.svg"))
    assert (tmp_path / "L.svg").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", ["L", "L.jpg", "L.svg.gz", ".svg"])
def test_an_unknown_suffix(tmp_path, name):
    with pytest.raises(ArgumentError, match=r"saved as \.svg, \.png or \.pdf, but was given .*: end the name"):
        viz.draw(expression()).save(tmp_path / name)
    assert files_in(tmp_path) == []


def test_a_path_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.svg").mkdir()
    for path in ("missing/L.svg", "file/L.svg", "folder.svg"):
        with pytest.raises(FileError, match=r"cannot be written .*: name a file in a folder that exists") as caught:
            viz.draw(expression()).save(tmp_path / path)
        assert isinstance(caught.value, TinygradEduError)
        assert isinstance(caught.value, OSError)
    assert files_in(tmp_path) == ["file", "folder.svg"]
    assert (tmp_path / "file").read_text() == "kept"


def test_a_failure_while_writing_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "L.svg"
    viz.draw(expression()).save(path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        viz.draw(Value(1.0)).save(path)
    assert path.read_bytes() == before
    assert files_in(tmp_path) == ["L.svg"]


def test_a_drawing_shows_itself_in_a_notebook():
    drawing = viz.draw(expression())
    assert drawing._repr_svg_() == drawing.svg
    assert drawing._repr_mimebundle_() == {"image/svg+xml": drawing.svg, "text/plain": repr(drawing)}
    assert repr(drawing) == "<Drawing of L: 6 nodes, 5 edges>"


def test_a_drawing_is_of_the_graph_as_it_was():
    L = expression()
    drawing = viz.draw(L)
    before = drawing.svg
    L.backward()
    assert drawing.svg == before


def test_drawing_in_several_threads():
    wanted = viz.draw(expression()).svg
    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(lambda _: viz.draw(expression()).svg, range(12))} == {wanted}


def in_new_process(code):
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_the_first_picture_of_a_process_says_nothing(tmp_path):
    code = f"import viz; from tinygrad_edu import Value; viz.draw(Value(1.0) * 2).save({str(tmp_path / 'a.png')!r})"
    assert in_new_process(code) == ("", "")


def test_fonts_come_along_where_the_system_has_none():
    bundled = Path(re.findall("<dir>(.*?)</dir>", render._font_settings())[-1])
    assert (bundled / "DejaVuSans.ttf").is_file()
    assert (bundled / "DejaVuSans-Bold.ttf").is_file()


def test_viz_draw_is_the_function_and_costs_no_plotting_library():
    code = (
        "import sys, viz; from viz.pictures.draw import Drawing;"
        "print(callable(viz.draw), viz.draw.__name__); import viz.pictures.draw;"
        "print(type(viz.draw(viz.trace and __import__('tinygrad_edu').Value(1.0))) is Drawing);"
        "print(sorted({'matplotlib', 'pygraphviz', 'sklearn'} & {*sys.modules}))"
    )
    assert in_new_process(code) == ("True draw\nTrue\n[]\n", "")


def test_names_of_the_package():
    assert {*viz.__all__} <= {*dir(viz)}
    assert all(getattr(viz, name) is not None for name in viz.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'drew'"):
        viz.drew


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3.0, "a float, which has none: compute with Values or Tensors"),
        (3, "an int, which has none"),
        (np.ones(3), "an ndarray, which has none"),
        ("a*b", "a str, which has none"),
        (None, "a NoneType, which has none"),
        ([Value(1.0)], "a list of 1: draw one of them"),
        (tensor_net(), "a Module: call it first"),
    ],
)
def test_what_has_no_graph(given, said):
    with pytest.raises(DTypeError, match=said):
        viz.draw(given)


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"direction": "RL"}, "direction is one of LR, TB, but was given 'RL'"),
        ({"theme": "blue"}, "theme is one of light, dark, but was given 'blue'"),
        ({"depth": -1}, "depth is a whole number, but was given -1: pass 0 or more"),
        ({"depth": 1.5}, "depth is a whole number, but was given 1.5"),
        ({"max_nodes": 0}, "max_nodes is a whole number, but was given 0: pass 1 or more"),
    ],
)
def test_arguments_out_of_range(keywords, said):
    with pytest.raises(ArgumentError, match=said):
        viz.draw(expression(), **keywords)


def _sum_of(count):
    leaf = Value(2.0, "a")
    total = Value(0.0)
    for _ in range(count):
        total = total + leaf
    return total


def test_a_leaf_in_every_term_of_a_long_sum_is_drawn_with_less_effort():
    assert "nslimit" not in viz.draw(_sum_of(20)).source
    drawing = viz.draw(_sum_of(60))
    assert "nslimit" in drawing.source
    assert drawing.svg.count('id="node-') == 62


def test_arrows_too_long_to_be_followed_are_an_error():
    with pytest.raises(ArgumentError, match="one node is used in every term"):
        viz.draw(_sum_of(240))


def test_data_that_was_written_since_is_marked():
    w, x = Tensor([[1.0], [2.0]], label="w"), Tensor([[3.0, 4.0]], requires_grad=False, label="x")
    L = (x @ w).sum()
    L.backward()
    assert "changed since" not in viz.draw(L).svg
    w.data -= 0.5 * w.grad
    picture = viz.draw(L)
    assert "changed since" in texts(picture)
    assert "Changed since the forward pass: w." in picture.svg
    a = Value(2.0, "a")
    y = a * 3
    a.data = 5.0
    assert "Changed since the forward pass: a." in viz.draw(y).svg


@pytest.mark.parametrize("path", ["", "L", "L.jpg", Path("L.txt"), 3, None])
def test_where_a_picture_cannot_go_is_shown_as_it_was_given(path):
    given = re.escape(repr(os.fspath(path) if isinstance(path, Path) else path))
    with pytest.raises(ArgumentError, match=f"was given {given}: end the name"):
        viz.draw(Value(2.0) * 3).save(path)


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_an_emoji_in_a_label_is_as_large_as_the_text(kind, tmp_path):
    def height(label):
        path = tmp_path / f"picture.{kind}"
        viz.draw(Value(2.0, label) * 3).save(path)
        data = path.read_bytes()
        if kind == "png":
            return int.from_bytes(data[20:24])
        return float(re.search(rb"/MediaBox \[ 0 0 [\d.]+ ([\d.]+)", data)[1])

    assert height("\N{PARTY POPPER}") < 1.15 * height("label")
