"""The graphs that the browser tests and the screenshots show."""

import numpy as np

import tinygrad_edu
from tinygrad_edu import Tensor, Value, nn, operation, optim
from tinygrad_edu.nn import scalar

HOSTILE = ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "\"'&\n\u2028{|}😀]]>", "<!--")


def neuron():
    """Two inputs, two weights, a bias, tanh: each line of the source recorded, and ``x2`` used twice."""
    with tinygrad_edu.recording():
        x1, x2 = Value(2.0, "x1"), Value(0.5, "x2")
        w1, w2 = Value(-3.0, "w1"), Value(1.0, "w2")
        b = Value(6.2, "b")
        n = x1 * w1 + x2 * w2 + b
        out = n.tanh() * x2
    out.label = "out"
    return out


def layer():
    """A small layer of Tensors, with a bias that is broadcast."""
    rng = np.random.default_rng(0)
    X = Tensor(rng.normal(size=(4, 3)).round(2), requires_grad=False, label="X")
    W, b = Tensor(rng.normal(size=(3, 2)).round(2), label="W"), Tensor([0.5, -0.5], label="b")
    return ((X @ W + b).relu() ** 2).sum()


def batch():
    """A net of Tensors on a batch, wider than a window."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    return ((nn.MLP(2, [16, 16, 1], rng=0)(X) - np.sign(X[:, :1])) ** 2).mean()


def hostile():
    """Labels that are no labels, and a NaN."""
    a, b, c, d = (Value(x, label) for x, label in zip((1.0, 2.0, float("nan"), 4.0), HOSTILE, strict=True))
    return (a * b + c).exp() * d


def faulty():
    """An operation with a wrong derivative, and a kink that cannot be decided."""
    square = operation(lambda x: x * x, lambda gy, y, x: gy * 3 * x, name="square", formula="3 * x")
    out = (square(Value(0.5, "a")) + Value(0.0, "b").relu()).tanh()
    out.label = "out"
    return out


def scalar_net(inputs, sizes, fused=False):
    """The squared output of a net of scalars: neurons in layers in a net."""
    net = scalar.MLP(inputs, sizes, activation="tanh", fused=fused, rng=1)
    y = net([Value(1 / (i + 1), f"x{i}") for i in range(inputs)])
    return y**2 if isinstance(y, Value) else sum(y) ** 2


def sequential():
    """A net of layers in a row, on the four points of xor."""
    net = nn.Sequential(nn.Linear(2, 4, rng=0), nn.Tanh(), nn.Linear(4, 3, rng=1), nn.ReLU(), nn.Linear(3, 1, rng=2))
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return ((net(X) - X.sum(axis=1, keepdims=True) % 2) ** 2).mean()


def samples(number=4):
    """The loss of a net of scalars on a batch: a loop over the samples."""
    net = scalar.MLP(2, [4, 4, 1], activation="tanh", rng=1)
    points = [(i % 2, i // 2 % 2) for i in range(number)]
    loss = sum((net([Value(float(a), "x0"), Value(float(b), "x1")]) - (a ^ b)) ** 2 for a, b in points)
    loss.label = "loss"
    return loss


def recurrent(steps=20):
    """A recurrent net of single numbers, without a module: a loop over the steps."""
    w, u, b = Value(0.5, "w"), Value(-0.8, "u"), Value(0.1, "b")
    h = Value(0.0, "h0")
    for t in range(steps):
        h = (w * Value(np.sin(t), f"x{t}") + u * h + b).tanh()
    return (h - 0.3) ** 2


def recurrent_layer(steps=20):
    """The same of Tensors, by a module of the user's own."""
    rng = np.random.default_rng(0)
    cell = nn.RNNCell(3, 4, rng=0)
    h = np.zeros((5, 4))
    for _ in range(steps):
        h = cell(rng.normal(size=(5, 3)), h)
    return (h**2).mean()


def training_step(optimizer=optim.SGD):
    """A compiled training step of a small classifier, called twice: an optimizer has its state then."""
    model = nn.MLP(2, [3, 2], activation="relu", rng=0)
    descent = optimizer(model.parameters(), lr=0.1)

    @tinygrad_edu.compile
    def step(X, y):
        loss = nn.functional.cross_entropy(model(X), y)
        descent.zero_grad()
        loss.backward()
        descent.step()
        return loss

    for _ in range(2):
        step(np.arange(8.0).reshape(4, 2), np.array([0, 1, 1, 0]))
    return step
