"""The rows of the operation table in JavaScript, compared with the same rows on Python's floats."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domains import ROWS
from tests.random_programs import value_graphs, weighted_sum_graphs
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.javascript import library, rows_source
from tinygrad_edu.javascript.rows import number
from tinygrad_edu.operations.elementwise import TABLE
from tinygrad_edu.operations.row import Elementwise

EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, 1e-300, -1e-300, 5e-324, 1e300, 710.0, -745.2, 1e4, -1e4, math.inf]
EDGES += [-math.inf, math.nan, 1e-8, -1e-8, 0.4999999999999999, 6.0, -6.1, 27.3, 37.5, 2**53 + 1.0]

# Both sides compute each function to within an ulp or so; a row of several adds that up.
ULPS = 4
# In these rows terms cancel, so that an ulp of a term is many of their sum. The error is measured by the terms:
# their size at the inputs, which an incoming gradient multiplies.
TERMS = {
    "bce_with_logits": lambda x0, x1: max(1.0, abs(x0), abs(x1), abs(x0 * x1)),
    "logaddexp": lambda x0, x1: max(1.0, abs(x0), abs(x1)),
    "gelu": lambda x: 1.0,
    "silu": lambda x: 1.0,
    "mish": lambda x: 1.0,
    "bce": lambda x0, x1: 1.0,
}

_CALL_ROWS = """
function main({ calls }) {
  return calls.map(([name, xs, gys, params]) => {
    const { y, gx } = rows[name];
    const columns = xs[0].map((_, k) => xs.map((x) => x[k]));
    const out = columns.map((at) => y(...at, ...params));
    return [out, ...gx.map((f) => columns.map((at, k) => f(gys[k], out[k], ...at, ...params)))];
  });
}"""


def ulps(found, expected, terms=0.0):
    """How many doubles lie between, of the size of the terms where that is larger; nan equals nan."""
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(found - expected) / np.spacing(np.maximum(np.abs(expected), terms))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def inputs_of(row, rng):
    """Random numbers of the row's domain, and all pairs of edges."""
    intervals = ROWS[row.name].intervals
    random = [rng.uniform(*interval, 400) for interval in (intervals * 2)[: len(row.gx_texts)]]
    edges = np.array([*itertools.product(EDGES, repeat=len(row.gx_texts))]).T
    return [np.concatenate(pair) for pair in zip(random, edges, strict=True)]


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    found = []
    for name, row in TABLE.items():
        for params in ROWS[name].params:
            xs = inputs_of(row, rng)
            gys = np.where(np.arange(xs[0].size) % 3 == 0, 1.0, rng.standard_normal(xs[0].size))
            found.append((name, xs, gys, row.defaults | dict(params)))
    return found


@pytest.fixture(scope="module")
def answers(node, cases):
    calls = [[name, xs, gys, [*params.values()]] for name, xs, gys, params in cases]
    return node("\n".join([library("vocabulary"), rows_source(TABLE), _CALL_ROWS]), {"calls": calls})


def test_each_row_agrees_with_python_to_a_few_ulps(cases, answers):
    worst = {}
    for (name, xs, gys, params), (y, *gx) in zip(cases, answers, strict=True):
        row, values = TABLE[name], [*params.values()]
        columns = [*zip(*(x.tolist() for x in xs), strict=True)]
        expected = np.array([row.on_floats(*at, *values) for at in columns], float)
        terms = np.array([TERMS[name](*at) if name in TERMS else 0.0 for at in columns])
        apart = ulps(y, expected, terms)
        for f, found in zip(row.gx_floats, gx, strict=True):
            # The derivative of the same result, so that a difference is the derivative's own.
            same = [f(g, out, *at, *values) for g, out, at in zip(gys.tolist(), y.tolist(), columns, strict=True)]
            apart = np.maximum(apart, ulps(found, np.array(same, float), terms * np.abs(gys)))
        k = int(apart.argmax())
        if apart[k] > ULPS:
            worst[name] = apart[k], columns[k], gys[k], y[k], expected[k], [g[k] for g in gx]
    assert worst == {}


_RUN_TAPES = """
function main({ graphs }) {
  return graphs.map(({ nodes, values }) => {
    const tape = new Tape(nodes, values);
    return [tape.forward(), tape.backward()];
  });
}"""
ARITHMETIC = ("identity", "neg", "add", "sub", "mul", "div", "square", "reciprocal", "abs", "sign", "maximum", "relu")
ARITHMETIC += ("minimum", "leaky_relu", "clip", "sqrt")


def described(root):
    """The graph as a `Tape` takes it, and its values and gradients in Python."""
    root.backward()
    order = root.fresh_order()
    place = {id(x): k for k, x in enumerate(order)}
    constants = []
    for x in order:
        for i in x.inputs:
            if id(i) not in place:
                place[id(i)] = -1 - len(constants)
                constants.append(i)
    shift = len(constants)
    index = {key: shift + k if k >= 0 else -1 - k for key, k in place.items()}
    nodes = [{"op": "", "inputs": []} for _ in constants]
    nodes += [
        {"op": x.op, "inputs": [index[id(i)] for i in x.inputs], "params": [*x.params.values()] if x.op else []}
        for x in order
    ]
    values = np.array([x.data if not x.inputs else 0.0 for x in [*constants, *order]])
    results = (
        np.array([x.data for x in [*constants, *order]]),
        {shift + k: x.grad for k, x in enumerate(order) if x.requires_grad},
    )
    return {"nodes": nodes, "values": values}, results


@pytest.mark.parametrize("strategy", [value_graphs(names=ARITHMETIC, most=25), weighted_sum_graphs()])
def test_arithmetic_graphs_have_the_bits_of_python(node, strategy):
    collected = []

    @settings(max_examples=150)
    @given(strategy)
    def collect(root):
        if root.requires_grad:
            collected.append(described(root))

    collect()
    assert len(collected) > 50
    found = node(
        "\n".join([library("vocabulary", "tape"), rows_source(TABLE), _RUN_TAPES]),
        {"graphs": [graph for graph, _ in collected]},
    )
    for (_, (values, gradients)), (in_js, gradients_in_js) in zip(collected, found, strict=True):
        np.testing.assert_array_equal(in_js, values)
        np.testing.assert_array_equal(gradients_in_js[[*gradients]], [*gradients.values()])


@given(st.floats())
def test_a_number_is_read_back_as_it_was(x):
    text = number(x).replace("Infinity", "inf")
    assert float(text) == x or math.isnan(x)


def test_only_the_rows_that_are_used_are_written():
    text = rows_source(["silu"])
    assert "silu:" in text
    assert "sigmoid:" in text
    assert "tanh" not in text


def test_an_unknown_row_is_refused_by_name():
    with pytest.raises(ArgumentError, match="no row 'frobnicate'"):
        rows_source(["frobnicate"])


@pytest.mark.parametrize("text", ["x @ x", "frobnicate(x)", "x if x else 0", "x // 2", "[x]"])
def test_a_text_without_javascript_is_refused(text, monkeypatch):
    row = Elementwise(text, "gy")
    row.__set_name__(object, "odd")
    monkeypatch.setitem(TABLE, "odd", row)
    with pytest.raises(ArgumentError, match="no JavaScript"):
        rows_source(["odd"])
