"""Programs that were written without sight of the doctor's rules, pages and tests, to test them.

A faulty program and its repaired twin are one function, ``program(seed, faulty)``. It gives the doctor that watched,
and an error of the trained net; less is better. With each of three seeds it was larger with the fault.

The docstrings say the true causes as they were written down before the doctor was run. The kinds of fault in the
decorators were added after that, and say the same in the words of the other lists. A symptom is a true consequence.

Two more programs were dropped because their fault did no harm. The usual loop by hand now stands in one function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.program import BlindList
from tinygrad_edu import Tensor, data, nn, optim, train

F = nn.functional
LIST = BlindList()
BLIND, PROGRAMS, HEALTHY = LIST.register, LIST.programs, LIST.healthy_runs
fault, healthy = LIST.fault, LIST.healthy


def clusters(rng: np.random.Generator, n: int, classes: int, features: int, spread: float = 1.0) -> tuple[Any, Any]:
    """Round clusters around random centres, in random order."""
    centres = 2.5 * rng.standard_normal((classes, features))
    y = rng.integers(0, classes, n)
    return centres[y] + spread * rng.standard_normal((n, features)), y


def rings(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    """A disc of class 0 and a ring of class 1 around it."""
    y = rng.integers(0, 2, n)
    radius = np.where(y == 1, 2.0, 0.7) + 0.2 * rng.standard_normal(n)
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), y


def wrong(net: Any, X: Any, y: Any) -> float:
    """The share of rows that the net classifies wrongly."""
    return float(np.mean(train.predicted_classes(train.predict(net, X)) != y))


def squared(net: Any, X: Any, y: Any) -> float:
    """The mean squared error over the variance of the targets."""
    return float(np.mean((train.predict(net, X).reshape(-1) - y) ** 2) / np.var(y))


def by_hand(net: Any, optimizer: Any, loss_of: Callable[..., Any], steps: int, batches: Any = ((),)) -> train.Doctor:
    """The doctor of a loop that is written by hand: so many times over the batches, the loss of each."""
    with train.doctor(net, optimizer) as doctor:
        for _ in range(steps):
            for batch in batches:
                loss = loss_of(*batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return doctor


@fault("rate too high")
def adam_rate_on_spirals(seed: int, faulty: bool) -> Any:
    """The learning rate is too high."""
    X, y = data.spirals(240, noise=0.05, rng=seed, arms=3)
    net = nn.MLP(2, [32, 32, 3], activation="relu", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=1.0 if faulty else 0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=50, batch_size=40, rng=seed)
    return doctor, wrong(net, X, y)


@fault("zero_grad", "rate too high")
def zero_grad_outside_of_the_batches(seed: int, faulty: bool) -> Any:
    """Zero_grad is called once an epoch, so gradients add up over the batches."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 320, 5, 6, spread=2.5)
    net = nn.MLP(6, [24, 5], activation="relu", rng=seed)
    sgd = optim.SGD(net.parameters(), lr=0.15, momentum=0.9)
    with train.doctor(net, sgd) as doctor:
        for _ in range(12):
            sgd.zero_grad()
            for xb, yb in data.batches(X, y, 16, rng=rng):
                if not faulty:
                    sgd.zero_grad()
                F.cross_entropy(net(xb), yb).backward()
                sgd.step()
    return doctor, wrong(net, X, y)


@fault("zero_grad, never changes")
def zero_grad_before_step(seed: int, faulty: bool) -> Any:
    """Zero_grad stands between backward and step, so every step is zero; gradients are zero at the step."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (150, 1))
    y = np.sin(2 * X[:, 0])
    model = nn.Sequential(nn.Linear(1, 30, rng=rng), nn.Tanh(), nn.Linear(30, 1, rng=rng))
    opt = optim.Adam(model.parameters(), lr=0.02)
    with train.doctor(model, opt) as doctor:
        for _ in range(200):
            loss = F.mse_loss(model(X).reshape(-1), y)
            if not faulty:
                opt.zero_grad()
            loss.backward()
            if faulty:
                opt.zero_grad()
            opt.step()
    return doctor, squared(model, X, y)


class Classifier(nn.Module):
    """A net that gives probabilities, or logits."""

    def __init__(self, probabilities: bool, rng: Any) -> None:
        super().__init__()
        self.first = nn.Linear(8, 16, rng=rng)
        self.second = nn.Linear(16, 6, rng=rng)
        self.probabilities = probabilities

    def forward(self, x: Any) -> Any:
        z = self.second(F.relu(self.first(x)))
        return F.softmax(z) if self.probabilities else z


@fault("activation twice")
def softmax_twice(seed: int, faulty: bool) -> Any:
    """Softmax is taken twice: in the net and in cross_entropy."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 300, 6, 8, spread=2.0)
    net = Classifier(faulty, rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=12, batch_size=30, rng=seed)
    return doctor, wrong(net, X, y)


@fault("wrong axis")
def softmax_over_the_batch(seed: int, faulty: bool) -> Any:
    """Softmax is taken over the rows of the batch, not over the classes."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 256, 4, 5, spread=2.0)
    net = nn.MLP(5, [20, 4], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    axis, batches = 0 if faulty else 1, data.batches(X, y, 32, rng=rng)
    doctor = by_hand(net, optimizer, lambda xb, yb: F.nll_loss(F.log_softmax(net(xb), axis=axis), yb), 8, batches)
    return doctor, wrong(net, X, y)


@fault("inputs not normalized, saturated")
def houses_in_raw_units(seed: int, faulty: bool) -> Any:
    """The inputs are not scaled; tanh units are saturated by large inputs."""
    rng = np.random.default_rng(seed)
    area, year, metres = rng.uniform(30, 200, 200), rng.uniform(1900, 2020, 200), rng.uniform(100, 9000, 200)
    X = np.stack([area, year, metres], axis=1)
    y = (area - 115) / 50 + (year - 1960) / 35 - (metres - 4500) / 2600 + 0.1 * rng.standard_normal(200)
    if not faulty:
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    net = nn.Sequential(nn.Linear(3, 32, rng=rng), nn.Tanh(), nn.Linear(32, 1, rng=rng))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    doctor = by_hand(net, optimizer, lambda: ((net(X).reshape(-1) - y) ** 2).mean(), 200)
    return doctor, squared(net, X, y)


@fault("targets not scaled, rate too low")
def prices_in_euros(seed: int, faulty: bool) -> Any:
    """The targets are not scaled; the learning rate is too low for targets of this size."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 4))
    price = 250_000 + 60_000 * X[:, 0] - 40_000 * X[:, 1] + 20_000 * np.abs(X[:, 2])
    y = price if faulty else (price - price.mean()) / price.std()
    net = nn.MLP(4, [32, 16, 1], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y[:, None], loss=F.mse_loss, optimizer=optimizer, epochs=40, batch_size=25, rng=seed)
    return doctor, squared(net, X, y)


@fault("dead relu, init")
def dead_from_the_start(seed: int, faulty: bool) -> Any:
    """The ReLUs are dead from the start; the biases are initialized far below zero."""
    rng = np.random.default_rng(seed)
    X, y = rings(rng, 200)
    net = nn.MLP(2, [24, 24, 2], activation="relu", rng=rng)
    if faulty:
        nn.init.constant_(net.layers[1].bias, -6.0)
    optimizer = optim.SGD(net.parameters(), lr=0.3)
    doctor = by_hand(net, optimizer, lambda: F.cross_entropy(net(X), y), 150)
    return doctor, wrong(net, X, y)


@fault("frozen")
def frozen_random_layers(seed: int, faulty: bool) -> Any:
    """The first layers are frozen, though they were never trained; layers are frozen."""
    X, y = data.spirals(200, noise=0.03, rng=seed)
    net = nn.Sequential(
        nn.Linear(2, 24, rng=seed), nn.Tanh(), nn.Linear(24, 3, rng=seed + 1), nn.Tanh(), nn.Linear(3, 2, rng=seed + 2)
    )
    if faulty:
        for p in [*net[0].parameters(), *net[2].parameters()]:
            p.requires_grad = False
    optimizer = optim.Adam([p for p in net.parameters() if p.requires_grad], lr=0.03)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=60, batch_size=50, rng=seed)
    return doctor, wrong(net, X, y)


@fault("never changes")
def optimizer_of_an_old_net(seed: int, faulty: bool) -> Any:
    """The optimizer holds the parameters of another net."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 200, 3, 4)
    net = nn.MLP(4, [16, 3], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    if faulty:
        net = nn.MLP(4, [16, 3], activation="relu", rng=rng)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(80):
            optimizer.zero_grad()
            F.cross_entropy(net(X), y).backward()
            optimizer.step()
    return doctor, wrong(net, X, y)


@fault("mode, batch norm", "saturated")
def evaluation_mode_stays_on(seed: int, faulty: bool) -> Any:
    """The net stays in evaluation mode while it is trained; BatchNorm uses its first statistics."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 300, 4, 6, spread=2.0)
    X = 40 * X + 200
    net = nn.Sequential(
        nn.BatchNorm1d(6), nn.Linear(6, 24, rng=rng), nn.BatchNorm1d(24), nn.Tanh(), nn.Linear(24, 4, rng=rng)
    )
    net.eval()
    wrong(net, X, y)  # how well it does before training
    if not faulty:
        net.train()
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    doctor = by_hand(net, optimizer, lambda xb, yb: F.cross_entropy(net(xb), yb), 10, data.batches(X, y, 30, rng=rng))
    return doctor, wrong(net, X, y)


@fault("same batch, overfitting")
def same_batch_each_step(seed: int, faulty: bool) -> Any:
    """Every step sees the same batch; the net overfits one batch."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 400, 5, 10, spread=3.0)
    net = nn.MLP(10, [32, 5], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for step in range(150):
            first = 0 if faulty else 20 * (step % 20)
            xb, yb = X[first : first + 20], y[first : first + 20]
            loss = F.cross_entropy(net(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, wrong(net, X, y)


@fault("decay")
def decay_too_strong(seed: int, faulty: bool) -> Any:
    """Weight decay is too strong."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (200, 2))
    y = np.sin(3 * X[:, 0]) * X[:, 1]
    net = nn.MLP(2, [32, 32, 1], activation="tanh", rng=rng)
    optimizer = optim.AdamW(net.parameters(), lr=0.01, weight_decay=5.0 if faulty else 0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y[:, None], loss=F.mse_loss, optimizer=optimizer, epochs=60, batch_size=50, rng=seed)
    return doctor, squared(net, X, y)


@fault("ascent")
def update_by_hand_with_plus(seed: int, faulty: bool) -> Any:
    """The update goes up the gradient: a sign is wrong."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((100, 3))
    y = (X @ np.array([1.0, -2.0, 0.5]) > 0).astype(float)
    net = nn.MLP(3, [8, 1], activation="tanh", rng=rng)
    with train.doctor(net) as doctor:
        for _ in range(80):
            loss = F.binary_cross_entropy_with_logits(net(X).reshape(-1), y)
            net.zero_grad()
            loss.backward()
            for p in net.parameters():
                p.data = p.data + 0.1 * p.grad if faulty else p.data - 0.1 * p.grad
    return doctor, wrong(net, X, y)


@fault("ascent, wrong loss")
def likelihood_without_minus(seed: int, faulty: bool) -> Any:
    """The minus of the log-likelihood is missing, so the loss falls below zero."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 150, 3, 4)
    net = nn.MLP(4, [16, 3], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.05)

    def loss_of() -> Any:
        likelihood = F.log_softmax(net(X))[np.arange(150), y].mean()
        return likelihood if faulty else -likelihood

    doctor = by_hand(net, optimizer, loss_of, 80)
    return doctor, wrong(net, X, y)


@fault("batch size", "vanishing")
def batchnorm_of_two_rows(seed: int, faulty: bool) -> Any:
    """The batches are too small for BatchNorm."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 160, 4, 5, spread=2.0)
    net = nn.Sequential(
        nn.Linear(5, 24, rng=rng), nn.BatchNorm1d(24), nn.ReLU(),
        nn.Linear(24, 24, rng=rng), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 4, rng=rng),
    )  # fmt: skip
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=6, batch_size=2 if faulty else 32, rng=seed
        )
    return doctor, wrong(net, X, y)


@fault("wrong loss")
def classes_as_numbers(seed: int, faulty: bool) -> Any:
    """Classes are fitted as numbers by a squared error: the loss does not fit the task."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 300, 7, 4, spread=0.8)
    net = nn.MLP(4, [24, 1 if faulty else 7], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def loss_of(outputs: Any, labels: Any) -> Any:
        return F.mse_loss(outputs.reshape(-1), labels) if faulty else F.cross_entropy(outputs, labels)

    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=loss_of, optimizer=optimizer, epochs=30, batch_size=30, rng=seed)
    outputs = train.predict(net, X)
    answers = np.rint(outputs[:, 0]) if faulty else outputs.argmax(axis=1)
    return doctor, float(np.mean(answers != y))


@fault("net too small")
def two_units_for_a_spiral(seed: int, faulty: bool) -> Any:
    """The net is too small."""
    X, y = data.spirals(200, noise=0.03, rng=seed)
    net = nn.MLP(2, [2 if faulty else 32, 2], activation="tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    doctor = by_hand(net, optimizer, lambda: F.cross_entropy(net(X), y), 300)
    return doctor, wrong(net, X, y)


@fault("vanishing, hidden activation")
def stack_of_sigmoids(seed: int, faulty: bool) -> Any:
    """A stack of sigmoids lets the gradient vanish; sigmoids in the hidden layers."""
    rng = np.random.default_rng(seed)
    X, y = rings(rng, 240)
    net = nn.MLP(2, [16] * 6 + [2], activation="sigmoid" if faulty else "relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=25, batch_size=24, rng=seed)
    return doctor, wrong(net, X, y)


@fault("no gradient")
def cut_by_data(seed: int, faulty: bool) -> Any:
    """The first part is cut from the graph by .data."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, (160, 1))
    y = np.cos(3 * X[:, 0])
    encoder, head = nn.MLP(1, [16, 3], activation="tanh", rng=rng), nn.MLP(3, [3, 1], activation="tanh", rng=rng)
    net = nn.Sequential(encoder, head)
    optimizer = optim.Adam(net.parameters(), lr=0.02)

    def loss_of() -> Any:
        code = encoder(X).tanh()
        if faulty:
            code = Tensor(code.data)
        return F.mse_loss(head(code).reshape(-1), y)

    doctor = by_hand(net, optimizer, loss_of, 300)
    answers = head(encoder(X).tanh()).data.reshape(-1)
    return doctor, float(np.mean((answers - y) ** 2) / np.var(y))


@fault("no gradient")
def only_the_penalty_learns(seed: int, faulty: bool) -> Any:
    """The outputs are detached in the loss: only the penalty has a gradient; the loss is cut from the net."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((120, 3))
    y = X[:, 0] - 0.5 * X[:, 1] ** 2
    net = nn.MLP(3, [24, 1], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def loss_of() -> Any:
        outputs = net(X).reshape(-1)
        error = F.mse_loss(outputs.detach() if faulty else outputs, y)
        return error + optim.l2_penalty(net.parameters(), 1e-4)

    doctor = by_hand(net, optimizer, loss_of, 200)
    return doctor, squared(net, X, y)


@fault("labels")
def rows_shuffled_without_labels(seed: int, faulty: bool) -> Any:
    """The rows are shuffled without their labels, so the labels do not belong to the rows."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 240, 4, 6)
    net = nn.MLP(6, [24, 4], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(15):
            order = rng.permutation(240)
            rows, labels = X[order], y if faulty else y[order]
            for first in range(0, 240, 24):
                loss = F.cross_entropy(net(rows[first : first + 24]), labels[first : first + 24])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return doctor, wrong(net, X, y)


@fault("labels")
def column_minus_row(seed: int, faulty: bool) -> Any:
    """A column minus a row broadcasts to a square: outputs and targets differ in shape."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((80, 2))
    y = X[:, 0] * X[:, 1]
    net = nn.MLP(2, [24, 1], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.03)

    def loss_of() -> Any:
        outputs = net(X)
        return ((outputs - y) ** 2).mean() if faulty else ((outputs - y[:, None]) ** 2).mean()

    doctor = by_hand(net, optimizer, loss_of, 200)
    return doctor, squared(net, X, y)


@fault("output activation")
def relu_at_the_output(seed: int, faulty: bool) -> Any:
    """ReLU at the output cannot give negative targets."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (200, 2))
    y = X[:, 0] - X[:, 1]
    layers: list[Any] = [nn.Linear(2, 16, rng=rng), nn.ReLU(), nn.Linear(16, 1, rng=rng)]
    net = nn.Sequential(*layers, nn.ReLU()) if faulty else nn.Sequential(*layers)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y[:, None], loss=F.mse_loss, optimizer=optimizer, epochs=30, batch_size=20, rng=seed)
    return doctor, squared(net, X, y)


@fault("output activation, targets not scaled")
def sigmoid_for_temperatures(seed: int, faulty: bool) -> Any:
    """Sigmoid at the output cannot reach the targets; the targets are not scaled."""
    rng = np.random.default_rng(seed)
    hour = rng.uniform(0, 24, (150, 1))
    y = 12 + 7 * np.sin(2 * np.pi * hour[:, 0] / 24)
    X = np.concatenate([np.sin(2 * np.pi * hour / 24), hour / 24], axis=1)
    net = nn.Sequential(nn.Linear(2, 16, rng=rng), nn.Tanh(), nn.Linear(16, 1, rng=rng))
    optimizer = optim.Adam(net.parameters(), lr=0.05)

    def loss_of() -> Any:
        outputs = net(X).reshape(-1)
        return F.l1_loss(F.sigmoid(outputs) if faulty else outputs, y)

    doctor = by_hand(net, optimizer, loss_of, 250)
    outputs = net(X).data.reshape(-1)
    answers = 1 / (1 + np.exp(-outputs)) if faulty else outputs
    return doctor, float(np.mean((answers - y) ** 2) / np.var(y))


@fault("rate too low")
def rate_too_low(seed: int, faulty: bool) -> Any:
    """The learning rate is too low."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 200, 3, 6, spread=1.5)
    net = nn.MLP(6, [20, 3], activation="gelu", rng=rng)
    optimizer = optim.RMSprop(net.parameters(), lr=1e-7 if faulty else 1e-2)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=15, batch_size=20, rng=seed)
    return doctor, wrong(net, X, y)


@fault("schedule")
def rate_fades_each_step(seed: int, faulty: bool) -> Any:
    """The rate decays once a step in place of once an epoch, and fades before anything is learned."""
    X, y = data.spirals(240, noise=0.03, rng=seed)
    net = nn.MLP(2, [32, 32, 2], activation="relu", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    rate = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.7 if faulty else 0.97)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(40):
            for xb, yb in data.batches(X, y, 24, rng=seed):
                optimizer.zero_grad()
                F.cross_entropy(net(xb), yb).backward()
                optimizer.step()
                if faulty:
                    rate.step()
            if not faulty:
                rate.step()
    return doctor, wrong(net, X, y)


@fault("dropout")
def dropout_of_nine_tenths(seed: int, faulty: bool) -> Any:
    """Dropout drops nearly everything: keep and drop were mixed up."""
    rng = np.random.default_rng(seed)
    X, y = rings(rng, 240)
    p = 0.9 if faulty else 0.1
    net = nn.Sequential(
        nn.Linear(2, 16, rng=rng), nn.ReLU(), nn.Dropout(p, rng=rng),
        nn.Linear(16, 16, rng=rng), nn.ReLU(), nn.Dropout(p, rng=rng), nn.Linear(16, 2, rng=rng),
    )  # fmt: skip
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=30, batch_size=24, rng=seed)
    return doctor, wrong(net, X, y)


class Reviews(nn.Module):
    """The mean of the words' vectors, and a linear layer."""

    def __init__(self, words: int, rng: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 2, rng=rng)
        self.head = nn.Linear(2, 2, rng=rng)

    def forward(self, codes: Any) -> Any:
        return self.head(self.embedding(codes).mean(axis=1))


@fault("missing from the optimizer, frozen")
def embedding_left_out(seed: int, faulty: bool) -> Any:
    """The embedding is not among the optimizer's parameters."""
    rng = np.random.default_rng(seed)
    mood = rng.standard_normal(60)
    codes = rng.integers(0, 60, (240, 6))
    y = (mood[codes].mean(axis=1) > 0).astype(int)
    model = Reviews(60, rng)
    adam = optim.Adam((model.head if faulty else model).parameters(), lr=0.05)
    with train.doctor(model, adam) as doctor:
        for _ in range(15):
            for xb, yb in data.batches(codes, y, 24, rng=rng):
                loss = F.cross_entropy(model(xb), yb)
                model.zero_grad()
                loss.backward()
                adam.step()
    return doctor, wrong(model, codes, y)


@fault("clipping")
def clipped_too_short(seed: int, faulty: bool) -> Any:
    """The gradients are clipped far too short."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 240, 4, 6, spread=1.5)
    net = nn.MLP(6, [24, 4], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(8):
            for xb, yb in data.batches(X, y, 24, rng=rng):
                optimizer.zero_grad()
                F.cross_entropy(net(xb), yb).backward()
                optim.clip_grad_norm_(net.parameters(), 1e-4 if faulty else 5.0)
                optimizer.step()
    return doctor, wrong(net, X, y)


@fault("wrong reduction, rate too high")
def sum_of_losses(seed: int, faulty: bool) -> Any:
    """The loss is a sum over the batch, which makes the steps too large; the learning rate is too high."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 5))
    y = X @ rng.standard_normal(5) + 0.1 * rng.standard_normal(200)
    net = nn.Linear(5, 1, rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(30):
            errors = (net(X).reshape(-1) - y) ** 2
            loss = errors.sum() if faulty else errors.mean()
            if not np.isfinite(loss.item()) or loss.item() > 1e30:
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, squared(net, X, y)


@fault("sorted rows")
def rows_sorted_by_class(seed: int, faulty: bool) -> Any:
    """The rows are sorted by class, so each batch has one class."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 400, 5, 4, spread=1.0)
    order = np.argsort(y, kind="stable") if faulty else np.arange(400)
    X, y = X[order], y[order]
    net = nn.MLP(4, [24, 5], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(4):
            for first in range(0, 400, 16):
                loss = F.cross_entropy(net(X[first : first + 16]), y[first : first + 16])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return doctor, wrong(net, X, y)


@fault("NaN")
def missing_values(seed: int, faulty: bool) -> Any:
    """Missing values in the inputs are NaN."""
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 120, 3, 4)
    X[rng.integers(0, 120, 3), 2] = np.nan
    if not faulty:
        X = np.nan_to_num(X, nan=0.0)
    net = nn.MLP(4, [16, 3], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    doctor = by_hand(net, optimizer, lambda: F.cross_entropy(net(X), y), 60)
    return doctor, wrong(net, np.nan_to_num(X), y)


@fault("missing nonlinearity")
def linear_layers_only(seed: int, faulty: bool) -> Any:
    """No nonlinearity between the layers."""
    rng = np.random.default_rng(seed)
    X, y = rings(rng, 200)
    layers: list[Any] = [nn.Linear(2, 16, rng=rng), nn.Linear(16, 16, rng=rng), nn.Linear(16, 1, rng=rng)]
    net = nn.Sequential(*layers) if faulty else nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    optimizer = optim.Adam(net.parameters(), lr=0.02)

    def loss_of(outputs: Any, labels: Any) -> Any:
        return F.binary_cross_entropy_with_logits(outputs.reshape(-1), labels)

    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=loss_of, optimizer=optimizer, epochs=30, batch_size=25, rng=seed)
    return doctor, wrong(net, X, y)


class First(nn.Module):
    """Whether the first number of a sequence was positive."""

    def __init__(self, step: int, rng: Any) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 12, batch_first=True, rng=rng)
        self.head = nn.Linear(12, 2, rng=rng)
        self.step = step

    def forward(self, x: Any) -> Any:
        outputs, _ = self.rnn(x)
        return self.head(outputs[:, self.step])


@fault("wrong place in the sequence")
def wrong_step_of_the_sequence(seed: int, faulty: bool) -> Any:
    """The wrong step of the sequence is read: the answer is not there yet."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((160, 6, 1))
    y = (X[:, 3:, 0].sum(axis=1) > 0).astype(int)
    net = First(0 if faulty else -1, rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    doctor = by_hand(net, optimizer, lambda xb, yb: F.cross_entropy(net(xb), yb), 6, data.batches(X, y, 20, rng=rng))
    return doctor, wrong(net, X, y)


@healthy
def cubic_by_features(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, 40)
    X, y = np.stack([x, x**2, x**3], axis=1), 2 * x**3 - x + 0.05 * rng.standard_normal(40)
    net = nn.Linear(3, 1, rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.3, momentum=0.5)
    return by_hand(net, optimizer, lambda: F.mse_loss(net(X).reshape(-1), y), 200)


class Wave(nn.Module):
    def __init__(self, rng: Any) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 8, batch_first=True, rng=rng)
        self.head = nn.Linear(8, 1, rng=rng)

    def forward(self, x: Any) -> Any:
        outputs, _ = self.lstm(x)
        return self.head(outputs[:, -1])


@healthy
def next_value_of_a_wave(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    t = rng.uniform(0, 6, 100)[:, None] + 0.4 * np.arange(9)
    wave = np.sin(t)
    net = Wave(rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net, wave[:, :8, None], wave[:, 8:], loss=F.mse_loss, optimizer=optimizer, epochs=8, batch_size=20, rng=seed
        )
    return doctor


@healthy
def words_from_neighbours(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    words = np.arange(300) * 7 % 20 + rng.integers(0, 2, 300)
    X, y = words[:-1], words[1:]
    net = nn.Sequential(nn.Embedding(21, 8, rng=rng), nn.Linear(8, 21, rng=rng))
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=15, batch_size=50, rng=seed)
    return doctor


@healthy
def generator_and_critic(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    generator, critic = nn.MLP(2, [12, 1], rng=rng), nn.MLP(1, [12, 1], activation="leaky_relu", rng=rng)
    g, c = optim.Adam(generator.parameters(), lr=2e-3), optim.Adam(critic.parameters(), lr=2e-3)
    ones, zeros = np.ones(32), np.zeros(32)
    bce = F.binary_cross_entropy_with_logits
    with train.doctor(critic, c) as doctor:
        for _ in range(150):
            real, fake = 2 + 0.5 * rng.standard_normal((32, 1)), generator(rng.standard_normal((32, 2)))
            loss = bce(critic(real).reshape(-1), ones) + bce(critic(fake.detach()).reshape(-1), zeros)
            c.zero_grad()
            loss.backward()
            c.step()
            g.zero_grad()
            bce(critic(fake).reshape(-1), ones).backward()
            g.step()
    return doctor


@healthy
def policy_gradient_of_a_bandit(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    policy = nn.MLP(3, [16, 4], activation="tanh", rng=rng)
    optimizer = optim.Adam(policy.parameters(), lr=0.01)
    with train.doctor(policy, optimizer) as doctor:
        for _ in range(150):
            state = rng.integers(0, 3, 16)
            log_p = F.log_softmax(policy(np.eye(3)[state]))
            action = np.array([rng.choice(4, p=p / p.sum()) for p in np.exp(log_p.data)])
            reward = (action == state).astype(float)
            loss = -(log_p[np.arange(16), action] * (reward - reward.mean())).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor


@healthy
def new_head_on_a_trained_net(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 200, 6, 5)
    body, old, new = nn.MLP(5, [24, 16], rng=rng), nn.Linear(16, 6, rng=rng), nn.Linear(16, 2, rng=rng)
    first = nn.Sequential(body, nn.ReLU(), old)
    adam = optim.Adam(first.parameters(), lr=0.01)
    train.fit(first, X, y, loss=F.cross_entropy, optimizer=adam, epochs=10, batch_size=20, rng=seed)
    for p in body.parameters():
        p.requires_grad = False
    net = nn.Sequential(body, nn.ReLU(), new)
    optimizer = optim.Adam(new.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y % 2, loss=F.cross_entropy, optimizer=optimizer, epochs=10, batch_size=20, rng=seed)
    return doctor


@healthy
def autoencoder_with_a_narrow_code(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = np.tanh(rng.standard_normal((200, 2)) @ rng.standard_normal((2, 10)))
    net = nn.MLP(10, [16, 2, 16, 10], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, X, loss=F.mse_loss, optimizer=optimizer, epochs=20, batch_size=20, rng=seed)
    return doctor


@healthy
def density_of_normal_numbers(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (200, 1))
    y = np.sin(3 * X) + 0.05 * rng.standard_normal((200, 1))
    net = nn.MLP(1, [24, 2], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)

    def loss_of() -> Any:
        outputs = net(X)
        return F.gaussian_nll_loss(outputs[:, :1], y, outputs[:, 1:].exp())

    return by_hand(net, optimizer, loss_of, 250)


@healthy
def gradients_of_four_batches(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 320, 4, 5)
    net = nn.MLP(5, [24, 4], rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(10):
            for number, (xb, yb) in enumerate(data.batches(X, y, 8, rng=rng)):
                (F.cross_entropy(net(xb), yb) / 4).backward()
                if number % 4 == 3:
                    optimizer.step()
                    optimizer.zero_grad()
    return doctor


@healthy
def images_by_convolution(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 120)
    X = 0.3 * rng.standard_normal((120, 1, 6, 6))
    X[y == 0, :, 2] += 1
    X[y == 1, :, :, 2] += 1
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=rng), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 2, rng=rng)
    )
    optimizer = optim.AdamW(net.parameters(), lr=0.01)
    warm = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=48, warmup_steps=8)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(8):
            for xb, yb in data.batches(X, y, 20, rng=rng):
                loss = F.cross_entropy(net(xb), yb)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                warm.step()
    return doctor


@healthy
def triplets_of_similar_points(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X, y = clusters(rng, 200, 3, 6)
    groups = [X[y == k] for k in range(3)]
    net = nn.MLP(6, [16, 4], rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)

    def loss_of() -> Any:
        a, b = rng.choice(3, 2, replace=False)
        same, other = rng.choice(groups[a], 32), rng.choice(groups[b], 16)
        return F.triplet_margin_loss(net(same[:16]), net(same[16:]), net(other))

    return by_hand(net, optimizer, loss_of, 100)


@healthy
def points_by_numbers_alone(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X, y = rings(rng, 20)
    net = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=seed)
    with train.doctor(net) as doctor:
        for _ in range(20):
            loss = sum((1 - (2 * int(k) - 1) * net(list(row))).relu() for row, k in zip(X, y, strict=True)) / 20
            net.zero_grad()
            loss.backward()
            for p in net.parameters():
                p.data -= 0.3 * p.grad
    return doctor
