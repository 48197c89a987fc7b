"""Graphs of Tensors in JavaScript: each operation as a row, and both passes over random graphs, beside Python."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from tests.domains import FUNCTIONS
from tests.random_programs import tensor_graphs
from tinygrad_edu import Tensor, nn, operation
from tinygrad_edu.compiler import CompileError
from tinygrad_edu.errors import TinygradEduError
from tinygrad_edu.javascript import library
from tinygrad_edu.javascript.array_rows import array_row
from tinygrad_edu.javascript.library import arrays
from tinygrad_edu.javascript.literals import literal
from viz.steps.trace import trace

GRAPHS = 60

_MAIN = """
const ran = ({ nodes, values, seed }) => {
  const tape = new ArrayTape(nodes, values);
  const flows = [];
  tape.forward();
  tape.backward(seed, (k, n, flow) => flows.push(flow));
  const plain = (x) => x && { shape: x.shape, dtype: x.dtype, data: Float64Array.from(x.data) };
  return { values: tape.values.map(plain), grads: tape.grads.map(plain), flows: flows.map(plain) };
};
const main = () => graphs.map((graph) => ran(graph()));"""


def graph_text(film):
    """A graph as an expression: its nodes, the arrays of its leaves, and the gradient of its root."""
    nodes, values = [], []
    for node in film.order:
        row = array_row(node) if node.operation else "null"
        facts = {"inputs": [film.ids[x] for x in node.inputs], "collects": node.requires_grad}
        nodes.append(f"{{ row: {row}, {json.dumps(facts)[1:-1]} }}")
        values.append("null" if node.operation else literal(node.data))
    seed = literal(film.gradients[film.root])
    return f"() => ({{ nodes: [{', '.join(nodes)}], values: [{', '.join(values)}], seed: {seed} }})"


def compare(film, found):
    """All that was computed, in shape and type and in numbers."""
    contributions = [step.contribution for step in film.backward if step.kind == "backward"]
    for name, expected in (("values", film.values), ("grads", film.gradients), ("flows", contributions)):
        for x, y in zip(expected, found[name], strict=True):
            if x is None or y is None:
                assert x is y
                continue
            assert [*y["shape"]] == [*x.shape]
            if x.dtype.kind == "f":
                assert y["dtype"] == x.dtype.name
            # A sum in another order, and another ulp of tanh, differ in the last bits.
            tolerance = 2e-5 if x.dtype == np.float32 else 1e-11
            np.testing.assert_allclose(y["data"], x.ravel(), tolerance, tolerance, err_msg=name)


def scripts(films):
    graphs = ",\n".join(map(graph_text, films))
    return "\n".join([arrays(), library("array_tape"), f"const graphs = [{graphs}];", _MAIN])


def films_of(name):
    """The graph of each call of a function that has JavaScript."""
    function, rng = FUNCTIONS[name], np.random.default_rng(4)
    for call in function.calls:
        leaves = [Tensor(function.draw(rng, shape), label=f"x{i}") for i, shape in enumerate(call.shapes)]
        operands = [leaves] if function.joins else leaves
        y = function.function(*operands, *call.args, **call.keywords)
        root = (y * np.cos(np.arange(float(y.size))).reshape(y.shape)).sum()
        film = trace(root)
        try:
            graph_text(film)
        except TinygradEduError:
            continue
        yield film


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_the_values_and_gradients_of_python(name, node):
    films = [*films_of(name)]
    for film, found in zip(films, node(scripts(films)), strict=True):
        compare(film, found)


def test_random_graphs_agree_at_every_node(node):
    films = []

    @settings(max_examples=GRAPHS)
    @given(tensor_graphs())
    def collect(root):
        with np.errstate(all="ignore"):
            films.append(trace(root))

    collect()
    for film, found in zip(films, node(scripts(films)), strict=True):
        compare(film, found)


def test_arithmetic_has_the_bits_of_python(node):
    rng = np.random.default_rng(3)
    x, w, b = (Tensor(rng.normal(size=shape)) for shape in ((5, 4), (4,), (5, 1)))
    film = trace((((x * w - b).relu() / (w * w + 1.0)).maximum(0.25) ** 2)[1:, ::2].T.reshape(-1)[3])
    (found,) = node(scripts([film]))
    for name, expected in (("values", film.values), ("grads", film.gradients)):
        for array, there in zip(expected, found[name], strict=True):
            if array is not None:
                np.testing.assert_array_equal(there["data"], array.ravel())


def test_a_running_sum_of_a_single_number_has_an_axis(node):
    film = trace((Tensor(2.0, label="x").cumsum(axis=0) * 3.0).sum())
    (found,) = node(scripts([film]))
    compare(film, found)


def test_an_index_that_adds_an_axis_has_a_row(node):
    film = trace((Tensor([2.0, 1.0], label="x")[None] * 3.0).sum())
    (found,) = node(scripts([film]))
    compare(film, found)


def test_a_users_operation_in_numpy_has_a_row(node):
    wave = operation(lambda x: np.sin(x) * x, lambda gy, y, x: gy * (np.cos(x) * x + np.sin(x)), name="wave")
    film = trace(wave(Tensor([0.5, -2.0], label="x")).sum())
    (found,) = node(scripts([film]))
    compare(film, found)


def test_what_chooses_by_numbers_or_draws_them_is_refused():
    rng = np.random.default_rng(0)
    chooses = operation(lambda x: x if x.sum() > 0 else -x, lambda gy, y, x: gy, name="chooses")
    draws = operation(lambda x: x * rng.random(x.shape), lambda gy, y, x: gy, name="draws")
    for y in (chooses(Tensor([1.0, 2.0])), draws(Tensor([1.0, 2.0])), np.linalg.det(Tensor(np.eye(2)))):
        with pytest.raises(TinygradEduError):
            array_row(y)
    with pytest.raises(CompileError, match="draws gives another result at each call"):
        array_row(draws(Tensor([1.0, 2.0])))


def test_a_net_of_modules_agrees(node):
    rng = np.random.default_rng(1)
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 3, rng=1))
    loss = nn.functional.cross_entropy(model(rng.normal(size=(5, 3))), np.array([0, 2, 1, 1, 0]))
    film = trace(loss)
    (found,) = node(scripts([film]))
    compare(film, found)
