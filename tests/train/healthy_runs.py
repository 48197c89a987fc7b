"""Training runs as a careful person sets them up, drawn by a seed: data, net, loss and optimizer of many kinds."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu import data, nn, no_grad, optim

F = nn.functional
ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "silu": nn.SiLU,
}
RATES = {  # for nets of this size
    "sgd": lambda ps, scale: optim.SGD(ps, lr=0.1 * scale),
    "momentum": lambda ps, scale: optim.SGD(ps, lr=0.03 * scale, momentum=0.9),
    "nesterov": lambda ps, scale: optim.SGD(ps, lr=0.03 * scale, momentum=0.9, nesterov=True),
    "adam": lambda ps, scale: optim.Adam(ps, lr=0.005 * scale),
    "adamw": lambda ps, scale: optim.AdamW(ps, lr=0.01 * scale),
    "rmsprop": lambda ps, scale: optim.RMSprop(ps, lr=0.002 * scale),
    "adagrad": lambda ps, scale: optim.Adagrad(ps, lr=0.03 * scale),
}


@dataclass
class Setup:
    """What a run needs; a test changes one thing in it to plant a fault."""

    X: Any
    y: Any
    net: Any
    loss: Callable[[Any, Any], Any]
    optimizer: Any
    batch: int | None
    rng: Any
    steps: int = 120
    zero_grad: bool = True
    switch_modes: bool = True
    evaluate: bool = True

    def run(self) -> None:
        """A hand-written loop, as in a notebook."""
        step = 0
        while step < self.steps:
            for X, y in data.batches(self.X, self.y, self.batch or len(self.X), self.rng):
                loss = self.loss(self.net(X), y)
                if self.zero_grad:
                    self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                step += 1
                if step % 40 == 0:
                    self._evaluate()
                if step == self.steps:
                    return

    def _evaluate(self) -> None:
        if self.evaluate:
            if self.switch_modes:
                self.net.eval()
            with no_grad():
                self.net(self.X)
            self.net.train()


def setup(
    seed: int,
    *,
    task: str | None = None,
    activation: str | None = None,
    optimizer: str | None = None,
    depth: int | None = None,
    layers: tuple[str, ...] | None = None,
    scale: float = 1.0,
) -> Setup:
    """Draw a healthy run; what is given is not drawn."""
    rng = np.random.default_rng([seed, 2718])
    task = task or rng.choice([*TASKS])
    X, y, loss, outputs = TASKS[task](rng)
    activation = activation or rng.choice([*ACTIVATIONS])
    if depth is None:
        depth = int(rng.integers(0, 3 if activation == "sigmoid" else 8))
    width = int(rng.choice([8, 16, 32]))
    layers = layers if layers is not None else (str(rng.choice(["", "", "dropout", "layer norm", "batch norm"])),)
    net = build(rng, X.shape[1], width, depth, outputs, activation, layers)
    scale *= 0.2 if depth > 2 else 1.0
    made = RATES[optimizer or rng.choice([*RATES])](net.parameters(), scale)
    batch = None if rng.random() < 0.4 else int(rng.choice([16, 32, 64]))
    return Setup(X, y, net, loss, made, batch, rng)


def build(
    rng: Any, n_in: int, width: int, depth: int, outputs: int, activation: str, layers: tuple[str, ...] = ()
) -> nn.Sequential:
    """A net of ``depth`` hidden layers; a deep one starts as its activation asks for."""
    parts: list[Any] = []
    for i in range(depth):
        parts.append(nn.Linear(n_in if i == 0 else width, width, rng=rng))
        if "layer norm" in layers:
            parts.append(nn.LayerNorm(width))
        if "batch norm" in layers:
            parts.append(nn.BatchNorm1d(width))
        parts.append(ACTIVATIONS[activation]())
        if "dropout" in layers:
            parts.append(nn.Dropout(0.2, rng=rng))
    parts.append(nn.Linear(width if depth else n_in, outputs, rng=rng))
    if depth > 2:
        gain = nn.init.calculate_gain("tanh" if activation == "tanh" else "relu")
        for part in parts[:-1]:
            if isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, std=gain / np.sqrt(part.in_features), rng=rng)
    return nn.Sequential(*parts)


# --- data ---


def binary(logits: Any, y: Any) -> Any:
    """Binary cross-entropy of one output per row."""
    return F.binary_cross_entropy_with_logits(logits.reshape(-1), y)


def _plane(points: Callable[..., Any], **options: Any) -> Callable[[Any], Any]:
    def task(rng: Any) -> Any:
        X, y = points(rng=int(rng.integers(1000)), **options)
        X = (X - X.mean(0)) / X.std(0)
        return (X, y, binary, 1) if y.max() == 1 and rng.random() < 0.5 else (X, y, F.cross_entropy, int(y.max()) + 1)

    return task


def _xor(rng: Any) -> Any:
    X, y = data.xor(repeats=16)
    return (X, y, binary, 1) if rng.random() < 0.5 else (X, y, F.cross_entropy, 2)


def _wave(rng: Any) -> Any:
    X = rng.uniform(-2, 2, (150, 1))
    return X, np.sin(2 * X) + rng.normal(0, 0.1, X.shape), F.mse_loss, 1


def _plane_of_features(rng: Any) -> Any:
    X = rng.normal(size=(150, 6))
    return X, X @ rng.normal(size=(6, 2)) + rng.normal(0, 0.1, (150, 2)), F.mse_loss, 2


def _noise(rng: Any) -> Any:
    """Labels that cannot be learned: a loss that stays is nobody's fault."""
    return rng.normal(size=(200, 4)), rng.integers(0, 2, 200), F.cross_entropy, 2


def _digits(rng: Any) -> Any:
    X, y = _all_digits()
    some = rng.permutation(len(X))[:300]
    return X[some] / X.max(), y[some], F.cross_entropy, 10


_all_digits = functools.cache(data.digits)


TASKS: dict[str, Callable[[Any], Any]] = {
    "xor": _xor,
    "moons": _plane(data.moons, n_samples=200, noise=0.2),
    "circles": _plane(data.circles, n_samples=200, noise=0.05),
    "spirals": _plane(data.spirals),
    "blobs": _plane(data.blobs),
    "wave": _wave,
    "plane": _plane_of_features,
    "noise": _noise,
    "digits": _digits,
}
