"""Healthy training runs of the kinds that people write, drawn by a seed: the doctor is to be silent on each."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults import program as p
from tests.faults.program import Training, accuracy_of_probabilities, drawn, net, r2
from tinygrad_edu import Tensor, nn, optim

F = nn.functional
HEALTHY: dict[str, Callable[[Any], Training]] = {}


def healthy(build: Callable[[Any], Training]) -> Callable[[Any], Training]:
    HEALTHY[build.__name__.replace("_", "-")] = build
    return build


def build(kind: str, seed: int) -> Training:
    """The run of a kind."""
    return HEALTHY[kind](np.random.default_rng([seed, 31]))


def _width(rng: Any) -> int:
    return int(rng.choice([8, 16, 32]))


def _activation(rng: Any) -> Any:
    return rng.choice([nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.LeakyReLU])()


def _wave(rng: Any, n: int = 120) -> p.Data:
    return drawn(
        rng, lambda k: rng.uniform(-2, 2, (k, 1)), lambda X: np.sin(2 * X) + rng.normal(0, 0.1, X.shape), n, 100
    )


@healthy
def regression(rng: Any) -> Training:
    d = _wave(rng)
    model = net(rng, 1, _width(rng), _activation(rng), _width(rng), _activation(rng), 1)
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 40, 20, F.mse_loss, r2)


@healthy
def regression_with_several_targets(rng: Any) -> Training:
    mix = rng.normal(size=(6, 3))
    d = drawn(rng, lambda n: rng.normal(size=(n, 6)), lambda X: np.tanh(X @ mix), 200, 100)
    model = net(rng, 6, _width(rng), _activation(rng), 3)
    return d.train(model, optim.SGD(model.parameters(), lr=0.05, momentum=0.9), 25, 20, F.mse_loss, r2)


@healthy
def robust_regression(rng: Any) -> Training:
    d = _wave(rng)
    d.y[rng.random(len(d.y)) < 0.05] += 5
    model = net(rng, 1, 16, nn.Tanh(), 1)
    loss = (F.huber_loss, F.l1_loss)[int(rng.integers(2))]
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 50, 20, loss, r2)


@healthy
def prices(rng: Any) -> Training:
    """Targets in the hundreds, learned by a linear model at a fit rate."""
    slope = rng.normal(size=(3, 1)) * 40
    d = drawn(
        rng, lambda n: rng.normal(size=(n, 3)), lambda X: X @ slope + 200 + rng.normal(0, 5, (len(X), 1)), 200, 50
    )
    model = net(rng, 3, 1)
    return d.train(model, optim.SGD(model.parameters(), lr=0.05), 20, 20, F.mse_loss, r2)


@healthy
def counts(rng: Any) -> Training:
    """Poisson regression: exp of the output is the rate; the loss may be negative."""

    def loss(outputs: Any, y: Any) -> Any:
        return (np.exp(outputs) - y * outputs).mean()

    d = drawn(
        rng, lambda n: rng.normal(size=(n, 2)), lambda X: rng.poisson(np.exp(0.6 * X[:, :1] + 1)).astype(float), 200, 50
    )
    model = net(rng, 2, 16, nn.Tanh(), 1)
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 25, 20, loss, r2)


@healthy
def grades(rng: Any) -> Training:
    """Whole numbers that are an order, as a regression."""
    d = drawn(
        rng, lambda n: rng.normal(size=(n, 4)), lambda X: np.clip(np.round(X.sum(1, keepdims=True) + 3), 1, 5), 200, 50
    )
    model = net(rng, 4, 16, nn.ReLU(), 1)
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 30, 20, F.mse_loss, r2)


@healthy
def gaussian_likelihood(rng: Any) -> Training:
    """Mean and logarithm of the deviation; the loss falls below zero."""

    def loss(outputs: Any, y: Any) -> Any:
        m, s = outputs[:, :1], outputs[:, 1:]
        return (s + ((y - m) * np.exp(-s)) ** 2 / 2).mean()

    d = _wave(rng)
    model = net(rng, 1, 24, nn.Tanh(), 2)
    return d.train(model, optim.Adam(model.parameters(), lr=0.005), 50, 20, loss, lambda *_: 0.0)


@healthy
def tiny_data(rng: Any) -> Training:
    X = rng.normal(size=(int(rng.integers(4, 12)), 2))
    model = net(rng, 2, 8, _activation(rng), 2)
    return Training(model, optim.Adam(model.parameters(), lr=0.02), X, np.arange(len(X)) % 2, F.cross_entropy, 150, rng)


@healthy
def digits(rng: Any) -> Training:
    d = p.digits(rng, 300, 100)
    model = net(rng, 64, _width(rng), _activation(rng), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.005), 20, 32)


@healthy
def digits_with_dropout_and_norm(rng: Any) -> Training:
    d = p.digits(rng, 300, 100)
    norm = (nn.BatchNorm1d, nn.LayerNorm)[int(rng.integers(2))](32)
    model = net(rng, 64, 32, norm, nn.ReLU(), nn.Dropout(0.3, rng=rng), 10)
    return d.train(model, optim.AdamW(model.parameters(), lr=0.005), 20, 32)


@healthy
def logistic_regression(rng: Any) -> Training:
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    order = rng.permutation(len(X))
    X, y = ((X - X.mean(0)) / X.std(0))[order], p.column(y[order])
    model = net(rng, 30, 1)
    made = optim.SGD(model.parameters(), lr=0.3, weight_decay=1e-3)
    loss = F.binary_cross_entropy_with_logits
    return Training(model, made, X[:300], y[:300], loss, 20, rng, 30, (X[300:], y[300:]))


@healthy
def sigmoid_and_binary_loss(rng: Any) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.Tanh(), 1, nn.Sigmoid())
    made = optim.Adam(model.parameters(), lr=0.02)
    return d.with_columns().train(model, made, 30, 20, p.binary, accuracy_of_probabilities)


@healthy
def several_labels_a_row(rng: Any) -> Training:
    mix = rng.normal(size=(8, 4))
    d = drawn(rng, lambda n: rng.normal(size=(n, 8)), lambda X: (X @ mix > 0).astype(float), 200, 100)
    model = net(rng, 8, 16, nn.ReLU(), 4)
    made = optim.Adam(model.parameters(), lr=0.01)
    loss = F.binary_cross_entropy_with_logits
    return d.train(model, made, 25, 20, loss, lambda x, y: float(np.mean((x > 0) == (y > 0.5))))


@healthy
def smoothed_labels(rng: Any) -> Training:
    d = p.digits(rng, 300, 100)
    model = net(rng, 64, 32, nn.ReLU(), 10)
    Y = p.onehot(d.y) * 0.9 + 0.01
    test = d.X_test, p.onehot(d.y_test) * 0.9 + 0.01
    return Training(model, optim.Adam(model.parameters(), lr=0.005), d.X, Y, F.cross_entropy, 20, rng, 32, test)


@healthy
def unequal_classes(rng: Any) -> Training:
    """One class in ten, told apart all the same."""
    y = (rng.random(300) < 0.1).astype(int)
    X = rng.normal(size=(300, 2)) + 3 * y[:, None]
    model = net(rng, 2, 8, nn.ReLU(), 2)
    return Training(model, optim.Adam(model.parameters(), lr=0.01), X, y, F.cross_entropy, 25, rng, 30)


@healthy
def warm_up(rng: Any) -> Training:
    d = p.circles(rng)
    model = net(rng, 2, 32, nn.Tanh(), 32, nn.Tanh(), 2)
    made = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.LambdaLR(made, lambda step: min(1.0, (step + 1) / 100))
    return d.train(model, made, 40, 20, after_update=lambda _: schedule.step())


@healthy
def cosine_schedule(rng: Any) -> Training:
    d = p.digits(rng, 300, 100)
    model = net(rng, 64, 32, nn.ReLU(), 10)
    made = optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    schedule = optim.lr_scheduler.CosineAnnealingLR(made, T_max=20)
    run = d.train(model, made, 20, 32)
    run.after_epoch = lambda *_: schedule.step()
    return run


@healthy
def embeddings(rng: Any) -> Training:
    """Pairs of words, whose classes add up."""

    class Words(nn.Module):
        def __init__(self) -> None:
            self.table = nn.Embedding(12, 6, rng=rng)
            self.head = nn.Linear(12, 4, rng=rng)

        def forward(self, pairs: Any) -> Any:
            return self.head(np.tanh(self.table(pairs).reshape(len(pairs), 12)))

    class Integers(Words):
        def __call__(self, pairs: Any) -> Any:
            return super().__call__(Tensor(np.asarray(pairs).astype(int), requires_grad=False))

    X = rng.integers(0, 12, (300, 2))
    model = Integers()
    made = optim.Adam(model.parameters(), lr=0.03)
    return Training(model, made, X, (X % 2 @ np.array([1, 2])).astype(int), F.cross_entropy, 20, rng, 30)


@healthy
def autoencoder(rng: Any) -> Training:
    X = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 8)) / 2
    linear = bool(rng.integers(2))  # principal components, or a curved version of them
    parts: list[Any] = [8, 3, 8] if linear else [8, 16, nn.Tanh(), 3, 16, nn.Tanh(), 8]
    model = net(rng, *parts)
    made = optim.Adam(model.parameters(), lr=0.01)
    return Training(model, made, X[:200], X[:200], F.mse_loss, 40, rng, 20, (X[200:], X[200:]), r2)


@healthy
def adversarial(rng: Any) -> Training:
    """A maker and a judge that take turns; the doctor watches both."""
    d = p.moons(rng)
    maker, judge = net(rng, 2, 16, nn.ReLU(), 2), net(rng, 2, 16, nn.LeakyReLU(), 1)
    both = [optim.Adam(part.parameters(), lr=0.003) for part in (maker, judge)]
    loss = F.binary_cross_entropy_with_logits

    def step(run: Training, X: Any, y: Any) -> None:
        noise = rng.normal(size=X.shape)
        both[1].zero_grad()
        made = maker(noise).detach()
        logits = np.concatenate([judge(X), judge(made)])
        loss(logits, np.repeat([[1.0], [0.0]], len(X), axis=0)).backward()
        both[1].step()
        both[0].zero_grad()
        loss(judge(maker(noise)), np.ones((len(X), 1))).backward()
        both[0].step()

    return Training(nn.Sequential(maker, judge), None, d.X, d.y, loss, 20, rng, 20, step=step)


@healthy
def maker_alone(rng: Any) -> Training:
    """The maker of two such nets, the only one that is watched."""
    run = adversarial(rng)
    run.net = run.net.layers[0]
    return run


@healthy
def policy_gradient(rng: Any) -> Training:
    """Log-probabilities times advantages of both signs."""
    model = net(rng, 3, 16, nn.Tanh(), 2)

    def loss(outputs: Any, X: Any) -> Any:
        e = np.exp(outputs.data - outputs.data.max(1, keepdims=True))
        action = (rng.random(len(X)) < (e / e.sum(1, keepdims=True))[:, 1]).astype(int)
        reward = np.where(action == (X.sum(1) > 0), 1.0, -1.0)
        return (F.cross_entropy(outputs, action, reduction="none") * (reward - reward.mean())).mean()

    X = rng.normal(size=(200, 3))
    return Training(model, optim.Adam(model.parameters(), lr=0.01), X, X, loss, 20, rng, 20)


@healthy
def values_of_states(rng: Any) -> Training:
    """Values of states on a line, towards what the next state is worth."""
    model = net(rng, 1, 16, nn.Tanh(), 1)

    def loss(outputs: Any, y: Any) -> Any:
        later = model(np.clip(y + 0.1, -1, 1)).detach().numpy()
        target = np.where(y > 0.9, 1.0, 0.9 * later)
        return ((outputs - target) ** 2).mean()

    X = rng.uniform(-1, 1, (200, 1))
    return Training(model, optim.Adam(model.parameters(), lr=0.005), X, X, loss, 20, rng, 20)


def _trained(rng: Any) -> tuple[nn.Sequential, Any]:
    """A net that has learned three of the digits, and rows of five others."""
    d = p.digits(rng, 800, 0)
    model = net(rng, 64, 24, nn.ReLU(), 16, nn.ReLU(), 10)
    known, new = d.y < 5, d.y >= 5
    Training(
        model, optim.Adam(model.parameters(), lr=0.005), d.X[known], d.y[known], F.cross_entropy, 10, rng, 32
    ).run()
    model.layers[-1] = nn.Linear(16, 5, rng=rng)
    return model, (d.X[new], d.y[new] - 5)


@healthy
def fine_tuning_a_head(rng: Any) -> Training:
    model, (X, y) = _trained(rng)
    return Training(model, optim.Adam(model[-1].parameters(), lr=0.02), X, y, F.cross_entropy, 15, rng, 32)


@healthy
def fine_tuning_on_frozen_layers(rng: Any) -> Training:
    model, (X, y) = _trained(rng)
    for layer in model.layers[:-1]:
        for q in layer.parameters():
            q.requires_grad = False
    return Training(model, optim.Adam(model.parameters(), lr=0.02), X, y, F.cross_entropy, 15, rng, 32)


@healthy
def fine_tuning_on_features(rng: Any) -> Training:
    """The features are computed by the trained layers, and cut from the graph."""
    trained, (X, y) = _trained(rng)

    class WithFeatures(nn.Module):
        def __init__(self) -> None:
            self.body = nn.Sequential(*trained.layers[:-1])
            self.head = trained.layers[-1]

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x).detach())

    model = WithFeatures()
    return Training(model, optim.Adam(model.head.parameters(), lr=0.02), X, y, F.cross_entropy, 15, rng, 32)


@healthy
def fine_tuning_all(rng: Any) -> Training:
    model, (X, y) = _trained(rng)
    return Training(model, optim.Adam(model.parameters(), lr=0.001), X, y, F.cross_entropy, 15, rng, 32)


@healthy
def freezing_on_the_way(rng: Any) -> Training:
    d = p.digits(rng, 300, 100)
    model = net(rng, 64, 24, nn.ReLU(), 10)
    run = d.train(model, optim.Adam(model.parameters(), lr=0.005), 20, 32)

    def freeze(run: Training, epoch: int) -> None:
        if epoch == 8:
            for q in model[0].parameters():
                q.requires_grad = False
                q.grad = None

    run.after_epoch = freeze
    return run


@healthy
def noise(rng: Any) -> Training:
    """Labels that cannot be learned: a loss that stays is nobody's fault."""
    X, y = rng.normal(size=(300, 4)), rng.integers(0, 2, 300)
    model = net(rng, 4, _width(rng), _activation(rng), 2)
    return Training(
        model, optim.SGD(model.parameters(), lr=0.05, weight_decay=1e-3), X, y, F.cross_entropy, 20, rng, 30
    )


@healthy
def deep_net(rng: Any) -> Training:
    d = p.digits(rng, 300, 100)
    parts = [part for _ in range(5) for part in (24, nn.ReLU())]
    model = net(rng, 64, *parts, 10)
    for layer in p.linears(model):
        nn.init.kaiming_normal_(layer.weight, rng=rng)
    return d.train(model, optim.Adam(model.parameters(), lr=0.003), 20, 32)


@healthy
def accumulated_gradients(rng: Any) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.ReLU(), 2)
    count = 0

    def step(run: Training, X: Any, y: Any) -> None:
        nonlocal count
        (run.loss(run.net(X), y) / 2).backward()
        count += 1
        if count % 2 == 0:
            run.optimizer.step()
            run.optimizer.zero_grad()

    return d.train(model, optim.Adam(model.parameters(), lr=0.02), 20, 20, step=step)


@healthy
def contrast(rng: Any) -> Training:
    """Rows that belong together lie near each other: similarities of all pairs as logits."""
    model = net(rng, 5, 16, nn.ReLU(), 4)

    def step(run: Training, X: Any, y: Any) -> None:
        a, b = (run.net(X + rng.normal(0, 0.1, X.shape)) for _ in range(2))
        loss = F.cross_entropy(a @ b.T, np.arange(len(X)))
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()

    X = rng.normal(size=(200, 5))
    return Training(model, optim.Adam(model.parameters(), lr=0.005), X, X, F.mse_loss, 20, rng, 20, step=step)


@healthy
def attention(rng: Any) -> Training:
    """Which of six vectors is the largest, by attention with one query."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            self.keys, self.values = nn.Linear(3, 8, rng=rng), nn.Linear(3, 8, rng=rng)
            self.query = Tensor(rng.normal(size=8))
            self.head = nn.Linear(8, 2, rng=rng)

        def forward(self, x: Any) -> Any:
            x = x.reshape(len(x), 6, 3)
            weights = F.softmax((self.keys(x) * self.query).sum(-1))
            mixed = (self.values(x) * weights.reshape(len(x), 6, 1)).sum(1)
            return self.head(np.tanh(mixed))

    X = rng.normal(size=(200, 18))
    model = Attention()
    y = (X.reshape(200, 6, 3)[:, :, 0].max(1) > 1.3).astype(int)
    return Training(model, optim.Adam(model.parameters(), lr=0.01), X, y, F.cross_entropy, 25, rng, 20)


@healthy
def sines(rng: Any) -> Training:
    """A net of sines, whose first weights are large on purpose."""

    class Sine(nn.Module):
        def forward(self, x: Any) -> Any:
            return np.sin(x)

    d = _wave(rng)
    model = net(rng, 1, 24, Sine(), 24, Sine(), 1)
    model[0].weight.data *= 6
    return d.train(model, optim.Adam(model.parameters(), lr=0.005), 30, 20, F.mse_loss, r2)


@healthy
def learned_quickly(rng: Any) -> Training:
    """Thirty steps are enough."""
    y = rng.integers(0, 3, 90)
    X = rng.normal(0, 0.3, (90, 2)) + np.array([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])[y]
    model = net(rng, 2, 16, nn.ReLU(), 3)
    return Training(model, optim.Adam(model.parameters(), lr=0.03), X, y, F.cross_entropy, 10, rng, 30)
