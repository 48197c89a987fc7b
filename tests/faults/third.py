"""A third list of programs, written without sight of the doctor's rules.

The form is that of the other blind lists: ``program(seed, faulty)`` gives the doctor that watched, and an error of the
trained net; less is better. More than half of the programs are rebuilt from what people reported, and their docstrings
say where. The causes and the symptoms were written before the doctor was run on any of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_edu
from tests.faults.program import BlindList, binary
from tinygrad_edu import Tensor, Value, data, grad, nn, no_grad, optim, train

F = nn.functional
LIST = BlindList()
THIRD, PROGRAMS, HEALTHY = LIST.register, LIST.programs, LIST.healthy_runs
fault, healthy = LIST.fault, LIST.healthy

Rows = tuple[Any, Any]
Call = Callable[[], Any]


# --- data, loops and errors ---


def pictures(seed: int, n: int = 500) -> tuple[Rows, Rows]:
    """Digits of 8 × 8 pixels from 0 to 1: rows to train on, and 300 to test on."""
    X, y = data.digits()
    order = np.random.default_rng(seed).permutation(len(X))
    X, y = X[order] / 16, y[order]
    return (X[:n], y[:n]), (X[n : n + 300], y[n : n + 300])


def crescents(seed: int, n: int = 200) -> tuple[Rows, Rows]:
    """Two moons, standardized, with 200 rows to test on."""
    X, y = data.moons(n + 200, noise=0.12, rng=seed)
    X = (X - X.mean(0)) / X.std(0)
    return (X[:n], y[:n]), (X[n:], y[n:])


def columns(rows: Rows) -> Rows:
    """The same with labels as a column of floats."""
    return rows[0], rows[1].reshape(-1, 1).astype(float)


def curve(seed: int, n: int = 200, noise: float = 0.1) -> tuple[Rows, Rows]:
    """A smooth function of one input, with noise; 200 rows to test on."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (n + 200, 1))
    y = np.sin(2 * x) + 0.3 * x + noise * rng.standard_normal(x.shape)
    return (x[:n], y[:n]), (x[n:], y[n:])


def evaluate(net: Any, test: Rows, loss: Any) -> None:
    """The loss of the test rows, in evaluation mode."""
    net.eval()
    with no_grad():
        loss(net(test[0]), test[1])
    net.train()


def loop(
    net: Any,
    optimizer: Any,
    rows: Rows,
    test: Rows,
    loss: Any = F.cross_entropy,
    *,
    epochs: int,
    seed: int,
    batch: int = 32,
    before_step: Call | None = None,
    after_step: Call | None = None,
    after_epoch: Call | None = None,
) -> train.Doctor:
    """The usual loop over shuffled batches, with an evaluation after every epoch."""
    loader = data.batches(*rows, batch, np.random.default_rng([seed, 1]))
    with train.doctor(net, optimizer) as doctor:
        for _ in range(epochs):
            for X, y in loader:
                optimizer.zero_grad()
                loss(net(X), y).backward()
                if before_step is not None:
                    before_step()
                optimizer.step()
                if after_step is not None:
                    after_step()
            if after_epoch is not None:
                after_epoch()
            evaluate(net, test, loss)
    return doctor


def wrong(net: Any, test: Rows) -> float:
    """Share of the test rows whose class is wrong."""
    return float(np.mean(train.predicted_classes(train.predict(net, test[0])) != np.ravel(test[1])))


def misfit(net: Any, test: Rows) -> float:
    """Mean squared error over the variance of the targets."""
    error = float(np.mean((train.predict(net, test[0]) - test[1]) ** 2) / np.var(test[1]))
    return error if np.isfinite(error) else np.inf


def squared_error(outputs: Any, y: Any) -> Any:
    """A mean squared error as a person writes it, without a look at the shapes."""
    return ((outputs - y) ** 2).mean()


def situations(rng: np.random.Generator, n: int = 64) -> Rows:
    """States of a game around a circle, and the right one of six actions for each."""
    right = rng.integers(6, size=n)
    angle = right * np.pi / 3 + 0.25 * rng.standard_normal(n)
    return 1.5 * np.stack([np.cos(angle), np.sin(angle)], 1), right


def play(policy: Any, optimizer: Any, loss: Any, seed: int, steps: int = 200) -> tuple[train.Doctor, float]:
    """Policy gradients: the policy gives scores of actions; ``loss(outputs, actions, advantages)`` is made small."""
    rng = np.random.default_rng([seed, 2])
    with train.doctor(policy, optimizer) as doctor:
        for _ in range(steps):
            states, right = situations(rng)
            outputs = policy(states)
            p = np.exp(outputs.data - outputs.data.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            actions = np.minimum((p.cumsum(1) < rng.random((len(p), 1))).sum(1), 5)
            rewards = (actions == right).astype(float)
            optimizer.zero_grad()
            loss(outputs, actions, rewards - rewards.mean()).backward()
            optimizer.step()
    return doctor, wrong(policy, situations(rng, 500))


def reinforce(outputs: Any, actions: Any, advantages: Any, axis: int = 1) -> Any:
    """Minus the mean of log-probability times advantage (Williams, 1992)."""
    log_p = F.log_softmax(outputs, axis)[np.arange(len(actions)), actions]
    return -(log_p * advantages).mean()


# --- faults that people reported ---


@fault("schedule", "rate too low, too few steps")
def schedule_stepped_after_every_batch(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about SRGAN in PyTorch: stairs that are meant for epochs go down after every batch."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [48, 10], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.1)
    where: dict[str, Any] = {"after_step": schedule.step} if faulty else {"after_epoch": schedule.step}
    return loop(net, optimizer, rows, test, epochs=12, seed=seed, batch=16, **where), wrong(net, test)


@fault("never changes", "too few steps, schedule")
def schedule_steps_and_optimizer_does_not(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about SfmLearner: ``if scheduler: scheduler.step()``, ``else: optimizer.step()``."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=2e-3)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.999)
    loader = data.batches(*rows, 32, np.random.default_rng(seed))
    with train.doctor(net, optimizer) as doctor:
        for _ in range(15):
            for X, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(net(X), y).backward()
                if scheduler:
                    scheduler.step()
                if not (scheduler and faulty):
                    optimizer.step()
            evaluate(net, test, F.cross_entropy)
    return doctor, wrong(net, test)


@fault("zero_grad", "rate too high, exploding")
def gradients_add_up_in_a_first_example(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about the simplest example of a toolkit: one layer, SGD, and no zero_grad in the loop."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 1, (40, 4))
    y = X @ rng.standard_normal((4, 2)) + [0.3, -0.5]
    model = nn.Linear(4, 2, rng=seed)
    opt = optim.SGD(model.parameters(), lr=0.3)
    with train.doctor(model, opt) as doctor:
        for _ in range(300):
            loss = F.mse_loss(model(X), y)
            loss.backward()
            opt.step()
            if not faulty:
                opt.zero_grad()
    return doctor, misfit(model, (X, y))


@fault("output activation", "dead relu")
def policy_with_a_relu_before_its_log_softmax(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question about REINFORCE with a baseline: the last layer of the policy has a ReLU, then log_softmax."""
    layers: list[Any] = [nn.Linear(2, 24, rng=seed), nn.ReLU(), nn.Linear(24, 6, rng=seed + 1)]
    policy = nn.Sequential(*layers, *[nn.ReLU()] * faulty)
    return play(policy, optim.Adam(policy.parameters(), lr=0.02), reinforce, seed)


@fault("wrong axis", "output activation")
def policy_with_a_softmax_over_the_batch(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report about the code of a book on reinforcement learning: Softmax(dim=0), which is right for one state."""
    policy = nn.MLP(2, [24, 6], rng=seed)
    optimizer = optim.Adam(policy.parameters(), lr=0.01)
    return play(policy, optimizer, lambda *given: reinforce(*given, axis=0 if faulty else 1), seed)


@fault("ascent", "wrong loss, saturated, exploding")
def reward_times_log_probability_without_its_minus(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question on Stack Exchange about the minus in ``loss = -log_prob * reward``: here somebody left it out."""
    policy = nn.MLP(2, [24, 6], rng=seed)
    optimizer = optim.Adam(policy.parameters(), lr=0.01)
    sign = -1 if faulty else 1
    return play(policy, optimizer, lambda *given: sign * reinforce(*given), seed)


@fault("dropout", "too few steps")
def share_to_keep_given_as_share_to_drop(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Reports on GitHub about several ports from TensorFlow 1: ``keep_prob`` became the rate of a layer that drops."""
    rows, test = pictures(seed)
    keep_prob = 0.9
    p = keep_prob if faulty else 1 - keep_prob
    net = nn.Sequential(
        nn.Linear(64, 64, rng=seed),
        nn.ReLU(),
        nn.Dropout(p, rng=seed),
        nn.Linear(64, 32, rng=seed),
        nn.ReLU(),
        nn.Dropout(p, rng=seed + 1),
        nn.Linear(32, 10, rng=seed),
    )
    optimizer = optim.Adam(net.parameters(), lr=2e-3)
    return loop(net, optimizer, rows, test, epochs=20, seed=seed), wrong(net, test)


@fault("mode", "batch norm, inputs not normalized, rate too high, exploding, dead relu")
def first_evaluation_leaves_evaluation_mode_on(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about a robot library: evaluation, here also before the first step, never calls train()."""
    rng = np.random.default_rng(seed)
    X, y = data.blobs(500, 6, centers=4, cluster_std=3.0, rng=seed)
    X = X * 30 + rng.uniform(200, 400, 6)  # sensors in their own units, which BatchNorm is there for
    rows, test = (X[:300], y[:300]), (X[300:], y[300:])
    net = nn.Sequential(
        nn.BatchNorm1d(6), nn.Linear(6, 24, rng=seed), nn.ReLU(), nn.Dropout(0.1, rng=seed), nn.Linear(24, 4, rng=seed)
    )
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def measure() -> None:
        net.eval()
        with no_grad():
            F.cross_entropy(net(test[0]), test[1])
        if not faulty:
            net.train()

    with train.doctor(net, optimizer) as doctor:
        measure()
        for _ in range(20):
            for X_batch, y_batch in data.batches(*rows, 32, rng):
                optimizer.zero_grad()
                F.cross_entropy(net(X_batch), y_batch).backward()
                optimizer.step()
            measure()
    return doctor, wrong(net, test)


@fault("batch norm", "batch size, mode")
def batchnorm_momentum_of_another_library(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Reports on GitHub about ports of DeepLab and of Keras nets: momentum 0.999, which means 0.001 in PyTorch."""
    rows, test = pictures(seed, 400)
    momentum = 0.999 if faulty else 0.1
    net = nn.Sequential(
        nn.Linear(64, 32, rng=seed),
        nn.BatchNorm1d(32, momentum=momentum),
        nn.ReLU(),
        nn.Linear(32, 32, rng=seed + 1),
        nn.BatchNorm1d(32, momentum=momentum),
        nn.ReLU(),
        nn.Linear(32, 10, rng=seed),
    )
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    return loop(net, optimizer, rows, test, epochs=12, seed=seed, batch=6), wrong(net, test)


class Reader(nn.Module):
    """A recurrent net, and a linear layer on what it gives at the last step."""

    def __init__(self, recurrent: Any, head: nn.Linear) -> None:
        self.recurrent = recurrent
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.recurrent(x)[0][:, -1])


@fault("wrong place in the sequence, wrong axis", "batch size")
def lstm_that_runs_over_the_batch(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about a net for videos: rows of (n, steps, features) for an LSTM without batch_first."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((260, 8, 2))
    y = (X[:, :, 0].sum(1) > X[:, :, 1].sum(1)).astype(int)
    rows, test = (X[:160], y[:160]), (X[160:], y[160:])
    net = Reader(nn.LSTM(2, 10, batch_first=not faulty, rng=seed), nn.Linear(10, 2, rng=seed))
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    return loop(net, optimizer, rows, test, epochs=15, seed=seed, batch=16), wrong(net, test)


@fault("exploding, rate too high", "NaN, dead relu, init")
def clipping_after_the_step(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Reports on GitHub about several trainers: the gradients are clipped, but only when the step has used them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 10, 1))
    y = X.sum(1)
    rows, test = (X[:200], y[:200]), (X[200:], y[200:])
    net = Reader(nn.RNN(1, 12, nonlinearity="relu", batch_first=True, rng=seed), nn.Linear(12, 1, rng=seed))
    nn.init.orthogonal_(net.recurrent.weight_hh_l0, gain=1.2, rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.05)

    def clip() -> None:
        optim.clip_grad_norm_(net.parameters(), 1.0)

    where: dict[str, Any] = {"after_step": clip} if faulty else {"before_step": clip}
    return loop(net, optimizer, rows, test, F.mse_loss, epochs=30, seed=seed, **where), misfit(net, test)


@fault("same batch", "overfitting")
def first_batch_of_a_new_iterator_each_time(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about a library for faces: ``iter(loader).next()`` in the loop is always the first batch."""
    rows, test = pictures(seed, 480)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    loader = [(rows[0][i : i + 32], rows[1][i : i + 32]) for i in range(0, 480, 32)]
    batches = iter(loader * 20)
    with train.doctor(net, optimizer) as doctor:
        for step in range(300):
            X, y = next(iter(loader)) if faulty else next(batches)
            optimizer.zero_grad()
            F.cross_entropy(net(X), y).backward()
            optimizer.step()
            if step % 20 == 19:
                evaluate(net, test, F.cross_entropy)
    return doctor, wrong(net, test)


@fault("labels")
def inputs_shuffled_without_their_labels(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about a tool for medical images: every epoch shuffles the images and the truth separately."""
    (X, y), test = pictures(seed, 400)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    rng = np.random.default_rng(seed)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(20):
            order = rng.permutation(len(X))
            X = X[order]
            y = y if faulty else y[order]
            for i in range(0, len(X), 32):
                optimizer.zero_grad()
                F.cross_entropy(net(X[i : i + 32]), y[i : i + 32]).backward()
                optimizer.step()
            evaluate(net, test, F.cross_entropy)
    return doctor, wrong(net, test)


@fault("imbalance", "wrong loss, labels, rate too low, too few steps")
def padding_counts_in_the_loss(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about a generator of molecules: nine of ten targets are padding, and none is left out."""
    rng = np.random.default_rng(seed)
    table = rng.integers(1, 9, size=(9, 9))  # the next symbol after two; 0 is padding
    X = rng.integers(1, 9, size=(300, 2))
    y = table[X[:, 0], X[:, 1]]
    padding = np.zeros((2700, 2), int)
    rows = np.concatenate([X, padding]), np.concatenate([y, padding[:, 0]])
    net = nn.Sequential(nn.Embedding(9, 8, rng=seed), nn.Flatten(), nn.Linear(16, 64, rng=seed), nn.ReLU())
    net = nn.Sequential(*net, nn.Linear(64, 9, rng=seed))
    optimizer = optim.SGD(net.parameters(), lr=0.3)

    def loss(outputs: Any, targets: Any) -> Any:
        return F.cross_entropy(outputs, targets) if faulty else F.cross_entropy(outputs, targets, ignore_index=0)

    return loop(net, optimizer, rows, rows, loss, epochs=10, seed=seed, batch=64), wrong(net, (X, y))


@fault("targets not scaled, inputs not normalized", "saturated, vanishing, exploding, rate too low, too few steps")
def fourth_power_of_large_numbers(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question on Stack Overflow, "Why do I fail to predict y=x**4 with Keras?": x up to 100, y up to 10⁸."""
    x = np.random.default_rng(seed).uniform(-100, 100, (400, 1))
    y = x**4
    if not faulty:
        x, y = x / x.std(), (y - y.mean()) / y.std()
    rows, test = (x[:250], y[:250]), (x[250:], y[250:])
    net = nn.Sequential(
        nn.Linear(1, 40, rng=seed), nn.Sigmoid(), nn.Linear(40, 40, rng=seed), nn.ELU(), nn.Linear(40, 1, rng=seed)
    )
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, optimizer, rows, test, F.mse_loss, epochs=40, seed=seed), misfit(net, test)


@fault("output activation", "dead relu, vanishing, never changes")
def line_that_ends_in_a_relu(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question in the forum of a course: y = 2x - 1 with relu in every layer, and the loss often stays the same."""
    x = np.arange(-6.0, 6.0).reshape(-1, 1)
    y = 2 * x - 1
    layers: list[Any] = [nn.Linear(1, 8, rng=seed), nn.ReLU(), nn.Linear(8, 4, rng=seed), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(4, 1, rng=seed), *[nn.ReLU()] * faulty)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    with train.doctor(model, optimizer) as doctor:
        train.fit(model, x, y, loss=F.mse_loss, optimizer=optimizer, epochs=400, progress=False)
    return doctor, misfit(model, (x, y))


@fault("output activation", "saturated, vanishing")
def autoencoder_with_a_sigmoid_for_negative_numbers(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question on Stack Overflow about large inputs of auto-encoders: the decoder ends in the encoder's sigmoid."""
    (X, _), (X_test, _) = pictures(seed)
    mean, std = X.mean(0), X.std(0) + 0.05
    rows, test = (((Z - mean) / std,) * 2 for Z in (X, X_test))
    layers: list[Any] = [nn.Linear(64, 20, rng=seed), nn.Tanh(), nn.Linear(20, 64, rng=seed)]
    net = nn.Sequential(*layers, *[nn.Sigmoid()] * faulty)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, optimizer, rows, test, F.mse_loss, epochs=20, seed=seed), misfit(net, test)


@fault("decay", "vanishing, rate too low")
def decay_as_large_as_the_clip(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A pull request for a recurrent net of characters: the decay was set to ``grad_clip``, not to ``decay_rate``."""
    grad_clip, decay_rate = 5.0, 0.001
    rng = np.random.default_rng(seed)
    codes = rng.integers(4, size=(340, 9))
    y = ((codes == 0).sum(1) > (codes == 1).sum(1)).astype(int)
    X = np.eye(4)[codes]
    rows, test = (X[:200], y[:200]), (X[200:], y[200:])
    net = Reader(nn.GRU(4, 10, batch_first=True, rng=seed), nn.Linear(10, 2, rng=seed))
    optimizer = optim.AdamW(net.parameters(), lr=0.02, weight_decay=grad_clip if faulty else decay_rate)

    def clip() -> None:
        optim.clip_grad_norm_(net.parameters(), grad_clip)

    return loop(net, optimizer, rows, test, epochs=12, seed=seed, batch=20, before_step=clip), wrong(net, test)


@fault("missing nonlinearity", "net too small")
def convolution_without_an_activation(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A comment on GitHub about an accuracy that gets stuck in Keras: the only convolution had no activation."""
    rng = np.random.default_rng(seed)
    X = 0.1 * rng.standard_normal((500, 1, 7, 7))
    y = rng.integers(2, size=500)
    for picture, upright in zip(X, y, strict=True):  # a short bar, bright or dark, upright or not
        i, j = rng.integers(5, size=2)
        bar = picture[0, i : i + 3, j + 1] if upright else picture[0, i + 1, j : j + 3]
        bar += rng.choice([-1.0, 1.0])
    rows, test = (X[:300], y[:300]), (X[300:], y[300:])
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=seed), *[nn.ReLU()] * (not faulty), nn.Flatten(), nn.Linear(200, 2, rng=seed)
    )
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, optimizer, rows, test, epochs=15, seed=seed), wrong(net, test)


@fault("missing from the optimizer", "never changes, frozen")
def optimizer_of_the_generator_has_the_discriminator(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Reports on GitHub about several GANs: the optimizer of one net was given the parameters of the other."""
    generator, discriminator = nn.MLP(2, [12, 2], rng=seed), nn.MLP(2, [24, 1], activation="tanh", rng=seed + 1)
    optimizer = optim.Adam((discriminator if faulty else generator).parameters(), lr=5e-3, betas=(0.5, 0.99))
    return duel(generator, optimizer, discriminator, seed)


def duel(generator: Any, optimizer: Any, discriminator: Any, seed: int) -> tuple[train.Doctor, float]:
    """Train a generator of points and a discriminator in turn (Goodfellow et al., 2014; least squares: Mao, 2017)."""
    rng = np.random.default_rng(seed)
    center, spread = np.array([2.0, -1.0]), np.array([0.5, 0.3])
    of_discriminator = optim.Adam(discriminator.parameters(), lr=0.02, betas=(0.5, 0.99), weight_decay=0.01)
    ones, zeros = np.ones((48, 1)), np.zeros((48, 1))
    with train.doctor(generator, optimizer) as doctor:
        for _ in range(400):
            real, noise = center + spread * rng.standard_normal((48, 2)), rng.standard_normal((48, 2))
            of_discriminator.zero_grad()
            fake = generator(noise).detach()
            (F.mse_loss(discriminator(real), ones) + F.mse_loss(discriminator(fake), zeros)).backward()
            of_discriminator.step()
            optimizer.zero_grad()
            F.mse_loss(discriminator(generator(noise)), ones).backward()
            optimizer.step()
    made = train.predict(generator, rng.standard_normal((500, 2)))
    return doctor, float(np.abs(made.mean(0) - center).sum())


class TwoBranches(nn.Module):
    """A branch for each half of the inputs, and one layer on both."""

    def __init__(self, seed: int) -> None:
        self.left, self.right = nn.MLP(2, [16, 8], rng=seed), nn.MLP(2, [16, 8], rng=seed + 1)
        self.head = nn.Linear(16, 1, rng=seed)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(np.concatenate([self.left(x[:, :2]).relu(), self.right(x[:, 2:]).relu()], 1))


@fault("missing from the optimizer", "never changes, frozen")
def one_of_two_branches_in_the_list(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about a net for speech: one of two discriminators is in the list twice, the other never."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (500, 4))
    y = (np.sin(2 * X[:, :1]) + X[:, 1:2] + 2 * np.sin(3 * X[:, 2:3]) * X[:, 3:]) / 2
    rows, test = (X[:350], y[:350]), (X[350:], y[350:])
    net = TwoBranches(seed)
    second = [] if faulty else net.right.parameters()
    optimizer = optim.Adam([*net.left.parameters(), *second, *net.head.parameters()], lr=0.01)
    return loop(net, optimizer, rows, test, F.mse_loss, epochs=30, seed=seed), misfit(net, test)


class Detached(nn.Module):
    """Features, and a head; the features may be cut off."""

    def __init__(self, seed: int, cut: bool) -> None:
        self.features, self.head = nn.MLP(2, [12, 4], activation="tanh", rng=seed), nn.Linear(4, 2, rng=seed)
        self.cut = cut

    def forward(self, x: Tensor) -> Tensor:
        h = self.features(x)
        return self.head((h.detach() if self.cut else h).tanh())


@fault("no gradient", "frozen, never changes, net too small")
def features_detached_on_their_way(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about a library for speech: ``self.modules.enc(feats.detach())`` cuts what comes before."""
    rows, test = crescents(seed)
    net = Detached(seed, faulty)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    return loop(net, optimizer, rows, test, epochs=30, seed=seed), wrong(net, test)


@fault("zero_grad", "batch size, too few steps, imbalance, sorted rows, overfitting")
def zero_grad_between_the_parts_of_a_step(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about an autoencoder: zero_grad inside of the accumulation keeps the last part's gradient."""
    (x, y), test = curve(seed, 240)
    order = np.argsort(x[:, 0])
    stations = [(x[rows], y[rows]) for rows in np.split(order, 4)]  # each has seen a part of the axis
    net = nn.MLP(1, [24, 24, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for step in range(200):
            optimizer.zero_grad()
            for X_part, y_part in stations:
                if faulty:
                    optimizer.zero_grad()
                (F.mse_loss(net(X_part), y_part) / len(stations)).backward()
            optimizer.step()
            if step % 20 == 19:
                evaluate(net, test, F.mse_loss)
    return doctor, misfit(net, test)


@fault("wrong reduction", "rate too high, exploding, NaN, dead relu")
def sum_over_a_batch_that_grew(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A pull request for JAX's notebook on neural nets: a sum over the samples explodes with larger batches."""
    rows, test = pictures(seed, 512)
    Y, Y_test = np.eye(10)[rows[1]], np.eye(10)[test[1]]
    net = nn.MLP(64, [48, 10], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.2)

    def loss(outputs: Any, targets: Any) -> Any:
        total = -(F.log_softmax(outputs) * targets).sum()
        return total if faulty else total / len(targets)

    doctor = loop(net, optimizer, (rows[0], Y), (test[0], Y_test), loss, epochs=25, seed=seed, batch=128)
    return doctor, wrong(net, test)


@fault("hidden activation", "no gradient, vanishing, dead relu")
def equation_solved_with_relu(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Reports on GitHub about physics-informed nets: the second derivative of a net of ReLUs is 0."""
    net = nn.MLP(1, [20, 20, 1], activation="relu" if faulty else "tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    doctor = solve(net, optimizer)
    x = np.linspace(0, np.pi, 50)[:, None]
    return doctor, misfit(net, (x, np.sin(x)))


def solve(net: Any, optimizer: Any, steps: int = 250) -> train.Doctor:
    """Train the net to be u with u'' = -sin(x) and u(0) = u(π) = 0."""
    x, ends = Tensor(np.linspace(0, np.pi, 24)[:, None]), np.array([[0.0], [np.pi]])
    slope = grad(lambda x: net(x).sum())
    curvature = grad(lambda x: slope(x).sum())
    with train.doctor(net, optimizer) as doctor:
        for _ in range(steps):
            optimizer.zero_grad()
            residual = curvature(x) + np.sin(x.data)
            loss = (residual * residual).mean() + (net(ends) ** 2).mean()
            loss.backward()
            optimizer.step()
    return doctor


@fault("net too small")
def xor_with_one_hidden_unit(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question on Stack Exchange, "Why does my neural network to solve the XOR problem always output 0.5?"."""
    X, y = data.xor()
    net = nn.MLP(2, [1 if faulty else 8, 2], activation="tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(300):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(X), y)
            loss.backward()
            optimizer.step()
    with no_grad():
        return doctor, F.cross_entropy(net(X), y).item()


@fault("inputs not normalized", "NaN, rate too high, exploding, targets not scaled")
def line_through_raw_numbers_of_values(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question on Stack Exchange about linear regression in Keras: one unit, raw columns, SGD, and a loss of NaN."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(4, 600, 30)  # people per television
    y = 75 - 0.04 * x + rng.standard_normal(30)  # years of life
    if not faulty:
        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    net = nn.scalar.MLP(1, [1], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(20):
            for x_i, y_i in zip(x.tolist(), y.tolist(), strict=True):
                optimizer.zero_grad()
                error = net([x_i]) - y_i
                (error * error).backward()
                optimizer.step()
    error = float(np.mean([(net([a]).data - b) ** 2 for a, b in zip(x, y, strict=True)]) / np.var(y))
    return doctor, error if np.isfinite(error) else np.inf


@fault("targets not scaled", "rate too high, exploding, NaN, dead relu")
def squares_up_to_ten_thousand(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question on Stack Exchange, "Why does a deep neural net diverge?": inputs are normalized, targets are not."""
    x = np.arange(100.0)[:, None]
    y = x**2 + 3
    x = (x - x.mean()) / x.std()
    if not faulty:
        y = (y - y.mean()) / y.std()
    net = nn.MLP(1, [16, 1], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.02)
    return loop(net, optimizer, (x, y), (x, y), F.mse_loss, epochs=60, seed=seed), misfit(net, (x, y))


@fault("labels")
def sum_of_three_numbers_in_a_flat_array(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A question in PyTorch's forum: outputs of shape (n, 1), targets of shape (n,), and an error that stays."""
    X = np.random.default_rng(seed).uniform(0, 1, (128, 3))
    y = X[:, 0] + X[:, 1] + X[:, 2]
    model = nn.Linear(3, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.4)
    targets = y if faulty else y[:, None]
    with train.doctor(model, optimizer) as doctor:
        for _ in range(250):
            optimizer.zero_grad()
            squared_error(model(X), targets).backward()
            optimizer.step()
    return doctor, misfit(model, (X, y[:, None]))


@fault("missing output activation", "output activation, vanishing, no gradient, NaN")
def binary_cross_entropy_of_linear_units(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Questions about Keras: linear units with "binary_crossentropy", which expects probabilities and clips them."""
    rows, test = pictures(seed)
    layers: list[Any] = [nn.Linear(64, 32, rng=seed), nn.ReLU(), nn.Linear(32, 10, rng=seed)]
    net = nn.Sequential(*layers, *[nn.Sigmoid()] * (not faulty))
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    each = (rows[0], np.eye(10)[rows[1]]), (test[0], np.eye(10)[test[1]])
    return loop(net, optimizer, *each, binary, epochs=15, seed=seed), wrong(net, test)


@fault("imbalance", "wrong loss")
def rare_cars_that_are_never_seen(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A report on GitHub about segmentation: nearly all pixels are of one class, and the net answers nothing else."""
    rng = np.random.default_rng(seed)
    y = (rng.random(4000) < 0.03).astype(int)
    X = rng.standard_normal((4000, 3)) + 1.2 * y[:, None]
    rows, test = (X[:2500], y[:2500]), (X[2500:], y[2500:])
    net = nn.MLP(3, [12, 2], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    weight = None if faulty else np.array([0.5 / 0.97, 0.5 / 0.03])

    def loss(outputs: Any, targets: Any) -> Any:
        return F.cross_entropy(outputs, targets, weight=weight)

    doctor = loop(net, optimizer, rows, test, loss, epochs=6, seed=seed)
    missed = train.predicted_classes(train.predict(net, test[0])) != test[1]
    return doctor, float((missed[test[1] == 0].mean() + missed[test[1] == 1].mean()) / 2)


# --- faults that were thought of ---


def values_loop(net: Any, optimizer: Any, rows: Any, outputs: Callable[[Any], Any], epochs: int) -> train.Doctor:
    """Gradient descent on the mean squared error of a net of Values, all rows at once, as in micrograd."""
    with train.doctor(net, optimizer) as doctor:
        for _ in range(epochs):
            optimizer.zero_grad()
            loss = sum((outputs(x) - y) ** 2 for x, y in rows) / len(rows)
            loss.backward()
            optimizer.step()
    return doctor


def values_error(rows: Any, outputs: Callable[[Any], Any]) -> float:
    """Mean squared error of what a net of Values gives."""
    with no_grad():
        return float(np.mean([(outputs(x).data - y) ** 2 for x, y in rows]))


CORNERS = [([-1.0, -1.0], -1.0), ([-1.0, 1.0], 1.0), ([1.0, -1.0], 1.0), ([1.0, 1.0], -1.0)]


@fault("init", "net too small")
def values_that_all_start_at_one_half(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Every weight of a net of Values is set to the same number "to make the run reproducible"."""
    net = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=seed)
    for p in net.parameters():
        if faulty:
            p.data = 0.5
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    doctor = values_loop(net, optimizer, CORNERS, net, 150)
    return doctor, values_error(CORNERS, net)


@fault("no gradient", "frozen, never changes, net too small")
def values_made_anew_between_two_layers(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """The second layer is given ``Value(h.data)``: new leaves, from which no gradient gets to the first layer."""
    net = nn.scalar.MLP(2, [3, 1], activation="tanh", rng=seed)

    def outputs(x: Any) -> Any:
        hidden = net.layers[0](x)
        return net.layers[1]([Value(h.data) for h in hidden] if faulty else hidden)

    optimizer = optim.SGD(net.parameters(), lr=0.3, momentum=0.9)
    rows = [([a, b], float(np.sin(2 * a) * b)) for a in (-1.0, -0.3, 0.4, 1.0) for b in (-1.0, 0.2, 1.0)]
    doctor = values_loop(net, optimizer, rows, outputs, 250)
    return doctor, values_error(rows, outputs)


@fault("output activation", "saturated, vanishing, labels")
def values_of_a_sigmoid_for_two_signs(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Targets of -1 and 1 for an output that a sigmoid keeps between 0 and 1."""
    net = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=seed)

    def outputs(x: Any) -> Any:
        return net(x).sigmoid() if faulty else net(x).tanh()

    optimizer = optim.Adam(net.parameters(), lr=0.05)
    doctor = values_loop(net, optimizer, CORNERS, outputs, 150)
    return doctor, values_error(CORNERS, outputs)


@fault("labels")
def arrows_flipped_without_their_direction(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Half of the pictures of a batch are mirrored, as one does for cats; left and right are the classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=500)
    X = 0.5 * rng.standard_normal((500, 6, 6))
    for picture, right in zip(X, y, strict=True):
        picture[rng.integers(6), rng.integers(3, 6) if right else rng.integers(3)] += 4
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 24, rng=seed), nn.ReLU(), nn.Linear(24, 2, rng=seed))
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    test = X[300:], y[300:]
    with train.doctor(net, optimizer) as doctor:
        for _ in range(20):
            for X_batch, y_batch in data.batches(X[:300], y[:300], 32, rng):
                flipped = rng.random(len(X_batch)) < 0.5
                X_batch[flipped] = X_batch[flipped][:, :, ::-1]
                targets = y_batch if faulty else np.where(flipped, 1 - y_batch, y_batch)
                optimizer.zero_grad()
                F.cross_entropy(net(X_batch), targets).backward()
                optimizer.step()
            evaluate(net, test, F.cross_entropy)
    return doctor, wrong(net, test)


GOOD, BAD = ["fine", "great", "lovely", "superb", "bright"], ["poor", "awful", "dull", "weak", "boring"]
PLAIN = ["the", "a", "film", "plot"]
VOCABULARY = {word: code for code, word in enumerate(["?", *GOOD, *BAD, *PLAIN])}


@fault("inputs all equal", "inputs not normalized")
def every_word_is_unknown(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """The words of the texts begin with capitals, those of the vocabulary do not, and ``get(word, 0)`` says nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=400)
    texts = [" ".join(rng.permutation([*rng.choice(GOOD if good else BAD, 2), *rng.choice(PLAIN, 3)])) for good in y]
    words = [text.title().split() for text in texts]
    X = np.array([[VOCABULARY.get(word if faulty else word.lower(), 0) for word in row] for row in words])
    rows, test = (X[:250], y[:250]), (X[250:], y[250:])
    net = nn.Sequential(
        nn.Embedding(len(VOCABULARY), 6, rng=seed), nn.Flatten(), nn.Linear(30, 16, rng=seed), nn.ReLU()
    )
    net = nn.Sequential(*net, nn.Linear(16, 2, rng=seed))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, optimizer, rows, test, epochs=15, seed=seed), wrong(net, test)


@fault("vanishing", "init, no gradient, too few steps, rate too low")
def memory_that_fades_along_the_sequence(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """The first of 20 numbers decides, and small recurrent weights let its gradient vanish on the way."""
    rng = np.random.default_rng(seed)
    X = 0.2 * rng.standard_normal((360, 20, 1))
    y = rng.integers(2, size=360)
    X[:, 0, 0] = 2.0 * y - 1
    rows, test = (X[:240], y[:240]), (X[240:], y[240:])
    net = Reader(nn.RNN(1, 12, batch_first=True, rng=seed), nn.Linear(12, 2, rng=seed))
    nn.init.orthogonal_(net.recurrent.weight_hh_l0, gain=0.2 if faulty else 1.0, rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def clip() -> None:
        optim.clip_grad_norm_(net.parameters(), 1.0)

    return loop(net, optimizer, rows, test, epochs=15, seed=seed, before_step=clip), wrong(net, test)


@fault("schedule, rate too low", "too few steps")
def warm_up_that_never_ends(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """The warm-up was copied from a large model: 100,000 steps, of which this run takes 320."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [48, 10], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    steps = 100_000 if faulty else 50
    schedule = optim.lr_scheduler.LinearLR(optimizer, start_factor=1e-3, total_iters=steps)
    return loop(net, optimizer, rows, test, epochs=20, seed=seed, after_step=schedule.step), wrong(net, test)


@fault("rate too low", "too few steps")
def adam_with_an_epsilon_of_one(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """``eps=1.0``, which a note recommends for one large net, makes every step as small as lr times the gradient."""
    rows, test = curve(seed)
    net = nn.MLP(1, [32, 32, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3, eps=1.0 if faulty else 1e-8)
    return loop(net, optimizer, rows, test, F.mse_loss, epochs=40, seed=seed), misfit(net, test)


@fault("inputs not normalized", "overfitting")
def test_rows_in_their_own_units(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """The training rows are standardized, and the validation rows are forgotten."""
    X, y = data.blobs(450, 5, centers=3, cluster_std=4.0, rng=seed)
    X = X * [1, 10, 0.1, 5, 2] + [20, 0, 5, 100, -30]
    scaler = data.Standardizer().fit(X[:300])
    rows, test = (scaler.transform(X[:300]), y[:300]), (X[300:] if faulty else scaler.transform(X[300:]), y[300:])
    net = nn.MLP(5, [24, 3], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, optimizer, rows, test, epochs=20, seed=seed), wrong(net, test)


@fault("overfitting")
def noise_learned_by_heart(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """60 rows with 30 columns, of which two matter, for a large net and 150 epochs of `fit`."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((1000, 30))
    y = (X[:, 0] + X[:, 1] + 0.7 * rng.standard_normal(1000) > 0).astype(int)
    n = 60 if faulty else 700
    rows, test = (X[:n], y[:n]), (X[700:], y[700:])
    net = nn.MLP(30, [64, 64, 2] if faulty else [8, 2], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            *(net, *rows),
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=150 if faulty else 12,
            batch_size=20,
            validation=test,
            metrics="accuracy",
            rng=seed,
            progress=False,
        )
    with no_grad():
        return doctor, F.cross_entropy(net(test[0]), test[1]).item()


@fault("sorted rows", "rate too high")
def days_of_a_year_in_their_order(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Measurements of a year, in the order of their dates, in batches of one week: the net follows the season."""
    rng = np.random.default_rng(seed)
    day = np.arange(365.0)
    season = np.cos(2 * np.pi * day / 365)
    wind = rng.standard_normal(365)
    X = np.stack([season + 0.3 * rng.standard_normal(365), wind, rng.standard_normal(365)], 1)
    y = (3 * season + np.sin(2 * wind))[:, None]
    test = X[::5], y[::5]
    net = nn.MLP(3, [24, 1], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    order = rng.permutation(365)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(12):
            for i in range(0, 365, 7):
                rows = slice(i, i + 7) if faulty else order[i : i + 7]
                optimizer.zero_grad()
                F.mse_loss(net(X[rows]), y[rows]).backward()
                optimizer.step()
            evaluate(net, test, F.mse_loss)
    return doctor, misfit(net, test)


@fault("rate too high", "exploding, dead relu, saturated, NaN")
def compiled_step_that_leaps(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """A compiled step of a net with two layers of ReLUs, at a rate of Adam that is a hundred times too high."""
    rows, test = crescents(seed)
    net = nn.MLP(2, [16, 16, 2], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=1.0 if faulty else 0.01)

    @tinygrad_edu.compile
    def step(X: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(X), y)
        loss.backward()
        optimizer.step()
        return loss

    with train.doctor(net, optimizer) as doctor:
        for _ in range(40):
            for X, y in data.batches(*rows, 25, np.random.default_rng(seed)):
                step(X, y)
            evaluate(net, test, F.cross_entropy)
    with no_grad():
        return doctor, F.cross_entropy(net(test[0]), test[1]).item()


@fault("no biases", "net too small")
def valley_without_biases(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Without biases, ReLUs of one input can only bend at 0."""
    x = np.random.default_rng(seed).uniform(-3, 3, (400, 1))
    y = np.cos(2 * x) + 0.5
    rows, test = (x[:250], y[:250]), (x[250:], y[250:])
    net = nn.Sequential(
        nn.Linear(1, 40, bias=not faulty, rng=seed),
        nn.ReLU(),
        nn.Linear(40, 40, bias=not faulty, rng=seed),
        nn.ReLU(),
        nn.Linear(40, 1, bias=not faulty, rng=seed),
    )
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    return loop(net, optimizer, rows, test, F.mse_loss, epochs=40, seed=seed), misfit(net, test)


@fault("activation twice", "rate too low, too few steps, vanishing, saturated, output activation")
def softmax_in_a_net_for_fit(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """`fit` with `cross_entropy`, and a Softmax as the last layer, as it is done in Keras."""
    rows, test = pictures(seed)
    layers: list[Any] = [nn.Linear(64, 32, rng=seed), nn.ReLU(), nn.Linear(32, 10, rng=seed)]
    net = nn.Sequential(*layers, *[nn.Softmax()] * faulty)
    optimizer = optim.SGD(net.parameters(), lr=0.3)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            *(net, *rows),
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=12,
            batch_size=32,
            validation=test,
            rng=seed,
            progress=False,
        )
    return doctor, wrong(net, test)


@fault("wrong loss", "labels")
def digits_as_distances_on_a_line(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """One output and a squared error for ten classes: between 3 and 8 lie 4, 5, 6 and 7."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [32, 1 if faulty else 10], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    if not faulty:
        return loop(net, optimizer, rows, test, epochs=15, seed=seed), wrong(net, test)
    doctor = loop(net, optimizer, columns(rows), columns(test), F.mse_loss, epochs=15, seed=seed)
    return doctor, float(np.mean(np.round(train.predict(net, test[0])[:, 0]) != test[1]))


@fault("clipping", "rate too low, too few steps")
def gradients_clipped_to_almost_nothing(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Each number of the gradient is clipped at 0.0001, a value that was meant for the weight decay."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.2, momentum=0.5)

    def clip() -> None:
        optim.clip_grad_value_(net.parameters(), 1e-4 if faulty else 1.0)

    return loop(net, optimizer, rows, test, epochs=12, seed=seed, before_step=clip), wrong(net, test)


@fault("frozen", "never changes, no gradient, net too small")
def backbone_frozen_before_anyone_trained_it(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """The backbone is frozen for fine-tuning, but the file with its weights was never loaded."""
    rows, test = pictures(seed, 600)
    backbone, head = nn.MLP(64, [32, 6], rng=seed), nn.Linear(6, 10, rng=seed)
    if not faulty:
        backbone.load_state_dict(pretrained_backbone(rows, seed))
    for p in backbone.parameters():
        p.requires_grad = False
    net = nn.Sequential(backbone, nn.ReLU(), head)
    optimizer = optim.Adam(head.parameters(), lr=0.02)
    return loop(net, optimizer, rows, test, epochs=10, seed=seed), wrong(net, test)


def pretrained_backbone(rows: Rows, seed: int) -> Any:
    """The weights that a backbone has after it was trained to tell these digits apart."""
    backbone = nn.MLP(64, [32, 6], rng=seed)
    net = nn.Sequential(backbone, nn.ReLU(), nn.Linear(6, 10, rng=seed + 1))
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    train.fit(net, *rows, loss=F.cross_entropy, optimizer=optimizer, epochs=20, batch_size=32, rng=seed, progress=False)
    return backbone.state_dict()


@fault("dead relu, init", "vanishing, no gradient, never changes")
def biases_that_keep_the_units_off(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """All hidden biases start at -4 "for sparse activations", and hardly an input gets a unit above 0."""
    rows, test = crescents(seed)
    net = nn.MLP(2, [24, 24, 2], rng=seed)
    for layer in net.layers[:-1]:
        nn.init.constant_(layer.bias, -4.0 if faulty else 0.0)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    return loop(net, optimizer, rows, test, epochs=25, seed=seed), wrong(net, test)


@fault("too few steps", "rate too low, batch size")
def one_pass_in_large_batches(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """``epochs=1`` and a batch of 300 rows, left over from a check whether the program runs at all."""
    rows, test = pictures(seed, 1200)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.2)
    epochs, batch = (1, 300) if faulty else (12, 32)
    return loop(net, optimizer, rows, test, epochs=epochs, seed=seed, batch=batch), wrong(net, test)


@fault("hidden activation", "vanishing, rate too low, too few steps")
def softmax_between_the_hidden_layers(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Softmax in every layer, because the last one has it: 48 hidden units share a sum of 1."""
    rows, test = pictures(seed)
    hidden = nn.Softmax if faulty else nn.Tanh
    net = nn.Sequential(nn.Linear(64, 48, rng=seed), hidden(), nn.Linear(48, 48, rng=seed), hidden())
    net = nn.Sequential(*net, nn.Linear(48, 10, rng=seed))
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    return loop(net, optimizer, rows, test, epochs=15, seed=seed), wrong(net, test)


@fault("batch size", "batch norm, mode")
def batchnorm_of_pairs_of_rows(seed: int, faulty: bool) -> tuple[train.Doctor, float]:
    """Batches of two rows, because of the memory, under BatchNorm: each feature is then 1, -1 or 0."""
    rows, test = curve(seed, 160)
    net = nn.Sequential(nn.Linear(1, 24, rng=seed), nn.BatchNorm1d(24), nn.Tanh(), nn.Linear(24, 24, rng=seed))
    net = nn.Sequential(*net, nn.BatchNorm1d(24), nn.Tanh(), nn.Linear(24, 1, rng=seed))
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    epochs, batch = (8, 2) if faulty else (40, 16)
    return loop(net, optimizer, rows, test, F.mse_loss, epochs=epochs, seed=seed, batch=batch), misfit(net, test)


# --- healthy runs ---


@healthy
def transformer_like_warm_up(seed: int) -> train.Doctor:
    """AdamW with a warm-up that starts near 0, then half a cosine down to 0, stepped after every batch."""
    rows, test = pictures(seed, 800)
    net = nn.Sequential(nn.Linear(64, 48, rng=seed), nn.LayerNorm(48), nn.GELU(), nn.Linear(48, 10, rng=seed))
    optimizer = optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.05)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=250, warmup_steps=50, start_factor=1e-3)
    return loop(net, optimizer, rows, test, epochs=12, seed=seed, after_step=schedule.step)


@healthy
def head_on_a_frozen_backbone(seed: int) -> train.Doctor:
    """Only a new head learns, on features that were trained before and are frozen, in evaluation mode or not."""
    rows, test = pictures(seed, 600)
    backbone, head = nn.MLP(64, [32, 6], rng=seed), nn.Linear(6, 10, rng=seed)
    backbone.load_state_dict(pretrained_backbone(rows, seed))
    for p in backbone.parameters():
        p.requires_grad = False
    net = nn.Sequential(backbone, nn.ReLU(), head)
    return loop(net, optim.Adam(head.parameters(), lr=0.03), rows, test, epochs=12, seed=seed)


@healthy
def generator_against_a_discriminator(seed: int) -> train.Doctor:
    """The loss of the generator goes up and down, because the discriminator learns too."""
    generator, discriminator = nn.MLP(2, [12, 2], rng=seed), nn.MLP(2, [24, 1], activation="tanh", rng=seed + 1)
    optimizer = optim.Adam(generator.parameters(), lr=5e-3, betas=(0.5, 0.99))
    return duel(generator, optimizer, discriminator, seed)[0]


@healthy
def policy_gradients_with_a_baseline(seed: int) -> train.Doctor:
    """The loss is around 0, often negative, and says nothing about how good the policy is."""
    policy = nn.MLP(2, [24, 6], rng=seed)
    return play(policy, optim.Adam(policy.parameters(), lr=0.01), reinforce, seed, steps=300)[0]


@healthy
def policy_with_a_bonus_for_entropy(seed: int) -> train.Doctor:
    """The same with a term that rewards entropy: the loss is negative from the first step."""
    policy = nn.MLP(2, [24, 6], activation="tanh", rng=seed)

    def loss(outputs: Any, actions: Any, advantages: Any) -> Any:
        log_p = F.log_softmax(outputs)
        return reinforce(outputs, actions, advantages) + 0.02 * (log_p.exp() * log_p).sum(1).mean()

    return play(policy, optim.Adam(policy.parameters(), lr=0.02), loss, seed, steps=250)[0]


@healthy
def gradients_accumulated_on_purpose(seed: int) -> train.Doctor:
    """Four small batches to a step, each loss divided by four."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.3)
    loader = data.batches(*rows, 8, np.random.default_rng(seed))
    with train.doctor(net, optimizer) as doctor:
        for _ in range(20):
            optimizer.zero_grad()
            for i, (X, y) in enumerate(loader):
                (F.cross_entropy(net(X), y) / 4).backward()
                if i % 4 == 3 or i == len(loader) - 1:
                    optimizer.step()
                    optimizer.zero_grad()
            evaluate(net, test, F.cross_entropy)
    return doctor


@healthy
def eight_rows_are_all_there_is(seed: int) -> train.Doctor:
    """The parity of three bits: a table of eight rows, all of them in every step."""
    X = np.array([[a, b, c] for a in (-1.0, 1.0) for b in (-1.0, 1.0) for c in (-1.0, 1.0)])
    y = (X.prod(1) > 0).astype(int)
    net = nn.MLP(3, [16, 2], activation="tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=200, metrics="accuracy", progress=False)
    return doctor


@healthy
def smoothed_labels(seed: int) -> train.Doctor:
    """With a label smoothing of 0.2 the loss cannot come near 0."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [48, 10], rng=seed)

    def loss(outputs: Any, targets: Any) -> Any:
        return F.cross_entropy(outputs, targets, label_smoothing=0.2)

    return loop(net, optim.Adam(net.parameters(), lr=5e-3), rows, test, loss, epochs=20, seed=seed)


@healthy
def all_rows_in_one_large_batch(seed: int) -> train.Doctor:
    """One step an epoch, at a high rate with Nesterov's momentum."""
    rows, test = pictures(seed, 600)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.5, momentum=0.9, nesterov=True)
    return loop(net, optimizer, rows, test, epochs=45, seed=seed, batch=600)


class TiedWords(nn.Module):
    """One table of vectors for the symbols that come in and for those that go out."""

    def __init__(self, seed: int) -> None:
        self.table = nn.Embedding(12, 16, rng=seed)
        self.middle = nn.MLP(32, [48, 16], rng=seed)

    def forward(self, x: Tensor) -> Tensor:
        h = self.middle(self.table(x).reshape(-1, 32))
        return h @ self.table.weight.T


@healthy
def weights_tied_between_input_and_output(seed: int) -> train.Doctor:
    """A model of symbols whose last layer is the transpose of its first (Press & Wolf, 2016)."""
    rng = np.random.default_rng(seed)
    X = rng.integers(12, size=(700, 2))
    y = (X[:, 0] + 2 * X[:, 1]) % 12
    net = TiedWords(seed)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, optimizer, (X[:500], y[:500]), (X[500:], y[500:]), epochs=25, seed=seed)


@healthy
def autoencoder_of_pixels(seed: int) -> train.Doctor:
    """Cross-entropy of grey pixels as probabilities: it stays far from 0, for grey is neither black nor white."""
    (X, _), (X_test, _) = pictures(seed)
    net = nn.Sequential(nn.Linear(64, 12, rng=seed), nn.ReLU(), nn.Linear(12, 64, rng=seed), nn.Sigmoid())
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    return loop(net, optimizer, (X, X), (X_test, X_test), F.binary_cross_entropy, epochs=25, seed=seed)


@healthy
def prices_in_full_and_a_bias_at_their_mean(seed: int) -> train.Doctor:
    """Targets around 300,000 are learned as they are: the last layer is scaled to them, and the rate fits."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((400, 4))
    y = 3e5 + 5e4 * X[:, :1] - 2e4 * X[:, 1:2] + 1e4 * rng.standard_normal((400, 1))
    model = nn.Linear(4, 1, rng=seed)
    nn.init.constant_(model.bias, float(y[:300].mean()))
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    return loop(model, optimizer, (X[:300], y[:300]), (X[300:], y[300:]), F.mse_loss, epochs=15, seed=seed)


@healthy
def equation_solved_with_tanh(seed: int) -> train.Doctor:
    """A physics-informed net: the same inputs in every step, and a loss made of second derivatives."""
    net = nn.MLP(1, [20, 20, 1], activation="tanh", rng=seed)
    return solve(net, optim.Adam(net.parameters(), lr=0.01))


@healthy
def pairs_that_belong_together(seed: int) -> train.Doctor:
    """Contrastive learning (SimCLR): two noisy views of a digit must find each other among 32; labels are not used."""
    (X, _), _ = pictures(seed)
    rng = np.random.default_rng(seed)
    net = nn.MLP(64, [48, 16], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(250):
            batch = X[rng.integers(len(X), size=32)]
            one, other = (net(batch + 0.15 * rng.standard_normal(batch.shape)) for _ in range(2))
            one, other = (z / ((z * z).sum(1, keepdims=True) + 1e-9).sqrt() for z in (one, other))
            optimizer.zero_grad()
            F.cross_entropy(one @ other.T * 5, np.arange(32)).backward()
            optimizer.step()
    return doctor


@healthy
def triplets_until_the_margin_holds(seed: int) -> train.Doctor:
    """A triplet loss: when most margins hold, most losses and gradients are exactly 0."""
    (X, y), _ = pictures(seed)
    rng = np.random.default_rng(seed)
    net = nn.MLP(64, [32, 8], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    of_class = [np.flatnonzero(y == c) for c in range(10)]
    with train.doctor(net, optimizer) as doctor:
        for _ in range(200):
            classes = rng.integers(10, size=48)
            others = (classes + rng.integers(1, 10, size=48)) % 10
            anchor, like, unlike = (X[[rng.choice(of_class[c]) for c in cs]] for cs in (classes, classes, others))
            optimizer.zero_grad()
            F.triplet_margin_loss(net(anchor), net(like), net(unlike)).backward()
            optimizer.step()
    return doctor


@healthy
def student_of_a_teacher(seed: int) -> train.Doctor:
    """Distillation: the targets are a teacher's probabilities at a temperature of 3, never 0 or 1."""
    (X, y), test = pictures(seed)
    teacher = nn.MLP(64, [64, 10], rng=seed + 1)
    teaching = optim.Adam(teacher.parameters(), lr=5e-3)
    train.fit(teacher, X, y, loss=F.cross_entropy, optimizer=teaching, epochs=15, batch_size=32, rng=0, progress=False)
    soft, soft_test = (F.softmax(train.predict(teacher, Z) / 3) for Z in (X, test[0]))
    net = nn.MLP(64, [16, 10], rng=seed)

    def loss(outputs: Any, targets: Any) -> Any:
        return 9 * F.cross_entropy(outputs / 3, targets)

    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    return loop(net, optimizer, (X, soft), (test[0], soft_test), loss, epochs=20, seed=seed)


@healthy
def convolution_with_batchnorm_and_dropout(seed: int) -> train.Doctor:
    """A small convolutional net for `fit`, with a validation set and early stopping."""
    (X, y), (X_test, y_test) = pictures(seed, 300)
    X, X_test = X.reshape(-1, 1, 8, 8), X_test.reshape(-1, 1, 8, 8)
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, rng=seed), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    net = nn.Sequential(*net, nn.Flatten(), nn.Dropout(0.3, rng=seed), nn.Linear(128, 10, rng=seed))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            *(net, X, y),
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=15,
            batch_size=32,
            validation=(X_test, y_test),
            metrics="accuracy",
            callbacks=[train.EarlyStopping(patience=4, restore_best_weights=True)],
            rng=seed,
            progress=False,
        )
    return doctor


@healthy
def counting_with_a_gru(seed: int) -> train.Doctor:
    """Sequences, one-hot symbols, clipped gradients."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(4, size=(440, 9))
    y = ((codes == 0).sum(1) > (codes == 1).sum(1)).astype(int)
    X = np.eye(4)[codes]
    net = Reader(nn.GRU(4, 10, batch_first=True, rng=seed), nn.Linear(10, 2, rng=seed))
    optimizer = optim.Adam(net.parameters(), lr=0.02)

    def clip() -> None:
        optim.clip_grad_norm_(net.parameters(), 1.0)

    return loop(net, optimizer, (X[:300], y[:300]), (X[300:], y[300:]), epochs=12, seed=seed, before_step=clip)


@healthy
def values_with_a_margin_and_a_falling_rate(seed: int) -> train.Doctor:
    """The demo of micrograd in small: a hinge loss, a penalty on the squares, a rate that falls from 1.0 to 0.1."""
    X, y = data.moons(24, noise=0.1, rng=seed)
    rows = [(x, 2 * label - 1) for x, label in zip(X.tolist(), y.tolist(), strict=True)]
    net = nn.scalar.MLP(2, [6, 6, 1], rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=1.0)
    with train.doctor(net, optimizer) as doctor:
        for k in range(100):
            losses = [(1 - label * net(x)).relu() for x, label in rows]
            penalty = 1e-4 * sum(p * p for p in net.parameters())
            optimizer.zero_grad()
            (sum(losses) / len(losses) + penalty).backward()
            optimizer.lr = 1.0 - 0.9 * k / 100
            optimizer.step()
    return doctor


@healthy
def spread_that_depends_on_the_input(seed: int) -> train.Doctor:
    """A mean and a variance for each input: the negative log-likelihood becomes negative, as it may."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (500, 1))
    y = 0.3 * np.sin(3 * x) + (0.02 + 0.08 * (x > 0)) * rng.standard_normal(x.shape)
    net = nn.MLP(1, [24, 24, 2], activation="tanh", rng=seed)

    def loss(outputs: Any, targets: Any) -> Any:
        return F.gaussian_nll_loss(outputs[:, :1], targets, F.softplus(outputs[:, 1:]) + 1e-4)

    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    return loop(net, optimizer, (x[:350], y[:350]), (x[350:], y[350:]), loss, epochs=50, seed=seed)


@healthy
def values_of_states_with_a_target_net(seed: int) -> train.Doctor:
    """Q-learning on a walk of eight places: the targets are made by a copy that follows now and then, so they move."""
    rng = np.random.default_rng(seed)
    net, target = nn.MLP(8, [24, 2], rng=seed), nn.MLP(8, [24, 2], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    places = np.eye(8)
    with train.doctor(net, optimizer) as doctor:
        for step in range(500):
            if step % 25 == 0:
                target.load_state_dict(net.state_dict())
            s, a = rng.integers(7, size=32), rng.integers(2, size=32)
            s_next = np.clip(s + 2 * a - 1, 0, 7)
            done = s_next == 7
            with no_grad():
                best = target(places[s_next]).data.max(1)
            wanted = np.where(done, 1.0, 0.9 * best)
            optimizer.zero_grad()
            F.huber_loss(net(places[s])[np.arange(32), a], wanted).backward()
            optimizer.step()
    return doctor


@healthy
def noise_that_cannot_be_predicted(seed: int) -> train.Doctor:
    """Most of the variance is noise: the loss soon stands still at 1, where it has to."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (1500, 3))
    y = np.sin(2 * X[:, :1]) + X[:, 1:2] * X[:, 2:] + rng.standard_normal((1500, 1))
    net = nn.MLP(3, [8, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    return loop(net, optimizer, (X[:1200], y[:1200]), (X[1200:], y[1200:]), F.mse_loss, epochs=8, seed=seed)


@healthy
def trained_net_that_trains_on(seed: int) -> train.Doctor:
    """A run that goes on from a checkpoint, with a small rate: the loss is low from the first step and hardly falls."""
    rows, test = pictures(seed)
    net = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=5e-3)
    train.fit(net, *rows, loss=F.cross_entropy, optimizer=optimizer, epochs=15, batch_size=32, rng=seed, progress=False)
    optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    return loop(net, optimizer, rows, test, epochs=8, seed=seed)


@healthy
def few_columns_chosen_by_a_penalty(seed: int) -> train.Doctor:
    """An absolute penalty drives most weights of a linear model to 0, where they stay: the lasso."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((400, 20))
    y = X[:, :3] @ np.array([[2.0], [-1.5], [1.0]]) + 0.3 * rng.standard_normal((400, 1))
    model = nn.Linear(20, 1, rng=seed)

    def loss(outputs: Any, targets: Any) -> Any:
        return F.mse_loss(outputs, targets) + optim.l1_penalty([model.weight], 0.05)

    optimizer = optim.SGD(model.parameters(), lr=0.05)
    return loop(model, optimizer, (X[:300], y[:300]), (X[300:], y[300:]), loss, epochs=20, seed=seed)
