"""An epoch of the homework's net 784-30-10 in batches of 10, with `fit`, in a loop by hand, and in PyTorch.

Every run makes its net and its optimizer anew from the same start and draws the same batches, so that all of them
arrive at the same numbers. A compiled run includes the recording of its step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .classifiers import Array, Task, mnist_shaped

BATCH = 10
PICTURES = 30_000  # 3,000 steps: half an epoch of MNIST
OPTIONS = {"SGD": {"lr": 0.1}, "Adam": {"lr": 0.001}}


@dataclass(frozen=True)
class Trained:
    """What an epoch brought: the mean loss of its steps, and the weights and biases after it."""

    loss: float
    layers: list[tuple[Array, Array]]


def homework(pictures: int = PICTURES) -> Task:
    """Random pictures and digits."""
    return mnist_shaped((784, 30, 10), pictures)


def by_fit(task: Task, optimizer: str, *, compiled: bool = False) -> Trained:
    """This project's `train.fit`."""
    from tinygrad_edu import nn, optim
    from tinygrad_edu.train import fit

    net = _net(task)
    history = fit(
        net,
        task.X,
        task.y,
        loss=nn.functional.cross_entropy,
        optimizer=getattr(optim, optimizer)(net.parameters(), **OPTIONS[optimizer]),
        epochs=1,
        batch_size=BATCH,
        rng=0,
        compiled=compiled,
    )
    return Trained(history["loss"][-1], _layers(net))


def by_loop(task: Task, optimizer: str, *, prepare: Callable[[Any], Any] = lambda step: step) -> Trained:
    """The same, written out."""
    from tinygrad_edu import data, nn, optim

    net = _net(task)
    descent = getattr(optim, optimizer)(net.parameters(), **OPTIONS[optimizer])

    def train(X: Array, y: Array) -> Any:
        loss = nn.functional.cross_entropy(net(X), y)
        descent.zero_grad()
        loss.backward()
        descent.step()
        return loss

    step, total = prepare(train), 0.0
    for X, y in data.batches(task.X, task.y, BATCH, np.random.default_rng(0)):
        total += step(X, y).item() * len(X)
    return Trained(total / len(task.X), _layers(net))


def by_compiled_loop(task: Task, optimizer: str) -> Trained:
    """The loop with its step compiled."""
    import tinygrad_edu

    return by_loop(task, optimizer, prepare=tinygrad_edu.compile)


def torch_eager(task: Task, optimizer: str) -> Trained:
    """PyTorch on one thread, in the loop by hand that is its quickest: tensors indexed by a permutation."""
    import torch

    torch.set_num_threads(1)
    X, y = torch.from_numpy(task.X), torch.from_numpy(task.y)
    linears = []
    for W, b in task.start():
        linear = torch.nn.Linear(*W.shape)
        linear.load_state_dict({"weight": torch.tensor(W.T.copy()), "bias": torch.tensor(b)})
        linears.append(linear)
    net = torch.nn.Sequential(linears[0], torch.nn.Sigmoid(), linears[1])
    descent = getattr(torch.optim, optimizer)(net.parameters(), **OPTIONS[optimizer])
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(X)))
    total = 0.0
    for rows in order.split(BATCH):
        loss = torch.nn.functional.cross_entropy(net(X[rows]), y[rows])
        descent.zero_grad()
        loss.backward()
        descent.step()
        total += loss.item() * len(rows)
    layers = [(linear.weight.detach().numpy().T, linear.bias.detach().numpy()) for linear in linears]
    return Trained(total / len(X), layers)


def _net(task: Task) -> Any:
    from tinygrad_edu import nn

    net = nn.MLP(784, [30, 10], activation="sigmoid", dtype=task.X.dtype)
    for layer, (W, b) in zip(net.layers, task.start(), strict=True):
        layer.weight.data, layer.bias.data = W, b
    return net


def _layers(net: Any) -> list[tuple[Array, Array]]:
    return [(layer.weight.numpy(), layer.bias.numpy()) for layer in net.layers]
