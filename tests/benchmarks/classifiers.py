"""A training step of a ReLU classifier (softmax cross-entropy, gradient descent), once for each peer.

Each is what a competent user of that library writes, from the same start, so that all of them arrive at the
same numbers. Libraries are imported where they are used: one that is not installed does not stop the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Task:
    """The data and the start that all peers share; none of them may write to these arrays."""

    X: Array
    y: Array
    layers: list[tuple[Array, Array]]
    rate: float

    def start(self) -> list[tuple[Array, Array]]:
        return [(W.copy(), b.copy()) for W, b in self.layers]


@dataclass(frozen=True)
class Peer:
    """A network under training: `step` runs one whole training step and returns the loss before it."""

    step: Callable[[], Any]
    layers: Callable[[], list[tuple[Array, Array]]]


def xor(repeats: int) -> Task:
    """The XOR table, `repeats` times, for a net 2-8-8-2 in float64."""
    X = np.tile([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], (repeats, 1))
    y = np.tile([0, 1, 1, 0], repeats)
    return Task(X, y, _he((2, 8, 8, 2), np.float64), rate=0.1)


def mnist_shaped(sizes: tuple[int, ...], batch: int) -> Task:
    """Random pictures and digits, for a net of these sizes in float32."""
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(batch, sizes[0])).astype(np.float32)
    return Task(X, rng.randint(sizes[-1], size=batch), _he(sizes, np.float32), rate=0.01)


def _he(sizes: tuple[int, ...], dtype: type) -> list[tuple[Array, Array]]:
    rng = np.random.RandomState(42)
    pairs = pairwise(sizes)
    return [((rng.randn(i, o) * np.sqrt(2 / i)).astype(dtype), np.zeros(o, dtype)) for i, o in pairs]


def numpy_xor(task: Task) -> Peer:
    """By hand for three layers, line by line, as a lab on backprop writes it."""
    X, y, lr = task.X, task.y, task.rate
    (W1, b1), (W2, b2), (W3, b3) = layers = task.start()
    rows = np.arange(len(y))

    def step() -> float:
        a1 = np.maximum(X @ W1 + b1, 0)
        a2 = np.maximum(a1 @ W2 + b2, 0)
        logits = a2 @ W3 + b3

        z = logits - logits.max(axis=1, keepdims=True)
        exp = np.exp(z)
        total = exp.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(total[:, 0]) - z[rows, y])

        dz3 = exp / total
        dz3[rows, y] -= 1
        dz3 /= len(y)
        dW3, db3 = a2.T @ dz3, dz3.sum(axis=0)
        dz2 = (dz3 @ W3.T) * (a2 > 0)
        dW2, db2 = a1.T @ dz2, dz2.sum(axis=0)
        dz1 = (dz2 @ W2.T) * (a1 > 0)
        dW1, db1 = X.T @ dz1, dz1.sum(axis=0)

        for parameter, gradient in ((W1, dW1), (b1, db1), (W2, dW2), (b2, db2), (W3, dW3), (b3, db3)):
            parameter -= lr * gradient
        return loss

    return Peer(step, lambda: layers)


def numpy_layers(task: Task) -> Peer:
    """By hand for any number of layers."""
    X, y, lr = task.X, task.y, task.rate
    layers = task.start()
    rows = np.arange(len(y))

    def step() -> float:
        inputs = [X]
        for W, b in layers[:-1]:
            inputs.append(np.maximum(inputs[-1] @ W + b, 0))
        W, b = layers[-1]
        logits = inputs[-1] @ W + b

        z = logits - logits.max(axis=1, keepdims=True)
        exp = np.exp(z)
        total = exp.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(total[:, 0]) - z[rows, y])

        dz = exp / total
        dz[rows, y] -= 1
        dz /= len(y)
        gradients = []
        for i in reversed(range(len(layers))):
            gradients.append((inputs[i].T @ dz, dz.sum(axis=0)))
            if i > 0:
                dz = (dz @ layers[i][0].T) * (inputs[i] > 0)

        for (W, b), (dW, db) in zip(layers, reversed(gradients), strict=True):
            W -= lr * dW
            b -= lr * db
        return loss

    return Peer(step, lambda: layers)


def torch_eager(task: Task) -> Peer:
    """`torch.nn` and `torch.optim`, eager, on one thread."""
    import torch

    torch.set_num_threads(1)
    X, y = torch.tensor(task.X), torch.tensor(task.y)
    linears, stack = [], []
    for W, b in task.start():
        linear = torch.nn.Linear(*W.shape, dtype=X.dtype)
        linear.load_state_dict({"weight": torch.tensor(W.T.copy()), "bias": torch.tensor(b)})
        linears.append(linear)
        stack += [linear, torch.nn.ReLU()]
    net = torch.nn.Sequential(*stack[:-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=task.rate)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(X), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Peer(step, lambda: [(f.weight.detach().numpy().T, f.bias.detach().numpy()) for f in linears])


def jax_jit(task: Task) -> Peer:
    """The whole step under `jax.jit`, called once a step."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    # Asynchronous dispatch would compute on a second thread, and return before the step is done.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    X, y, lr = jnp.asarray(task.X), jnp.asarray(task.y), task.rate
    layers = jax.tree.map(jnp.asarray, task.start())

    def objective(layers: Any, X: Any, y: Any) -> Any:
        for W, b in layers[:-1]:
            X = jax.nn.relu(X @ W + b)
        W, b = layers[-1]
        logp = jax.nn.log_softmax(X @ W + b)
        return -jnp.take_along_axis(logp, y[:, None], axis=1).mean()

    @jax.jit
    def update(layers: Any, X: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(objective)(layers, X, y)
        return loss, jax.tree.map(lambda p, g: p - lr * g, layers, gradients)

    def step() -> Any:
        nonlocal layers
        loss, layers = update(layers, X, y)
        return loss

    return Peer(step, lambda: [(np.asarray(W), np.asarray(b)) for W, b in layers])


def mygrad_eager(task: Task) -> Peer:
    """MyGrad without its memory guard, which its manual advises to switch off for speed with small arrays."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    mg.turn_memory_guarding_off()
    layers = [(mg.tensor(W), mg.tensor(b)) for W, b in task.start()]
    parameters = [p for layer in layers for p in layer]

    def step() -> Any:
        x = task.X
        for W, b in layers[:-1]:
            x = relu(mg.matmul(x, W) + b)
        W, b = layers[-1]
        loss = softmax_crossentropy(mg.matmul(x, W) + b, task.y)
        loss.backward()  # clears the gradients of the step before
        for p in parameters:
            p.data -= task.rate * p.grad
        return loss

    return Peer(step, lambda: [(W.data, b.data) for W, b in layers])


def hips_autograd(task: Task) -> Peer:
    """HIPS autograd, with targets one-hot as in its own examples."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    layers = task.start()
    onehot = np.eye(task.layers[-1][1].size, dtype=task.X.dtype)[task.y]

    def objective(layers: Any, X: Any, onehot: Any) -> Any:
        for W, b in layers[:-1]:
            z = anp.dot(X, W) + b
            X = anp.where(z > 0, z, 0)  # anp.maximum would share the gradient of a tie, at z = 0
        W, b = layers[-1]
        z = anp.dot(X, W) + b
        z = z - anp.max(z, axis=1, keepdims=True)
        logp = z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))
        return -anp.mean(anp.sum(logp * onehot, axis=1))

    gradient = value_and_grad(objective)

    def step() -> float:
        loss, gradients = gradient(layers, task.X, onehot)
        for (W, b), (dW, db) in zip(layers, gradients, strict=True):
            W -= task.rate * dW
            b -= task.rate * db
        return loss

    return Peer(step, lambda: layers)


def tinygrad_compiled(task: Task) -> Peer:
    """This project, with the same step compiled."""
    import tinygrad_edu

    return tinygrad_eager(task, tinygrad_edu.compile)


def tinygrad_eager(task: Task, prepare: Callable[[Any], Any] = lambda step: step) -> Peer:
    """This project: `nn`, `optim` and one node per operation."""
    from tinygrad_edu import nn, optim

    start = task.start()
    sizes = [b.size for _, b in start]
    net = nn.MLP(task.X.shape[1], sizes, activation="relu", dtype=task.X.dtype)
    for layer, (W, b) in zip(net.layers, start, strict=True):
        layer.weight.data, layer.bias.data = W, b
    optimizer = optim.SGD(net.parameters(), lr=task.rate)

    def train(X: Array, y: Array) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(X), y)
        loss.backward()
        optimizer.step()
        return loss

    step = partial(prepare(train), task.X, task.y)
    return Peer(step, lambda: [(layer.weight.numpy(), layer.bias.numpy()) for layer in net.layers])
