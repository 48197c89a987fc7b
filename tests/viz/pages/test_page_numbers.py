"""The page's own numbers and sentences, computed in Node, beside those of Python."""

import json

import pytest
from hypothesis import given, settings

from tests.browser.graphs import faulty, hostile, layer, neuron, scalar_net
from tests.javascript.conftest import node  # noqa: F401  (a fixture)
from tests.random_programs import value_graphs
from tinygrad_edu import Value, dot, operation
from viz.pages.page import _asset
from viz.pages.player import Player, player
from viz.pages.player_data import page_data, rows_of
from viz.steps.steps import Backward
from viz.steps.trace import trace

_MAIN = """
function main({ data, changes, rowsOf }) {
  const film = new Film(data);
  for (const [k, x] of changes) film.numbers.change(k, x);
  if (film.isLive) film.numbers.run();
  return {
    values: film.nodes.map((_, k) => single(film.numbers.value(k))),
    gradients: film.nodes.map((node, k) => (node.collects ? single(film.numbers.gradient(k)) : 0)),
    steps: film.steps.map((step) => ({
      kind: step.kind, node: step.node, text: step.sentence, words: step.words, equation: step.equation,
      numbers: step.numbers ?? "", local: step.localText ?? "",
    })),
    frozen: [...film.numbers.frozen.keys()].sort((a, b) => a - b),
  };
}
"""


def computed(run, film, changes=()):
    """What the page makes of a trace."""
    scripts = [Player(film).engine(), *map(_asset, ("data.js", "formulas.js", "numbers.js", "film.js")), _MAIN]
    data = json.loads(json.dumps(page_data(film)))
    return run("\n".join(scripts), {"data": data, "changes": list(changes), "rowsOf": sorted(rows_of(film))})


def told(step):
    return {
        "kind": step.kind,
        "node": step.node,
        "text": step.sentence.text,
        "words": step.sentence.words,
        "equation": step.equation.mathml,
        "numbers": "" if step.numbers is None else step.numbers.mathml,
        "local": step.local_formula.text if isinstance(step, Backward) else "",
    }


def alike(step):
    """Not of a power whose exponent may change: Python writes it as "2³", the page as "2^3"."""
    made = step.trace.order[step.node]
    return made.op not in ("pow", "power") or not made.inputs[1].requires_grad


def anew(root, changes):
    """The graph computed once more, with other numbers in some leaves."""
    film = trace(root)
    made = []
    for k, old in enumerate(film.order):
        if old.operation is None:
            copy = Value(changes.get(k, old.data), old.label) if old.requires_grad else old
            made.append(copy)
        else:
            made.append(old.operation(*(made[film.ids[x]] for x in old.inputs), **old.params))
    made[-1].label = root.label
    return made[-1]


def compare(run, root, changes=None):
    film = trace(root)
    found = computed(run, film, (changes or {}).items())
    expected = trace(anew(root, changes)) if changes else film
    assert found["values"] == pytest.approx(expected.values, rel=1e-12, nan_ok=True)
    gradients = [0.0 if x is None else x for x in expected.gradients]
    assert found["gradients"] == pytest.approx(gradients, rel=1e-9, abs=1e-300, nan_ok=True)
    for step, other in zip(expected.steps, found["steps"], strict=True):
        if alike(step):
            assert other == told(step)


@pytest.mark.parametrize("make", [neuron, hostile, lambda: scalar_net(2, [3, 1]), lambda: scalar_net(2, [3, 1], True)])
def test_the_page_tells_each_step_as_python_does(node, make):  # noqa: F811
    compare(node, make())


@settings(max_examples=40, deadline=None)
@given(root=value_graphs())
def test_the_page_tells_random_graphs_as_python_does(node, root):  # noqa: F811
    film = trace(root)
    for step, other in zip(film.steps, computed(node, film)["steps"], strict=True):
        if alike(step):
            assert (other["kind"], other["node"]) == (step.kind, step.node)
            assert other["equation"] == step.equation.mathml


def test_changed_leaves_give_what_python_gives(node):  # noqa: F811
    root = neuron()
    leaves = [k for k, x in enumerate(trace(root).order) if x.operation is None]
    compare(node, root, {k: round(0.37 * i - 0.8, 3) for i, k in enumerate(leaves)})


@pytest.mark.parametrize("x", [0.0, -2.0, 1e-7])
def test_a_leaf_that_becomes_zero_changes_the_formula_as_in_python(node, x):  # noqa: F811
    a, b = Value(2.0, "a"), Value(3.0, "b")
    compare(node, (a.sqrt() * b + a / b).maximum(a * b), {0: abs(x)})
    compare(node, dot([a, b], [b, a], a).tanh(), {0: x})


def test_a_graph_of_arrays_is_told_as_python_does(node):  # noqa: F811
    film = trace(layer())
    assert computed(node, film)["steps"] == list(map(told, film.steps))


def test_an_operation_of_ones_own_keeps_its_number_and_what_it_depends_on(node):  # noqa: F811
    cube = operation(lambda x: x**3, lambda gy, y, x: gy * 3 * x**2, name="cube")
    a, b = Value(2.0, "a"), Value(3.0, "b")
    film = trace(cube(a) * b)
    ids = {name: k for k, name in enumerate(film.names)}
    found = computed(node, film, [(ids["b"], 10.0)])
    assert found["values"][-1] == 80.0
    assert found["gradients"][ids["a"]] == 120.0  # 10 · 3 · 2²
    assert found["frozen"] == [ids["a"]]


def test_a_fault_of_an_operation_stays_in_the_page(node):  # noqa: F811
    film = trace(faulty())
    assert computed(node, film)["gradients"] == pytest.approx([x or 0.0 for x in film.gradients])


def test_the_page_of_a_large_graph_shares_its_formulas():
    film = player(scalar_net(8, [16, 16, 1])).trace
    data = page_data(film)
    assert len(data["forms"]["forms"]) < 30 < len(film.steps)
