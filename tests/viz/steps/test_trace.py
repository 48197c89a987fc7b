import inspect
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.random_programs import tensor_graphs, value_graphs, weighted_sum_graphs
from tinygrad_edu import Tensor, Value, dot, no_grad, operation, recording
from tinygrad_edu.errors import ArgumentError, BackwardError, StaleGraphError
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.nn import scalar
from viz.steps.steps import Backward, Forward, Seed
from viz.steps.trace import trace

GRAPHS = st.one_of(value_graphs(), weighted_sum_graphs(), tensor_graphs())


def bits(data):
    """The data as bytes: -0.0 is not 0.0; but a NaN is a NaN, whose sign no one defines."""
    if data is None:
        return None
    array = np.array(data)
    if array.dtype.kind == "f":
        array[np.isnan(array)] = np.nan
    return array.dtype, array.shape, array.tobytes()


def tanh_of_line():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    return (a * b + 10).tanh()


# --- the same numbers as backward() -------------------------------------------------------------------------------


@given(GRAPHS)
def test_the_gradients_are_those_of_backward_bit_for_bit(root):
    t = trace(root)
    root.backward()
    for node in t.nodes:
        assert bits(node.gradient) == (bits(node.node.grad) if node.node.requires_grad else None)


def test_a_node_on_both_sides_of_a_weighted_sum_collects_in_the_order_of_the_steps():
    a, b, c = Value(-0.5), Value(0.9), Value(-1.9)
    L = dot([a, b, c], [b, c, a], a) + 0.3 * a * b * c
    t = trace(L)
    L.backward()
    assert [t.gradients[t.ids[x]] for x in (a, b, c)] == [a.grad, b.grad, c.grad]


@given(GRAPHS)
def test_nothing_in_the_graph_is_changed(root):
    order = topological_order(root)
    before = [(bits(node.grad), bits(node._data), node.stamp, node.label, node.inputs) for node in order]
    list(trace(root).to_dict()["steps"])
    assert [(bits(node.grad), bits(node._data), node.stamp, node.label, node.inputs) for node in order] == before


@given(GRAPHS)
def test_replaying_the_steps_forth_and_back_restores_every_state(root):
    t = trace(root)
    gradients = dict.fromkeys(range(len(t.nodes)))
    states = []
    for step in t.backward:
        states.append(dict(gradients))
        target = step.node if isinstance(step, Seed) else step.input
        assert bits(step.before) == bits(gradients[target])
        if isinstance(step, Backward):
            assert bits(step.incoming) == bits(gradients[step.node]), (
                "the gradient of a node is complete when it flows on"
            )
            start = 0.0 if step.before is None and t.kind == "Value" else step.before
            assert bits(step.after) == bits(step.contribution if start is None else start + step.contribution)
        gradients[target] = step.after
    assert [bits(gradients[node.id]) for node in t.nodes] == [bits(node.gradient) for node in t.nodes]
    for step, state in zip(reversed(t.backward), reversed(states), strict=True):
        gradients[step.node if isinstance(step, Seed) else step.input] = step.before
        assert gradients.keys() == state.keys()
        assert all(gradients[k] is state[k] for k in state)


def number(x):
    return float(x) if isinstance(x, str) else x


@given(value_graphs())
def test_the_json_alone_can_be_replayed(root):
    data = json.loads(json.dumps(trace(root).to_dict(), allow_nan=False))
    gradients = {}
    for step in data["steps"][data["forward"] :]:
        gradients[step.get("input", step["node"])] = number(step["after"])
    root.backward()
    for node, plain in zip(topological_order(root), data["nodes"], strict=True):
        assert repr(number(plain["value"])) == repr(node.data)  # a NaN has no sign in JSON
        if node.requires_grad:
            assert repr(gradients[plain["id"]]) == repr(number(plain["gradient"])) == repr(node.grad)


@given(GRAPHS)
def test_a_product_is_incoming_times_local(root):
    for step in trace(root).backward:
        if isinstance(step, Backward) and step.local is not None:
            product, local = np.ravel(step.product), np.ravel(step.incoming) * np.ravel(step.local)
            finite = np.isfinite(product) & np.isfinite(local)
            np.testing.assert_allclose(product[finite], local[finite], rtol=1e-5)


@given(tensor_graphs())
def test_the_summed_axes_lead_from_the_product_to_the_contribution(root):
    for step in trace(root).backward:
        if isinstance(step, Backward):
            total = step.product.sum(axis=tuple(step.summed_axes)) if step.summed_axes else step.product
            np.testing.assert_allclose(total.reshape(step.contribution.shape), step.contribution, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_tensor_of_several_entries_is_taken_as_given():
    x = Tensor([[1.0, 2.0]], label="x")
    t = trace(x * 3, np.array([[1.0, -1.0]]))
    assert t.nodes[0].gradient.tolist() == [[3.0, -3.0]]
    assert t.backward[0].sentence.text == "the backward pass starts with ∂L/∂L = given, of shape (1,2)"


def test_an_operation_of_the_users_own_is_traced_like_a_built_in_one():
    cube = operation(lambda x: x**3, lambda gy, y, x: gy * 3 * x * x, name="cube", formula="3 * x²")
    t = trace(cube(Value(2.0, "x")))
    step = t.backward[1]
    assert step.equation.text == "∂L/∂x += ∂L/∂L · 3 · x²"
    assert (step.local, step.contribution, type(step.contribution)) == (12.0, 12.0, float)


def test_an_operation_without_a_formula_has_its_derivative_named():
    cube = operation(lambda x: x**3, lambda gy, y, x: gy * 3 * x * x, name="cube")
    assert trace(cube(Value(2.0, "x"))).backward[1].equation.text == "∂L/∂x += ∂L/∂L · ∂L/∂x"


def test_a_weighted_sum_shows_the_partner_of_each_input():
    w, x = [Value(2.0, "w0"), Value(3.0, "w1")], [Value(4.0, "x0"), Value(5.0, "x1")]
    t = trace(dot(w, x, Value(1.0, "b")))
    assert t.forward[0].sentence.text == "L = w0 · x0 + w1 · x1 + b = 2 · 4 + 3 · 5 + 1 = 24"
    assert [step.local_formula.text for step in t.backward[1:]] == ["x0", "x1", "w0", "w1", "1"]


# --- what a step says ---------------------------------------------------------------------------------------------


def test_the_steps_come_in_the_order_in_which_the_program_ran():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    t = trace((a * b) + a.exp() * b)
    assert [t.nodes[step.node].node.op for step in t.forward] == ["mul", "exp", "mul", "add"]
    assert [type(step) for step in t.steps] == [Forward] * 4 + [Seed] + [Backward] * 7


def test_a_sentence_has_three_forms_from_one_tree():
    a, b = Value(2.0, "a"), Value(-3.0, "b")
    step = trace(2 * (a * b)).backward[2]
    assert step.sentence.text == "a receives 2 · (−3) = −6"
    assert step.sentence.words == "a receives 2 times minus 3, which is minus 6"


def test_the_sum_over_two_uses_is_seen_as_it_happens():
    a = Value(3.0, "a")
    first, second = trace(a * a).backward[1:]
    assert (first.before, first.after, second.before, second.after) == (None, 3.0, 3.0, 6.0)
    assert second.sentence.text == "a receives 1 · 3 = 3; with 3 from before, that makes 6"
    assert second.sentence.words == "a receives 1 times 3, which is 3; with 3 from before, that makes 6"


@pytest.mark.parametrize(
    ("make", "formula"),
    [
        (lambda x: x.relu(), "1 if x > 0 else 0"),
        (lambda x: x.tanh(), "1 − L²"),
        (lambda x: x.sigmoid(), "L · (1 − L)"),
        (lambda x: x**2, "2 · x"),
        (lambda x: x**3, "3 · x²"),
        (lambda x: x**0.5, "0.5 · x^(−0.5)"),
        (lambda x: x**-1, "−1 · x^(−2)"),
        (lambda x: 2**x, "L · log(2)"),
        (lambda x: x ** Value(3.0, "z"), "z · x^(z − 1)"),
        (lambda x: x**0, "0"),
        (lambda x: 1 / x, "−L / x"),
        (lambda x: x / 4, "1 / 4"),
        (lambda x: -x, "−1"),
        (lambda x: x.exp(), "L"),
        (lambda x: x.log(), "1 / x"),
        (lambda x: x.sqrt(), "1 / (2 · L)"),
        (lambda x: abs(x), "sign(x)"),
        (lambda x: x.leaky_relu(0.1), "1 if x > 0 else 0.1"),
        (lambda x: x.clip(0.0, 1.0), "0 if x < 0 or x > 1 else 1"),
        (lambda x: x.clip(max=3.0), "0 if x > 3 else 1"),
        (lambda x: x.maximum(0), "1 if x > 0 else 0 if x < 0 else 1 / 2"),
        (lambda x: x.log2(), "1 / (x · log(2))"),
    ],
)
def test_the_local_derivative_reads_as_on_a_blackboard(make, formula):
    assert trace(make(Value(2.0, "x"))).backward[1].local_formula.text == formula


def test_a_matrix_product_shows_its_vector_jacobian_products_with_shapes():
    X = Tensor(np.ones((10, 784)), label="X", requires_grad=False)
    W = Tensor(np.ones((784, 30)), label="W")
    b = Tensor(np.zeros(30), label="b")
    Z = X @ W + b
    Z.label = "Z"
    steps = {step.trace.names[step.input]: step for step in trace(Z.sum()).backward[1:]}
    assert steps["b"].equation.text == "∂L/∂b += ∂L/∂Z, summed over axis 0"
    assert (steps["b"].shapes, steps["b"].summed_axes) == ("(30,) ← (10,30)", [0])
    assert steps["W"].equation.text == "∂L/∂W += Xᵀ @ ∂L/∂v2"
    assert steps["W"].shapes == "(784,30) += (784,10) @ (10,30)"
    assert steps["W"].equation.words == "the gradient of W grows by X transposed times the gradient of v2"


def test_the_constant_of_a_product_gets_no_step():
    assert len(trace(Value(2.0) * 3).backward) == 2


def test_names_are_unique_and_constants_are_figures():
    w, v3 = Value(1.0, "w"), Value(2.0, "v5")
    root = w * 10 + Value(3.0, "w") * v3 + Value(1.0)
    names = trace(root).names
    assert names == ["w#0", "10", "v2", "w#3", "v5", "v5#5", "v6", "v7", "L"]


def test_where_layers_share_labels_their_parameters_have_the_layers_names_in_front():
    net = scalar.MLP(1, [2, 1])
    told = trace(net([Value(1.0, "x")]) ** 2 + 0.1 * net.layers[0].neurons[1].b ** 2)
    parameters = [name for name, node in zip(told.names, told.order, strict=True) if node in net.parameters()]
    assert sorted(parameters) == [
        "layers.0.n0.b",
        "layers.0.n0.w0",
        "layers.0.n1.b",
        "layers.0.n1.w0",
        "layers.1.n0.b",
        "layers.1.n0.w0",
        "layers.1.n0.w1",
    ]


def test_names_are_unique_whatever_the_labels_are():
    labels = ["w", "w", "w#1", "w#1#2", "v9", "x" * 40, "x" * 50, "L"]
    total = sum(Value(1.0, label) for label in labels)
    names = [
        name for name, node in zip(trace(total).names, topological_order(total), strict=True) if node.requires_grad
    ]
    assert len(set(names)) == len(names)


def test_the_line_that_made_a_node_is_there_only_where_it_was_recorded():
    x = Value(1.0, "x")
    y = x * 2
    with recording():
        line, z = inspect.currentframe().f_lineno, y.tanh()
    nodes = trace(z).nodes
    assert nodes[2].source is None
    assert nodes[3].source == {
        "file": __file__,
        "line": line,
        "text": "line, z = inspect.currentframe().f_lineno, y.tanh()",
    }


def test_values_are_those_of_the_moment_of_the_trace():
    w = Tensor([1.0, 2.0], label="w")
    t = trace((w * w).sum())
    w.data[0] = 100.0
    assert t.nodes[0].value.tolist() == [1.0, 2.0]
    assert t.backward[2].product.tolist() == [1.0, 2.0]


def test_data_is_summed_up_where_there_are_many_entries():
    x = Tensor(np.arange(65.0), label="x")
    node = trace(x.sum()).to_dict()["nodes"][0]
    assert node["value"] == {"shape": [65], "dtype": "float64", "min": 0.0, "mean": 32.0, "max": 64.0}


def test_nan_and_infinity_are_named_and_marked():
    data = trace(Value(0.0, "x").log() * 0).to_dict()
    assert [node["finite"] for node in data["nodes"]] == [False, False, True, False]
    assert [node["value"] for node in data["nodes"]] == [0.0, "-inf", 0.0, "nan"]


def test_a_trace_dies_by_reference_counting_alone():
    import gc
    import weakref

    root = tanh_of_line()
    t = trace(root)
    t.to_dict()
    leaf = weakref.ref(root.inputs[0].inputs[0].inputs[0])
    gc.disable()
    try:
        del t, root
        assert leaf() is None
    finally:
        gc.enable()


def test_a_chain_of_a_hundred_thousand_nodes_is_traced_without_recursion():
    x = Value(1.0, "x")
    y = x
    for _ in range(100_000):
        y = y + 1
    t = trace(y)
    assert t.nodes[0].gradient == 1.0
    assert t.steps[-1].sentence.text == "x receives 1 · 1 = 1"


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "error", "says"),
    [
        (3.0, ArgumentError, "a view needs the Value or the Tensor that a computation gave, but was given 3.0"),
        (
            Value(3.0, "x"),
            ArgumentError,
            "the leaf 'x' has no graph: a view needs the result of an operation",
        ),
        (Tensor([1.0, 2.0]) * 2, BackwardError, "backward() from a Tensor of shape (2,) needs its gradient"),
        (Tensor([1, 2]), BackwardError, "backward() starts from a node that needs no gradient"),
    ],
)
def test_what_has_no_graph_is_refused_in_a_sentence(root, error, says):
    with pytest.raises(error) as caught:
        trace(root)
    assert str(caught.value).startswith(says)


def test_a_gradient_for_a_value_is_refused():
    with pytest.raises(ArgumentError, match="gradient= is for a Tensor"):
        trace(tanh_of_line(), 2.0)


def test_a_graph_that_was_made_under_no_grad_is_refused():
    with no_grad():
        root = Value(1.0) * 2
    with pytest.raises(BackwardError, match="no_grad"):
        trace(root)


def test_a_derivative_that_fails_leaves_every_gradient_as_it_was():
    def refuse(gy, y, x):
        raise RuntimeError("no derivative")

    a = Value(2.0)
    y = operation(lambda x: x + 1, refuse)(a * a) * 3
    a.grad, y.inputs[0].grad = 5.0, 7.0
    with pytest.raises(RuntimeError, match="no derivative"):
        trace(y)
    assert (a.grad, y.inputs[0].grad, y.grad) == (5.0, 7.0, 0.0)


@pytest.mark.parametrize("leaf", [Value(1.0, "x"), Tensor(1.0, label="x")])
def test_a_graph_that_was_changed_after_the_forward_pass_is_refused(leaf):
    root = leaf * leaf
    leaf.data = 2.0
    with pytest.raises(StaleGraphError, match="'x' was changed"):
        trace(root)


def test_a_hostile_label_reaches_no_formula_unescaped():
    x = Value(2.0, "<img src=x onerror=alert(1)>\x1b[2J$\\")
    step = trace(x * 2).backward[1]
    assert "<img" not in step.equation.mathml
    assert "&lt;img" in step.equation.mathml
    assert "\x1b" not in step.sentence.text + step.sentence.words
    assert not math.isnan(step.after)
