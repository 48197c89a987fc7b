"""A sixth list of programs, written without sight of the doctor's rules: the faults that courses and reports name most.

The form is that of the other blind lists: ``program(seed, faulty)`` gives the doctor that watched, and an error of the
trained net; less is better. The faults are drawn about as often as learners meet them: a rate, a scale, an output that
does not fit its loss, labels, ``zero_grad``, then the rest; three programs are nets of Values. The causes and the
symptoms come from knowledge and from the run itself (norms, dead units, losses); they were written before anybody saw
what the doctor says of these runs. Three seeds showed that the fault harms the run and that the repaired twin trains
well.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine

from tests.faults.program import BlindList, Reader, standardized, watched_fit
from tinygrad_edu import Tensor, data, grad, nn, no_grad, optim, train
from tinygrad_edu.nn import scalar

F = nn.functional
schedules = optim.lr_scheduler
LIST = BlindList()
SIXTH, PROGRAMS, HEALTHY = LIST.register, LIST.programs, LIST.healthy_runs
fault, healthy, FINE = LIST.fault, LIST.healthy_with_error, LIST.errors

Rows = tuple[Any, Any]
Split = tuple[Rows, Rows]
binary_loss = F.binary_cross_entropy_with_logits


# --- data ---


def split(X: Any, y: Any, n: int, seed: int) -> Split:
    """n rows to train on, the others to test on."""
    rows = np.random.default_rng(seed).permutation(len(X))
    return (X[rows[:n]], y[rows[:n]]), (X[rows[n:]], y[rows[n:]])


def scaled_targets(train_rows: Rows, test_rows: Rows) -> Split:
    """The targets with mean 0 and variance 1 in the training rows."""
    (X, y), (X_test, y_test) = train_rows, test_rows
    return (X, (y - y.mean()) / y.std()), (X_test, (y_test - y.mean()) / y.std())


def digits(seed: int, n: int = 600) -> Split:
    """Pictures of 8 × 8 pixels from 0 to 1."""
    X, y = data.digits()
    rows = np.random.default_rng(seed).permutation(len(X))[: n + 300]
    return split(X[rows] / 16, y[rows], n, seed)


def images(seed: int, n: int = 400) -> Split:
    """The same as images of one channel."""
    (X, y), (X_test, y_test) = digits(seed, n)
    return (X.reshape(-1, 1, 8, 8), y), (X_test.reshape(-1, 1, 8, 8), y_test)


def tumours(seed: int) -> Split:
    """Thirty measurements in their own units; whether a tumour is benign, as a column."""
    X, y = load_breast_cancer(return_X_y=True)
    return split(X, y[:, None].astype(float), 380, seed)


def wines(seed: int) -> Split:
    """Thirteen standardized measurements, three vineyards."""
    X, y = load_wine(return_X_y=True)
    return standardized(*split(X, y, 120, seed))


def flats(seed: int, n: int = 300) -> Split:
    """Monthly rents in euros, as a column, by area, rooms, age and distance in their own units."""
    rng = np.random.default_rng(seed)
    area, rooms = rng.uniform(25, 160, n + 200), rng.integers(1, 6, n + 200)
    age, distance = rng.uniform(0, 100, n + 200), rng.gamma(2, 3, n + 200)
    rent = 250 + 14 * area + 60 * rooms - 3 * age + 500 * np.exp(-distance / 3) + rng.normal(0, 60, n + 200)
    return split(np.column_stack([area, rooms, age, distance]), rent[:, None], n, seed)


def curve(seed: int, n: int = 200, noise: float = 0.1) -> Split:
    """A curve of one number from -2 to 2."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (n + 200, 1))
    return split(x, np.sin(2.5 * x) + 0.4 * x + rng.normal(0, noise, x.shape), n, seed)


def moons(seed: int, n: int = 200) -> Split:
    """Two moons, standardized."""
    return standardized(*split(*data.moons(n + 200, noise=0.12, rng=seed), n, seed))


def rings(seed: int, n: int = 240) -> Split:
    """A ring around a disc, standardized."""
    return standardized(*split(*data.circles(n + 200, noise=0.1, rng=seed, factor=0.4), n, seed))


def spirals(seed: int, n: int = 300) -> Split:
    """Two arms, standardized."""
    return standardized(*split(*data.spirals(n + 200, noise=0.03, rng=seed), n, seed))


def signals(seed: int, n: int = 300, steps: int = 10) -> Split:
    """Noisy series of numbers; the class is whether they fall or rise in the middle."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n + 200)
    step = np.where(np.arange(steps) < steps // 2, -1, 1) * (2 * y[:, None] - 1)
    return split((0.7 * step + rng.normal(size=step.shape))[:, :, None], y, n, seed)


def phrases(seed: int, n: int = 600, words: int = 60) -> Split:
    """Six words each, and whether their moods sum to more than 0."""
    rng = np.random.default_rng(seed)
    mood, X = rng.normal(size=words), rng.integers(0, words, (n + 300, 6))
    return split(X, (mood[X].sum(1) > 0).astype(int), n, seed)


def as_columns(train_rows: Rows, test_rows: Rows) -> Split:
    """Classes 0 and 1 as columns of floats."""
    return (train_rows[0], train_rows[1][:, None] * 1.0), (test_rows[0], test_rows[1][:, None] * 1.0)


# --- errors of outputs ---


def wrong(outputs: Any, y: Any) -> float:
    """Share of the rows whose largest logit is another class, or whose one logit has the other sign."""
    if outputs.shape[-1] == 1:
        return float(np.mean((outputs[:, 0] > 0) != (np.reshape(y, -1) > 0.5)))
    return float(np.mean(outputs.argmax(1) != y))


def unexplained(outputs: Any, y: Any) -> float:
    """Mean squared error over the variance of the targets."""
    y = np.reshape(y, outputs.shape)
    error = float(np.mean((outputs - y) ** 2) / np.mean((y - y.mean(0)) ** 2))
    return error if np.isfinite(error) else np.inf


# --- nets and loops ---


def net(seed: int, *parts: Any) -> Any:
    """A net of widths and layers: ``net(seed, 2, 16, nn.ReLU(), 2)``."""
    rng = np.random.default_rng(seed)
    layers: list[Any] = []
    width = parts[0]
    for part in parts[1:]:
        layers.append(nn.Linear(width, part, rng=rng) if isinstance(part, int) else part)
        width = part if isinstance(part, int) else width
    return nn.Sequential(*layers)


def small_cnn(seed: int, *last: Any) -> Any:
    """A convolutional net for pictures of 8 × 8 pixels."""
    rng = np.random.default_rng(seed)
    conv = nn.Conv2d(1, 8, 3, padding=1, rng=rng)
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10, rng=rng), *last)


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
    zero_grad: bool = True,
    before_step: Callable[[], Any] = lambda: None,
    after_step: Callable[[], Any] = lambda: None,
) -> tuple[Any, float]:
    """The loop by hand, with a test after every epoch."""
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(epochs):
            model.train()
            for X, y in data.batches(*rows, batch, rng):
                if zero_grad:
                    optimizer.zero_grad()
                loss(model(X), y).backward()
                before_step()
                optimizer.step()
                after_step()
            model.eval()
            with no_grad():
                loss(model(test[0]), test[1])
    return doctor, error(train.predict(model, test[0]), test[1])


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
    **options: Any,
) -> tuple[Any, float]:
    """The same with `fit`; the options are those of `fit`."""
    chosen = {"epochs": epochs, "batch_size": batch, "rng": seed}
    return watched_fit(model, optimizer, rows, test, loss, error, **chosen, **options)


# --- faults: the rate ---


@fault("rate too high", "dead relu, exploding, no gradient, vanishing, never changes")
def adam_with_the_rate_of_sgd(seed: int, faulty: bool) -> Any:
    rows, test = digits(seed)
    model = net(seed, 64, 64, nn.ReLU(), 32, nn.ReLU(), 10)
    optimizer = optim.Adam(model.parameters(), lr=1.0 if faulty else 0.003)
    return fitted(model, optimizer, rows, test, seed=seed)


@fault("rate too low", "never changes")
def rate_from_a_recipe_for_fine_tuning(seed: int, faulty: bool) -> Any:
    rows, test = wines(seed)
    model = net(seed, 13, 32, nn.ReLU(), 3)
    optimizer = optim.SGD(model.parameters(), lr=1e-5 if faulty else 0.1)
    return fitted(model, optimizer, rows, test, seed=seed, batch=16, epochs=30)


@fault("rate too high", "saturated, exploding")
def gru_with_a_large_rate(seed: int, faulty: bool) -> Any:
    rows, test = signals(seed, 400)

    model = Reader(nn.GRU(1, 12, batch_first=True, rng=seed), nn.Linear(12, 2, rng=seed))
    optimizer = optim.Adam(model.parameters(), lr=1.0 if faulty else 0.02)
    return loop(model, optimizer, rows, test, seed=seed, epochs=25)


# --- faults: the scale ---


@fault("inputs not normalized", "dead relu, exploding, rate too high, no gradient, vanishing, never changes")
def tumours_in_their_units(seed: int, faulty: bool) -> Any:
    rows, test = tumours(seed) if faulty else standardized(*tumours(seed))
    model = net(seed, 30, 16, nn.ReLU(), 1)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return loop(model, optimizer, rows, test, binary_loss, seed=seed)


@fault("inputs not normalized", "saturated, vanishing, no gradient, rate too high, never changes")
def bytes_into_sigmoids(seed: int, faulty: bool) -> Any:
    (X, y), (X_test, y_test) = digits(seed)
    size = 255 if faulty else 1
    model = net(seed, 64, 48, nn.Sigmoid(), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    return fitted(model, optimizer, (X * size, y), (X_test * size, y_test), seed=seed, epochs=25)


@fault("targets not scaled, labels", "rate too low, exploding, dead relu")
def rents_in_euros(seed: int, faulty: bool) -> Any:
    rows, test = standardized(*flats(seed))
    if not faulty:
        rows, test = scaled_targets(rows, test)
    model = net(seed, 4, 32, nn.ReLU(), 32, nn.ReLU(), 1)
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    return fitted(model, optimizer, rows, test, F.mse_loss, seed=seed, epochs=30, error=unexplained)


@fault("inputs not normalized, rate too high", "NaN, exploding")
def line_of_values_in_square_metres(seed: int, faulty: bool) -> Any:
    rng = np.random.default_rng(seed)
    area = rng.uniform(30, 150, 30)
    price = 0.2 + 0.03 * area + rng.normal(0, 0.1, 30)  # in 100,000 euros
    X = area if faulty else (area - area.mean()) / area.std()
    model = scalar.MLP(1, [1], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(60):
            optimizer.zero_grad()
            loss = sum((model([x]) - y) ** 2 for x, y in zip(X.tolist(), price.tolist(), strict=True)) / len(X)
            loss.backward()
            optimizer.step()
    return doctor, unexplained(np.array([model([x]).data for x in X.tolist()]), price)


# --- faults: an output that does not fit its loss ---


@fault("activation twice", "rate too low, vanishing, saturated")
def softmax_before_cross_entropy(seed: int, faulty: bool) -> Any:
    rows, test = images(seed)
    model = small_cnn(seed, *[nn.Softmax()] * faulty)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return loop(model, optimizer, rows, test, seed=seed, epochs=8)


@fault("activation twice", "saturated, vanishing, dead relu")
def sigmoid_before_a_loss_of_logits(seed: int, faulty: bool) -> Any:
    rows, test = as_columns(*rings(seed))
    model = net(seed, 2, 24, nn.ReLU(), 24, nn.ReLU(), 1, *[nn.Sigmoid()] * faulty)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return fitted(model, optimizer, rows, test, binary_loss, seed=seed, epochs=30)


@fault("output activation, labels", "saturated, vanishing")
def autoencoder_of_standardized_pictures_with_a_sigmoid(seed: int, faulty: bool) -> Any:
    (X, _), (X_test, _) = digits(seed)
    X, X_test = (X - X.mean()) / X.std(), (X_test - X.mean()) / X.std()
    model = net(seed, 64, 48, nn.ELU(), 16, 48, nn.ELU(), 64, *[nn.Sigmoid()] * faulty)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return loop(model, optimizer, (X, X), (X_test, X_test), F.mse_loss, seed=seed, epochs=40, error=unexplained)


# --- faults: gradients of earlier steps ---


@fault("zero_grad", "exploding, rate too high, dead relu, no gradient, vanishing")
def gradients_pile_up(seed: int, faulty: bool) -> Any:
    rows, test = digits(seed)
    model = net(seed, 64, 48, nn.ReLU(), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.2)
    return loop(model, optimizer, rows, test, seed=seed, epochs=20, zero_grad=not faulty)


@fault("zero_grad", "exploding, rate too high, saturated")
def values_without_zero_grad(seed: int, faulty: bool) -> Any:
    x = np.random.default_rng(seed).uniform(-1.5, 1.5, 124)
    y = np.cos(2 * x)
    model = scalar.MLP(1, [8, 1], activation="tanh", rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(80):
            loss = sum((model([a]) - b) ** 2 for a, b in zip(x[:24].tolist(), y[:24].tolist(), strict=True)) / 24
            if not faulty:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, unexplained(np.array([model([a]).data for a in x[24:].tolist()]), y[24:])


# --- faults: labels ---


def _hinge_of_values(model: Any, X: Any, labels: Any) -> Any:
    return sum((1 - y * model(x)).relu() for x, y in zip(X, labels, strict=True)) / len(X)


def _wrong_values(model: Any, rows: Rows) -> float:
    return float(np.mean([(model(x).data > 0) != (y > 0.5) for x, y in zip(rows[0].tolist(), rows[1], strict=True)]))


@fault("labels", "no gradient, never changes, vanishing")
def values_with_hinge_of_zero_and_one(seed: int, faulty: bool) -> Any:
    rows, test = rings(seed, 40)
    labels = rows[1] if faulty else 2 * rows[1] - 1
    model = scalar.MLP(2, [8, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(60):
            optimizer.zero_grad()
            _hinge_of_values(model, rows[0].tolist(), labels.tolist()).backward()
            optimizer.step()
    return doctor, _wrong_values(model, test)


@fault("labels")
def column_minus_row(seed: int, faulty: bool) -> Any:
    (X, y), (X_test, y_test) = scaled_targets(*standardized(*flats(seed)))
    if faulty:
        y, y_test = y[:, 0], y_test[:, 0]
    model = net(seed, 4, 32, nn.Tanh(), 1)
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def squared(outputs: Any, targets: Any) -> Any:
        return ((outputs - targets) ** 2).mean()

    return fitted(model, optimizer, (X, y), (X_test, y_test), squared, seed=seed, epochs=40, error=unexplained)


@fault("labels", "overfitting")
def pictures_shuffled_without_labels(seed: int, faulty: bool) -> Any:
    (X, y), test = images(seed)
    order = np.random.default_rng(seed).permutation(len(X))
    rows = (X[order], y) if faulty else (X[order], y[order])
    model = small_cnn(seed)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return loop(model, optimizer, rows, test, seed=seed, epochs=8)


# --- faults: units and weights ---


@fault("dead relu, rate too high", "exploding, no gradient, vanishing, never changes")
def first_steps_kill_the_units(seed: int, faulty: bool) -> Any:
    rows, test = standardized(*flats(seed))
    rows, test = scaled_targets(rows, test)
    model = net(seed, 4, 12, nn.ReLU(), 12, nn.ReLU(), 1)
    optimizer = optim.SGD(model.parameters(), lr=1.0 if faulty else 0.02, momentum=0.9)
    return loop(model, optimizer, rows, test, F.mse_loss, seed=seed, epochs=25, error=unexplained)


@fault("init", "dead relu, no gradient, vanishing, never changes, frozen")
def weights_of_zero(seed: int, faulty: bool) -> Any:
    rows, test = wines(seed)
    model = net(seed, 13, 24, nn.ReLU(), 24, nn.ReLU(), 3)
    if faulty:
        for p in model.parameters():
            nn.init.zeros_(p)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return fitted(model, optimizer, rows, test, seed=seed, batch=20, epochs=20)


# --- faults: parameters that do not learn ---


@fault("no gradient, frozen", "never changes")
def features_detached(seed: int, faulty: bool) -> Any:
    rows, test = spirals(seed)
    body = net(seed, 2, 16, nn.Tanh(), 16, nn.Tanh())
    detached = [lambda x: x.detach()] * faulty
    model = nn.Sequential(body, *detached, nn.Linear(16, 2, rng=seed))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return loop(model, optimizer, rows, test, seed=seed, epochs=60)


@fault("missing from the optimizer, frozen", "never changes")
def embedding_left_out(seed: int, faulty: bool) -> Any:
    rows, test = phrases(seed)

    class Mood(nn.Module):
        def __init__(self) -> None:
            self.words = nn.Embedding(60, 4, rng=seed)
            self.head = nn.Linear(4, 2, rng=seed)

        def forward(self, x: Any) -> Any:
            return self.head(self.words(x).mean(1))

    model = Mood()
    trained = model.head if faulty else model
    optimizer = optim.Adam(trained.parameters(), lr=0.03)
    return loop(model, optimizer, rows, test, seed=seed, epochs=15)


# --- faults: the mode, and how long and how strictly to train ---


@fault("mode")
def dropout_in_evaluation(seed: int, faulty: bool) -> Any:
    rows, test = digits(seed)
    model = net(seed, 64, 64, nn.ReLU(), nn.Dropout(0.5, rng=seed), 32, nn.ReLU(), nn.Dropout(0.5, rng=seed), 10)
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(30):
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


@fault("decay", "vanishing, dead relu, no gradient, never changes")
def decay_stronger_than_the_loss(seed: int, faulty: bool) -> Any:
    rows, test = digits(seed)
    model = net(seed, 64, 48, nn.ReLU(), 24, nn.ReLU(), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.1 if faulty else 1e-4)
    return fitted(model, optimizer, rows, test, seed=seed)


@fault("too few steps, rate too low")
def three_epochs(seed: int, faulty: bool) -> Any:
    rows, test = spirals(seed)
    model = net(seed, 2, 32, nn.ReLU(), 32, nn.ReLU(), 2)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return fitted(model, optimizer, rows, test, seed=seed, epochs=3 if faulty else 120)


@fault("overfitting", "saturated")
def polynomial_through_every_point(seed: int, faulty: bool) -> Any:
    rows, test = curve(seed, 16 if faulty else 200, noise=0.3)
    model = net(seed, 1, 64, nn.Tanh(), 64, nn.Tanh(), 1)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    epochs = 500 if faulty else 60
    return loop(model, optimizer, rows, test, F.mse_loss, seed=seed, epochs=epochs, batch=16, error=unexplained)


# --- faults: the net, and the order of the rows ---


@fault("vanishing", "rate too low, never changes, init")
def tower_of_sigmoids(seed: int, faulty: bool) -> Any:
    rows, test = moons(seed)
    layers: list[Any] = []
    for _ in range(6):
        layers += [16, nn.Sigmoid() if faulty else nn.Tanh()]
    model = net(seed, 2, *layers, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    return loop(model, optimizer, rows, test, seed=seed, epochs=60)


@fault("missing nonlinearity, net too small")
def layers_without_activations(seed: int, faulty: bool) -> Any:
    rows, test = rings(seed)
    model = net(seed, 2, 16, *[nn.ReLU()] * (not faulty), 16, *[nn.ReLU()] * (not faulty), 2)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return fitted(model, optimizer, rows, test, seed=seed, epochs=30)


@fault("sorted rows")
def digits_in_the_order_of_their_class(seed: int, faulty: bool) -> Any:
    (X, y), test = digits(seed)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    model = net(seed, 64, 48, nn.ReLU(), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.2)
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(20):
            rows = np.arange(len(X)) if faulty else rng.permutation(len(X))
            for start in range(0, len(X), 30):
                batch = rows[start : start + 30]
                optimizer.zero_grad()
                F.cross_entropy(model(X[batch]), y[batch]).backward()
                optimizer.step()
            with no_grad():
                F.cross_entropy(model(test[0]), test[1])
    return doctor, wrong(train.predict(model, test[0]), test[1])


# --- healthy programs ---


@healthy
def curve_by_tanh(seed: int) -> Any:
    rows, test = curve(seed)
    model = net(seed, 1, 24, nn.Tanh(), 24, nn.Tanh(), 1)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return loop(model, optimizer, rows, test, F.mse_loss, seed=seed, epochs=60, error=unexplained)


@healthy
def seven_points(seed: int) -> Any:
    x = np.linspace(-1, 1, 7)[:, None]
    rows = x, x**3 - x + 0.5 * x**2
    model = net(seed, 1, 12, nn.Tanh(), 1)
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(600):
            optimizer.zero_grad()
            F.mse_loss(model(rows[0]), rows[1]).backward()
            optimizer.step()
    return doctor, unexplained(train.predict(model, rows[0]), rows[1])


@healthy
def warm_up_and_nesterov(seed: int) -> Any:
    rows, test = digits(seed)
    model = net(seed, 64, 64, nn.ReLU(), 32, nn.ReLU(), 10)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    schedule = schedules.CosineAnnealingLR(optimizer, T_max=340, warmup_steps=40)
    return loop(model, optimizer, rows, test, seed=seed, epochs=20, after_step=schedule.step)


@healthy
def mean_of_embeddings(seed: int) -> Any:
    rows, test = phrases(seed)
    words = nn.Embedding(60, 8, rng=seed)
    model = nn.Sequential(words, lambda x: x.mean(1), nn.Linear(8, 2, rng=seed))
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return fitted(model, optimizer, rows, test, seed=seed, epochs=15)


@healthy
def lstm_over_signals(seed: int) -> Any:
    rows, test = signals(seed, 400)

    class Reader(nn.Module):
        def __init__(self) -> None:
            self.lstm = nn.LSTM(1, 12, batch_first=True, rng=seed)
            self.head = nn.Linear(12, 2, rng=seed)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0].mean(1))

    model = Reader()
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    return loop(model, optimizer, rows, test, seed=seed, epochs=15)


@healthy
def small_transformer(seed: int) -> Any:
    """Whether the first word comes again in the sequence."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 8, (1200, 6))
    rows, test = split(X, (X[:, 1:] == X[:, :1]).any(1).astype(int), 1000, seed)

    class Reader(nn.Module):
        def __init__(self) -> None:
            self.words = nn.Embedding(8, 16, rng=rng)
            self.places = nn.Embedding(6, 16, rng=rng)
            self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True, norm_first=True, rng=rng)
            self.norm = nn.LayerNorm(16)
            self.head = nn.Linear(16, 2, rng=rng)

        def forward(self, x: Any) -> Any:
            x = self.words(x) + self.places(np.arange(6))
            return self.head(self.norm(self.block(x))[:, 0])

    model = Reader()
    optimizer = optim.AdamW(model.parameters(), lr=0.008)
    return loop(model, optimizer, rows, test, seed=seed, epochs=20, batch=64)


@healthy
def policy_of_a_bandit(seed: int) -> Any:
    """Which of four arms pays depends on the context; the policy is paid with noise, less a running mean."""
    rng = np.random.default_rng(seed)
    model = net(seed, 4, 16, nn.Tanh(), 4)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    contexts, baseline = np.eye(4), 0.0
    with train.doctor(model, optimizer) as doctor:
        for _ in range(400):
            state = rng.integers(0, 4, 32)
            logits = model(contexts[state])
            chances = np.exp(F.log_softmax(logits).numpy())
            arms = (chances.cumsum(1) > rng.uniform(size=(32, 1))).argmax(1)
            reward = (arms == (state + 1) % 4) + rng.normal(0, 0.2, 32)
            advantage, baseline = reward - baseline, 0.9 * baseline + 0.1 * reward.mean()
            optimizer.zero_grad()
            (F.cross_entropy(logits, arms, reduction="none") * advantage).mean().backward()
            optimizer.step()
    return doctor, wrong(train.predict(model, contexts), (np.arange(4) + 1) % 4)


@healthy
def new_head_on_fixed_features(seed: int) -> Any:
    """Features that learned the digits from 0 to 4 are frozen; a new head learns those from 5 to 9."""
    (X, y), (X_test, y_test) = digits(seed, 1200)
    early, late, late_test = y < 5, y >= 5, y_test >= 5
    body = net(seed, 64, 128, nn.ReLU())
    first = nn.Sequential(body, nn.Linear(128, 5, rng=seed))
    old = optim.Adam(first.parameters(), lr=0.003)
    rows = X[early], y[early]
    train.fit(first, *rows, loss=F.cross_entropy, optimizer=old, epochs=10, batch_size=32, rng=seed, progress=False)
    for p in body.parameters():
        p.requires_grad = False
    model = nn.Sequential(body, nn.Linear(128, 5, rng=seed + 100))
    optimizer = optim.Adam(model[1].parameters(), lr=0.01)
    rows, test = (X[late], y[late] - 5), (X_test[late_test], y_test[late_test] - 5)
    return loop(model, optimizer, rows, test, seed=seed, epochs=20)


@healthy
def autoencoder(seed: int) -> Any:
    (X, _), (X_test, _) = digits(seed)
    model = net(seed, 64, 40, nn.ELU(), 16, 40, nn.ELU(), 64, nn.Sigmoid())
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    return loop(model, optimizer, (X, X), (X_test, X_test), F.mse_loss, seed=seed, epochs=40, error=unexplained)


@healthy
def convolutions_with_batch_norm(seed: int) -> Any:
    rows, test = images(seed)
    rng = np.random.default_rng(seed)
    conv = [nn.Conv2d(1, 8, 3, padding=1, rng=rng), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)]
    model = nn.Sequential(*conv, nn.Flatten(), nn.Linear(128, 10, rng=rng))
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return loop(model, optimizer, rows, test, seed=seed, epochs=10)


@healthy
def dropout_and_decay(seed: int) -> Any:
    rows, test = digits(seed)
    model = net(seed, 64, 96, nn.ReLU(), nn.Dropout(0.3, rng=seed), 10)
    optimizer = optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.02)
    return loop(model, optimizer, rows, test, seed=seed, epochs=25)


@healthy
def early_stopping(seed: int) -> Any:
    rows, test = moons(seed, 300)
    model = net(seed, 2, 32, nn.ReLU(), 32, nn.ReLU(), 2)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    stop = train.EarlyStopping(patience=8, restore_best_weights=True)
    return fitted(model, optimizer, rows, test, seed=seed, epochs=100, callbacks=[stop], metrics="accuracy")


def _unbalanced(seed: int, share: float) -> Split:
    """Two clouds of points in five dimensions; the second is the given share."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=900) < share).astype(int)
    return split(rng.normal(size=(900, 5)) + 1.5 * y[:, None], y, 600, seed)


def _balanced_error(outputs: Any, y: Any) -> float:
    return float(np.mean([wrong(outputs[y == c], y[y == c]) for c in (0, 1)]))


@healthy
def few_positives(seed: int) -> Any:
    rows, test = _unbalanced(seed, 0.12)
    model = net(seed, 5, 16, nn.ReLU(), 2)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return loop(model, optimizer, rows, test, seed=seed, epochs=20, error=_balanced_error)


@healthy
def class_weights(seed: int) -> Any:
    rows, test = _unbalanced(seed, 0.1)
    weight = len(rows[1]) / 2 / np.bincount(rows[1])
    model = net(seed, 5, 16, nn.Tanh(), 2)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def weighted(outputs: Any, y: Any) -> Any:
        return F.cross_entropy(outputs, y, weight=weight)

    return loop(model, optimizer, rows, test, weighted, seed=seed, epochs=15, error=_balanced_error)


@healthy
def smooth_labels_and_warm_restarts(seed: int) -> Any:
    rows, test = digits(seed)
    model = net(seed, 64, 64, nn.GELU(), 10)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    schedule = schedules.CosineAnnealingWarmRestarts(optimizer, T_0=5, T_mult=2, eta_min=1e-4)

    def smoothed(outputs: Any, y: Any) -> Any:
        return F.cross_entropy(outputs, y, label_smoothing=0.1)

    return fitted(model, optimizer, rows, test, smoothed, seed=seed, epochs=35, schedule=schedule)


@healthy
def several_labels_at_once(seed: int) -> Any:
    """Whether a digit is even, less than five, and a multiple of three."""
    (X, y), (X_test, y_test) = digits(seed, 900)
    rows, test = [(A, np.column_stack([b % 2 == 0, b < 5, b % 3 == 0]) * 1.0) for A, b in ((X, y), (X_test, y_test))]
    model = net(seed, 64, 64, nn.ReLU(), 3)
    optimizer = optim.Adam(model.parameters(), lr=0.005)

    def any_wrong(outputs: Any, labels: Any) -> float:
        return float(np.mean((outputs > 0) != (labels > 0.5)))

    return loop(model, optimizer, rows, test, binary_loss, seed=seed, epochs=25, error=any_wrong)


@healthy
def accumulated_gradients(seed: int) -> Any:
    """A step after every fourth small batch."""
    rows, test = wines(seed)
    model = net(seed, 13, 24, nn.ReLU(), 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    rng = np.random.default_rng(seed)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(30):
            optimizer.zero_grad()
            for i, (X, y) in enumerate(data.batches(*rows, 6, rng), 1):
                (F.cross_entropy(model(X), y) / 4).backward()
                if i % 4 == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    return doctor, wrong(train.predict(model, test[0]), test[1])


@healthy
def clipped_rnn(seed: int) -> Any:
    """The next number of a noisy sine."""
    rng = np.random.default_rng(seed)
    waves = np.sin(0.4 * np.arange(13) + rng.uniform(0, 6.28, (500, 1))) + rng.normal(0, 0.05, (500, 13))
    rows, test = split(waves[:, :12, None], waves[:, 12:], 350, seed)

    model = Reader(nn.RNN(1, 16, batch_first=True, rng=seed), nn.Linear(16, 1, rng=seed))
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def clip() -> Any:
        return optim.clip_grad_norm_(model.parameters(), 1.0)

    return loop(model, optimizer, rows, test, F.mse_loss, seed=seed, epochs=20, error=unexplained, before_step=clip)


@healthy
def curve_by_lbfgs(seed: int) -> Any:
    rows, test = curve(seed)
    model = net(seed, 1, 8, nn.Tanh(), 1)
    optimizer = optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = F.mse_loss(model(rows[0]), rows[1])
        loss.backward()
        return loss

    with train.doctor(model, optimizer) as doctor:
        for _ in range(15):
            optimizer.step(closure)
    return doctor, unexplained(train.predict(model, test[0]), test[1])


@healthy
def points_by_values(seed: int) -> Any:
    rows, test = rings(seed, 40)
    points, labels = rows[0].tolist(), (2 * rows[1] - 1).tolist()
    model = scalar.MLP(2, [8, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(60):
            outputs = [model(point) for point in points]
            loss = sum((1 - y * score).relu() for y, score in zip(labels, outputs, strict=True)) / len(points)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, _wrong_values(model, test)


@healthy
def compiled_fit(seed: int) -> Any:
    rows, test = scaled_targets(*standardized(*flats(seed)))
    model = net(seed, 4, 32, nn.SiLU(), 32, nn.SiLU(), 1)
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    return fitted(
        model, optimizer, rows, test, F.mse_loss, seed=seed, batch=50, epochs=60, error=unexplained, compiled=True
    )


@healthy
def logistic_regression(seed: int) -> Any:
    rows, test = standardized(*tumours(seed))
    model = nn.Linear(30, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return fitted(model, optimizer, rows, test, binary_loss, seed=seed, epochs=40)


@healthy
def least_squares(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 6))
    rows, test = split(X, X @ rng.normal(size=(6, 1)) + 0.5 + rng.normal(0, 0.2, (300, 1)), 200, seed)
    model = nn.Linear(6, 1, rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(100):
            loss = F.mse_loss(model(rows[0]), rows[1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, unexplained(train.predict(model, test[0]), test[1])


@healthy
def physics_informed(seed: int) -> Any:
    """u' = -u with u(0) = 1, on [0, 2]."""
    x = np.linspace(0, 2, 30)[:, None]
    model = net(seed, 1, 16, nn.Tanh(), 16, nn.Tanh(), 1)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    with train.doctor(model, optimizer) as doctor:
        for _ in range(300):
            slope = grad(lambda points: model(points).sum())(Tensor(x))
            loss = ((slope + model(x)) ** 2).mean() + ((model(np.zeros((1, 1))) - 1) ** 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor, unexplained(train.predict(model, x), np.exp(-x))


@healthy
def triplets(seed: int) -> Any:
    """Places in eight dimensions for digits: two of a kind closer than two of different kinds."""
    (X, y), (X_test, y_test) = digits(seed)
    model = net(seed, 64, 48, nn.ReLU(), 8)
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    rng = np.random.default_rng(seed)
    kinds = [np.flatnonzero(y == c) for c in range(10)]
    with train.doctor(model, optimizer) as doctor:
        for _ in range(400):
            rows = rng.integers(0, len(X), 48)
            same = np.array([rng.choice(kinds[c]) for c in y[rows]])
            other = np.array([rng.choice(kinds[c]) for c in (y[rows] + rng.integers(1, 10, 48)) % 10])
            loss = F.triplet_margin_loss(model(X[rows]), model(X[same]), model(X[other]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    places, test_places = train.predict(model, X), train.predict(model, X_test)
    nearest = ((test_places[:, None] - places) ** 2).sum(2).argmin(1)
    return doctor, float(np.mean(y[nearest] != y_test))


@healthy
def row_by_row(seed: int) -> Any:
    """Online learning: each row is seen once, alone."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1300, 3))
    y = (X[:, :1] + 0.8 * X[:, 1:2] - X[:, 2:] + rng.logistic(0, 0.1, (1300, 1)) > 0) * 1.0
    model = net(seed, 3, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with train.doctor(model, optimizer) as doctor:
        for i in range(1000):
            optimizer.zero_grad()
            binary_loss(model(X[i : i + 1]), y[i : i + 1]).backward()
            optimizer.step()
    return doctor, wrong(train.predict(model, X[1000:]), y[1000:])
