"""The training loop of all models after the first: draw some rows and take a step, 200,000 times."""

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_edu
from demos.names.letters import ALPHABET, END, Model, windows
from tinygrad_edu import nn, no_grad, optim, train

F = nn.functional
BATCH = 32
RATE = 0.1
EVERY = 500  # steps whose mean is one point of a curve


def descend(
    net: nn.Module,
    loss: Callable[[Any, Any], Any],
    data: tuple[Any, Any],
    optimizer: Any,
    schedule: Any,
    steps: int,
    rng: np.random.Generator,
) -> list[float]:
    """Take ``steps`` steps on ``loss(X, y)`` of rows that are drawn at random; the mean loss of each 500."""
    X, y = data
    net.train()

    @tinygrad_edu.compile
    def step(X: Any, y: Any) -> Any:
        value = loss(X, y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    losses = np.empty(steps)
    for i in range(steps):
        rows = rng.integers(len(X), size=BATCH)
        losses[i] = step(X[rows], y[rows]).item()
        schedule.step()
    net.eval()
    return [float(part.mean()) for part in np.array_split(losses, max(1, steps // EVERY))]


def by_windows(
    net: nn.Module, width: int, names: Any, *, steps: int, drop: float, rng: np.random.Generator
) -> list[float]:
    """Train a net that sees the last ``width`` letters: SGD at rate 0.1, and 0.01 after the share ``drop`` of it."""
    optimizer = optim.SGD(net.parameters(), lr=RATE)
    schedule = optim.lr_scheduler.MultiStepLR(optimizer, [int(drop * steps)], gamma=0.1)
    return descend(net, lambda X, y: F.cross_entropy(net(X), y), windows(names, width), optimizer, schedule, steps, rng)


def loss_of(net: nn.Module, width: int, names: Any) -> float:
    """The mean loss of a net that sees the last ``width`` letters."""
    X, y = windows(names, width)
    return F.cross_entropy(train.predict(net, X, batch_size=4096), y).item()


def model(net: nn.Module, width: int) -> Model:
    """The net as a language model."""

    def chances(name: str) -> Any:
        with no_grad():
            scores = net(ALPHABET.encode((END * width + name)[-width:])[None])
            return F.softmax(scores).numpy()[0].astype(float)

    return chances
