"""Layers beside PyTorch's: outputs, gradients and states; compiled, drawn, saved and loaded as every module is."""

import copy

import numpy as np
import pytest

import tinygrad_edu
from tests.oracles import like_torch
from tinygrad_edu import Tensor, gradcheck, nn
from tinygrad_edu.errors import ArgumentError, DTypeError, ShapeError, TinygradEduError
from tinygrad_edu.nn import functional
from viz import draw, trace

RTOL = 1e-10


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Case:
    """A layer, what makes PyTorch's, an input, and how the parameters of PyTorch's are laid out here."""

    def __init__(self, make, peer, *inputs, transposed=()):
        self.make, self.peer, self.inputs, self.transposed = make, peer, inputs, transposed


WEIGHTS = {"weight_ih", "weight_hh"} | {f"weight_{kind}h_l{k}" for kind in "ih" for k in range(2)}
BLOCK = {"self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight", "linear2.weight"}
CASES = {
    "Conv1d": Case(lambda: nn.Conv1d(3, 4, 3, rng=0), lambda t: t.Conv1d(3, 4, 3), drawn(2, 3, 7)),
    "Conv1d, one sequence": Case(
        lambda: nn.Conv1d(3, 4, 2, padding="same", rng=0), lambda t: t.Conv1d(3, 4, 2, padding="same"), drawn(3, 7)
    ),
    "Conv1d with all settings": Case(
        lambda: nn.Conv1d(4, 6, 3, stride=2, padding=3, dilation=2, groups=2, bias=False, rng=0),
        lambda t: t.Conv1d(4, 6, 3, stride=2, padding=3, dilation=2, groups=2, bias=False),
        drawn(2, 4, 8),
    ),
    "Conv2d": Case(lambda: nn.Conv2d(3, 4, 3, rng=0), lambda t: t.Conv2d(3, 4, 3), drawn(2, 3, 6, 5)),
    "Conv2d, same": Case(
        lambda: nn.Conv2d(2, 3, (2, 3), padding="same", dilation=2, rng=0),
        lambda t: t.Conv2d(2, 3, (2, 3), padding="same", dilation=2),
        drawn(2, 2, 5, 5),
    ),
    "Conv2d, one image": Case(
        lambda: nn.Conv2d(2, 3, 2, padding="valid", rng=0), lambda t: t.Conv2d(2, 3, 2), drawn(2, 4, 5)
    ),
    "Conv2d with all settings": Case(
        lambda: nn.Conv2d(4, 8, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=4, bias=False, rng=0),
        lambda t: t.Conv2d(4, 8, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=4, bias=False),
        drawn(2, 4, 7, 6),
    ),
    "ConvTranspose2d": Case(
        lambda: nn.ConvTranspose2d(3, 2, 3, rng=0), lambda t: t.ConvTranspose2d(3, 2, 3), drawn(2, 3, 4, 3)
    ),
    "ConvTranspose2d whose output has room for one window more": Case(
        lambda: nn.ConvTranspose2d(3, 2, (2, 3), (3, 2), (1, 2), (2, 3), dilation=4, rng=0),
        lambda t: t.ConvTranspose2d(3, 2, (2, 3), (3, 2), (1, 2), (2, 3), dilation=4),
        drawn(2, 3, 4, 4),
    ),
    "ConvTranspose2d with all settings": Case(
        lambda: nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), (1, 0), (1, 2), 2, dilation=(2, 1), rng=0),
        lambda t: t.ConvTranspose2d(4, 6, (3, 2), (2, 3), (1, 0), (1, 2), 2, dilation=(2, 1)),
        drawn(2, 4, 4, 3),
    ),
    "MaxPool1d": Case(lambda: nn.MaxPool1d(2), lambda t: t.MaxPool1d(2), drawn(2, 3, 7)),
    "MaxPool2d": Case(lambda: nn.MaxPool2d(2), lambda t: t.MaxPool2d(2), drawn(2, 3, 6, 5)),
    "MaxPool2d, ties": Case(
        lambda: nn.MaxPool2d(3, 1, 1), lambda t: t.MaxPool2d(3, 1, 1), np.round(drawn(2, 3, 6, 5)) - 3
    ),
    "MaxPool2d with all settings": Case(
        lambda: nn.MaxPool2d((3, 2), (1, 2), (1, 0), (1, 2)),
        lambda t: t.MaxPool2d((3, 2), (1, 2), (1, 0), (1, 2)),
        drawn(3, 6, 7),
    ),
    "AvgPool1d": Case(lambda: nn.AvgPool1d(3, 2, 1), lambda t: t.AvgPool1d(3, 2, 1), drawn(2, 3, 7)),
    "AvgPool2d": Case(lambda: nn.AvgPool2d(2), lambda t: t.AvgPool2d(2), drawn(2, 3, 6, 5)),
    "AvgPool2d, overlapping": Case(
        lambda: nn.AvgPool2d((3, 2), 1, (1, 0)), lambda t: t.AvgPool2d((3, 2), 1, (1, 0)), drawn(3, 6, 5)
    ),
    "AdaptiveAvgPool2d": Case(
        lambda: nn.AdaptiveAvgPool2d((3, 2)), lambda t: t.AdaptiveAvgPool2d((3, 2)), drawn(2, 3, 7, 5)
    ),
    "AdaptiveAvgPool2d, one number": Case(
        lambda: nn.AdaptiveAvgPool2d(1), lambda t: t.AdaptiveAvgPool2d(1), drawn(3, 4, 4)
    ),
    "LayerNorm": Case(lambda: nn.LayerNorm(4), lambda t: t.LayerNorm(4), drawn(2, 3, 4)),
    "LayerNorm of two axes": Case(lambda: nn.LayerNorm((3, 4)), lambda t: t.LayerNorm((3, 4)), drawn(2, 5, 3, 4)),
    "RMSNorm": Case(lambda: nn.RMSNorm(4), lambda t: t.RMSNorm(4), drawn(2, 3, 4)),
    "RMSNorm without weight": Case(
        lambda: nn.RMSNorm((3, 4), 1e-3, False), lambda t: t.RMSNorm((3, 4), 1e-3, False), drawn(2, 3, 4)
    ),
    "GroupNorm": Case(lambda: nn.GroupNorm(2, 4), lambda t: t.GroupNorm(2, 4), drawn(3, 4, 5, 2)),
    "GroupNorm without weight": Case(
        lambda: nn.GroupNorm(4, 4, affine=False), lambda t: t.GroupNorm(4, 4, affine=False), drawn(3, 4, 5)
    ),
    "BatchNorm1d": Case(lambda: nn.BatchNorm1d(3), lambda t: t.BatchNorm1d(3), drawn(4, 3)),
    "BatchNorm1d of sequences": Case(
        lambda: nn.BatchNorm1d(3, momentum=None), lambda t: t.BatchNorm1d(3, momentum=None), drawn(2, 3, 5)
    ),
    "BatchNorm1d without state": Case(
        lambda: nn.BatchNorm1d(3, affine=False, track_running_stats=False),
        lambda t: t.BatchNorm1d(3, affine=False, track_running_stats=False),
        drawn(4, 3),
    ),
    "BatchNorm2d": Case(lambda: nn.BatchNorm2d(3, 1e-3, 0.3), lambda t: t.BatchNorm2d(3, 1e-3, 0.3), drawn(2, 3, 4, 5)),
    "Embedding": Case(lambda: nn.Embedding(5, 3, rng=0), lambda t: t.Embedding(5, 3), np.array([[1, 1, 4], [0, 2, 1]])),
    "Embedding with padding": Case(
        lambda: nn.Embedding(5, 3, padding_idx=2, rng=0),
        lambda t: t.Embedding(5, 3, padding_idx=2),
        np.array([[1, 1, 2], [0, 2, 1]]),
    ),
    "RNNCell": Case(
        lambda: nn.RNNCell(3, 5, rng=0), lambda t: t.RNNCell(3, 5), drawn(2, 3), drawn(2, 5), transposed=WEIGHTS
    ),
    "LSTMCell": Case(
        lambda: nn.LSTMCell(3, 5, bias=False, rng=0),
        lambda t: t.LSTMCell(3, 5, bias=False),
        drawn(2, 3),
        (drawn(2, 5), drawn(2, 5, seed=1)),
        transposed=WEIGHTS,
    ),
    "GRUCell": Case(
        lambda: nn.GRUCell(3, 5, rng=0), lambda t: t.GRUCell(3, 5), drawn(2, 3), drawn(2, 5), transposed=WEIGHTS
    ),
    "GRUCell from zeros, one example": Case(
        lambda: nn.GRUCell(3, 5, rng=0), lambda t: t.GRUCell(3, 5), drawn(3), transposed=WEIGHTS
    ),
    "RNN": Case(
        lambda: nn.RNN(3, 5, nonlinearity="relu", rng=0),
        lambda t: t.RNN(3, 5, nonlinearity="relu"),
        drawn(4, 2, 3),
        transposed=WEIGHTS,
    ),
    "RNN of two layers": Case(
        lambda: nn.RNN(3, 5, 2, rng=0), lambda t: t.RNN(3, 5, 2), drawn(4, 2, 3), drawn(2, 2, 5), transposed=WEIGHTS
    ),
    "LSTM": Case(lambda: nn.LSTM(3, 5, rng=0), lambda t: t.LSTM(3, 5), drawn(4, 2, 3), transposed=WEIGHTS),
    "LSTM of two layers, batch first": Case(
        lambda: nn.LSTM(3, 5, 2, batch_first=True, rng=0),
        lambda t: t.LSTM(3, 5, 2, batch_first=True),
        drawn(2, 4, 3),
        (drawn(2, 2, 5), drawn(2, 2, 5, seed=1)),
        transposed=WEIGHTS,
    ),
    "GRU": Case(
        lambda: nn.GRU(3, 5, 2, bias=False, rng=0),
        lambda t: t.GRU(3, 5, 2, bias=False),
        drawn(4, 2, 3),
        transposed=WEIGHTS,
    ),
    "GRU, one sequence": Case(
        lambda: nn.GRU(3, 5, batch_first=True, rng=0),
        lambda t: t.GRU(3, 5, batch_first=True),
        drawn(4, 3),
        transposed=WEIGHTS,
    ),
    "MultiheadAttention": Case(
        lambda: nn.MultiheadAttention(6, 2, rng=0),
        lambda t: t.MultiheadAttention(6, 2),
        drawn(4, 2, 6),
        drawn(3, 2, 6, seed=1),
        drawn(3, 2, 6, seed=2),
        transposed={"in_proj_weight", "out_proj.weight"},
    ),
    "TransformerEncoderLayer": Case(
        lambda: nn.TransformerEncoderLayer(6, 2, 8, 0.0, rng=0),
        lambda t: t.TransformerEncoderLayer(6, 2, 8, 0.0),
        drawn(4, 2, 6),
        transposed=BLOCK,
    ),
    "TransformerEncoderLayer, norm first": Case(
        lambda: nn.TransformerEncoderLayer(6, 3, 8, 0.0, "gelu", 1e-3, True, True, rng=0),
        lambda t: t.TransformerEncoderLayer(6, 3, 8, 0.0, "gelu", 1e-3, True, True),
        drawn(2, 4, 6),
        transposed=BLOCK,
    ),
    "PReLU": Case(lambda: nn.PReLU(3), lambda t: t.PReLU(3), drawn(2, 3, 4)),
    "PReLU, one slope": Case(lambda: nn.PReLU(init=0.1), lambda t: t.PReLU(init=0.1), drawn(2, 3)),
}


def outputs_of(y):
    """The Tensors (of either library) in what a layer gives."""
    if isinstance(y, tuple | list):
        return [x for part in y for x in outputs_of(part)]
    return [] if y is None else [y]


def weighted(ys, like):
    """One number that every entry of every output has a share in."""
    return sum((y * like(np.cos(np.arange(np.prod(y.shape, dtype=int))).reshape(tuple(y.shape)))).sum() for y in ys)


def mapped(function, x):
    """The function of an array, or of each in a tuple."""
    return tuple(function(part) for part in x) if isinstance(x, tuple) else function(x)


def given(x):
    return mapped(lambda x: Tensor(x) if x.dtype.kind == "f" else x, x)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch may copy its input
@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_pytorchs(torch, name):
    case = CASES[name]
    mine, theirs = case.make(), case.peer(torch.nn).double()
    parameters = dict(theirs.named_parameters())
    state = mine.state_dict()
    assert {key: array.shape[:: -1 if key in case.transposed else 1] for key, array in state.items()} == {
        key: tuple(x.shape) for key, x in theirs.state_dict().items()
    }
    with torch.no_grad():
        for key, x in theirs.state_dict().items():
            x.copy_(torch.tensor(state[key].T if key in case.transposed else state[key]))
    for _ in range(2):  # the second call finds the state that the first has left
        xs = [given(x) for x in case.inputs]
        ts = [mapped(lambda x: torch.tensor(x, requires_grad=x.dtype.kind == "f"), x) for x in case.inputs]
        mine.zero_grad()
        theirs.zero_grad()
        ys, zs = outputs_of(mine(*xs)), outputs_of(theirs(*ts))
        for y, z in zip(ys, zs, strict=True):
            like_torch(y.data, z, RTOL)
        weighted(ys, np.asarray).backward()
        weighted(zs, torch.tensor).backward()
        for x, t in zip(outputs_of(xs), outputs_of(ts), strict=True):
            if isinstance(x, Tensor):
                like_torch(x.grad, t.grad, RTOL)
        for key, p in mine.named_parameters():
            like_torch(p.grad.T if key in case.transposed else p.grad, parameters[key].grad, RTOL)
    after = mine.state_dict()
    for key, x in theirs.state_dict().items():
        like_torch(after[key].T if key in case.transposed else after[key], x, RTOL)
    ys = outputs_of(mine.eval()(*case.inputs))
    zs = outputs_of(theirs.eval()(*[mapped(torch.tensor, x) for x in case.inputs]))
    for y, z in zip(ys, zs, strict=True):
        like_torch(y.data, z, RTOL)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    case = CASES[name]
    layer = case.make().astype(np.float32)
    xs = [given(mapped(lambda x: x.astype(np.float32) if x.dtype.kind == "f" else x, x)) for x in case.inputs]
    ys = outputs_of(layer(*xs))
    weighted(ys, lambda weights: weights.astype(np.float32)).backward()
    assert {y.dtype for y in ys} == {np.dtype(np.float32)}
    assert {p.grad.dtype for p in layer.parameters()} <= {np.dtype(np.float32)}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_compiles_draws_steps_saves_and_loads(tmp_path, name):
    case = CASES[name]
    layer, twin = case.make(), case.make()

    def step(net, *arrays):
        xs = [given(x) for x in arrays]
        loss = weighted(outputs_of(net(*xs)), np.asarray)
        net.zero_grad()
        loss.backward()
        return loss, [x.grad for x in (*net.parameters(), *outputs_of(xs)) if isinstance(x, Tensor)]

    compiled = tinygrad_edu.compile(lambda *xs: step(twin, *xs))
    for _ in range(3):
        loss, gradients = step(layer, *case.inputs)
        compiled_loss, compiled_gradients = compiled(*case.inputs)
        np.testing.assert_allclose(compiled_loss.data, loss.data, rtol=1e-12, atol=1e-12)
        for found, expected in zip(compiled_gradients, gradients, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    assert compiled.source
    for key, array in twin.state_dict().items():
        np.testing.assert_allclose(array, layer.state_dict()[key], rtol=1e-12, atol=1e-12)

    xs = [given(x) for x in case.inputs]
    loss = weighted(outputs_of(layer(*xs)), np.asarray)
    assert type(layer).__name__ in draw(loss).source
    assert trace(loss).steps

    tinygrad_edu.save(tmp_path / "layer", layer.state_dict())
    twin.load_state_dict(tinygrad_edu.load(tmp_path / "layer"))
    for key, array in twin.state_dict().items():
        np.testing.assert_array_equal(array, layer.state_dict()[key])
    assert repr(copy.deepcopy(layer)) == repr(layer)


def attending(**masks):
    return nn.MultiheadAttention(6, 2, rng=0)(*[drawn(4, 2, 6)] * 3, **masks)


IMAGES = drawn(2, 1, 4, 8)
BAD = [
    (lambda: nn.Conv2d(3, 8, 3)(IMAGES), ShapeError, "Conv2d(3 → 8, 3×3) takes inputs of shape (n, 3, height, width)"),
    (lambda: nn.Conv2d(3, 8, 3)(IMAGES), ShapeError, "but was given (2, 1, 4, 8)"),
    (
        lambda: nn.Conv2d(1, 8, 5)(IMAGES),
        ShapeError,
        "the kernel of size (5, 5) is larger than the input of shape",
    ),
    (lambda: nn.Conv2d(1, 8, 3, stride=2, padding="same"), ArgumentError, "padding='same' keeps the shape"),
    (lambda: nn.Conv2d(1, 8, 3, padding="full"), ArgumentError, "padding must be a number, 'same' or 'valid'"),
    (lambda: nn.Conv2d(3, 8, 3, groups=2), ArgumentError, "groups=2 must divide in_channels=3 and out_channels=8"),
    (lambda: nn.Conv2d(3, 8, (3, 3, 3)), ArgumentError, "kernel_size must be a whole number or 2 of them"),
    (lambda: nn.Conv1d(3, 8, 3)(drawn(3)), ShapeError, "takes inputs of shape (n, 3, length), but was given (3,)"),
    (lambda: nn.ConvTranspose2d(1, 1, 2, output_padding=1)(IMAGES), ArgumentError, "output_padding must be smaller"),
    (lambda: nn.ConvTranspose2d(1, 1, 2, padding=3)(IMAGES), ShapeError, "leaves nothing of the output"),
    (lambda: nn.MaxPool2d(5)(IMAGES), ShapeError, "a window of size (5, 5) is larger than the input of shape (2, 1, 4"),
    (lambda: nn.MaxPool2d(2, padding=2)(IMAGES), ArgumentError, "must be at most half of the window"),
    (lambda: nn.AvgPool2d(2)(drawn(3, 8)), ShapeError, "takes inputs of shape (n, channels, height, width), but was"),
    (lambda: nn.AdaptiveAvgPool2d(2)(drawn(3, 8)), ShapeError, "takes inputs of shape"),
    (
        lambda: nn.BatchNorm1d(3)(drawn(4, 2)),
        ShapeError,
        "takes inputs of shape (n, 3) or (n, 3, length), but",
    ),
    (lambda: nn.BatchNorm2d(3)(drawn(4, 3)), ShapeError, "takes inputs of shape (n, 3, height, width), but was given"),
    (lambda: nn.BatchNorm2d(1)(drawn(1, 1, 1, 1)), ShapeError, "needs two numbers or more of each channel"),
    (lambda: nn.GroupNorm(2, 3), ArgumentError, "2 groups do not divide 3 channels"),
    (lambda: nn.GroupNorm(2, 4)(drawn(2, 3)), ShapeError, "GroupNorm(2, 4) takes inputs of shape (n, 4, …)"),
    (lambda: nn.RMSNorm(3)(drawn(2, 4)), ShapeError, "RMSNorm(3) takes inputs of shape (…, 3), but was given (2, 4)"),
    (lambda: nn.Embedding(5, 3)(np.array([0, 5])), ArgumentError, "takes indices from 0 to 4, but was given 5"),
    (lambda: nn.Embedding(5, 3, padding_idx=5), ArgumentError, "padding_idx must be an index of the 5 vectors"),
    (lambda: nn.Dropout2d()(drawn(2, 4)), ShapeError, "Dropout2d(p=0.5) takes inputs of shape (n, channels"),
    (
        lambda: nn.LSTM(3, 5)(drawn(4, 2, 2)),
        ShapeError,
        "takes inputs of shape (steps, n, 3), but was given",
    ),
    (lambda: nn.GRU(3, 5)(drawn(0, 2, 3)), ShapeError, "was given an empty sequence"),
    (lambda: nn.RNN(3, 5, batch_first=True)(drawn(2, 0, 3)), ShapeError, "no step in inputs of shape (2, 0, 3)"),
    (
        lambda: nn.LSTM(3, 5)(drawn(4, 2, 3), 5),
        ShapeError,
        "takes two states, h and c, of shape (1, 2, 5), but was given [None]",
    ),
    (
        lambda: nn.LSTM(3, 5)(drawn(4, 2, 3), drawn(1, 2, 5)),
        ShapeError,
        "takes two states, h and c, of shape (1, 2, 5), but was given [(1, 2, 5)]",
    ),
    (
        lambda: nn.MultiheadAttention(6, 2)(*[drawn(0, 2, 6)] * 3),
        ShapeError,
        "MultiheadAttention(6, 2 heads) was given an empty sequence: query, key and value have the shapes (0, 2, 6)",
    ),
    (
        lambda: nn.TransformerEncoderLayer(6, 2, batch_first=True)(drawn(2, 0, 6)),
        ShapeError,
        "was given an empty sequence: query, key and value have the shapes (2, 0, 6)",
    ),
    (
        lambda: functional.scaled_dot_product_attention(drawn(0, 4), drawn(0, 4), drawn(0, 4)),
        ShapeError,
        "scaled_dot_product_attention was given an empty sequence",
    ),
    (
        lambda: attending(attn_mask=np.ones((4, 4), int)),
        DTypeError,
        "attn_mask must hold booleans, or floats to add to the scores, but was given int64 of shape (4, 4)",
    ),
    (
        lambda: nn.LSTM(3, 5)(drawn(4, 2, 3), (drawn(1, 2, 5),)),
        ShapeError,
        "takes two states, h and c, of shape (1",
    ),
    (lambda: nn.RNN(3, 5)(drawn(4, 2, 3), drawn(2, 5)), ShapeError, "takes a state of shape (1, 2, 5), but was given"),
    (lambda: nn.GRUCell(3, 5)(drawn(4, 2, 3)), ShapeError, "GRUCell(3 → 5) takes inputs of shape (n, 3)"),
    (lambda: nn.RNN(3, 5, nonlinearity="sine"), ArgumentError, "nonlinearity must be 'tanh' or 'relu'"),
    (lambda: nn.MultiheadAttention(6, 4), ArgumentError, "4 heads do not divide embed_dim=6"),
    (
        lambda: nn.MultiheadAttention(6, 2)(*[drawn(4, 2, 5)] * 3),
        ShapeError,
        "query must have 6 features, but has",
    ),
    (
        lambda: attending(attn_mask=np.ones((3, 4), bool)),
        ShapeError,
        "attn_mask must broadcast to the scores",
    ),
    (
        lambda: attending(key_padding_mask=np.ones((3, 2), bool)),
        ShapeError,
        "must hold booleans of shape (2, 4)",
    ),
    (
        lambda: functional.scaled_dot_product_attention(drawn(3, 4), drawn(5, 4), drawn(4, 4)),
        ShapeError,
        "takes a query",
    ),
    (lambda: nn.ModuleList([np.tanh]), ArgumentError, "ModuleList holds modules, but was given"),
    (lambda: nn.ModuleDict({"training": nn.ReLU()}), ArgumentError, "a module cannot be called 'training'"),
    (lambda: nn.PReLU(3)(drawn(2, 4)), ShapeError, "PReLU(3) takes inputs of shape (n, 3, …), but was given (2, 4)"),
]


@pytest.mark.parametrize(("call", "error", "text"), BAD, ids=[text for _, _, text in BAD])
def test_bad_input_is_refused_in_one_sentence(call, error, text):
    with pytest.raises(error) as info:
        call()
    assert isinstance(info.value, TinygradEduError)
    assert text in str(info.value)
    assert "\n" not in str(info.value)


def test_dropout2d_drops_whole_channels():
    y = nn.Dropout2d(0.25, rng=0)(np.ones((50, 40, 3, 2))).data
    assert set(np.unique(y)) == {0.0, 1 / 0.75}
    assert (y == y[:, :, :1, :1]).all()
    assert abs((y == 0).mean() - 0.25) < 0.03


def test_tied_weights_are_one_parameter_that_gets_both_gradients():
    class Model(nn.Module):
        def __init__(self):
            self.words = nn.Embedding(5, 3, rng=0)
            self.head = nn.Linear(3, 5, bias=False, rng=1)

        def forward(self, x):
            return self.words(x) @ self.words.weight.T

    net = Model()
    del net.head
    assert [name for name, _ in net.named_parameters()] == ["words.weight"]
    x = np.array([1, 2, 1])
    net(x).sum().backward()
    rows = net.words.weight.data
    expected = np.zeros((5, 3)) + rows[x].sum(0)
    np.add.at(expected, x, rows.sum(0))
    np.testing.assert_allclose(net.words.weight.grad, expected)


# --- attention ------------------------------------------------------------------------------------------------------


def boolean(*shape):
    mask = np.random.default_rng(5).random(shape) < 0.4
    mask[..., 0] = False
    return mask


@pytest.mark.parametrize(
    "masks",
    [
        {"is_causal": True},
        {"attn_mask": boolean(4, 4)},
        {"attn_mask": boolean(4, 4, 4)},
        {"attn_mask": drawn(4, 4)},
        {"key_padding_mask": boolean(2, 4)},
        {"key_padding_mask": boolean(2, 4), "attn_mask": boolean(4, 4), "average_attn_weights": False},
        {"key_padding_mask": boolean(2, 4), "need_weights": False},
    ],
    ids=lambda masks: " ".join(masks),
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_masks_of_attention_are_pytorchs(torch, masks, batch_first):
    mine = nn.MultiheadAttention(6, 2, batch_first=batch_first, rng=0)
    theirs = torch.nn.MultiheadAttention(6, 2, batch_first=batch_first, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.tensor(mine.in_proj_weight.numpy().T))
        theirs.out_proj.weight.copy_(torch.tensor(mine.out_proj.weight.numpy().T))
    x = drawn(2, 4, 6) if batch_first else drawn(4, 2, 6)
    leaf, t = Tensor(x), torch.tensor(x, requires_grad=True)
    given_masks = {name: torch.tensor(m) if isinstance(m, np.ndarray) else m for name, m in masks.items()}
    if masks == {"is_causal": True}:
        given_masks = {"attn_mask": ~torch.ones(4, 4, dtype=bool).tril()}
    (y, weights), (z, peer) = mine(leaf, leaf, leaf, **masks), theirs(t, t, t, **given_masks)
    like_torch(y.data, z, RTOL)
    assert (weights is None) == (peer is None)
    if weights is not None:
        like_torch(weights.data, peer, RTOL)
    weighted([y], np.asarray).backward()
    weighted([z], torch.tensor).backward()
    like_torch(leaf.grad, t.grad, RTOL)
    like_torch(mine.in_proj_weight.grad.T, theirs.in_proj_weight.grad, RTOL)


def test_what_is_added_to_the_scores_may_be_learned(torch):
    xs, mask = [drawn(2, 3, 4), drawn(2, 5, 4, seed=1), drawn(2, 5, 2, seed=2)], drawn(3, 5)
    leaf, t = Tensor(mask), torch.tensor(mask, requires_grad=True)
    y = functional.scaled_dot_product_attention(*xs, attn_mask=leaf)
    z = torch.nn.functional.scaled_dot_product_attention(*map(torch.tensor, xs), attn_mask=t)
    y.backward(np.ones(y.shape))
    z.sum().backward()
    like_torch(leaf.grad, t.grad, RTOL)


def test_a_mask_of_multihead_attention_may_be_learned():
    attention, mask = nn.MultiheadAttention(6, 2, batch_first=True, rng=0), Tensor(drawn(4, 4))
    x = drawn(2, 4, 6)
    y, _ = attention(x, x, x, attn_mask=mask, key_padding_mask=boolean(2, 4))
    y.backward(np.ones(y.shape))
    assert np.abs(mask.grad).max() > 0


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": ~boolean(3, 5)}, {"scale": 0.3}])
def test_scaled_dot_product_attention_is_pytorchs(torch, options):
    xs = [drawn(2, 3, 4), drawn(2, 5, 4, seed=1), drawn(2, 5, 2, seed=2)]
    leaves, ts = [Tensor(x) for x in xs], [torch.tensor(x, requires_grad=True) for x in xs]
    y = functional.scaled_dot_product_attention(*leaves, **options)
    theirs = {name: torch.tensor(x) if isinstance(x, np.ndarray) else x for name, x in options.items()}
    z = torch.nn.functional.scaled_dot_product_attention(*ts, **theirs)
    like_torch(y.data, z, RTOL)
    weighted([y], np.asarray).backward()
    weighted([z], torch.tensor).backward()
    for leaf, t in zip(leaves, ts, strict=True):
        like_torch(leaf.grad, t.grad, RTOL)


def test_a_query_without_any_key_gets_zero_and_no_gradient():
    mask = np.array([[True, False], [False, False]])
    x = Tensor(drawn(2, 3))
    y = functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)
    assert (y.data[1] == 0).all()
    y.sum().backward()
    assert np.isfinite(x.grad).all()


def test_dropout_within_attention_and_recurrent_nets_is_only_in_training():
    block = nn.TransformerEncoderLayer(6, 2, 8, 0.5, rng=0)
    x = drawn(4, 2, 6)
    assert not np.array_equal(block(x).data, block(x).data)
    assert np.array_equal(block.eval()(x).data, block(x).data)
    net = nn.GRU(6, 5, 2, dropout=0.5, rng=0)
    assert not np.array_equal(net(x)[0].data, net(x)[0].data)
    assert np.array_equal(net.eval()(x)[0].data, net(x)[0].data)


# --- lists and dicts of modules -------------------------------------------------------------------------------------


def test_a_list_and_a_dict_of_modules():
    first, second, third = nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2)
    modules = nn.ModuleList([first]).append(second).extend([third])
    assert (list(modules), len(modules), modules[-1], list(modules[1:])) == (
        [first, second, third],
        3,
        third,
        [second, third],
    )
    modules[0] = third
    assert list(modules.state_dict()) == ["0.weight", "0.bias"]  # the other is the same, and counts once
    parts = nn.ModuleDict({"a": first})
    parts["b"] = second
    assert (list(parts), list(parts.values()), dict(parts.items()), "b" in parts) == (
        ["a", "b"],
        [first, second],
        {"a": first, "b": second},
        True,
    )
    assert list(parts.keys()) == ["a", "b"]
    assert parts["b"] is second


@pytest.mark.parametrize("part", ["function", "layer"])
def test_floats_that_are_added_to_the_scores_get_their_gradient(part):
    """A bias by distance, for instance, is learned."""
    bias = Tensor(drawn(4, 4))
    x = drawn(2, 4, 6)

    def loss(bias):
        if part == "function":
            return (functional.scaled_dot_product_attention(x, x, x, attn_mask=bias) ** 2).sum()
        masks = {"attn_mask": bias, "key_padding_mask": np.array([[False] * 4, [False] * 3 + [True]])}
        y, _ = nn.MultiheadAttention(6, 2, batch_first=True, rng=0)(x, x, x, **masks)
        return (y**2).sum()

    assert gradcheck(loss, bias).checked == 16
    loss(bias).backward()
    assert abs(bias.grad).min() > 0
