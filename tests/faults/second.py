"""A second list of programs, written without sight of the doctor's rules, after these were finished.

The form is that of the first blind list: ``program(seed, faulty)`` gives the doctor that watched, and an error of the
trained net; less is better. The docstrings say the true causes as they were written before the doctor was run.
"""

from typing import Any

import numpy as np

from tests.faults.program import BlindList
from tinygrad_edu import Tensor, Value, data, grad, nn, no_grad, optim, train

F = nn.functional
LIST = BlindList()
SECOND, PROGRAMS, HEALTHY = LIST.register, LIST.programs, LIST.healthy_runs
fault, healthy = LIST.fault, LIST.healthy


def digits(seed: int, n: int = 600) -> tuple[Any, Any, Any, Any]:
    """Rows to train on and 300 to test on, pixels from 0 to 16."""
    X, y = data.digits()
    rows = np.random.default_rng(seed).permutation(len(X))
    X, y = X[rows].astype(float), y[rows]
    return X[:n], y[:n], X[n : n + 300], y[n : n + 300]


def wave(rng: Any, n: int = 200) -> tuple[Any, Any]:
    """A column of inputs, and a column of smooth targets between -1.5 and 1.5."""
    x = rng.uniform(-3, 3, (n, 1))
    return x, np.sin(x) + 0.5 * np.cos(2 * x) + 0.05 * rng.standard_normal((n, 1))


def wrong(net: Any, X: Any, y: Any) -> float:
    return float(np.mean(train.predicted_classes(train.predict(net, X)) != y))


def squared(net: Any, X: Any, y: Any) -> float:
    return float(np.mean((train.predict(net, X) - y) ** 2) / np.var(y))


def finite(error: float) -> float:
    """A net that gives no number is as wrong as can be."""
    return error if np.isfinite(error) else np.inf


def loop(net: Any, optimizer: Any, X: Any, y: Any, loss: Any, epochs: int, batch: int, rng: Any) -> None:
    """The usual loop by hand."""
    for _ in range(epochs):
        for xb, yb in data.batches(X, y, batch, rng=rng):
            optimizer.zero_grad()
            loss(net(xb), yb).backward()
            optimizer.step()


@fault("rate too high")
def digits_with_a_rate_of_one_half(seed: int, faulty: bool) -> Any:
    """Adam's learning rate is far too high."""
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [48, 10], activation="relu", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.5 if faulty else 0.003)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, y, F.cross_entropy, 15, 30, np.random.default_rng(seed))
    return doctor, wrong(net, X_test / 16, y_test)


@fault("rate too high", "NaN, exploding")
def wave_that_blows_up(seed: int, faulty: bool) -> Any:
    """Plain gradient descent with a rate that diverges."""
    rng = np.random.default_rng(seed)
    X, y = wave(rng)
    net = nn.MLP(1, [64, 64, 1], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=3.0 if faulty else 0.05)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.mse_loss, 40, 20, rng)
    return doctor, finite(squared(net, X, y))


@fault("rate too low")
def moons_at_a_snails_pace(seed: int, faulty: bool) -> Any:
    """The learning rate is a thousand times too low."""
    X, y = data.moons(200, noise=0.1, rng=seed)
    net = nn.MLP(2, [16, 16, 2], activation="tanh", rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.0002 if faulty else 0.2, momentum=0.9)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=30, batch_size=20, rng=seed)
    return doctor, wrong(net, X, y)


@fault("zero_grad", "rate too high, exploding, NaN")
def scalars_without_zero_grad(seed: int, faulty: bool) -> Any:
    """A loop over Values in which the gradients are never set to zero."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (20, 2))
    t = X[:, 0] - 2 * X[:, 1] + X[:, 0] * X[:, 1]
    net = nn.scalar.MLP(2, [6, 1], activation="tanh", rng=seed)

    def mean() -> Any:
        return sum((net([Value(float(a)) for a in row]) - float(k)) ** 2 for row, k in zip(X, t, strict=True)) / 20

    with train.doctor(net) as doctor:
        for _ in range(40):
            loss = mean()
            if not faulty:
                net.zero_grad()
            loss.backward()
            for p in net.parameters():
                p.data -= 0.1 * p.grad
    return doctor, finite(mean().data)


@fault("activation twice")
def sigmoid_before_the_logits_loss(seed: int, faulty: bool) -> Any:
    """The net ends with a sigmoid, and the loss takes another one."""
    rng = np.random.default_rng(seed)
    X, y = data.circles(240, noise=0.08, rng=seed, factor=0.4)
    parts = [nn.Linear(2, 16, rng=rng), nn.Tanh(), nn.Linear(16, 1, rng=rng)]
    net = nn.Sequential(*parts, nn.Sigmoid()) if faulty else nn.Sequential(*parts)
    optimizer = optim.SGD(net.parameters(), lr=0.3)
    Y = y[:, None].astype(float)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, Y, F.binary_cross_entropy_with_logits, 25, 20, rng)
    outputs = train.predict(net, X)[:, 0]
    rank = np.mean((outputs > (0.5 if faulty else 0)) != y)
    return doctor, float(rank) + float(np.mean(np.abs(1 / (1 + np.exp(-outputs)) - y)))


@fault("inputs not normalized, saturated")
def pixels_up_to_255(seed: int, faulty: bool) -> Any:
    """The pixels are not scaled, so the tanh units saturate."""
    X, y, X_test, y_test = digits(seed)
    scale = 255 / 16 if faulty else 1 / 16
    net = nn.MLP(64, [32, 10], activation="tanh", rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X * scale, y, loss=F.cross_entropy, optimizer=optimizer, epochs=15, batch_size=20, rng=seed)
    return doctor, wrong(net, X_test * scale, y_test)


@fault("inputs not normalized")
def one_column_in_thousands(seed: int, faulty: bool) -> Any:
    """One input column is measured in another unit and drowns the others."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 5))
    y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
    if faulty:
        X[:, 4] = 3000 + 800 * X[:, 4]
    net = nn.MLP(5, [32, 2], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 30, 30, rng)
    return doctor, wrong(net, X, y)


@fault("targets not scaled", "rate too low, exploding")
def populations_of_towns(seed: int, faulty: bool) -> Any:
    """The targets are numbers around a hundred thousand."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((250, 3))
    y = 120_000 + 30_000 * np.tanh(X[:, :1]) + 15_000 * X[:, 1:2] * X[:, 2:]
    target = y if faulty else (y - y.mean()) / y.std()
    net = nn.MLP(3, [32, 32, 1], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, target, loss=F.mse_loss, optimizer=optimizer, epochs=40, batch_size=25, rng=seed)
    return doctor, squared(net, X, target)


@fault("output activation")
def relu_at_the_end_of_a_regression(seed: int, faulty: bool) -> Any:
    """The output is a ReLU, and half of the targets are negative."""
    rng = np.random.default_rng(seed)
    X, y = wave(rng)
    parts = [nn.Linear(1, 32, rng=rng), nn.Tanh(), nn.Linear(32, 1, rng=rng)]
    net = nn.Sequential(*parts, nn.ReLU()) if faulty else nn.Sequential(*parts)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.mse_loss, 60, 40, rng)
    return doctor, squared(net, X, y)


@fault("output activation")
def temperatures_through_a_sigmoid(seed: int, faulty: bool) -> Any:
    """The targets lie between 5 and 30, the output between 0 and 1."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (200, 2))
    y = 17.5 + 8 * np.sin(2 * X[:, :1]) + 4 * X[:, 1:]
    parts = [nn.Linear(2, 24, rng=rng), nn.Tanh(), nn.Linear(24, 1, rng=rng)]
    net = nn.Sequential(*parts, nn.Sigmoid()) if faulty else nn.Sequential(*parts)
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.mse_loss, optimizer=optimizer, epochs=60, batch_size=20, rng=seed)
    return doctor, squared(net, X, y)


@fault("vanishing, hidden activation", "saturated")
def eight_sigmoid_layers(seed: int, faulty: bool) -> Any:
    """Eight hidden layers of sigmoids: the first ones receive no gradient."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed, 400)
    middle: list[Any] = []
    for _ in range(7):
        middle += [nn.Linear(24, 24, rng=rng), nn.Sigmoid() if faulty else nn.ReLU()]
    net = nn.Sequential(
        nn.Linear(64, 24, rng=rng), nn.Sigmoid() if faulty else nn.ReLU(), *middle, nn.Linear(24, 10, rng=rng)
    )
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, y, F.cross_entropy, 20, 25, rng)
    return doctor, wrong(net, X_test / 16, y_test)


@fault("missing nonlinearity")
def three_layers_without_activations(seed: int, faulty: bool) -> Any:
    """Circles cannot be separated by a net without a nonlinearity."""
    rng = np.random.default_rng(seed)
    X, y = data.circles(240, noise=0.08, rng=seed, factor=0.4)
    activation = nn.Identity if faulty else nn.ReLU
    net = nn.Sequential(
        nn.Linear(2, 24, rng=rng), activation(), nn.Linear(24, 24, rng=rng), activation(), nn.Linear(24, 2, rng=rng)
    )
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X, y, loss=F.cross_entropy, optimizer=optimizer, epochs=30, batch_size=20, rng=seed)
    return doctor, wrong(net, X, y)


@fault("labels")
def a_column_minus_a_row(seed: int, faulty: bool) -> Any:
    """Outputs (n, 1) and targets (n,) broadcast to (n, n)."""
    rng = np.random.default_rng(seed)
    X, y = wave(rng, 120)
    target = y[:, 0] if faulty else y
    net = nn.MLP(1, [24, 1], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(200):
            optimizer.zero_grad()
            ((net(X) - target) ** 2).mean().backward()
            optimizer.step()
    return doctor, squared(net, X, y)


@fault("init")
def every_weight_is_zero(seed: int, faulty: bool) -> Any:
    """All weights begin at zero, so all hidden units are the same."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(200, noise=0.1, rng=seed)
    net = nn.MLP(2, [16, 2], activation="tanh", rng=rng)
    if faulty:
        for layer in (net.layers[0], net.layers[1]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 40, 20, rng)
    return doctor, wrong(net, X, y)


@fault("init, saturated", "exploding, hidden activation")
def weights_of_standard_deviation_ten(seed: int, faulty: bool) -> Any:
    """The weights begin a hundred times too large."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed, 400)
    net = nn.MLP(64, [32, 32, 10], activation="tanh", rng=rng)
    if faulty:
        for p in net.parameters():
            p.data = 10.0 * rng.standard_normal(p.shape)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, y, F.cross_entropy, 15, 20, rng)
    return doctor, wrong(net, X_test / 16, y_test)


class TwoParts(nn.Module):
    """Features and a head."""

    def __init__(self, cut: bool, rng: Any) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(2, 32, rng=rng), nn.ReLU(), nn.Linear(32, 4, rng=rng), nn.ReLU())
        self.head = nn.Linear(4, 2, rng=rng)
        self.cut = cut

    def forward(self, x: Any) -> Any:
        h = self.features(x)
        return self.head(h.detach() if self.cut else h)


@fault("no gradient", "frozen, never changes")
def features_detached(seed: int, faulty: bool) -> Any:
    """The features are detached, so that only the head learns."""
    X, y = data.spirals(240, noise=0.04, rng=seed)
    net = TwoParts(faulty, np.random.default_rng(seed))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 60, 24, np.random.default_rng(seed))
    return doctor, wrong(net, X, y)


@fault("missing from the optimizer", "frozen")
def only_half_of_the_layers(seed: int, faulty: bool) -> Any:
    """The optimizer was given the parameters of the last layer alone."""
    X, y = data.spirals(240, noise=0.04, rng=seed)
    net = nn.MLP(2, [32, 4, 2], activation="tanh", rng=seed)
    chosen = net.layers[2].parameters() if faulty else net.parameters()
    optimizer = optim.Adam(list(chosen), lr=0.02)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 60, 24, np.random.default_rng(seed))
    return doctor, wrong(net, X, y)


@fault("dropout")
def dropout_of_ninety_five_percent(seed: int, faulty: bool) -> Any:
    """Nearly every hidden unit is dropped."""
    X, y, X_test, y_test = digits(seed)
    net = nn.Sequential(
        nn.Linear(64, 48, rng=seed),
        nn.ReLU(),
        nn.Dropout(0.95 if faulty else 0.1, rng=seed),
        nn.Linear(48, 10, rng=seed),
    )
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        train.fit(net, X / 16, y, loss=F.cross_entropy, optimizer=optimizer, epochs=12, batch_size=30, rng=seed)
    return doctor, wrong(net, X_test / 16, y_test)


@fault("decay")
def sgd_with_a_decay_of_two_tenths(seed: int, faulty: bool) -> Any:
    """The weight decay pulls every weight to zero."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(240, noise=0.1, rng=seed)
    net = nn.MLP(2, [24, 24, 2], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.2 if faulty else 1e-4)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 30, 24, rng)
    return doctor, wrong(net, X, y)


@fault("clipping")
def gradients_clipped_to_a_millionth(seed: int, faulty: bool) -> Any:
    """The norm of the gradient is clipped to a number that is far too small."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(240, noise=0.1, rng=seed)
    net = nn.MLP(2, [24, 2], activation="tanh", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.3)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(25):
            for xb, yb in data.batches(X, y, 24, rng=rng):
                optimizer.zero_grad()
                F.cross_entropy(net(xb), yb).backward()
                optim.clip_grad_norm_(net.parameters(), 1e-5 if faulty else 5.0)
                optimizer.step()
    return doctor, wrong(net, X, y)


@fault("schedule")
def the_rate_falls_at_every_batch(seed: int, faulty: bool) -> Any:
    """A schedule that was meant for epochs is stepped after every batch."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.05)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(12):
            for xb, yb in data.batches(X / 16, y, 20, rng=rng):
                optimizer.zero_grad()
                F.cross_entropy(net(xb), yb).backward()
                optimizer.step()
                if faulty:
                    schedule.step()
            if not faulty:
                schedule.step()
    return doctor, wrong(net, X_test / 16, y_test)


@fault("labels")
def inputs_shuffled_alone(seed: int, faulty: bool) -> Any:
    """The rows were shuffled, their labels were not."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    if faulty:
        X = rng.permutation(X)
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net,
            X / 16,
            y,
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=15,
            batch_size=30,
            rng=seed,
            validation=(X_test / 16, y_test),
        )
    return doctor, wrong(net, X_test / 16, y_test)


@fault("labels")
def every_label_became_zero(seed: int, faulty: bool) -> Any:
    """Probabilities were cut to integers, so every label is 0."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(200, noise=0.1, rng=seed)
    target = (y * 0.9).astype(int) if faulty else y
    net = nn.MLP(2, [16, 2], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, target, F.cross_entropy, 20, 20, rng)
    return doctor, wrong(net, X, y)


@fault("sorted rows")
def digit_after_digit(seed: int, faulty: bool) -> Any:
    """The rows are sorted by class and never shuffled."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    if faulty:
        order = np.argsort(y, kind="stable")
        X, y = X[order], y[order]
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.2)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(10):
            for i in range(0, len(X), 20):
                optimizer.zero_grad()
                F.cross_entropy(net(X[i : i + 20] / 16), y[i : i + 20]).backward()
                optimizer.step()
    return doctor, wrong(net, X_test / 16, y_test)


@fault("mode")
def validated_with_dropout_on(seed: int, faulty: bool) -> Any:
    """The net is not set to evaluation mode for its validation."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed, 500)
    net = nn.Sequential(nn.Linear(64, 40, rng=rng), nn.ReLU(), nn.Dropout(0.5, rng=rng), nn.Linear(40, 10, rng=rng))
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    seen = 0.0
    with train.doctor(net, optimizer) as doctor:
        for _ in range(12):
            net.train()
            loop(net, optimizer, X / 16, y, F.cross_entropy, 1, 25, rng)
            if not faulty:
                net.eval()
            with no_grad():
                outputs = net(X_test / 16)
                seen = F.cross_entropy(outputs, y_test).item()
    return doctor, seen


@fault("net too small")
def digits_through_one_unit(seed: int, faulty: bool) -> Any:
    """All information passes through one hidden unit."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [32, 1 if faulty else 16, 10], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, y, F.cross_entropy, 30, 30, rng)
    return doctor, wrong(net, X_test / 16, y_test)


@fault("too few steps")
def one_epoch_of_large_batches(seed: int, faulty: bool) -> Any:
    """Training ends after a handful of steps, while the loss still falls."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, y, F.cross_entropy, 3 if faulty else 60, 60, rng)
    return doctor, wrong(net, X_test / 16, y_test)


@fault("wrong loss")
def squared_error_of_a_class_number(seed: int, faulty: bool) -> Any:
    """One output is fitted to the number of the digit by squared error and rounded."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [32, 1 if faulty else 10], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)

    def loss(outputs: Any, target: Any) -> Any:
        return F.mse_loss(outputs.reshape(-1), target) if faulty else F.cross_entropy(outputs, target)

    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, y, loss, 20, 30, rng)
    outputs = train.predict(net, X_test / 16)
    guess = np.rint(outputs[:, 0]) if faulty else outputs.argmax(1)
    return doctor, float(np.mean(guess != y_test))


@fault("ascent")
def the_negative_loss(seed: int, faulty: bool) -> Any:
    """Backward is called on minus the loss."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(200, noise=0.1, rng=seed)
    net = nn.MLP(2, [16, 2], activation="tanh", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(20):
            for xb, yb in data.batches(X, y, 20, rng=rng):
                loss = F.cross_entropy(net(xb), yb)
                optimizer.zero_grad()
                (-loss if faulty else loss).backward()
                optimizer.step()
    return doctor, wrong(net, X, y)


@fault("same batch", "overfitting")
def a_generator_made_anew_in_the_loop(seed: int, faulty: bool) -> Any:
    """The random generator is made anew for each step, so each step draws the same rows."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(250):
            rows = (np.random.default_rng(7) if faulty else rng).integers(0, len(X), 20)
            optimizer.zero_grad()
            F.cross_entropy(net(X[rows] / 16), y[rows]).backward()
            optimizer.step()
    return doctor, wrong(net, X_test / 16, y_test)


@fault("imbalance")
def one_ill_in_forty(seed: int, faulty: bool) -> Any:
    """Few rows belong to the class that matters, and the loss does not weigh them."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=600) < 0.025).astype(int)
    X = rng.standard_normal((600, 6)) + 0.9 * y[:, None]
    net = nn.MLP(6, [16, 2], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.05)
    weight = None if faulty else np.array([1.0, 39.0])

    def loss(outputs: Any, target: Any) -> Any:
        return F.cross_entropy(outputs, target, weight=weight)

    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, loss, 15, 50, rng)
    ill = train.predict(net, X).argmax(1)[y == 1]
    return doctor, float(np.mean(ill == 0))


@fault("NaN")
def the_logarithm_of_a_zero(seed: int, faulty: bool) -> Any:
    """The logarithm of a probability that a ReLU made zero gives infinities."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(200, noise=0.1, rng=seed)
    net = nn.MLP(2, [16, 2], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(100):
            z = net(X)
            if faulty:
                p = F.relu(z)
                loss = -np.log(p[np.arange(len(y)), y]).mean()
            else:
                loss = -F.log_softmax(z)[np.arange(len(y)), y].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    outputs = train.predict(net, X)
    return doctor, float(np.mean(np.where(np.isfinite(outputs).all(1), outputs.argmax(1), -1) != y))


@fault("overfitting")
def forty_noisy_rows(seed: int, faulty: bool) -> Any:
    """A large net learns forty noisy rows by heart."""
    rng = np.random.default_rng(seed)
    n = 40 if faulty else 1500
    X = rng.standard_normal((n + 300, 8))
    y = ((X[:, 0] + X[:, 1] + 1.0 * rng.standard_normal(n + 300)) > 0).astype(int)
    net = nn.MLP(8, [128, 128, 2] if faulty else [8, 2], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net,
            X[:n],
            y[:n],
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=80 if faulty else 6,
            batch_size=20,
            rng=seed,
            validation=(X[n:], y[n:]),
        )
    outputs = Tensor(train.predict(net, X[n:]))
    return doctor, F.cross_entropy(outputs, y[n:]).item()


@fault("wrong reduction, rate too high", "exploding")
def the_sum_of_all_rows(seed: int, faulty: bool) -> Any:
    """The loss is summed over the rows with a rate that fits the mean."""
    rng = np.random.default_rng(seed)
    X, y = wave(rng)
    net = nn.MLP(1, [32, 1], activation="tanh", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(200):
            error = (net(X) - y) ** 2
            optimizer.zero_grad()
            (error.sum() if faulty else error.mean()).backward()
            optimizer.step()
    return doctor, finite(squared(net, X, y))


@fault("rate too high", "exploding, saturated")
def a_recurrent_net_at_a_high_rate(seed: int, faulty: bool) -> Any:
    """The sign of a sum over twelve steps, learned by an LSTM with a rate that is too high."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((160, 12, 1))
    y = (X.sum((1, 2)) > 0).astype(int)
    cell = nn.LSTM(1, 12, batch_first=True, rng=rng)
    head = nn.Linear(12, 2, rng=rng)
    parameters = [*cell.parameters(), *head.parameters()]
    optimizer = optim.Adam(parameters, lr=1.0 if faulty else 0.01)
    net = nn.ModuleList([cell, head])

    def outputs(X: Any) -> Any:
        return head(cell(X)[0][:, -1])

    with train.doctor(net, optimizer) as doctor:
        for _ in range(10):
            for xb, yb in data.batches(X, y, 20, rng=rng):
                optimizer.zero_grad()
                F.cross_entropy(outputs(xb), yb).backward()
                optimizer.step()
    return doctor, float(np.mean(outputs(X).numpy().argmax(1) != y))


@fault("hidden activation", "vanishing, too few steps")
def softmax_between_the_layers(seed: int, faulty: bool) -> Any:
    """The hidden layers end with a softmax."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    hidden = nn.Softmax if faulty else nn.ReLU
    net = nn.Sequential(
        nn.Linear(64, 32, rng=rng), hidden(), nn.Linear(32, 32, rng=rng), hidden(), nn.Linear(32, 10, rng=rng)
    )
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, y, F.cross_entropy, 15, 30, rng)
    return doctor, wrong(net, X_test / 16, y_test)


@fault("mode, batch norm")
def batch_norm_of_an_untrained_average(seed: int, faulty: bool) -> Any:
    """BatchNorm's momentum is so small that its averages never reach the data."""
    rng = np.random.default_rng(seed)
    X, y, X_test, y_test = digits(seed)
    X, X_test = X * 10, X_test * 10
    net = nn.Sequential(
        nn.Linear(64, 32, rng=rng),
        nn.BatchNorm1d(32, momentum=1e-5 if faulty else 0.1),
        nn.ReLU(),
        nn.Linear(32, 10, rng=rng),
    )
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net,
            X,
            y,
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=8,
            batch_size=30,
            rng=seed,
            validation=(X_test, y_test),
        )
    return doctor, wrong(net, X_test, y_test)


# --- healthy runs ---------------------------------------------------------------------------------------------------


@healthy
def digits_by_fit(seed: int) -> Any:
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [40, 10], activation="relu", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net,
            X / 16,
            y,
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=15,
            batch_size=30,
            rng=seed,
            validation=(X_test / 16, y_test),
        )
    return doctor


@healthy
def digits_by_a_compiled_fit(seed: int) -> Any:
    X, y, X_test, y_test = digits(seed)
    net = nn.MLP(64, [32, 10], activation="tanh", rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net,
            X / 16,
            y,
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=15,
            batch_size=30,
            rng=seed,
            compiled=True,
            validation=(X_test / 16, y_test),
        )
    return doctor


@healthy
def wave_by_rmsprop(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X, y = wave(rng)
    net = nn.MLP(1, [32, 32, 1], activation="gelu", rng=rng)
    optimizer = optim.RMSprop(net.parameters(), lr=0.003)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.mse_loss, 60, 20, rng)
    return doctor


@healthy
def a_line_by_values(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    net = nn.scalar.Neuron(1, activation="identity", rng=seed)
    x = rng.uniform(-1, 1, 20)
    t = 3 * x - 1 + 0.1 * rng.standard_normal(20)
    optimizer = optim.SGD(net.parameters(), lr=0.3)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(40):
            loss = sum((net([Value(float(a))]) - float(k)) ** 2 for a, k in zip(x, t, strict=True)) / 20
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor


@healthy
def logistic_regression(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 4))
    y = (X @ np.array([1.0, -1.0, 0.5, 0.0]) + 0.5 * rng.standard_normal(200) > 0).astype(float)[:, None]
    net = nn.Linear(4, 1, rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.binary_cross_entropy_with_logits, 20, 20, rng)
    return doctor


@healthy
def softmax_regression_of_all_rows(seed: int) -> Any:
    X, y, _, _ = digits(seed, 500)
    net = nn.Linear(64, 10, rng=seed)
    optimizer = optim.SGD(net.parameters(), lr=0.5)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(150):
            optimizer.zero_grad()
            F.cross_entropy(net(X / 16), y).backward()
            optimizer.step()
    return doctor


@healthy
def an_autoencoder_of_digits(seed: int) -> Any:
    X, _, _, _ = digits(seed, 500)
    rng = np.random.default_rng(seed)
    net = nn.Sequential(
        nn.Linear(64, 32, rng=rng),
        nn.ReLU(),
        nn.Linear(32, 8, rng=rng),
        nn.Linear(8, 32, rng=rng),
        nn.ReLU(),
        nn.Linear(32, 64, rng=rng),
        nn.Sigmoid(),
    )
    optimizer = optim.Adam(net.parameters(), lr=0.003)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X / 16, X / 16, F.mse_loss, 20, 25, rng)
    return doctor


@healthy
def a_denoiser(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = np.sin(rng.uniform(0, 6, (300, 1)) + np.linspace(0, 3, 10))
    net = nn.MLP(10, [24, 10], activation="silu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(300):
            rows = X[rng.integers(0, 300, 32)]
            optimizer.zero_grad()
            F.mse_loss(net(rows + 0.3 * rng.standard_normal(rows.shape)), rows).backward()
            optimizer.step()
    return doctor


@healthy
def characters_by_embedding(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(12) * 0.3, 12)
    text = [0]
    for _ in range(1200):
        text.append(int(rng.choice(12, p=table[text[-1]])))
    X, y = np.array(text[:-1]), np.array(text[1:])
    net = nn.Sequential(nn.Embedding(12, 8, rng=rng), nn.Linear(8, 24, rng=rng), nn.Tanh(), nn.Linear(24, 12, rng=rng))
    optimizer = optim.AdamW(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 8, 40, rng)
    return doctor


@healthy
def a_gru_that_remembers_the_first_entry(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 8, 2))
    y = (X[:, 0, 0] > 0).astype(int)
    cell, head = nn.GRU(2, 12, batch_first=True, rng=rng), nn.Linear(12, 2, rng=rng)
    net = nn.ModuleList([cell, head])
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(15):
            for xb, yb in data.batches(X, y, 20, rng=rng):
                optimizer.zero_grad()
                F.cross_entropy(head(cell(xb)[0][:, -1]), yb).backward()
                optim.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
    return doctor


@healthy
def a_plain_recurrent_net(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 6, 1))
    y = X.sum(1)
    cell, head = nn.RNN(1, 16, batch_first=True, rng=rng), nn.Linear(16, 1, rng=rng)
    net = nn.ModuleList([cell, head])
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(15):
            for xb, yb in data.batches(X, y, 20, rng=rng):
                optimizer.zero_grad()
                F.mse_loss(head(cell(xb)[0][:, -1]), yb).backward()
                optimizer.step()
    return doctor


@healthy
def attention_that_finds_the_largest(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((240, 6, 4))
    y = X[:, :, 0].argmax(1)
    net = nn.Sequential(
        nn.Linear(4, 16, rng=rng),
        nn.TransformerEncoderLayer(16, 2, dim_feedforward=32, dropout=0.0, batch_first=True, rng=rng),
        nn.Linear(16, 1, rng=rng),
        nn.Flatten(),
    )
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 15, 24, rng)
    return doctor


@healthy
def digits_by_convolution(seed: int) -> Any:
    X, y, _, _ = digits(seed, 300)
    rng = np.random.default_rng(seed)
    X = X.reshape(-1, 1, 8, 8) / 16
    net = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1, rng=rng),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 10, rng=rng),
    )
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 6, 30, rng)
    return doctor


@healthy
def moons_with_batch_norm_and_dropout(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X, y = data.moons(400, noise=0.15, rng=seed)
    net = nn.Sequential(
        nn.Linear(2, 32, rng=rng),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Dropout(0.2, rng=rng),
        nn.Linear(32, 32, rng=rng),
        nn.ReLU(),
        nn.Linear(32, 2, rng=rng),
    )
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net,
            X[:300],
            y[:300],
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=20,
            batch_size=30,
            rng=seed,
            validation=(X[300:], y[300:]),
        )
    return doctor


@healthy
def a_large_net_with_decay(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X, y = data.spirals(300, noise=0.05, rng=seed)
    net = nn.MLP(2, [64, 64, 2], activation="relu", rng=rng)
    optimizer = optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.01)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.cross_entropy, 50, 30, rng)
    return doctor


@healthy
def a_one_cycle_schedule(seed: int) -> Any:
    X, y, _, _ = digits(seed)
    rng = np.random.default_rng(seed)
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=200)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(10):
            for xb, yb in data.batches(X / 16, y, 30, rng=rng):
                optimizer.zero_grad()
                F.cross_entropy(net(xb), yb).backward()
                optimizer.step()
                schedule.step()
    return doctor


@healthy
def q_values_of_a_walk(seed: int) -> Any:
    """Temporal differences: the targets come from the net itself."""
    rng = np.random.default_rng(seed)
    net = nn.MLP(6, [24, 2], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    states = np.eye(6)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(250):
            s, a = rng.integers(0, 6, 32), rng.integers(0, 2, 32)
            after = np.clip(s + 2 * a - 1, 0, 5)
            reward = (after == 5).astype(float)
            best = net(states[after]).detach().numpy().max(1)
            target = reward + 0.9 * best * (after != 5)
            optimizer.zero_grad()
            ((net(states[s])[np.arange(32), a] - target) ** 2).mean().backward()
            optimizer.step()
    return doctor


@healthy
def a_policy_gradient(seed: int) -> Any:
    """REINFORCE on a bandit with a context: the loss is no measure of progress and may be negative."""
    rng = np.random.default_rng(seed)
    net = nn.MLP(3, [16, 3], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(200):
            X = rng.standard_normal((32, 3))
            logits = net(X)
            p = np.exp(F.log_softmax(logits).numpy())
            action = (p.cumsum(1) > rng.uniform(size=(32, 1))).argmax(1)
            reward = (action == X.argmax(1)).astype(float)
            chosen = F.log_softmax(logits)[np.arange(32), action]
            optimizer.zero_grad()
            (-(chosen * (reward - reward.mean()))).mean().backward()
            optimizer.step()
    return doctor


@healthy
def a_small_gan(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    generator = nn.MLP(2, [16, 1], activation="tanh", rng=rng)
    critic = nn.MLP(1, [16, 1], activation="leaky_relu", rng=rng)
    g, c = optim.Adam(generator.parameters(), lr=0.003), optim.Adam(critic.parameters(), lr=0.003)
    ones, zeros = np.ones((32, 1)), np.zeros((32, 1))
    bce = F.binary_cross_entropy_with_logits
    with train.doctor(critic, c) as doctor:
        for _ in range(150):
            real, noise = 2 + 0.5 * rng.standard_normal((32, 1)), rng.standard_normal((32, 2))
            c.zero_grad()
            (bce(critic(real), ones) + bce(critic(generator(noise).detach()), zeros)).backward()
            c.step()
            g.zero_grad()
            bce(critic(generator(noise)), ones).backward()
            g.step()
    return doctor


@healthy
def a_new_head_on_trained_features(seed: int) -> Any:
    """Fine-tuning: the features were trained and are frozen, the head is new."""
    X, y, _, _ = digits(seed)
    rng = np.random.default_rng(seed)
    features = nn.Sequential(nn.Linear(64, 32, rng=rng), nn.ReLU())
    old = nn.Sequential(features, nn.Linear(32, 10, rng=rng))
    optimizer = optim.Adam(old.parameters(), lr=0.01)
    loop(old, optimizer, X / 16, y, F.cross_entropy, 10, 30, rng)
    for p in features.parameters():
        p.requires_grad = False
    net = nn.Sequential(features, nn.Linear(32, 2, rng=rng))
    head = optim.Adam(net[1].parameters(), lr=0.01)
    with train.doctor(net, head) as doctor:
        loop(net, head, X / 16, y % 2, F.cross_entropy, 10, 30, rng)
    return doctor


@healthy
def all_layers_at_a_small_rate(seed: int) -> Any:
    """Fine-tuning of a trained net at a tenth of its rate."""
    X, y, _, _ = digits(seed)
    rng = np.random.default_rng(seed)
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    loop(net, optim.Adam(net.parameters(), lr=0.01), X / 16, y, F.cross_entropy, 15, 30, rng)
    slow = optim.Adam(net.parameters(), lr=0.0005)
    with train.doctor(net, slow) as doctor:
        loop(net, slow, X / 16, y, F.cross_entropy, 8, 30, rng)
    return doctor


@healthy
def gradients_of_two_batches_added(seed: int) -> Any:
    """Accumulation on purpose: the gradients of two half batches, then one step."""
    X, y, _, _ = digits(seed)
    rng = np.random.default_rng(seed)
    net = nn.MLP(64, [32, 10], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.2)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(12):
            for xb, yb in data.batches(X / 16, y, 40, rng=rng):
                optimizer.zero_grad()
                for half in (slice(0, 20), slice(20, 40)):
                    (F.cross_entropy(net(xb[half]), yb[half]) / 2).backward()
                optimizer.step()
    return doctor


@healthy
def several_labels_at_once(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 6))
    Y = (X @ rng.standard_normal((6, 5)) > 0.5).astype(float)
    net = nn.MLP(6, [24, 5], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, Y, F.binary_cross_entropy_with_logits, 25, 30, rng)
    return doctor


@healthy
def shares_by_a_sigmoid(seed: int) -> Any:
    """Targets between 0 and 1, a sigmoid at the end, squared error."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((240, 3))
    y = 1 / (1 + np.exp(-(X[:, :1] * 2 + X[:, 1:2] * X[:, 2:])))
    net = nn.Sequential(nn.Linear(3, 24, rng=rng), nn.Tanh(), nn.Linear(24, 1, rng=rng), nn.Sigmoid())
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, F.mse_loss, 40, 30, rng)
    return doctor


@healthy
def counts_with_an_exponential(seed: int) -> Any:
    """Poisson regression: the loss falls below zero."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 2))
    y = rng.poisson(np.exp(1 + 0.5 * X[:, 0] - 0.3 * X[:, 1])).astype(float)[:, None]
    net = nn.Linear(2, 1, rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        loop(net, optimizer, X, y, lambda z, t: (np.exp(z) - t * z).mean(), 20, 30, rng)
    return doctor


@healthy
def noisy_labels_that_no_net_can_learn_fully(seed: int) -> Any:
    """One label in seven is random: the loss ends well above zero, and that is as good as it gets."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((600, 4))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    flipped = rng.uniform(size=600) < 0.14
    y[flipped] = rng.integers(0, 2, int(flipped.sum()))
    net = nn.MLP(4, [8, 2], activation="relu", rng=rng)
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    with train.doctor(net, optimizer) as doctor:
        train.fit(
            net,
            X[:400],
            y[:400],
            loss=F.cross_entropy,
            optimizer=optimizer,
            epochs=12,
            batch_size=20,
            rng=seed,
            validation=(X[400:], y[400:]),
        )
    return doctor


@healthy
def eight_rows_by_heart(seed: int) -> Any:
    """A student's smoke test: a tiny set is learned by heart on purpose."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((8, 3)), rng.standard_normal((8, 1))
    net = nn.MLP(3, [16, 1], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.02)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(150):
            optimizer.zero_grad()
            F.mse_loss(net(X), y).backward()
            optimizer.step()
    return doctor


@healthy
def xor_by_four_rows(seed: int) -> Any:
    X, y = data.xor()
    net = nn.MLP(2, [8, 1], activation="tanh", rng=seed)
    optimizer = optim.Adam(net.parameters(), lr=0.05)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(200):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(net(X), np.reshape(y, (-1, 1)).astype(float)).backward()
            optimizer.step()
    return doctor


@healthy
def a_pole_by_its_equation(seed: int) -> Any:
    """A net that learns a differential equation: u' = -u, u(0) = 1; there are no targets."""
    rng = np.random.default_rng(seed)
    net = nn.MLP(1, [16, 1], activation="tanh", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    x = np.linspace(0, 1, 20)[:, None]
    slope = grad(lambda x: net(x).sum())
    with train.doctor(net, optimizer) as doctor:
        for _ in range(150):
            t = Tensor(x)
            loss = ((slope(t) + net(t)) ** 2).mean() + (net(np.zeros((1, 1))) - 1).sum() ** 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return doctor


@healthy
def a_metric_by_cosine(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((200, 6))
    net = nn.MLP(6, [16, 4], activation="relu", rng=rng)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    with train.doctor(net, optimizer) as doctor:
        for _ in range(150):
            rows = X[rng.integers(0, 200, 32)]
            same = np.where(rng.uniform(size=32) < 0.5, 1.0, -1.0)
            other = np.where(same[:, None] > 0, rows + 0.1 * rng.standard_normal(rows.shape), rng.permutation(rows))
            optimizer.zero_grad()
            F.cosine_embedding_loss(net(rows), net(other), same, margin=0.2).backward()
            optimizer.step()
    return doctor


@healthy
def moons_by_a_step_of_ones_own(seed: int) -> Any:
    """A loop without an optimizer object."""
    rng = np.random.default_rng(seed)
    X, y = data.moons(200, noise=0.1, rng=seed)
    net = nn.MLP(2, [16, 16, 2], activation="tanh", rng=rng)
    with train.doctor(net) as doctor:
        for _ in range(250):
            loss = F.cross_entropy(net(X), y)
            net.zero_grad()
            loss.backward()
            for p in net.parameters():
                p.data -= 0.5 * p.grad
    return doctor
