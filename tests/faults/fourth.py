"""A fourth list of programs, written without sight of the doctor's rules: the faults that a teaching assistant meets.

The form is that of the other blind lists: ``program(seed, faulty)`` gives the doctor that watched, and an error of the
trained net; less is better. The faults are drawn in proportion to the causes that were confirmed in public reports of
"loss does not decrease", "accuracy stuck" and "loss is NaN"; a docstring names the report if the program follows one.
The causes and the symptoms were written before the doctor was run on any of them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.faults.program import BlindList, binary, standardized, watched_fit
from tinygrad_edu import Tensor, data, nn, no_grad, optim, train

F = nn.functional
LIST = BlindList()
FOURTH, PROGRAMS, HEALTHY = LIST.register, LIST.programs, LIST.healthy_runs
fault, healthy = LIST.fault, LIST.healthy

Rows = tuple[Any, Any]
Split = tuple[Rows, Rows]


# --- data ---


def cut(X: Any, y: Any, n: int) -> Split:
    """The first n rows to train on, the others to test on."""
    return (X[:n], y[:n]), (X[n:], y[n:])


def digits(seed: int, n: int = 600, n_test: int = 300) -> Split:
    """Pictures of 8 × 8 pixels from 0 to 1."""
    X, y = data.digits()
    rows = np.random.default_rng(seed).permutation(len(X))[: n + n_test]
    return cut(X[rows] / 16, y[rows], n)


def moons(seed: int, n: int = 200) -> Split:
    """Two moons, standardized."""
    X, y = data.moons(n + 200, noise=0.15, rng=seed)
    return cut((X - X.mean(0)) / X.std(0), y, n)


def houses(seed: int, n: int = 300) -> Split:
    """Prices in euros, as a column, of four standardized properties."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + 200, 4))
    price = 250_000 + 60_000 * X[:, 0] + 40_000 * X[:, 1] * (X[:, 2] > 0) - 20_000 * np.abs(X[:, 3])
    return cut(X, (price + rng.normal(0, 5_000, n + 200))[:, None], n)


def customers(seed: int, n: int = 300) -> Split:
    """Who buys, by age, yearly income and visits, in their own units."""
    rng = np.random.default_rng(seed)
    age, income = rng.uniform(18, 75, n + 200), rng.lognormal(10.6, 0.4, n + 200)
    visits = rng.poisson(4, n + 200)
    score = (income - 42_000) / 17_000 - (age - 46) / 16 + (visits - 4) / 2
    return cut(np.column_stack([age, income, visits]), (score > 0).astype(float)[:, None], n)


def waves(seed: int, n: int = 200) -> Split:
    """A curve of one number, from −3 to 3."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (n + 200, 1))
    return cut(x, 3 * np.sin(2 * x) + rng.normal(0, 0.1, x.shape), n)


def reviews(seed: int, n: int = 600, words: int = 100) -> Split:
    """Sequences of eight words, and whether their scores sum to more than 0."""
    rng = np.random.default_rng(seed)
    scores, X = rng.normal(size=words), rng.integers(0, words, (n + 300, 8))
    return cut(X, (scores[X].sum(1) > 0).astype(int), n)


def sequences(seed: int, n: int = 300) -> Split:
    """Series of eight numbers; the class is whether their sum is more than 0."""
    X = np.random.default_rng(seed).normal(size=(n + 200, 8, 1))
    return cut(X, (X[:, :, 0].sum(1) > 0).astype(int), n)


# --- errors of outputs ---


def wrong(outputs: Any, y: Any) -> float:
    """Share of the rows whose largest logit is another class, or whose one logit has the other sign."""
    if outputs.shape[-1] == 1:
        return float(np.mean((outputs[:, 0] > 0) != (np.reshape(y, -1) > 0.5)))
    return float(np.mean(outputs.argmax(1) != y))


def wrong_shares(outputs: Any, y: Any) -> float:
    """Share of the rows whose probability is on the other side of a half."""
    return float(np.mean((outputs[:, 0] > 0.5) != (np.reshape(y, -1) > 0.5)))


def unexplained(outputs: Any, y: Any) -> float:
    """Mean squared error over the variance."""
    y = np.reshape(y, outputs.shape)
    error = float(np.mean((outputs - y) ** 2) / np.var(y))
    return error if np.isfinite(error) else np.inf


# --- loops ---


def measured(model: Any, test: Rows, error: Callable[[Any, Any], float]) -> float:
    """The error on the test rows in evaluation mode."""
    return error(train.predict(model, test[0]), test[1])


def loop(
    model: Any,
    optimizer: Any,
    rows: Rows,
    test: Rows,
    loss: Callable[[Any, Any], Any] = F.cross_entropy,
    *,
    epochs: int = 20,
    batch: int = 32,
    seed: int = 0,
    error: Callable[[Any, Any], float] = wrong,
) -> tuple[Any, float]:
    """The loop by hand, with a test after every epoch."""
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(epochs):
            model.train()
            for X, y in data.batches(*rows, batch, rng):
                optimizer.zero_grad()
                loss(model(X), y).backward()
                optimizer.step()
            model.eval()
            with no_grad():
                loss(model(test[0]), test[1])
    return doctor, measured(model, test, error)


def fitted(
    model: Any,
    optimizer: Any,
    rows: Rows,
    test: Rows,
    loss: Callable[[Any, Any], Any] = F.cross_entropy,
    *,
    epochs: int = 20,
    batch: int | None = 32,
    seed: int = 0,
    error: Callable[[Any, Any], float] = wrong,
    schedule: Any = None,
) -> tuple[Any, float]:
    """The same with `fit`."""
    chosen = {"epochs": epochs, "batch_size": batch, "rng": seed}
    return watched_fit(model, optimizer, rows, test, loss, error, **chosen, schedule=schedule)


# --- learning rates and numbers of steps ---


@fault("rate too high, inputs not normalized", "exploding, NaN, targets not scaled")
def line_through_two_hundred_points(seed: int, faulty: bool) -> Any:
    """y = 2x for x from 0 to 199, SGD row by row with lr=0.001 (keras-team/keras#3040)."""
    x = np.arange(200.0)[:, None]
    x = x[np.random.default_rng(seed).permutation(200)]
    model = nn.Linear(1, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=1e-3 if faulty else 1e-5)
    rows = (x[:150], 2 * x[:150])
    return fitted(model, optimizer, rows, (x[150:], 2 * x[150:]), F.mse_loss, epochs=3, batch=1, error=unexplained)


@fault("rate too high", "dead relu, exploding, vanishing, never changes, no gradient")
def convolutions_with_a_large_rate(seed: int, faulty: bool) -> Any:
    """Adam with lr=0.2 on a small convolutional net: one value from the first epoch on (keras-team/keras#2711)."""
    rows, test = [(X.reshape(-1, 1, 8, 8), y) for X, y in digits(seed)]
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(72, 32, rng=rng),
        nn.ReLU(),
        nn.Linear(32, 10, rng=rng),
    )
    optimizer = optim.Adam(model.parameters(), lr=0.2 if faulty else 0.005)
    return loop(model, optimizer, rows, test, epochs=10, seed=seed)


@fault("rate too low", "too few steps")
def rate_of_a_tutorial_for_adam(seed: int, faulty: bool) -> Any:
    """SGD with lr=0.0003, which a tutorial gave for Adam."""
    rows, test = digits(seed)
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=3e-4 if faulty else 0.2)
    return fitted(model, optimizer, rows, test, epochs=25, seed=seed)


@fault("too few steps", "rate too low")
def two_epochs(seed: int, faulty: bool) -> Any:
    """Two epochs, because the first ones look slow."""
    rows, test = digits(seed)
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    return fitted(model, optimizer, rows, test, epochs=2 if faulty else 30, seed=seed)


# --- gradients that are not set to zero ---


@fault("zero_grad", "exploding, rate too high, dead relu, vanishing, no gradient, NaN")
def zero_grad_once_an_epoch(seed: int, faulty: bool) -> Any:
    """zero_grad stands in the loop over epochs, not in the loop over batches."""
    rows, test = digits(seed)
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(15):
            optimizer.zero_grad()
            for X, y in data.batches(*rows, 8, rng):
                loss = F.cross_entropy(model(X), y)
                if not faulty:
                    optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            with no_grad():
                F.cross_entropy(model(test[0]), test[1])
            model.train()
    return doctor, measured(model, test, wrong)


def numbers(model: Any, X: Any) -> Any:
    """The outputs of a net of Values as a column."""
    with no_grad():
        return np.array([[model(list(map(float, x))).data] for x in X])


def scalar_loop(
    model: Any,
    optimizer: Any,
    rows: Rows,
    test: Rows,
    *,
    steps: int,
    clears: bool = True,
    error: Callable[[Any, Any], float] = wrong,
) -> tuple[Any, float]:
    """Descent on the squared errors of all rows of a net of Values, as in the micrograd lecture."""
    X, targets = [list(map(float, x)) for x in rows[0]], [float(t) for t in rows[1]]
    with train.doctor(model, optimizer) as doctor:
        for _ in range(steps):
            outputs = [model(x) for x in X]
            loss = sum([(o - t) ** 2 for o, t in zip(outputs, targets, strict=True)]) / len(X)
            if clears:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, error(numbers(model, test[0]), test[1])


@fault("zero_grad", "exploding, rate too high, saturated")
def values_without_zero_grad(seed: int, faulty: bool) -> Any:
    """A loop of the micrograd lecture without the line that clears the gradients: the loss falls and rises again.

    Reported as IBM/aihwkit#446, and as the usual slip in karpathy/micrograd#78.
    """
    X = np.random.default_rng(seed).normal(size=(80, 2))
    rows, test = cut(X, 2 * X[:, 0] - X[:, 1] + 1, 30)
    model = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return scalar_loop(model, optimizer, rows, test, steps=100, clears=not faulty, error=unexplained)


# --- scales of inputs and of targets ---


@fault("inputs not normalized", "dead relu, exploding, rate too high, vanishing, no gradient, never changes, NaN")
def pixels_to_255(seed: int, faulty: bool) -> Any:
    """Pixels from 0 to 255; 11 % accuracy until they are divided (tensorflow/tensorflow#32899)."""
    rows, test = [(X * 255 if faulty else X, y) for X, y in digits(seed)]
    model = nn.MLP(64, [64, 32, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return fitted(model, optimizer, rows, test, epochs=20, seed=seed)


@fault("inputs not normalized", "saturated, vanishing, no gradient, never changes")
def columns_in_their_own_units(seed: int, faulty: bool) -> Any:
    """Age, income and visits as they stand in the file (as in keras-team/keras#6688)."""
    rows, test = customers(seed) if faulty else standardized(*customers(seed))
    model = nn.MLP(3, [16, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return loop(model, optimizer, rows, test, F.binary_cross_entropy_with_logits, epochs=30, seed=seed)


@fault("targets not scaled", "rate too low, too few steps, exploding")
def prices_in_euros(seed: int, faulty: bool) -> Any:
    """Prices of some hundred thousand as targets of a net that starts near 0."""
    (X, y), (X_test, y_test) = houses(seed)
    if not faulty:
        mean, std = y.mean(), y.std()
        y, y_test = (y - mean) / std, (y_test - mean) / std
    model = nn.MLP(4, [32, 1], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return loop(model, optimizer, (X, y), (X_test, y_test), F.mse_loss, epochs=30, seed=seed, error=unexplained)


# --- pairs of activation and loss ---


@fault("activation twice", "rate too low, too few steps, vanishing, output activation")
def softmax_and_cross_entropy(seed: int, faulty: bool) -> Any:
    """A Softmax layer before the loss that has its own."""
    rows, test = digits(seed)
    rng = np.random.default_rng(seed)
    layers = [nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, 10, rng=rng)]
    model = nn.Sequential(*layers, *([nn.Softmax()] if faulty else []))
    return fitted(model, optim.SGD(model.parameters(), lr=0.1), rows, test, epochs=20, seed=seed)


@fault("output activation", "dead relu, no gradient, vanishing, never changes, missing output activation")
def relu_for_a_probability(seed: int, faulty: bool) -> Any:
    """ReLU at the output and binary cross-entropy: stuck at a half (keras-team/keras#6688)."""
    rows, test = [(X, y.astype(float)[:, None]) for X, y in moons(seed)]
    rng = np.random.default_rng(seed)
    last = nn.ReLU() if faulty else nn.Sigmoid()
    model = nn.Sequential(nn.Linear(2, 16, rng=rng), nn.ReLU(), nn.Linear(16, 1, rng=rng), last)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    return loop(model, optimizer, rows, test, binary, epochs=60, seed=seed, error=wrong_shares)


@fault("output activation", "saturated, targets not scaled, vanishing")
def sigmoid_for_a_curve(seed: int, faulty: bool) -> Any:
    """A sigmoid at the output of a regression whose targets go from −3 to 3."""
    rows, test = waves(seed)
    rng = np.random.default_rng(seed)
    layers = [nn.Linear(1, 32, rng=rng), nn.Tanh(), nn.Linear(32, 1, rng=rng)]
    model = nn.Sequential(*layers, *([nn.Sigmoid()] if faulty else []))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return fitted(model, optimizer, rows, test, F.mse_loss, epochs=60, seed=seed, error=unexplained)


@fault("wrong loss, labels, output activation", "saturated, vanishing")
def one_unit_for_ten_classes(seed: int, faulty: bool) -> Any:
    """One sigmoid unit and binary cross-entropy for the labels 0 to 9 (datascience.stackexchange.com 38604)."""
    rows, test = digits(seed)
    rng = np.random.default_rng(seed)
    layers = [nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, 1 if faulty else 10, rng=rng)]
    if not faulty:
        model = nn.Sequential(*layers)
        return loop(model, optim.Adam(model.parameters(), lr=0.005), rows, test, epochs=15, seed=seed)
    model = nn.Sequential(*layers, nn.Sigmoid())
    rows, test = [(X, y.astype(float)[:, None]) for X, y in (rows, test)]

    def error(outputs: Any, y: Any) -> float:
        return float(np.mean(np.round(outputs) != y))

    return loop(model, optim.Adam(model.parameters(), lr=0.005), rows, test, binary, epochs=15, seed=seed, error=error)


# --- labels and the order of rows ---


@fault("labels")
def row_of_targets_less_a_column(seed: int, faulty: bool) -> Any:
    """Outputs of shape (n, 1) less targets of shape (n,): every row learns the mean."""
    (X, y), (X_test, y_test) = houses(seed)
    y, y_test = (y - y.mean()) / y.std(), (y_test - y.mean()) / y.std()
    if faulty:
        y, y_test = y[:, 0], y_test[:, 0]

    def loss(outputs: Any, targets: Any) -> Any:
        return ((outputs - targets) ** 2).mean()

    model = nn.MLP(4, [32, 1], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return loop(model, optimizer, (X, y), (X_test, y_test), loss, epochs=30, seed=seed, error=unexplained)


@fault("labels", "overfitting")
def inputs_shuffled_alone(seed: int, faulty: bool) -> Any:
    """The rows of X are shuffled after loading, the labels are not."""
    (X, y), test = digits(seed)
    order = np.random.default_rng(seed + 1).permutation(len(X))
    X, y = X[order], y if faulty else y[order]
    model = nn.MLP(64, [32, 10], rng=seed)
    return fitted(model, optim.Adam(model.parameters(), lr=0.005), (X, y), test, epochs=20, seed=seed)


@fault("sorted rows")
def class_after_class(seed: int, faulty: bool) -> Any:
    """Pictures from one folder for each class, in batches without shuffling."""
    (X, y), test = digits(seed)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    model = nn.MLP(64, [32, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(15):
            rows = np.arange(len(X)) if faulty else rng.permutation(len(X))
            for start in range(0, len(X), 20):
                batch = rows[start : start + 20]
                loss = F.cross_entropy(model(X[batch]), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with no_grad():
                F.cross_entropy(model(test[0]), test[1])
    return doctor, measured(model, test, wrong)


# --- parameters that do not learn ---


@fault("missing from the optimizer", "never changes, frozen")
def optimizer_of_the_net_before(seed: int, faulty: bool) -> Any:
    """A notebook's cell makes the net anew; the optimizer still has the parameters of the old one."""
    rows, test = moons(seed)
    model = nn.MLP(2, [16, 2], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    if faulty:
        model = nn.MLP(2, [16, 2], rng=seed + 1)
    return loop(model, optimizer, rows, test, epochs=30, seed=seed)


class Reviews(nn.Module):
    """The class of the mean vector of a sequence's words."""

    def __init__(self, seed: int, cuts: bool = False) -> None:
        rng = np.random.default_rng(seed)
        self.words = nn.Embedding(100, 8, rng=rng)
        self.hidden = nn.Linear(8, 16, rng=rng)
        self.output = nn.Linear(16, 2, rng=rng)
        self.cuts = cuts

    def forward(self, x: Any) -> Any:
        mean = self.words(x).mean(1)
        if self.cuts:
            mean = Tensor(mean.numpy())
        return self.output(F.relu(self.hidden(mean)))


@fault("no gradient", "frozen, never changes, net too small, overfitting")
def array_made_of_the_embedding(seed: int, faulty: bool) -> Any:
    """forward makes an array of the mean vector and a Tensor of that: no gradient reaches the words."""
    rows, test = reviews(seed)
    model = Reviews(seed, cuts=faulty)
    return loop(model, optim.Adam(model.parameters(), lr=0.01), rows, test, epochs=20, seed=seed)


@fault("mode")
def test_with_dropout(seed: int, faulty: bool) -> Any:
    """model.eval() is missing before the test, so that Dropout works on."""
    rows, test = digits(seed)
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Linear(64, 64, rng=rng),
        nn.ReLU(),
        nn.Dropout(0.5, rng=rng),
        nn.Linear(64, 64, rng=rng),
        nn.ReLU(),
        nn.Dropout(0.5, rng=rng),
        nn.Linear(64, 10, rng=rng),
    )
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(20):
            model.train()
            for X, y in data.batches(*rows, 32, rng):
                optimizer.zero_grad()
                F.cross_entropy(model(X), y).backward()
                optimizer.step()
            if not faulty:
                model.eval()
            with no_grad():
                outputs = model(test[0])
                F.cross_entropy(outputs, test[1])
    return doctor, wrong(outputs.numpy(), test[1])


@fault("init", "saturated, vanishing, exploding, overfitting")
def weights_of_randn(seed: int, faulty: bool) -> Any:
    """Weights from N(0, 1), as ``np.random.randn`` gives them, in a net of tanh."""
    rows, test = digits(seed)
    model = nn.MLP(64, [64, 64, 10], activation="tanh", rng=seed)
    if faulty:
        rng = np.random.default_rng(seed)
        for layer in model.layers:
            nn.init.normal_(layer.weight, std=1.0, rng=rng)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return loop(model, optimizer, rows, test, epochs=20, seed=seed)


# --- nets, penalties and sets ---


@fault("net too small", "saturated")
def two_values_in_the_hidden_layer(seed: int, faulty: bool) -> Any:
    """Two hidden neurons for a circle within a ring, which needs three at least (as in lmjohns3/theanets#67)."""
    X, y = data.circles(140, noise=0.05, rng=seed, factor=0.4)
    rows, test = cut(X * 1.5, 2 * y - 1, 40)
    model = nn.scalar.MLP(2, [2 if faulty else 8, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    return scalar_loop(model, optimizer, rows, test, steps=60)


@fault("decay", "vanishing, never changes")
def decay_of_a_half(seed: int, faulty: bool) -> Any:
    """An L2 penalty of 0.5 on every layer (keras-team/keras#2134)."""
    rows, test = digits(seed)
    model = nn.MLP(64, [64, 64, 10], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=0.5 if faulty else 1e-4)
    return fitted(model, optimizer, rows, test, epochs=25, seed=seed)


@fault("imbalance")
def one_ill_row_in_fifty(seed: int, faulty: bool) -> Any:
    """One row in fifty is ill, and the net says "healthy" to nearly all: 98 % accuracy (as in dnouri/nolearn#132)."""
    rng = np.random.default_rng(seed)
    y = (rng.random(4000) < 0.02).astype(int)
    X = rng.normal(size=(4000, 4)) + y[:, None] * [1.5, 1.2, 0.9, 0.0]
    rows, test = cut(X, y, 2000)
    weight = None if faulty else np.array([1.0, 49.0])

    def loss(outputs: Any, targets: Any) -> Any:
        return F.cross_entropy(outputs, targets, weight=weight)

    def error(outputs: Any, targets: Any) -> float:
        said = outputs.argmax(1)
        return float(np.mean([np.mean(said[targets == k] != k) for k in (0, 1)]))

    model = nn.MLP(4, [8, 2], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return loop(model, optimizer, rows, test, loss, epochs=10, seed=seed, error=error)


@fault("overfitting")
def forty_rows_and_a_wide_net(seed: int, faulty: bool) -> Any:
    """Forty rows of twenty columns, a wide net and many epochs: all right in training, not in validation."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1100, 20))
    y = (X[:, 0] + X[:, 1] - X[:, 2] > 0).astype(int)
    rows, test = cut(X, y, 800)
    if faulty:
        rows = (rows[0][:40], rows[1][:40])
    model = nn.MLP(20, [128, 2] if faulty else [16, 2], rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return fitted(model, optimizer, rows, test, epochs=150 if faulty else 10, seed=seed)


# --- healthy runs ---


@healthy
def digits_with_fit(seed: int) -> Any:
    rows, test = digits(seed)
    model = nn.MLP(64, [32, 10], rng=seed)
    return fitted(model, optim.Adam(model.parameters(), lr=0.005), rows, test, epochs=15, seed=seed)[0]


@healthy
def line_by_hand(seed: int) -> Any:
    """Linear regression of standardized columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3))
    y = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3 + rng.normal(0, 0.1, (300, 1))
    rows, test = cut(X, y, 200)
    model = nn.Linear(3, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    return loop(model, optimizer, rows, test, F.mse_loss, epochs=15, seed=seed, error=unexplained)[0]


@healthy
def logistic_regression(seed: int) -> Any:
    """Customers in standard units."""
    rows, test = standardized(*customers(seed))
    model = nn.Linear(3, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    return fitted(model, optimizer, rows, test, F.binary_cross_entropy_with_logits, epochs=25, seed=seed)[0]


@healthy
def convolutions(seed: int) -> Any:
    rows, test = [(X.reshape(-1, 1, 8, 8), y) for X, y in digits(seed)]
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, rng=rng), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 10, rng=rng)
    )
    return loop(model, optim.Adam(model.parameters(), lr=0.01), rows, test, epochs=10, seed=seed)[0]


class Sums(nn.Module):
    """The class of a series, from the last state of a recurrent layer."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.recurrent = nn.GRU(1, 8, batch_first=True, rng=rng)
        self.output = nn.Linear(8, 2, rng=rng)

    def forward(self, x: Any) -> Any:
        outputs, _ = self.recurrent(x)
        return self.output(outputs[:, -1])


@healthy
def gated_units(seed: int) -> Any:
    """A GRU with clipped gradients."""
    rows, test = sequences(seed)
    model = Sums(seed)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(10):
            for X, y in data.batches(*rows, 32, rng):
                loss = F.cross_entropy(model(X), y)
                optimizer.zero_grad()
                loss.backward()
                optim.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
            with no_grad():
                F.cross_entropy(model(test[0]), test[1])
    measured(model, test, wrong)
    return doctor


@healthy
def words(seed: int) -> Any:
    rows, test = reviews(seed)
    model = Reviews(seed)
    return fitted(model, optim.Adam(model.parameters(), lr=0.01), rows, test, epochs=12, seed=seed)[0]


@healthy
def values_and_moons(seed: int) -> Any:
    """A net of Values."""
    rows, test = [(X, 2 * y - 1) for X, y in moons(seed, 60)]
    model = nn.scalar.MLP(2, [8, 1], activation="tanh", rng=seed)
    return scalar_loop(model, optim.Adam(model.parameters(), lr=0.1), rows, test, steps=80)[0]


@healthy
def normalized_batches_and_dropout(seed: int) -> Any:
    rows, test = digits(seed)
    rng = np.random.default_rng(seed)
    model = nn.Sequential(
        nn.Linear(64, 64, rng=rng), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2, rng=rng), nn.Linear(64, 10, rng=rng)
    )
    return loop(model, optim.Adam(model.parameters(), lr=0.005), rows, test, epochs=15, seed=seed)[0]


@healthy
def curve_with_tanh(seed: int) -> Any:
    """A full-batch regression."""
    rows, test = waves(seed)
    model = nn.MLP(1, [32, 32, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return fitted(model, optimizer, rows, test, F.mse_loss, epochs=300, batch=None, seed=seed, error=unexplained)[0]


@healthy
def seven_to_three(seed: int) -> Any:
    """Classes of 70 and 30 %, which a net learns without weights."""
    rng = np.random.default_rng(seed)
    y = (rng.random(600) < 0.3).astype(int)
    X = rng.normal(size=(600, 4)) + y[:, None] * [2.0, -2.0, 1.0, 0.0]
    rows, test = cut(X, y, 400)
    model = nn.MLP(4, [16, 2], rng=seed)
    return loop(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), rows, test, epochs=12, seed=seed)[0]


@healthy
def decay_and_a_cosine(seed: int) -> Any:
    """AdamW and a rate that falls along a cosine."""
    rows, test = digits(seed)
    model = nn.MLP(64, [64, 32, 10], activation="gelu", rng=seed)
    optimizer = optim.AdamW(model.parameters(), lr=0.005)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    return fitted(model, optimizer, rows, test, epochs=20, seed=seed, schedule=schedule)[0]


@healthy
def autoencoder(seed: int) -> Any:
    """Pictures through a layer of sixteen units and back, with a sigmoid for pixels from 0 to 1."""
    (X, _), (X_test, _) = digits(seed)
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(64, 16, rng=rng), nn.ReLU(), nn.Linear(16, 64, rng=rng), nn.Sigmoid())
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return loop(model, optimizer, (X, X), (X_test, X_test), F.mse_loss, epochs=30, seed=seed, error=unexplained)[0]
