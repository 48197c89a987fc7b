"""Nets as ONNX files: onnxruntime gives the same outputs, for any number of samples."""

import inspect

import numpy as np
import pytest

from tinygrad_edu import Tensor, nn, optim
from tinygrad_edu.export import ExportError, to_onnx
from tinygrad_edu.train import predict

pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

RNG = np.random.default_rng(0)
F32 = {"dtype": np.float32}


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def outputs(path, X):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"input": X})[0]


def assert_same(net, X, path, rtol=1e-5):
    to_onnx(net, X[:2], path)
    for rows in (X[:1], X[:2], X):
        expected = predict(net, rows)
        found = outputs(path, rows)
        assert found.dtype == expected.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


FLAT, IMAGES, SEQUENCES = normal(7, 6), normal(5, 4, 6, 6), normal(5, 4, 8)
LAYERS = {
    "Linear": (lambda: nn.Linear(6, 3, **F32), FLAT),
    "Sequential": (lambda: nn.Sequential(nn.Linear(6, 3, **F32), nn.Tanh()), FLAT),
    "MLP": (lambda: nn.MLP(6, [8, 8, 2], activation="gelu", **F32), FLAT),
    "Dropout": (lambda: nn.Dropout(0.5), FLAT),
    "Dropout2d": (lambda: nn.Dropout2d(0.5), IMAGES),
    "Flatten": (lambda: nn.Flatten(), IMAGES),
    "LayerNorm": (lambda: nn.LayerNorm(6, **F32), FLAT),
    "RMSNorm": (lambda: nn.RMSNorm(6, **F32), FLAT),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4, **F32), IMAGES),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(6, **F32), FLAT),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4, **F32), IMAGES),
    "Embedding": (lambda: nn.Embedding(9, 3, **F32), RNG.integers(9, size=(5, 4))),
    "PReLU": (lambda: nn.PReLU(**F32), FLAT),
    "Conv1d": (lambda: nn.Conv1d(4, 3, 3, padding=1, stride=2, **F32), SEQUENCES),
    "Conv2d": (lambda: nn.Conv2d(4, 6, 3, padding=1, dilation=2, groups=2, **F32), IMAGES),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, **F32), IMAGES),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), SEQUENCES),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, stride=2, padding=1), IMAGES),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), SEQUENCES),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, stride=2, padding=1), IMAGES),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(2), IMAGES),
}
CLASSES = [getattr(nn, name) for name in nn.__all__ if inspect.isclass(getattr(nn, name))]
LAYERS |= {c.__name__: (c, FLAT) for c in CLASSES if c.__module__ == "tinygrad_edu.nn.activations"}


HOLDERS = {"Module", "ModuleList", "ModuleDict"}  # compute nothing themselves
# These are exported in tests/test_sequences_elsewhere.py.
SEQUENCES_ELSEWHERE = {
    *("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"),
    *("MultiheadAttention", "TransformerEncoderLayer"),
}


def test_every_layer_is_exported_here():
    assert {c.__name__ for c in CLASSES if issubclass(c, nn.Module)} - HOLDERS - SEQUENCES_ELSEWHERE <= {*LAYERS}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_the_same_outputs(name, tmp_path):
    make, X = LAYERS[name]
    net = make()
    if name.startswith("BatchNorm"):
        net(normal(*X.shape))  # moves the running mean
    assert_same(net, X, tmp_path / "net.onnx")


class Words(nn.Module):
    """A small GPT: embeddings, causal attention, and an MLP, with residuals."""

    def __init__(self, words=11, width=8, length=6):
        self.words = nn.Embedding(words, width, rng=0, **F32)
        self.places = nn.Embedding(length, width, rng=1, **F32)
        self.norms = [nn.LayerNorm(width, **F32) for _ in range(3)]
        self.heads = nn.Linear(width, 3 * width, rng=2, **F32)
        self.after = nn.Linear(width, width, rng=3, **F32)
        self.mlp = nn.MLP(width, [4 * width, width], activation="gelu", rng=4, **F32)
        self.out = nn.Linear(width, words, rng=5, **F32)

    def forward(self, tokens):
        length = tokens.shape[1]
        x = self.words(tokens) + self.places(np.arange(length))
        x = x + self.after(self.attend(self.heads(self.norms[0](x)), length))
        x = x + self.mlp(self.norms[1](x))
        return self.out(self.norms[2](x))

    def attend(self, x, length):
        q, k, v = (part.reshape(len(part), length, 2, 4).transpose(0, 2, 1, 3) for part in np.split(x, 3, axis=2))
        scores = q @ k.transpose(0, 1, 3, 2) / 2.0
        scores = np.where(np.tri(length, dtype=bool), scores, np.float32(-1e9))
        y = scores.softmax(-1) @ v
        return y.transpose(0, 2, 1, 3).reshape(len(y.data), length, 8)


def test_a_gpt_gives_the_same_outputs(tmp_path):
    assert_same(Words(), RNG.integers(11, size=(5, 6)), tmp_path / "gpt.onnx")


def test_a_cnn_gives_the_same_outputs(tmp_path):
    net = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1, rng=0, **F32), nn.BatchNorm2d(8, **F32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 8, 3, rng=1, **F32), nn.GELU(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(8, 5, rng=2, **F32)),
    )
    assert_same(net, normal(6, 3, 8, 8), tmp_path / "cnn.onnx")


def test_float64_stays_float64(tmp_path):
    net = nn.MLP(3, [4, 2], rng=0)
    X = RNG.normal(size=(5, 3))
    to_onnx(net, X[:1], tmp_path / "net.onnx")
    np.testing.assert_allclose(outputs(tmp_path / "net.onnx", X), predict(net, X), rtol=1e-12)


class Branching(nn.Module):
    def forward(self, x):
        return np.where(x.data > 0, x, 0.0)


class Sorting(nn.Module):
    def forward(self, x):
        return np.sort(x, axis=1)


class OverTheBatch(nn.Module):
    def forward(self, x):
        return x + np.linspace(0, 1, len(x.data))[:, None]


def test_what_depends_on_the_data_is_refused_and_nothing_is_written(tmp_path):
    for net, words in (
        (Branching(), "select.*its condition depends on the data"),
        (Sorting(), "sort.*cannot be written"),
        (OverTheBatch(), "grows with the batch"),
    ):
        with pytest.raises(ExportError, match=words):
            to_onnx(net, RNG.normal(size=(3, 4)), tmp_path / "net.onnx")
    assert not [*tmp_path.iterdir()]


def test_the_net_is_left_as_it_was(tmp_path):
    net = nn.Sequential(nn.Linear(6, 4, **F32), nn.BatchNorm1d(4, **F32), nn.Dropout(0.5))
    net.layers[1].eval()
    before = net.state_dict()
    to_onnx(net, FLAT, tmp_path / "net.onnx")
    assert [module.training for module in net.layers] == [True, False, True]
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert all(p.grad is None for p in net.parameters())
    optim.SGD(net.parameters(), lr=0.1)
    assert isinstance(net(FLAT), Tensor)
