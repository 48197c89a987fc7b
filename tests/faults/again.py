"""A second list of faulty programs, written after the rules had been changed because of the first score.

Nothing was changed after their score was taken. It stands in ``docs/doctor.md`` beside the first one.
"""

from typing import Any

import numpy as np

from tests.faults import program as p
from tests.faults.program import Training, accuracy_of_probabilities, net, r2
from tinygrad_edu import data, nn, optim

F = nn.functional
AGAIN = p.Register((77,))


def _friedman(rng: Any, n: int = 300, n_test: int = 100) -> p.Data:
    """A smooth function of five features."""

    def targets(X: Any) -> Any:
        y = np.sin(np.pi * X[:, 0] * X[:, 1]) + 2 * (X[:, 2] - 0.5) ** 2 + X[:, 3] + X[:, 4] / 2
        return ((y - 1.5) / 0.5).reshape(-1, 1)

    return p.drawn(rng, lambda k: rng.uniform(0, 1, (k, 5)), targets, n, n_test)


def _blobs(rng: Any, classes: int = 4) -> p.Data:
    centers = 2.5 * np.column_stack([np.cos(np.arange(classes) * 1.6), np.sin(np.arange(classes) * 1.6)])
    y = rng.integers(0, classes, 400)
    X = centers[y] + rng.normal(0, 0.7, (400, 2))
    return p.Data(X[:250], y[:250], X[250:], y[250:], rng)


def _rings(rng: Any) -> p.Data:
    """Three rings around each other."""
    y = rng.integers(0, 3, 450)
    angle = rng.uniform(0, 2 * np.pi, 450)
    r = 0.5 + y * 0.8 + rng.normal(0, 0.08, 450)
    X = np.column_stack([r * np.cos(angle), r * np.sin(angle)])
    return p.Data(X[:300], y[:300], X[300:], y[300:], rng)


@AGAIN("rate too high", "exploding, NaN, saturated, dead relu")
def rmsprop_at_one(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, 24, nn.Tanh(), 24, nn.Tanh(), 3)
    return d.train(model, optim.RMSprop(model.parameters(), lr=0.003 if fixed else 1.0), 25, 25)


@AGAIN("rate too high", "exploding, NaN, saturated, dead relu")
def adagrad_for_a_smooth_function(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    model = net(rng, 5, 32, nn.ReLU(), 1)
    made = optim.Adagrad(model.parameters(), lr=0.1 if fixed else 20.0)
    return d.train(model, made, 20, 25, F.mse_loss, r2)


@AGAIN("rate too low", "too few steps")
def sgd_for_blobs_at_a_hundred_thousandth(rng: Any, fixed: bool) -> Training:
    d = _blobs(rng)
    model = net(rng, 2, 16, nn.ReLU(), 4)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1 if fixed else 1e-5), 30, 25)


@AGAIN("zero_grad", "rate too high, exploding, NaN, saturated, dead relu")
def reset_at_the_epochs_end_only(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, 16, nn.ReLU(), 3)
    run = d.train(model, optim.SGD(model.parameters(), lr=0.1), 25, 25)
    if not fixed:
        run.zero_grad = lambda: None
        run.after_epoch = lambda run, _: run.optimizer.zero_grad()
    return run


@AGAIN("never changes")
def weights_loaded_as_copies(rng: Any, fixed: bool) -> Training:
    """The optimizer was made of parameters that were replaced by new ones afterwards."""
    d = _blobs(rng)
    model = net(rng, 2, 16, nn.Tanh(), 4)
    made = optim.Adam(model.parameters(), lr=0.01)
    for layer in p.linears(model):
        layer.weight = nn.Linear(*layer.weight.shape, rng=rng).weight
        layer.bias = nn.Linear(1, len(layer.bias.data), rng=rng).bias
    if fixed:
        made = optim.Adam(model.parameters(), lr=0.01)
    return d.train(model, made, 15, 25)


@AGAIN("missing from the optimizer, frozen")
def biases_left_out(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, 12, nn.ReLU(), 3)
    params = [q for q in model.parameters() if fixed or q.ndim == 2]
    return d.train(model, optim.Adam(params, lr=0.02), 25, 25)


@AGAIN("no gradient, frozen")
def a_branch_that_is_never_called(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)

    class TwoBranches(nn.Module):
        def __init__(self) -> None:
            self.left, self.right = (nn.Linear(5, 8, rng=rng) for _ in range(2))
            self.head = nn.Linear(8, 1, rng=rng)

        def forward(self, x: Any) -> Any:
            left = np.tanh(self.left(x))
            return self.head(left + np.tanh(self.right(x)) if fixed else left + left)

    model = TwoBranches()
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25, F.mse_loss, r2)


@AGAIN("activation twice")
def rings_softmax_by_hand(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, 24, nn.ReLU(), 3)

    def loss(outputs: Any, y: Any) -> Any:
        if fixed:
            return F.cross_entropy(outputs, y)
        e = np.exp(outputs)
        return F.cross_entropy(e / e.sum(1, keepdims=True), y)

    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25, loss=loss)


@AGAIN("output activation")
def softplus_for_signed_targets(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)

    class Softplus(nn.Module):
        def forward(self, x: Any) -> Any:
            return x if fixed else F.softplus(x)

    model = net(rng, 5, 24, nn.Tanh(), 1, Softplus())
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25, F.mse_loss, r2)


@AGAIN("output activation")
def tanh_for_targets_up_to_four(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    d = p.Data(d.X, 2 * d.y, d.X_test, 2 * d.y_test, rng)
    model = net(rng, 5, 24, nn.ReLU(), 1, *([] if fixed else [nn.Tanh()]))
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25, F.mse_loss, r2)


@AGAIN("missing output activation, output activation", "NaN, dead relu, rate too high")
def logarithm_of_a_plain_output(rng: Any, fixed: bool) -> Training:
    d = p.moons(rng)
    model = net(rng, 2, 16, nn.ReLU(), 1, *([nn.Sigmoid()] if fixed else []))
    made = optim.SGD(model.parameters(), lr=0.2)
    return d.with_columns().train(model, made, 30, 20, p.binary, accuracy_of_probabilities)


@AGAIN("targets not scaled", "rate too low")
def distances_in_metres(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    size, shift = (1.0, 0.0) if fixed else (2500.0, 4000.0)
    d = p.Data(d.X, d.y * size + shift, d.X_test, d.y_test * size + shift, rng)
    model = net(rng, 5, 24, nn.Tanh(), 1)
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25, F.mse_loss, r2)


@AGAIN("inputs not normalized", "dead relu, saturated, rate too high, exploding")
def years_and_shares(rng: Any, fixed: bool) -> Training:
    """One column counts years, from 1950 on; the others are shares."""

    def rows(n: int) -> Any:
        return np.column_stack([rng.integers(1950, 2020, n), rng.uniform(0, 1, (n, 3))]).astype(float)

    X, X_test = rows(300), rows(100)
    y, y_test = (((v[:, 0] - 1985) / 20 + 3 * (v[:, 1] - 0.5) > 0).astype(int) for v in (X, X_test))
    if fixed:
        mean, deviation = X.mean(0), X.std(0)
        X, X_test = (X - mean) / deviation, (X_test - mean) / deviation
    model = net(rng, 4, 16, nn.ReLU(), 2)
    made = optim.Adam(model.parameters(), lr=0.003)
    return Training(model, made, X, y, F.cross_entropy, 20, rng, 25, (X_test, y_test))


@AGAIN("labels")
def columns_against_rows(rng: Any, fixed: bool) -> Training:
    """Two by two differences of a batch, because the answers were flattened and the targets were not."""
    d = _friedman(rng)
    model = net(rng, 5, 24, nn.Tanh(), 1)

    def loss(outputs: Any, y: Any) -> Any:
        difference = outputs - y if fixed else outputs.reshape(-1) - y
        return (difference * difference).mean()

    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25, loss=loss, quality=r2, test_loss=F.mse_loss)


@AGAIN("labels", "overfitting")
def labels_of_the_row_before(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng)
    y = d.y if fixed else np.roll(d.y, 1)
    model = net(rng, 64, 64, nn.ReLU(), 10)
    made = optim.Adam(model.parameters(), lr=0.003)
    return Training(model, made, d.X, y, F.cross_entropy, 15 if fixed else 60, rng, 32, d.test)


@AGAIN("labels", "imbalance")
def labels_compared_with_a_string(rng: Any, fixed: bool) -> Training:
    """``y == "3"`` is False for every number."""
    d = p.digits(rng)
    y, y_test = ((v == 3).astype(int) if fixed else np.zeros(len(v), int) for v in (d.y, d.y_test))
    model = net(rng, 64, 16, nn.ReLU(), 2)
    made = optim.Adam(model.parameters(), lr=0.003)
    return Training(model, made, d.X, y, F.cross_entropy, 10, rng, 32, (d.X_test, y_test))


@AGAIN("sorted rows")
def blobs_one_by_one(rng: Any, fixed: bool) -> Training:
    d = _blobs(rng)
    order = np.argsort(d.y, kind="stable")
    d = p.Data(d.X[order], d.y[order], d.X_test, d.y_test, rng)
    model = net(rng, 2, 16, nn.Tanh(), 4)
    return d.train(model, optim.SGD(model.parameters(), lr=0.3), 15, 25, shuffles=fixed)


@AGAIN("imbalance")
def three_sick_of_a_hundred(rng: Any, fixed: bool) -> Training:
    y = (np.arange(800) % 33 == 0).astype(int)
    X = rng.normal(size=(800, 3)) + y[:, None] * np.array([0.9, -0.9, 0.0])
    if fixed:
        rows = np.concatenate([np.flatnonzero(y == 0), rng.choice(np.flatnonzero(y), 700)])
        X, y = X[rows], y[rows]
    model = net(rng, 3, 8, nn.Tanh(), 2)
    return Training(model, optim.Adam(model.parameters(), lr=0.002), X, y, F.cross_entropy, 12, rng, 32)


@AGAIN("dropout")
def dropout_after_every_layer(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    parts = [part for _ in range(4) for part in (16, nn.ReLU(), nn.Dropout(0.0 if fixed else 0.6, rng=rng))]
    model = net(rng, 2, *parts, 3)
    return d.train(model, optim.Adam(model.parameters(), lr=0.005), 20, 25)


@AGAIN("mode")
def dropout_while_evaluating_regression(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    model = net(rng, 5, 32, nn.ReLU(), nn.Dropout(0.3, rng=rng), 1)
    made = optim.Adam(model.parameters(), lr=0.01)
    return d.train(model, made, 20, 25, F.mse_loss, r2, switches_modes=fixed)


@AGAIN("mode")
def evaluation_mode_after_the_first_epoch(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, 32, nn.BatchNorm1d(32), nn.ReLU(), 3)
    run = d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25)
    if not fixed:
        run.after_epoch = lambda run, _: run.net.eval()
    return run


@AGAIN("decay")
def adamw_with_a_decay_of_five(rng: Any, fixed: bool) -> Training:
    d = _blobs(rng)
    model = net(rng, 2, 16, nn.ReLU(), 4)
    return d.train(model, optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01 if fixed else 20.0), 20, 25)


@AGAIN("clipping, rate too low")
def norm_clipped_to_a_ten_thousandth(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    model = net(rng, 5, 24, nn.Tanh(), 1)
    run = d.train(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), 25, 25, F.mse_loss, r2)
    run.before_update = lambda run: optim.clip_grad_norm_(run.net.parameters(), 1.0 if fixed else 1e-4)
    return run


@AGAIN("schedule, rate too low")
def halved_at_every_step(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, 16, nn.ReLU(), 3)
    made = optim.Adam(model.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.StepLR(made, 1000 if fixed else 2, gamma=0.5)
    return d.train(model, made, 25, 25, after_update=lambda _: schedule.step())


@AGAIN("init", "vanishing, rate too low")
def all_weights_one_tenth(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    model = net(rng, 5, 16, nn.Tanh(), 16, nn.Tanh(), 1)
    if not fixed:
        for layer in p.linears(model):
            nn.init.constant_(layer.weight, 0.1)
            nn.init.zeros_(layer.bias)
    return d.train(model, optim.SGD(model.parameters(), lr=0.1), 20, 25, F.mse_loss, r2)


@AGAIN("init, saturated", "exploding, rate too high, NaN")
def normal_weights_of_deviation_five(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, 32, nn.Sigmoid(), 32, nn.Sigmoid(), 3, std=None if fixed else 5.0)
    made = optim.Adam(model.parameters(), lr=0.02) if fixed else optim.SGD(model.parameters(), lr=0.05)
    return d.train(model, made, 30, 25)


@AGAIN("hidden activation, vanishing", "rate too low, init")
def five_sigmoids_for_a_smooth_function(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    parts = [part for _ in range(5) for part in (16, nn.ReLU() if fixed else nn.Sigmoid())]
    model = net(rng, 5, *parts, 1)
    if fixed:
        for layer in p.linears(model):
            nn.init.kaiming_normal_(layer.weight, rng=rng)
    return d.train(model, optim.Adam(model.parameters(), lr=0.002), 20, 25, F.mse_loss, r2)


@AGAIN("missing nonlinearity")
def three_linear_layers_for_rings(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, *((24, nn.ReLU(), 24, nn.ReLU(), 3) if fixed else (24, 24, 3)))
    return d.train(model, optim.Adam(model.parameters(), lr=0.01), 20, 25)


@AGAIN("net too small")
def rings_through_one_unit(rng: Any, fixed: bool) -> Training:
    d = _rings(rng)
    model = net(rng, 2, *((24, nn.Tanh(), 3) if fixed else (16, nn.Tanh(), 1, nn.Tanh(), 3)))
    return d.train(model, optim.SGD(model.parameters(), lr=0.2 if fixed else 0.05), 40, 25)


@AGAIN("overfitting, too little data")
def fifteen_noisy_points(rng: Any, fixed: bool) -> Training:

    def noisy(X: Any) -> Any:
        return np.cos(3 * X) + rng.normal(0, 0.4, X.shape)

    d = p.drawn(rng, lambda n: rng.uniform(-1, 1, (n, 1)), noisy, 300 if fixed else 15, 100)
    model = net(rng, 1, 48, nn.Tanh(), 48, nn.Tanh(), 1)
    made = optim.Adam(model.parameters(), lr=0.01)
    return d.train(model, made, 30 if fixed else 1000, 30 if fixed else None, F.mse_loss, r2)


@AGAIN("wrong reduction, rate too high", "exploding, NaN, dead relu, saturated")
def squares_summed_over_a_large_batch(rng: Any, fixed: bool) -> Training:
    d = _friedman(rng)
    model = net(rng, 5, 24, nn.ReLU(), 1)

    def loss(outputs: Any, y: Any) -> Any:
        return F.mse_loss(outputs, y, reduction="mean" if fixed else "sum")

    return d.train(model, optim.SGD(model.parameters(), lr=0.1), 20, 100, loss=loss, quality=r2)


@AGAIN("too few steps")
def one_epoch_of_digits(rng: Any, fixed: bool) -> Training:
    d = p.digits(rng, 800)
    model = net(rng, 64, 32, nn.Tanh(), 10)
    return d.train(model, optim.Adam(model.parameters(), lr=0.002), 25 if fixed else 1, 32)


@AGAIN("ascent, wrong loss", "rate too high, NaN, exploding")
def accuracy_that_is_to_be_minimized(rng: Any, fixed: bool) -> Training:
    """The mean log-probability is minimized, which makes it as bad as can be."""
    d = _blobs(rng)
    model = net(rng, 2, 16, nn.ReLU(), 4)

    def loss(outputs: Any, y: Any) -> Any:
        chosen = F.log_softmax(outputs)[np.arange(len(y)), y].mean()
        return -chosen if fixed else chosen

    return d.train(model, optim.SGD(model.parameters(), lr=0.1), 15, 25, loss=loss)


@AGAIN("wrong loss")
def absolute_error_after_a_sigmoid(rng: Any, fixed: bool) -> Training:
    d = p.circles(rng)
    model = net(rng, 2, 8, nn.Sigmoid(), 1, nn.Sigmoid())
    made = optim.Adam(model.parameters(), lr=0.03) if fixed else optim.SGD(model.parameters(), lr=0.1)
    loss = p.binary if fixed else F.l1_loss
    return d.with_columns().train(model, made, 40, 20, loss, accuracy_of_probabilities)


@AGAIN("NaN", "rate too high, exploding")
def root_of_a_distance(rng: Any, fixed: bool) -> Training:
    """Distances to the first point, whose derivative does not exist at 0."""
    X, y = data.blobs(60, rng=p.seed_of(rng))
    X = X / X.std(0)
    model = net(rng, 2, 8, nn.Tanh(), 2)

    def loss(outputs: Any, y: Any) -> Any:
        squares = ((outputs - outputs[:1]) ** 2).sum(1)
        distances = np.sqrt(squares + 1e-6) if fixed else np.sqrt(squares)
        return ((distances - (y != y[0])) ** 2).mean()

    return Training(model, optim.Adam(model.parameters(), lr=0.01), X, y, loss, 60, rng, quality=lambda *_: 0.0)
