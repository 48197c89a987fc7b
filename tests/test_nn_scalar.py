"""Networks over Value: the same numbers as over Tensor, micrograd's interface, no NumPy."""

import random

import numpy as np
import pytest

from tinygrad_edu import Value, nn
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.nn import scalar

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
    assert [p.label for p in net.parameters()[:3]] == ["w0", "w1", "b"]  # short, since a picture shows the layers
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


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: scalar.MLP(2, [3, 1])([1.0]), ShapeError, r"Neuron\(2, relu\) takes 2 numbers, but was given 1"),
        (lambda: scalar.MLP(2, [3, 1])(1.0), ArgumentError, r"called on a list of numbers, but was given 1\.0"),
        (lambda: scalar.MLP(2, [3, 1])("ab"), ArgumentError, "called on a list of numbers, but was given 'ab'"),
        (lambda: scalar.MLP(2, [3, 1])(["a", "b"]), DTypeError, "a Value holds one number, but was given 'a'"),
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
