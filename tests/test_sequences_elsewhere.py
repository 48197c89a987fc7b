"""Recurrent nets, attention and a GPT in other libraries: PyTorch, ONNX and JAX give the same numbers."""

import numpy as np
import pytest

import tinygrad_edu
from tinygrad_edu import convert, nn, optim
from tinygrad_edu.export import to_onnx

RNG = np.random.default_rng(0)
F32 = {"dtype": np.float32}
STEPS = 100


class Words(nn.Module):
    """A small GPT: embeddings, two blocks with attention, and the next word."""

    def __init__(self, dtype=np.float64):
        self.wte, self.wpe = nn.Embedding(9, 8, dtype=dtype, rng=0), nn.Embedding(5, 8, dtype=dtype, rng=1)
        options = {"dropout": 0.0, "batch_first": True, "dtype": dtype, "rng": 2}
        self.blocks = [nn.TransformerEncoderLayer(8, 2, 8, **options) for _ in range(2)]
        self.head = nn.Linear(8, 8, bias=False, dtype=dtype, rng=3)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe(np.arange(5))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def words_in_torch(torch):
    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = torch.nn.Embedding(9, 8), torch.nn.Embedding(5, 8)
            self.blocks = torch.nn.ModuleList(
                torch.nn.TransformerEncoderLayer(8, 2, 8, dropout=0.0, batch_first=True) for _ in range(2)
            )
            self.head = torch.nn.Linear(8, 8, bias=False)

        def forward(self, tokens):
            x = self.wte(tokens) + self.wpe(torch.arange(5))
            for block in self.blocks:
                x = block(x)
            return self.head(x)

    return Theirs()


PAIRS = {
    "RNN": (lambda torch: torch.nn.RNN(4, 4), lambda: nn.RNN(4, 4), RNG.normal(size=(5, 3, 4))),
    "LSTM": (lambda torch: torch.nn.LSTM(4, 4, 2), lambda: nn.LSTM(4, 4, 2), RNG.normal(size=(5, 3, 4))),
    "GRU": (lambda torch: torch.nn.GRU(4, 4), lambda: nn.GRU(4, 4), RNG.normal(size=(5, 3, 4))),
    "LSTMCell": (lambda torch: torch.nn.LSTMCell(4, 4), lambda: nn.LSTMCell(4, 4), RNG.normal(size=(3, 4))),
    "GPT": (words_in_torch, Words, RNG.integers(9, size=(3, 5))),
}


def first(y):
    """The outputs, of what has the last state too."""
    return y[0] if isinstance(y, tuple) else y


@pytest.mark.parametrize("name", PAIRS)
def test_a_state_goes_to_pytorch_and_back_with_equal_outputs(name, torch):
    make_theirs, make_ours, X = PAIRS[name]
    theirs, ours = make_theirs(torch).double().eval(), make_ours()
    convert.from_torch(theirs, ours)
    expected = first(theirs(torch.from_numpy(X))).detach().numpy()
    np.testing.assert_allclose(first(ours.eval()(X)).numpy(), expected, rtol=1e-10, atol=1e-12)
    again = convert.to_torch(ours, make_theirs(torch).double())
    for key, tensor in again.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), theirs.state_dict()[key].numpy())


class First(nn.Module):
    """A net whose last state, or whose weights of attention, are left out."""

    def __init__(self, net, inputs=1):
        self.net = net
        self.inputs = inputs

    def forward(self, x):
        return first(self.net(*[x] * self.inputs))


SEQUENCES, ROWS = (RNG.normal(size=shape).astype(np.float32) for shape in ((5, 4, 6), (7, 6)))
EXPORTED = {
    "RNN": (lambda: First(nn.RNN(6, 3, num_layers=2, batch_first=True, **F32)), SEQUENCES),
    "LSTM": (lambda: First(nn.LSTM(6, 3, num_layers=2, batch_first=True, **F32)), SEQUENCES),
    "GRU": (lambda: First(nn.GRU(6, 3, batch_first=True, **F32)), SEQUENCES),
    "MultiheadAttention": (lambda: First(nn.MultiheadAttention(6, 2, batch_first=True, **F32), 3), SEQUENCES),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, **F32), SEQUENCES),
    "RNNCell": (lambda: First(nn.RNNCell(6, 3, **F32)), ROWS),
    "LSTMCell": (lambda: First(nn.LSTMCell(6, 3, **F32)), ROWS),
    "GRUCell": (lambda: First(nn.GRUCell(6, 3, **F32)), ROWS),
    "GPT": (lambda: Words(np.float32), RNG.integers(9, size=(4, 5))),
}


@pytest.mark.parametrize("name", EXPORTED)
def test_a_file_of_onnx_gives_the_same_outputs(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnx", reason="onnx is not installed")
    make, X = EXPORTED[name]
    net = make()
    to_onnx(net, X[:2], tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    for rows in (X[:1], X[:2], X):
        found = session.run(None, {"input": rows})[0]
        np.testing.assert_allclose(found, net.eval()(rows).numpy(), rtol=1e-5, atol=1e-5)


def test_a_gpt_learns_in_jax_as_here():
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    net = Words(np.float32)
    optimizer = optim.SGD(net.parameters(), lr=0.02)

    @tinygrad_edu.compile
    def step(tokens, following):
        loss = nn.functional.cross_entropy(net(tokens).reshape(-1, 8), following)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    tokens, following = RNG.integers(9, size=(4, 5)), RNG.integers(8, size=20)
    step(tokens, following)
    exported = step.to_jax()
    params, state, fast = exported.params, exported.state, jax.jit(exported)
    for _ in range(STEPS):
        params, state, loss = fast(params, state, tokens, following)
        assert float(loss) == pytest.approx(step(tokens, following).item(), abs=1e-6, rel=1e-6)
    for label, p in net.named_parameters():
        np.testing.assert_allclose(params[label], p.numpy(), atol=2e-6)
