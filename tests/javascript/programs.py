"""Training programs, which `test_emit` runs in Python and in JavaScript step by step."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu import Tensor, Value, functions, nn, optim


class Training(NamedTuple):
    """A step that trains, and its arguments: the same at every step, or others."""

    step: Callable[..., Any]
    batches: list[tuple[Any, ...]]


def points(n=24, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(float)


def training(net, optimizer, loss, *batches, after=None):
    def step(X, y):
        optimizer.zero_grad()
        value = loss(net(X), y)
        value.backward()
        if after is not None:
            after()
        optimizer.step()
        return value

    return Training(step, list(batches))


def rng():
    return np.random.default_rng(7)


def bce(outputs, y):
    return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], y)


def mlp(activation="tanh", sizes=(6, 1)):
    return nn.MLP(2, list(sizes), activation, rng=rng())


def of_activation(name):
    net = mlp(name)
    return training(net, optim.SGD(net.parameters(), lr=0.1), bce, points())


def of_optimizer(make):
    net = mlp()
    return training(net, make(net.parameters()), bce, points())


def of_loss(loss, outputs=1):
    net = mlp(sizes=(5, outputs))
    X, y = points()
    targets = y.astype(int) if outputs > 1 else np.where(y[:, None] > 0, 1.0, -1.0)
    return training(net, optim.SGD(net.parameters(), lr=0.05), loss, (X, targets))


def of_layers(*layers):
    net = nn.Sequential(nn.Linear(2, 6, rng=rng()), *layers, nn.Linear(6, 1, rng=rng()))
    # Not Adam: before a BatchNorm1d a bias has the gradient 0, and Adam would divide its last bits by their own size.
    return training(net, optim.SGD(net.parameters(), lr=0.05, momentum=0.9), bce, points())


def minibatches():
    net = mlp("relu")
    X, y = points(40)
    return training(net, optim.SGD(net.parameters(), lr=0.1), bce, *[(X[i::5], y[i::5]) for i in range(5)])


def classes_of_three():
    net = mlp("relu", (8, 3))
    X, y = points(30)
    labels = (y + (X[:, 0] > 0)).astype(int)
    return training(net, optim.AdamW(net.parameters(), lr=0.02), nn.functional.cross_entropy, (X, labels))


def clipped():
    net = mlp()
    parameters = net.parameters()
    clip = lambda: optim.clip_grad_norm_(parameters, 0.1)  # noqa: E731
    return training(net, optim.SGD(parameters, lr=0.5), bce, points(), after=clip)


def with_penalty():
    net = mlp()
    parameters = net.parameters()

    def loss(outputs, y):
        return bce(outputs, y) + optim.l1_penalty(parameters, 1e-3) + optim.l2_penalty(parameters, 1e-3)

    return training(net, optim.SGD(parameters, lr=0.1), loss, points())


def embedded_words():
    table, out = nn.Embedding(7, 4, rng=rng()), nn.Linear(12, 1, rng=rng())
    optimizer = optim.Adam([*table.parameters(), *out.parameters()], lr=0.05)
    words = np.random.default_rng(1).integers(0, 7, (10, 3))

    def step(X, y):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(out(table(X).reshape(10, 12)).reshape(10), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(step, [(words, words.sum(axis=1) / 10.0)])


def recurrent():
    cell, out = nn.Linear(5, 4, rng=rng()), nn.Linear(4, 1, rng=rng())
    optimizer = optim.RMSprop([*cell.parameters(), *out.parameters()], lr=0.01)
    X = np.random.default_rng(2).standard_normal((8, 6, 1))

    def step(X, y):
        optimizer.zero_grad()
        h = np.zeros((8, 4))
        for t in range(6):
            h = np.tanh(cell(np.concatenate([X[:, t], h], axis=1)))
        loss = nn.functional.mse_loss(out(h), y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(step, [(X, X.sum(axis=1))])


def attention():
    rows = {name: Tensor(rng().standard_normal((4, 4)) * 0.5, label=name) for name in ("Q", "K", "V")}
    optimizer = optim.Adam([*rows.values()], lr=0.02)
    X = np.random.default_rng(2).standard_normal((3, 5, 4))

    def step(X):
        optimizer.zero_grad()
        q, k, v = (X @ rows[name] for name in "QKV")
        mask = np.tril(np.ones((5, 5), dtype=bool))
        scores = np.where(mask, q @ np.swapaxes(k, -1, -2) / 2.0, -np.inf)
        loss = ((functions.softmax(scores, axis=-1) @ v - X) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return Training(step, [(X,)])


def scalar_net():
    net = nn.scalar.MLP(2, [3, 1], rng=7)
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    X, y = points(4)

    def step():
        optimizer.zero_grad()
        outputs = [net([Value(a) for a in row]) for row in X.tolist()]
        loss = sum(((z - t) ** 2 for z, t in zip(outputs, y.tolist(), strict=True)), Value(0.0))
        loss.backward()
        optimizer.step()
        return loss

    return Training(step, [()])


def of_pictures(*layers):
    """Convolutions and pooling on small pictures; the last layer sees 8 numbers."""
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 1, rng=rng()))
    X = np.random.default_rng(5).standard_normal((6, 2, 6, 6))
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    return training(net, optimizer, bce, (X, (X.mean(axis=(1, 2, 3)) > 0).astype(float)))


def series():
    layers = nn.Conv1d(1, 4, 3, padding=2, dilation=2, rng=rng()), nn.Tanh(), nn.AvgPool1d(4), nn.Flatten()
    net = nn.Sequential(*layers, nn.Linear(8, 1, rng=rng()))
    X = np.random.default_rng(5).standard_normal((6, 1, 8))
    return training(net, optim.Adam(net.parameters(), lr=0.01), bce, (X, (X[:, 0, 0] > 0).astype(float)))


def float32():
    w, b = (Tensor(rng().standard_normal(s).astype(np.float32)) for s in ((2, 1), (1,)))
    optimizer = optim.SGD([w, b], lr=0.1)
    X, y = points()

    def step(X, y):
        optimizer.zero_grad()
        loss = bce(X @ w + b, y)
        loss.backward()
        optimizer.step()
        return loss

    return Training(step, [(X.astype(np.float32), y.astype(np.float32))])


ACTIVATIONS = ("tanh", "relu", "sigmoid", "gelu", "silu", "elu", "selu", "softplus", "leaky_relu", "mish")
OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=1e-3),
    "Nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1),
}
LOSSES = {
    "mse": (nn.functional.mse_loss, 1),
    "l1": (nn.functional.l1_loss, 1),
    "huber": (nn.functional.huber_loss, 1),
    "hinge": (nn.functional.hinge_loss, 1),
    "cross-entropy": (nn.functional.cross_entropy, 2),
    "nll": (lambda x, y: nn.functional.nll_loss(functions.log_softmax(x, axis=-1), y), 2),
}
PROGRAMS: dict[str, Callable[[], Training]] = {
    **{name: lambda name=name: of_activation(name) for name in ACTIVATIONS},
    **{name: lambda make=make: of_optimizer(make) for name, make in OPTIMIZERS.items()},
    **{name: lambda args=args: of_loss(*args) for name, args in LOSSES.items()},
    "LayerNorm": lambda: of_layers(nn.LayerNorm(6), nn.ReLU()),
    "BatchNorm1d": lambda: of_layers(nn.BatchNorm1d(6), nn.Tanh()),
    "Dropout": lambda: of_layers(nn.Tanh(), nn.Dropout(0.3, rng=rng())),
    "minibatches": minibatches,
    "three classes": classes_of_three,
    "clipped gradients": clipped,
    "penalties": with_penalty,
    "embedding": embedded_words,
    "recurrent": recurrent,
    "attention": attention,
    "convolution": lambda: of_pictures(nn.Conv2d(2, 2, 3, rng=rng()), nn.ReLU(), nn.MaxPool2d(2)),
    "strides and groups": lambda: of_pictures(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, rng=rng()),
        nn.BatchNorm2d(4),
        nn.Tanh(),
        nn.AvgPool2d(2, 1),
        nn.ConvTranspose2d(4, 2, 1, rng=rng()),
    ),
    "series": series,
    "scalars": scalar_net,
    "float32": float32,
}
