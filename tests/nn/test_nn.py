"""Modules: parameters and parts, names, state, modes, how they show themselves, and bad input."""

import copy
import gc
import pickle
import re

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn, no_grad, optim
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError
from tinygrad_edu.nn import functional, scalar
from tinygrad_edu.support.state_dict import StateDictError


class Block(nn.Module):
    """A part of every kind, in attributes of every kind."""

    def __init__(self):
        self.first = nn.Linear(2, 3, rng=0)
        self.more = [nn.Linear(3, 3, rng=1), {"last": nn.Linear(3, 1, bias=False, rng=2)}]
        self.scale = Tensor(2.0)
        self.shifts = (Tensor([1.0]), Tensor([2.0]))
        self.seen = np.zeros(2)
        self.rate = 0.1
        self._cache = Tensor([0.0])

    def forward(self, x):
        h = self.first(x).relu()
        self.made = self.more[0](h)
        return self.more[1]["last"](self.made) * self.scale + self.shifts[0] + self.shifts[1]


NAMES = [
    *("first.weight", "first.bias", "more.0.weight", "more.0.bias", "more.1.last.weight"),
    *("scale", "shifts.0", "shifts.1"),
]


def test_parameters_are_found_in_attributes_lists_tuples_and_dicts():
    block = Block()
    block(np.ones((4, 2)))  # which keeps an interior node in an attribute
    assert [name for name, _ in block.named_parameters()] == NAMES
    assert [p.label for p in block.parameters()] == NAMES
    assert list(block.state_dict()) == [*NAMES, "seen"]
    assert [name for name, _ in block.named_modules()] == ["", "first", "more.0", "more.1.last"]


def test_what_is_shared_is_found_once():
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    net.other = layer.weight
    assert [name for name, _ in net.named_parameters()] == ["layers.0.weight", "layers.0.bias"]
    net.itself = net  # not even a net in itself is walked round and round
    assert len(net.parameters()) == 2


def test_labels_are_dotted_names_and_a_label_of_ones_own_stays():
    layer = nn.Linear(2, 2)
    own = nn.Linear(2, 2)
    own.weight.label = "W1"
    assert layer.weight.label == "weight"
    net = nn.Sequential(layer, nn.Sequential(own))
    net.parameters()
    assert [p.label for p in net.parameters()] == ["layers.0.weight", "layers.0.bias", "W1", "layers.1.layers.0.bias"]
    layer.parameters()
    assert layer.weight.label == "layers.0.weight"


def test_the_first_call_names_the_parameters():
    net = nn.MLP(2, [3, 1])
    loss = net(np.ones((1, 2))).sum()
    assert net.layers[1].bias.label == "layers.1.bias"
    loss.backward()
    with pytest.raises(ShapeError, match=r"layers\.1: Linear\(3 → 1\) takes inputs of shape \(…, 3\)"):
        net.layers[1](np.ones((1, 2)))


def test_frozen_parameters_leave_parameters_and_stay_in_the_state():
    net = nn.MLP(2, [3, 1])
    for p in net.layers[0].parameters():
        p.requires_grad = False
    assert [p.label for p in net.parameters()] == ["layers.1.weight", "layers.1.bias"]
    assert len(net.state_dict()) == 4
    before = net.layers[0].weight.numpy()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    net(np.ones((5, 2))).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(net.layers[0].weight.data, before)
    assert net.layers[0].weight.grad is None


def test_parts_of_parts_and_what_is_done_to_all_of_them():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 1)))
    assert [type(m).__name__ for m in net.children()] == ["Linear", "Sequential"]
    assert net.modules() == [net, net[0], net[1], net[1][0], net[1][1]]
    seen = []
    assert net.apply(seen.append) is net
    assert seen == [net[0], net[1][0], net[1][1], net[1], net]


def test_a_hook_sees_a_call_and_may_change_its_output():
    layer, seen = nn.Linear(2, 2), []
    first = layer.register_forward_hook(lambda module, inputs, y: seen.append((module, inputs[0].shape, y.shape)))
    second = layer.register_forward_hook(lambda module, inputs, y: y * 0)
    assert layer(np.ones((3, 2))).tolist() == [[0.0, 0.0]] * 3
    assert seen == [(layer, (3, 2), (3, 2))]
    second.remove()
    first.remove()
    assert layer(np.ones((3, 2))).op == "linear"
    assert len(seen) == 1


def test_a_compiled_function_refuses_a_hook_and_notices_a_new_one():
    layer, seen = nn.Linear(2, 2), []
    compiled = tinygrad_edu.compile(lambda x: layer(x))
    compiled(np.ones((3, 2)))
    hook = layer.register_forward_hook(lambda module, inputs, y: seen.append(1))
    with pytest.raises(tinygrad_edu.errors.TinygradEduError, match="Linear has a forward hook"):
        compiled(np.ones((3, 2)))
    hook.remove()
    assert compiled(np.ones((3, 2))).shape == (3, 2)


def test_another_type_of_floats_for_all_parameters_and_buffers():
    block = Block()
    block.first.weight.grad = np.ones((2, 3))
    block.several = [np.zeros(2), {"deep": np.ones(1)}, (np.ones(1, int), np.ones(2))]
    assert block.astype(np.float32) is block
    assert {p.dtype for p in block.parameters()} == {np.dtype(np.float32)}
    assert block.first.weight.grad.dtype == block.seen.dtype == np.float32
    assert block.several[0].dtype == block.several[1]["deep"].dtype == block.several[2][1].dtype == np.float32
    assert block.several[2][0].dtype == int
    assert block(np.ones((4, 2), np.float32)).dtype == np.float32
    with pytest.raises(DTypeError, match="parameters are floats"):
        block.astype(int)


# --- state --------------------------------------------------------------------------------------------------------


def test_a_state_is_a_copy_both_ways():
    net, twin = Block(), Block()
    state = net.state_dict()
    net.first.weight.data[:] = 7
    net.seen[:] = 7
    assert (state["first.weight"] != 7).all()
    assert (state["seen"] == 0).all()
    twin.load_state_dict(state)
    state["first.bias"][:] = 9
    assert (twin.first.bias.data != 9).all()


def test_a_state_is_taken_over_to_the_bit_and_in_the_parameters_own_type():
    net, twin = nn.MLP(2, [3, 1], rng=0), nn.MLP(2, [3, 1], dtype=np.float32, rng=1)
    twin.load_state_dict(net.state_dict())
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        assert q.dtype == np.float32
        np.testing.assert_array_equal(q.data, p.data.astype(np.float32))
    other = nn.MLP(2, [3, 1], rng=2)
    other.load_state_dict(dict(net.named_parameters()))  # Tensors do as well
    assert [p.tolist() for p in other.parameters()] == [p.tolist() for p in net.parameters()]


def test_a_state_that_does_not_fit_names_everything_and_changes_nothing():
    net = nn.MLP(2, [3, 1])
    before = net.state_dict()
    state = net.state_dict() | {"layers.1.weight": np.ones((1, 3)), "extra": np.ones(2), "layers.1.bias": "seven"}
    state["layers.0.weight"] += 1
    del state["layers.0.bias"]
    with pytest.raises(StateDictError) as error:
        net.load_state_dict(state)
    for text in (
        "layers.0.bias is missing",
        "extra is surplus",
        "layers.1.weight has the shape (1, 3), but (3, 1) is needed",
        "layers.1.bias must hold numbers, but is 'seven'",
        "nothing was loaded",
    ):
        assert text in str(error.value)
    assert all((before[name] == array).all() for name, array in net.state_dict().items())


def test_a_graph_from_before_loading_is_refused():
    from tinygrad_edu.errors import StaleGraphError

    net = nn.MLP(2, [1])
    loss = net(np.ones((1, 2))).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(StaleGraphError):
        loss.backward()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_of_a_network_is_another_network(duplicate):
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5, rng=0), nn.LeakyReLU(0.1))
    X = np.random.default_rng(0).normal(size=(4, 2))
    net(X)
    twin = duplicate(net)
    assert twin(X).tolist() == net(X).tolist()  # the generator's state, too
    twin.layers[0].weight.data += 1
    assert twin.eval()(X).tolist() != net.eval()(X).tolist()


def test_zero_grad():
    net, scalars = nn.Linear(2, 1), nn.scalar.Neuron(2)
    net(np.ones((1, 2))).sum().backward()
    scalars([1.0, 1.0]).backward()
    net.zero_grad()
    scalars.zero_grad()
    assert [p.grad for p in net.parameters()] == [None, None]
    assert [p.grad for p in scalars.parameters()] == [0.0, 0.0, 0.0]


def test_modes_reach_every_part():
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.5)))
    assert net.eval() is net
    assert [module.training for _, module in net.named_modules()] == [False] * 4
    assert net.train() is net
    assert net.layers[1].layers[0].training


# --- calls, and what they leave on the graph ----------------------------------------------------------------------


def test_an_array_arrives_as_a_tensor():
    class Net(nn.Module):
        def forward(self, x, scale):
            assert isinstance(x, Tensor)
            assert not x.requires_grad
            assert scale == 2
            return x.relu() * scale

    assert Net()(np.array([-1.0, 3.0]), scale=2).tolist() == [0.0, 6.0]


def test_a_call_notes_its_scope_and_what_it_was_given():
    net = nn.MLP(2, [3, 1])
    X = Tensor(np.ones((4, 2)), requires_grad=False)
    y = net(X)
    inner, outer = y.marks
    assert (inner.scope.name, inner.scope.title) == ("layers.1", "Linear(3 → 1)")
    assert (outer.scope.name, outer.scope.title) == ("", "MLP(2 → 3 → 1, relu)")
    assert inner.inputs[0].op == "relu"
    assert outer.inputs == (X,)


def test_only_what_a_module_made_is_marked():
    x, p = Tensor([1.0]) * 2, Tensor([1.0])

    class Table(nn.Module):
        def forward(self, _):
            return p

    assert nn.Identity()(x).marks == ()  # handed on
    assert nn.Dropout().eval()(x).marks == ()
    assert Table()(x).marks == ()  # a leaf that lives longer than the call
    with no_grad():
        assert nn.ReLU()(x).marks == ()


def test_several_outputs_carry_one_note():
    class Two(nn.Module):
        def forward(self, x):
            return x + 1, [x * 2], 3

    a, (b,), _ = Two()(Tensor([1.0]))
    assert a.marks[0].inputs is b.marks[0].inputs


def steps_of(kind):
    X, y = np.ones((4, 2)), np.array([0, 1, 1, 0])
    if kind == "scalar":
        net = nn.scalar.MLP(2, [3, 2])
        return optim.Adam(net.parameters()), lambda: sum(net([1.0, 2.0]), Value(0.0))
    parts = [nn.BatchNorm1d(3), nn.Dropout(0.5), nn.LayerNorm(3), nn.GELU(), nn.Identity()]
    net = nn.MLP(2, [3, 2]) if kind == "mlp" else nn.Sequential(nn.Linear(2, 3), *parts, nn.Linear(3, 2))
    return optim.SGD(net.parameters(), momentum=0.9), lambda: functional.cross_entropy(net(X), y)


def garbage_of_training(kind):
    """How many objects only the cyclic collector can free after a hundred steps."""
    optimizer, loss_of = steps_of(kind)
    loss_of()  # imports what is imported when first needed
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            loss = loss_of()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        del loss
        return gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", ["mlp", "layers", "scalar"])
def test_training_leaves_no_cyclic_garbage(kind):
    # A thread that another test has left may leave garbage meanwhile, but not three times.
    assert min(garbage_of_training(kind) for _ in range(3)) == 0


# --- how they show themselves -------------------------------------------------------------------------------------


def test_a_repr_is_a_tree_with_counts():
    assert repr(Block()).splitlines() == [
        "Block                                   27 parameters",
        "├─ first: Linear(2 → 3)                  9",
        "├─ more.0: Linear(3 → 3)                12",
        "└─ more.1.last: Linear(3 → 1, no bias)   3",
    ]


def test_neighbours_that_look_alike_share_a_line():
    net = nn.Sequential(*(nn.MLP(32, [32, 32]) for _ in range(3)), nn.Dropout(0.1), nn.Linear(32, 3))
    assert repr(net).splitlines() == [
        "Sequential                                       6,435 parameters",
        "├─ layers.0 … layers.2: MLP(32 → 32 → 32, relu)  6,336",
        "│  └─ layers.0 … layers.1: Linear(32 → 32)       6,336",
        "├─ layers.3: Dropout(p=0.1)                          0",
        "└─ layers.4: Linear(32 → 3)                         99",
    ]


def test_one_parameter_is_no_parameters_and_none_is_not_counted():
    class One(nn.Module):
        def __init__(self):
            self.w = Tensor(1.0)

    assert repr(One()) == "One  1 parameter"
    assert repr(nn.ReLU()) == "ReLU"


@pytest.mark.parametrize(
    ("module", "title"),
    [
        (nn.Linear(2, 3, bias=False), "Linear(2 → 3, no bias)"),
        (nn.MLP(2, [3, 1], activation="swish"), "MLP(2 → 3 → 1, swish)"),
        (nn.MLP(2, [3, 1], activation=np.tanh), "MLP(2 → 3 → 1, tanh)"),
        (nn.MLP(2, [3, 1], activation=nn.ELU(0.5)), "MLP(2 → 3 → 1)"),
        (nn.ELU(0.5), "ELU(0.5)"),
        (nn.GELU("tanh"), "GELU(tanh)"),
        (nn.Softmax(), "Softmax(axis=-1)"),
        (nn.LogSoftmax(0), "LogSoftmax(axis=0)"),
        (nn.LayerNorm((2, 3)), "LayerNorm(2, 3)"),
        (nn.BatchNorm1d(4), "BatchNorm1d(4)"),
        (nn.Embedding(5, 2), "Embedding(5 → 2)"),
        (nn.Flatten(), "Flatten"),
    ],
)
def test_titles(module, title):
    assert repr(module).split("  ")[0].splitlines()[0] == title


# --- layers -------------------------------------------------------------------------------------------------------


def test_linear_is_pytorchs(torch):
    X = np.random.default_rng(0).normal(size=(5, 4, 3))
    for bias in (True, False):
        mine, theirs = nn.Linear(3, 2, bias=bias, rng=0), torch.nn.Linear(3, 2, bias=bias, dtype=torch.float64)
        with torch.no_grad():
            theirs.weight.copy_(torch.tensor(mine.weight.numpy().T))
            if bias:
                theirs.bias.copy_(torch.tensor(mine.bias.numpy()))
        for x in (X, X[0], X[0, 0]):
            y, z = mine(x), theirs(torch.tensor(x))
            np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-14)
        (y * y).sum().backward()
        (z * z).sum().backward()
        np.testing.assert_allclose(mine.weight.grad, theirs.weight.grad.numpy().T, rtol=1e-14)


@pytest.mark.parametrize("shape", [(), (2,), (5, 2), (3, 1), (0,)])
def test_linear_refuses_inputs_of_another_width(shape):
    with pytest.raises(ShapeError, match=r"Linear\(3 → 2\) takes inputs of shape \(…, 3\), but was given"):
        nn.Linear(3, 2)(np.ones(shape))


def test_linear_takes_no_rows():
    layer = nn.Linear(3, 2)
    y = layer(np.ones((0, 3)))
    y.sum().backward()
    assert y.shape == (0, 2)
    assert layer.weight.grad.tolist() == [[0.0, 0.0]] * 3


@pytest.mark.parametrize("modes", ["train", "eval"])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.7}, {"momentum": None}, {"momentum": 1}, {"eps": 0.5}])
def test_batch_norm_is_pytorchs(torch, settings, modes):
    mine, theirs = nn.BatchNorm1d(3, **settings), torch.nn.BatchNorm1d(3, **settings, dtype=torch.float64)
    rng = np.random.default_rng(0)
    for _ in range(3):
        X = rng.normal(size=(5, 3)) * 3 + 1
        x, t = Tensor(X), torch.tensor(X, requires_grad=True)
        y, z = mine(x), theirs(t)
    if modes == "eval":
        y, z = mine.eval()(x), theirs.eval()(t)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-14)
    seed = rng.normal(size=(5, 3))
    y.backward(seed)
    z.backward(torch.tensor(seed))
    np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(mine.weight.grad, theirs.weight.grad.numpy(), rtol=1e-12)
    state = theirs.state_dict()
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        np.testing.assert_allclose(mine.state_dict()[name], state[name].numpy(), rtol=1e-14)


@pytest.mark.parametrize("eps", [1e-5, 0.5])
@pytest.mark.parametrize("shape", [(4,), (3, 4), (1, 1)])
def test_layer_norm_is_pytorchs(torch, shape, eps):
    mine, theirs = nn.LayerNorm(shape, eps), torch.nn.LayerNorm(shape, eps, dtype=torch.float64)
    rng = np.random.default_rng(0)
    for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
        p.data = rng.normal(size=shape)
        q.data = torch.tensor(p.numpy())
    X, seed = rng.normal(size=(2, 5, *shape)), rng.normal(size=(2, 5, *shape))
    x, t = Tensor(X), torch.tensor(X, requires_grad=True)
    y, z = mine(x), theirs(t)
    y.backward(seed)
    z.backward(torch.tensor(seed))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mine.weight.grad, theirs.weight.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_an_embedding_is_pytorchs(torch):
    mine, theirs = nn.Embedding(5, 3, rng=0), torch.nn.Embedding(5, 3, dtype=torch.float64)
    assert mine.weight.data.std() == pytest.approx(1, rel=0.5)  # N(0, 1), as there
    theirs.weight.data = torch.tensor(mine.weight.numpy())
    indices = np.array([[4, 0, 4], [2, 4, 0]])
    y, z = mine(indices), theirs(torch.tensor(indices))
    np.testing.assert_array_equal(y.data, z.detach().numpy())
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(mine.weight.grad, theirs.weight.grad.numpy(), rtol=1e-14)


def test_an_embedding_adds_up_what_a_row_used_twice_gets():
    words = nn.Embedding(4, 2, rng=0)
    indices = np.array([[1, 1], [3, 1]], np.uint8)
    y = words(indices)
    np.testing.assert_array_equal(y.data, words.weight.data[indices])
    y.sum().backward()
    assert words.weight.grad.tolist() == [[0, 0], [3, 3], [0, 0], [1, 1]]


def test_dropout_keeps_the_mean_and_drops_the_gradient_where_it_dropped():
    drop = nn.Dropout(0.3, rng=np.random.default_rng(0))
    x = Tensor(np.ones(100_000))
    y = drop(x)
    kept = y.data != 0
    assert abs(kept.mean() - 0.7) < 0.01
    np.testing.assert_allclose(y.data[kept], 1 / 0.7)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data)
    assert not np.array_equal(drop(x).data, y.data)  # drawn anew
    assert nn.Dropout(0.0)(x) is x


def test_dropout_selects_and_does_not_multiply():
    x = Tensor(np.array([np.inf, 1.0]))
    drop = nn.Dropout(0.999999, rng=0)
    assert drop(x).tolist() == [0.0, 0.0]


def test_float32_stays_float32():
    x = Tensor(np.ones((4, 3), np.float32))
    f32 = {"dtype": np.float32}
    layers = [nn.Linear(3, 3, **f32), nn.BatchNorm1d(3, **f32), nn.LayerNorm(3, **f32), nn.Dropout(0.5)]
    for module in (*layers, layers[1].eval(), nn.ReLU(), nn.GELU(), nn.LeakyReLU(), nn.Softmax()):
        y = module(x)
        y.sum().backward()
        assert y.dtype == x.grad.dtype == np.float32, module
        assert {p.grad.dtype for p in module.parameters()} <= {np.dtype(np.float32)}
    assert nn.MLP(2, [2], dtype=np.float32)(np.ones((1, 2), np.float32)).dtype == np.float32
    assert nn.Embedding(2, 2, dtype="float32")([1]).dtype == np.float32


def test_an_mlp_is_its_formula():
    net = nn.MLP(3, [5, 4, 2], activation="tanh", rng=0)
    X = np.random.default_rng(0).normal(size=(7, 3))
    (W1, b1), (W2, b2), (W3, b3) = [(f.weight.data, f.bias.data) for f in net.layers]
    by_hand = np.tanh(np.tanh(X @ W1 + b1) @ W2 + b2) @ W3 + b3
    np.testing.assert_allclose(net(X).data, by_hand, rtol=1e-14)


@pytest.mark.parametrize("activation", ["swish", functional.silu, nn.SiLU()])
def test_an_activation_is_a_name_a_function_or_a_module(activation):
    net, other = nn.MLP(2, [3, 1], activation=activation, rng=0), nn.MLP(2, [3, 1], activation="silu", rng=0)
    assert net(np.ones((1, 2))).item() == other(np.ones((1, 2))).item()


def test_a_sequential_is_a_list_of_functions():
    net = nn.Sequential(nn.Linear(2, 3), np.tanh, functional.relu)
    assert (len(net), net[1], list(net)) == (3, np.tanh, net.layers)
    X = np.ones((1, 2))
    np.testing.assert_array_equal(net(X).data, np.maximum(np.tanh(net[0](X).data), 0))


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: nn.MLP(2, [3, 1], rng=rng),
        lambda rng: nn.Linear(2, 3, rng=rng),
        lambda rng: nn.Embedding(2, 3, rng=rng),
        lambda rng: nn.Sequential(nn.Linear(2, 3, rng=rng)),
    ],
)
def test_the_same_seed_gives_the_same_numbers(make):
    states = [make(rng).state_dict() for rng in (5, np.random.default_rng(5), None)]
    first, second, other = [[array.tolist() for array in state.values()] for state in states]
    assert first == second != other


def test_layers_that_share_a_generator_start_differently():
    net = nn.MLP(3, [3, 3], rng=0)
    assert net.layers[0].weight.tolist() != net.layers[1].weight.tolist()


# --- bad input ----------------------------------------------------------------------------------------------------


def stepped(layer, name="weight"):
    """The layer after a step that makes a new node, where it should write to the data."""
    setattr(layer, name, getattr(layer, name) - 0.1)
    return layer


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.Linear(0, 3), ArgumentError, "in_features must be a whole number, at least 1, but was given 0"),
        (lambda: nn.Linear(3, -1), ArgumentError, "out_features must be .* but was given -1"),
        (lambda: nn.Linear(2.5, 1), ArgumentError, r"in_features .* 2\.5"),
        (lambda: nn.Linear(True, 1), ArgumentError, "in_features .* True"),
        (lambda: nn.Linear(2, 1, dtype=int), DTypeError, "parameters are floats, but dtype=int64 was given"),
        (lambda: nn.Linear(2, 1, rng="seed"), DTypeError, "rng must be a numpy.random.Generator, a seed or None"),
        (lambda: nn.Linear(2, 1, rng=-1), ArgumentError, "a seed must not be negative, but was given -1"),
        (lambda: nn.MLP(2, []), ArgumentError, r"sizes must list the units of each layer, .* but was given \[\]"),
        (lambda: nn.MLP(2, 3), ArgumentError, "sizes must list"),
        (lambda: nn.MLP(2, iter(())), ArgumentError, "sizes must list"),
        (lambda: nn.MLP(2, "16"), ArgumentError, "sizes must list"),
        (lambda: nn.MLP(2, [4, 0]), ArgumentError, "the size of a layer must be"),
        (lambda: nn.MLP(2, [4, 1], "rleu"), ArgumentError, "no activation 'rleu': did you mean 'relu'"),
        (lambda: nn.MLP(2, [4, 1], "ReLU"), ArgumentError, "did you mean 'relu'"),
        (
            lambda: nn.MLP(2, [4, 1], "quadratic"),
            ArgumentError,
            "choose one of relu, leaky_relu, .* or pass a function",
        ),
        (lambda: nn.MLP(2, [4, 1], None), ArgumentError, "no activation None"),
        (lambda: nn.Sequential(nn.Linear(2, 2), "relu"), ArgumentError, "argument 1 is 'relu'"),
        (
            lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU),
            ArgumentError,
            r"argument 1 is the class ReLU.*write ReLU\(\)",
        ),
        (lambda: nn.MLP(2, [4, 1], nn.LeakyReLU), ArgumentError, r"is the class LeakyReLU.*write LeakyReLU\(\)"),
        (lambda: nn.Dropout(1.0), ArgumentError, r"Dropout: p must be a number, .* below 1, but was given 1\.0"),
        (
            lambda: setattr(nn.Linear(2, 1), "weight", np.ones((2, 1))),
            DTypeError,
            r"weight is a parameter.*\.weight\.data = …",
        ),
        (lambda: stepped(nn.Linear(2, 1)), DTypeError, r"given the result of sub, which does not .*data -= …"),
        (no_grad()(lambda: stepped(nn.Linear(2, 1))), DTypeError, "given a leaf, which does not learn"),
        (lambda: stepped(scalar.Neuron(2), "b"), DTypeError, "b is a parameter, but was given the result of sub"),
        (lambda: nn.Dropout(0.5)(Value(1.0)), DTypeError, "a Tensor holds floats"),
        (lambda: nn.Softmax()(Value(1.0)), DTypeError, "a Tensor holds floats"),
        (lambda: nn.Dropout("half"), ArgumentError, "Dropout: p must be a number, .* but was given 'half'"),
        (lambda: nn.BatchNorm1d(2, momentum=2), ArgumentError, "momentum must be a number, at least 0 and at most 1"),
        (lambda: nn.BatchNorm1d(2, eps=-1), ArgumentError, "BatchNorm1d: eps must be a number, at least 0"),
        (lambda: nn.LayerNorm(2, eps=-1), ArgumentError, "LayerNorm: eps must be a number, at least 0"),
        (lambda: nn.LayerNorm(()), ArgumentError, r"normalized_shape must name an axis, but was given \(\)"),
        (
            lambda: nn.BatchNorm1d(2)(np.ones((3, 4))),
            ShapeError,
            r"takes inputs of shape \(n, 2\) or \(n, 2, length\), but was given \(3, 4\)",
        ),
        (
            lambda: nn.BatchNorm1d(2)(np.ones((1, 2))),
            ShapeError,
            "needs two numbers or more of each channel",
        ),
        (lambda: nn.LayerNorm(2)(np.ones((3, 4))), ShapeError, r"of shape \(…, 2\), but was given \(3, 4\)"),
        (
            lambda: nn.Embedding(3, 2)([0, 3]),
            ArgumentError,
            "indices from 0 to 2, but was given 3 in an array",
        ),
        (lambda: nn.Embedding(3, 2)([-1]), ArgumentError, "was given -1 in an array"),
        (lambda: nn.Embedding(3, 2)([0.5]), DTypeError, "takes integers, but was given float64"),
        (lambda: nn.Flatten()(np.float64(3.0) * np.ones(())), ShapeError, "Flatten keeps the first axis"),
        (lambda: nn.Linear(2, 1)("ab"), DTypeError, "a Tensor holds floats"),
        (lambda: nn.Linear(2, 1)([[1, 2], [3]]), ShapeError, "regular shape"),
        (lambda: nn.Linear(2, 1).load_state_dict("w.st"), StateDictError, r"as .* load\(path\) give it.*given 'w\.st'"),
        (lambda: nn.GELU("exact"), ArgumentError, "approximate must be 'none' or 'tanh'"),
    ],
)
def test_bad_input_is_named(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_parameter_may_be_replaced_by_another_or_taken_away():
    layer = nn.Linear(2, 1)
    layer.weight, layer.bias = Tensor([[1.0], [2.0]]), None
    assert layer([3.0, 4.0]).tolist() == [11.0]
    assert [*layer.state_dict()] == ["weight"]


def test_lists_are_dropped_out_and_turned_into_shares_like_arrays():
    assert nn.Dropout(0.5, rng=0)([1.0] * 6).tolist() == nn.Dropout(0.5, rng=0)(np.ones(6)).tolist()
    assert nn.Softmax()([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert nn.LogSoftmax()([0.0, 1e4]).tolist() == [-1e4, 0.0]


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has no forward\(\): define there"):
        Empty()(1)


def test_values_in_a_module_of_tensors_are_refused():
    with pytest.raises(DTypeError, match="Values"):
        nn.Linear(2, 1)([Value(1.0), Value(2.0)])


def test_a_name_that_nn_lacks():
    with pytest.raises(AttributeError, match="has no attribute 'Linaer'"):
        nn.Linaer
    assert set(nn.__all__) <= set(dir(nn))
    assert all(hasattr(nn, name) for name in nn.__all__)


@pytest.mark.parametrize(("name", "shape"), [("weight", (3, 5)), ("bias", (5, 4)), ("bias", (1,)), ("bias", ())])
def test_a_linear_layer_keeps_the_shapes_of_its_parameters(name, shape):
    layer = nn.Linear(3, 4, rng=0)
    before = getattr(layer, name)
    with pytest.raises(
        ShapeError, match=rf"Linear\(3 → 4\) has {name} of shape .*, but was given {re.escape(str(shape))}"
    ):
        setattr(layer, name, Tensor(np.zeros(shape)))
    assert getattr(layer, name) is before
