"""Healthy runs with one fault planted in each: what the doctor is to find."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.train.healthy_runs import Setup, binary, build, setup
from tinygrad_edu import Tensor, nn, optim

F = nn.functional
PLAIN = ("xor", "moons", "circles", "blobs", "digits")  # tasks of classes
BINARY = ("xor", "moons", "circles")
REGRESSION = ("wave", "plane")
FAULTS: dict[str, Callable[[int], Setup]] = {}


def fault(name: str) -> Callable[[Callable[[int], Setup]], Callable[[int], Setup]]:
    """Register a function from a seed to a run with the fault that the doctor calls ``name``."""

    def register(plant: Callable[[int], Setup]) -> Callable[[int], Setup]:
        FAULTS[f"{name} | {plant.__name__}"] = plant
        return plant

    return register


def _one_of(names: tuple[str, ...], seed: int) -> str:
    return names[seed % len(names)]


def _of_classes(seed: int, **options: Any) -> Setup:
    return setup(seed, task=_one_of(PLAIN, seed), **options)


# --- loops ---


@fault("missing zero_grad")
def no_zero_grad(seed: int) -> Setup:
    run = setup(seed)
    run.zero_grad = False
    return run


@fault("missing zero_grad")
def no_zero_grad_by_hand(seed: int) -> Setup:
    """A loop without an optimizer, as in a lecture's notebook."""

    class ByHand:
        lr = 0.05

        def zero_grad(self) -> None:
            raise AssertionError

        def step(self) -> None:
            for p in run.net.parameters():
                p.data -= self.lr * p.grad

    run = setup(seed, layers=())
    run.optimizer, run.zero_grad = ByHand(), False
    return run


@fault("training mode during evaluation")
def no_eval(seed: int) -> Setup:
    run = setup(seed, layers=(_one_of(("dropout", "batch norm"), seed),), depth=1 + seed % 3)
    run.switch_modes = False
    return run


@fault("training mode during evaluation")
def no_eval_with_a_graph(seed: int) -> Setup:
    run = setup(seed, layers=(_one_of(("dropout", "batch norm"), seed),), depth=1 + seed % 3)
    run.evaluate = False
    step = run.optimizer.step
    run.optimizer.step = lambda: (step(), run.net(run.X[:50]))
    return run


# --- learning rates ---


@fault("learning rate too high")
def rate_too_high(seed: int) -> Setup:
    """Not on blobs, which a single great step can tell apart."""
    task = _one_of(("moons", "circles", "xor", "digits", "wave", "plane"), seed)
    optimizer = _one_of(("sgd", "momentum", "adam", "rmsprop"), seed)
    return setup(seed, task=task, optimizer=optimizer, scale=1000, layers=(), depth=1 + seed % 3)


@fault("learning rate too low")
def rate_too_low(seed: int) -> Setup:
    run = setup(
        seed, optimizer=_one_of(("sgd", "momentum", "adam"), seed), scale=1e-5, task=_one_of(PLAIN + REGRESSION, seed)
    )
    run.steps = 240
    return run


# --- deep nets ---


def _deep(seed: int, activation: str, initialize: Callable[[Any, Any], Any]) -> Setup:
    run = _of_classes(seed, layers=())
    outputs = run.net[-1].out_features
    run.net = build(run.rng, run.X.shape[1], 24, 9, outputs, activation)
    for layer in run.net:
        if isinstance(layer, nn.Linear):
            initialize(layer.weight, run.rng)
            nn.init.zeros_(layer.bias)
    run.optimizer = optim.SGD(run.net.parameters(), lr=1e-3)
    return run


@fault("exploding gradients")
def exploding(seed: int) -> Setup:
    return _deep(seed, "relu", lambda w, rng: nn.init.normal_(w, std=4 * np.sqrt(2 / w.shape[0]), rng=rng))


@fault("vanishing gradients")
def vanishing_sigmoids(seed: int) -> Setup:
    return _deep(seed, "sigmoid", lambda w, rng: nn.init.xavier_uniform_(w, rng=rng))


@fault("vanishing gradients")
def vanishing_tanh(seed: int) -> Setup:
    return _deep(seed, "tanh", lambda w, rng: nn.init.normal_(w, std=0.3 / np.sqrt(w.shape[0]), rng=rng))


# --- units ---


@fault("dead ReLUs")
def dead_relus(seed: int) -> Setup:
    run = setup(seed, activation="relu", layers=(), depth=1 + seed % 3)
    run.net[0].bias.data[...] = -20.0
    return run


@fault("saturated sigmoids")
def saturated(seed: int) -> Setup:
    task = _one_of(("moons", "blobs", "digits", "plane"), seed)
    run = setup(seed, task=task, activation=_one_of(("sigmoid", "tanh"), seed), layers=(), depth=1 + seed % 2)
    run.net[0].weight.data *= 200
    return run


@fault("all-equal initial weights")
def equal_weights(seed: int) -> Setup:
    run = setup(seed, layers=(), depth=1 + seed % 2)
    for layer in run.net:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, (0.0, 0.1, 0.5)[seed % 3])
            nn.init.zeros_(layer.bias)
    return run


# --- losses ---


@fault("softmax before cross-entropy")
def softmax_twice(seed: int) -> Setup:
    run = _of_classes(seed)
    _at_least_two(run, seed)
    run.loss = lambda outputs, y: F.cross_entropy(F.softmax(outputs), y)
    return run


@fault("softmax before cross-entropy")
def softmax_by_hand(seed: int) -> Setup:
    def loss(outputs: Any, y: Any) -> Any:
        e = np.exp(outputs - outputs.data.max(1, keepdims=True))
        return F.cross_entropy(e / e.sum(1, keepdims=True), y, reduction="sum")

    run = _of_classes(seed)
    _at_least_two(run, seed)
    run.loss = loss
    return run


def _at_least_two(run: Setup, seed: int) -> None:
    if run.loss is binary:
        run.net.layers[-1] = nn.Linear(run.net[-1].in_features, 2, rng=run.rng)
        run.optimizer = optim.SGD(run.net.parameters(), lr=0.1)


@fault("probabilities given to a with-logits loss")
def probabilities(seed: int) -> Setup:
    run = setup(seed, task=_one_of(BINARY, seed))
    _one_output(run)
    run.loss = lambda outputs, y: F.binary_cross_entropy_with_logits(F.sigmoid(outputs.reshape(-1)), y)
    return run


@fault("probabilities given to a with-logits loss")
def probabilities_by_hand(seed: int) -> Setup:
    run = setup(seed, task=_one_of(BINARY, seed))
    _one_output(run)
    run.loss = lambda outputs, y: F.binary_cross_entropy_with_logits((1 / (1 + np.exp(-outputs))).reshape(-1), y)
    return run


def _one_output(run: Setup) -> None:
    if run.loss is not binary:
        run.net.layers[-1] = nn.Linear(run.net[-1].in_features, 1, rng=run.rng)
        run.optimizer = optim.SGD(run.net.parameters(), lr=0.1)


@fault("labels of the wrong shape that broadcast")
def broadcast_labels(seed: int) -> Setup:
    run = setup(seed, task="wave")
    run.y = run.y.reshape(-1)
    run.loss = lambda outputs, y: ((outputs - y) ** 2).mean()
    return run


@fault("labels of the wrong shape that broadcast")
def broadcast_classes(seed: int) -> Setup:
    run = setup(seed, task=_one_of(BINARY, seed))
    _one_output(run)

    def loss(outputs: Any, y: Any) -> Any:
        p = F.sigmoid(outputs)
        return -(y * np.log(p + 1e-9) + (1 - y) * np.log(1 - p + 1e-9)).mean()

    run.loss = loss
    return run


# --- inputs and parameters ---


@fault("inputs not normalized")
def not_normalized(seed: int) -> Setup:
    run = _of_classes(seed, optimizer="sgd")  # Adam learns from such inputs
    run.X = run.X * 1000 if seed % 2 else run.X * 10 + 1000
    return run


class _Detached(nn.Module):
    def __init__(self, net: Any) -> None:
        self.net = net

    def forward(self, x: Any) -> Any:
        return self.net[-1](Tensor(nn.Sequential(*self.net.layers[:-1])(x).data, requires_grad=False))


class _Forgetful(nn.Module):
    def __init__(self, net: Any) -> None:
        self.net = net
        self.forgotten = nn.Linear(4, 4)

    def forward(self, x: Any) -> Any:
        return self.net(x)


@fault("parameter that never receives a gradient")
def detached(seed: int) -> Setup:
    run = setup(seed, depth=1 + seed % 3)
    run.net = (_Detached if seed % 2 else _Forgetful)(run.net)
    return run


@fault("parameter missing from the optimizer")
def missing_from_the_optimizer(seed: int) -> Setup:
    run = setup(seed)
    params = run.net.parameters()
    del params[seed % len(params)]
    run.optimizer = optim.Adam(params, lr=0.01)
    return run


@fault("parameters that never change")
def optimizer_of_an_earlier_net(seed: int) -> Setup:
    """As in a notebook in which the cell of the net was run once more."""
    run = setup(seed)
    earlier = build(run.rng, run.X.shape[1], 8, 1, 1, "tanh")
    run.optimizer = optim.SGD(earlier.parameters(), lr=0.1)
    return run


@fault("parameters that never change")
def no_step(seed: int) -> Setup:
    run = setup(seed)
    run.optimizer.step = lambda: None
    return run


@fault("parameters that never change")
def step_that_only_renames(seed: int) -> Setup:
    run = setup(seed)

    def step() -> None:
        for p in run.net.parameters():
            p = p - 0.1 * p.grad

    run.optimizer.step = step
    return run


# --- NaN ---


@fault("NaN")
def log_of_zero(seed: int) -> Setup:
    run = setup(seed, task=_one_of(BINARY, seed), layers=())
    _one_output(run)

    def loss(outputs: Any, y: Any) -> Any:
        p = F.sigmoid(outputs.reshape(-1) * 1e6)
        return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()

    run.loss = loss
    run.steps = 20
    return run


@fault("NaN")
def root_of_zero(seed: int) -> Setup:
    """The loss is finite, its gradient is not."""
    run = setup(seed, task="plane", activation="relu", layers=())
    run.loss = lambda outputs, y: (outputs - y).__pow__(2).mean() + np.sqrt(outputs * 0).mean()
    run.steps = 20
    return run


@fault("NaN")
def hole_in_the_data(seed: int) -> Setup:
    run = setup(seed, layers=())
    run.X = np.where(np.arange(len(run.X)).reshape(-1, 1) % 7 == 0, np.nan, run.X)
    run.steps = 20
    return run
