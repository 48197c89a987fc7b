import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domains import FUNCTIONS
from tests.random_programs import tensor_graphs, value_graphs
from tests.test_functions import CALLS, bound, drawn
from tinygrad_edu import Tensor, Value, no_grad, operation
from tinygrad_edu.errors import ArgumentError
from viz.explain.why import _entry_by_entry, difference, local_column, why
from viz.steps.steps import Backward
from viz.steps.trace import trace

ALL = 10**6


def all_paths(t, k):
    """The products along every path from the root to node k, one by one."""
    if k == t.root:
        return [1.0]
    steps = [step for step in t.backward[1:] if step.input == k]
    return [product * step.local for step in steps for product in all_paths(t, step.node)]


def exactly(explanation):
    return math.fsum([explanation.shown, explanation.remainder, explanation.rounding]) == explanation.gradient


# --- paths --------------------------------------------------------------------------------------------------------

SMOOTH = ("add", "mul", "sub", "tanh", "sigmoid", "sin", "square", "neg", "softplus", "maximum", "relu")


@given(value_graphs(SMOOTH, most=8), st.integers(1, 4))
def test_the_largest_paths_are_found_and_all_is_accounted_for(root, top):
    t = trace(root)
    for node in t.nodes:
        if node.role != "leaf":
            continue
        explanation = why(node.node, t, top=top)
        products = sorted(map(abs, all_paths(t, node.id)), reverse=True)
        assert explanation.count == len(products)
        np.testing.assert_allclose([abs(path.product) for path in explanation.terms], products[:top], rtol=1e-9)
        assert exactly(explanation)
        for path in explanation.terms:
            assert math.prod(path.factors) == pytest.approx(path.product)
            assert (path.nodes[0], path.nodes[-1]) == (t.root, node.id)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_difference_and_its_error_are_exact(a, b):
    total, error = difference(a, b)
    if math.isfinite(a - b):
        assert math.fsum([b, total, error]) == a


def test_two_to_the_sixty_paths_are_answered_at_once():
    x = Value(0.5, "x")
    y = x
    for _ in range(60):
        y = y + y
    explanation = why(x, y, top=3)
    assert explanation.count == 2**60
    assert [path.product for path in explanation.terms] == [1.0] * 3
    assert explanation.gradient == 2.0**60
    assert exactly(explanation)
    assert str(explanation).splitlines()[0] == "∂L/∂x = 1.153e18: about 10^18 paths"
    assert str(explanation).splitlines()[-1].endswith("  the other about 10^18")


def test_a_count_beyond_all_numbers_can_be_printed():
    x = Value(0.0, "x")
    y = x
    for _ in range(20_000):
        y = y + y
    assert "about 10^6020 paths" in str(why(x, y, top=1))
    assert why(x, y, top=1).to_dict()["count"] == "about 10^6020"


def test_paths_are_listed_largest_first_with_a_remainder():
    a = Value(2.0, "a")
    explanation = why(a, a * 3 + a * -5 + a, top=2)
    assert str(explanation).splitlines() == [
        "∂L/∂a = −1: 3 paths",
        "  −5 = 1 · 1 · (−5)  L → v5 → v4 → a",
        "   3 = 1 · 1 · 3     L → v5 → v2 → a",
        "   1                 the other 1",
    ]


def test_an_interior_node_and_the_root_can_be_asked_for():
    a = Value(2.0, "a")
    m = a * 3
    m.label = "m"
    root = m * m
    assert [path.product for path in why(m, root).terms] == [6.0, 6.0]
    assert str(why(root, root)) == "∂L/∂L = 1: 1 path\n  1     L"
    assert str(why(m, root)).splitlines()[1:] == ["  6     L → m"] * 2


def test_an_infinite_gradient_is_explained_as_such():
    x = Value(0.0, "x")
    explanation = why(x, x.sqrt() + x)
    assert [path.product for path in explanation.terms] == [math.inf, 1.0]
    assert (explanation.gradient, explanation.to_dict()["gradient"]) == (math.inf, "inf")


# --- entries ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_the_column_of_every_operation_is_that_of_its_passes_one_by_one(name, call):
    f = FUNCTIONS[name]
    leaves = list(map(Tensor, drawn(f, call)))
    y = bound(f.function, f, call)(*leaves)
    if not y.requires_grad:
        return
    weights = np.random.default_rng(0).standard_normal(y.shape)
    for step in trace((y * weights).sum() if y.size != 1 else y).backward[1:]:
        for index in itertools.islice(np.ndindex(step.contribution.shape), 3):
            column = local_column(step, index)
            np.testing.assert_allclose(column, _entry_by_entry(step, index), rtol=1e-7, atol=1e-9)


@given(tensor_graphs(), st.randoms(use_true_random=False))
def test_the_terms_of_an_entry_sum_to_it(root, random):
    t = trace(root)
    leaf = next(node for node in t.nodes if node.role == "leaf")
    if leaf.gradient is None or not np.all(np.isfinite(leaf.gradient)):
        return
    index = tuple(random.randrange(n) for n in leaf.value.shape)
    explanation = why(leaf.node, t, index=index, top=ALL)
    assert len(explanation.terms) == explanation.count
    assert explanation.gradient == leaf.gradient[index]
    scale = 1 + sum(abs(term.product) for term in explanation.terms)
    assert explanation.shown == pytest.approx(explanation.gradient, abs=1e-4 * scale)
    assert exactly(explanation)
    sizes = [abs(term.product) for term in explanation.terms]
    assert sizes == sorted(sizes, reverse=True)
    for term in explanation.terms:
        assert term.product == pytest.approx(term.incoming * term.local, rel=1e-5)
        assert term.incoming == t.gradients[term.step.node][term.index]


def test_a_weight_of_a_layer_is_explained_by_its_inputs():
    X = Tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=False, label="X")
    W, b = Tensor(np.eye(2), label="W"), Tensor([0.5, -0.5], label="b")
    Z = X @ W + b
    explanation = why(W, (Z * Z).sum(), index=(1, 0), top=2)
    assert [(term.local, term.factor) for term in explanation.terms] == [(6.0, "X[2,1]"), (4.0, "X[1,1]")]
    assert explanation.count == 3
    assert str(explanation).splitlines() == [
        "∂L/∂W[1,0] = 100: 3 entries that it flows into",
        "  66 = 11 · 6  ∂L/∂v2[2,0] · X[2,1]",
        "  28 = 7 · 4   ∂L/∂v2[1,0] · X[1,1]",
        "   6           the other 1",
    ]


def test_a_broadcast_entry_flows_into_every_copy():
    b = Tensor([1.0, 2.0], label="b")
    explanation = why(b, (Tensor(np.ones((3, 2))) * b).sum(), index=1)
    assert [term.index for term in explanation.terms] == [(0, 1), (1, 1), (2, 1)]
    assert explanation.terms[0].factor == "∂v2[0,1]/∂b[1]"


def test_an_entry_that_is_used_twice_collects_from_both_uses():
    x = Tensor([1.0, 2.0], label="x")
    explanation = why(x, (x[[0, 0, 1]] * 3).sum() + x[0], index=0)
    assert [term.product for term in explanation.terms] == [3.0, 3.0, 1.0]


def test_a_dead_relu_lets_nothing_through():
    x = Tensor([-1.0, 2.0], label="x")
    assert str(why(x, x.relu().sum(), index=0)) == "∂L/∂x[0] = 0: every local derivative on its way is 0"


def test_a_derivative_that_cannot_be_recorded_is_taken_entry_by_entry():
    squared = operation(lambda x: x * x, lambda gy, y, x: gy * 2 * np.array([float(v) for v in x]), name="squared")
    x = Tensor([1.0, 2.0], label="x")
    explanation = why(x, squared(x).sum(), index=1)
    assert [(term.local, term.product) for term in explanation.terms] == [(4.0, 4.0)]


def test_it_answers_under_no_grad_too():
    W = Tensor([[1.0, 2.0]], label="W")
    root = (Tensor([[3.0]]) @ W).sum()
    with no_grad():
        assert why(W, root, index=(0, 1)).terms[0].local == 3.0


def test_the_data_of_an_explanation_is_plain():
    a = Value(2.0, "a")
    assert why(a, a * a, top=1).to_dict() == {
        "kind": "paths",
        "node": 0,
        "index": None,
        "gradient": 4.0,
        "count": "2",
        "terms": [{"nodes": [1, 0], "steps": [2], "factors": [2.0], "product": 2.0}],
        "shown": 2.0,
        "remainder": 2.0,
        "rounding": 0.0,
    }
    x = Tensor([2.0], label="x")
    assert why(x, x * x, top=1).to_dict()["terms"] == [
        {"step": 2, "node": 1, "index": [0], "incoming": 1.0, "local": 2.0, "product": 2.0, "factor": "∂L[0]/∂x[0]"}
    ]


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda a, W, L: why(3.0, L), "why() needs a Value or a Tensor to explain the gradient of, but was given 3.0"),
        (lambda a, W, L: why(Value(1.0, "b"), L), "which is no part of the graph of the root"),
        (lambda a, W, L: why(L, a * 1), "the order is why(leaf, root)"),
        (lambda a, W, L: why(L.inputs[1], L), "a constant: nothing flows to it"),
        (lambda a, W, L: why(a, L, index=0), "index= is for an entry of a Tensor"),
        (
            lambda a, W, L: why(W, W.sum()),
            "has shape (2, 3), so pass index= with 2 integers within it, but it was None",
        ),
        (lambda a, W, L: why(W, W.sum(), index=(0, 3)), "but it was (0, 3)"),
        (lambda a, W, L: why(W, W.sum(), index=1), "but it was 1"),
        (lambda a, W, L: why(W, W.sum(), index="a"), "but it was 'a'"),
    ],
)
def test_a_question_without_an_answer_is_refused_in_a_sentence(ask, says):
    a, W = Value(2.0, "a"), Tensor(np.ones((2, 3)), label="W")
    with pytest.raises(ArgumentError) as caught:
        ask(a, W, a * 2)
    assert says in str(caught.value)


def test_a_negative_index_counts_from_the_end():
    W = Tensor(np.arange(6.0).reshape(2, 3), label="W")
    assert why(W, (W * W).sum(), index=(-1, -1)).index == (1, 2)


def test_steps_of_the_terms_are_those_of_the_trace():
    x = Value(1.0, "x")
    t = trace(x.tanh().exp())
    (path,) = why(x, t).terms
    assert [t.steps[step.index].sentence.text for step in path.steps] == [step.sentence.text for step in path.steps]
    assert all(isinstance(step, Backward) for step in path.steps)
