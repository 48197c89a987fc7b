"""Networks over Value: the same numbers as over Tensor, micrograd's interface, no NumPy."""

import copy
import pickle
import random
import subprocess
import sys
import textwrap
from unittest import mock

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, StaleGraphError
from tinygrad_edu.graph.node import topological_order
from tinygrad_edu.nn import scalar
from tinygrad_edu.optim import SGD
from tinygrad_edu.value import Constant

X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh", "silu", "gelu", nn.LeakyReLU(0.2), nn.functional.elu])
@pytest.mark.parametrize("sizes", [[4, 2], [3, 3, 1], [2]])
def test_a_network_over_tensors_is_the_same_over_values(activation, sizes, fused):
    net = nn.MLP(3, sizes, activation=activation, rng=0)
    twin = scalar.MLP.from_tensor(net, fused=fused)
    loss = (net(X) ** 2).sum()
    loss.backward()
    total = Value(0.0)
    for row in X.tolist():
        y = twin(row)
        total = total + sum((yi * yi for yi in (y if isinstance(y, list) else [y])), Value(0.0))
    total.backward()
    assert total.data == pytest.approx(loss.item(), rel=1e-12)
    for layer, other in zip(net.layers, twin.layers, strict=True):
        grads = np.array([[p.grad for p in neuron.w] for neuron in other.neurons]).T
        np.testing.assert_allclose(grads, layer.weight.grad, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose([n.b.grad for n in other.neurons], layer.bias.grad, rtol=1e-12, atol=1e-13)


def test_a_layer_without_bias_has_biases_of_zero():
    net = nn.MLP(2, [2, 1], rng=0)
    net.layers[0].bias = None
    twin = scalar.MLP.from_tensor(net)
    assert [neuron.b.data for neuron in twin.layers[0].neurons] == [0.0, 0.0]
    assert twin([1.0, 2.0]).data == pytest.approx(net(np.array([1.0, 2.0])).item(), rel=1e-13)


def test_the_interface_is_micrograds():
    net = scalar.MLP(3, [4, 4, 1])
    assert len(net.parameters()) == 41
    assert isinstance(net([2.0, 3.0, -1.0]), Value)  # one output: no list
    assert len(scalar.Layer(2, 3)([Value(1.0), 2])) == 3
    net([1, 2, 3]).backward()
    assert any(p.grad for p in net.parameters())
    net.zero_grad()
    assert not any(p.grad for p in net.parameters())


def test_the_output_layer_has_no_activation():
    assert [layer.neurons[0].activation.__name__ for layer in scalar.MLP(2, [3, 3, 1]).layers] == [
        "relu",
        "relu",
        "identity",
    ]


def test_a_weighted_sum_is_one_node_or_many():
    assert scalar.Neuron(3)([1, 2, 3]).inputs[0].op == "dot"
    apart = scalar.Neuron(3, "identity", fused=False)([1, 2, 3])
    assert [apart.op, apart.inputs[1].op] == ["add", "mul"]


def test_parameters_are_found_by_name_too():
    net = scalar.MLP(2, [2, 1])
    assert [p for _, p in net.named_parameters()] == net.parameters()
    assert net.named_parameters()[0][0] == "layers.0.neurons.0.w.0"
    # Short, since a picture shows the layers.
    assert [p.label for p in net.parameters()[:3]] == ["n0.w0", "n0.w1", "n0.b"]
    state = net.state_dict()
    twin = scalar.MLP(2, [2, 1])
    twin.load_state_dict({name: np.array(number) for name, number in state.items()})
    assert twin.state_dict() == state
    assert all(type(p.data) is float for p in twin.parameters())


def test_layers_leave_their_marks():
    net = scalar.MLP(2, [3, 2])
    x = [Value(1.0), Value(2.0)]
    a, b = net(x)
    assert [mark.scope.name for mark in a.marks] == ["layers.1", ""]
    assert [mark.scope.title for mark in a.marks] == ["Layer(3 → 2)", "MLP(2 → 3 → 2, relu)"]
    assert a.marks[0].inputs is b.marks[0].inputs
    hidden = a.marks[0].inputs
    assert [h.op for h in hidden] == ["relu"] * 3
    assert hidden[0].marks[0].inputs == tuple(x)


@pytest.mark.parametrize("make", [lambda rng: scalar.MLP(2, [3, 1], rng=rng), lambda rng: scalar.Neuron(2, rng=rng)])
def test_the_same_seed_gives_the_same_numbers(make):
    drawn = [make(rng).state_dict() for rng in (3, random.Random(3), None)]
    assert drawn[0] == drawn[1] != drawn[2]
    random.seed(3)  # without an rng: Python's own, as in micrograd
    assert make(None).state_dict() == drawn[0]


def test_neighbours_start_differently():
    net = scalar.MLP(2, [3, 1], rng=0)
    assert len({p.data for p in net.parameters()}) == len(net.parameters())


def test_copying_a_network_draws_no_random_numbers():
    net = nn.MLP(2, [2, 1], rng=0)
    random.seed(1)
    scalar.MLP.from_tensor(net)
    assert random.random() == random.Random(1).random()


# --- operands in common -------------------------------------------------------------------------------------------


def test_weights_that_change_are_seen_by_the_next_call():
    layer = scalar.Layer(2, 1, "identity", rng=0)
    (neuron,) = layer.neurons
    neuron.w[0].data, neuron.w[1].data, neuron.b.data = 1.0, 2.0, 3.0
    assert layer([10.0, 100.0]).data == 213.0
    neuron.w[0].data = 4.0
    assert layer([10.0, 100.0]).data == 243.0
    neuron.w[1] = Value(5.0)
    assert layer([10.0, 100.0]).data == 543.0
    neuron.b = Value(6.0)
    assert layer([10.0, 100.0]).data == 546.0
    SGD([*neuron.w], lr=1.0).zero_grad()
    layer([10.0, 100.0]).backward()
    SGD([*neuron.w], lr=1.0).step()
    assert layer([10.0, 100.0]).data == -6.0 * 10.0 - 95.0 * 100.0 + 6.0


def test_a_compiled_step_between_two_calls_is_seen():
    net = scalar.MLP(1, [2, 1], "tanh", rng=0)
    optimizer = SGD(net.parameters(), lr=0.5)

    @tinygrad_edu.compile
    def step():
        optimizer.zero_grad()
        loss = (net([1.0]) - 3) ** 2
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        before = (net([1.0]).data - 3) ** 2
        assert step().data == pytest.approx(before)
    written_out = scalar.MLP(1, [2, 1], "tanh", fused=False, rng=0)
    written_out.load_state_dict(net.state_dict())
    assert net([1.0]).data == pytest.approx(written_out([1.0]).data)


def test_a_call_in_the_middle_of_an_optimizers_step_leaves_nothing_behind():
    class Peeking(SGD):
        def update(self, data, g, state):
            neuron([1.0, 1.0])
            return super().update(data, g, state)

    neuron = scalar.Neuron(2, "identity", rng=0)
    optimizer = Peeking(neuron.parameters(), lr=0.5)
    neuron([1.0, 1.0]).backward()
    optimizer.step()
    assert neuron([1.0, 1.0]).data == pytest.approx(sum(p.data for p in neuron.parameters()))


@pytest.mark.parametrize("part", ["weight", "bias", "input"])
def test_data_that_is_written_after_a_call_makes_its_graph_stale(part):
    layer, x = scalar.Layer(1, 2, rng=0), Value(1.0)
    y = layer([x])[1]
    leaf = {"weight": layer.neurons[1].w[0], "bias": layer.neurons[1].b, "input": x}[part]
    leaf.data += 1
    with pytest.raises(StaleGraphError, match="was changed after dot had used it"):
        y.backward()


def test_an_input_that_is_written_within_a_layers_call_makes_its_graph_stale():
    def meddle(y):
        x.data += 1
        return y

    x = Value(1.0)
    y = scalar.Layer(1, 2, meddle, rng=0)([x])
    with pytest.raises(StaleGraphError):
        y[1].backward()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_of_a_network_has_its_own_weights(again):
    net = scalar.MLP(2, [3, 1], rng=0)
    y = net([1.0, 2.0])
    twin = again(net)
    assert twin([1.0, 2.0]).data == y.data
    for p in twin.parameters():
        p.data = 0.0
    assert (twin([1.0, 2.0]).data, net([1.0, 2.0]).data) == (0.0, y.data)


def test_a_layer_applied_to_its_own_outputs():
    fused, written_out = (scalar.Layer(3, 3, "tanh", fused=fused, rng=0) for fused in (True, False))
    gradients = []
    for layer in (fused, written_out):
        x = [Value(0.5), Value(-1.0), Value(2.0)]
        sum(layer(layer(layer(x)))).backward()
        gradients.append([p.grad for p in (*x, *layer.parameters())])
    np.testing.assert_allclose(*gradients, rtol=1e-12)


def test_weights_may_be_computed_from_what_the_layer_saw():
    layer, x = scalar.Layer(2, 2, "tanh", rng=0), [Value(0.5), Value(-1.0)]
    weights = layer(x)
    outer = scalar.Neuron(2, "identity", rng=0)
    outer.w = weights
    outer(x).backward()
    expected = [weights[0].data, weights[1].data]
    for neuron, y, xi in zip(layer.neurons, weights, x, strict=True):
        slope = xi.data * (1 - y.data**2)
        expected = [e + slope * w.data for e, w in zip(expected, neuron.w, strict=True)]
    assert [xi.grad for xi in x] == pytest.approx(expected)


def _weight(layer):
    layer.neurons[0].w[1] = Value(5.0)


def _bias(layer):
    layer.neurons[1].b = Value(5.0)


def _weights(layer):
    layer.neurons[1].w = [Value(5.0), Value(6.0)]


def _number(layer):
    layer.neurons[0].w[1] = 5.0


def _activation(layer):
    layer.neurons[1].activation = nn.functional.tanh


def _all_activations(layer):
    for neuron in layer.neurons:
        neuron.activation = nn.functional.tanh


def _steps(layer):
    layer.neurons[0].fused = False


def _neuron(layer):
    layer.neurons[1] = scalar.Neuron(2, "sigmoid", rng=7)


def _more(layer):
    layer.neurons.append(scalar.Neuron(2, rng=7))


def _fewer(layer):
    del layer.neurons[0]


def _array(layer):
    layer.neurons[0].w = np.array(layer.neurons[0].w, dtype=object)


def _forward(layer):
    out = Value(7.0)
    layer.neurons[1].forward = lambda x: out.tanh()


def _frozen(layer):
    layer.neurons[0].w[:] = [Constant(1.0), Constant(2.0)]


@pytest.mark.parametrize(
    "exchange",
    [
        *(_weight, _bias, _weights, _number, _array, _frozen),
        *(_activation, _all_activations, _steps, _forward, _neuron, _more, _fewer),
    ],
)
def test_what_is_exchanged_in_a_layer_is_seen_by_the_next_call(exchange):
    layer = scalar.Layer(2, 3, rng=0)
    x = [Value(0.25), Value(-0.5)]
    layer(x)
    exchange(layer)
    for _ in range(2):
        outputs = layer(x)
        apart = [neuron(x) for neuron in layer.neurons]
        assert [y.data for y in outputs] == [y.data for y in apart]
        assert [y.op for y in outputs] == [y.op for y in apart]
        for y, same in zip(outputs, apart, strict=True):
            assert y.inputs[0].op == same.inputs[0].op
            used, expected = (
                {p for p in topological_order(node) if not p.op and p.requires_grad} for node in (y, same)
            )
            assert used == expected


def test_a_patched_forward_of_all_neurons_is_called():
    layer = scalar.Layer(2, 2, rng=0)
    layer([1.0, 2.0])
    with mock.patch.object(scalar.Neuron, "forward", return_value=Value(7.0)):
        assert [y.data for y in layer([1.0, 2.0])] == [7.0, 7.0]


def test_a_copy_in_another_process_reads_its_weights_anew(tmp_path):
    net = scalar.MLP(4, [2], rng=0)
    net([1, 2, 3, 4])
    (tmp_path / "net").write_bytes(pickle.dumps((net, dict.fromkeys(net.state_dict(), 0.0))))
    program = """
        import pickle, sys
        net, state = pickle.load(open(sys.argv[1], "rb"))
        net.load_state_dict(state)
        print([y.data for y in net([1, 2, 3, 4])])
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "net")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[0.0, 0.0]\n"


@pytest.mark.parametrize("make", [lambda: scalar.Layer(2, 2), lambda: scalar.Neuron(2)])
def test_tensors_are_not_for_networks_of_values(make):
    for x in ([Tensor(1.0), Tensor(2.0)], [Tensor([1.0, 2.0]), 3.0]):
        with pytest.raises(DTypeError, match="given"):
            make()(x)


def test_a_neuron_of_ones_own_in_a_layer():
    class Largest(scalar.Neuron):
        def forward(self, x):
            assert len(x) == 2
            return max(*x).maximum(x[0])

    layer = scalar.Layer(2, 2)
    layer.neurons[1] = Largest(2)
    assert layer([3.0, 4.0])[1].data == 4.0


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: scalar.MLP(2, [3, 1])([1.0]), ShapeError, r"Neuron\(2, relu\) takes 2 numbers, but was given 1"),
        (lambda: scalar.MLP(2, [3, 1])(1.0), ArgumentError, r"called on a list of numbers, but was given 1\.0"),
        (lambda: scalar.MLP(2, [3, 1])("ab"), ArgumentError, "called on a list of numbers, but was given 'ab'"),
        (lambda: scalar.MLP(2, [3, 1])(["a", "b"]), DTypeError, "a Value holds one number, but was given 'a'"),
        (lambda: scalar.Neuron(2)(1.0), ArgumentError, r"called on a list of numbers, but was given 1\.0"),
        (lambda: scalar.MLP(3, [3, 1])(X), ShapeError, r"one row of numbers, but was given an array of shape \(5, 3\)"),
        (lambda: scalar.Layer(3, 2)(X), ShapeError, r"one row of numbers, but was given an array of shape \(5, 3\)"),
        (lambda: scalar.Neuron(5)(X), ShapeError, r"one row of numbers, but was given an array of shape \(5, 3\)"),
        (lambda: scalar.MLP(3, [1])(np.array(2.0)), ShapeError, r"given an array of shape \(\)"),
        (lambda: scalar.MLP(2, [1])(Tensor([1.0, 2.0])), DTypeError, "no gradient gets to the Tensor"),
        (lambda: scalar.MLP(0, [3, 1]), ArgumentError, "n_in must be a whole number"),
        (lambda: scalar.Layer(2, 0), ArgumentError, "n_out must be a whole number"),
        (lambda: scalar.MLP(2, [3, 1], "rleu"), ArgumentError, "did you mean 'relu'"),
        (
            lambda: scalar.MLP(2, [3, 1], rng=np.random.default_rng(0)),
            DTypeError,
            "rng must be a random.Random, a seed",
        ),
        (lambda: scalar.MLP(2, []), ArgumentError, "sizes must list the units"),
    ],
)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(
    "make", [lambda: scalar.MLP(3, [4, 1], rng=0), lambda: scalar.Layer(3, 1, rng=0), lambda: scalar.Neuron(3, rng=0)]
)
@pytest.mark.parametrize("as_row", [np.asarray, tuple, lambda row: Tensor(row, requires_grad=False)])
def test_a_row_of_an_array_is_as_good_as_a_list(make, as_row):
    net = make()
    for row in X.astype(np.float32):
        y = net(as_row(row))
        assert isinstance(y, Value)
        assert y.data == net(row.tolist()).data
        y.backward()
    assert any(p.grad for p in net.parameters())


def test_all_of_it_works_where_there_is_no_numpy(run_without_numpy):
    printed = run_without_numpy(
        """
        import random
        from tinygrad_edu import nn
        from tinygrad_edu.nn import scalar
        net = scalar.MLP(2, [4, 1], activation="gelu", rng=random.Random(0))
        (net([1.0, -2.0]) - 1.0).softplus().backward()
        net.zero_grad()
        net.load_state_dict(net.state_dict())
        print(net)
        print(nn.scalar is scalar, nn.ReLU()(net([1.0, 1.0])).op)
        """
    )
    assert "17 parameters" in printed
    assert "True relu" in printed
